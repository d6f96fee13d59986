"""docs/reference/emulator.md: what the service has, and which test covers it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import covered
from pydicom.uid import UID, AllTransferSyntaxes

from emulator.dicomweb.routes import ACTIONS
from emulator.model import operations

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "emulator.md"
EVENTS = {
    "Data Store": ("Creating", "Creation Failed", "Created", "Deleting", "Deleted"),
    "Import Job": ("Submitted", "In Progress", "Completed", "Failed"),
    "Image Set": (
        "Created",
        "Copying",
        "Copying With Read Only Access",
        "Copied",
        "Copy Failed",
        "Updating",
        "Updated",
        "Update Failed",
        "Deleting",
        "Deleted",
    ),
}
# What no client can provoke, or only with hours of requests, and the test that does so from within.
FROM_WITHIN = {
    "InternalServerException": "test_routes.py::test_a_fault_of_ours_tells_its_kind_and_no_value",
    "error CopyImageSet ServiceQuotaExceededException": (
        "test_operations.py::test_one_request_copies_at_most_a_thousand_frames"
    ),
    "error CreateDatastore ServiceQuotaExceededException": (
        "test_import_run.py::test_an_account_has_a_hundred_active_data_stores_in_a_region_at_most"
    ),
    "error StartDICOMImportJob ServiceQuotaExceededException": (
        "test_import_run.py::test_a_store_has_a_hundred_jobs_under_way_at_most"
    ),
}
# Errors of the model for which the guide names no case, or none that can be here.
NOT_SENT = {
    "error CreateDatastore ResourceNotFoundException": "a key that does not exist fails the creation later",
    "error GetDICOMImportJob ConflictException": "jobs are told whatever state their data store is in",
    "error ListDICOMImportJobs ConflictException": "jobs are told whatever state their data store is in",
    "error GetImageFrame BadRequestException": "the guide names no case",
    "error GetImageFrame NotAcceptableException": "the guide names no case",
}
# The service quotas of AWS's "Endpoints and quotas", none of which a client reaches in a test.
QUOTAS = {
    "active data stores, 100": (
        "test_import_run.py::test_an_account_has_a_hundred_active_data_stores_in_a_region_at_most"
    ),
    "concurrent import jobs of a data store, 100": (
        "test_import_run.py::test_a_store_has_a_hundred_jobs_under_way_at_most"
    ),
    "the same in ap-southeast-2, 20": (
        "test_import_run.py::test_in_sydney_a_store_has_twenty_jobs_under_way_at_most"
    ),
    "files (5,000), nested folders (10,000) and bytes (10 GB) of an import job, bytes of a file (10 GB)": (
        "test_quotas.py::test_more_than_a_job_may_hold_is_refused"
    ),
    "concurrent copies, deletions and updates of a data store, 100 each": (
        "test_operations.py::test_a_hundred_operations_of_a_kind_are_under_way_at_most"
    ),
    "image frames of a copy, 1,000": "test_operations.py::test_one_request_copies_at_most_a_thousand_frames",
    "payload of UpdateImageSetMetadata, 10 KB": (
        "test_constraints.py::test_a_payload_holds_at_most_ten_kilobytes"
    ),
    "metadata of an image set after an import, 50 MB": (
        "test_import_run.py::test_metadata_beyond_50_mb_refuses_the_instances_and_not_the_job"
    ),
    "metadata of an image set after an update, 50 MB; a copy is written by the same code": (
        "test_operations.py::test_metadata_beyond_fifty_megabytes_fails_the_update"
    ),
    "bytes of a STOW-RS request, 1 GB": "test_stow.py::test_more_than_a_gigabyte_is_too_large",
    "calls a second of each action": "test_throttle.py::test_a_client_that_hammers_is_throttled",
}
HEAD = """<!-- Written by `make covered` from what the tests did: change them, not this page. -->

# The local HealthImaging: what is covered by which test

The rows are those of botocore's model of the service, of the documented events and DICOMweb resources, and of
DICOM's transfer syntaxes. A test covers an operation or a parameter when it was seen to send it over HTTP in
a request that was granted, an error when it was answered with it, an event when it received it, and a
transfer syntax when a file of that syntax was imported and its pixels were compared. Up to two tests are
named, of the module that asks for it most.

Beside them the AWS CLI runs each of its 35 examples, which are of all 18 operations, in
[`test_cli.py`](../../tests/clients/test_cli.py), and dicomweb-client stores, searches and retrieves in
[`test_dicomweb_client.py`](../../tests/clients/test_dicomweb_client.py)."""


def names() -> dict[str, list[str]]:
    """Everything there is to cover, by kind, as `covered` spells it."""
    # A file of the others holds no pixels: it names a server or a stream.
    syntaxes = [uid for uid in AllTransferSyntaxes if not uid.name.startswith(("JPIP", "SMPTE"))]
    return {
        "operation": [f"operation {each.name}" for each in operations()],
        "parameter": [
            f"parameter {each.name} {name}"
            for each in operations()
            for name in covered.parameters(each.input_shape)
        ],
        "error": [f"error {each.name} {shape.name}" for each in operations() for shape in each.error_shapes],
        "event": [f"event {of} {what}" for of, each in EVENTS.items() for what in each],
        "quota": [f"quota {name}" for name in QUOTAS],
        "dicomweb": [f"dicomweb {name}" for name in dict.fromkeys(name for name, _, _ in ACTIONS)],
        "syntax": [f"syntax {uid}" for uid in syntaxes],
    }


def page() -> str:
    """The page as it should be."""
    kept, rows = covered.kept(), names()
    # Beside the actions themselves, the query parameters and statuses that were seen.
    rows["dicomweb"] = sorted({*rows["dicomweb"], *(item for item in kept if item.startswith("dicomweb "))})
    parts = [
        HEAD,
        *_table("Operations", ("Operation",), rows["operation"], kept),
        *_table("Parameters", ("Operation", "Parameter"), rows["parameter"], kept),
        *_table("Errors", ("Operation", "Error"), rows["error"], kept),
        *_table("Quotas", ("Quota and its default on AWS, which is the limit here",), rows["quota"], kept),
        *_table("Events", ("Detail-type",), rows["event"], kept),
        *_table("DICOMweb", ("Action", "Query parameter or status"), rows["dicomweb"], kept),
        *_table("Transfer syntaxes", ("UID", "Name"), rows["syntax"], kept),
    ]
    return "\n".join(parts) + "\n"


def write() -> None:
    """Put it in its place."""
    PAGE.write_text(page(), encoding="utf-8")


def tests_of(item: str, kept: covered.Kept) -> list[str]:
    """The ids of the tests that cover the item."""
    within = FROM_WITHIN.get(item) or FROM_WITHIN.get(item.rpartition(" ")[2])
    within = within or QUOTAS.get(item.removeprefix("quota "))
    return kept.get(item) or ([f"tests/emulator/{within}"] if within else [])


def _table(title: str, columns: tuple[str, ...], items: Iterable[str], kept: covered.Kept) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield f"| {' | '.join(columns)} | Tests |"
    yield "|---" * (len(columns) + 1) + "|"
    for item in items:
        yield f"| {' | '.join(_cells(item, len(columns)))} | {_links(item, kept)} |"


def _cells(item: str, count: int) -> list[str]:
    kind, _, rest = item.partition(" ")
    if kind == "syntax":
        return [f"`{rest}`", UID(rest).name]
    if count == 1:
        return [rest if kind == "quota" else f"`{rest}`"]
    first, _, second = rest.partition(" ")
    return [f"`{first}`", f"`{second}`" if second else ""]


def _links(item: str, kept: covered.Kept) -> str:
    links = []
    for test in tests_of(item, kept):
        file, _, name = test.partition("::")
        links.append(f"[{name.removeprefix('test_').replace('_', ' ')}](../../{file})")
    if links:
        return "; ".join(links)
    return f"never sent: {NOT_SENT[item]}" if item in NOT_SENT else "**no test**"
