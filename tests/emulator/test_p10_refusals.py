"""Which files are refused, in whose words, and that no value is told."""

import json
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from p10_reading import READABLE, REFUSED, attributes, read
from pydicom.dataelem import DataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian
from sample_files import ALL_FILES, P10_FILES, is_p10, make_dataset, name_of, to_bytes

from emulator.p10 import parsing
from emulator.p10.parsing import InvalidDicom
from emulator.p10.reading import Instance, read_instance


@pytest.mark.parametrize("path", [path for path in P10_FILES if path.name in REFUSED], ids=name_of)
def test_a_real_file_that_healthimaging_cannot_import_is_refused(path: Path) -> None:
    with pytest.raises(InvalidDicom) as refusal:
        read_instance(path.read_bytes())

    assert str(refusal.value) == REFUSED[path.name]


@pytest.mark.parametrize(
    "path", [path for path in ALL_FILES if path.is_file() and not is_p10(path)], ids=name_of
)
def test_a_file_without_the_p10_preamble_is_refused(path: Path) -> None:
    with pytest.raises(
        InvalidDicom, match=r"^DICOM (attribute TransferSyntaxUID|attributes) does not exist$"
    ):
        read_instance(path.read_bytes())


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 200])
def test_what_is_not_dicom_has_no_attributes(data: bytes) -> None:
    with pytest.raises(InvalidDicom, match=r"^DICOM attributes does not exist$"):
        read_instance(data)


@pytest.mark.parametrize(("most", "is_read"), [(1_000_000, False), (1_100_000, True)])
def test_a_deflated_file_that_would_become_too_long_is_not_inflated(
    monkeypatch: pytest.MonkeyPatch, most: int, is_read: bool
) -> None:
    monkeypatch.setattr(parsing, "LARGEST_INFLATED", most)
    dataset = make_dataset(TextValue="0" * 1_050_000)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = to_bytes(dataset)

    assert len(data) < 10_000
    if is_read:
        read_instance(data)
    else:
        with pytest.raises(InvalidDicom, match=f"longer than {most} bytes when it is inflated"):
            read_instance(data)


def test_a_data_set_without_file_meta_has_no_transfer_syntax() -> None:
    with pytest.raises(InvalidDicom, match=r"^DICOM attribute TransferSyntaxUID does not exist$"):
        read_instance(b"\x08\x00\x16\x00UI\x06\x001.2.3\0")


def test_what_is_no_known_attribute_is_not_named_as_it_may_be_a_piece_of_a_value() -> None:
    piece = b"Doe^LO\xff\0Jane"

    with pytest.raises(InvalidDicom, match=r"^A DICOM attribute ends before its length: "):
        read_instance(to_bytes(make_dataset()) + piece)


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
)
def test_a_file_without_a_required_uid_is_refused(keyword: str) -> None:
    absent, empty = make_dataset(), make_dataset()
    for dataset in (absent, empty):
        # Or pydicom would not write the file.
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    delattr(absent, keyword)
    setattr(empty, keyword, "")

    for dataset in (absent, empty):
        with pytest.raises(InvalidDicom, match=rf"^DICOM attribute {keyword} does not exist$"):
            read(dataset)


@pytest.mark.parametrize(
    ("keyword", "longest"),
    [
        ("PatientName", 256),
        ("PatientID", 256),
        ("PatientSex", 16),
        ("StudyID", 256),
        ("StudyDescription", 256),
        ("AccessionNumber", 256),
        ("StudyInstanceUID", 256),
        ("SeriesInstanceUID", 256),
        ("SOPInstanceUID", 256),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_element_longer_than_healthimaging_allows_is_refused(keyword: str, longest: int) -> None:
    assert read(make_dataset(**{keyword: "1" * longest})).sop_instance_uid

    with pytest.raises(InvalidDicom) as refusal:
        read(make_dataset(**{keyword: "1" * (longest + 1)}))
    assert str(refusal.value) == f"DICOM attribute {keyword} is longer than {longest} characters"


@pytest.mark.parametrize("keyword", ["NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_count_above_a_million_is_refused(keyword: str) -> None:
    assert read(make_dataset(**{keyword: "1000000"})).search[f"DICOM{keyword}"] == "1000000"

    for number in ("1000001", "-1", "1" * 5000):
        dataset = make_dataset()
        dataset[keyword] = DataElement(keyword, "LO", number)
        with pytest.raises(InvalidDicom, match=f"{keyword} is not a whole number from 0 to 1000000"):
            read(dataset)


MARKER = "SECRETVALUE"


SMALL_FILES = [
    *(path.read_bytes() for path in READABLE if path.stat().st_size < 20_000),
    to_bytes(make_dataset(PatientName=MARKER, PatientID=MARKER, StudyDescription=MARKER, StudyID=MARKER)),
]


mutations = st.lists(st.tuples(st.integers(0, 2**31), st.binary(min_size=1, max_size=6)), max_size=12)


def mutated(data: bytes, changes: list[tuple[int, bytes]], length: int) -> bytes:
    changed = bytearray(data)
    for position, replacement in changes:
        start = 132 + position % (len(data) - 132)
        changed[start : start + len(replacement)] = replacement
    return bytes(changed[: length % (len(data) * 2)])


def outcome(data: bytes) -> Instance | InvalidDicom:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read_instance(data)
        except InvalidDicom as refusal:
            return refusal


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SMALL_FILES), mutations, st.integers(0, 2**31))
def test_a_damaged_file_is_read_or_refused_and_its_values_are_not_told(
    data: bytes, changes: list[tuple[int, bytes]], length: int
) -> None:
    result = outcome(mutated(data, changes, length))

    if isinstance(result, Instance):
        json.dumps(attributes(result), allow_nan=False)
    else:
        assert MARKER not in str(result)
        assert result.__suppress_context__ or result.__context__ is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_after_the_preamble_are_refused(data: bytes) -> None:
    assert isinstance(outcome(b"\0" * 128 + b"DICM" + data), InvalidDicom)
