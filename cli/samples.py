"""The sample studies on disk: real DICOM files out of installed packages, laid out one folder a study."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.data import get_charset_files, get_testdata_file

from cli.errors import CommandError
from cli.sample_studies import STUDIES


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One file: its key under the folder of samples, and where it comes from.

    `reason` is part of what HealthImaging says of a file it cannot import; None for a file that imports.
    """

    key: str
    source: Path
    reason: str | None


def samples() -> Iterator[Sample]:
    """Every file of the sample studies."""
    for study in STUDIES:
        wanted = {**dict.fromkeys(study.files), **study.broken}
        for name, reason in wanted.items():
            yield Sample(key=f"{study.name}/{Path(name).name}", source=installed(name), reason=reason)


def installed(name: str) -> Path:
    """Where a file of pydicom or pydicom-data lies. Never downloads."""
    found: object
    if name.startswith("chr"):
        found = next(iter(get_charset_files(name)), None)
    else:
        found = get_testdata_file(name, read=False, download=False)
    if not isinstance(found, str):
        raise CommandError(
            f"the sample {name} is not installed", "run `make install`: pydicom-data brings it"
        )
    return Path(found)


def write_samples(directory: Path) -> list[Sample]:
    """Copy the sample studies under `directory`."""
    written = list(samples())
    for sample in written:
        target = directory / sample.key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample.source, target)
    return written
