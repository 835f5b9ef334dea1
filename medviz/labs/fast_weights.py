"""Fast weights: a convolution has one kernel for all patches, attention makes its weights of the patch itself (D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from medviz.figures import Figure, Heatmap, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import number
from medviz.labs.kernels import KERNELS, WORDS
from medviz.labs.lab import Example, Lab
from medviz.labs.sliding import slid
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Pick, Range
from medviz.refused import Refused

Array = NDArray[Any]
Place = tuple[int, int]
SIDE = 3
"""The window of either: a pixel asks its neighbours, or is multiplied with a kernel together with them."""
_NAMES = tuple(name for name, rows in KERNELS.items() if len(rows) == SIDE and len(rows[0]) == SIDE)


def windows(patch: Array) -> Array:
    """Numbers (n, 9) around each inner pixel of a patch."""
    made: Array = np.lib.stride_tricks.sliding_window_view(patch, (SIDE, SIDE)).reshape(-1, SIDE * SIDE)
    return made


def attention(patch: Array, sharpness: float) -> Array:
    """Weights (n, 9) by which each inner pixel takes of its neighbours: softmax of how like it they are.

    Query and key of a pixel are its value in spreads of the patch's own; likeness is −sharpness·(q − k)².
    """
    scaled = patch / (float(patch.std()) or 1.0)
    around = windows(scaled)
    middle = around[:, SIDE * SIDE // 2, None]
    made: Array = softmax(-sharpness * (around - middle) ** 2, axis=1)
    return made


@dataclass(frozen=True)
class FastWeights(Lab):
    """Two patches of the slice through the same kernel and through the same attention."""

    TITLE: ClassVar[str] = "Fast weights"
    ARRANGE: ClassVar[str] = (
        "image:1.6 (patch_a patch_b) / kernel_a kernel_b attention_a attention_b / mapped_a mapped_b "
        "attended_a attended_b / formula / story"
    )
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Kernel the same, weights not", "SEQ-8", "D2", {}, {"story": "differ by 0 from patch to patch"},
                text="Point at the slice to move patch A: the kernel stays, the attention weights move."),
        Example("The same patch twice", "SEQ-8", "D2", {"first": (58, 36), "second": (58, 36)},
                {"formula": "largest difference of the kernels 0, of the attention weights 0"},
                text="Of equal inputs attention makes equal weights: they are computed, not drawn."),
        Example("Attention that does not ask", "SEQ-8", "D2", {"sharpness": 0.0},
                {"attention_a": np.full((3, 3), 1 / 9), "story": "is a mean over the window"},
                text="With nothing asked all weights are 1/9: then it is a convolution, with the kernel of a mean."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Where the patches lie"] = ABDOMEN
    first: Annotated[Place, Pick("image", "patch_a"), Group("Patches"), "Middle of patch A: row, column"] = (56, 40)
    second: Annotated[Place, Pick("patch_b"), Group("Patches"), "Middle of patch B: row, column"] = (36, 92)
    side: Annotated[int, Range(5, 25, 2, unit="px"), Group("Patches"), "Side of a patch"] = 9
    preset: Annotated[
        str, Choice(_NAMES, tuple(WORDS[name] for name in _NAMES)), Group("Weights"), "The kernel of the convolution"
    ] = "gaussian"  # fmt: skip
    sharpness: Annotated[float, Range(0.0, 20.0, 0.1), Group("Weights"), "How much likeness counts; 0: not at all"] = (
        2.0
    )

    def show(self) -> Work[None]:
        """Yield the patches, the weights that each meets, and what comes out."""
        yield from self._figures()

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Pointing at the slice moves patch A; a patch itself stays where it is."""
        return replace(self, first=cell) if figure == "image" else self

    def _figures(self) -> Iterator[Figure]:
        values = grey(self.image, 5)
        side = min(self.side, min(values.shape) // 2 * 2 - 1)
        if side < SIDE + 2:
            raise Refused(self.image.name or "image", "it is too small for a patch", "choose a larger region")
        kernel = np.asarray(KERNELS[self.preset])
        corners = [self._corner(place, side, values.shape) for place in (self.first, self.second)]
        patches = [values[r : r + side, c : c + side] for r, c in corners]
        weights = [attention(one, self.sharpness) for one in patches]
        middle = len(weights[0]) // 2
        shown = [one[middle].reshape(SIDE, SIDE) for one in weights]
        levels = shades(values)
        marks = [Mark(r, c, side, side, style, name)
                 for (r, c), style, name in zip(corners, ("focus", "source"), "AB", strict=True)]  # fmt: skip
        yield Picture("image", values, "slice: point to move patch A", self.image.mm, levels, unit=self.image.unit,
                      letters=self.image.letters, marks=tuple(marks), weight=1.8)  # fmt: skip
        inner = (Mark(side // 2 - 1, side // 2 - 1, SIDE, SIDE, "focus"),)
        most = float(np.abs(kernel).max())
        top = max(float(one.max()) for one in shown)
        for name, patch, one, every in zip("ab", patches, shown, weights, strict=True):
            word = name.upper()
            yield Picture(f"patch_{name}", patch, f"patch {word}", self.image.mm, levels, marks=inner)
            yield Heatmap(f"kernel_{name}", kernel, f"kernel, {word}", "diverging", (-most, most))
            yield Heatmap(f"attention_{name}", one, f"attention, {word}", "viridis", (0.0, top))
            yield Picture(f"mapped_{name}", slid(patch, kernel), f"convolved, {word}")
            mixed = (every * windows(patch)).sum(axis=1).reshape(side - 2, side - 2)
            yield Picture(f"attended_{name}", mixed, f"attended, {word}")
        apart = float(np.abs(shown[0] - shown[1]).max())
        said = f"largest difference of the kernels 0, of the attention weights {number(apart, 3)}"
        yield Text("formula", said, "A against B", formula=True)
        yield Text("story", self._story(apart), "")

    def _corner(self, place: Place, side: int, shape: tuple[int, ...]) -> Place:
        row, col = (min(max(at - side // 2, 0), whole - side) for at, whole in zip(place, shape, strict=True))
        return row, col

    def _story(self, apart: float) -> str:
        said = [
            "The kernel is learnt once and then slow: its weights differ by 0 from patch to patch",
            f"attention makes its weights of what it looks at, here up to {number(apart, 3)} apart: fast weights",
        ]
        if not self.sharpness:
            said.append("without questions attention is a mean over the window")
        said.append("what is learnt of attention are the matrices that make queries and keys, not the weights")
        return "; ".join(said) + "."
