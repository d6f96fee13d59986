"""Instances made P10 files again, read by pydicom beside the files they came from."""

import json
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.multival import MultiValue
from sample_files import P10_FILES, make_dataset, name_of, parse, sample, to_bytes

from emulator.dicomweb.rendering import render
from emulator.dicomweb.representation import EXPLICIT_VR, NATIVE, Place, Rendering
from emulator.imports.importing import import_instance
from emulator.p10.dicom_json import dicom_json
from emulator.p10.elements import bulk_hashes, tag_of
from emulator.p10.parsing import InvalidDicom
from emulator.p10.reading import read_instance
from emulator.pixels.frames import StoredPixels, stored_pixels
from emulator.storage import bulk_id

LARGEST = 3_000_000
# What describes the encoding of pixels is that of the file that is handed out.
OF_PIXELS = {
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "PhotometricInterpretation"),
    *("PlanarConfiguration", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
}
OF_THE_WRITER = {"TransferSyntaxUID", "ImplementationClassUID", "FileMetaInformationVersion"}
BIG_ENDIAN = "1.2.840.10008.1.2.2"
# A frame with a delimiter inside, at which every reader of sequences stops.
CUT_OFF = "JPEG2000-embedded-sequence-delimiter.dcm"
# It ends inside its pixels, and pydicom then gives none of its elements.
UNREAD = "emri_small_jpeg_2k_lossless_too_short.dcm"

pytestmark = pytest.mark.filterwarnings("ignore")


def imported(data: bytes, folder: Path) -> tuple[Rendering, StoredPixels]:
    """As an import leaves the file: a rendering in Explicit VR Little Endian, and what was stored."""
    instance = read_instance(data)
    pixels = stored_pixels(instance.dataset)
    kept = import_instance(instance, "1.dcm", job_id="1", frames=str(folder), lossless_format="HTJ2K")
    own = json.loads(zlib.decompress(kept.metadata))
    levels = (instance.patient, instance.study, instance.series, own)
    found = {each.id: Place(str(folder / kept.file), each.start, each.size) for each in kept.frames}
    rendering = Rendering(
        {key: value for level in levels for key, value in level["DICOM"].items()},
        own["DICOMVRs"],
        pixels.transfer_syntax_uid,
        EXPLICIT_VR,
        [found[each["ID"]] for each in own["ImageFrames"]],
        is_whole=True,
        apart={hashed: found[bulk_id(hashed)] for hashed in bulk_hashes(own["DICOM"])},
    )
    return rendering, pixels


def importable() -> Iterator[Path]:
    for path in P10_FILES:
        if path.stat().st_size <= LARGEST and path.name not in (CUT_OFF, UNREAD):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    stored_pixels(read_instance(path.read_bytes()).dataset)
                except InvalidDicom:
                    continue
            yield path


FILES = list(importable())


def rendered(rendering: Rendering, syntax: str = EXPLICIT_VR) -> Dataset:
    made = render(rendering._replace(transfer_syntax_uid=syntax))
    assert not isinstance(made, str), made
    return parse(made[0])


def plain(value: Any) -> Any:
    if isinstance(value, list | MultiValue):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.rstrip(b"\0")
    if value is None or (isinstance(value, int | float) and not hasattr(value, "original_string")):
        return value
    return str(value).strip(" \0")


def comparable(dataset: Dataset, ignored: set[str], *, with_words: bool) -> dict[Any, Any]:
    """Value by tag, items of sequences as objects; empty values are all the same."""
    found: dict[Any, Any] = {}
    for element in dataset:
        if element.keyword in ignored or not element.tag.element or (element.VR == "OW" and not with_words):
            continue
        if element.VR == "SQ":
            items = element.value or []
            found[element.tag] = [comparable(item, ignored, with_words=with_words) for item in items]
        else:
            found[element.tag] = plain(element.value)
    return {tag: value or None if not isinstance(value, int) else value for tag, value in found.items()}


def test_the_files_that_can_be_imported_are_most_of_the_files() -> None:
    assert len(FILES) >= 180


class Case(NamedTuple):
    """A file, what its import left, and the Explicit VR Little Endian file made of that."""

    name: str
    before: Dataset
    rendering: Rendering
    pixels: StoredPixels
    after: Dataset


@pytest.fixture(scope="module", params=FILES, ids=name_of)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    data = request.param.read_bytes()
    rendering, pixels = imported(data, tmp_path_factory.mktemp("frames"))
    return Case(request.param.name, parse(data), rendering, pixels, rendered(rendering))


def test_a_rebuilt_instance_has_the_elements_of_its_file(case: Case) -> None:
    # pydicom leaves the words of a big endian file in their order.
    with_words = case.before.file_meta.TransferSyntaxUID != BIG_ENDIAN
    before, after = (comparable(each, OF_PIXELS, with_words=with_words) for each in (case.before, case.after))
    assert after == before
    meta = comparable(case.before.file_meta, OF_THE_WRITER, with_words=True)
    assert meta.items() <= comparable(case.after.file_meta, OF_THE_WRITER, with_words=True).items()


def test_a_rebuilt_instance_has_the_vrs_of_its_file(case: Case) -> None:
    for element in case.before:
        if element.tag.element and element.keyword not in OF_PIXELS:
            assert case.after[element.tag].VR == element.VR


def test_rebuilt_pixels_are_those_that_were_verified(case: Case) -> None:
    frames = [frame for frame in case.pixels.frames if frame.minimum is not None]
    if frames:
        after = case.after
        size = after.Rows * after.Columns * after.SamplesPerPixel * after.BitsAllocated // 8
        parts = [after.PixelData[number * size :][:size] for number in range(len(frames))]
        assert [zlib.crc32(part) for part in parts] == [frame.checksum for frame in frames]


def pixels_by_pydicom(dataset: Dataset) -> Any:
    """None without pixels, of a syntax that pydicom needs another library for, or where they are damaged."""
    try:
        return dataset.pixel_array
    except (AttributeError, RuntimeError, NotImplementedError, ValueError):
        return None


def test_pydicom_reads_the_pixels_of_a_hundred_of_these_files() -> None:
    read = [pixels_by_pydicom(parse(path.read_bytes())) is not None for path in FILES]
    assert sum(read) >= 100


def test_rebuilt_pixels_are_those_that_pydicom_reads_in_the_file(case: Case) -> None:
    expected = pixels_by_pydicom(case.before)
    if expected is None:
        return
    assert np.array_equal(case.after.pixel_array, expected)


def test_pixels_without_frames_are_had_as_the_file_holds_them(case: Case) -> None:
    if case.pixels.apart is not None:
        assert rendered(case.rendering, case.pixels.transfer_syntax_uid).PixelData == case.before.PixelData


def test_the_stored_syntax_carries_the_stored_frames(case: Case) -> None:
    stored = case.pixels.transfer_syntax_uid
    if stored in NATIVE or not case.pixels.frames:
        return
    after = rendered(case.rendering, stored)

    frames = list(generate_frames(after.PixelData, number_of_frames=len(case.pixels.frames)))
    expected = [frame.data.rstrip(b"\0") for frame in case.pixels.frames]
    assert [frame.rstrip(b"\0") for frame in frames] == expected
    assert after.file_meta.TransferSyntaxUID == stored


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"], ids=["implicit", "deflated"]
)
def test_an_instance_without_pixels_is_had_in_its_own_syntax(syntax: str, tmp_path: Path) -> None:
    data = to_bytes(make_dataset(syntax, PatientName="Doe^Jane", ContentDate="20260102"))
    rendering, _ = imported(data, tmp_path)
    after = rendered(rendering, syntax)

    assert after.file_meta.TransferSyntaxUID == syntax
    assert (after.PatientName, after.ContentDate) == ("Doe^Jane", "20260102")


def test_text_that_its_character_set_cannot_hold_becomes_unicode(tmp_path: Path) -> None:
    rendering, _ = imported(to_bytes(make_dataset(SpecificCharacterSet="ISO_IR 100")), tmp_path)
    attributes = {**rendering.attributes, "PatientName": "Ωμέγα^Άλφα"}
    after = rendered(rendering._replace(attributes=attributes))

    assert (after.SpecificCharacterSet, after.PatientName) == ("ISO_IR 192", "Ωμέγα^Άλφα")


def test_colour_is_labelled_as_it_is_encoded(tmp_path: Path) -> None:
    for name, decoded, encoded in (
        ("SC_ybr_full_422_uncompressed.dcm", "YBR_FULL", "YBR_FULL"),
        ("SC_rgb_small_odd.dcm", "RGB", "YBR_RCT"),
    ):
        rendering, pixels = imported(sample(name), tmp_path)
        assert rendered(rendering).PhotometricInterpretation == decoded
        assert rendered(rendering, pixels.transfer_syntax_uid).PhotometricInterpretation == encoded


TEXTS = st.text(max_size=8).filter(lambda text: "\\" not in text)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), FLOATS, st.sampled_from(["NaN", "inf"]), TEXTS
)
KEYWORDS = st.sampled_from(
    [
        "Rows",
        "PatientName",
        "KVP",
        "SeriesNumber",
        "FrameIncrementPointer",
        "StudyDate",
        "LUTData",
        "SmallestImagePixelValue",
        "SOPClassUID",
        "ReferencedStudySequence",
        "SelectorFDValue",
        "00091001",
    ]
)


@settings(max_examples=300)
@given(st.dictionaries(KEYWORDS, st.one_of(VALUES, st.lists(VALUES, max_size=3)), max_size=4))
def test_metadata_that_an_update_left_in_any_form_is_still_written(attributes: dict[str, Any]) -> None:
    given_vrs = {"00091001": "US"}
    after = rendered(Rendering(attributes, given_vrs, EXPLICIT_VR, EXPLICIT_VR, [], is_whole=True))

    written = {int(element) for element in after._dict}
    assert {tag_of(key) for key in attributes} <= written
    json.dumps(dicom_json(attributes, given_vrs, str), allow_nan=False)


def test_pixels_that_break_off_are_refused_in_a_sentence(tmp_path: Path) -> None:
    rendering, _ = imported(sample(CUT_OFF), tmp_path)

    assert render(rendering) == (
        "DICOM attributes Rows, Columns and SamplesPerPixel are not those of PixelData"
    )
