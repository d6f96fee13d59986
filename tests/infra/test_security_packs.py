"""cdk-nag's AwsSolutions, HIPAA and NIST packs find nothing that is not acknowledged where it is made."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks

from app import make_stacks
from config.deployment import Deployment, load_deployment


@pytest.fixture
def app(tmp_path: Path, context: dict[str, Any]) -> App:
    app = App(context=context, outdir=str(tmp_path))
    packs = (AwsSolutionsChecks(app), HIPAASecurityChecks(app), NIST80053R5Checks(app))
    Validations.of(app).add_plugins(*packs)
    return app


def findings(app: App) -> list[str]:
    written = Path(app.outdir) / "validation-report.json"
    try:
        app.synth()
    except RuntimeError:
        if not written.exists():
            raise
    report = json.loads(written.read_text())
    return [
        f"{violation['ruleName']} {construct['constructPath']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


LOCAL = ["tests/local/two_stores.yaml", "tests/local/partner.yaml"]


@pytest.mark.parametrize("name", ["sandbox", "production", *LOCAL])
def test_a_deployment_has_no_finding(name: str, app: App) -> None:
    make_stacks(app, load_deployment(name))
    assert findings(app) == []


def test_a_deployment_with_both_kinds_of_data_store_has_no_finding(
    two_stores_deployment: Any, app: App
) -> None:
    make_stacks(app, two_stores_deployment)
    assert findings(app) == []


def test_a_deployment_that_deletes_sources_and_reads_an_inventory_has_no_finding(app: App) -> None:
    given = load_deployment("production").model_dump()
    options = {"sources": {"after_import": "delete"}, "sweep": {"reads": "inventory"}}
    make_stacks(app, Deployment.model_validate({**given, **options}))
    assert findings(app) == []


def test_every_pack_looks(app: App) -> None:
    make_stacks(app, load_deployment("sandbox"))
    s3.Bucket(Stack(app, "Careless"), "Bucket")
    found = findings(app)
    assert "AwsSolutions-S1 Careless/Bucket/Resource" in found
    for pack in ("HIPAA.Security", "NIST.800.53.R5"):
        assert f"{pack}-S3BucketLoggingEnabled Careless/Bucket/Resource" in found
    assert all("Careless" in each for each in found)
