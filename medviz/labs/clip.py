"""CLIP: pictures against texts, a softmax with a temperature, and prompts that name what nobody labelled (deck D2)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.captioned import caption
from medviz.data.naming import ready
from medviz.figures import Bars, Figure, Gallery, Heatmap, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.clip_taught import DATA, Known, held_out, of_run, taught
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Input, Pick, Range
from medviz.refused import Refused
from medviz.training.contrasting import clip_loss

Array = NDArray[Any]
MOST_PICTURES, MOST_PROMPTS = 12, 12
_FIXED = 0.07
"""Temperature where none was learnt: that with which CLIP begins."""
_PROMPTS = (
    "a large dark shell at the lower right; a small dark shell at the lower right; "
    "a large bright shell at the lower right; a large dark ball at the lower right; "
    "a large dark shell at the upper left"
)


def _default() -> Slice:
    """Return a drawn picture of a large dark shell at the lower right, as it faces the screen."""
    things = held_out().things
    at = next(k for k, one in enumerate(things) if caption(one) == _PROMPTS.partition(";")[0])
    pixels = held_out()[at]["image"][0].numpy().T[::-1]
    return Slice(np.round(pixels.astype(float), 2), name=caption(things[at]))


_DEFAULT = _default()


@dataclass(frozen=True, eq=False)
class Matrix:
    """Cosines of N pictures and N texts (N, N), what they were divided by, and both sides' names."""

    cosines: Tensor
    temperature: float
    texts: tuple[str, ...]

    @property
    def logits(self) -> Tensor:
        """What the softmax runs over."""
        return self.cosines / self.temperature


@dataclass(frozen=True)
class ClipLab(Lab):
    """Pictures and texts in one space: the right pair of each row and column is to win; prompts then name pictures."""

    TITLE: ClassVar[str] = "CLIP"
    ARRANGE: ClassVar[str] = "pictures / similarity shares / image prompts / loss / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("No idea: ln N", "SEQ-14", "D2", {"source": "uniform"},
                {"loss": "= 2.079; ln 8 = 2.079", "shares": [[12.5] * 8] * 8},
                text="All texts are alike to it: each of 8 gets an eighth, and that costs ln 8."),
        Example("Perfect: no loss", "SEQ-14", "D2", {"source": "perfect", "temperature": 0.01},
                {"loss": "= 0; ln 8 = 2.079", "shares[3,3]": 100.0, "shares[3,4]": 0.0},
                text="Partners are alike, all others are at right angles, and the temperature is low."),
        Example("Perfect, but too warm", "SEQ-14", "D2", {"source": "perfect", "temperature": 1.0},
                {"loss": "= 1.274; ln 8 = 2.079"},
                text="e¹/(e¹ + 7) = 28 %: cosines lie between −1 and 1, so that without a temperature none can win."),
        Example("Taught at once", "SEQ-14", "D2", {}, {"story": "shares out 100 %"},
                text="Type prompts, apart by semicolons; the softmax says which fits best of those that are there."),
        Example("Ask for the place", "SEQ-14", "D2",
                {"prompts": "a ball at the upper left; a ball at the upper right; a ball at the lower left; "
                 "a ball at the lower right; a ball in the middle"}, {"prompts.shape": (5,)},
                text="The same network, other classes: nobody trained it to name places."),
        Example("An x-ray of …", "SEQ-14", "D2", {"prompts": "an x-ray of a lung; an x-ray of a large bright ball"},
                {"story": "never learnt: an, x, -, ray, of, lung"},
                text="It knows the words of its captions and no others: the prompt's form must be that of the data."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "The picture that the prompts are held against"] = _DEFAULT
    prompts: Annotated[str, Group("Prompts"), "What it may show, apart by semicolons"] = _PROMPTS
    asked: Annotated[
        str, Choice(("slice", "row"), ("the slice", "the picture pointed at in the matrix")), Group("Prompts"),
        "Which picture they are held against",
    ] = "slice"  # fmt: skip
    temperature: Annotated[
        float | None, Range(0.01, 1.0, log=True), Group("Comparison"),
        "What cosines are divided by before the softmax; automatic: what the network learnt",
    ] = None  # fmt: skip
    source: Annotated[
        str, Choice(("taught", "uniform", "perfect"), ("a small CLIP, taught at once", "no idea: all alike",
                    "perfect: partners alike, others not")), Group("Comparison"),
        "Where the cosines come from; a run counts before all of these",
    ] = "taught"  # fmt: skip
    model: Annotated[str, File(folder=True), Group("Comparison"), "A run of CLIP, in place of what is taught here"] = ""
    many: Annotated[int, Range(2, MOST_PICTURES), Group("Comparison"), "Pictures and texts of the matrix"] = 8
    row: Annotated[int, Pick("similarity", "shares"), Range(0, MOST_PICTURES - 1), Group("Prompts", advanced=True),
                   "The picture that was pointed at, from 0"] = 0  # fmt: skip
    seed: Annotated[int, Range(0, 99), Group("Comparison", advanced=True), "Draws the small CLIP's weights"] = 0

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> "ClipLab":
        """Ask about the picture whose row was pointed at."""
        return super().pointed(figure, (cell[0], 0), (shape[0], 1))

    def show(self) -> Work[None]:
        """Yield pictures, their cosines with texts, the softmax of the rows, the loss, and what the prompts get."""
        prompts = tuple(dict.fromkeys(" ".join(one.split()) for one in self.prompts.split(";") if one.strip()))
        if not 2 <= len(prompts) <= MOST_PROMPTS:
            fault = f"there are {len(prompts)} different prompts"
            raise Refused("prompts", fault, f"type 2 to {MOST_PROMPTS}, apart by semicolons")
        if self.source != "taught" and not self.model:
            yield from self._planted()
            return
        if self.asked == "slice":
            self._slice()  # what cannot be asked about is refused before anything is taught
        known = of_run(self.model) if self.model else (yield from taught(self.seed))
        chosen = self._chosen(known)
        if chosen is not None:
            images, matrix = chosen
            yield from self._matrix(images, matrix)
        yield from self._answer(known, prompts, None if chosen is None else chosen[0])

    def _planted(self) -> Iterator[Figure]:
        held = held_out()
        cosines = torch.eye(self.many) if self.source == "perfect" else torch.zeros(self.many, self.many)
        places = self._places()
        texts = tuple(caption(held.things[k]) for k in places)
        images = torch.stack([held[k]["image"] for k in places])
        yield from self._matrix(images, Matrix(cosines, self.temperature or _FIXED, texts))
        yield Text("story", "Cosines planted by hand, to see the loss at both ends; choose “a small CLIP” for prompts.")

    def _places(self) -> list[int]:
        """Return held-out pictures of different compositions, spread over all of them."""
        count = len(DATA.held_out_things)
        return [(5 * k) % count for k in range(self.many)]

    def _chosen(self, known: Known) -> tuple[Tensor, Matrix] | None:
        """Return held-out pictures and their cosines; None where the network never learnt such captions."""
        held, places = held_out(known.side), self._places()
        texts = tuple(caption(held.things[k]) for k in places)
        if any(known.strange(text) for text in texts):
            return None
        images = torch.stack([held[k]["image"] for k in places])
        wide = images.expand(-1, known.channels, -1, -1)
        cosines = known.pictures(wide) @ known.texts(texts).T
        return images, Matrix(cosines, self.temperature or known.temperature, texts)

    def _matrix(self, images: Tensor, one: Matrix) -> Iterator[Figure]:
        many = len(one.texts)
        tiles = images[:, 0].numpy().transpose(0, 2, 1)[:, ::-1]
        names = tuple(f"{k + 1}" for k in range(many))
        diagonal = tuple(Mark(k, k, style="target") for k in range(many))
        focus = (Mark(min(self.row, many - 1), 0, 1, many, "focus"),) if self.asked == "row" else ()
        title = "pictures of compositions that were never learnt from"
        yield Gallery("pictures", tiles, title, names, shared_scale=True, columns=many, weight=0.5)
        said = tuple(f"{_brief(text)}  {name}" for text, name in zip(one.texts, names, strict=True))
        cosines, marks = one.cosines.numpy().astype(float).round(2), (*diagonal, *focus)
        yield Heatmap("similarity", cosines, "cosine of picture (row) and text", "diverging", (-1.0, 1.0), digits=2,
                      row_names=said, column_names=names, marks=marks)  # fmt: skip
        shares = (100 * one.logits.double().softmax(1).numpy()).round(1)
        yield Heatmap("shares", shares, "softmax of each row", "viridis", (0.0, 100.0), "%", row_names=names,
                      column_names=names, digits=3, marks=diagonal)  # fmt: skip
        rows, columns = (float(torch.nn.functional.cross_entropy(s.double(), torch.arange(many)))
                         for s in (one.logits, one.logits.T))  # fmt: skip
        loss = float(clip_loss(one.logits.double()))
        line = f"½ · (rows {_three(rows)} + columns {_three(columns)}) = {_three(loss)}; ln {many} = "
        yield Text("loss", line + _three(math.log(many)), f"loss, temperature {number(one.temperature)}", formula=True)

    def _answer(self, known: Known, prompts: tuple[str, ...], images: Tensor | None) -> Iterator[Figure]:
        strange = [one for text in prompts for one in known.strange(text)]
        lost = next((text for text in prompts if len(known.strange(text)) == len(text.split())), "")
        picture, seen, name = self._asked(known, images)
        temperature = self.temperature or known.temperature
        with torch.no_grad():
            cosines = (known.pictures(picture[None]) @ known.texts(prompts).T)[0]
        shares = (cosines.double() / temperature).softmax(0).numpy()
        yield Picture("image", seen, name, weight=0.6)
        yield Bars("prompts", prompts, (100 * shares).round(2), "which prompt fits best of these", "%")
        yield Text("story", self._story(known, prompts, shares, strange, lost))

    def _asked(self, known: Known, images: Tensor | None) -> tuple[Tensor, Array, str]:
        """Return what is asked about: as the network sees it, as it faces the screen, and its name."""
        if self.asked == "row" and images is not None:
            at = min(self.row, len(images) - 1)
            plain = images[at].expand(known.channels, -1, -1)
            return plain, images[at][0].numpy().T[::-1].copy(), f"picture {at + 1} of the matrix"
        values = self._slice()
        facing = values if known.rightward else values[:, ::-1]  # left must be left, as in what it has learnt from
        picture = ready(np.ascontiguousarray(facing[::-1].T[None]), known.side, known.channels)
        return picture, values, self.image.name or "slice"

    def _slice(self) -> NDArray[np.float32]:
        """Return the slice (rows, cols); refuses one that the prompts cannot be held against."""
        values = np.asarray(self.image.values, np.float32)
        if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
            raise Refused(
                self.image.name or "slice", "it is not a grey slice of finite numbers", "choose another slice"
            )
        return values

    def _story(self, known: Known, prompts: tuple[str, ...], shares: Array, strange: list[str], lost: str) -> str:
        best = int(shares.argmax())
        said = [f"“{prompts[best]}” fits best with {100 * shares[best]:.0f} %; the softmax shares out 100 % whether "
                "any prompt is true or not"]  # fmt: skip
        if strange:
            said.append(f"never learnt: {', '.join(dict.fromkeys(strange))}")
        if lost:
            said.append(f"it knows no word of “{lost}”")
        if known.right[1]:
            right, of = known.right
            said.append(f"{known.words_of}: it finds the whole caption of {right} of {of} held-out pictures, "
                        f"among 80 captions (by chance {of / 80:.0f})")  # fmt: skip
        else:
            said.append(f"asked is {known.words_of}")
        return "; ".join(said) + "."


def _brief(text: str) -> str:
    """Say a caption in fewer words: "large bright box, upper left"."""
    return text.removeprefix("a ").replace(" at the ", ", ").replace(" in the ", ", ")


def _three(value: float) -> str:
    text = f"{value:.3f}"
    return "0" if float(text) == 0 else text
