"""What thresholds lead to, as curves: overlap, volume, calibration, ROC and precision against recall."""

from collections.abc import Callable

import numpy as np

from medviz.figures import Curves, Line
from medviz.imaging.judging.consequences import Consequences

_EVERY = 5
_DIAGONAL = np.array([0.0, 1.0])


def names(found: Consequences) -> tuple[str, ...]:
    """List the curves there are data for: keys of `FIGURES`."""
    made = ["volume"]
    if found.hit is not None and found.meant:
        made.insert(0, "overlap")
    if found.calibration is not None:
        made.append("calibration")
    if found.roc is not None:
        made.append("roc")
    if found.precision_recall is not None:
        made.append("precision")
    return tuple(made)


def figure(found: Consequences, name: str, at: float) -> Curves:
    """Draw one of the curves, with the threshold `at` marked on it."""
    return FIGURES[name](found, at)


def _overlap(found: Consequences, at: float) -> Curves:
    assert found.hit is not None and found.dice is not None
    part = slice(None, None, _EVERY)
    precision = np.divide(found.hit, found.above, out=np.full(len(found.hit), np.nan), where=found.above > 0)
    lines = (
        Line("Dice", found.thresholds[part], found.dice[part]),
        Line("sensitivity", found.thresholds[part], found.hit[part] / found.meant, dashed=True),
        Line("precision", found.thresholds[part], precision[part], dashed=True),
    )
    title = f"Overlap; largest Dice {found.dice.max():.3f} at {found.best:.2f}"
    return Curves("overlap", lines, title, "threshold", "share", at=at)


def _volume(found: Consequences, at: float) -> Curves:
    unit, size = ("ml", found.voxel_ml) if found.voxel_ml is not None else ("voxels", 1.0)
    part = slice(1, None, _EVERY)
    lines = [Line("at or above", found.thresholds[part], found.above[part] * size)]
    if found.hit is not None and found.meant:
        ends = np.array([found.thresholds[0], found.thresholds[-1]])
        lines.append(Line("reference", ends, np.full(2, found.meant * size), dashed=True))
    return Curves("volume", tuple(lines), "Volume", "threshold", f"volume ({unit})", at=at)


def _calibration(found: Consequences, at: float) -> Curves:
    assert found.calibration is not None
    one = found.calibration
    some = one.voxels > 0
    lines = (Line("seen", one.said[some], one.seen[some]), Line("calibrated", _DIAGONAL, _DIAGONAL, dashed=True))
    title = f"Calibration error {100 * one.ece_inside:.1f} % (all voxels {100 * one.ece:.2f} %)"
    return Curves("calibration", lines, title, "probability said", "share that belongs", at=at)


def _roc(found: Consequences, at: float) -> Curves:
    assert found.roc is not None and found.hit is not None
    false, true, area = found.roc
    place = found.place(at)
    now = float((found.above[place] - found.hit[place]) / max(1, found.total - found.meant))
    lines = (Line("this map", false, true), Line("chance", _DIAGONAL, _DIAGONAL, dashed=True))
    return Curves("roc", lines, f"ROC, area {area:.3f}", "false positive rate", "sensitivity", at=now)


def _precision(found: Consequences, at: float) -> Curves:
    assert found.precision_recall is not None and found.hit is not None
    recall, precision, average = found.precision_recall
    now = float(found.hit[found.place(at)] / found.meant)
    title = f"Precision against recall, average {average:.3f}"
    return Curves(
        "precision", (Line("this map", recall, precision),), title, "recall (sensitivity)", "precision", at=now
    )


FIGURES: dict[str, Callable[[Consequences, float], Curves]] = {
    "overlap": _overlap,
    "volume": _volume,
    "calibration": _calibration,
    "roc": _roc,
    "precision": _precision,
}
