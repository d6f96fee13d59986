"""One local AWS for all these tests: its own state, a free port, the sandbox deployed by the real CDK CLI."""

import os
from collections.abc import Iterator

import pytest
from marked_study import FILES, FOLDER, write_marked_study
from sandbox import Sandbox, Uploads, deployed_in
from small_studies import write_small_studies
from unheard import UNHEARD, unheard_uploads

from cli import repository
from cli.samples import write_samples


@pytest.fixture(scope="session")
def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with deployed_in(tmp_path_factory.mktemp("local-aws")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_deployed: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox; what its commands set in the environment ends with the test."""
    before = dict(os.environ)
    monkeypatch.setattr(repository, "LOCAL_STATE", _deployed.state)
    os.environ["AHI_DEPLOYMENT"] = str(_deployed.deployment)
    yield _deployed
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def uploads(_deployed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Uploads:
    made = Uploads(
        samples=tmp_path_factory.mktemp("samples"),
        small=tmp_path_factory.mktemp("small"),
        marked=tmp_path_factory.mktemp("marked"),
        unheard=tmp_path_factory.mktemp("unheard"),
    )
    samples = write_samples(made.samples)
    with unheard_uploads(_deployed.find()):
        write_small_studies(made.unheard, studies=1, instances=UNHEARD)
        _deployed.ahi("upload", str(made.unheard), "--prefix", "unheard")
    write_small_studies(made.small, studies=10, instances=20)
    _deployed.ahi("upload", str(made.small), "--prefix", "small")
    write_marked_study(made.marked)
    _deployed.ahi("upload", str(made.samples), "--prefix", "samples")
    _deployed.ahi("upload", str(made.marked), "--prefix", FOLDER.rstrip("/"))
    _deployed.wait_until_settled("small/", 200)
    _deployed.wait_until_settled("samples/", len(samples))
    _deployed.wait_until_settled(FOLDER, FILES)
    # Tests that count jobs would count this one's when the sweep finds it.
    _deployed.wait_until_settled("unheard/", UNHEARD)
    return made
