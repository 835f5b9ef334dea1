"""Frames to series: sorted by position along the normal, never by name or number; gaps, tilt and time found."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.dicom.headers import Frame, Kind, Triple
from medviz.imaging.volume import Affine

NEAR_MM = 0.01
"""Two frames nearer than this along the normal lie at the same place (3D Slicer's tolerance)."""
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Series:
    """Frames that make one volume, placed: `frames[instant][slice]`, slices in order along the normal.

    `affine` is stored (column, row, slice) to RAS mm. `at_mm` is where each slice lies along the normal; where it is
    uneven, `regular_mm` says where the slices of a regular grid would lie.
    """

    kind: Kind
    frames: tuple[tuple[Frame, ...], ...]
    affine: Affine
    at_mm: NDArray[np.float64]
    regular_mm: NDArray[np.float64] | None
    calibrated: bool
    oriented: bool
    warnings: tuple[str, ...]

    @property
    def slices(self) -> int:
        """How many slices the files hold."""
        return len(self.frames[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Columns, rows, slices (and instants) as stored."""
        size = (self.kind.columns, self.kind.rows, self.slices)
        return (*size, len(self.frames)) if len(self.frames) > 1 else size


def grouped(frames: Iterable[Frame]) -> tuple[Series, ...]:
    """Sort frames into series, the one with most frames first.

    A series that mixes sizes or directions (a localiser, a scout) becomes one series for each of them.
    """
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        turned = tuple(round(number, 2) + 0.0 for number in (*(frame.across or ()), *(frame.down or ())))
        groups[frame.kind.uid, frame.kind.rows, frame.kind.columns, frame.kind.samples, turned].append(frame)
    made = [_placed(group) for group in groups.values()]
    return tuple(sorted(made, key=lambda one: -one.slices * len(one.frames)))


def _placed(frames: list[Frame]) -> Series:
    first = frames[0]
    if first.across is None or first.down is None or any(frame.position is None for frame in frames):
        return _loose(frames)
    normal = np.cross(first.across, first.down)
    normal = normal / np.linalg.norm(normal)
    stacks = _stacked(frames, normal)
    rows, warnings = _instants(stacks)
    places = np.array([frame.position for frame in rows[0]], float)
    at = places @ normal
    step, regular, more = _steps(places, at, normal, rows[0])
    spacing = first.spacing_mm or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0] = np.asarray(first.across) / np.linalg.norm(first.across) * spacing[1]
    affine[:3, 1] = np.asarray(first.down) / np.linalg.norm(first.down) * spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = places[0]
    warnings += more
    if first.spacing_mm is None:
        warnings.append("it gives no pixel spacing, so that no mm can be told")
    return Series(
        kind=first.kind,
        frames=rows,
        affine=LPS_TO_RAS @ affine,
        at_mm=at,
        regular_mm=regular,
        calibrated=first.spacing_mm is not None,
        oriented=True,
        warnings=tuple(warnings),
    )


def _loose(frames: list[Frame]) -> Series:
    """Pictures without a place in a patient: a secondary capture, an X-ray, an ultrasound; in the order they came."""
    first = frames[0]
    ordered = tuple(sorted(frames, key=lambda frame: (frame.instant[-2], str(frame.path), frame.number)))
    spacing = first.spacing_mm or (1.0, 1.0)
    affine = np.diag([spacing[1], spacing[0], first.thickness_mm or 1.0, 1.0])
    warnings = ["it does not say how it lies in the patient"]
    if first.spacing_mm is None:
        warnings.append("it gives no pixel spacing, so that no mm can be told")
    elif first.projected:
        warnings.append("its spacing holds at the detector; the patient's lengths are smaller")
    return Series(
        kind=first.kind,
        frames=(ordered,),
        affine=LPS_TO_RAS @ affine,
        at_mm=np.arange(len(ordered), dtype=float),
        regular_mm=None,
        calibrated=first.spacing_mm is not None,
        oriented=False,
        warnings=tuple(warnings),
    )


def _stacked(frames: list[Frame], normal: NDArray[np.float64]) -> list[list[Frame]]:
    """Sort along the normal and put the frames of one place together, in the order of time."""
    ordered = sorted(frames, key=lambda frame: float(np.dot(frame.position or (0, 0, 0), normal)))
    stacks: list[list[Frame]] = []
    last = -np.inf
    for frame in ordered:
        at = float(np.dot(frame.position or (0, 0, 0), normal))
        if at - last > NEAR_MM:
            stacks.append([])
            last = at
        stacks[-1].append(frame)
    return [sorted(stack, key=lambda frame: (*frame.instant, str(frame.path))) for stack in stacks]


def _instants(stacks: list[list[Frame]]) -> tuple[tuple[tuple[Frame, ...], ...], list[str]]:
    """Turn stacks of one place each into volumes of one instant each."""
    counts = {len(stack) for stack in stacks}
    instants = min(counts)
    warnings = []
    if len(counts) > 1:
        left = sum(len(stack) - instants for stack in stacks)
        warnings.append(f"{left} frames lie where others already are and are left out")
    return tuple(tuple(stack[time] for stack in stacks) for time in range(instants)), warnings


def _steps(
    places: NDArray[np.float64], at: NDArray[np.float64], normal: NDArray[np.float64], frames: tuple[Frame, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, list[str]]:
    """Return the step from slice to slice (mm, LPS), the places of a regular grid where it is uneven, warnings."""
    if len(at) < 2:
        return normal * (frames[0].thickness_mm or 1.0), None, []
    apart = np.diff(at)
    usual = float(np.median(apart))
    line = places[0] + np.outer((at - at[0]) / (at[-1] - at[0]), places[-1] - places[0])
    if float(np.linalg.norm(line - places, axis=1).max()) > max(0.5, 0.1 * usual):
        return normal * usual, None, ["its slices do not lie on a straight line; distances along them are not exact"]
    slant = (places[-1] - places[0]) / (at[-1] - at[0])
    warnings = _tilt(slant, normal)
    even = at[0] + np.arange(len(at)) * usual
    if float(np.abs(even - at).max()) <= max(NEAR_MM * 2, 0.01 * usual):
        return (places[-1] - places[0]) / (len(at) - 1), None, warnings
    regular = np.arange(at[0], at[-1] + usual / 2, usual)
    return slant * usual, regular, [*warnings, *_uneven(at, apart, usual)]


def _tilt(slant: Triple | NDArray[np.float64], normal: NDArray[np.float64]) -> list[str]:
    degrees = float(np.degrees(np.arccos(np.clip(np.dot(slant, normal) / np.linalg.norm(slant), -1, 1))))
    if degrees < 0.5:
        return []
    return [f"the gantry was tilted by {degrees:.1f}°; its grid is sheared, and drawn slices are not square to it"]


def _uneven(at: NDArray[np.float64], apart: NDArray[np.float64], usual: float) -> list[str]:
    gaps = np.flatnonzero(apart > 1.5 * usual)
    said = [
        f"its slices are {apart.min():.2f} to {apart.max():.2f} mm apart; "
        f"it is shown interpolated to a regular grid of {usual:.2f} mm"
    ]
    if len(gaps):
        named = ", ".join(f"{at[gap]:.1f} to {at[gap + 1]:.1f} mm" for gap in gaps[:4])
        more = f" and {len(gaps) - 4} more" if len(gaps) > 4 else ""
        said.append(f"slices are missing at {named}{more} along the slice normal and left blank")
    return said
