"""What nobody may do, tried: `python -m benchmarks.denials` writes `results/denials.json`.

Every row is a call to the running local AWS, IAM enforced, by the one who must not make it. A row holds
when the call is denied by a policy: an unknown key, or a resource that is not there, is another answer.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from benchmarks.attempts import (
    COPY,
    Attempt,
    beside,
    data,
    dead_letters,
    get,
    image_set,
    images,
    job,
    ledger,
    listing,
    pace,
    plain,
    powers,
    put,
    search,
    start,
    start_with,
    tag,
)
from benchmarks.clinic import Clinic, clinic

RESULTS = Path(__file__).parent / "results" / "denials.json"
# "403" is the answer to a HEAD request, which has no body.
DENIED = {"AccessDenied", "AccessDeniedException", "403"}
FUNCTIONS = ("Register", "Plan", "Stage", "Start", "Record", "Sweep", "Backfill")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One attempt. `answer` is AWS's error code, or "allowed"."""

    who: str
    must_not: str
    answer: str

    @property
    def holds(self) -> bool:
        return self.answer in DENIED


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """Someone, as a session of `principal`, and what must be denied to them."""

    who: str
    principal: str
    tries: dict[str, Attempt]


def tried(aws: Clinic) -> list[Row]:
    """Every row, made now."""
    attempts = list(everyone(aws))
    for one in attempts:
        # Who has no valid key is denied everything, which proves nothing.
        aws.client("sts", one.principal).get_caller_identity()
    return [
        Row(who=one.who, must_not=what, answer=answer(lambda t=attempt, p=one.principal: t(aws, p)))
        for one in attempts
        for what, attempt in one.tries.items()
    ]


def answer(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return code
    return "allowed"


def everyone(aws: Clinic) -> Iterator[Attempts]:
    """All roles of functions, the import roles, and the teams."""
    everywhere = {**images("main"), **images("trial"), **powers("main"), **powers("trial")}
    for name in FUNCTIONS:
        of_start = {"start an import job": start("main", "main"), "change the pace": pace}
        more = {} if name == "Start" else of_start
        yield Attempts(
            who=f"function {name.lower()}",
            principal=aws.resource("import", f"Import{name}Role"),
            tries={**everywhere, **more, "write the input bucket": put("Input", "radiology/x")},
        )
    start_role = aws.resource("import", "ImportStartRole")
    yield Attempts(
        who="function start",
        principal=start_role,
        tries={
            "pass another role to HealthImaging": lambda clinic, who: start_with(
                clinic, who, "main", clinic.role_arn(start_role)
            ),
            "write the output bucket": put("Output", "main/x"),
            "delete from the ledger": ledger("delete_item", Key={"pk": {"S": "x"}, "sk": {"S": "/"}}),
        },
    )
    for mine, prefix, other, others in (
        ("main", "radiology/", "trial", "trial/"),
        ("trial", "trial/", "main", "radiology/"),
    ):
        yield Attempts(
            who=f"import role of {mine}",
            principal=aws.resource("access", f"{mine.capitalize()}ImportRole"),
            tries={
                **images(mine),
                **images(other),
                **powers(other),
                f"read the uploads of {other}": get("Input", f"{others}x"),
                f"list the uploads of {other}": listing("Input", others),
                "list the whole input bucket": listing("Input", ""),
                f"read the staged files of {other}": get("Staging", f"{other}/x"),
                f"list the staged files of {other}": listing("Staging", f"{other}/"),
                f"list the results of {other}": listing("Output", f"{other}/"),
                f"write results of {other}": put("Output", f"{other}/x"),
                "read results": get("Output", f"{mine}/x"),
                "write the input bucket": put("Input", f"{prefix}x"),
                "write the staging bucket": put("Staging", f"{mine}/x"),
                "read its uploads without TLS": plain(get("Input", f"{prefix}x")),
                "write its results without TLS": plain(put("Output", f"{mine}/x")),
                "read the ledger": ledger("scan"),
            },
        )
    yield from teams(aws)
    yield from neighbours(aws)


def teams(aws: Clinic) -> Iterator[Attempts]:
    """People: each team works with the data stores that `two_stores.yaml` gives it."""
    deleting = {
        f"{what} of {store}": attempt
        for store in ("main", "trial")
        for what, attempt in {
            "delete an image set": image_set("delete_image_set", store),
            "copy an image set": image_set("copy_image_set", store, copyImageSetInformation=COPY),
        }.items()
    }
    yield Attempts(
        who="importer of trial",
        principal="importers",
        tries={
            **images("main"),
            **images("trial"),
            **powers("main"),
            **powers("trial"),
            "upload for main": put("Input", "radiology/x"),
            "read the uploads of main": get("Input", "radiology/x"),
            "list the uploads of main": listing("Input", "radiology/"),
            "upload without TLS": plain(put("Input", "trial/x")),
            "start a job of main": start("main", "main"),
            "pass the role of main to a job of trial": start("trial", "main"),
            "read the ledger of all stores": ledger("scan"),
        },
    )
    yield Attempts(
        who="reader of main",
        principal="readers",
        tries={
            **images("trial"),
            **powers("main"),
            **powers("trial"),
            **deleting,
            "read the uploads": get("Input", "radiology/x"),
            "read the ledger": ledger("scan"),
            "start an import job": start("main", "main"),
        },
    )
    yield Attempts(
        who="reader by tag",
        principal="tagged",
        tries={
            **powers("main"),
            **deleting,
            "search image sets, which ignores tags": search("main"),
            "search the other store": search("trial"),
            "read an image set without the tag": image_set("get_image_set", "main"),
            "read metadata without the tag": image_set("get_image_set_metadata", "main"),
            "change tags": tag("main"),
        },
    )
    yield Attempts(
        who="reader of one study",
        principal="study",
        tries={
            **images("trial"),
            **powers("main"),
            "search image sets, which knows no study": search("main"),
            "read an image set by its id": image_set("get_image_set_metadata", "main"),
        },
    )
    yield Attempts(
        who="steward of trial",
        principal="stewards",
        tries={
            **images("main"),
            **powers("main"),
            **powers("trial"),
            "delete an image set of main": image_set("delete_image_set", "main"),
            "start an import job": start("trial", "trial"),
            "read the uploads": get("Input", "trial/x"),
        },
    )
    yield Attempts(
        who="auditor",
        principal="auditors",
        tries={
            **images("main"),
            **images("trial"),
            **powers("main"),
            **deleting,
            "read the uploads": get("Input", "radiology/x"),
            "list the uploads, whose keys may name patients": listing("Input", "radiology/"),
            "read results": get("Output", "main/x"),
            "read the ledger": ledger("scan"),
            "read a job, whose folder may name a patient": job("main"),
            "start an import job": start("main", "main"),
        },
    )
    yield Attempts(
        who="operator",
        principal="operators",
        tries={
            **images("main"),
            **images("trial"),
            **powers("main"),
            **deleting,
            "read the uploads": get("Input", "radiology/x"),
            "upload": put("Input", "radiology/x"),
            "read the whole ledger at once": ledger("scan"),
            "change the pace": pace,
            "look at dead letters without TLS": plain(dead_letters),
            "delete from the ledger": ledger("delete_item", Key={"pk": {"S": "x"}, "sk": {"S": "/"}}),
            "start an import job": start("main", "main"),
        },
    )


def neighbours(aws: Clinic) -> Iterator[Attempts]:
    """The sandbox in the same account reaches nothing of this deployment, nor this one the sandbox."""
    there = {f"{what} of the sandbox": beside(attempt) for what, attempt in data("main").items()}
    for who, principal in (
        ("function start", aws.resource("import", "ImportStartRole")),
        ("import role of main", aws.resource("access", "MainImportRole")),
        ("operator", "operators"),
        ("steward of trial", "stewards"),
    ):
        yield Attempts(who=who, principal=principal, tries=there)
    here = {f"{what} of the clinic": attempt for what, attempt in data("main").items()}
    for who, principal in (
        ("function start of the sandbox", aws.beside.resource("import", "ImportStartRole")),
        ("function record of the sandbox", aws.beside.resource("import", "ImportRecordRole")),
        ("import role of the sandbox", aws.beside.resource("access", "MainImportRole")),
    ):
        yield Attempts(who=who, principal=principal, tries=here)


def table(rows: list[Row]) -> Table:
    shown = Table("who", "must not", "answer")
    for row in rows:
        shown.add_row(row.who, row.must_not, row.answer if row.holds else f"[red]{row.answer}")
    return shown


def main() -> None:
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state,
        clinic(Path(state), console.print) as aws,
    ):
        rows = tried(aws)
    Console(width=140).print(table(rows))
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    allowed = [row for row in rows if not row.holds]
    if allowed:
        sys.exit(f"{len(allowed)} of {len(rows)} things that must be denied are not")


if __name__ == "__main__":
    main()
