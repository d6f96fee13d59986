"""Every alarm reaches people and tells them what to do."""

import re
from pathlib import Path
from typing import Any

RUNBOOK = Path(__file__).parents[2] / "docs" / "guides" / "runbook.md"


def alarms(templates: Any) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in templates.resources("Watch", "AWS::CloudWatch::Alarm").items()
    }


def test_every_alarm_notifies_the_topic(production: Any) -> None:
    (topic,) = production.resources("Watch", "AWS::SNS::Topic")
    for name, alarm in alarms(production).items():
        assert alarm["AlarmActions"] == [{"Ref": topic}], name


def test_every_alarm_links_to_a_section_of_the_runbook(production: Any) -> None:
    sections = {
        heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.M)
    }
    for name, alarm in alarms(production).items():
        link = re.search(r"docs/guides/runbook\.md#([a-z-]+)$", alarm["AlarmDescription"])
        assert link, name
        assert link[1] in sections, name


def test_there_is_an_alarm_for_each_way_an_import_fails(production: Any) -> None:
    kinds = {re.sub(r"^Alarms|[0-9A-F]{8}$", "", name) for name in alarms(production)}
    functions = ("Register", "Plan", "Start", "Record", "Sweep")
    assert kinds == {
        "FilesFailed",
        "JobsFailed",
        "OldestWaiting",
        "NoImport",
        *(f"{name}DeadLetters" for name in ("Uploads", "Plan", "Start", "Results")),
        *(f"{name}Errors" for name in functions),
        *(f"{name}Throttles" for name in functions),
    }


def test_no_alarm_asks_for_imports_where_days_without_one_are_normal(sandbox: Any) -> None:
    assert not [name for name in alarms(sandbox) if "NoImport" in name]


def test_counts_are_summed_over_every_function_that_counts(production: Any) -> None:
    (alarm,) = [each for name, each in alarms(production).items() if "FilesFailed" in name]
    counting = {
        metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
        for metric in alarm["Metrics"]
        if "MetricStat" in metric
    }
    assert counting == {"plan", "start", "record", "sweep"}


def test_the_topic_is_encrypted_and_open_to_this_accounts_alarms_alone(two_stores: Any) -> None:
    (topic,) = two_stores.resources("Watch", "AWS::SNS::Topic").values()
    assert "KmsMasterKeyId" in topic["Properties"]
    (policy,) = two_stores.resources("Watch", "AWS::SNS::TopicPolicy").values()
    (allowed,) = [
        each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"
    ]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    (subscription,) = two_stores.resources("Watch", "AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Endpoint"] == "someone@example.org"
