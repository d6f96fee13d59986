"""The import's wiring: what starts each function, what it is told, what it may do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

LAMBDAS = Path(__file__).parents[2] / "lambdas"
STEPS = ("register", "plan", "stage", "start", "record", "sweep", "backfill")
QUEUES = {"uploads": "register", "plan": "plan", "stage": "stage", "start": "start", "results": "record"}


def function(templates: Any, step: str) -> dict[str, Any]:
    found = templates.resources("Import", "AWS::Lambda::Function").values()
    (resource,) = [each for each in found if each["Properties"]["Handler"] == f"lambdas.{step}.handle"]
    return dict(resource["Properties"])


def environment(templates: Any, step: str) -> dict[str, Any]:
    return dict(function(templates, step)["Environment"]["Variables"])


@pytest.mark.parametrize("step", STEPS)
def test_a_function_is_told_what_its_code_reads_and_nothing_more(sandbox: Any, step: str) -> None:
    code = (LAMBDAS / f"{step}.py").read_text()
    read = set(re.findall(r'"([A-Z]+_(?:QUEUE_URL|BUCKET|SETTINGS))"', code)) | {"LEDGER_TABLE"}
    told = {name for name in environment(sandbox, step) if not name.startswith("POWERTOOLS_")}
    assert told - {"IMPORT_SETTINGS"} == read - {"IMPORT_SETTINGS"}
    assert "IMPORT_SETTINGS" in told


@pytest.mark.parametrize("step", STEPS)
def test_a_function_runs_on_arm_traced_and_with_powertools(sandbox: Any, step: str) -> None:
    properties = function(sandbox, step)
    assert properties["Architectures"] == ["arm64"]
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert len(properties["Layers"]) == 1
    assert "KmsKeyArn" in properties
    assert environment(sandbox, step)["POWERTOOLS_SERVICE_NAME"] == step
    assert environment(sandbox, step)["POWERTOOLS_METRICS_NAMESPACE"] == "HealthImagingImport"


def test_the_settings_are_json_with_every_key_the_functions_read(two_stores: Any) -> None:
    value = environment(two_stores, "plan")["IMPORT_SETTINGS"]["Fn::Join"]
    text = value[0].join(part if isinstance(part, str) else part["Fn::ImportValue"] for part in value[1])
    settings = json.loads(text)
    stores = settings.pop("stores")
    assert "Input" in settings.pop("input_bucket")
    assert "Output" in settings.pop("output_bucket")
    assert settings == {
        "deployment": "production",
        "quiet_seconds": 60,
        "longest_wait_seconds": 3600,
        "start_rate": 1,
        "start_burst": 2,
        "start_rate_ceiling": 10,
        "concurrent_jobs": 100,
        "files_per_job": 5000,
        "bytes_per_job": 10 * 1024**3,
        "folders_per_job": 10_000,
        "bytes_per_file": 10 * 1024**3,
        "drain_minutes": 60,
        "urgent_prefixes": [],
        "overwrites": {},
        "complete_marker": "",
        "after_import": "keep",
        "delete_after_days": 30,
        "inventory_uri": "",
        "pace_table": "",
        "partners": [],
    }
    assert [(store["id"], store["prefix"]) for store in stores] == [
        ("main", "radiology/"),
        ("slides", "slides/"),
    ]
    for store in stores:
        assert store.keys() == {"id", "prefix", "datastore_id", "role_arn"}


@pytest.mark.parametrize(("queue", "step"), QUEUES.items())
def test_a_queue_feeds_its_function_and_gives_up_after_five_failures(
    sandbox: Any, queue: str, step: str
) -> None:
    queues = sandbox.resources("Import", "AWS::SQS::Queue")
    (work,) = [each for name, each in queues.items() if re.match(f"Import{queue.title()}Queue(?!Dead)", name)]
    assert work["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert work["Properties"]["VisibilityTimeout"] == 6 * function(sandbox, step)["Timeout"]
    mappings = sandbox.resources("Import", "AWS::Lambda::EventSourceMapping").values()
    (mapping,) = [
        each["Properties"] for each in mappings if f"Import{queue.title()}Queue" in str(each["Properties"])
    ]
    assert mapping["FunctionName"]["Ref"].startswith(f"Import{step.title()}")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_queue_is_encrypted_with_the_deployments_key(sandbox: Any) -> None:
    queues = sandbox.resources("Import", "AWS::SQS::Queue")
    assert len(queues) == 10
    assert all("Key" in str(queue["Properties"]["KmsMasterKeyId"]) for queue in queues.values())


def test_start_takes_one_job_at_a_time_and_thirty_at_once(sandbox: Any) -> None:
    mappings = sandbox.resources("Import", "AWS::Lambda::EventSourceMapping").values()
    (mapping,) = [each["Properties"] for each in mappings if "StartQueue" in str(each["Properties"])]
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 30}


def test_lambda_lets_those_functions_loop_whose_messages_come_back_to_them(sandbox: Any) -> None:
    """By default it drops a chain of messages at a function's seventeenth turn: a long wait takes more."""
    allowed = {step for step in STEPS if function(sandbox, step).get("RecursiveLoop") == "Allow"}

    assert allowed == {"plan", "stage", "start", "record"}


def test_rules_match_uploads_and_ended_jobs_of_this_deployment_only(two_stores: Any) -> None:
    rules = [each["Properties"] for each in two_stores.resources("Import", "AWS::Events::Rule").values()]
    patterns = {rule["EventPattern"]["source"][0]: rule["EventPattern"] for rule in rules}
    assert patterns["aws.s3"]["detail-type"] == ["Object Created"]
    assert "Input" in str(patterns["aws.s3"]["detail"]["bucket"]["name"])
    ended = patterns["aws.medical-imaging"]
    assert ended["detail-type"] == ["Import Job Completed", "Import Job Failed"]
    assert len(ended["detail"]["datastoreId"]) == 2
    assert [rule["EventPattern"] for rule in rules].count(ended) == 2
    for rule in rules:
        (target,) = rule["Targets"]
        assert "DeadLetters" in str(target["DeadLetterConfig"]["Arn"])


def test_eventbridge_sends_for_the_one_rule_of_this_account(sandbox: Any) -> None:
    sending = [
        statement
        for policy in sandbox.resources("Import", "AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert len(sending) == 6
    for statement in sending:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"].keys() == {"ArnEquals", "StringEquals"}


def test_lambda_does_not_call_again_what_a_schedule_calls(production: Any) -> None:
    configured = production.resources("Import", "AWS::Lambda::EventInvokeConfig").values()
    assert {each["Properties"]["FunctionName"]["Ref"] for each in configured} == {
        name
        for name in production.resources("Import", "AWS::Lambda::Function")
        if name.startswith(("ImportPlan", "ImportSweep"))
    }
    assert {each["Properties"]["MaximumRetryAttempts"] for each in configured} == {0}


def test_schedules_call_plan_each_minute_and_sweep_as_configured(production: Any) -> None:
    schedules = production.resources("Import", "AWS::Scheduler::Schedule")
    rates = {
        each["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0]: each["Properties"]["ScheduleExpression"]
        for each in schedules.values()
    }
    assert {name[:10]: rate for name, rate in rates.items()} == {
        "ImportPlan": "rate(1 minute)",
        "ImportSwee": "rate(15 minutes)",
    }


def test_functions_may_do_to_healthimaging_what_their_step_takes(sandbox: Any) -> None:
    allowed = {
        step: {
            action.removeprefix("medical-imaging:")
            for statement in sandbox.statements("Import", f"Import{step.title()}Role")
            for action in (
                [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            )
            if action.startswith("medical-imaging:")
        }
        for step in STEPS
    }
    assert allowed == {
        "register": set(),
        "plan": set(),
        "stage": set(),
        "start": {"StartDICOMImportJob", "ListDICOMImportJobs"},
        "record": {"GetDICOMImportJob"},
        "sweep": {"GetDICOMImportJob", "ListDICOMImportJobs"},
        "backfill": set(),
    }


def test_functions_read_and_write_the_objects_their_step_takes(sandbox: Any) -> None:
    def objects(step: str) -> set[str]:
        return {
            action
            for statement in sandbox.statements("Import", f"Import{step.title()}Role")
            for action in (
                [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            )
            if re.fullmatch(r"s3:\w+(Object|Upload)\w*", action)
        }

    assert {step: objects(step) for step in STEPS} == {
        "register": {"s3:GetObjectVersion"},
        "plan": set(),
        "stage": {"s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload"},
        "start": set(),
        "record": {"s3:GetObject"},
        "sweep": set(),
        "backfill": set(),
    }


def test_logs_are_encrypted_and_expire(production: Any) -> None:
    groups = list(production.all_of("AWS::Logs::LogGroup"))
    functions = list(production.all_of("AWS::Lambda::Function"))
    machines = list(production.all_of("AWS::StepFunctions::StateMachine"))
    # One more for the network's flows, and one for the trail.
    assert len(groups) == len(functions) + len(machines) + 2
    for _, group in groups:
        assert "KmsKeyId" in group["Properties"]
        assert group["Properties"]["RetentionInDays"] == 2192


def test_the_code_of_a_function_is_the_package_alone(tmp_path: Path, context: Any) -> None:
    from aws_cdk import App

    from app import make_stacks
    from config.deployment import load_deployment

    app = App(context=context, outdir=str(tmp_path))
    make_stacks(app, load_deployment("sandbox"))
    app.synth()
    code, layer = sorted(
        (path for path in tmp_path.glob("asset.*")), key=lambda path: (path / "python").exists()
    )
    assert [path.name for path in code.iterdir()] == ["lambdas"]
    assert [path.name for path in layer.iterdir()] == ["python"]
    assert {path.name for path in (layer / "python").iterdir()} == {
        "aws_lambda_powertools",
        "jmespath",
        "typing_extensions.py",
    }
    assert not [path for folder in (code, layer) for path in folder.rglob("*.pyc")]
