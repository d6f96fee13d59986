"""Running the CDK CLI."""

import os
from pathlib import Path

import pytest

from cli import cdk
from cli.errors import CommandError


def test_the_pinned_cdk_runs_on_the_node_of_the_python_package(tmp_path: Path) -> None:
    log = tmp_path / "version.log"
    cdk.run(["--version"], os.environ, log)
    assert log.read_text(encoding="utf-8").startswith("2.1148.1 ")


def test_a_cdk_command_that_fails_says_why_and_where_its_output_is(tmp_path: Path) -> None:
    log = tmp_path / "deploy.log"
    with pytest.raises(CommandError, match="exit code 1") as failure:
        cdk.run(["deploy", "--app", str(tmp_path / "nowhere")], os.environ, log)
    assert str(log) in failure.value.hint


def test_nothing_is_told_to_anybody_about_a_run() -> None:
    assert cdk.with_node({})["CDK_DISABLE_CLI_TELEMETRY"] == "true"
    assert {"--no-notices", "--no-version-reporting"} <= set(cdk.command(["synth"]))


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("one\nError: no bucket\n\nsee above\n", "Error: no bucket"),
        ("data | CREATE_FAILED | Bucket: no\nerror: data\n", "data | CREATE_FAILED | Bucket: no"),
        ("one\ntwo\n", "two"),
        (
            "A store would go.\n  Put it back.\npython app.py: Subprocess exited with error 1\n",
            "A store would go.\nPut it back.",
        ),
        (
            "Traceback (most recent call last):\nKeyError: 'x'\npython: Subprocess exited with error 1\n",
            "KeyError: 'x'",
        ),
        ("", "it printed nothing"),
    ],
)
def test_the_reason_is_the_line_that_tells_of_an_error(tmp_path: Path, output: str, line: str) -> None:
    log = tmp_path / "log"
    log.write_text(output, encoding="utf-8")
    assert cdk.reason(log) == line
