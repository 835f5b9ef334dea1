"""Pictures the program draws, with a caption composed of what they show; some compositions are never learnt from.

A network that has learnt "large", "dark" and "box" each by itself reads a large dark box that it never met; one that
has learnt pictures by heart does not. The held-out side holds only such pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.naming import ready
from medviz.data.splitting import Split, hashed
from medviz.data.words import joined, tokens
from medviz.parameters import Group, Range

Sample = dict[str, Any]
SIZES, LIGHTS, SHAPES = ("small", "large"), ("bright", "dark"), ("ball", "box", "shell", "cross")
PLACES = ("upper left", "upper right", "lower left", "lower right", "middle")
ATTRIBUTES = {"size": SIZES, "brightness": LIGHTS, "shape": SHAPES, "place": PLACES}
"""What a caption tells of an object, and the words for it."""
FORMS = 3
"""Ways in which one thing is said."""
_PICTURE, _CAPTION = Group("picture"), Group("captions")
_RADIUS = {"small": 0.1, "large": 0.16}
_MIDDLE = {"upper left": (0.2, 0.8), "upper right": (0.8, 0.8), "lower left": (0.2, 0.2), "lower right": (0.8, 0.2),
           "middle": (0.5, 0.5)}  # fmt: skip
_LIGHT_CHANGE = replace(NO_AUGMENTATION, contrast=0.2, brightness=0.2, noise=0.1, often=0.5)


@dataclass(frozen=True, order=True)
class Thing:
    """One object as a caption tells of it; things come in the order of their places, as one reads."""

    place: int
    size: int
    light: int
    shape: int

    @property
    def noun(self) -> str:
        """Say what it is: "a large bright ball"."""
        return f"a {SIZES[self.size]} {LIGHTS[self.light]} {SHAPES[self.shape]}"

    @property
    def at(self) -> str:
        """Say where it is: "at the upper left"."""
        return f"{'in' if PLACES[self.place] == 'middle' else 'at'} the {PLACES[self.place]}"

    @classmethod
    def all(cls) -> tuple[Self, ...]:
        """Return all that there are."""
        counts = (len(PLACES), len(SIZES), len(LIGHTS), len(SHAPES))
        return tuple(cls(*one) for one in product(*(range(count) for count in counts)))


def caption(things: Sequence[Thing], form: int = 0) -> str:
    """Say what a picture shows in one of `FORMS` ways; form 0 is the plain one."""
    ordered = sorted(things)
    if form % FORMS == 0:
        return " and ".join(f"{one.noun} {one.at}" for one in ordered)
    if form % FORMS == 1:
        there = "there is" if len(ordered) == 1 else "there are"
        return f"{there} {' and '.join(f'{one.noun} {one.at}' for one in ordered)}"
    return " and ".join(f"{one.at} lies {one.noun}" for one in ordered)


def told_in(text: str) -> frozenset[Thing]:
    """Read the objects out of a caption, whatever its form; what is no such caption tells of none."""
    found = set()
    for part in joined(tokens(text)).split(" and "):
        words = [[name for name in names if f" {name} " in f" {part} "] for names in ATTRIBUTES.values()]
        if all(len(one) == 1 for one in words):
            size, light, shape, place = (
                names.index(one[0]) for names, one in zip(ATTRIBUTES.values(), words, strict=True)
            )
            found.add(Thing(place, size, light, shape))
    return frozenset(found)


@dataclass(frozen=True, eq=False)
class Captions:
    """Some drawn pictures with their captions: "image" (1, x, y) float32 in a square of `side`, "text", "name".

    ``captions[i]`` is without chance; ``drawn(i, chance)`` has another light, other noise and another way of saying it.
    `things` are the objects of each picture. Held-out pictures (`part` 1) are told in the plain form: else a text in
    another form would count as a wrong answer.
    """

    data: "Captioned"
    things: Sequence[tuple[Thing, ...]]
    side: int
    part: int
    augmentation: Augmentation = NO_AUGMENTATION
    _kept: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.things)

    @property
    def texts(self) -> tuple[str, ...]:
        """The caption of each picture."""
        return tuple(caption(one, self._form(number)) for number, one in enumerate(self.things))

    def __getitem__(self, index: int) -> Sample:
        """Return a picture as it is, with its caption."""
        if index not in self._kept:
            pixels = _picture(self.data, self.things[index], self.part, index)
            self._kept[index] = ready(pixels, self.side, 1)
        text = caption(self.things[index], self._form(index))
        return {"image": self._kept[index], "text": text, "name": f"caption {index}"}

    def _form(self, index: int) -> int:
        return 0 if self.part else index % self.data.forms

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture in another light, and its caption in another form."""
        sample = self[index]
        change = self.augmentation.drawn(chance, tuple(sample["image"].shape[1:]))
        text = caption(self.things[index], int(chance.integers(self.data.forms)))
        return {**sample, "image": change.applied(sample["image"])[0].contiguous(), "text": text}


@dataclass(frozen=True)
class Captioned:
    """One or two objects of a shape, size, brightness and place each, and a sentence that says so."""

    cases: Annotated[int, Range(4, 20000, 1, log=True), "Pictures to train on; a quarter as many to validate"] = 1000
    size: Annotated[int, Range(32, 256, 8, unit="px"), "Side of a picture", _PICTURE] = 48
    objects: Annotated[int, Range(1, 2, 1), "Most objects in a picture; 2: half of the pictures have two", _PICTURE] = 2
    noise: Annotated[float, Range(0, 2), "Spread of the noise; objects are 1 above or below the ground", _PICTURE] = 0.2
    forms: Annotated[int, Range(1, FORMS, 1), "Ways in which one thing is said; 1: always the same", _CAPTION] = FORMS
    held_out: Annotated[
        float, Range(0.05, 0.5), "Share of the compositions (size, brightness, shape, place) that training never sees"
    ] = 0.2
    seed: Annotated[int, Range(0, 2**31 - 1, 1), "Other pictures with another seed", _PICTURE] = 0

    classes: ClassVar[tuple[str, ...]] = ()
    channels: ClassVar[int] = 1
    dimensions: ClassVar[tuple[int, ...]] = (2,)
    flips: ClassVar[bool] = False

    @cached_property
    def _sides(self) -> tuple[tuple[Thing, ...], tuple[Thing, ...]]:
        """Compositions to learn from and those held out; of each shape the same share, so that each is learnt."""
        chance = np.random.default_rng([self.seed, 0xCA9])
        out: set[Thing] = set()
        for shape in range(len(SHAPES)):
            some = [one for one in Thing.all() if one.shape == shape]
            out.update(some[k] for k in chance.permutation(len(some))[: max(1, round(self.held_out * len(some)))])
        return tuple(one for one in Thing.all() if one not in out), tuple(sorted(out))

    @property
    def held_out_things(self) -> tuple[Thing, ...]:
        """Objects that no picture of training shows."""
        return self._sides[1]

    @property
    def texts(self) -> tuple[str, ...]:
        """All captions to learn from, for a vocabulary: each composition in each form."""
        known = self._sides[0]
        some = [self._drawn(0, number) for number in range(min(self.cases, 200))]
        alone = (caption([one], form) for one in known for form in range(self.forms))
        return (*alone, *(caption(one, form) for one in some for form in range(self.forms)))

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Captions:
        """Return the pictures to learn from, with their captions."""
        change = _LIGHT_CHANGE.stronger(augment) if augment else NO_AUGMENTATION
        return self._some(0, self.cases, side, change)

    def validation(self, dimensions: int, side: int) -> Captions:
        """Return pictures of compositions that training never sees, a quarter as many."""
        return self._some(1, max(8, self.cases // 4), side, NO_AUGMENTATION)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return the first held-out pictures."""
        held = self.validation(dimensions, side)
        return [held[index] for index in range(min(8, len(held)))]

    def split(self) -> Split:
        """Tell which compositions are learnt from and which are held out, by hashes of their captions."""
        training, validation = (tuple(sorted(hashed(caption([one])) for one in side)) for side in self._sides)
        return Split(training, validation, f"compositions drawn from seed {self.seed}, a share of each shape")

    def _some(self, part: int, count: int, side: int, change: Augmentation) -> Captions:
        return Captions(self, [self._drawn(part, number) for number in range(count)], side, part, change)

    def _drawn(self, part: int, number: int) -> tuple[Thing, ...]:
        """Choose the objects of a picture: all known in training; held out the first is one that is not."""
        chance = np.random.default_rng([self.seed, part, number, 1])
        mine = self._sides[part]
        first = mine[int(chance.integers(len(mine)))] if part == 0 else mine[number % len(mine)]
        if self.objects < 2 or chance.random() < 0.5:
            return (first,)
        others = [one for one in self._sides[0] if one.place != first.place]
        return tuple(sorted((first, others[int(chance.integers(len(others)))])))


@lru_cache(maxsize=8192)
def _picture(data: Captioned, things: tuple[Thing, ...], part: int, number: int) -> NDArray[np.float32]:
    """Draw a picture (1, x, y): x to the right, y up, the ground 0."""
    chance = np.random.default_rng([data.seed, part, number, 2])
    image = np.zeros((data.size, data.size), np.float32)
    for one in things:
        middle = np.array(_MIDDLE[PLACES[one.place]]) + chance.uniform(-0.02, 0.02, 2)
        radius = _RADIUS[SIZES[one.size]] * float(chance.uniform(0.9, 1.1))
        light = float(chance.uniform(0.8, 1.2)) * (1 if LIGHTS[one.light] == "bright" else -1)
        image[_body(SHAPES[one.shape], data.size, middle, radius)] = light
    image += data.noise * chance.standard_normal(image.shape, dtype=np.float32)
    return image[None]


def _body(shape: str, size: int, middle: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    """Tell which pixels (x, y) an object covers; middle and radius are shares of the side."""
    at = (np.arange(size) + 0.5) / size
    x, y = np.abs(at - middle[0])[:, None], np.abs(at - middle[1])[None, :]
    if shape == "box":
        return np.asarray((x <= 0.8 * radius) & (y <= 0.8 * radius))
    if shape == "cross":
        arm = 0.3 * radius
        return np.asarray(((x <= arm) & (y <= radius)) | ((y <= arm) & (x <= radius)))
    square = x**2 + y**2
    ball = np.asarray(square <= radius**2)
    return ball if shape == "ball" else ball & np.asarray(square >= (0.6 * radius) ** 2)
