"""Who may change a key, and through what it may be used: key policies judged request by request."""

from typing import Any

import pytest
from policies import ACCOUNT, decision, resolved, role

ADMINISTRATOR, READER = role("KeyAdministrator"), role("Reader")
DEPLOYER = role(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-us-east-1")
ELSEWHERE = role("KeyAdministrator", "444455556666")
DELETING = ("kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DisableKeyRotation", "kms:RevokeGrant")


def key_policies(templates: Any, stack: str = "Data") -> dict[str, Any]:
    return {
        name: key["Properties"]["KeyPolicy"]
        for name, key in templates.resources(stack, "AWS::KMS::Key").items()
    }


def policy_of(templates: Any, begins: str, stack: str = "Data") -> Any:
    (policy,) = [policy for name, policy in key_policies(templates, stack).items() if name.startswith(begins)]
    return policy


@pytest.mark.parametrize("stack", ["Data", "Audit"])
@pytest.mark.parametrize("action", DELETING)
def test_only_a_key_administrator_takes_a_key_away(stack: str, action: str, two_stores: Any) -> None:
    for policy in key_policies(two_stores, stack).values():
        assert decision(policy, action, caller=ADMINISTRATOR) == "Allow"
        for other in (READER, DEPLOYER, f"arn:aws:iam::{ACCOUNT}:root", ELSEWHERE):
            assert decision(policy, action, caller=other) == "ImplicitDeny"


@pytest.mark.parametrize("stack", ["Data", "Audit"])
def test_only_a_key_administrator_and_cloudformation_change_a_keys_policy(
    stack: str, two_stores: Any
) -> None:
    for policy in key_policies(two_stores, stack).values():
        for allowed in (ADMINISTRATOR, DEPLOYER):
            assert decision(policy, "kms:PutKeyPolicy", caller=allowed) == "Allow"
        assert decision(policy, "kms:PutKeyPolicy", caller=READER) == "ImplicitDeny"


def test_without_administrators_the_accounts_policies_decide(sandbox: Any) -> None:
    for policy in key_policies(sandbox).values():
        assert decision(policy, "kms:ScheduleKeyDeletion", caller=READER) == "Allow"
        assert decision(policy, "kms:ScheduleKeyDeletion", caller=ELSEWHERE) == "ImplicitDeny"


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_nobody_uses_a_key_directly(action: str, two_stores: Any) -> None:
    for policy in key_policies(two_stores).values():
        for caller in (READER, ADMINISTRATOR, DEPLOYER):
            assert decision(policy, action, caller=caller) == "ImplicitDeny"


@pytest.mark.parametrize(
    ("service", "wanted"), [("s3", "Allow"), ("sqs", "Allow"), ("dynamodb", "Allow"), ("ec2", "ImplicitDeny")]
)
def test_the_deployments_key_is_used_through_the_services_that_hold_its_data(
    service: str, wanted: str, two_stores: Any
) -> None:
    policy = policy_of(two_stores, "Key")
    via = f"{service}.us-east-1.amazonaws.com"
    assert decision(policy, "kms:Decrypt", caller=READER, kms__ViaService=via) == wanted
    assert decision(policy, "kms:Decrypt", caller=ELSEWHERE, kms__ViaService=via) == "ImplicitDeny"


def test_a_grant_on_the_deployments_key_is_for_a_service_only(two_stores: Any) -> None:
    policy, via = policy_of(two_stores, "Key"), "dynamodb.us-east-1.amazonaws.com"
    grant = {"caller": DEPLOYER, "kms__ViaService": via}
    assert decision(policy, "kms:CreateGrant", **grant, kms__GrantIsForAWSResource="true") == "Allow"
    assert decision(policy, "kms:CreateGrant", **grant) == "ImplicitDeny"


def healthimaging(policy: Any, **keys: str) -> str:
    return decision(
        policy,
        "kms:Decrypt",
        caller="arn:aws:iam::999999999999:role/service",
        service="medical-imaging.amazonaws.com",
        **keys,
    )


def test_healthimaging_names_the_key_and_a_data_store_of_this_account(two_stores: Any) -> None:
    policy = policy_of(two_stores, "DatastoreMain")
    store = {"kms__EncryptionContext__aws__medical-imaging__datastoreId": "d" * 32}
    key = {"kms__EncryptionContext__kms-arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"}
    theirs = {"kms__EncryptionContext__kms-arn": "arn:aws:kms:us-east-1:444455556666:key/1"}
    assert healthimaging(policy, **store, **key) == "Allow"
    assert healthimaging(policy, **store, **key, aws__SourceAccount=ACCOUNT) == "Allow"
    assert healthimaging(policy, **store, **key, aws__SourceAccount="444455556666") == "ImplicitDeny"
    assert healthimaging(policy, **store, **theirs) == "ImplicitDeny"
    assert healthimaging(policy, **key) == "ImplicitDeny"
    assert healthimaging(policy) == "ImplicitDeny"


def test_healthimaging_has_no_right_to_the_deployments_key(two_stores: Any) -> None:
    policy = resolved(policy_of(two_stores, "Key"))
    services = [statement["Principal"].get("Service") for statement in policy["Statement"]]
    assert "medical-imaging" not in str(services)


def test_every_role_reaches_the_keys_through_named_services(two_stores: Any) -> None:
    """But for CreateDatastore's caller, whose rights to the data store's key go through HealthImaging."""
    for name, policy in two_stores.all_of("AWS::IAM::Policy"):
        for statement in resolved(policy["Properties"]["PolicyDocument"])["Statement"]:
            actions = str(statement["Action"])
            if "kms:" not in actions or ("DatastoreSlidesCreate" in name and "kms:CreateGrant" in actions):
                continue
            via = statement["Condition"]["StringEquals"]["kms:ViaService"]
            assert via, name
            assert "*" not in str(via)


OTHER_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/other"


@pytest.mark.parametrize("bucket", ["Input", "Output", "Staging"])
def test_a_put_is_encrypted_under_the_buckets_key_or_refused(bucket: str, two_stores: Any) -> None:
    (policy,) = [
        each["Properties"]["PolicyDocument"]
        for name, each in two_stores.resources("Data", "AWS::S3::BucketPolicy").items()
        if name.startswith(bucket)
    ]
    (key,) = [f"<{name}.Arn>" for name in key_policies(two_stores) if name.startswith("Key")]
    (statement,) = [
        each for each in resolved(policy)["Statement"] if each.get("Sid") == "RefuseOtherEncryptionAndKeys"
    ]
    arn = statement["Resource"].replace("*", "file.dcm")

    def put(**headers: str) -> str:
        named = {f"s3:x-amz-server-side-encryption{name}": value for name, value in headers.items()}
        return decision(policy, "s3:PutObject", caller=READER, resource=arn, **named)

    assert put() == "ImplicitDeny"
    assert put(**{"": "aws:kms", "-aws-kms-key-id": key}) == "ImplicitDeny"
    assert put(**{"": "AES256"}) == "Deny"
    assert put(**{"": "aws:kms"}) == "Deny"
    assert put(**{"": "aws:kms", "-aws-kms-key-id": OTHER_KEY}) == "Deny"
    assert put(**{"-customer-algorithm": "AES256"}) == "Deny"
