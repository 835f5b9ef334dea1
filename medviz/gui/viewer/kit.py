"""What the tools that edit labels are set to; the form in the tab is read off these lines."""

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated

from medviz.imaging.scene import Layer
from medviz.parameters import Group, Range, When

ANY = Range(-1e6, 1e6, step=1.0)
WHERE = Group("Where", advanced=True)
AREA = Group("Fill and lasso", advanced=True)


@dataclass(frozen=True)
class Kit:
    """The label that is painted with, the size of the tip, and where it may paint."""

    value: int = field(default=1)
    size: Annotated[float, Range(0.5, 100.0, unit="mm", log=True), "Width of the tip (Ctrl+wheel, + and −)"] = 8.0
    ball: Annotated[bool, "The tip is a ball and reaches into the slices beside"] = False
    in_range: Annotated[bool, "Paint only where the scan's value lies from low to high", WHERE] = False
    low: Annotated[float, ANY, "Least value that is painted", When("in_range", True), WHERE] = 0.0
    high: Annotated[float, ANY, "Greatest value that is painted", When("in_range", True), WHERE] = 100.0
    only_free: Annotated[bool, "Never paint over another label", WHERE] = False
    erase_label: Annotated[bool, "The eraser takes away only the label that is painted with", WHERE] = False
    tolerance: Annotated[
        float, Range(0.0, 1e6, step=1.0), "Fill takes what differs so much from the value clicked", AREA
    ] = 50.0
    all_slices: Annotated[bool, "Fill and lasso go through all slices", AREA] = False
    distance: Annotated[float, Range(0.1, 50.0, unit="mm", log=True), "How far to smooth, grow and shrink"] = 1.0
    smallest: Annotated[int, Range(1, 1_000_000, unit="voxels", log=True), "Smaller pieces are removed"] = 20


@dataclass(frozen=True)
class PixelKit(Kit):
    """The same where the scan has no spacing: nothing is said in mm."""

    size: Annotated[float, Range(0.5, 100.0, unit="px", log=True), "Width of the tip (Ctrl+wheel, + and −)"] = 8.0
    distance: Annotated[float, Range(0.1, 50.0, unit="px", log=True), "How far to smooth, grow and shrink"] = 1.0


TIP = ("size", "ball", "in_range", "low", "high", "only_free", "erase_label", "tolerance", "all_slices")
WHOLE = ("distance", "smallest")
"""What is shown with the tools, and what with the operations on a whole label."""


def suited(kit: Kit, layer: Layer) -> Kit:
    """Return the same settings with a range and a tolerance that suit a scan as it is shown."""
    low, high = (float(f"{layer.level + sign * layer.window / 2:.3g}") for sign in (-1, 1))
    return replace(kit, low=low, high=high, tolerance=float(f"{layer.window / 10:.2g}"))


def kit_of(kit: Kit, calibrated: bool) -> Kit:
    """Return the same settings in mm or, where there are none, in pixels."""
    kind = Kit if calibrated else PixelKit
    return kit if type(kit) is kind else kind(**asdict(kit))
