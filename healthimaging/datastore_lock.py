"""Refuses a change that would replace a data store or forget one, before anything is deployed.

What each data store was when it was first synthesized for an account stands in a file, one for each
deployment, account and Region. The file is reviewed and kept like code.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from healthimaging.datastore import CLOUDFORMATION_TYPE, CUSTOM_TYPE

Stores = dict[str, dict[str, Any]]

HEADER = """\
# Written by app.py when a data store is first synthesized for this account; commit it.
# A data store cannot be changed, only replaced by an empty one, so app.py refuses to synthesize one that
# differs from what stands here. docs/decisions/0001-data-store-lock.md says how to go on from there.
"""


class DatastoreLockError(Exception):
    """A data store would be replaced or forgotten; the text says which, how, and what to do."""


def check_locks(
    templates: Mapping[str, Mapping[str, Any]],
    *,
    folder: Path,
    deployment: str,
    account: str | None,
    region: str,
) -> None:
    """Compare the data stores of `templates`, by stack name, with the locks, and record new ones.

    Where the account is unknown every lock of the deployment in this Region is checked and none is written.
    """
    stores = _stores(templates)
    locks = sorted(folder.glob(f"{deployment}.{account or '*'}.{region}.yaml"))
    problems = [line for lock in locks for line in _problems(lock, stores)]
    if problems:
        raise DatastoreLockError("\n".join(problems))
    if account is not None:
        _record(folder / f"{deployment}.{account}.{region}.yaml", stores)


def _stores(templates: Mapping[str, Mapping[str, Any]]) -> Stores:
    """The data stores by stack name and logical id; references are compared as they stand in the template."""
    return {
        f"{stack}/{logical_id}": {"type": resource["Type"], **_fixed(resource.get("Properties", {}))}
        for stack, template in templates.items()
        for logical_id, resource in template.get("Resources", {}).items()
        if resource["Type"] in (CLOUDFORMATION_TYPE, CUSTOM_TYPE)
    }


def _fixed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that make the data store; the function that calls the API for it does not."""
    return {
        name: value for name, value in properties.items() if name not in ("ServiceToken", "ServiceTimeout")
    }


def _read(lock: Path) -> Stores:
    return dict(yaml.safe_load(lock.read_text(encoding="utf-8"))["data_stores"]) if lock.exists() else {}


def _problems(lock: Path, stores: Stores) -> Iterator[str]:
    for key, locked in _read(lock).items():
        name = locked.get("DatastoreName", "without a name")
        if key not in stores:
            yield (
                f'The data store "{name}" ({key}) is in {lock} but no longer in the app. It would stay in '
                "the account with its images, and nothing here would know it.\n  Put it back; or, if that is "
                f"what you want, delete its entry from {lock}."
            )
        elif changes := list(_changes(locked, stores[key])):
            yield (
                f'The data store "{name}" ({key}) would be replaced by an empty one: {"; ".join(changes)}.\n'
                "  A data store cannot be changed. Put the value back, or add a second data store under an "
                f"id of its own. If it was never deployed, delete its entry from {lock}."
            )


def _changes(locked: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(locked.keys() | now.keys()):
        before, after = locked.get(name), now.get(name)
        if before != after:
            yield f"{name} from {json.dumps(before)} to {json.dumps(after)}"


def _record(lock: Path, stores: Stores) -> None:
    if stores.keys() <= _read(lock).keys():
        return
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(HEADER + yaml.safe_dump({"data_stores": stores}, sort_keys=True), encoding="utf-8")
