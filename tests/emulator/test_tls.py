"""The local AWS speaks TLS and nothing else, with a certificate of its own."""

import ssl
import stat
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, SSLError
from local_aws import ACCOUNT, REGION, LocalAws, Store, free_port

from emulator import server
from emulator.certificate import authority, certificate


def s3(endpoint: str, verify: str | None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        verify=verify,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_bucket_is_reached_over_tls_and_not_over_plain_http(aws: LocalAws, store: Store) -> None:
    plain = s3(aws.endpoint.replace("https:", "http:"), None)

    assert s3(aws.endpoint, aws.verify).list_objects_v2(Bucket=store.bucket)["KeyCount"] == 0
    with pytest.raises(ConnectionClosedError, match='valid response from endpoint URL: "http://127'):
        plain.list_objects_v2(Bucket=store.bucket)


def test_who_does_not_trust_its_authority_sends_it_nothing(aws: LocalAws) -> None:
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        s3(aws.endpoint, None).list_buckets()


def test_who_does_may_call_it_localhost(aws: LocalAws) -> None:
    trusting = ssl.create_default_context(cafile=aws.verify)
    health = f"https://localhost:{aws.port}/_ministack/health"
    with urllib.request.urlopen(health, context=trusting) as answer:
        assert answer.status == 200


def test_the_urls_it_tells_are_of_tls(aws: LocalAws) -> None:
    queue = aws.client("sqs").create_queue(QueueName="tls")["QueueUrl"]

    assert queue == f"{aws.endpoint}/{ACCOUNT}/tls"


def test_its_key_is_its_owners_alone_and_its_authoritys_key_is_nowhere(tmp_path: Path) -> None:
    pem = certificate(tmp_path)

    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    assert pem.read_text(encoding="ascii").count("PRIVATE KEY") == 2
    assert {path.name for path in pem.parent.iterdir()} == {"ca.pem", "server.pem"}
    assert "PRIVATE KEY" not in authority(tmp_path).read_text(encoding="ascii")


def test_a_state_folder_keeps_its_certificate(tmp_path: Path) -> None:
    first = certificate(tmp_path).read_bytes()

    assert certificate(tmp_path).read_bytes() == first


def test_a_state_whose_queues_are_named_by_http_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ministack").mkdir()

    with pytest.raises(RuntimeError, match=r"from before the local AWS spoke TLS.*ahi down --wipe"):
        server.start(tmp_path, free_port())


def test_a_certificate_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "tls.unfinished"
    unfinished.mkdir()
    (unfinished / "server.pem").write_text("half")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    context.load_cert_chain(certificate(tmp_path))
    context.load_verify_locations(authority(tmp_path))
    assert not unfinished.exists()
