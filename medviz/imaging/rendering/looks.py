"""How values become colour and opacity in volume rendering: presets for CT in HU and for MR by its own range."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from medviz.imaging.intensity import colour_map, samples
from medviz.imaging.scene import Layer
from medviz.imaging.volume import Volume

Point5 = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Preset:
    """Points of value, red, green, blue and opacity (0..1 each).

    Values are in HU, or ("range") from 0 to 1 between the values that 1 % and 99.5 % of the scan's voxels are below.
    """

    title: str
    values: Literal["HU", "range"]
    points: tuple[Point5, ...]
    shade: bool = True


PRESETS: dict[str, Preset] = {
    "ct_bone": Preset(
        "CT bone",
        "HU",
        (
            (110.0, 0.55, 0.25, 0.15, 0.0),
            (230.0, 0.80, 0.55, 0.36, 0.20),
            (450.0, 0.93, 0.84, 0.66, 0.62),
            (1200.0, 1.0, 0.98, 0.94, 0.90),
        ),
    ),
    "ct_soft": Preset(
        "CT soft tissue",
        "HU",
        (
            (-120.0, 0.52, 0.24, 0.14, 0.0),
            (-20.0, 0.62, 0.28, 0.18, 0.03),
            (60.0, 0.80, 0.42, 0.32, 0.28),
            (180.0, 0.92, 0.70, 0.48, 0.50),
            (420.0, 1.0, 0.94, 0.86, 0.85),
        ),
    ),
    "ct_skin": Preset(
        "CT skin",
        "HU",
        (
            (-600.0, 0.60, 0.42, 0.34, 0.0),
            (-350.0, 0.82, 0.62, 0.50, 0.55),
            (200.0, 0.95, 0.80, 0.68, 0.90),
        ),
    ),
    "ct_lung": Preset(
        "CT lung",
        "HU",
        (
            (-960.0, 0.15, 0.20, 0.30, 0.0),
            (-870.0, 0.25, 0.45, 0.70, 0.05),
            (-600.0, 0.55, 0.72, 0.90, 0.12),
            (-420.0, 0.90, 0.62, 0.55, 0.0),
            (60.0, 0.85, 0.50, 0.42, 0.0),
            (260.0, 0.93, 0.84, 0.70, 0.25),
            (1200.0, 1.0, 1.0, 1.0, 0.5),
        ),
    ),
    "mr_head": Preset(
        "MR head",
        "range",
        (
            (0.14, 0.35, 0.16, 0.10, 0.0),
            (0.26, 0.66, 0.40, 0.30, 0.30),
            (0.50, 0.86, 0.68, 0.56, 0.55),
            (0.80, 0.96, 0.88, 0.80, 0.80),
            (1.0, 1.0, 1.0, 1.0, 0.90),
        ),
    ),
    "mr_inside": Preset(
        "MR inside",
        "range",
        (
            (0.20, 0.20, 0.06, 0.04, 0.0),
            (0.42, 0.50, 0.20, 0.12, 0.02),
            (0.60, 0.80, 0.62, 0.42, 0.10),
            (0.85, 0.94, 0.92, 0.88, 0.28),
            (1.05, 1.0, 1.0, 1.0, 0.55),
        ),
    ),
    "bright": Preset(
        "Bright vessels",
        "range",
        (
            (0.62, 0.50, 0.05, 0.05, 0.0),
            (0.82, 0.90, 0.30, 0.20, 0.30),
            (1.10, 1.0, 0.90, 0.75, 0.90),
        ),
    ),
}
WINDOW = "window"
TITLES: dict[str, str] = {**{name: preset.title for name, preset in PRESETS.items()}, WINDOW: "Window and level"}
"""All looks by name; the last follows the window and level of the slices."""


@dataclass(frozen=True)
class Range:
    """Low and high of a scan's values, and whether they look like CT in HU."""

    low: float
    high: float
    hounsfield: bool


def range_of(scan: Volume, frame: int = 0) -> Range:
    """Between which values a scan lies but for outliers."""
    values = samples(scan, frame, 200_000)
    if not len(values):
        return Range(0.0, 1.0, False)
    low, high = (float(part) for part in np.percentile(values, (1.0, 99.5)))
    hounsfield = scan.unit == "HU" or (low < -500.0 and high < 4000.0)
    return Range(low, high if high > low else low + 1.0, hounsfield)


def preset_for(found: Range) -> str:
    """Return the preset that a scan is shown with at first."""
    return "ct_bone" if found.hounsfield else "mr_head"


def points_of(preset: str, found: Range, layer: Layer, shift: float = 0.0) -> tuple[list[list[float]], bool]:
    """Points (value as a person reads it, red, green, blue, opacity) and whether they are shaded.

    `shift` moves them up by a share of the scan's range (of 1000 HU).
    """
    if preset not in PRESETS:
        return _window_points(layer), True
    chosen = PRESETS[preset]
    if chosen.values == "HU":
        return [[value + shift * 1000.0, *rest] for value, *rest in chosen.points], chosen.shade
    span = found.high - found.low
    return [[found.low + (value + shift) * span, *rest] for value, *rest in chosen.points], chosen.shade


def _window_points(layer: Layer) -> list[list[float]]:
    """Rise with window and level, in the scan's own colours."""
    table = colour_map(layer.colours)[:, :3] / 255.0
    low = layer.level - layer.window / 2
    points: list[list[float]] = []
    for share in np.linspace(0.0, 1.0, 9):
        colour: Any = table[round(255 * float(share))]
        bright = float(share) if layer.colours != "inverted grey" else 1.0 - float(share)
        points.append([low + float(share) * layer.window, *(float(part) for part in colour), 0.75 * bright**1.7])
    return points


def maximum_points(layer: Layer) -> list[list[float]]:
    """Grey (or the scan's colours) between the ends of window and level, for the maximum along the ray."""
    table = colour_map("grey" if layer.colours == "inverted grey" else layer.colours)[:, :3] / 255.0
    low = layer.level - layer.window / 2
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    return [[low + part * layer.window, *(float(one) for one in table[round(255 * part)]), 1.0] for part in shares]
