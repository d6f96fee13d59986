"""What becomes of every small P10 file of pydicom and pydicom-data: `make tally` prints it of all."""

import pytest
from local_aws import Store
from p10_reading import REFUSED
from sample_files import P10_FILES

from benchmarks.outcomes import reasons, untold
from benchmarks.tally import counted, table

LARGEST = 200_000
UID_FORMAT, LENGTH = "INVALID_UID_FORMAT", "INVALID_DICOM_VALUE_LENGTH"
WARNED = {
    "bad_sequence.dcm": f"{UID_FORMAT} and {LENGTH}",
    "color-pl.dcm": LENGTH,
    "color-px.dcm": LENGTH,
    "ExplVR_BigEnd.dcm": LENGTH,
    "MR_truncated.dcm": "FRAMES_EXTRACTION_FAILURE",
    "badVR.dcm": f"{UID_FORMAT} and TRANSCODING_EXCEPTION",
    **dict.fromkeys(("rtdose.dcm", "rtdose_1frame.dcm", "rtdose_expb.dcm"), UID_FORMAT),
    **dict.fromkeys(("rtdose_expb_1frame.dcm", "rtdose_rle.dcm", "rtdose_rle_1frame.dcm"), UID_FORMAT),
}


def expected(name: str) -> str:
    if name in REFUSED:
        return REFUSED[name]
    return f"imported with {WARNED[name]}" if name in WARNED else "imported"


def test_each_file_is_imported_or_fails_for_the_reason_that_the_guide_gives(store: Store) -> None:
    paths = [path for path in P10_FILES if path.stat().st_size <= LARGEST]
    keys = {f"in/{number}": path for number, path in enumerate(paths)}

    job = store.import_files({key.removeprefix("in/"): path.read_bytes() for key, path in keys.items()})

    found = reasons(*store.all_lines(job))
    assert untold(keys, found) == []
    assert {keys[key].name: reason for key, reason in found} == {
        path.name: expected(path.name) for path in paths
    }
    assert len(paths) >= 200, "pydicom-data is not installed: the tally would be of half the files"


@pytest.mark.parametrize(
    ("name", "syntax"),
    [("CT_small.dcm", "Explicit VR Little Endian"), ("meta_missing_tsyntax.dcm", "none")],
)
def test_the_tally_is_by_the_name_of_the_transfer_syntax(name: str, syntax: str) -> None:
    (path,) = (each for each in P10_FILES if each.name == name)

    counts = counted({path: "imported"})

    assert counts == {syntax: {"imported": 1}}
    assert table(counts).row_count == 1
