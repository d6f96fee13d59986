"""Which instances belong in one image set: one primary set per series, others where elements conflict."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.imports.outcomes import Imported

LEVELS = ("Patient", "Study", "Series")


@dataclass(frozen=True, kw_only=True)
class Group:
    """The instances of one job that go to one image set, in the order of their keys."""

    conflict_key: tuple[str, ...]
    is_primary: bool
    members: list[Imported]

    @property
    def series_instance_uid(self) -> str:
        return self.members[0].series_instance_uid

    @property
    def instances(self) -> dict[str, Imported]:
        """By SOP instance UID: of two files of one instance the later overwrites."""
        return {member.sop_instance_uid: member for member in self.members}

    def levels(self) -> dict[str, dict[str, Any]]:
        """Patient, Study and Series: the first file's elements, completed from the others."""
        folded: dict[str, dict[str, Any]] = {level: {} for level in LEVELS}
        for member in reversed(self.members):
            folded = merge_levels(folded, member.levels)
        return folded

    def search(self) -> dict[str, str]:
        """What the image set is found by, folded likewise."""
        return {name: text for member in reversed(self.members) for name, text in member.search.items()}


def group(imported: Iterable[Imported], primaries: Mapping[str, tuple[str, ...]]) -> list[Group]:
    """Sort instances into image sets. `primaries` maps a series to the conflict key of its primary set.

    The first instance of a new series decides what its primary set is. Instances that conflict
    with the primary set go to non-primary sets of this job, one for each distinct conflict key.
    """
    leading = dict(primaries)
    sorted_out: dict[tuple[str, tuple[str, ...]], list[Imported]] = {}
    for instance in imported:
        leading.setdefault(instance.series_instance_uid, instance.conflict_key)
        sorted_out.setdefault((instance.series_instance_uid, instance.conflict_key), []).append(instance)
    return [
        Group(conflict_key=key, is_primary=leading[series] == key, members=members)
        for (series, key), members in sorted_out.items()
    ]


def merge_levels(older: dict[str, dict[str, Any]], newer: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The newer elements over the older ones, part by part (`DICOM`, `DICOMVRs`) of each level."""
    return {
        level: {
            part: {**older[level].get(part, {}), **newer[level].get(part, {})}
            for part in older[level].keys() | newer[level].keys()
        }
        for level in LEVELS
    }


def image_set_id(job_id: str, series_instance_uid: str, conflict_key: tuple[str, ...]) -> str:
    """The id of an image set that a job makes: the same when the job is run again."""
    parts = "\0".join([job_id, series_instance_uid, *conflict_key])
    return hashlib.sha256(parts.encode()).hexdigest()[:32]
