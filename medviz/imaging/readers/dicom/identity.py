"""What in a DICOM header may tell who the patient is, and how it is taken out.

The actions are a subset of the basic profile of DICOM PS3.15, Table E.1-1: names, numbers, dates, free text, people and
places are emptied or removed, UIDs replaced, all private elements removed. Pixels are not touched.
"""

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag
from pydicom.uid import UID

from medviz.imaging.findings import Finding, Level, suspicion
from medviz.imaging.readers.dicom.files import DAMAGED, whole_of

_EMPTIED = frozenset(  # Z or D of the profile: type 2 or 1, so that they must stay
    """AccessionNumber ContentCreatorName ContentDate ContentTime FillerOrderNumberImagingServiceRequest
    OperatorsName PatientBirthDate PatientID PatientName PatientSex PersonName
    PlacerOrderNumberImagingServiceRequest RTPlanDate RTPlanTime ReferringPhysicianName ReviewDate ReviewTime
    ReviewerName StructureSetDate StructureSetTime StudyDate StudyID StudyTime VerifyingObserverName""".split()
)
_REMOVED = frozenset(
    """AcquisitionComments AcquisitionContextSequence AcquisitionDate AcquisitionDateTime
    AcquisitionDeviceProcessingDescription AcquisitionProtocolDescription AcquisitionTime
    ActualHumanPerformersSequence AdditionalPatientHistory AddressTrial AdmissionID AdmittingDate
    AdmittingDiagnosesCodeSequence AdmittingDiagnosesDescription AdmittingTime AffectedSOPInstanceUID Allergies
    Arbitrary AuthorObserverSequence BranchOfService CassetteID CommentsOnThePerformedProcedureStep
    ConfidentialityConstraintOnPatientDataDescription ContentSequence ContrastBolusAgent ContributionDescription
    CountryOfResidence CurrentPatientLocation CurveDate CurveTime CustodialOrganizationSequence
    DataSetTrailingPadding DateOfLastCalibration DateOfSecondaryCapture DateTimeOfLastCalibration
    DerivationDescription DetectorID DeviceSerialNumber DigitalSignaturesSequence DischargeDiagnosisDescription
    EthnicGroup GantryID GeneratorID HumanPerformerName HumanPerformerOrganization IconImageSequence
    IdentifyingComments ImageComments ImagePresentationComments ImagingServiceRequestComments Impressions
    InstanceCreationDate InstanceCreationTime InstanceCreatorUID InstitutionAddress InstitutionCodeSequence
    InstitutionName InstitutionalDepartmentName InsurancePlanIdentification
    IntendedRecipientsOfResultsIdentificationSequence InterpretationApproverSequence InterpretationAuthor
    InterpretationDiagnosisDescription InterpretationRecorder InterpretationText InterpretationTranscriber
    IssueDateOfImagingServiceRequest IssuerOfAdmissionID IssuerOfPatientID IssuerOfServiceEpisodeID
    LastMenstrualDate MedicalAlerts MedicalRecordLocator MilitaryRank ModifiedAttributesSequence
    NameOfPhysiciansReadingStudy NamesOfIntendedRecipientsOfResults Occupation OrderCallbackPhoneNumber
    OrderEnteredBy OrderEntererLocation OriginalAttributesSequence OtherPatientIDs OtherPatientIDsSequence
    OtherPatientNames OverlayDate OverlayTime ParticipantSequence PatientAddress PatientAge PatientBirthName
    PatientBirthTime PatientComments PatientInstitutionResidence PatientInsurancePlanCodeSequence
    PatientMotherBirthName PatientPrimaryLanguageCodeSequence PatientReligiousPreference PatientSexNeutered
    PatientSize PatientState PatientTelephoneNumbers PatientTransportArrangements PatientWeight PerformedLocation
    PerformedProcedureStepDescription PerformedProcedureStepEndDate PerformedProcedureStepEndTime
    PerformedProcedureStepID PerformedProcedureStepStartDate PerformedProcedureStepStartTime
    PerformedProtocolCodeSequence PerformedStationAETitle PerformedStationGeographicLocationCodeSequence
    PerformedStationName PerformingPhysicianIdentificationSequence PerformingPhysicianName PersonAddress
    PersonIdentificationCodeSequence PersonTelephoneNumbers PhysicianApprovingInterpretation PhysiciansOfRecord
    PhysiciansOfRecordIdentificationSequence PhysiciansReadingStudyIdentificationSequence PlateID PreMedication
    PregnancyStatus ProcedureCodeSequence ProcedureStepCancellationDateTime ProtocolName ROIDescription
    ReasonForStudy ReasonForTheImagingServiceRequest ReasonForTheRequestedProcedure ReferencedPatientAliasSequence
    ReferencedPatientSequence ReferringPhysicianAddress ReferringPhysicianIdentificationSequence
    ReferringPhysicianTelephoneNumbers RegionOfResidence RequestAttributesSequence RequestedContrastAgent
    RequestedProcedureCodeSequence RequestedProcedureComments RequestedProcedureDescription RequestedProcedureID
    RequestedProcedureLocation RequestingPhysician RequestingService ResponsibleOrganization ResponsiblePerson
    ResultsComments ScheduledHumanPerformersSequence ScheduledPatientInstitutionResidence
    ScheduledPerformingPhysicianName ScheduledProcedureStepDescription ScheduledProcedureStepStartDate
    ScheduledProcedureStepStartTime ScheduledProtocolCodeSequence ScheduledStationAETitle ScheduledStationName
    ScheduledStudyLocation SeriesDate SeriesDescription SeriesTime ServiceEpisodeDescription ServiceEpisodeID
    SmokingStatus SpecialNeeds StationName StorageMediaFileSetID StructureSetDescription StructureSetName
    StudyComments StudyDescription StudyIDIssuer TextComments TextString TimeOfLastCalibration
    TimeOfSecondaryCapture TimezoneOffsetFromUTC TopicAuthor TopicKeywords TopicSubject TopicTitle
    VerifyingOrganization VisitComments""".split()
)
_KEPT_UIDS = frozenset(
    """CodingSchemeUID ContextGroupExtensionCreatorUID ContextUID DigitalSignatureUID ImplementationClassUID
    MappingResourceUID MediaStorageSOPClassUID OriginalSpecializedSOPClassUID PaletteColorLookupTableUID
    ReferencedSOPClassUID RelatedGeneralSOPClassUID SOPClassUID SOPClassesSupported TransferSyntaxUID""".split()
)
_STRONG = frozenset(
    """AccessionNumber MedicalRecordLocator OtherPatientIDs OtherPatientNames PatientAddress PatientBirthDate
    PatientBirthName PatientID PatientMotherBirthName PatientName PatientTelephoneNumbers""".split()
)
_DATES = ("DA", "DT", "TM")
_TEXTS = ("LO", "LT", "SH", "ST", "UC", "UT")
_EMPTY_WORDS = frozenset(
    ("", "anonymous", "anonymized", "anonymised", "anon", "unknown", "none", "removed", "n/a", "no name")
)
_OWN = "medviz label map"


def identifying(data: Dataset, where: str) -> Iterator[Finding]:
    """List what in a header may tell who the patient is; what was blanked before is passed over."""
    own = own_words(data)
    for element in _all(data):
        if element.tag.is_private:
            continue
        level, action = _judged(element)
        if level is None and _tells(element, own):
            level, action = "identifies", "emptied"
        text = _text(element)
        if level is not None and text.lower() not in _EMPTY_WORDS and not text.lower().startswith("removed"):
            yield Finding("tag", level, where, _name(element), text, action)
    private = [element for element in _all(data) if element.tag.is_private and not _is_own(element)]
    if private:
        makers = sorted({str(one.value) for one in private if one.tag.is_private_creator and one.value})
        what = f"{len(private)} private elements" + (f" of {', '.join(makers[:3])}" if makers else "")
        yield Finding("private", "may identify", where, what, "", "removed")


def blank(data: Dataset, uid: Callable[[str], str]) -> None:
    """Take out of a header, nested items included, what may tell who the patient is; `uid` gives the new UIDs."""
    _blank(data, uid, own_words(data))
    if hasattr(data, "file_meta"):
        for name in ("SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "ReceivingApplicationEntityTitle",
                     "PrivateInformation", "PrivateInformationCreatorUID"):  # fmt: skip
            if name in data.file_meta:
                delattr(data.file_meta, name)
        data.file_meta.MediaStorageSOPInstanceUID = UID(data.get("SOPInstanceUID", ""))
    data.preamble = b"\0" * 128
    data.PatientIdentityRemoved = "YES"
    data.DeidentificationMethod = "medviz: a subset of PS3.15 Table E.1-1; pixels as they were"
    data.LongitudinalTemporalInformationModified = "REMOVED"


def own_words(data: Dataset) -> frozenset[str]:
    """The patient's own names and number, in small letters, as they may stand in any free text of the file."""
    found: set[str] = set()
    for name in ("PatientName", "OtherPatientNames", "PatientBirthName"):
        found |= {word for word in re.split(r"[^\w]+|_", str(data.get(name) or "").lower()) if len(word) > 2}
    for name in ("PatientID", "AccessionNumber", "OtherPatientIDs"):
        number = str(data.get(name) or "").strip().lower()
        found |= {number} if len(number) > 3 else set()
    return frozenset(found - _EMPTY_WORDS)


def _tells(element: DataElement, own: frozenset[str]) -> bool:
    """Whether a text that no rule names holds the patient's name or number, or looks like a name all the same."""
    if element.VR not in _TEXTS or not element.value:
        return False
    text = str(element.value)
    found = suspicion(text)
    return (found is not None and found[0] == "identifies") or any(
        re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text.lower()) for word in own
    )


def new_uids(secret: bytes) -> Callable[[str], str]:
    """Make a function from an old UID to a new one: the same for the same, and no way back without the secret."""

    def made(old: str) -> str:
        digest = hashlib.blake2b(old.encode(), key=secret, digest_size=16).digest()
        return f"2.25.{int.from_bytes(digest, 'big')}"

    return made


def burnt_in(data: Dataset) -> str:
    """Why text may be burnt into the picture by what the header says; empty where it says nothing of the kind."""
    said = str(data.get("BurnedInAnnotation") or "").upper()
    modality = str(data.get("Modality") or "")
    kind = str(data.get("ConversionType") or "")
    if said == "YES":
        return "its header says that text is burnt into the picture"
    if said == "NO":
        return ""
    if modality in ("US", "SC", "XC", "ES", "OT", "GM") or kind:
        return f"pictures of its kind ({modality or 'secondary capture'}) often have the patient's name burnt in"
    return ""


def picture_of(path: Path) -> NDArray[Any] | None:
    """Decode the middle frame of a file to look at it, (rows, cols) or (rows, cols, 3); None where there is none."""
    data = whole_of(path)
    if data is None or "PixelData" not in data:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = np.asarray(data.pixel_array)
    except DAMAGED:
        return None
    if int(data.get("NumberOfFrames") or 1) > 1:
        pixels = pixels[len(pixels) // 2]
    return pixels if pixels.ndim in (2, 3) else None


def _blank(data: Dataset, uid: Callable[[str], str], own: frozenset[str]) -> None:
    for element in list(data):
        tag, keyword = element.tag, element.keyword
        if tag.is_private:
            if not _is_own(element):
                del data[tag]
        elif _is_graphic(tag) or keyword in _REMOVED or not dictionary_has_tag(tag):
            del data[tag]
        elif element.VR == "SQ":
            for item in element.value or ():
                _blank(item, uid, own)
        elif keyword in _EMPTIED or element.VR == "PN" or _tells(element, own):
            element.value = ""
        elif element.VR in _DATES:
            del data[tag]
        elif element.VR == "UI" and keyword not in _KEPT_UIDS:
            _renew(element, uid)


def _renew(element: DataElement, uid: Callable[[str], str]) -> None:
    value = element.value
    if not value:
        return
    if isinstance(value, str):
        element.value = value if _is_standard(value) else uid(value)
    else:
        element.value = [one if _is_standard(str(one)) else uid(str(one)) for one in value]


def _is_standard(value: str) -> bool:
    """UIDs that the standard itself gives out (classes, syntaxes, well-known frames) name nobody."""
    return value.startswith("1.2.840.10008.")


def _judged(element: DataElement) -> tuple[Level | None, str]:
    """Return how much an element tells, and what a clean copy does with it."""
    keyword = element.keyword
    if keyword in _STRONG:
        return "identifies", "emptied" if keyword in _EMPTIED else "removed"
    if element.VR == "PN":
        return "identifies", "removed" if keyword in _REMOVED else "emptied"
    if keyword in _EMPTIED:
        return "may identify", "emptied"
    if keyword in _REMOVED and element.VR != "SQ":
        return "may identify", "removed"
    if element.VR in _DATES:
        return "may identify", "removed"
    return None, ""


def _all(data: Dataset) -> Iterator[DataElement]:
    for element in data:
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _all(item)
        else:
            yield element


def _is_own(element: DataElement) -> bool:
    """Keep the label values that medviz wrote itself: a whole number names nobody."""
    if element.tag.is_private_creator:
        return str(element.value) == _OWN
    return bool(element.tag.group == 0x0063 and str(getattr(element, "private_creator", "") or "") == _OWN)


def _is_graphic(tag: BaseTag) -> bool:
    """Curves and overlays: pictures over the picture, which may be written text."""
    return bool(0x5000 <= tag.group <= 0x50FF or 0x6000 <= tag.group <= 0x60FF)


def _text(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if value else ""
    return str(value).strip().strip("^")


def _name(element: DataElement) -> str:
    try:
        return str(dictionary_description(element.tag))
    except KeyError:
        return str(element.tag)
