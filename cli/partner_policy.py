"""`ahi partner-policy`: what another account grants, so that its bucket is imported from."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import cdk, deployed, options, output
from cli.errors import CommandError
from config.deployment import Deployment, deployment_file, load_deployment, refuse_own_account
from config.partner_policy import partner_policies

SWITCH_ON = (
    "aws s3api put-bucket-notification-configuration --bucket {bucket} "
    "--notification-configuration '{{\"EventBridgeConfiguration\": {{}}}}'"
)


def partner_policy(
    name: Annotated[str, typer.Argument(help="The partner's id in the deployment file")],
    template: Annotated[
        bool, typer.Option("--template", help="Print the CloudFormation template of the partner's stack")
    ] = False,
    deployment: options.Deployment = "sandbox",
    aws: options.Aws = False,
) -> None:
    """Print the statements of the bucket policy and key policy that the partner NAME applies.

    They admit the roles of this deployment that read its files, by name, and nobody else; they may be applied
    before or after it is deployed. What else the partner does is said on stderr.
    """
    loaded = load_deployment(deployment)
    if name not in loaded.partners:
        known = ", ".join(loaded.partners) or "none"
        raise CommandError(f"{name} is no partner of {loaded.name}", f"its file names {known}: add it there")
    account = loaded.account or account_of_caller(loaded, aws)
    refuse_own_account(loaded, account)
    if template:
        output.write_json(partner_template(deployment_file(deployment), name, account))
    else:
        output.write_json(partner_policies(loaded, name, account))
    output.progress().print(explanation(loaded, name, template), soft_wrap=True, markup=False)


def account_of_caller(loaded: Deployment, aws: bool) -> str:
    if not aws:
        deployed.use_local(loaded.region)
    return str(deployed.client("sts", loaded.region).get_caller_identity()["Account"])


def partner_template(file: Path, name: str, account: str) -> Any:
    """The template that `cdk synth` makes of the partner's stack alone."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = Path(folder) / "cdk.out"
        contexts = [f"deployment={file.resolve()}", f"partner={name}", f"account={account}"]
        words = [word for context in contexts for word in ("--context", context)]
        cdk.run(["synth", "--quiet", "--output", str(assembly), *words], {}, Path(folder) / "synth.log")
        return json.loads((assembly / "Partner.template.json").read_text(encoding="utf-8"))


def explanation(loaded: Deployment, name: str, template: bool) -> str:
    """What the partner does with what is printed."""
    partner = loaded.partners[name]
    where = f"account {partner.account}, {partner.region}"
    if template:
        return (
            f"{name} ({where}): deploy this beside the bucket, so that uploads are told at once, with\n"
            "  aws cloudformation deploy --template-file partner.json --capabilities CAPABILITY_IAM "
            f"--stack-name ahi-{loaded.name}-partner-{name}\n"
            "and have the bucket tell EventBridge. This replaces its other notifications, so name them too:\n"
            f"  {SWITCH_ON.format(bucket=partner.bucket)}"
        )
    key = f" and those of key_policy to the policy of {partner.key_arn}" if partner.key_arn else ""
    return (
        f"{name} ({where}): add the statements of bucket_policy to the policy of the bucket "
        f"{partner.bucket}{key}, beside what they say already.\n"
        "The bucket must keep versions. Uploads are found by the sweep; to have them told at once, deploy "
        "what --template prints."
    )
