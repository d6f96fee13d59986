"""What each principal did and was denied, for those who compare it with what its policies grant."""

import json
import re
import threading
from pathlib import Path
from typing import NamedTuple

# "arn:aws:sts::000000000000:assumed-role/name/session"
SESSION = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.*")
OBJECT = re.compile(r"(arn:aws:s3:::[^/]+)/.+")


class Access(NamedTuple):
    """`resource` is the pattern of the policy that allowed it or, when it was denied, what was asked for."""

    principal: str
    action: str
    resource: str
    allowed: bool


class AccessLog:
    """A file of one JSON object a line. Each access is written once, by however many requests it is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[Access] = set()
        self._lock = threading.Lock()

    def add(self, principal: str, action: str, resource: str, *, allowed: bool) -> None:
        """`principal` may be a role's session: it is written as its role.

        An object that was denied is written without its key, which may name a patient.
        """
        role = SESSION.sub(r"arn:aws:iam::\1:role/\2", principal)
        access = Access(role, action, resource if allowed else OBJECT.sub(r"\1/...", resource), allowed)
        with self._lock:
            if access in self._seen:
                return
            self._seen.add(access)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(access._asdict()) + "\n")


def read_accesses(path: Path) -> set[Access]:
    """Every access in the file; none when there is no file."""
    if not path.exists():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines()
    return {Access(**json.loads(line)) for line in lines}
