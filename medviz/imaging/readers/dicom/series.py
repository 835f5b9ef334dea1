"""Frames to series: sorted by position along the normal, never by name or number; gaps, tilt and time found."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.readers.dicom.headers import Frame, Kind
from medviz.imaging.readers.dicom.spacing import Spaced, spaced
from medviz.imaging.readers.dicom.times import Instants, instants
from medviz.imaging.volume import Affine

NEAR_MM = 0.01
"""Two frames nearer than this along the normal lie at the same place (3D Slicer's tolerance)."""
_SAME_DIRECTION = 0.01
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Series:
    """Frames that make one volume, placed: `frames[instant][slice]`, slices in order along the normal.

    `affine` is stored (column, row, slice) to RAS mm. `spaced` says how the slices lie, None where they have no place.
    A frame is None where it is missing. `names` are those of the instants.
    """

    kind: Kind
    frames: tuple[tuple[Frame | None, ...], ...]
    affine: Affine
    spaced: Spaced | None
    calibrated: bool
    oriented: bool
    warnings: tuple[str, ...]
    names: tuple[str, ...] = ()
    frame_s: float | None = None

    @property
    def slices(self) -> int:
        """How many slices the files hold."""
        return len(self.frames[0])

    @property
    def first(self) -> Frame:
        """A frame that is there."""
        return next(frame for row in self.frames for frame in row if frame is not None)

    @property
    def count(self) -> int:
        """How many frames there are in the files."""
        return sum(frame is not None for row in self.frames for frame in row)

    @property
    def shape(self) -> tuple[int, ...]:
        """Columns, rows, slices (and instants) as stored."""
        size = (self.kind.columns, self.kind.rows, self.slices)
        return (*size, len(self.frames)) if len(self.frames) > 1 else size


def grouped(frames: Iterable[Frame]) -> tuple[Series, ...]:
    """Sort frames into series, the one with most frames first.

    A series that mixes sizes or directions (a localiser, a scout) becomes one series for each of them. Copies of the
    same file are left out. Two acquisitions under one number that lie between each other are taken apart.
    """
    groups: dict[tuple[object, ...], list[list[Frame]]] = defaultdict(list)
    seen: set[tuple[object, ...]] = set()
    copies: dict[str, int] = defaultdict(int)
    for frame in frames:
        kind = frame.kind
        own = (frame.uid, frame.number, frame.tile, frame.position, frame.order)  # some give all files one UID
        if frame.uid and own in seen:
            copies[kind.uid] += 1
            continue
        seen.add(own)
        colour = kind.samples, kind.photometric.startswith("PALETTE"), frame.position is None
        alike = groups[kind.uid, kind.rows, kind.columns, *colour]
        near = next((group for group in alike if _same_direction(group[0], frame)), None)
        if near is None:
            alike.append([frame])
        else:
            near.append(frame)
    parts: dict[str, int] = defaultdict(int)
    for key, alike in groups.items():
        parts[str(key[0])] += len(alike)
    made = [one for alike in groups.values() for group in alike for one in _made(group)]
    told = [_with(one, _of_whole(copies[one.kind.uid], parts[one.kind.uid])) for one in made]
    return tuple(sorted(told, key=lambda one: -one.count))


def _with(series: Series, said: tuple[str, ...]) -> Series:
    return replace(series, warnings=(*series.warnings, *said)) if said else series


def _of_whole(copies: int, parts: int) -> tuple[str, ...]:
    said = []
    if copies:
        said.append(f"{copies} frame{'s are copies' if copies > 1 else ' is a copy'} of others and left out")
    if parts > 1:
        said.append(f"its series mixes sizes or directions; this is one of {parts} parts")
    return tuple(said)


def _same_direction(one: Frame, other: Frame) -> bool:
    if one.across is None or one.down is None or other.across is None or other.down is None:
        return one.across == other.across and one.down == other.down
    apart = np.abs(np.subtract((*one.across, *one.down), (*other.across, *other.down)))
    return bool(apart.max() < _SAME_DIRECTION)


def _made(frames: list[Frame]) -> list[Series]:
    """Make one series, or one of each acquisition where these are even and the whole is not."""
    whole = _placed(frames)
    numbers = sorted({frame.acquisition for frame in frames})
    if whole.spaced is None or whole.spaced.even or len(numbers) < 2:
        return [whole]
    parts = [_placed([frame for frame in frames if frame.acquisition == number]) for number in numbers]
    if any(part.spaced is None or not part.spaced.even or part.slices < 3 for part in parts):
        return [whole]
    return [
        _with(part, (f"its series holds {len(parts)} acquisitions; this is number {number:g}",))
        for part, number in zip(parts, numbers, strict=True)
    ]


def _placed(frames: list[Frame]) -> Series:
    first = frames[0]
    if first.across is None or first.down is None or any(frame.position is None for frame in frames):
        return _loose(frames)
    across, down = (np.asarray(direction, float) for direction in (first.across, first.down))
    across, down = across / np.linalg.norm(across), down / np.linalg.norm(down)
    normal = np.cross(across, down)
    normal = normal / np.linalg.norm(normal)
    stacks = _stacked(frames, normal)
    found = instants(stacks, lambda frame: frame.times)
    places = np.array([stack[0].position for stack in stacks], float)
    how = spaced(places, normal, first.thickness_mm)
    spacing = first.spacing_mm or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = across * spacing[1], down * spacing[0], how.step
    affine[:3, 3] = places[0]
    said = [*found.warnings, *how.warnings, *_doubts(frames)]
    if first.spacing_mm is None:
        said.append("it gives no pixel spacing, so that no mm can be told")
    return Series(
        kind=first.kind,
        frames=found.rows,
        affine=LPS_TO_RAS @ affine,
        spaced=how,
        calibrated=first.spacing_mm is not None,
        oriented=True,
        warnings=tuple(said),
        names=found.names,
        frame_s=found.frame_s,
    )


def _loose(frames: list[Frame]) -> Series:
    """Pictures without a place in a patient: a secondary capture, an X-ray, an ultrasound; in the order they came.

    Grey frames of one file that lie nowhere are a film: they become instants, not slices.
    """
    first = frames[0]
    ordered = tuple(sorted(frames, key=lambda frame: (frame.order, str(frame.path), frame.number)))
    film = len({frame.path for frame in frames}) == 1 and first.kind.samples == 1 and first.kind.modality in _FILMS
    rows = Instants(tuple((frame,) for frame in ordered)) if film else Instants((ordered,))
    spacing = first.spacing_mm or (1.0, 1.0)
    affine = np.diag([spacing[1], spacing[0], first.thickness_mm or 1.0, 1.0])
    said = ["it does not say how it lies in the patient", *_doubts(frames)]
    if first.spacing_mm is None:
        said.append("it gives no pixel spacing, so that no mm can be told")
    elif first.projected:
        said.append("its spacing holds at the detector; the patient's lengths are smaller")
    return Series(
        kind=first.kind,
        frames=rows.rows,
        affine=LPS_TO_RAS @ affine,
        spaced=None,
        calibrated=first.spacing_mm is not None,
        oriented=False,
        warnings=tuple(said),
    )


_FILMS = ("XA", "RF", "US", "DX", "ES", "NM", "IVUS", "OCT", "OT")


def _doubts(frames: list[Frame]) -> list[str]:
    """What is wrong with the frames of a series, one by one or with each other."""
    said = []
    if short := sum(frame.short for frame in frames):
        of = f"{short} of {len(frames)} frames" if len(frames) > 1 else "it"
        said.append(f"{of} {'have' if short > 1 else 'has'} fewer pixels than declared")
    if any(frame.kind.tabled for frame in frames):
        said.append("its values are meant to go through a table (modality LUT), which is not applied")
    if len({frame.spacing_mm for frame in frames}) > 1:
        said.append("its frames have different pixel spacings; that of the first is taken")
    return said


def _stacked(frames: list[Frame], normal: NDArray[np.float64]) -> list[list[Frame]]:
    """Sort along the normal and put the frames of one place together, in the order of their numbers."""

    def at(frame: Frame) -> float:
        return float(np.dot(frame.position or (0, 0, 0), normal))

    stacks: list[list[Frame]] = []
    last = -np.inf
    for frame in sorted(frames, key=at):
        if at(frame) - last > NEAR_MM:
            stacks.append([])
            last = at(frame)
        stacks[-1].append(frame)
    return [sorted(stack, key=lambda frame: (frame.order, frame.number, str(frame.path))) for stack in stacks]
