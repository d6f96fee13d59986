"""What AWS would refuse for its size is refused at synth, and says what to do."""

from collections.abc import Callable
from typing import Any

import pytest

from config.deployment import Deployment
from healthimaging.template_sizes import TemplateSizeError, at_longest, check_sizes


@pytest.fixture
def with_stores(two_stores_deployment: Deployment, make_templates: Callable[[Deployment], Any]) -> Any:
    def synthesize(stores: int, **given: Any) -> Any:
        named = {f"store{n}": {"name": f"store-{n}", "prefix": f"hospital-{n:02}/"} for n in range(stores)}
        whole = {**two_stores_deployment.model_dump(), "data_stores": named, **given}
        return make_templates(Deployment.model_validate(whole)).by_stack

    return synthesize


def partners(count: int) -> dict[str, Any]:
    return {
        f"clinic{n}": {
            "account": "444455556666",
            "region": "us-east-1",
            "bucket": f"uploads-of-clinic-{n:02}",
            "prefix": "",
            "data_store": "store0",
        }
        for n in range(count)
    }


def test_twelve_data_stores_fit(with_stores: Any) -> None:
    check_sizes(with_stores(12))


def test_more_data_stores_than_a_functions_environment_takes_are_refused(with_stores: Any) -> None:
    with pytest.raises(TemplateSizeError, match=r"the Environment of ImportSweep") as refused:
        check_sizes(with_stores(30))
    assert "bytes, and AWS takes 4096. Give fewer data_stores" in str(refused.value)


def test_ten_partners_fit_and_have_one_statement_a_queue(with_stores: Any) -> None:
    templates = with_stores(2, partners=partners(10))
    check_sizes(templates)
    policies = [each for each in templates["Import"]["Resources"].values() if "QueuePolicy" in each["Type"]]
    sends = [
        statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "EventBridgeSends"
    ]
    assert sorted(len(arns) if isinstance(arns, list) else 1 for arns in sends) == [1, 1, 1, 1, 11, 11]


def test_a_teams_policy_that_outgrows_iam_is_refused(with_stores: Any) -> None:
    teams = {"auditors": {"role": "auditor", "groups": ["auditors"]}}
    with pytest.raises(TemplateSizeError, match=r"characters, and AWS takes 6144\. Make two teams"):
        check_sizes(with_stores(12, people={"teams": teams}))


def test_what_cloudformation_puts_in_is_counted_at_its_longest() -> None:
    arn = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":", {"Fn::GetAtt": ["Queue", "Arn"]}]]}
    assert len(at_longest(arn)) == len("arn:") + 14 + len(":") + 130
    assert at_longest({"Id": {"Fn::ImportValue": "data:ExportsOutputFnGetAttMainDatastoreId1"}}) == {
        "Id": "x" * 32
    }
