"""STOW-RS: instances stored by one request, placed in image sets as those of an import job are."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from emulator.aws import Scope
from emulator.datastores import Datastores
from emulator.dicomweb import multipart
from emulator.dicomweb.accept import media_type
from emulator.dicomweb.routes import Action, Request, RequestTooLargeException, UnsupportedMediaTypeException
from emulator.dicomweb.uploads import CANNOT_UNDERSTAND, PROCESSING_FAILURE, Failed, Stored, Upload
from emulator.errors import ValidationException
from emulator.events import Outbox
from emulator.imports import placing
from emulator.imports.frame_files import discard
from emulator.imports.manifests import Placed
from emulator.imports.outcomes import Imported
from emulator.p10.dicom_json import dicom_json
from emulator.routes import Answer
from emulator.storage import Row, Storage
from emulator.workers import WorkerLost

JSON = "application/dicom+json"
P10 = "application/dicom"
LARGEST_BODY = 1024**3


class PartWorkers(Protocol):
    """Worker processes that do what `stow_worker.store_part` does."""

    def run(self, task: Upload, /) -> Stored | Failed: ...


class Stow:
    """The store actions."""

    def __init__(
        self, storage: Storage, datastores: Datastores, outbox: Outbox, workers: PartWorkers
    ) -> None:
        self._storage = storage
        self._datastores = datastores
        self._outbox = outbox
        self._workers = workers
        # Left over by a process that was killed.
        for leftover in storage.folder.glob("*.upload"):
            leftover.unlink()

    def actions(self) -> Mapping[str, Action]:
        return {"StoreDICOM": self.store, "StoreDICOMStudy": self.store}

    def store(self, request: Request) -> Answer:
        """StoreDICOM, and StoreDICOMStudy, which stores instances of its study only."""
        datastore = self._datastores.find_active(request.scope, request.labels["datastore"])
        request_id = secrets.token_hex(16)
        parts = parts_of(request)
        with self._spooled(request_id, request.body) as file:
            make = partial(
                Upload,
                file=str(file),
                request_id=request_id,
                frames=str(self._storage.frames),
                lossless_format=datastore["lossless_format"],
                study_instance_uid=request.labels.get("study"),
            )
            uploads = [
                make(key=f"{number:08}", start=start, size=size) if is_p10 else None
                for number, (is_p10, start, size) in enumerate(parts)
            ]
            results = self._results(uploads)
        imported = [each.imported for each in results if isinstance(each, Stored)]
        try:
            placed, too_large = self._place(request.scope, datastore, request_id, imported)
        except Exception:
            # Nothing was stored, so no image set names these frames: what comes after keeps them.
            discard(self._storage.frames, request_id, (each.key for each in imported))
            raise
        discard(self._storage.frames, request_id, too_large)
        self._outbox.flush()
        return _answer(request, [_placed_or_failed(each, placed) for each in results], placed)

    @contextmanager
    def _spooled(self, request_id: str, body: bytes) -> Iterator[Path]:
        """The body in a file: worker processes read it faster there than through a pipe."""
        file = self._storage.folder / f"{request_id}.upload"
        try:
            file.write_bytes(body)
            yield file
        finally:
            file.unlink(missing_ok=True)

    def _results(self, uploads: list[Upload | None]) -> list[Stored | Failed]:
        # Most requests bring one instance, which needs no threads to wait for it.
        if len(uploads) == 1:
            return [self._result(uploads[0])]
        with ThreadPoolExecutor(os.cpu_count() or 1) as feeders:
            return list(feeders.map(self._result, uploads))

    def _result(self, upload: Upload | None) -> Stored | Failed:
        if upload is None:
            return Failed(None, None, CANNOT_UNDERSTAND)
        # Decoders take processes down, and the rest of a file does not.
        for attempt in (upload, upload._replace(transcode=False)):
            try:
                return self._workers.run(attempt)
            except WorkerLost:
                continue
            except RuntimeError:
                break
        return Failed(None, None, PROCESSING_FAILURE)

    def _place(
        self, scope: Scope, datastore: Row, request_id: str, imported: list[Imported]
    ) -> tuple[Mapping[str, Placed], Iterable[str]]:
        """Where each went, by key, and the keys that no image set takes in. All is stored, or nothing."""
        with (
            placing.planned(self._storage, datastore, request_id, imported) as placements,
            placing.documents(self._storage, datastore, placements) as (written, too_large),
            self._storage.writing() as connection,
        ):
            # Decoding took its time: the data store may be on its way out by now.
            self._datastores.find_active(scope, datastore["id"])
            for each in written:
                placing.store(connection, datastore, each)
        return placing.placed(each.placement for each in written), too_large


def _placed_or_failed(each: Stored | Failed, placed: Mapping[str, Placed]) -> Stored | Failed:
    if isinstance(each, Failed) or each.imported.key in placed:
        return each
    return Failed(each.sop_class_uid, each.imported.sop_instance_uid, PROCESSING_FAILURE)


def parts_of(request: Request) -> list[tuple[bool, int, int]]:
    """Whether each part is a P10 file, and where in the body it lies."""
    if len(request.body) > LARGEST_BODY:
        raise RequestTooLargeException(
            f"the request has {len(request.body)} bytes: at most {LARGEST_BODY} may be stored at once"
        )
    given = media_type(request.headers.get("content-type", ""))
    if not given.is_multipart and given.name == P10 and request.body:
        return [(True, 0, len(request.body))]
    if not given.is_multipart or not given.may_be(P10):
        raise UnsupportedMediaTypeException(f"instances are stored as {P10}, or as multipart/related of it")
    parts = list(multipart.read(request.body, given.parameters.get("boundary", "")))
    if not parts:
        raise ValidationException("the request holds no instance")
    return [(media_type(part.content_type).name == P10, part.start, part.size) for part in parts]


def _answer(request: Request, results: list[Stored | Failed], placed: Mapping[str, Placed]) -> Answer:
    """PS3.18 10.5.3: 200 when all are stored, 202 when some are or have warnings, 409 when none is."""
    stored = [each for each in results if isinstance(each, Stored)]
    failed = [each for each in results if isinstance(each, Failed)]
    studies = {each.imported.study_instance_uid for each in stored}
    body: dict[str, Any] = {}
    if len(studies) == 1:
        body["RetrieveURL"] = request.url_of({"StudyInstanceUID": studies.pop()})
    if failed:
        body["FailedSOPSequence"] = [_failed(each) for each in failed]
    if stored:
        body["ReferencedSOPSequence"] = [_stored(request, each, placed[each.imported.key]) for each in stored]
    is_clean = not failed and not any(each.imported.warnings for each in stored)
    status = 200 if is_clean else 202 if stored else 409
    return Answer(status, {"Content-Type": JSON}, json.dumps(dicom_json(body, {}, str)).encode())


def _failed(each: Failed) -> dict[str, Any]:
    return {
        "ReferencedSOPClassUID": each.sop_class_uid,
        "ReferencedSOPInstanceUID": each.sop_instance_uid,
        "FailureReason": each.reason,
    }


def _stored(request: Request, each: Stored, place: Placed) -> dict[str, Any]:
    warnings = [warning["warning_reason_code"] for warning in each.imported.warnings]
    url = request.url_of(
        {
            "StudyInstanceUID": each.imported.study_instance_uid,
            "SeriesInstanceUID": each.imported.series_instance_uid,
            "SOPInstanceUID": each.imported.sop_instance_uid,
        }
    )
    return {
        "ReferencedSOPClassUID": each.sop_class_uid,
        "ReferencedSOPInstanceUID": each.imported.sop_instance_uid,
        "RetrieveURL": url if place.is_primary else f"{url}?imageSetId={place.image_set_id}",
        **({"WarningReason": warnings[0]} if warnings else {}),
    }
