"""The sample studies: real files, nobody's data, and of every kind the issue asks for."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from cli.sample_studies import STUDIES
from cli.samples import Sample, samples, write_samples

# Placeholders of the people who made the files, and DICOM's own examples of character sets (PS3.5, H to K).
NAMES = {
    "",
    "Buc^Jérôme",
    "Citizen^Jan",
    "CompressedSamples^CT1",
    "CompressedSamples^MR1",
    "CompressedSamples^NM1",
    "CompressedSamples^US1",
    "Doe^Archibald",
    "Doe^Peter",
    "Hong^Gildong=洪^吉洞=홍^길동",
    "JANCT000",
    "Last Name^First Name",
    "Last^First^mid^pre",
    "Lestrade^G",
    "Modality^LUT^Test",
    "NAME^PATIENT^NAME",
    "PLA",
    "Perfusion^MCA Stroke",
    "Test^S R",
    "VOI^LUT^Test",
    "Wang^XiaoDong=王^小东",
    "Wang^XiaoDong=王^小東",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "^^^^",
    "Äneas^Rüdiger",
    "Διονυσιος",
    "Люкceмбypг",  # noqa: RUF001
    "שרון^דבורה",
    "قباني^لنزار",
    "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
}
INVENTED_BIRTH_DATES = {"", "20000101", "19500704"}
PERSONAL = (
    "PatientAddress", "PatientTelephoneNumbers", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName",
    "PatientMotherBirthName", "MilitaryRank", "PatientReligiousPreference", "ResponsiblePerson",
)  # fmt: skip


@pytest.fixture(scope="module")
def good() -> list[tuple[Sample, FileDataset]]:
    return [(one, pydicom.dcmread(one.source)) for one in samples() if one.reason is None]


def test_no_sample_names_a_person(good: list[tuple[Sample, FileDataset]]) -> None:
    for sample, source in good:
        assert str(source.get("PatientName", "")) in NAMES, sample.key
        assert source.get("PatientBirthDate", "") in INVENTED_BIRTH_DATES, sample.key
        assert [word for word in PERSONAL if source.get(word)] == [], sample.key


def test_no_instance_is_there_twice(good: list[tuple[Sample, FileDataset]]) -> None:
    assert len({source.SOPInstanceUID for _, source in good}) == len(good)


def test_keys_differ() -> None:
    keys = [sample.key for sample in samples()]
    assert len(set(keys)) == len(keys)


def test_there_are_sixty_to_two_hundred_files() -> None:
    assert 60 <= len(list(samples())) <= 200


def test_ct_mr_multi_frame_and_colour_are_among_them(good: list[tuple[Sample, FileDataset]]) -> None:
    sources = [source for _, source in good]
    assert {"CT", "MR", "US", "NM", "CR", "SEG", "SR"} <= {source.Modality for source in sources}
    assert any(int(source.get("NumberOfFrames") or 1) > 100 for source in sources)
    assert any(source.get("SamplesPerPixel") == 3 for source in sources)


def test_there_are_at_least_eight_transfer_syntaxes(good: list[tuple[Sample, FileDataset]]) -> None:
    assert len({source.file_meta.TransferSyntaxUID for _, source in good}) >= 8


def broken() -> Iterator[Sample]:
    return (sample for sample in samples() if sample.reason is not None)


def test_one_file_is_not_dicom_and_others_are_broken() -> None:
    def is_dicom(sample: Sample) -> bool:
        try:
            pydicom.dcmread(sample.source)
        except InvalidDicomError:
            return False
        return True

    assert sorted(is_dicom(sample) for sample in broken()) == [False, True, True]


def test_the_samples_are_written_one_folder_a_study(tmp_path: Path) -> None:
    written = write_samples(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {study.name for study in STUDIES}
    for sample in written:
        assert (tmp_path / sample.key).read_bytes() == sample.source.read_bytes()
