"""Lambda functions that all run from one code asset, with their own log group and role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns
from tempfile import TemporaryDirectory

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from healthimaging.acknowledge import acknowledge, acknowledge_inline_policy
from healthimaging.grants import grant_key

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = lambda_.Runtime.PYTHON_3_14
INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
POWERTOOLS = ("aws_lambda_powertools", "jmespath", "typing_extensions")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where in a network functions run."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """What the functions of one deployment share. Without a placement they run in no network of ours."""

    key: kms.IKey
    log_days: int
    removal_policy: RemovalPolicy
    placement: Placement | None = None


def functions_code() -> lambda_.Code:
    """The package `lambdas/` and nothing else, importable as `lambdas`."""
    return lambda_.Code.from_asset(
        str(ROOT), ignore_mode=IgnoreMode.GIT, exclude=["/*", "!/lambdas", "__pycache__", ".*"]
    )


def powertools_layer(scope: Construct, construct_id: str) -> lambda_.LayerVersion:
    """Powertools for AWS Lambda as it is installed here; it is pure Python, so nothing is built."""
    with TemporaryDirectory() as folder:
        for name in POWERTOOLS:
            _copy_installed(name, Path(folder) / "python")
        return lambda_.LayerVersion(
            scope,
            construct_id,
            code=lambda_.Code.from_asset(folder),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.ARM_64],
            description="Powertools for AWS Lambda",
        )


def _copy_installed(name: str, target: Path) -> None:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed; install requirements.txt")
    source = Path(spec.origin)
    target.mkdir(exist_ok=True)
    if source.name == "__init__.py":
        copytree(source.parent, target / name, ignore=ignore_patterns("__pycache__"))
    else:
        copy2(source, target)


def encrypted_log_group(scope: Construct, construct_id: str, settings: FunctionSettings) -> logs.LogGroup:
    """A log group under the deployment's key, kept for as many days as its logs are."""
    group = logs.LogGroup(
        scope, construct_id, encryption_key=settings.key, removal_policy=settings.removal_policy
    )
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = settings.log_days
    return group


def toolkit_function(
    scope: Construct,
    construct_id: str,
    *,
    handler: str,
    settings: FunctionSettings,
    description: str,
    timeout: Duration,
    memory_size: int = 256,
    environment: Mapping[str, str] | None = None,
    layers: Sequence[lambda_.ILayerVersion] = (),
    key_through: Sequence[str] = ("lambda",),
    role_name: str | None = None,
    may_loop: bool = False,
) -> lambda_.Function:
    """A function with an encrypted log group, an encrypted environment, tracing and a role of its own.

    `role_name` is given where others name the role in their policies. `key_through` are the services that it
    reaches the deployment's key through; Lambda for its environment. `may_loop` where messages that it sends
    may come back to it, as often as it takes: Lambda would stop that as a mistake.
    """
    log_group = encrypted_log_group(scope, f"{construct_id}Logs", settings)
    role = iam.Role(
        scope,
        f"{construct_id}Role",
        role_name=role_name,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description=f"Runs the function: {description}",
    )
    iam.Grant.add_to_principal(
        grantee=role,
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resource_arns=[log_group.log_group_arn],
    )
    grant_key(settings.key, role, *key_through)
    _acknowledge_role(role)
    place = settings.placement
    if place:
        _let_lambda_join_the_network(role)
    function = lambda_.Function(
        scope,
        construct_id,
        code=functions_code(),
        handler=handler,
        runtime=RUNTIME,
        architecture=lambda_.Architecture.ARM_64,
        description=description,
        role=role,
        log_group=log_group,
        timeout=timeout,
        memory_size=memory_size,
        environment=dict(environment or {}),
        environment_encryption=settings.key,
        layers=list(layers),
        tracing=lambda_.Tracing.ACTIVE,
        recursive_loop=lambda_.RecursiveLoop.ALLOW if may_loop else None,
        vpc=place.vpc if place else None,
        vpc_subnets=place.subnets if place else None,
        security_groups=[place.security_group] if place else None,
    )
    _acknowledge_function(function)
    return function


def _let_lambda_join_the_network(role: iam.Role) -> None:
    """Lambda makes the network interfaces with the function's role; the function's own code may not."""
    for effect, conditions in (
        (iam.Effect.ALLOW, None),
        (iam.Effect.DENY, {"Null": {"lambda:SourceFunctionArn": "false"}}),
    ):
        role.add_to_policy(
            iam.PolicyStatement(
                effect=effect, actions=list(INTERFACES), resources=["*"], conditions=conditions
            )
        )


def _acknowledge_role(role: iam.Role) -> None:
    acknowledge_inline_policy(role)
    acknowledge(
        role,
        "The actions on * take no resource, or one that does not exist yet: X-Ray's two, CreateDatastore "
        "where it is allowed, and in a network the interfaces that Lambda makes, which the code is denied.",
        "AwsSolutions-IAM5[Resource::*]",
    )


def _acknowledge_function(function: lambda_.Function) -> None:
    acknowledge(
        function,
        "What calls it bounds how often it runs at once: an event source mapping with a maximum, a schedule, "
        "or CloudFormation. Reserving takes from the whole account, and a new one has ten in all.",
        "LambdaConcurrency",
    )
    acknowledge(
        function,
        "A failed call loses nothing: messages go to their queue's dead letters, a schedule calls again, "
        "and CloudFormation is told.",
        "LambdaDLQ",
    )
    acknowledge(
        function,
        "It opens no port and reaches nothing but AWS APIs, over TLS and under a role of its own. The "
        "import's functions run in a VPC where the Network stack is on; those of CloudFormation's custom "
        "resources run before it exists, and have no right to an image or a bucket.",
        "LambdaInsideVPC",
    )
