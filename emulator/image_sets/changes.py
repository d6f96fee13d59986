"""What UpdateImageSetMetadata changes, as values: parsed from the request, and applied to a content."""

import re
from dataclasses import dataclass
from typing import Any

from emulator import strict_json
from emulator.errors import ServiceQuotaExceededException, ValidationException
from emulator.image_sets.contents import Content, Refused, packed, unpacked
from emulator.image_sets.metadata import SCHEMA_VERSION

LONGEST_PAYLOAD = 10 * 1024
IDENTITY = "SOPInstanceUID"

Tree = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Trees shaped as the metadata document: what to take out, and then what to put in."""

    removals: Tree
    updates: Tree

    def of_the_study(self) -> "Changes":
        """What of it concerns the other image sets of the study."""
        return Changes(removals=_without_series(self.removals), updates=_without_series(self.updates))


def parse(given: dict[str, bytes]) -> Changes:
    """Read `DICOMUpdates`. Raises what HealthImaging answers to one that is too long or malformed."""
    if not given:
        raise ValidationException("DICOMUpdates holds neither updatableAttributes nor removableAttributes")
    length = sum(len(text) for text in given.values())
    if length > LONGEST_PAYLOAD:
        raise ServiceQuotaExceededException(
            f"the updates are {length} bytes long: at most {LONGEST_PAYLOAD} are allowed"
        )
    return Changes(removals=_tree(given, "removableAttributes"), updates=_tree(given, "updatableAttributes"))


def tree(text: bytes | str, name: str) -> Tree:
    """The JSON of a request member. Raises ValidationException unless it is an object of the schema."""
    try:
        found = strict_json.loads(text)
    except ValueError as error:
        raise ValidationException(f"{name} is not JSON") from error
    if not isinstance(found, dict):
        raise ValidationException(f"{name} is not a JSON object")
    if str(found.pop("SchemaVersion", SCHEMA_VERSION)) != SCHEMA_VERSION:
        raise ValidationException(f"SchemaVersion of {name} is not {SCHEMA_VERSION}")
    return found


def _tree(given: dict[str, bytes], name: str) -> Tree:
    return tree(given[name], name) if name in given else {}


def apply(content: Content, changes: Changes) -> Content:
    """The content changed. Raises Refused when the changes do not fit it."""
    removed = _without(content, changes.removals)
    return _with(removed, changes.updates)


def _without(content: Content, removals: Tree) -> Content:
    levels = {
        "Patient": _level_without(content.levels["Patient"], removals.get("Patient", {}), "Patient"),
        "Study": _level_without(content.levels["Study"], removals.get("Study", {}), "Study"),
        "Series": content.levels["Series"],
    }
    instances = dict(content.instances)
    for series in _series(content, removals):
        levels["Series"] = _level_without(levels["Series"], series, "Series")
        if not series:
            instances.clear()
        for uid, removal in series.get("Instances", {}).items():
            instance = _present(instances, uid)
            if removal:
                instances[uid] = packed(_level_without(unpacked(instance), removal, "Instance"))
            else:
                del instances[uid]
    return Content(levels=levels, series_instance_uid=content.series_instance_uid, instances=instances)


def _with(content: Content, updates: Tree) -> Content:
    levels = {
        "Patient": _level_with(content.levels["Patient"], updates.get("Patient", {})),
        "Study": _level_with(content.levels["Study"], updates.get("Study", {})),
        "Series": content.levels["Series"],
    }
    instances = dict(content.instances)
    for series in _series(content, updates):
        levels["Series"] = _level_with(levels["Series"], series)
        for uid, update in series.get("Instances", {}).items():
            instances[uid] = packed(_level_with(unpacked(_present(instances, uid)), update))
            new_uid = update.get("DICOM", {}).get(IDENTITY, uid)
            if new_uid != uid and new_uid in instances:
                raise Refused("SOP Instance UIDs would not be unique within the image set")
            # Renamed where it stands: instances keep their order.
            instances = {new_uid if each == uid else each: data for each, data in instances.items()}
    return Content(
        levels=levels,
        series_instance_uid=levels["Series"]["DICOM"].get("SeriesInstanceUID", content.series_instance_uid),
        instances=instances,
    )


def _series(content: Content, changes: Tree) -> list[Tree]:
    """The changes of the one series that the content may have."""
    given: Tree = changes.get("Study", {}).get("Series", {})
    if given.keys() - ({content.series_instance_uid} if content.instances else set()):
        raise Refused("a Series is not present in the image set")
    return list(given.values())


def _present(instances: dict[str, bytes], uid: str) -> bytes:
    if uid not in instances:
        raise Refused("a SOP Instance is not present in the image set")
    return instances[uid]


def _level_without(level: Tree, removal: Tree, name: str) -> Tree:
    attributes = dict(level["DICOM"])
    for key, value in removal.get("DICOM", {}).items():
        if key not in attributes:
            raise Refused(f"attribute {key} is not present at the {name} level")
        if value is not None and _trimmed(value) != _trimmed(attributes[key]):
            raise Refused(f"attribute {key} does not have the given value")
        del attributes[key]
    gone = level["DICOM"].keys() - attributes.keys()
    vrs = {key: vr for key, vr in level.get("DICOMVRs", {}).items() if key not in gone}
    return {**level, "DICOM": attributes, **({"DICOMVRs": vrs} if "DICOMVRs" in level else {})}


def _level_with(level: Tree, update: Tree) -> Tree:
    attributes = {**level["DICOM"], **update.get("DICOM", {})}
    vrs = {**level.get("DICOMVRs", {}), **update.get("DICOMVRs", {})}
    for key in update.get("DICOM", {}):
        if is_private(key) and key not in vrs:
            raise Refused(f"attribute {key} is private and has no VR in DICOMVRs")
    return {**level, "DICOM": attributes, **({"DICOMVRs": vrs} if vrs or "DICOMVRs" in level else {})}


def is_private(key: str) -> bool:
    """Whether the key is the eight hex digits of a private element's tag."""
    return re.fullmatch(r"[0-9A-Fa-f]{3}[13579BDFbdf][0-9A-Fa-f]{4}", key) is not None


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _without_series(changes: Tree) -> Tree:
    study = {name: part for name, part in changes.get("Study", {}).items() if name != "Series"}
    return {**changes, **({"Study": study} if "Study" in changes else {})}
