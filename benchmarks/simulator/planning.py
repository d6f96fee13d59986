"""The planner over more files than fit: folders are kept, rows and listings are made as they are read."""

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

from benchmarks.memory_aws.dynamodb import MemoryTable
from benchmarks.simulator.deployed import ENVIRONMENT
from benchmarks.simulator.scenario import FILE_BYTES, FILES_OF_A_STUDY

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
AN_HOUR_BEFORE = NOON - timedelta(hours=1)
STUDIES_OF_A_FOLDER = 10
VERSION = "v" * 32


class GeneratedTable(MemoryTable):
    """Rows of files are made when a folder is read; all others are kept."""

    def query(self, KeyConditionExpression: str, **request: Any) -> Any:  # noqa: N803
        pk = request["ExpressionAttributeValues"].get(":pk", "")
        if not pk.startswith("input/"):
            return super().query(KeyConditionExpression, **request)
        return {"Items": [_row(pk, name) for name in _names()]}


class GeneratedS3:
    """What lies under a folder of ten studies, or under one of them."""

    def __init__(self, studies: int) -> None:
        self._studies = studies

    def get_paginator(self, operation: str) -> "GeneratedS3":
        assert operation == "list_object_versions"
        return self

    def paginate(self, Prefix: str = "", **request: str) -> Iterator[Any]:  # noqa: N803
        first = int(Prefix.split("/")[0]) * STUDIES_OF_A_FOLDER if Prefix else 0
        last = first + STUDIES_OF_A_FOLDER if Prefix else self._studies
        for folder in map(_folder, range(first, min(last, self._studies))):
            if folder.startswith(Prefix):
                yield {"Versions": [_version(folder + name) for name in _names()]}


def plan_all(files: int) -> dict[str, float]:
    """Plan so many files in one pass, with starts as fast as need be."""
    os.environ.update(ENVIRONMENT)
    from benchmarks.memory_aws.functions import make_functions
    from lambdas.adapters.ledger import Ledger
    from lambdas.importing.files import FolderState
    from lambdas.importing.pacer import Rate
    from lambdas.settings import read_import_settings

    class Waiting:
        """What the functions meet."""

        settings = replace(
            read_import_settings(ENVIRONMENT["IMPORT_SETTINGS"]),
            rate=Rate(per_second=1e6, burst=1, ceiling=1e6),
        )
        table = GeneratedTable(page=10_000)
        s3: Any = GeneratedS3(files // FILES_OF_A_STUDY)
        imaging: Any = None
        ledger = Ledger(table)

        def now(self) -> datetime:
            return NOON

        def sleep(self, seconds: float) -> None:
            raise AssertionError("to plan is not to wait")

        def send_message(self, **request: Any) -> None:
            """Jobs go no further than their plan."""

    world = Waiting()
    for study in range(files // FILES_OF_A_STUDY):
        world.ledger.touch("input", _folder(study), "main", world.settings.timing, AN_HOUR_BEFORE)
    planner = make_functions(world, lambda name, value: None).plan.planner
    began = time.process_time()
    planner.plan(world.ledger.folders_in(FolderState.OPEN))
    seconds = time.process_time() - began
    jobs = list(world.ledger.jobs())
    assert sum(job.files for job in jobs) == files
    return {
        "files": files,
        "jobs": len(jobs),
        "cpu_seconds": round(seconds, 2),
        "nanoseconds_by_n_log_n": round(seconds / (files * log(files)) * 1e9),
        "peak_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _folder(study: int) -> str:
    return f"{study // STUDIES_OF_A_FOLDER:05d}/1.2.840.{study:06d}/"


def _names() -> Iterator[str]:
    return (f"{image:04d}.dcm" for image in range(FILES_OF_A_STUDY))


def _row(pk: str, name: str) -> dict[str, Any]:
    return {
        "pk": pk,
        "sk": f"{name}#{VERSION}",
        "name": name,
        "version": VERSION,
        "size": FILE_BYTES,
        "etag": VERSION,
        "sequencer": "0" * 18,
        "uploaded_at": "2026-11-20T11:00:00.000Z",
        "store": "main",
        "status": "WAITING",
    }


def _version(key: str) -> dict[str, Any]:
    return {
        "Key": key,
        "VersionId": VERSION,
        "LastModified": AN_HOUR_BEFORE,
        "IsLatest": True,
        "Size": FILE_BYTES,
        "ETag": f'"{VERSION}"',
    }
