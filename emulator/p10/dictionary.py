"""What HealthImaging knows of each DICOM element: its key, its VR, whether it is a list, and its level."""

from functools import lru_cache
from typing import NamedTuple

from pydicom._dicom_dict import DicomDictionary


def _keywords(names: str) -> frozenset[str]:
    return frozenset(names.split())


# The developer guide's "Metadata normalization"; every other element belongs to the instance.
PATIENT = _keywords(
    """
    PatientName PatientID IssuerOfPatientID IssuerOfPatientIDQualifiersSequence TypeOfPatientID
    PatientBirthDate PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar
    PatientAlternativeCalendar PatientSex ReferencedPatientPhotoSequence QualityControlSubject
    ReferencedPatientSequence PatientBirthTime OtherPatientIDsSequence OtherPatientNames EthnicGroup
    PatientComments PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription
    PatientBreedCodeSequence BreedRegistrationSequence StrainDescription StrainNomenclature
    StrainCodeSequence StrainAdditionalInformation StrainStockSequence GeneticModificationsSequence
    ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization PatientIdentityRemoved
    DeidentificationMethod DeidentificationMethodCodeSequence SourcePatientGroupIdentificationSequence
    GroupOfPatientsIdentificationSequence ClinicalTrialSponsorName ClinicalTrialProtocolID
    ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID
    ClinicalTrialSubjectReadingID ClinicalTrialProtocolEthicsCommitteeName
    ClinicalTrialProtocolEthicsCommitteeApprovalNumber
    """
)
STUDY = _keywords(
    """
    StudyInstanceUID StudyDate StudyTime ReferringPhysicianName ReferringPhysicianIdentificationSequence
    ConsultingPhysicianName ConsultingPhysicianIdentificationSequence StudyID AccessionNumber
    IssuerOfAccessionNumberSequence StudyDescription PhysiciansOfRecord
    PhysiciansOfRecordIdentificationSequence NameOfPhysiciansReadingStudy
    PhysiciansReadingStudyIdentificationSequence RequestingService RequestingServiceCodeSequence
    ReferencedStudySequence ProcedureCodeSequence ReasonForPerformedProcedureCodeSequence
    AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize PatientWeight
    PatientBodyMassIndex MeasuredAPDimension MeasuredLateralDimension PatientSizeCodeSequence
    MedicalAlerts Allergies SmokingStatus PregnancyStatus LastMenstrualDate PatientState Occupation
    AdditionalPatientHistory AdmissionID IssuerOfAdmissionIDSequence ReasonForVisit
    ReasonForVisitCodeSequence ServiceEpisodeID IssuerOfServiceEpisodeIDSequence ServiceEpisodeDescription
    PatientSexNeutered ClinicalTrialTimePointID ClinicalTrialTimePointDescription
    LongitudinalTemporalOffsetFromEvent LongitudinalTemporalEventType ConsentForClinicalTrialUseSequence
    """
)
SERIES = _keywords(
    """
    Modality SeriesInstanceUID SeriesNumber Laterality SeriesDate SeriesTime PerformingPhysicianName
    PerformingPhysicianIdentificationSequence ProtocolName SeriesDescription SeriesDescriptionCodeSequence
    OperatorsName OperatorIdentificationSequence ReferencedPerformedProcedureStepSequence
    RelatedSeriesSequence BodyPartExamined PatientPosition SmallestPixelValueInSeries
    LargestPixelValueInSeries RequestAttributesSequence AnatomicalOrientationType TreatmentSessionUID
    ClinicalTrialCoordinatingCenterName ClinicalTrialSeriesID ClinicalTrialSeriesDescription Manufacturer
    InstitutionName InstitutionAddress StationName InstitutionalDepartmentName
    InstitutionalDepartmentTypeCodeSequence ManufacturerModelName ManufacturerDeviceClassUID
    DeviceSerialNumber SoftwareVersions GantryID UDISequence DeviceUID SpatialResolution
    DateOfLastCalibration TimeOfLastCalibration PixelPaddingValue FrameOfReferenceUID
    PositionReferenceIndicator
    """
)
ABOVE_INSTANCE = PATIENT | STUDY | SERIES


class Element(NamedTuple):
    """`keyword` is empty where DICOM has none: private elements, and the repeating groups of overlays."""

    key: str
    keyword: str
    vr: str
    is_list: bool | None


@lru_cache(maxsize=8192)
def describe(tag: int) -> Element:
    """Name `tag` as HealthImaging's metadata does. `is_list` is None where the number of values decides."""
    vr, multiplicity, _, _, keyword = DicomDictionary.get(tag, ("UN", "", "", "", ""))
    if not keyword:
        return Element(f"{tag:08X}", "", _vr_without_keyword(tag, vr), None)
    return Element(keyword, keyword, vr, multiplicity != "1")


def _vr_without_keyword(tag: int, vr: str) -> str:
    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return "UL"
    if group % 2 and 0x10 <= element <= 0xFF:
        return "LO"
    return vr
