"""Refuses a change that would replace or forget what holds data, before anything is deployed.

That is every data store, and every key, bucket and table that a template retains. What each was when it was
first synthesized for an account stands in a file, one for each deployment, account and Region. The file is
reviewed and kept like code.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from healthimaging.datastore import CLOUDFORMATION_TYPE, CUSTOM_TYPE

Kept = dict[str, dict[str, Any]]

STORES = (CLOUDFORMATION_TYPE, CUSTOM_TYPE)
# What CloudFormation cannot change without replacing the resource: `createOnlyProperties` of its schema.
REPLACING: Mapping[str, tuple[str, ...]] = {
    "AWS::KMS::Key": (),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "ImportSourceSpecification"),
}
WORDS = {"AWS::KMS::Key": "key", "AWS::S3::Bucket": "bucket", "AWS::DynamoDB::Table": "table"}

HEADER = """\
# Written by app.py when what holds data is first synthesized for this account; commit it.
# CloudFormation replaces a data store, a bucket or a table by an empty one when these properties change, so
# app.py refuses to synthesize one that differs from what stands here, or that is gone.
# docs/decisions/0001-data-store-lock.md says how to go on from there.
"""


class DatastoreLockError(Exception):
    """What holds data would be replaced or forgotten; the text says which, how, and what to do."""


def check_locks(
    templates: Mapping[str, Mapping[str, Any]],
    *,
    folder: Path,
    deployment: str,
    account: str | None,
    region: str,
) -> None:
    """Compare what holds data in `templates`, by stack name, with the locks, and record what is new.

    Where the account is unknown every lock of the deployment in this Region is checked and none is written.
    """
    sections = {"data_stores": _stores(templates), "retained": _retained(templates)}
    locks = sorted(folder.glob(f"{deployment}.{account or '*'}.{region}.yaml"))
    problems = [line for lock in locks for line in _problems(lock, sections)]
    if problems:
        raise DatastoreLockError("\n".join(problems))
    if account is not None:
        _record(folder / f"{deployment}.{account}.{region}.yaml", sections)


def _resources(templates: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stack, template in templates.items():
        for logical_id, resource in template.get("Resources", {}).items():
            yield f"{stack}/{logical_id}", resource


def _stores(templates: Mapping[str, Mapping[str, Any]]) -> Kept:
    """The data stores by stack name and logical id; references are compared as they stand in the template."""
    return {
        name: {"type": resource["Type"], **_fixed(resource.get("Properties", {}))}
        for name, resource in _resources(templates)
        if resource["Type"] in STORES
    }


def _fixed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that make the data store; the function that calls the API for it does not."""
    return {
        name: value for name, value in properties.items() if name not in ("ServiceToken", "ServiceTimeout")
    }


def _retained(templates: Mapping[str, Mapping[str, Any]]) -> Kept:
    """Keys, buckets and tables that outlive their stack, with what would replace them."""
    return {
        name: {"type": resource["Type"], **_replacing(resource)}
        for name, resource in _resources(templates)
        if resource["Type"] in REPLACING and resource.get("DeletionPolicy") == "Retain"
    }


def _replacing(resource: Mapping[str, Any]) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    return {name: properties[name] for name in REPLACING[resource["Type"]] if name in properties}


def _read(lock: Path) -> Mapping[str, Kept]:
    """The sections of a lock; one that was written before there was anything but data stores has no other."""
    return dict(yaml.safe_load(lock.read_text(encoding="utf-8"))) if lock.exists() else {}


def _problems(lock: Path, sections: Mapping[str, Kept]) -> Iterator[str]:
    for section, locked in _read(lock).items():
        for key, before in locked.items():
            now = sections[section].get(key)
            words = _store_words if section == "data_stores" else _retained_words
            if now is None or before != now:
                yield words(lock, key, before, now)


def _store_words(lock: Path, key: str, before: Mapping[str, Any], now: Mapping[str, Any] | None) -> str:
    name = before.get("DatastoreName", "without a name")
    if now is None:
        return (
            f'The data store "{name}" ({key}) is in {lock} but no longer in the app. It would stay in '
            "the account with its images, and nothing here would know it.\n  Put it back; or, if that is "
            f"what you want, delete its entry from {lock}."
        )
    return (
        f'The data store "{name}" ({key}) would be replaced by an empty one: '
        f"{'; '.join(_changes(before, now))}.\n"
        "  A data store cannot be changed. Put the value back, or add a second data store under an "
        "id and a prefix of its own, or deploy under another name where the first has no prefix. "
        f"If it was never deployed, delete its entry from {lock}."
    )


def _retained_words(lock: Path, key: str, before: Mapping[str, Any], now: Mapping[str, Any] | None) -> str:
    kind = WORDS[before["type"]]
    if now is None:
        return (
            f"The {kind} {key} is in {lock} but no longer retained by the app. It, or what it encrypts, "
            "would be deleted, or left in the account where nothing here would know it.\n"
            f"  Put it back; or, if that is what you want, delete its entry from {lock}."
        )
    return (
        f"The {kind} {key} would be replaced by an empty one: {'; '.join(_changes(before, now))}.\n"
        f"  Put the value back. If it was never deployed, delete its entry from {lock}."
    )


def _changes(locked: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(locked.keys() | now.keys()):
        before, after = locked.get(name), now.get(name)
        if before != after:
            yield f"{name} from {json.dumps(before)} to {json.dumps(after)}"


def _record(lock: Path, sections: Mapping[str, Kept]) -> None:
    known = _read(lock)
    if all(kept.keys() <= known.get(section, {}).keys() for section, kept in sections.items()):
        return
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(HEADER + yaml.safe_dump(dict(sections), sort_keys=True), encoding="utf-8")
