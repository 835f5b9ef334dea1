"""What a mark measures, in words and as rows of a table; every number with its unit, none in mm without spacing."""

from collections.abc import Sequence

from medviz.gui.viewer.annotations import number_text
from medviz.imaging.marks import REGIONS, Found, Mark
from medviz.imaging.measure import RegionMeasure

Cell = str | int | float | None
HEAD = (
    "number", "kind", "name", "length", "angle [°]", "area", "width", "height", "unit", "image", "pixels", "mean", "SD",
    "min", "max", "unit of values", "frame", "x [mm RAS]", "y [mm RAS]", "z [mm RAS]",
)  # fmt: skip
UNCALIBRATED = "uncalibrated"


def lines(found: Found, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Write what a mark measures, a line each; `names` are those of the images, said where there are several."""
    words = [size_words(found)] if found.kind not in REGIONS or not found.regions else []
    for name, region in zip(names, found.regions, strict=False):
        words += region_lines(region, name if len(found.regions) > 1 else "")
    if found.regions:
        words.append(size_words(found))
    return tuple(words)


def size_words(found: Found) -> str:
    """Length, angle or area."""
    if found.kind == "angle":
        return "–" if found.angle is None else f"{found.angle:.1f}°"
    unit = "mm" if found.calibrated else "px"
    if found.length is not None:
        words = f"{found.length:.1f} {unit}"
    else:
        area = found.area or 0.0
        words = f"{area:.{1 if area < 100 else 0}f} {unit}²"
    return words if found.calibrated else f"{words} ({UNCALIBRATED})"


def region_lines(region: RegionMeasure, name: str = "") -> tuple[str, ...]:
    """Mean, SD and range of one image under a region."""
    head = f"{name}: " if name else ""
    if region.mean is None or region.low is None or region.high is None or region.sd is None:
        return (f"{head}no values",)
    near = max(region.high - region.low, abs(region.mean) / 10, 1e-12)
    unit = f" {region.unit}" if region.unit else ""
    mean, low, high = (number_text(value, near) for value in (region.mean, region.low, region.high))
    sd = number_text(region.sd, near)
    return f"{head}mean {mean}  SD {sd}{unit}", f"min {low}  max {high}{unit}"


def short(found: Found, names: Sequence[str] = ()) -> str:
    """Write the most important of it in one line, for a list."""
    if found.regions and found.regions[0].mean is not None:
        return f"{region_lines(found.regions[0])[0]}  {size_words(found)}"
    return size_words(found)


def rows(mark: Mark, found: Found, names: Sequence[str], frame: int) -> list[tuple[Cell, ...]]:
    """Write a mark as rows of a table, one an image where it is a region."""
    unit = "mm" if found.calibrated else "px"
    sides = found.sides or (None, None)
    first: tuple[Cell, ...] = (
        mark.number, mark.kind, mark.name, found.length, found.angle, found.area, *sides, unit,
    )  # fmt: skip
    place: tuple[Cell, ...] = mark.middle if found.calibrated else (None, None, None)
    many = []
    for name, region in zip(names, found.regions, strict=False):
        values = (region.mean, region.sd, region.low, region.high)
        many.append((*first, name, region.pixels, *values, region.unit, frame, *place))
    return many or [(*first, "", None, None, None, None, None, "", frame, *place)]
