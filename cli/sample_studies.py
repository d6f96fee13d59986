"""Which files of pydicom and pydicom-data make the sample studies. They are real, and nobody's.

Left out on purpose: files whose header holds an address, a plausible name, a hospital number or a birth
date of a person, and second files with the SOP Instance UID of one that is in.
"""

from dataclasses import dataclass, field

PCIR = "pcir.org, freely available image sets, downsized by pydicom (MIT)"
NEMA = "NEMA WG-04 compressed samples, as distributed by pydicom (MIT)"
NEMA_CT = "NEMA multi-frame CT test images, as distributed by pydicom (MIT)"
PYDICOM = "made or converted by the pydicom project (MIT)"
CLUNIE = "David Clunie's character set and compression samples, as distributed by pydicom (MIT)"
DCMTK = "OFFIS DCMTK and IHE MESA test files, as distributed by pydicom (MIT)"
GDCM = "GDCM, converted to big endian by pydicom (BSD-3-Clause)"
DCMQI = "dcmqi, given to pydicom by its author (MIT)"
ECHO = "given to the pydicom project as a test file (MIT)"


@dataclass(frozen=True, kw_only=True)
class StudyFolder:
    """One folder of the input bucket: files that import, and files that do not, with a part of the reason."""

    name: str
    what: str
    origin: str
    files: tuple[str, ...]
    broken: dict[str, str] = field(default_factory=dict)


STUDIES = (
    StudyFolder(
        name="ct-head",
        what="CT, one series of four slices, and a file without a transfer syntax",
        origin=PCIR,
        files=tuple(f"dicomdirtests/77654033/CT2/{name}" for name in ("17106", "17136", "17166", "17196")),
        broken={"meta_missing_tsyntax.dcm": "TransferSyntaxUID"},
    ),
    StudyFolder(
        name="ct-two-series",
        what="CT, two series",
        origin=PCIR,
        files=(
            *(f"dicomdirtests/98892001/CT2N/{name}" for name in ("6293", "6924")),
            *(f"dicomdirtests/98892001/CT5N/{name}" for name in ("2062", "2392", "2693", "3023", "3353")),
        ),
    ),
    StudyFolder(
        name="ct-perfusion", what="enhanced CT, multi-frame", origin=NEMA_CT, files=("eCT_Supplemental.dcm",)
    ),
    StudyFolder(name="ct-small", what="CT", origin=NEMA, files=("CT_small.dcm",)),
    StudyFolder(
        name="cr-spine",
        what="CR, three series of one image",
        origin=PCIR,
        files=tuple(f"dicomdirtests/77654033/{name}" for name in ("CR1/6154", "CR2/6247", "CR3/6278")),
    ),
    StudyFolder(
        name="mr-brain",
        what="MR, two series",
        origin=PCIR,
        files=tuple(
            f"dicomdirtests/98892003/{name}" for name in ("MR1/4919", "MR2/4950", "MR2/4981", "MR2/5011")
        ),
    ),
    StudyFolder(
        name="mr-angiography",
        what="MR, three series",
        origin=PCIR,
        files=(
            *(f"dicomdirtests/98892003/{name}" for name in ("MR1/5641", "MR2/6273", "MR2/6605", "MR2/6935")),
            *(
                f"dicomdirtests/98892003/MR700/{name}"
                for name in ("4467", "4528", "4558", "4588", "4618", "4648", "4678")
            ),
        ),
    ),
    StudyFolder(
        name="mr-enhanced", what="enhanced MR, ten frames", origin=PYDICOM, files=("emri_small_RLE.dcm",)
    ),
    StudyFolder(name="mr-small", what="MR", origin=NEMA, files=("MR_small_jpeg_ls_lossless.dcm",)),
    StudyFolder(name="nm-bone", what="nuclear medicine, whole body", origin=NEMA, files=("JPEG-LL.dcm",)),
    StudyFolder(name="us-doppler", what="ultrasound in colour", origin=NEMA, files=("examples_jpeg2k.dcm",)),
    StudyFolder(
        name="us-cine",
        what="ultrasound, 120 frames in colour",
        origin=ECHO,
        files=("color3d_jpeg_baseline.dcm",),
    ),
    StudyFolder(
        name="us-palette",
        what="ultrasound with colour palettes",
        origin=GDCM,
        files=("gdcm-US-ALOKA-16_big.dcm",),
    ),
    StudyFolder(name="us-echo", what="ultrasound", origin=ECHO, files=("JPGLosslessP14SV1_1s_1f_8b.dcm",)),
    StudyFolder(
        name="colour",
        what="one series of colour test images in four transfer syntaxes, and a text file",
        origin=PYDICOM,
        files=(
            "SC_rgb_rle_2frame.dcm",
            "SC_rgb_dcmtk_+eb+cr.dcm",
            "SC_rgb_dcmtk_+eb+cy+n1.dcm",
            "SC_rgb_dcmtk_+eb+cy+n2.dcm",
            "SC_rgb_dcmtk_+eb+cy+np.dcm",
            "SC_rgb_dcmtk_+eb+cy+s2.dcm",
            "SC_rgb_dcmtk_+eb+cy+s4.dcm",
            "SC_rgb_gdcm_KY.dcm",
            "SC_rgb_jpeg_dcmtk.dcm",
            "SC_rgb_jpeg_lossy_gdcm.dcm",
            "SC_rgb_small_odd.dcm",
            "SC_rgb_small_odd_jpeg.dcm",
        ),
        broken={"dicomdirtests/README.txt": "DICOM"},
    ),
    StudyFolder(
        name="segmentation", what="binary segmentation of a liver", origin=DCMQI, files=("liver.dcm",)
    ),
    StudyFolder(
        name="test-patterns",
        what="test patterns with lookup tables",
        origin=DCMTK,
        files=("mlut_18.dcm", "vlut_04.dcm"),
    ),
    StudyFolder(
        name="reports",
        what="two structured reports, a radiotherapy plan, and a file without a SOP class",
        origin=DCMTK,
        files=("reportsi.dcm", "test-SR.dcm", "rtplan.dcm"),
        broken={"priv_SQ.dcm": "SOPClassUID"},
    ),
    StudyFolder(
        name="character-sets",
        what="a study for each of eleven character sets, and one deflated image",
        origin=CLUNIE,
        files=(
            "chrArab.dcm",
            "chrFren.dcm",
            "chrGerm.dcm",
            "chrGreek.dcm",
            "chrH31.dcm",
            "chrH32.dcm",
            "chrHbrw.dcm",
            "chrI2.dcm",
            "chrRuss.dcm",
            "chrX1.dcm",
            "chrX2.dcm",
            "image_dfl.dcm",
        ),
    ),
)
