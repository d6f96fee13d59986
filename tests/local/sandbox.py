"""The deployed sandbox, seen through the command `ahi`."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import deployed, local, repository
from cli.deploy import copied
from cli.main import app
from cli.users import keys_of
from config.people import Role

LONGEST_IMPORT_SECONDS = 240


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The deployed sandbox, seen as a person sees it: through the command `ahi`."""

    state: Path
    deployment: Path

    def ahi(self, *words: str) -> Any:
        """The JSON document a command prints."""
        result = CliRunner().invoke(app, [*words, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def find(self) -> deployed.Deployed:
        """As who deploys."""
        return deployed.find(str(self.deployment), aws=False)

    def as_one_of(self, role: Role) -> deployed.Deployed:
        """As somebody in the teams with that role."""
        found = self.find()
        return replace(found, keys=keys_of(self.state, found.deployment, role))

    def log_group(self, function: str) -> str:
        """The log group of a function of the import."""
        name = self.find().import_output(f"{function}Function")
        configuration = self.find().client("lambda").get_function_configuration(FunctionName=name)
        return str(configuration["LoggingConfig"]["LogGroup"])

    def until_active(self, image_set: dict[str, Any]) -> None:
        """Wait until a copy or an update of it has ended."""
        imaging, deadline = self.find().client("medical-imaging"), time.monotonic() + LONGEST_IMPORT_SECONDS
        while imaging.get_image_set(**image_set)["imageSetState"] != "ACTIVE":
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def files(self, prefix: str) -> dict[str, Any]:
        """What `ahi files` says of the keys that begin with `prefix`."""
        return {
            one["key"]: one
            for one in self.ahi("files", "--deployment", str(self.deployment))["files"]
            if one["key"].startswith(prefix)
        }

    def wait(self, prefix: str, done: Callable[[list[Any]], bool]) -> None:
        """Wait until `done` is true of the files whose keys begin with `prefix`."""
        deadline = time.monotonic() + LONGEST_IMPORT_SECONDS
        while not done(files := list(self.files(prefix).values())):
            waiting = sum(one["status"] == "WAITING" for one in files)
            assert time.monotonic() < deadline, (
                f"{waiting} of {len(files)} files wait: see {self.state}/emulator.log"
            )
            time.sleep(0.5)

    def wait_until_settled(self, prefix: str, count: int) -> None:
        def settled(files: list[Any]) -> bool:
            return sum(one["status"] != "WAITING" for one in files) == count

        self.wait(prefix, settled)


@contextmanager
def deployed_in(state: Path, file: str = "sandbox", change: Callable[[str], str] = str) -> Iterator[Sandbox]:
    """A local AWS of its own in `state`, with a deployment on it, its file changed by `change`."""
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository, "LOCAL_STATE", state)
        deployment = copied(file, state)
        deployment.write_text(change(deployment.read_text()))
        patch.setenv("AHI_DEPLOYMENT", str(deployment))
        made = Sandbox(state=state, deployment=deployment)
        try:
            local.start(state, None if local.running(state) else local.free_port())
            made.ahi("up")
            yield made
        finally:
            local.stop(state)
    os.environ.clear()
    os.environ.update(before)


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Folders that are uploaded and imported: the sample studies, many small files, a marked study, and
    one whose upload no event told of."""

    samples: Path
    small: Path
    marked: Path
    unheard: Path
