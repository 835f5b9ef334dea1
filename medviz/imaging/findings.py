"""What may tell who a patient is: findings, and the guesses about names, numbers and dates in a text."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["identifies", "may identify", "look"]
"""What names a person; what may (free text, a date); what only a person's eye can judge."""
ORDER: tuple[Level, ...] = ("identifies", "may identify", "look")
KINDS = {
    "tag": "DICOM tag",
    "private": "private DICOM tag",
    "header": "header text",
    "name": "file name",
    "pixels": "text in the picture",
    "face": "face",
}
_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d([-_./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])"
                   r"|(?:0?[1-9]|[12]\d|3[01])([-_./])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d)(?!\d)")  # fmt: skip
_NUMBER = re.compile(r"(?<![\dA-Za-z.])\d{6,12}(?![\dA-Za-z.])")
_PERSON = re.compile(r"[A-Za-zÀ-ÿ'’-]{2,}\^[A-Za-zÀ-ÿ'’-]*")
_SAID = re.compile(r"(?i)(?<![a-z])(patient|pat|mrn|dob|born|birth|geb|ssn|nhs|accession)(?![a-z])[\W_]*[\w^]+")
_TWO_WORDS = re.compile(r"(?<![A-Za-z])([A-ZÀ-Þ][a-zß-ÿ]{2,})[ _,.-]+([A-ZÀ-Þ][a-zß-ÿ]{2,})(?![A-Za-z])")
_PLAIN = frozenset(
    """abdomen abdominal adc after anat anterior aorta arterial artery atlas axial axis basal before bladder body
    bold bone brain breast case cerebral cervical chest clean colon contrast control cor cord coronal crop data
    delayed dicom diffusion dixon dwi edited export fat femur field file final flair flash folder found frame
    ganglia gradient gray grey ground head heart hip hippocampus image images input kidney knee label labels large
    left lesion liver low lower lumbar lung lungs mask matter mean median model muscle native neck new nodule
    oblique organ output pancreas patient pelvis perfusion phantom phase plane portal posterior prediction
    probability prostate pulmonary raw reference region rendered report result right sag sagittal sample scan
    scout screen segment segmentation segmentations sequence series shot skull slice slices small spinal spine
    spleen stack standard stomach structure study subject surface target task template test thorax time tissue
    total train training tumor tumour unnamed upper vein venous vertebra vessel view volume water white window
    with without""".split()
)


@dataclass(frozen=True)
class Finding:
    """One thing that may tell who a patient is.

    `where` names the file and the place in it, `what` the thing ("Patient's Name"), `value` what stands there (empty
    for a face), `others` how many other values stand in the same place of other files. `cleaned` says what a clean copy
    does about it.
    """

    kind: str
    level: Level
    where: str
    what: str
    value: str = ""
    cleaned: str = ""
    others: int = 0

    @property
    def masked(self) -> str:
        """The value so that a report does not itself give the patient away: "Do… (8 characters)"."""
        more = f" and {self.others} other values" if self.others else ""
        if len(self.value) <= 2:
            return "…" * bool(self.value) + more
        return f"{self.value[:2]}… ({len(self.value)} characters){more}"


@dataclass(frozen=True)
class Report:
    """What was found, in how many files, and what a clean copy made or left out (in words)."""

    findings: tuple[Finding, ...]
    files: int
    made: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()

    def count(self, level: Level) -> int:
        """How many findings there are of a level."""
        return sum(finding.level == level for finding in self.findings)

    @property
    def in_words(self) -> str:
        """One sentence for a person."""
        if not self.findings:
            return "Nothing was found that tells who the patient is; that is no proof that nothing does"
        counted = [(self.count(level), said) for level, said in zip(ORDER, _COUNTED, strict=True)]
        words = [f"{count} {said[count != 1]}" for count, said in counted if count]
        return f"In {self.files} file{'s' * (self.files != 1)}: {', '.join(words)}"


_COUNTED = (
    ("thing identifies the patient", "things identify the patient"),
    ("may identify the patient", "may identify the patient"),
    ("to be looked at", "to be looked at"),
)


def suspicion(text: str) -> tuple[Level, str] | None:
    """Guess what in a text may tell who somebody is: a name, a date, a long number; None where nothing seems to.

    It is a guess both ways: a rare name may be missed, and "Blue Moon" taken for a person.
    """
    if _PERSON.search(text):
        return "identifies", "a name as DICOM writes it"
    if _SAID.search(text):
        return "identifies", "a word that goes with a patient's data"
    if _DATE.search(text):
        return "may identify", "a date"
    if _NUMBER.search(text):
        return "may identify", "a long number, as of a record"
    for pair in _TWO_WORDS.finditer(text):
        if not {pair[1].lower(), pair[2].lower()} & _PLAIN:
            return "may identify", "two words that may be a person's name"
    return None


def in_name(name: str) -> tuple[Level, str] | None:
    """Guess from the name of a file or folder; runs of digits that DICOM stores name its files with are no numbers."""
    counted = re.fullmatch(r"[A-Za-z]{0,4}[.\d_-]+(?:\.[A-Za-z]+)*", name) and not _DATE.search(name)
    if counted and not re.search(r"(?<!\d)\d{7,12}(?!\d)", name):
        return None
    return suspicion(re.sub(r"\.(nii|gz|dcm|nrrd|mha|mgz|json|png|jpe?g|tiff?)(?=\.|$)", "", name, flags=re.IGNORECASE))
