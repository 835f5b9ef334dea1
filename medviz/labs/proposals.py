"""Proposals: regions of a slice merge step by step, and each leaves a box that may hold something (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Curves, Figure, Line, Mark, Picture, Table, Text
from medviz.imaging.merging import PARTS, Tree, distinct, first_regions, grown
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Group, Input, Pick, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
MOST_REGIONS, MOST_MARKS, MOST_PIXELS = 1500, 160, 1 << 18
_LAST: "WeakKeyDictionary[Slice, tuple[object, Tree]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Proposals(Lab):
    """Selective search: similar neighbours merge until one region is left; every region on the way proposes a box."""

    TITLE: ClassVar[str] = "Region proposals"
    ARRANGE: ClassVar[str] = "regions boxes / counts parts / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Merging, step by step", "DET-1", "D2", {"done": 8},
                {"story": "every box holds those of its two parts", "formula": "likeness = "},
                text="Play: the two that merge are marked, the box of what they make appears at the right."),
        Example("Merged to the end", "DET-1", "D2", {"done": 4000}, {"story": "1 region is left"},
                text="n regions need n − 1 merges, so that at most 2n − 1 boxes are proposed."),
        Example("By grey level alone", "DET-1", "D2", {"texture": False, "size": False, "fill": False, "done": 40},
                {"formula": "+ 0 + 0 + 0 ="},
                text="Without size and fill one region swallows its neighbours one by one."),
        Example("Nearer to the 2,000 of R-CNN", "DET-1", "D2",
                {"scale": 0.5, "least": 2, "smooth": 0.2, "narrowest": 1}, {"story": "R-CNN takes about 2,000"},
                text="Smaller first regions, more boxes. The paper adds colour spaces and scales to come to 2,000."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Where things are looked for"] = ABDOMEN
    scale: Annotated[float, Range(0.1, 500, log=True), Group("First regions"), "Larger makes larger regions"] = 8.0
    smooth: Annotated[float, Range(0.0, 4.0, 0.1, unit="px"), Group("First regions"), "Smoothing before"] = 0.8
    least: Annotated[int, Range(1, 400, unit="px"), Group("First regions"), "No region is smaller than this"] = 12
    colour: Annotated[bool, Group("Likeness"), "Histograms of grey levels share much"] = True
    texture: Annotated[bool, Group("Likeness"), "Histograms of the directions of slopes share much"] = True
    size: Annotated[bool, Group("Likeness"), "Small regions merge first"] = True
    fill: Annotated[bool, Group("Likeness"), "Regions merge that fit into one box without gaps"] = True
    narrowest: Annotated[int, Range(1, 64, unit="px"), Group("Boxes"), "Boxes narrower than this are left out"] = 4
    done: Annotated[int, Step(), Range(0, 100_000), Group("Boxes", advanced=True), "Merges done"] = 0
    place: Annotated[
        tuple[int, int] | None, Pick("regions", "boxes"), Group("Boxes", advanced=True),
        "A pixel: the boxes of all regions that it came to lie in",
    ] = None  # fmt: skip

    def show(self) -> Work[None]:
        """Yield the regions as they stand, the boxes so far, their count, and why the last two merged."""
        yield from self._figures()

    def steps(self) -> int:
        """One step before the first merge and one after each."""
        return len(self._tree().merges) + 1

    def _figures(self) -> Iterator[Figure]:
        tree = self._tree()
        done = min(self.done, len(tree.merges))
        last = tree.merges[done - 1] if done else None
        boxes = distinct(tree.regions[: tree.count + done], self.narrowest)
        image = self.image
        now, levels = tree.at(done), shades(image.values)
        left = tree.count - done
        marks = () if last is None else (
            self._mark(tree, last.one, "source", ""), self._mark(tree, last.other, "source", ""),
            self._mark(tree, last.made, "focus", ""),
        )  # fmt: skip
        title = f"{left} region{'s' if left > 1 else ''} after {done} merges"
        yield Picture("regions", image.values, title, image.mm, levels,
                      labels=(now + 1).astype(np.int64), letters=image.letters, marks=marks, weight=1.6)  # fmt: skip
        yield Picture("boxes", image.values, self._boxes_title(len(boxes)), image.mm, levels, letters=image.letters,
                      marks=self._box_marks(tree, done, boxes), weight=1.6)  # fmt: skip
        yield self._counts(tree, done)
        yield _parts(tree, done)
        yield Text("formula", self._formula(tree, done), "why these two", formula=True)
        yield Text("story", self._story(tree, done, boxes), "")

    def _tree(self) -> Tree:
        values = grey(self.image)
        if values.size > MOST_PIXELS:
            size = "×".join(map(str, values.shape))
            raise Refused(self.image.name or "image", f"{size} px take too long to merge", "choose a region of it")
        wanted = (self.colour, self.texture, self.size, self.fill)
        if not any(wanted):
            raise Refused("likeness", "all four parts are switched off", "leave at least one on")
        key = (self.scale, self.smooth, self.least, wanted)
        known = _LAST.get(self.image)
        if known is not None and known[0] == key:
            return known[1]
        first, least = first_regions(values, self.scale, self.smooth, self.least), self.least
        while int(first.max()) >= MOST_REGIONS:
            least *= 2
            first = first_regions(values, self.scale, self.smooth, least)
        tree = grown(values, first, wanted)
        _LAST[self.image] = (key, tree)
        return tree

    def _mark(self, tree: Tree, number: int, style: str, text: str) -> Mark:
        x0, y0, x1, y1 = tree.regions[number].box
        return Mark(y0, x0, y1 - y0, x1 - x0, style, text)

    def _boxes_title(self, count: int) -> str:
        return f"{count} different boxes" + (", those around one place" if self.place else " so far")

    def _box_marks(self, tree: Tree, done: int, boxes: tuple[Any, ...]) -> tuple[Mark, ...]:
        """Mark the latest boxes; where a place is pointed at, the boxes of all regions that hold it."""
        if self.place is not None:
            rows, cols = tree.first.shape
            row, col = min(self.place[0], rows - 1), min(self.place[1], cols - 1)
            line = [one for one in tree.above(int(tree.first[row, col])) if one < tree.count + done]
            styles = ["box"] * (len(line) - 1) + ["focus"]
            nested = tuple(self._mark(tree, one, style, "") for one, style in zip(line, styles, strict=True))
            return (*nested, Mark(row, col, 1, 1, "target"))
        shown = tuple(Mark(y0, x0, y1 - y0, x1 - x0, "box") for x0, y0, x1, y1 in boxes[-MOST_MARKS:])
        return (*shown, self._mark(tree, tree.merges[done - 1].made, "focus", "")) if done else shown

    def _counts(self, tree: Tree, done: int) -> Curves:
        seen: set[Any] = set()
        counts = []
        for k, region in enumerate(tree.regions):
            x0, y0, x1, y1 = region.box
            if min(x1 - x0, y1 - y0) >= self.narrowest:
                seen.add(region.box)
            if k >= tree.count - 1:
                counts.append(len(seen))
        steps = np.arange(len(tree.merges) + 1)
        lines = (Line("boxes", steps, np.array(counts)), Line("regions", steps, tree.count - steps, dashed=True))
        return Curves("counts", lines, "fewer regions, more boxes", "merges", "count", at=float(done))

    def _formula(self, tree: Tree, done: int) -> str:
        if not done:
            return f"{tree.count} regions, {tree.count} − 1 = {len(tree.merges)} merges to come"
        merge = tree.merges[done - 1]
        terms = " + ".join(f"{number(value, 3)}" for value in merge.likeness)
        return f"likeness = {' + '.join(PARTS)} = {terms} = {number(sum(merge.likeness), 4)}"

    def _story(self, tree: Tree, done: int, boxes: tuple[Any, ...]) -> str:
        left = tree.count - done
        grows = all(_holds(tree, merge) for merge in tree.merges[:done])
        said = [f"{left} region{' is' if left == 1 else 's are'} left of {tree.count}"]
        said.append("every box holds those of its two parts" if grows else "a box has lost a part of its own")
        all_boxes = len(distinct(tree.regions, self.narrowest))
        said.append(f"{len(boxes)} of {all_boxes} boxes are proposed; R-CNN takes about 2,000 from several such runs")
        return "; ".join(said) + "."


def _holds(tree: Tree, merge: Any) -> bool:
    x0, y0, x1, y1 = tree.regions[merge.made].box
    return all(
        x0 <= u0 and y0 <= v0 and u1 <= x1 and v1 <= y1
        for u0, v0, u1, v1 in (tree.regions[merge.one].box, tree.regions[merge.other].box)
    )


def _parts(tree: Tree, done: int) -> Table:
    """List the last merges, the newest first, with the four shares of likeness."""
    rows: tuple[tuple[str | float, ...], ...] = tuple(
        (done - back, f"{merge.one} + {merge.other} → {merge.made}", *(round(one, 3) for one in merge.likeness))
        for back, merge in enumerate(reversed(tree.merges[max(0, done - 12) : done]))
    )  # fmt: skip
    return Table("parts", ("merge", "regions", *PARTS), rows, "the last merges, and how alike they were")
