"""Small DICOM files, laid out in the ways in which people upload them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import count

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

SIDE = 16


@dataclass(frozen=True, kw_only=True)
class Laid:
    """Folders of the input bucket, each with the study that its files are of, and how many they are."""

    name: str
    folders: Sequence[tuple[str, str]]
    files_per_folder: int
    # Objects that are no DICOM, as consoles and Spark write them.
    markers: Sequence[str] = ()

    @property
    def files(self) -> int:
        return len(self.folders) * self.files_per_folder

    def uploads(self) -> Iterator[tuple[str, bytes]]:
        """The keys and bodies, folder by folder; every folder holds a series of its own."""
        for marker in self.markers:
            yield marker, b""
        studies = {study: generate_uid() for _, study in self.folders}
        number = count()
        for folder, study in self.folders:
            series = generate_uid()
            for _ in range(self.files_per_folder):
                index = next(number)
                yield f"{folder}{index:06}.dcm", p10(studies[study], series, index)


def mixed(scale: int) -> list[Laid]:
    """Seven layouts of 50 x `scale` files in all."""
    wards = [
        (f"ward/{ward}/{study}/", f"{ward}-{study}") for ward in range(scale // 10) for study in range(10)
    ]
    nested = [
        (f"nested/{study}/{series}/", str(study)) for study in range(scale // 10) for series in ("ct", "sr")
    ]
    return [
        Laid(
            name="one flat folder of many studies", folders=[("flat/", "flat")], files_per_folder=10 * scale
        ),
        Laid(
            name="one folder a study",
            folders=[(f"studies/{number}/", str(number)) for number in range(scale // 5)],
            files_per_folder=50,
        ),
        Laid(name="ten small studies a folder", folders=wards, files_per_folder=5),
        Laid(name="a folder a series", folders=nested, files_per_folder=50),
        Laid(
            name="a name that begins another's",
            folders=[("siblings/1.2.3/", "short"), ("siblings/1.2.30/", "long")],
            files_per_folder=2 * scale,
        ),
        Laid(
            name="markers among them",
            folders=[("marked/a/", "a"), ("marked/b/", "b")],
            files_per_folder=3 * scale,
            markers=["marked/", "marked/a/", "marked/_SUCCESS"],
        ),
        Laid(
            name="files above folders",
            folders=[("above/", "above"), ("above/below/", "below")],
            files_per_folder=5 * scale // 2,
        ),
    ]


def p10(study: str, series: str, number: int) -> bytes:
    """A grey image of sixteen by sixteen pixels."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID, made.InstanceNumber = study, series, number
    made.PatientName, made.PatientID, made.Modality = "Test^Small", "SMALL", "OT"
    made.Rows = made.Columns = SIDE
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.PixelData = bytes((number + pixel) % 256 for pixel in range(SIDE * SIDE))
    body = BytesIO()
    made.save_as(body, enforce_file_format=True)
    return body.getvalue()
