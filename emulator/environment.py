"""What makes boto3, the AWS CLI and the CDK CLI talk to the local AWS."""

import os
from pathlib import Path

# Each of these would send a call, or a signature, somewhere else.
LEAKS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    # No proxy reaches a loopback address.
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
# Where boto3 and the AWS CLI, requests, whatever uses OpenSSL, and Node look for whom to trust.
TRUST = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


def client_environment(
    endpoint: str, ca: Path, region: str = "us-east-1", account: str = "000000000000"
) -> dict[str, str]:
    """The whole environment for a client process: this process's, without what would lead it elsewhere.

    `endpoint` must name an IP address: for a host name the SDKs put the bucket in front of it. `ca` is the
    certificate of the authority that the client must trust, with an absolute path.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in LEAKS and not name.startswith("AWS_ENDPOINT_URL")
    }
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint,
        **dict.fromkeys(TRUST, str(ca)),
        # MiniStack takes a key id of twelve digits as the account.
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        # A machine's own profiles must not be read even where nothing names one.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
