"""What tells frames at one place apart: time, b-value, echo, kind of picture. Frames to instants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from pydicom import Dataset

from medviz.imaging.readers.dicom.files import number_of, text_of, value_in

Times = tuple[float | str | None, ...]
F = TypeVar("F")
_B_VALUES = ((0x0019, 0x100C), (0x2001, 0x1003), (0x0043, 0x1039))
_GE_OFFSET = 1e9
"""GE adds this to b-values that it keeps in its own tag."""


@dataclass(frozen=True)
class Key:
    """One thing that may tell frames apart; `words` says a value of it to a person, `seconds` makes it a time."""

    read: Callable[[Dataset], float | str | None]
    words: Callable[[Any], str]
    seconds: float | None = None


def _clock(data: Dataset) -> float | None:
    """Time of day in seconds, from the tag that belongs to the acquisition."""
    for name in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime", "ContentTime"):
        digits = text_of(data, name)[8 if name.endswith("DateTime") else 0 :].split("+")[0].split("-")[0]
        try:
            return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + float(digits[4:] or 0)
        except ValueError:
            continue
    return None


def _b_value(data: Dataset) -> float | None:
    if (plain := number_of(data, "DiffusionBValue")) is not None:
        return plain
    for tag in _B_VALUES:
        if tag in data:
            value = data[tag].value
            found = value[0] if isinstance(value, (list, tuple)) or hasattr(value, "append") else value
            try:
                return float(found) % _GE_OFFSET
            except (TypeError, ValueError):
                return None
    return None


def _picture(data: Dataset) -> str | None:
    """Magnitude, phase, water, fat: the words of the image type past the second."""
    words = [str(word) for word in value_in(data, "ImageType") or ()][2:]
    component = text_of(data, "ComplexImageComponent")
    return " ".join([*words, component]).strip() or None


def _first(*names: str) -> Callable[[Dataset], float | None]:
    return lambda data: next((found for name in names if (found := number_of(data, name)) is not None), None)


KEYS = (
    Key(_first("TemporalPositionIndex", "TemporalPositionIdentifier"), lambda v: f"time {v:g}"),
    Key(_b_value, lambda v: f"b {v:g} s/mm²"),
    Key(_first("EffectiveEchoTime", "EchoTime"), lambda v: f"TE {v:g} ms"),
    Key(_first("InversionTime"), lambda v: f"TI {v:g} ms"),
    Key(_first("NominalCardiacTriggerDelayTime", "TriggerTime"), lambda v: f"trigger {v:g} ms", 1e-3),
    Key(_first("FrameReferenceTime"), lambda v: f"{v / 1000:g} s", 1e-3),
    Key(_picture, str),
    Key(_first("AcquisitionNumber"), lambda v: f"acquisition {v:g}"),
    Key(_clock, lambda v: "", 1.0),
    Key(lambda data: None, str),  # the place in a file of many frames that says no more; see enhanced.py
)
INDEX = len(KEYS) - 1


def times_of(data: Dataset) -> Times:
    """Read all that may tell this frame from another at the same place, in the order of KEYS."""
    return tuple(key.read(data) for key in KEYS)


@dataclass(frozen=True, eq=False)
class Instants(Generic[F]):
    """`rows[instant][place]`, None where a frame is missing; `names` of the instants and seconds between them."""

    rows: tuple[tuple[F | None, ...], ...]
    names: tuple[str, ...] = ()
    frame_s: float | None = None
    warnings: tuple[str, ...] = ()


def instants(stacks: Sequence[Sequence[F]], times: Callable[[F], Times]) -> Instants[F]:
    """Sort stacks of frames, each of one place, into volumes of one instant each.

    `stacks` are in the order of last resort. A thing whose values are the same ones at every place (time, b-value,
    echo) names the instants, and a frame that is missing is left blank in its own instant, never filled by the next.
    """
    most = max(len(stack) for stack in stacks)
    if most == 1:
        return Instants((tuple(stack[0] for stack in stacks),))
    ranked = [sorted(stack, key=lambda frame: tuple((v is not None, v) for v in times(frame))) for stack in stacks]
    for number, key in enumerate(KEYS):
        if (values := _told_apart(ranked, times, number, most)) is not None:
            rows = _by_value(ranked, times, number, values)
            said = tuple(key.words(value) for value in values) if key.words(values[0]) else ()
            return Instants(rows, said, _seconds(rows, times), _blank(rows))
    counts = [len(stack) for stack in stacks]
    if min(counts) == most:
        rows = tuple(tuple(stack[rank] for stack in ranked) for rank in range(most))
        return Instants(rows, (), _seconds(rows, times))
    usual = int(np.median(counts))
    left = sum(max(0, count - usual) for count in counts)
    rows = tuple(tuple(stack[rank] if rank < len(stack) else None for stack in ranked) for rank in range(usual))
    extra = f"{left} frame{'s lie' if left > 1 else ' lies'} where others already are and {_are(left)} left out"
    return Instants(rows, (), None, (*((extra,) if left else ()), *_blank(rows)))


def _are(count: int) -> str:
    return "are" if count > 1 else "is"


def _told_apart(
    stacks: Sequence[Sequence[F]], times: Callable[[F], Times], number: int, most: int
) -> tuple[Any, ...] | None:
    """Return the values of a key where it tells all frames of each place apart by the same few values."""
    seen: set[Any] = set()
    for stack in stacks:
        values = [_rounded(times(frame)[number]) for frame in stack]
        if None in values or len(set(values)) < len(values):
            return None
        seen.update(values)
        if len(seen) > most:
            return None
    return tuple(sorted(seen)) if len(seen) == most else None


def _rounded(value: float | str | None) -> float | str | None:
    return round(value, 3) if isinstance(value, float) else value


def _by_value(
    stacks: Sequence[Sequence[F]], times: Callable[[F], Times], number: int, values: tuple[Any, ...]
) -> tuple[tuple[F | None, ...], ...]:
    found = [{_rounded(times(frame)[number]): frame for frame in stack} for stack in stacks]
    return tuple(tuple(stack.get(value) for stack in found) for value in values)


def _blank(rows: tuple[tuple[F | None, ...], ...]) -> tuple[str, ...]:
    missing = sum(frame is None for row in rows for frame in row)
    if not missing:
        return ()
    return (f"{missing} of {len(rows) * len(rows[0])} frames {_are(missing)} missing and left blank",)


def _seconds(rows: tuple[tuple[F | None, ...], ...], times: Callable[[F], Times]) -> float | None:
    """Seconds from instant to instant where some clock goes on steadily, at the first place that has all frames."""
    place = next((n for n in range(len(rows[0])) if all(row[n] is not None for row in rows)), None)
    if place is None:
        return None
    for number, key in enumerate(KEYS):
        values = [times(row[place])[number] for row in rows]  # type: ignore[arg-type]
        if key.seconds is None or any(value is None for value in values):
            continue
        steps = np.diff(np.asarray(values, float)) * key.seconds
        usual = float(np.median(steps))
        if usual > 1e-4 and bool(np.all(np.abs(steps - usual) <= 0.25 * usual)):
            return usual
    return None
