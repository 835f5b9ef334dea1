"""Inpainting: a box of the slice is made anew, or all around it, and what is known stays bit for bit (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Mark, Picture, Text
from medviz.imaging.slices import PLANES
from medviz.imaging.volume import Volume
from medviz.labs.blocks import volume_of
from medviz.labs.diffused import SHOWN, lowered, said
from medviz.labs.filling import (
    Filled,
    Painter,
    Seen,
    filled,
    run_network,
    slice_with_neighbours,
    small_network,
    unsquared,
)
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.overlaps import box_dragged
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Input, Matrix, Range, Size, Step, When
from medviz.refused import Refused

Array = NDArray[Any]
MOST_STEPS = 250
_BOX = ((38.0, 30.0, 62.0, 55.0),)


def _head() -> Volume:
    """Draw a head of 64 × 64 × 24 voxels of 3 × 3 × 4 mm: a shell, two halves, hollows, spots and stripes."""
    x, y, z = np.indices((64, 64, 24), float)
    far = np.sqrt(((x - 31.5) / 25) ** 2 + ((y - 31.5) / 29) ** 2 + ((z - 11.5) / 16) ** 2)
    values = np.where(far < 1, 260.0, 0.0)
    values[far < 0.88] = 120.0 + 25 * np.cos(np.hypot(x - 31.5, y - 31.5) * 0.9 + z * 0.15)[far < 0.88]
    values[(np.abs(x - 31.5) < 1) & (far < 0.86)] = 60.0
    for side in (-1, 1):
        hollow = ((x - 31.5 - side * 6) / 3.5) ** 2 + ((y - 33) / 9) ** 2 + ((z - 12) / 8) ** 2 < 1
        values[hollow] = 25.0
        values[((x - 31.5 - side * 13) / 4) ** 2 + ((y - 26) / 5) ** 2 + ((z - 12) / 7) ** 2 < 1] = 190.0
    return volume_of(np.round(values).astype(np.int16), (3.0, 3.0, 4.0), "a drawn head")


HEAD = _head()


@dataclass(frozen=True)
class Inpainting(Lab):
    """A box on a slice: what lies in it is made anew out of noise, what lies around it is put back at each step."""

    TITLE: ClassVar[str] = "Inpainting"
    ARRANGE: ClassVar[str] = "image given result / check / noisy guess error / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Inpainting: the box is made anew", "GEN-11", "D2", {},
                {"check": "0 of them changed"},
                text="Drag the box, or draw another. The network has seen the slices around, and not this one."),
        Example("Outpainting: the box is all that is known", "GEN-11", "D2", {"fills": "outside"},
                {"check": "0 of them changed"}, text="As in the deck: one part is the original, the rest is made."),
        Example("The known is put back at each step", "GEN-11", "D2", {"at": 25},
                {"formula": "where known: √ᾱ·x₀ + √(1−ᾱ)·ε", "check": "0 of them changed"},
                text="With as much noise as belongs to that step, so that the two parts fit together."),
        Example("Back and forth: RePaint", "GEN-11", "D2", {"rounds": 4},
                {"story": "each step 4 times"}, text="Noise is added again in between: the new agrees better."),
    )  # fmt: skip

    image: Annotated[Volume, Input("volume"), "The scan whose slice is filled; slices around it are learnt from"] = HEAD
    plane: Annotated[str, Choice(PLANES), Group("Slice"), "Which way it is cut"] = "axial"
    slice_at: Annotated[float, Range(0, 100, 1, "%"), Group("Slice"), "Which slice, from the first to the last"] = 50.0
    box: Annotated[
        Matrix, Size(1, 4), Group("Box"),
        "Left, top, right and bottom in % of the slice; drag it on the slice, or draw another beside it",
    ] = _BOX  # fmt: skip
    fills: Annotated[
        str, Choice(("inside", "outside"), ("inside: inpainting", "outside: outpainting")), Group("Box"),
        "What is made anew",
    ] = "inside"  # fmt: skip
    source: Annotated[
        str, Choice(("small", "run"), ("a small network", "a diffusion run")), Group("Sampling"),
        "Who fills; the small network is taught here, on the slices around",
    ] = "small"  # fmt: skip
    run: Annotated[
        str, File(folder=True), When("source", "run"), Group("Sampling"), "Folder of a run of the task diffusion"
    ] = ""
    length: Annotated[int, Range(10, MOST_STEPS, unit="steps"), Group("Sampling"), "Steps of sampling"] = 50
    rounds: Annotated[int, Range(1, 8), Group("Sampling"), "How often each step is taken, with noise in between"] = 1
    seed: Annotated[int, Range(0, 999), Group("Sampling"), "Draws the noise"] = 0
    at: Annotated[int, Step(), Range(0, MOST_STEPS), Group("Sampling", advanced=True), "Steps that are shown"] = 40

    def show(self) -> Work[None]:
        """Yield the slice with its box and what is given at once; then what was made, how, and what was left alone."""
        seen = slice_with_neighbours(self.image, self.plane, self.slice_at)
        unknown = self._unknown(seen.values.shape)
        loaded = run_network(self.run, seen.image, self.length, self.rounds) if self.source == "run" else None
        yield from self._given(seen, unknown)
        painter = loaded or (yield from small_network(seen, self.length, self.rounds))
        made = yield from filled(painter, seen, unknown, self.seed)
        yield from self._made(seen, unknown, painter, made)

    def steps(self) -> int:
        """One step of sampling each; the last shows the picture."""
        return self.length + 1

    def at_step(self, number: int) -> Self:
        """Show the picture after so many steps."""
        return replace(self, at=number)

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Drag the box or its border; a drag that begins beside it draws another."""
        if figure != "image" or len(self.box) != 1 or len(self.box[0]) != 4:
            return self
        rows, cols = self._shape()
        px = np.array(self.box[0]) / 100 * (cols, rows, cols, rows)
        moved = box_dragged(px[None], start, here, (rows, cols))
        if moved is not None:
            made = moved[0]
        else:
            ys, xs = (np.clip(sorted((start[k], here[k])), 0, (rows, cols)[k]).round() for k in (0, 1))
            made = np.array([xs[0], ys[0], max(xs[1], xs[0] + 1), max(ys[1], ys[0] + 1)])
        share = np.round(made / (cols, rows, cols, rows) * 100, 3)
        return replace(self, box=(tuple(float(one) for one in share),))

    def _shape(self) -> tuple[int, int]:
        x, y, z = self.image.shape
        return {"axial": (y, x), "coronal": (z, x), "sagittal": (z, y)}[self.plane]

    def _pixels(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Return the box in pixels of the slice: left, top, right, bottom."""
        if len(self.box) != 1 or len(self.box[0]) != 4:
            raise Refused("box", "it is not left, top, right and bottom", "give four numbers in %")
        rows, cols = shape[:2]
        left, top, right, bottom = np.clip(self.box[0], 0, 100) / 100 * (cols, rows, cols, rows)
        return round(left), round(top), round(right), round(bottom)

    def _unknown(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        left, top, right, bottom = self._pixels(shape)
        if right <= left or bottom <= top:
            raise Refused("box", "it holds no pixel", "draw it larger")
        inside = np.zeros(shape, bool)
        inside[top:bottom, left:right] = True
        if inside.all():
            raise Refused("box", "it covers the whole slice", "draw it smaller, so that some is known and some is not")
        return inside if self.fills == "inside" else ~inside

    def _given(self, seen: Seen, unknown: NDArray[np.bool_]) -> Iterator[Figure]:
        left, top, right, bottom = self._pixels(seen.values.shape)
        box = Mark(top, left, bottom - top, right - left, "box")
        levels = (seen.low, seen.high)
        look = {"mm": seen.image.mm, "letters": seen.image.letters, "unit": seen.image.unit, "levels": levels}
        yield Picture("image", seen.values, "slice: drag the box", marks=(box,), drags=True, **look)  # type: ignore[arg-type]
        yield Picture("given", np.where(unknown, seen.low, seen.values), "what is known", **look)  # type: ignore[arg-type]

    def _made(self, seen: Seen, unknown: NDArray[np.bool_], painter: Painter, made: Filled) -> Iterator[Figure]:
        result = seen.values.copy()
        result[unknown] = unsquared(seen, made.frames[-1])[unknown]
        image, apart = seen.image, np.abs(result - seen.values)
        yield Picture("result", result, "made anew", image.mm, (seen.low, seen.high), unit=image.unit,
                      letters=image.letters)  # fmt: skip
        most = max(float(apart.max()), 1e-9)
        yield Picture("error", apart, "differs by", image.mm, (0.0, most), "viridis", image.unit,
                      letters=image.letters)  # fmt: skip
        yield _check(seen, unknown, result, made)
        steps = len(made.guesses)
        done = min(self.at, steps)
        wide = max(1.0, float(np.percentile(np.abs(made.frames[done]), 99)))
        times = painter.way.times
        t = times[done][0] if done < steps else 0
        yield Picture("noisy", made.frames[done], f"x{lowered(t)}: step {done} of {steps}", levels=(-wide, wide))
        yield Picture("guess", made.guesses[min(done, steps - 1)], "x̂₀: what it sees in it", levels=SHOWN)
        yield Text("formula", _formula(painter, t), "each step", formula=True)
        yield Text("story", self._story(seen, unknown, painter, result), "")

    def _story(self, seen: Seen, unknown: NDArray[np.bool_], painter: Painter, result: Array) -> str:
        told = [painter.words]
        unit = seen.image.unit or "(no unit)"
        apart = _root(result[unknown] - seen.values[unknown])
        flat = _root(seen.values[unknown] - seen.values[_rim(unknown)].mean())
        told.append(
            f"where it was filled it differs from the slice by {number(apart, 3)} {unit} (root mean square); the mean "
            f"of the rim would by {number(flat, 3)}"
        )
        if self.rounds > 1:
            told.append(f"each step {self.rounds} times, with noise added again in between (RePaint)")
        told.append(
            f"it works in {painter.side} × {painter.side} px, so what is made is blurred on a larger slice; it may "
            "look right and be wrong: what was there cannot be known from around it"
        )
        return "; ".join(told) + "."


def _check(seen: Seen, unknown: NDArray[np.bool_], result: Array, made: Filled) -> Text:
    """Hold what is known against what came out, bit for bit, on the slice and in the square of the network."""
    known = ~unknown
    changed = int(np.count_nonzero(result[known] != seen.values[known]))
    within = int(np.count_nonzero(made.frames[-1][made.known] != made.given[made.known]))
    side = made.known.shape[0]
    line = (
        f"{int(known.sum()):,} of {known.size:,} pixels are known: {changed:,} of them changed; in the network's "
        f"{side} × {side} px {within:,} of {int(made.known.sum()):,}"
    )
    return Text("check", line, "bit for bit", formula=True, level="bad" if changed or within else "good")


def _formula(painter: Painter, t: int) -> str:
    plan = painter.way.schedule
    if t <= 1:
        return "x₀: where known the slice itself, elsewhere what came out of the last step"
    left = plan.left(t - 1)
    return (
        f"x{lowered(t - 1)} where known: √ᾱ·x₀ + √(1−ᾱ)·ε = {said(left**0.5)}·x₀ + {said((1 - left) ** 0.5)}·ε;  "
        "elsewhere: μ + σ·z of Algorithm 2"
    )


def _rim(unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Known pixels that touch unknown ones; all known ones where none does."""
    grown = unknown.copy()
    grown[1:] |= unknown[:-1]
    grown[:-1] |= unknown[1:]
    grown[:, 1:] |= unknown[:, :-1]
    grown[:, :-1] |= unknown[:, 1:]
    rim: NDArray[np.bool_] = grown & ~unknown
    return rim if rim.any() else ~unknown


def _root(apart: Array) -> float:
    return float(np.sqrt((apart**2).mean()))
