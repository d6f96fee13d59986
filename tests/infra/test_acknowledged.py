"""The page of rules that are not followed says what the code acknowledges, and nothing else."""

from pathlib import Path
from typing import Any

from aws_cdk import App

from app import make_stacks
from cli.acknowledged import PAGE, page
from config.deployment import load_deployment


def test_the_page_is_fresh(tmp_path: Path, context: dict[str, Any]) -> None:
    app = App(context=context, outdir=str(tmp_path))
    make_stacks(app, load_deployment("production"))
    assert page(Path(app.synth().directory)) == PAGE.read_text(), (
        "run `make templates && .venv/bin/python -m cli.acknowledged build/production`"
    )
