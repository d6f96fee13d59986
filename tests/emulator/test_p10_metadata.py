"""A file as normalised metadata: levels, values, character sets, and what is searched by."""

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest
from p10_reading import READABLE, attributes, read
from pydicom import Dataset
from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from sample_files import make_dataset, name_of, parse, sample

from emulator.p10.reading import Instance, read_instance


@pytest.mark.parametrize("path", READABLE, ids=name_of)
def test_a_real_file_becomes_strict_json(path: Path) -> None:
    instance = read_instance(path.read_bytes())

    levels = [instance.patient, instance.study, instance.series, instance.instance, instance.search]
    assert json.loads(json.dumps(levels, allow_nan=False)) == levels


def test_each_element_stands_at_its_level_only() -> None:
    instance = read(make_dataset(PatientID="P", PatientAge="010Y", Modality="CT", KVP="120"))

    assert instance.patient["DICOM"]["PatientID"] == "P"
    assert instance.study["DICOM"]["PatientAge"] == "010Y"
    assert instance.series["DICOM"]["Modality"] == "CT"
    assert instance.instance["DICOM"]["KVP"] == "120 "
    assert not {"PatientID", "PatientAge", "Modality"} & instance.instance["DICOM"].keys()
    assert list(instance.series["DICOM"]) == ["Modality", "SeriesInstanceUID"], "in the order of the alphabet"
    assert "KVP" not in instance.patient["DICOM"] | instance.study["DICOM"] | instance.series["DICOM"]


def test_file_meta_stands_at_the_instance_with_the_original_transfer_syntax() -> None:
    instance = read_instance(sample("MR_small_implicit.dcm"))

    assert instance.instance["DICOM"]["TransferSyntaxUID"] == ImplicitVRLittleEndian
    assert instance.instance["DICOM"]["FileMetaInformationVersion"] == "AAE="
    assert isinstance(instance.instance["DICOM"]["FileMetaInformationGroupLength"], int)


def test_an_element_that_may_have_several_values_is_a_list_even_of_one() -> None:
    read_back = attributes(read(make_dataset(WindowCenter="40", SoftwareVersions=["a", "b"], Rows=5)))

    assert read_back["WindowCenter"] == ["40"]
    assert read_back["SoftwareVersions"] == ["a", "b"]
    assert read_back["Rows"] == 5


def test_an_empty_element_is_null() -> None:
    empty = make_dataset(StudyID="", WindowCenter=None, ReferencedStudySequence=[], AccessionNumber="  ")

    read_back = attributes(read(empty))

    for keyword in ("StudyID", "WindowCenter", "ReferencedStudySequence", "AccessionNumber"):
        assert read_back[keyword] is None


def test_sequences_are_lists_of_objects_at_any_depth() -> None:
    code = Dataset()
    code.CodeValue = "121320"
    source = Dataset()
    source.PurposeOfReferenceCodeSequence = [code, Dataset()]

    read_back = attributes(read(make_dataset(SourceImageSequence=[source])))

    nested = {"PurposeOfReferenceCodeSequence": [{"CodeValue": "121320"}, {}]}
    assert read_back["SourceImageSequence"] == [nested]


def test_private_elements_are_keyed_by_tag_and_their_vrs_are_told() -> None:
    dataset = make_dataset()
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0xF9, "DS", "97")
    block.add_new(0xFA, "FL", [1.5, 2.5])
    item = Dataset()
    item.private_block(0x0021, "NESTED", create=True).add_new(0x01, "OB", b"\0\1")
    dataset.SourceImageSequence = [item]

    instance = read(dataset).instance

    assert instance["DICOM"]["00190010"] == "GEMS_ACQU_01"
    assert instance["DICOM"]["001910F9"] == "97"
    assert instance["DICOM"]["001910FA"] == [1.5, 2.5]
    assert instance["DICOM"]["SourceImageSequence"] == [{"00210010": "NESTED", "00211001": "AAE="}]
    assert instance["DICOMVRs"] == {
        "00190010": "LO",
        "001910F9": "DS",
        "001910FA": "FL",
        "00210010": "LO",
        "00211001": "OB",
    }


def test_a_file_without_private_elements_has_an_empty_table_of_vrs() -> None:
    assert read(make_dataset()).instance["DICOMVRs"] == {}


def test_pixel_data_is_left_out() -> None:
    assert not {"PixelData", "7FE00010"} & attributes(read_instance(sample("CT_small.dcm"))).keys()


def test_a_vr_that_depends_on_the_sign_of_the_pixels_follows_it() -> None:
    for signed, expected in ((0, 65535), (1, -1)):
        dataset = make_dataset(PixelRepresentation=signed)
        dataset["SmallestImagePixelValue"] = DataElement(0x00280106, "US" if not signed else "SS", expected)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

        assert attributes(read(dataset))["SmallestImagePixelValue"] == expected


def without_encoding(instance: Instance) -> dict[str, Any]:
    told_by_the_encoding = {"TransferSyntaxUID", "FileMetaInformationGroupLength"}
    return {key: value for key, value in attributes(instance).items() if key not in told_by_the_encoding}


@pytest.mark.parametrize(
    "transfer_syntax_uid", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_metadata_does_not_depend_on_the_encoding_of_the_file(transfer_syntax_uid: str) -> None:
    dataset = make_dataset(
        PatientName="A^B", Rows=512, WindowCenter=["40", "80"], PixelRepresentation=1, ImageType=["A", "B"]
    )
    dataset.FrameIncrementPointer = [0x00181063]
    dataset.RedPaletteColorLookupTableData = b"\1\2\3\4"
    dataset.RealWorldValueFirstValueMapped = -5
    dataset.DopplerCorrectionAngle = -1.5
    explicit = read(dataset)
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    if transfer_syntax_uid == ExplicitVRBigEndian:
        dataset.RedPaletteColorLookupTableData = b"\2\1\4\3"

    assert without_encoding(read(dataset)) == without_encoding(explicit)


CHARSET_FILES = [path for path in READABLE if path.name.startswith("chr")]


@pytest.mark.parametrize("path", CHARSET_FILES, ids=name_of)
def test_names_are_decoded_by_the_character_set_of_the_file(path: Path) -> None:
    expected = str(parse(path.read_bytes()).PatientName)

    assert not expected.isascii()
    # pydicom drops a component group that is empty.
    assert attributes(read_instance(path.read_bytes()))["PatientName"].rstrip("=") == expected


def test_a_sequence_item_may_have_a_character_set_of_its_own() -> None:
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 192"
    item.PatientName = "\u6771\u4eac"
    inheriting = Dataset()
    inheriting.PatientID = "\u00e9"
    dataset = make_dataset(SpecificCharacterSet="ISO_IR 100", PatientName="\u00e9")
    dataset.OtherPatientIDsSequence = [item, inheriting]

    read_back = attributes(read(dataset))

    assert read_back["PatientName"] == "\u00e9"
    assert read_back["OtherPatientIDsSequence"][0]["PatientName"] == "\u6771\u4eac"
    assert read_back["OtherPatientIDsSequence"][1] == {"PatientID": "\u00e9"}


def told_by_pydicom(element: DataElement) -> Any:
    """Give pydicom's own reading of the value, in HealthImaging's shape and without padding."""
    if element.is_empty or element.value is None:
        return None
    values = list(element.value) if element.VM > 1 else [element.value]
    values = [value if type(value) in (int, float) else str(value) for value in values]
    values = [value.strip(" \0=") or None if isinstance(value, str) else value for value in values]
    return values if dictionary_VM(element.tag) != "1" or len(values) > 1 else values[0]


def unpadded(value: Any) -> Any:
    if isinstance(value, list):
        return [unpadded(one) for one in value]
    return value.strip(" \0=") if isinstance(value, str) else value


@pytest.mark.parametrize("path", READABLE, ids=name_of)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_values_are_those_that_pydicom_converts(path: Path) -> None:
    read_back = attributes(read_instance(path.read_bytes()))
    # Of a file that ends within its pixels, pydicom gives no element when it is to read these too.
    dataset = pydicom.dcmread(path, stop_before_pixels=True)

    compared = 0
    for element in dataset:
        if not element.keyword or element.keyword not in read_back:
            continue
        if element.VR in {"SQ", "AT", "OB", "OW", "OF", "OD", "OL", "OV", "UN"}:
            continue
        assert unpadded(read_back[element.keyword]) == told_by_pydicom(element), element.keyword
        compared += 1
    assert compared >= 5


def test_the_conflict_key_is_made_of_the_grouping_elements() -> None:
    dataset = make_dataset(
        StudyDate="20200101", AccessionNumber="A", PatientID="P", StudyID="S", SeriesNumber="7"
    )

    assert read(dataset).conflict_key == (
        "20200101",
        "A",
        "P",
        dataset.StudyInstanceUID,
        "S",
        dataset.SeriesInstanceUID,
        "7",
    )


def test_elements_absent_and_empty_do_not_conflict() -> None:
    dataset = make_dataset()
    absent = read(dataset).conflict_key
    dataset.AccessionNumber = ""

    assert read(dataset).conflict_key == absent


def test_search_holds_the_elements_by_the_names_of_the_api() -> None:
    search = read_instance(sample("CT_small.dcm")).search

    assert search == {
        "DICOMPatientId": "1CT1",
        "DICOMPatientName": "CompressedSamples^CT1",
        "DICOMPatientSex": "O",
        "DICOMStudyInstanceUID": "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322",
        "DICOMStudyId": "1CT1",
        "DICOMStudyDescription": "e+1",
        "DICOMSeriesInstanceUID": "1.3.6.1.4.1.5962.1.3.1.1.20040119072730.12322",
        "DICOMSeriesModality": "CT",
        "DICOMSeriesNumber": "1",
        "DICOMStudyDate": "20040119",
        "DICOMStudyTime": "072730",
    }


@pytest.mark.parametrize("number", ["1.5", "abc", "99999999999", "1" * 5000])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_series_number_that_is_no_32_bit_integer_is_not_searchable(number: str) -> None:
    dataset = make_dataset()
    dataset["SeriesNumber"] = DataElement(0x00200011, "LO", number)

    assert "DICOMSeriesNumber" not in read(dataset).search
