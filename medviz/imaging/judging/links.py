"""Every number of a comparison is a link: the place in the patient it comes from, and what is to be seen there."""

from dataclasses import dataclass

from medviz.imaging.judging.results import Agreement, Comparison, Gap, Mistake, Point

DISTANCES = ("hd_mm", "hd95_mm", "assd_mm", "nsd")
LACKING = ("sensitivity",)
TOO_MUCH = ("precision",)
VOLUMES = ("name", "volume_ml_prediction", "volume_ml_reference")


@dataclass(frozen=True)
class Place:
    """A point in RAS mm with what is to be seen there: two surface points to draw an arrow between, an error, words."""

    at_mm: Point
    words: str
    value: int
    gap: Gap | None = None
    error: Mistake | None = None


def place_of(found: Comparison, value: int, key: str) -> Place | None:
    """Find the place that the number `key` of a label comes from; None where there is none (nothing is wrong).

    Distances lead to the pair of surface points farthest apart, overlaps to the largest error, sensitivity to the
    largest piece that is missing, precision to the largest that is too much, counts to the largest of their kind,
    volumes into the label itself.
    """
    row = found.of(value)
    if row is None:
        return None
    if key in VOLUMES:
        return _label(row)
    if key in DISTANCES:
        return _gap(row) or _largest(found, row)
    return _largest(found, row, key)


def place_of_error(found: Comparison, error: Mistake) -> Place:
    """Return the place of a single error, with an arrow to where the other map ends."""
    row = found.of(error.value)
    gap = error.gap if error.kind == "border" else None
    return Place(error.at_mm, error_words(found, error, row.name if row else ""), error.value, gap, error)


def confused(found: Comparison, predicted: int, meant: int) -> Place | None:
    """Return the largest error among the voxels of one cell of the confusion matrix."""
    if predicted == meant:
        row = found.of(meant)
        return _label(row) if row is not None else None
    for error in found.errors:
        pair = (error.value, error.instead) if error.extra else (error.instead, error.value)
        if pair == (predicted, meant):
            return place_of_error(found, error)
    return None


def error_words(found: Comparison, error: Mistake, name: str) -> str:
    """Say what an error is: "liver: border too far in, 3.4 ml, 12.1 mm deep, there: stomach"."""
    kinds = {
        ("missed", False): "missed",
        ("invented", True): "invented",
        ("border", False): "border too far in",
        ("border", True): "border too far out",
    }
    parts = [kinds.get((error.kind, error.extra), error.kind)]
    parts.append(volume_words(error.volume_ml, error.voxels))
    if error.depth_mm is not None and error.kind == "border":
        parts.append(f"{error.depth_mm:.1f} mm deep")
    if error.instead:
        other = found.of(error.instead)
        there = other.name if other is not None else f"label {error.instead}"
        parts.append(f"{'reference' if error.extra else 'prediction'}: {there}")
    return f"{name}: {', '.join(parts)}" if name else ", ".join(parts)


def volume_words(ml: float | None, voxels: int) -> str:
    """Write a volume so that it has three figures: ml, mm³ where it is small, voxels where there is no spacing."""
    if ml is None:
        return f"{voxels:,} voxels".replace(",", "\u202f")
    if ml < 0.1:
        return f"{1000 * ml:.3g} mm³"
    return f"{ml:.0f} ml" if ml >= 100 else f"{ml:.3g} ml"


def _label(row: Agreement) -> Place | None:
    return Place(row.at_mm, row.name, row.value) if row.at_mm is not None else None


def _gap(row: Agreement) -> Place | None:
    if row.worst is None or row.hd_mm is None or row.hd_mm == 0:
        return None
    words = f"{row.name}: surfaces {row.hd_mm:.1f} mm apart (HD95 {row.hd95_mm:.1f} mm)"
    return Place(row.worst.predicted_mm, words, row.value, row.worst)


def _largest(found: Comparison, row: Agreement, key: str = "") -> Place | None:
    for error in found.errors_of(row.value):
        if (key in LACKING and error.extra) or (key in TOO_MUCH and not error.extra):
            continue
        if key in ("missed", "invented") and error.kind != key:
            continue
        if key.startswith("volume_difference") and error.extra != ((row.volume_difference_percent or 1) > 0):
            continue
        return place_of_error(found, error)
    return None
