"""What people see when a command cannot do what was asked: a sentence, a hint, exit code 1."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import cdk, repository
from cli.main import app


@pytest.fixture(autouse=True)
def _no_local_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "LOCAL_STATE", tmp_path / "aws")


def refused(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 1
    assert result.stdout == ""
    sentence, hint, *rest = result.stderr.splitlines()
    assert sentence.startswith("error: ")
    assert hint.startswith("hint: ")
    assert rest == []
    return result.stderr


@pytest.mark.parametrize("words", [["status"], ["files", "--failed"], ["status", "--json"]])
def test_without_a_local_aws_the_hint_says_how_to_get_one(words: list[str]) -> None:
    said = refused(*words)
    assert "no local AWS is running" in said
    assert "ahi up" in said
    assert "--aws" in said


def test_a_folder_that_is_not_there_is_refused_by_name() -> None:
    assert "/nowhere is not a folder" in refused("upload", "/nowhere")


def test_an_empty_folder_is_refused_rather_than_uploaded_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "studies" / "ct").mkdir(parents=True)
    assert "holds no files" in refused("upload", str(tmp_path / "studies"))


def test_down_without_a_local_aws_says_so_and_succeeds() -> None:
    result = CliRunner().invoke(app, ["down"])
    assert result.exit_code == 0
    assert "no local AWS was running" in result.stdout


@pytest.mark.parametrize("command", ["up", "demo"])
def test_without_the_cdk_nothing_is_started(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdk, "CDK", tmp_path / "cdk")
    assert "make install" in refused(command)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_deployment_is_refused_with_those_there_are() -> None:
    said = CliRunner().invoke(app, ["status", "--deployment", "elsewhere"])
    assert said.exit_code == 1
    assert "sandbox" in said.stderr
