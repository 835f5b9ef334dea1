"""pix2pix: paint a label map, get a slice; a U-Net that paints and a judge that looks at patches (deck D2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from medviz.data.pictures import pictures, some
from medviz.data.samples import Mni152Tissue
from medviz.figures import Curves, Figure, Gallery, Line, Picture, Text
from medviz.imaging.slices import Slice, cut
from medviz.labs.blocks import volume_of
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.painter import CROP, KINDS, Lesson, Taught, Teaching, stroke, with_strokes
from medviz.labs.painter_of_run import PainterOfRun, painter_of
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Input, Range, Step, When
from medviz.refused import Refused

Array = NDArray[Any]
LONGEST, BRAIN = 96, 64
"""Longest side of a slice that is painted, and side of a brain, in pixels."""
FRAMES, FILM, KEPT = 6, 6, 6
_TISSUES = ("grey", "white", "CSF")
_MAP, _TAUGHT, _PAINT = Group("The map"), Group("How it was taught"), Group("The brush")
_TEXT = Group("As text", advanced=True)
_LESSONS: WeakKeyDictionary[Slice, dict[Any, Lesson]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Shown:
    """A label map, the true picture of it in −1..1 (None where there is none), and the names of the labels 1, 2 ..."""

    label: Array
    true: Array | None
    names: tuple[str, ...]
    mm: tuple[float, float] | None = None
    letters: tuple[str, str, str, str] | None = None


@dataclass(frozen=True)
class Pix2Pix(Lab):
    """A small network is taught what slices belong to label maps; then a person paints the map."""

    TITLE: ClassVar[str] = "pix2pix"
    ARRANGE: ClassVar[str] = "map made / true difference judge losses / film / frames / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("Paint a label map, get a slice", "GEN-5", "D2", {}, {"story": "from this slice alone"},
                text="Paint on the map with the mouse: the slice follows. The labels are bands of brightness."),
        Example("A lesion painted in", "GEN-5", "D2",
                {"source": "brain", "strokes": "3/4/22,38 23,40 25,41;1/5/40,24"}, {"story": "2 strokes"},
                text="Tissue to T1, taught on slices of the MNI152; what is shown was held out. No such brain exists."),
        Example("NVIDIA Canvas: a few strokes", "GEN-5", "D2",
                {"source": "brain", "empty": True, "strokes": "2/17/32,32;1/3/14,32 32,13 50,32 32,51 14,32;3/3/30,27 30,37"},  # noqa: E501
                {"story": "3 strokes"},
                text="Image-to-image on steroids: from an empty map, with a broad brush."),
        Example("Poses: from a stick figure", "GEN-5", "D2", {"given": "lines"}, {"story": "middle lines"},
                text="People are made from poses (1705.09368): a skeleton says where what is, not how wide."),
        Example("Edges to pictures", "GEN-5", "D2", {"given": "outlines"}, {"story": "outlines"}),
        Example("Talking heads: a sequence of images", "GEN-5", "D2", {"source": "brain", "moves": "turn"},
                {"story": "6 frames", "frames.shape": (6, BRAIN, BRAIN)},
                text="Why stop at one? The map moves, each frame is painted anew (1905.08233 drives faces that way)."),
        Example("Without the game", "GEN-5", "D2", {"wants": "L1"}, {"story": "no judge"},
                text="The mean difference alone makes a mean picture: where the map does not say, it blurs."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What the map is made of, and what is taught"] = ABDOMEN
    labels: Annotated[Slice | None, Input("labels"), "The viewer's labels on this slice"] = None
    source: Annotated[
        str, Choice(("slice", "brain", "run"), ("This slice", "Brains of the MNI152", "A run")), _TAUGHT,
        "What the network is taught on, at once; or a pix2pix of the Train page",
    ] = "slice"  # fmt: skip
    run: Annotated[
        str, File(folder=True), When("source", "run"), _TAUGHT, "A run of the task adversarial with pix2pix or SPADE"
    ] = ""
    given: Annotated[
        str, Choice(("regions", "outlines", "lines"), ("Regions", "Outlines", "Middle lines")), _TAUGHT,
        When("source", "slice", "brain"), "What the network sees of the map",
    ] = "regions"  # fmt: skip
    wants: Annotated[
        str, Choice(("both", "L1", "game"), ("Likeness and the game", "Likeness alone (L1)", "The game alone")),
        _TAUGHT, When("source", "slice", "brain"), "What the painter makes small; the paper weighs L1 with 100",
    ] = "both"  # fmt: skip
    rounds: Annotated[
        int, Range(1, 12, unit="rounds"), _TAUGHT, When("source", "slice", "brain"), "How long: 10 steps each"
    ] = 5
    brush: Annotated[int, Range(0, KINDS - 1), _PAINT, "The label that is painted; 0 takes away"] = 2
    radius: Annotated[float, Range(0.5, 12.0, unit="px"), _PAINT, "Radius of the brush"] = 3.0
    empty: Annotated[bool, _MAP, "Begin with an empty map"] = False
    moves: Annotated[
        str, Choice(("no", "turn", "breathe"), ("It stays", "It turns", "It grows and shrinks")), _MAP,
        "Whether the map moves, frame by frame",
    ] = "no"  # fmt: skip
    strokes: Annotated[str, _TEXT, "What was painted: label/radius/row,col row,col … with ; between strokes"] = ""
    seed: Annotated[int, Range(0, 999), _TEXT, "Draws the weights and the batches"] = 0
    at: Annotated[int | None, Step(), Range(0, 12), _TEXT, "The round that is shown; automatic: the last"] = None

    def show(self) -> Work[None]:
        """Teach where that is due; yield the map, what is made of it, what the judge says, and how it came about."""
        if self.source == "run":
            yield from self._of_run(painter_of(self.run))
            return
        shown, lesson = self._lesson()
        label = self._painted_over(shown.label)
        taught = yield from lesson.after(self._round)
        made, sure = taught.painted(label, self.given)
        yield from self._pictures(shown, label, made, sure)
        yield _losses(taught)
        yield self._film(lesson, label)
        if self.moves != "no":
            yield self._frames([taught.painted(one, self.given)[0] for one in self._moved(label)])
        yield Text("story", self._story(shown, label, made, taught), "")

    def painted(self, figure: str, way: tuple[tuple[float, float], ...]) -> Self:
        """Add a stroke."""
        if figure != "map":
            return self
        added = stroke(way, self.brush, self.radius)
        return replace(self, strokes=f"{self.strokes};{added}" if self.strokes else added)

    def steps(self) -> int:
        """One step a round of teaching, and the beginning."""
        return 0 if self.source == "run" else self.rounds + 1

    def step(self) -> int:
        """Return the round that is shown."""
        return self._round

    @property
    def _round(self) -> int:
        return self.rounds if self.at is None else min(self.at, self.rounds)

    def _lesson(self) -> tuple[Shown, Lesson]:
        closeness = {"both": 100.0, "L1": 100.0, "game": 0.0}[self.wants]
        how = Teaching(self.given, closeness, self.wants != "L1", self.seed)
        if self.source == "brain":
            shown, labels, found = _brains()
        else:
            shown = _of_slice(self.image, self.labels)
            assert shown.true is not None
            labels, found = shown.label[None], shown.true[None]
        key = self.source, how, None if self.labels is None else id(self.labels)
        known = _LESSONS.setdefault(ABDOMEN if self.source == "brain" else self.image, {})
        if key not in known:
            for old in list(known)[: -KEPT + 1]:
                del known[old]
            known[key] = Lesson(labels, found, how)
        return shown, known[key]

    def _painted_over(self, label: Array) -> Array:
        begun = np.zeros_like(label) if self.empty else label
        try:
            return with_strokes(begun, self.strokes)
        except ValueError as problem:
            remedy = "write label/radius/row,col row,col … with ; between, or take all of it away"
            raise Refused("strokes", "a part of it is no stroke", remedy) from problem

    def _of_run(self, painter: PainterOfRun) -> Iterator[Figure]:
        shown = Shown(painter.label, painter.true, painter.names)
        label = self._painted_over(shown.label)
        made, sure = painter.painted(label)
        yield from self._pictures(shown, label, made, sure)
        if self.moves != "no":
            yield self._frames([painter.painted(one)[0] for one in self._moved(label)])
        yield Text("story", f"a run: {painter.said}; {self._strokes_in_words(shown, label, made)}.", "")

    def _pictures(self, shown: Shown, label: Array, made: Array, sure: Array) -> Iterator[Figure]:
        where: dict[str, Any] = {"mm": shown.mm, "letters": shown.letters}
        what = ("nothing", *shown.names)[min(self.brush, len(shown.names))]
        # colours are laid half over it: on grey they are as bright as in the legend
        ground, labels = 0.6 * (label > 0), label.astype(np.uint8)
        yield Picture("map", ground, f"paint here: {what}", levels=(0.0, 1.0), labels=labels, label_names=shown.names,
                      paints=True, weight=2.0, **where)  # fmt: skip
        yield Picture("made", made, "the slice it makes", levels=(-1.0, 1.0), weight=2.0, **where)
        yield Picture("judge", sure, "judge, patch by patch", levels=(0.0, 1.0), colours="viridis")
        if shown.true is not None:
            yield Picture("true", shown.true, "the true slice", levels=(-1.0, 1.0), **where)
        if shown.true is not None and not self.empty:
            off = made - shown.true
            yield Picture("difference", off, "made − true", levels=(-1.0, 1.0), colours="diverging", **where)

    def _film(self, lesson: Lesson, label: Array) -> Gallery:
        rounds = sorted({round(one) for one in np.linspace(0, self._round, FILM)})
        tiles = np.stack([lesson.reached[one].painted(label, self.given)[0] for one in rounds])
        titles = tuple(f"round {one}" for one in rounds)
        return Gallery("film", tiles, "film: the same map, round by round", titles, levels=(-1.0, 1.0),
                       shared_scale=True)  # fmt: skip

    def _frames(self, made: list[Array]) -> Gallery:
        titles = tuple(f"frame {k + 1}" for k in range(len(made)))
        return Gallery("frames", np.stack(made), "the map moves", titles, levels=(-1.0, 1.0), shared_scale=True)

    def _moved(self, label: Array) -> list[Array]:
        """Turn or stretch a label map about its middle, a frame each."""
        frames = []
        for k in range(FRAMES):
            swing = np.sin(2 * np.pi * k / FRAMES)
            angle, scale = (0.3 * swing, 1.0) if self.moves == "turn" else (0.0, 1 + 0.15 * swing)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
            middle = (np.array(label.shape) - 1) / 2
            frames.append(ndimage.affine_transform(label, turn, middle - turn @ middle, order=0))
        return frames

    def _story(self, shown: Shown, label: Array, made: Array, taught: Taught) -> str:
        learnt = "what it knows it learnt from this slice alone"
        if self.source == "brain":
            learnt = "what it knows it learnt from slices of one averaged brain; this slice was held out"
        seen = {"regions": "all of the map", "outlines": "its outlines", "lines": "its middle lines"}[self.given]
        said = [f"It sees {seen}; {learnt}", self._strokes_in_words(shown, label, made)]
        if self.wants == "L1":
            said.append("there is no judge in the lesson, and what is drawn of one knows nothing")
        if self.moves != "no":
            said.append(f"{FRAMES} frames, each painted by itself: nothing holds them together in time")
        return "; ".join(said) + ". It makes what looks likely, not what is there: nothing here is a finding."

    def _strokes_in_words(self, shown: Shown, label: Array, made: Array) -> str:
        count = len([one for one in self.strokes.split(";") if one])
        said = [f"{count} strokes" if count != 1 else "1 stroke"]
        same = label == shown.label
        if shown.true is not None and same.any() and not self.empty:
            off = float(np.abs(made - shown.true)[same].mean())
            said.append(f"where nothing was painted it is off by {number(off, 2)} of a range of 2")
        return ", ".join(said)


def _losses(taught: Taught) -> Curves:
    rounds = np.arange(1, len(taught.told) + 1)
    rows = np.array(taught.told).reshape(-1, 3)
    names = ("mean difference (L1)", "painter's game", "judge's game")
    lines = tuple(Line(name, rounds, rows[:, k], dashed=k == 2) for k, name in enumerate(names))
    return Curves("losses", lines, "what each makes small", "round", "loss")


def _of_slice(image: Slice, labels: Slice | None) -> Shown:
    """Make a slice smaller where it is large, and a map of it: the viewer's labels, else four bands of brightness."""
    values = grey(image, CROP)
    low, high = shades(values)
    if high - low < 1e-6 or float(values.std()) < 1e-9:
        raise Refused(image.name or "image", "it is the same everywhere", "choose a slice with contrast")
    scaled = np.clip((values - low) / (high - low), 0, 1) * 2 - 1
    given = None if labels is None else np.asarray(labels.values)
    share = min(1.0, LONGEST / max(scaled.shape))
    size = tuple(max(CROP, round(side * share)) for side in scaled.shape)
    gain = [was / now for was, now in zip(scaled.shape, size, strict=True)]
    mm = None if image.mm is None else (image.mm[0] * gain[0], image.mm[1] * gain[1])
    small = F.interpolate(torch.from_numpy(scaled)[None, None], size, mode="bilinear", antialias=True)[0, 0].numpy()
    if given is not None and given.shape == values.shape and 0 < np.count_nonzero(given):
        kept = F.interpolate(torch.from_numpy(given.astype(np.float32))[None, None], size, mode="nearest-exact")
        label = np.minimum(kept[0, 0].numpy().astype(int), KINDS - 1)
        return Shown(label, small, tuple(f"label {k}" for k in range(1, KINDS)), mm, image.letters)
    smooth = ndimage.median_filter(small, 3)
    try:
        label = np.digitize(smooth, threshold_multiotsu(smooth, KINDS))
    except ValueError as problem:
        fault = "it has too few shades for four bands"
        raise Refused(image.name or "image", fault, "choose another slice") from problem
    return Shown(label, small, ("dark", "middle", "bright"), mm, image.letters)


@lru_cache(maxsize=1)
def _brains() -> tuple[Shown, Array, Array]:
    """Tissue maps and T1 slices that are learnt from, (n, 64, 64) each, and a held-out one to begin with."""
    data = Mni152Tissue()
    learnt = some(pictures(data, 2, BRAIN), 64)
    held = some(pictures(data, 2, BRAIN, held_out=True), 3)[1]
    labels = np.stack([_facing(one["label"].numpy()) for one in learnt])
    found = np.stack([_facing(one["image"][0].numpy()) for one in learnt])
    label, true = _facing(held["label"].numpy()), _facing(held["image"][0].numpy())
    return Shown(label, true, _TISSUES, None, ("R", "L", "A", "P")), labels, found


def _facing(values: Array) -> Array:
    """Turn an axial picture (x, y) to the screen."""
    return np.ascontiguousarray(cut(volume_of(values[..., None], (1.0, 1.0, 1.0), "slice"), "axial", 0).pixels)
