"""Who may act as the import role, and what it may do: exactly this and nothing else."""

from typing import Any


def test_only_healthimaging_for_that_data_store_in_this_account_assumes_the_role(two_stores: Any) -> None:
    roles = two_stores.resources("Access", "AWS::IAM::Role")
    trusts = [role["Properties"]["AssumeRolePolicyDocument"]["Statement"] for role in roles.values()]
    assert len(trusts) == 2
    arns = []
    for (statement,) in trusts:
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == "sts:AssumeRole"
        assert statement["Principal"] == {"Service": "medical-imaging.amazonaws.com"}
        assert statement["Condition"].keys() == {"ArnLike", "StringEquals"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}
        arns.append(statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::ImportValue"])
    assert len(set(arns)) == 2
    assert all("DatastoreArn" in arn for arn in arns)


def test_an_import_job_reads_both_inputs_and_writes_below_its_stores_prefix(sandbox: Any) -> None:
    rights = {
        str(statement["Action"]): statement for statement in sandbox.statements("Access", "MainImportRole")
    }
    assert rights.keys() == {
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "['kms:Decrypt', 'kms:GenerateDataKey']",
    }
    listed = [str(arn) for arn in rights["s3:ListBucket"]["Resource"]]
    read = [str(arn) for arn in rights["s3:GetObject"]["Resource"]]
    assert ["Input" in listed[0], "Output" in listed[1], "Staging" in listed[2]] == [True, True, True]
    assert not any("*" in arn for arn in listed)
    assert ["Input" in read[0], "Staging" in read[1]] == [True, True]
    written = rights["s3:PutObject"]["Resource"]["Fn::Join"][1]
    assert "Output" in str(written[0])
    assert written[1] == "/main/*"


def test_stores_that_share_buckets_reach_their_own_keys_only(two_stores: Any) -> None:
    for store, prefix in (("main", "radiology/"), ("slides", "slides/")):
        statements = two_stores.statements("Access", f"{store.capitalize()}ImportRole")
        lists = [each for each in statements if each["Action"] == "s3:ListBucket"]
        listed = [each["Condition"]["StringLike"]["s3:prefix"] for each in lists]
        flat = {each for found in listed for each in ([found] if isinstance(found, str) else found)}
        assert flat == {f"{prefix}*", f"{store}/*"}
        (read,) = [each["Resource"] for each in statements if each["Action"] == "s3:GetObject"]
        assert [arn["Fn::Join"][1][1] for arn in read] == [f"/{prefix}*", f"/{store}/*"]
        (written,) = [each["Resource"] for each in statements if each["Action"] == "s3:PutObject"]
        assert written["Fn::Join"][1][1] == f"/{store}/*"


def test_a_store_that_is_alone_lists_without_a_condition_as_the_guide_has_it(sandbox: Any) -> None:
    for statement in sandbox.statements("Access", "MainImportRole"):
        assert statement["Action"] != "s3:ListBucket" or "Condition" not in statement


def test_the_keys_are_used_through_s3_only(sandbox: Any) -> None:
    (statement,) = [
        each for each in sandbox.statements("Access", "MainImportRole") if "kms:Decrypt" in each["Action"]
    ]
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": ["s3.us-east-1.amazonaws.com"]}}


def test_import_roles_are_passed_to_healthimaging_only_and_by_the_start_function_only(sandbox: Any) -> None:
    passing = []
    for _, policy in sandbox.all_of("AWS::IAM::Policy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                passing.append((policy["Properties"]["Roles"][0]["Ref"], statement))
    ((role, statement),) = passing
    assert role.startswith("ImportStartRole")
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "medical-imaging.amazonaws.com"}
    }
    assert "ImportRole" in statement["Resource"]["Fn::ImportValue"]
