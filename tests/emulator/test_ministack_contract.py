"""What `emulator.ministack` relies on inside MiniStack: a failure here means that MiniStack moved."""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import ministack.app as gateway
import pytest
from ministack.core import iam_actions, iam_evaluator, router
from ministack.services import eventbridge, iam, kms, s3, sts
from ministack.services.cloudformation import provisioners

from emulator.aws import RoleRefused, Scope
from emulator.ministack import assume_role
from emulator.ministack.resources import arn_of_path

SCOPE = Scope("000000000000", "us-east-1")
STORE = "arn:aws:medical-imaging:us-east-1:000000000000:datastore/" + "a" * 32


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_version_is_the_one_this_was_written_for() -> None:
    assert version("ministack") == "1.5.33"


def test_services_are_called_by_name_with_five_parts_of_a_request() -> None:
    assert "medical-imaging" not in gateway.SERVICE_REGISTRY
    assert parameters(gateway.SERVICE_HANDLERS["sqs"]) == [
        "method",
        "path",
        "headers",
        "body",
        "query_params",
    ]


def test_services_are_recognised_by_credential_scope() -> None:
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sqs/aws4_request, ..."}

    assert "host_patterns" in router.SERVICE_PATTERNS["sqs"]
    assert router.detect_service("GET", "/", signed, {}) == "sqs"


def test_iam_actions_come_from_botocore_and_resources_from_the_request() -> None:
    assert iam_actions.SERVICE_TO_IAM_NAMESPACE["s3"] == "s3"
    assert iam_actions._BOTOCORE_SERVICE_MAP["backup"] == ["backup"]
    action = inspect.unwrap(iam_actions.extract_iam_action)
    assert parameters(action)[:3] == ["service", "method", "path"]
    extract = inspect.unwrap(iam_actions.extract_resource_arn)
    assert parameters(extract)[:3] == ["service", "method", "path"]
    assert parameters(extract)[-2:] == ["region", "account_id"]


def test_provisioners_are_create_and_delete_by_type() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SQS::Queue"]
    assert parameters(handlers["create"]) == ["logical_id", "props", "stack_name"]
    assert parameters(handlers["delete"]) == ["physical_id", "props"]


def test_events_of_aws_are_put_with_permission() -> None:
    assert parameters(eventbridge._put_events) == ["data", "allow_aws_source"]


def test_s3_tells_the_version_to_what_fires_its_events() -> None:
    fire = inspect.unwrap(s3._fire_s3_event)
    assert "version_id" in parameters(fire)
    assert "_eb._dispatch_event(" in inspect.getsource(fire)
    assert parameters(inspect.unwrap(eventbridge._dispatch_event)) == ["event", "view"]


def test_s3_names_what_else_a_request_needs_and_the_key_that_an_object_is_written_with() -> None:
    checks = inspect.unwrap(iam_actions.s3_additional_checks)
    assert parameters(checks) == ["method", "path", "headers", "body", "query_params"]
    assert parameters(s3._resolve_sse_write_headers) == ["headers", "bucket_name"]
    assert parameters(s3._stored_sse_headers) == ["obj"]
    assert parameters(s3._bucket_owner_account) == ["name"]


def test_buckets_of_other_accounts_are_gated_and_copied_by_functions_of_their_own() -> None:
    assert parameters(inspect.unwrap(s3._foreign_bucket_allows)) == [
        *("owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers")
    ]
    assert parameters(inspect.unwrap(s3._apply_bucket_scope))[:4] == ["method", "bucket", "key", "headers"]
    assert parameters(inspect.unwrap(s3._copy_object)) == ["bucket_name", "dest_key", "headers"]
    assert parameters(inspect.unwrap(s3._upload_part_copy)) == [
        *("bucket_name", "dest_key", "query_params", "headers")
    ]
    assert parameters(s3._get_object) == ["bucket_name", "key", "headers", "query_params"]
    assert parameters(s3._put_object) == ["bucket_name", "key", "body", "headers"]
    assert parameters(s3._upload_part) == ["bucket_name", "key", "body", "query_params", "headers"]
    assert parameters(inspect.unwrap(kms.key_policy_for_arn)) == ["resource_arn"]
    assert parameters(inspect.unwrap(iam_evaluator._resolve_condition_key)) == ["key", "ctx"]


def test_a_rule_hands_an_event_to_each_of_its_targets() -> None:
    invoke = inspect.unwrap(eventbridge._invoke_target)
    assert parameters(invoke) == ["target", "event", "rule", "view"]
    assert "AWS::Events::EventBus" in provisioners._RESOURCE_HANDLERS
    assert parameters(eventbridge._remove_permission) == ["data"]


def test_what_iam_judges_by_is_looked_up_at_each_request() -> None:
    source = inspect.getsource(gateway)
    assert "from ministack.core.iam_evaluator import AuthError, enforce, pin_request_caller" in source
    assert "import s3_additional_checks" in source
    enforce = inspect.unwrap(iam_evaluator.enforce)
    assert "from ministack.services.tagging import resource_tags" in inspect.getsource(enforce)


@pytest.fixture
def role() -> Any:
    """A role with the trust policy that a test sets."""
    roles = iam._roles

    def make(trust: dict[str, Any]) -> str:
        arn = "arn:aws:iam::000000000000:role/contract"
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **trust}]}
        roles.set_scoped(
            SCOPE.account, None, "contract", {"RoleId": "R", "AssumeRolePolicyDocument": document}
        )
        return arn

    yield make
    roles.pop_scoped(SCOPE.account, None, "contract", None)


def trust(principal: str, **condition: Any) -> dict[str, Any]:
    return {"Principal": {"Service": principal}, "Action": "sts:AssumeRole", "Condition": condition}


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {"aws:SourceAccount": "000000000000"}, "ArnLike": {"aws:SourceArn": STORE}},
        {"ArnLike": {"aws:SourceArn": STORE[:-32] + "*"}},
    ],
)
def test_a_role_that_admits_healthimaging_is_assumed(role: Any, condition: dict[str, Any]) -> None:
    arn = role(trust("medical-imaging.amazonaws.com", **condition))
    credentials = assume_role(arn, source_arn=STORE, scope=SCOPE, session_name="s")

    session = sts._sessions[credentials.access_key_id]
    assert session["Arn"] == "arn:aws:sts::000000000000:assumed-role/contract/s"


@pytest.mark.parametrize(
    "refused",
    [
        trust("lambda.amazonaws.com"),
        trust("medical-imaging.amazonaws.com", StringEquals={"aws:SourceAccount": "111111111111"}),
        trust("medical-imaging.amazonaws.com", ArnLike={"aws:SourceArn": STORE[:-1] + "b"}),
        {"Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"},
    ],
    ids=["another service", "another account", "another data store", "no service"],
)
def test_a_role_that_does_not_is_refused(role: Any, refused: dict[str, Any]) -> None:
    with pytest.raises(RoleRefused, match="trust policy must allow sts:AssumeRole"):
        assume_role(role(refused), source_arn=STORE, scope=SCOPE, session_name="s")


@pytest.mark.parametrize(
    ("method", "path", "arn"),
    [
        ("POST", "/datastore", "*"),
        ("GET", f"/datastore/{'a' * 32}", STORE),
        ("POST", f"/startDICOMImportJob/datastore/{'a' * 32}", STORE),
        ("POST", f"/datastore/{'a' * 32}/imageSet/{'b' * 32}/getImageFrame", f"{STORE}/imageset/{'b' * 32}"),
        ("POST", f"/datastore/{'a' * 32}/imageSet/{'b' * 32}/copyImageSet", f"{STORE}/imageset/{'b' * 32}"),
        ("GET", f"/datastore/{'a' * 32}/studies/1.2/series", STORE),
        ("GET", f"/tags/{STORE}", STORE),
        # Of no operation: nothing is run.
        ("PUT", f"/datastore/{'a' * 32}", "*"),
    ],
)
def test_iam_judges_a_path_by_the_resource_it_names(method: str, path: str, arn: str) -> None:
    assert arn_of_path(method, path, *reversed(SCOPE)) == arn


def test_what_evaluation_is_made_of_can_be_put_around() -> None:
    evaluator = iam_evaluator
    assert parameters(evaluator._first_match) == ["ctx", "stmts", "effect"]
    assert parameters(evaluator._conditions_met) == ["conditions", "ctx"]
    assert parameters(evaluator._resolve_condition_key) == ["key", "ctx"]
    assert "_first_match(ctx," in inspect.getsource(evaluator.evaluate)
    assert "_conditions_met(stmt.conditions, ctx)" in inspect.getsource(evaluator._first_match)


def test_a_denial_is_answered_with_what_is_known_of_it() -> None:
    answering = inspect.unwrap(iam_actions.access_denied_response)
    assert parameters(answering)[:4] == ["service", "action", "principal_arn", "request_id"]
    assert {"error_code", "message", "resource_arn", "explicit_deny"} <= set(parameters(answering))
    assert parameters(iam_actions.identity_denial_message) == [
        "action",
        "principal_arn",
        "resource",
        "explicit_deny",
    ]


def test_a_bucket_has_one_owner_whoever_asks() -> None:
    assert parameters(s3._bucket_owner_account) == ["name"]


def test_the_key_that_signed_a_request_is_remembered_and_judged_again() -> None:
    assert iam_evaluator._verified_key.get() == ""
    assert parameters(iam_evaluator.enforce) == [
        "access_key_id",
        "iam_action",
        "service",
        "region",
        "resource_arn",
        "service_context",
    ]
