"""Every alarm reaches people and tells them what to do."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.deployment import Deployment, load_deployment

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "guides" / "runbook.md"
TELEMETRY = ROOT / "lambdas" / "telemetry.py"


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
    functions = ("Register", "Plan", "Stage", "Start", "Record", "Sweep", "Backfill")
    assert kinds == {
        "FilesFailed",
        "JobsFailed",
        "OldestWaiting",
        "NoImport",
        "PlanSilent",
        "SweepSilent",
        *(f"{name}DeadLetters" for name in ("Uploads", "Plan", "Stage", "Start", "Results")),
        *(f"Backfill{outcome}" for outcome in ("Failed", "TimedOut", "Aborted")),
        *(f"{name}Errors" for name in functions),
        *(f"{name}Throttles" for name in functions),
    }


def test_point_16_a_backfill_that_is_stopped_raises_an_alarm(production: Any) -> None:
    stopped = [each for each in alarms(production).values() if each["Namespace"] == "AWS/States"]
    assert {each["MetricName"] for each in stopped} == {
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
    }
    (machine,) = production.resources("Import", "AWS::StepFunctions::StateMachine")
    (export,) = [
        output["Export"]["Name"]
        for output in production.by_stack["Import"]["Outputs"].values()
        if "Export" in output and output["Value"] == {"Fn::GetAtt": [machine, "Arn"]}
    ]
    arn = [{"Name": "StateMachineArn", "Value": {"Fn::ImportValue": export}}]
    assert all(each["Dimensions"] == arn for each in stopped)


def test_a_schedule_that_calls_no_more_raises_an_alarm(production: Any) -> None:
    silent = [each for name, each in alarms(production).items() if "Silent" in name]
    assert len(silent) == 2
    for alarm in silent:
        assert (alarm["MetricName"], alarm["Namespace"]) == ("Invocations", "AWS/Lambda")
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["TreatMissingData"] == "breaching"
        assert alarm["Period"] == 3 * load_deployment("production").import_timing.sweep_minutes * 60


def test_no_alarm_asks_for_imports_where_days_without_one_are_normal(sandbox: Any) -> None:
    assert not [name for name in alarms(sandbox) if "NoImport" in name]


def test_a_count_is_one_metric_whichever_function_counts(production: Any) -> None:
    (alarm,) = [each for name, each in alarms(production).items() if "FilesFailed" in name]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "import"}]
    assert all("Metrics" not in each for each in alarms(production).values())


def test_alarms_look_at_metrics_that_the_functions_publish(production: Any) -> None:
    code = TELEMETRY.read_text()
    looked_at = {
        alarm["MetricName"]
        for alarm in alarms(production).values()
        if alarm["Namespace"] == "HealthImagingImport"
    }
    assert looked_at == {"FilesFailed", "FilesImported", "JobsFailed", "OldestWaitingSeconds"}
    assert looked_at <= set(re.findall(r'^[A-Z_]+ = "(\w+)"$', code, re.MULTILINE))
    assert 'Metrics(service="import")' in code


def test_the_watch_stack_is_made_only_where_it_is_asked_for(
    make_templates: Callable[[Deployment], Any],
) -> None:
    unwatched = load_deployment("sandbox").model_copy(update={"stacks": ()})
    assert make_templates(unwatched).by_stack.keys() == {"Data", "Access", "Import", "People"}


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


def test_point_2_the_dashboard_shows_copies_to_an_imported_file_of_metrics_that_are_published(
    production: Any,
) -> None:
    (dashboard,) = production.resources("Watch", "AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])

    assert "copied / imported" in body
    assert "Copies to an imported file" in body
    published = set(re.findall(r'^\w+ = "([A-Z]\w+)"$', TELEMETRY.read_text(), re.M))
    shown = set(re.findall(r'HealthImagingImport\\+",\\+"(\w+)', body))
    assert {"FilesCopied", "FilesImported", "StartsThrottled"} <= shown <= published
