"""How fast frames, metadata and searches are answered on one kept-alive connection."""

import dataclasses
import gzip
import json
import random
import time
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import Credentials

from benchmarks.importing import place
from benchmarks.sandbox import ROOT, Connection, Sandbox, figures, new_datastore
from emulator.image_sets import search
from emulator.imports.outcomes import Imported
from emulator.pixels.encode import LOSSLESS_FORMATS
from emulator.storage import Storage

HTJ2K = 'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.202'
NATIVE = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'
PATIENTS = 20_000
CREATED_AT = 1_700_000_000
# A few calls at first: what is imported or parsed once is not what is measured.
WARM = 5


def frames(sandbox: Sandbox, count: int) -> dict[str, Any]:
    """GetImageFrame, as the account and as a role whose signature and policies are judged; WADO-RS frames."""
    connection = sandbox.connection()
    image_set, document = _largest_set(sandbox, connection)
    series = document["Study"]["Series"]
    ((series_uid, one_series),) = series.items()
    study_uid = document["Study"]["DICOM"]["StudyInstanceUID"]
    store = f"/datastore/{sandbox.datastore_id}"
    ids = [frame["ID"] for each in one_series["Instances"].values() for frame in each["ImageFrames"]]
    uids = list(one_series["Instances"])

    def asked(credentials: Credentials, number: int) -> AWSPreparedRequest:
        return connection.signed(
            credentials,
            "POST",
            f"{store}/imageSet/{image_set}/getImageFrame",
            json.dumps({"imageFrameId": ids[number % len(ids)]}).encode(),
            {"Content-Type": "application/json"},
        )

    def native_api(credentials: Credentials) -> dict[str, float]:
        return _measured(connection, [asked(credentials, number) for number in range(count + WARM)])

    def wado(accept: str) -> dict[str, float]:
        series_path = f"{store}/studies/{study_uid}/series/{series_uid}"
        return _measured(
            connection,
            [
                connection.signed(
                    ROOT,
                    "GET",
                    f"{series_path}/instances/{uids[number % len(uids)]}/frames/1",
                    headers={"Accept": accept},
                )
                for number in range(count + WARM)
            ],
        )

    return {
        "requests": count,
        "get_image_frame": native_api(ROOT),
        "get_image_frame_as_role": native_api(sandbox.role_session()),
        "wado_stored": wado(HTJ2K),
        "wado_decoded": wado(NATIVE),
        "decoding_alone": _decoding(connection.send(asked(ROOT, 0)), count),
    }


def _decoding(frame: bytes, count: int) -> dict[str, float]:
    """What of a decoded frame's time no service can spare."""
    decode = LOSSLESS_FORMATS["HTJ2K"].decode
    taken = []
    for _ in range(count + WARM):
        begin = time.perf_counter()
        decode(frame)
        taken.append(time.perf_counter() - begin)
    return figures(taken[WARM:])


def searches(sandbox: Sandbox, image_sets: int, count: int) -> dict[str, Any]:
    """SearchImageSets by patient, by study, by time, and without a filter, in turn."""
    datastore_id = new_datastore(sandbox.endpoint)
    _insert(Storage(sandbox.state / "healthimaging"), datastore_id, image_sets)
    connection = sandbox.connection()
    choose = random.Random(4)  # noqa: S311 - the same searches every time
    bodies = [
        _criteria(kind, choose.randrange(image_sets)) for _ in range(count // 4 + 1) for kind in range(4)
    ]
    path = f"/datastore/{datastore_id}/searchImageSets"
    headers = {"Content-Type": "application/json"}
    requests = [connection.signed(ROOT, "POST", path, json.dumps(each).encode(), headers) for each in bodies]
    return {
        "image_sets": image_sets,
        "requests": count,
        **_measured(connection, [*requests[:WARM], *requests]),
        "qido": _qido(connection, datastore_id, [choose.randrange(image_sets) for _ in range(count)]),
    }


def _qido(connection: Connection, datastore_id: str, numbers: list[int]) -> dict[str, dict[str, float]]:
    """QIDO-RS over the same image sets: a patient's studies, a study's series, the studies of a day."""
    queries = {
        "studies_of_patient": lambda number: f"studies?PatientID=P{number % PATIENTS}",
        "series_of_study": lambda number: f"studies/1.2.3.{number // 4}/series",
        "studies_of_day": lambda number: f"studies?StudyDate={_date(number)}&limit=25",
    }
    found = {}
    for name, query in queries.items():
        paths = [f"/datastore/{datastore_id}/{query(number)}" for number in numbers]
        requests = [connection.signed(ROOT, "GET", path) for path in paths]
        found[name] = _measured(connection, [*requests[:WARM], *requests])
    return found


def metadata(sandbox: Sandbox, imported: list[Imported], instances: int, count: int) -> dict[str, Any]:
    """GetImageSetMetadata of one image set with so many instances."""
    storage = Storage(sandbox.state / "healthimaging")
    datastore_id = new_datastore(sandbox.endpoint)
    datastore = storage.row("SELECT * FROM datastores WHERE id = ?", datastore_id)
    assert datastore is not None
    members = [
        dataclasses.replace(
            imported[number % len(imported)], key=str(number), sop_instance_uid=f"1.2.{number}"
        )
        for number in range(instances)
    ]
    (placement,) = place(storage, datastore, "1" * 32, members)
    connection = sandbox.connection()
    path = f"/datastore/{datastore_id}/imageSet/{placement.id}/getImageSetMetadata"
    request = connection.signed(ROOT, "POST", path, b"{}", {"Content-Type": "application/json"})
    return {
        "instances": instances,
        "requests": count,
        "bytes": len(connection.send(request)),
        **_measured(connection, [request] * (count + WARM)),
    }


def _measured(connection: Connection, requests: list[Any]) -> dict[str, float]:
    return figures(connection.timed(requests)[WARM:])


def _largest_set(sandbox: Sandbox, connection: Connection) -> tuple[str, dict[str, Any]]:
    imaging = sandbox.client("medical-imaging")
    found = imaging.search_image_sets(datastoreId=sandbox.datastore_id)["imageSetsMetadataSummaries"]
    (image_set,) = (each["imageSetId"] for each in found)
    path = f"/datastore/{sandbox.datastore_id}/imageSet/{image_set}/getImageSetMetadata"
    request = connection.signed(ROOT, "POST", path, b"{}", {"Content-Type": "application/json"})
    return image_set, json.loads(gzip.decompress(connection.send(request)))


def _insert(storage: Storage, datastore_id: str, count: int) -> None:
    """Rows as an import writes them; SearchImageSets reads nothing else."""
    with storage.writing() as connection:
        for number in range(count):
            row = _row(datastore_id, number)
            connection.execute(
                f"INSERT INTO image_sets ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
                tuple(row.values()),
            )


def _row(datastore_id: str, number: int) -> dict[str, Any]:
    study = f"1.2.3.{number // 4}"
    tags = {
        "DICOMPatientId": f"P{number // 4 % PATIENTS}",
        "DICOMPatientName": f"Benchmark^{number // 4 % PATIENTS}",
        "DICOMAccessionNumber": f"A{number // 4}",
        "DICOMStudyInstanceUID": study,
        "DICOMStudyId": f"S{number // 4}",
        "DICOMSeriesInstanceUID": f"{study}.{number}",
        "DICOMSeriesModality": "CT",
        "DICOMStudyDate": _date(number),
        "DICOMStudyTime": f"{number // 4 % 24:02}{number // 4 % 60:02}00",
    }
    at = CREATED_AT + number
    return {
        "id": f"{datastore_id[:8]}{number:024}",
        "datastore_id": datastore_id,
        "is_primary": 1,
        "version": 1,
        "state": "ACTIVE",
        "workflow_status": "CREATED",
        "created_at": at,
        "updated_at": at,
        "accessed_at": at,
        "conflict_key": "[]",
        "levels": json.dumps(_levels(tags)),
        "dicom_tags": json.dumps(tags),
        "instance_count": 1,
        "study_instance_uid": study,
        "series_instance_uid": tags["DICOMSeriesInstanceUID"],
        **search.columns(tags),
    }


def _date(number: int) -> str:
    # All series of a study are of one day.
    study = number // 4
    return f"20{study % 24:02}{study % 12 + 1:02}{study % 28 + 1:02}"


def _levels(tags: dict[str, str]) -> dict[str, Any]:
    """What QIDO-RS reads of an image set."""
    patient = {"PatientID": tags["DICOMPatientId"], "PatientName": tags["DICOMPatientName"]}
    study = {
        "StudyInstanceUID": tags["DICOMStudyInstanceUID"],
        "StudyDate": tags["DICOMStudyDate"],
        "StudyTime": tags["DICOMStudyTime"],
        "StudyID": tags["DICOMStudyId"],
        "AccessionNumber": tags["DICOMAccessionNumber"],
    }
    series = {"SeriesInstanceUID": tags["DICOMSeriesInstanceUID"], "Modality": "CT", "SeriesNumber": "1"}
    return {"Patient": {"DICOM": patient}, "Study": {"DICOM": study}, "Series": {"DICOM": series}}


def _criteria(kind: int, number: int) -> dict[str, Any]:
    if kind == 0:
        return _filtered("EQUAL", {"DICOMPatientId": f"P{number // 4 % PATIENTS}"})
    if kind == 1:
        return _filtered("EQUAL", {"DICOMStudyInstanceUID": f"1.2.3.{number // 4}"})
    if kind == 2:
        begin = CREATED_AT + number
        return _filtered("BETWEEN", {"createdAt": begin}, {"createdAt": begin + 10_000})
    return {"sort": {"sortField": "DICOMStudyDateAndTime", "sortOrder": "ASC"}}


def _filtered(operator: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {"filters": [{"operator": operator, "values": list(values)}]}
