"""The trust card of a model: what a person should know before it is run, and what is not known of it.

It stands beside every label map that the model makes (``name.card.json``). Nothing here imports torch.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.storage import opening
from medviz.imaging.volume import Volume

UNKNOWN = "unknown"
_PIECE = 1 << 20
_WORDS = ("title", "format", "summary", "trained_on", "licence", "source", "sha256", "limits", "input", "output")


@dataclass(frozen=True)
class Fingerprint:
    """What the training data were like; what is empty is not known.

    `spacing_mm` are the smallest and the largest voxel size along R, A, S. `intensities` are the percentiles 1, 50 and
    99 of the voxels that are not air, `prepared` says whether as the network sees them or as a person reads them.
    `picture` says that they were pictures, which lie nowhere in a patient.
    """

    spacing_mm: tuple[tuple[float, float], ...] = ()
    intensities: tuple[float, ...] = ()
    prepared: bool = True
    modality: str = ""
    picture: bool = False

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Fingerprint":
        """Read it from a card; what it does not know is left out."""
        spacing = tuple((float(low), float(high)) for low, high in said.get("spacing_mm", ()))
        return cls(
            spacing if len(spacing) == 3 else (),
            tuple(float(one) for one in said.get("intensities", ())),
            bool(said.get("prepared", True)),
            str(said.get("modality", "")),
            bool(said.get("picture", False)),
        )


@dataclass(frozen=True)
class Trust:
    """What is known of a model. An empty field is not known; `facts` says so in words.

    `input` and `output` are sentences, `how` says how the answer's meaning was found. `format` is the kind of file.
    """

    title: str = ""
    format: str = ""
    summary: str = ""
    labels: tuple[str, ...] = ()
    trained_on: str = ""
    licence: str = ""
    source: str = ""
    sha256: str = ""
    metrics: tuple[tuple[str, float], ...] = ()
    limits: str = ""
    input: str = ""
    output: str = ""
    fingerprint: Fingerprint = Fingerprint()

    def facts(self) -> tuple[tuple[str, str], ...]:
        """All it says, as (what, words); "unknown" is spelt out."""
        mm = self.fingerprint.spacing_mm
        spacing = " × ".join(f"{low:.3g}" if low == high else f"{low:.3g}–{high:.3g}" for low, high in mm)
        return (
            ("does", self.summary or UNKNOWN),
            ("labels", ", ".join(self.labels) or UNKNOWN),
            ("trained on", self.trained_on or UNKNOWN),
            ("training spacing", f"{spacing} mm" if spacing else UNKNOWN),
            ("input", self.input or UNKNOWN),
            ("output", self.output or UNKNOWN),
            ("limits", self.limits or UNKNOWN),
            ("licence", self.licence or UNKNOWN),
            ("source", self.source or UNKNOWN),
            ("format", self.format or UNKNOWN),
        )

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON, with what is not known spelt out."""
        said = asdict(self)
        said["metrics"] = dict(self.metrics)
        return {**said, "unknown": [name for name, words in self.facts() if words == UNKNOWN]}

    @classmethod
    def of(cls, said: Mapping[str, Any], **more: Any) -> "Trust":
        """Read it from a card's plain values; `more` goes before what they say."""
        words = {name: str(said[name]) for name in _WORDS if said.get(name)}
        metrics = tuple((str(name), float(value)) for name, value in dict(said.get("metrics") or {}).items())
        labels = tuple(str(one) for one in said.get("labels") or ())
        known = {"labels": labels, "metrics": metrics, "fingerprint": Fingerprint.of(said.get("fingerprint") or {})}
        return cls(**{**words, **known, **more})


@dataclass(frozen=True)
class Finding:
    """One mark of the gauge: how a scan stands to the training data. `state` is "ok", "outside" or "unknown"."""

    what: str
    scan: str
    training: str
    state: str


def gauge(known: Fingerprint, scan: Volume, prepared: NDArray[np.float32] | None) -> tuple[Finding, ...]:
    """Hold a scan against the training data: spacing, orientation, intensity. `prepared` is what the network sees."""
    findings = (_spacing(known, scan), _orientation(known, scan), _intensity(known, scan, prepared))
    return (*findings, _modality(known, scan)) if known.modality else findings


def _spacing(known: Fingerprint, scan: Volume) -> Finding:
    has = " × ".join(f"{one:.3g}" for one in scan.spacing_mm) + " mm" if scan.calibrated else "uncalibrated"
    if known.picture:
        return Finding("spacing", has, "pictures, a pixel a pixel", "unknown" if scan.calibrated else "ok")
    if not known.spacing_mm:
        return Finding("spacing", has, UNKNOWN, "unknown")
    want = " × ".join(f"{low:.3g}" if low == high else f"{low:.3g}–{high:.3g}" for low, high in known.spacing_mm)
    pairs = zip(scan.spacing_mm, known.spacing_mm, strict=True)
    near = scan.calibrated and all(low / 1.5 <= one <= high * 1.5 for one, (low, high) in pairs)
    return Finding("spacing", has, f"{want} mm", "ok" if near else "outside")


def _orientation(known: Fingerprint, scan: Volume) -> Finding:
    """The network sees the order nearest to RAS; a scan that does not say how it lies may come in any order."""
    if known.picture and not scan.oriented:
        return Finding("orientation", "a picture", "pictures", "ok")
    if known.picture:
        return Finding("orientation", f"stored as {scan.stored.axes}", "pictures, as they are stored", "outside")
    axes = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    off = float(np.degrees(np.arccos(np.clip(np.abs(np.diag(axes)).min(), 0.0, 1.0))))
    words = f"stored as {scan.stored.axes}" + (f", {off:.0f}° oblique" if off > 1 else "")
    if not scan.oriented:
        return Finding("orientation", "the file does not say", "along the body's axes", "outside")
    return Finding("orientation", words, "along the body's axes", "outside" if off > 20 else "ok")


def _intensity(known: Fingerprint, scan: Volume, prepared: NDArray[np.float32] | None) -> Finding:
    """Hold the ranges against each other.

    Outside: the middle of the scan lies beyond the training's percentiles 1 and 99, its range is less than a third of
    the training's or more than three times as wide, or the middle lies elsewhere between dark and bright (a T2 for a
    T1, which scaling to mean and spread does not hide; not asked of pictures).
    """
    values = prepared if known.prepared else scan.voxels[:1]
    unit = " scaled" if known.prepared else f" {scan.unit}".rstrip()
    if values is None or not values.size:
        return Finding("intensity", UNKNOWN, UNKNOWN, "unknown")
    has = percentiles(values)
    if not known.prepared:
        has = tuple(one * scan.slope + scan.intercept for one in has)
    words = _range(has, unit)
    if len(known.intensities) != 3:
        return Finding("intensity", words, UNKNOWN, "unknown")
    low, middle, high = known.intensities
    wide = (has[2] - has[0]) / ((high - low) or 1.0)
    lean = (has[1] - has[0]) / ((has[2] - has[0]) or 1.0) - (middle - low) / ((high - low) or 1.0)
    alike = abs(lean) <= 0.2 or known.picture  # pictures of a set are dark and bright ones together
    near = low <= has[1] <= high and 1 / 3 <= wide <= 3 and alike
    return Finding("intensity", words, _range(known.intensities, unit), "ok" if near else "outside")


def _modality(known: Fingerprint, scan: Volume) -> Finding:
    """Tell a CT from all else: it says so, or its air lies where HU have it; scaling would hide that."""
    flat = scan.voxels[:1].reshape(-1)
    lowest = float(flat[:: max(1, flat.size // 300_000)].min(initial=0)) * scan.slope + scan.intercept
    is_ct = scan.unit == "HU" or lowest <= -900
    wants_ct = re.search(r"\bCT\b", known.modality) is not None
    words = "CT" if is_ct else "no CT"
    return Finding("modality", words, known.modality, "ok" if is_ct == wants_ct else "outside")


def _range(values: Sequence[float], unit: str) -> str:
    """Say the percentiles 1, 50, 99."""
    low, middle, high = (f"{one:.3g}".replace("-", "\u2212") for one in values)
    return f"{low} to {high}{unit}, middle {middle}"


def percentiles(values: NDArray[Any]) -> tuple[float, ...]:
    """Percentiles 1, 50, 99 of what is not air; air is what lies within a tenth of the way up from the darkest."""
    flat = values.reshape(-1)
    some = np.asarray(flat[:: max(1, flat.size // 300_000)], np.float32)
    some = some[np.isfinite(some)]
    if not some.size:
        return 0.0, 0.0, 0.0
    low = float(some.min())
    body = some[some > low + 0.1 * (float(np.percentile(some, 99.5)) - low)]
    return tuple(float(one) for one in np.percentile(body if body.size else some, (1, 50, 99)))


def digest_of(where: Path, names: Sequence[str] = ()) -> str:
    """SHA-256 of a file, or of a folder's files (those of these names, else all) with their names, in order."""
    total = hashlib.sha256()
    for path in [where / name for name in names] or sorted(_files(where)):
        if where.is_dir():
            total.update(path.relative_to(where).as_posix().encode() + b"\0")
        with opening(path), path.open("rb") as file:
            while piece := file.read(_PIECE):
                total.update(piece)
    return total.hexdigest()


def _files(where: Path) -> Iterator[Path]:
    if where.is_file():
        yield where
    else:
        yield from (one for one in where.rglob("*") if one.is_file() and not one.name.startswith("."))
