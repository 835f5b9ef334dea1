"""Latent: the plane of a variational autoencoder; drag a point and see what it decodes to (decks D2, D4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Gallery, Heatmap, Mark, Picture, Points, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN
from medviz.labs.formulas import number
from medviz.labs.lab import Example, Lab
from medviz.labs.plane import DRAWS, PLANE_PX, REACH, Plane, laid_out, of_digits, of_run, samples
from medviz.messages import Work
from medviz.parameters import File, Group, Input, Pick, Range

Array = NDArray[Any]
SILENT = 0.05
"""Nats a picture below which a code tells nothing."""
ACTIVE = 0.01
_COLUMNS = 6


@dataclass(frozen=True)
class Cloud:
    """A Gaussian in the plane: its middle and its standard deviations."""

    middle: tuple[float, float]
    spread: tuple[float, float]

    @property
    def terms(self) -> tuple[float, float]:
        """Divergence from N(0, 1) along each axis, in nats: −½ (1 + ln σ² − μ² − σ²)."""
        both = zip(self.middle, self.spread, strict=True)
        first, second = (-0.5 * (1 + np.log(s * s) - m * m - s * s) + 0.0 for m, s in both)
        return float(first), float(second)


@dataclass(frozen=True)
class LatentLab(Lab):
    """Any point of the plane becomes a picture; every picture is a cloud in it, kept near N(0, 1)."""

    TITLE: ClassVar[str] = "Latent plane"
    ARRANGE: ClassVar[str] = "plane points / decoded pictures samples / terms formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("A cloud that is the prior costs nothing", "GEN-3", "D4", {"z1": 0.0, "z2": 0.0, "sigma": 1.0},
                {"terms[0,2]": 0.0, "terms[1,2]": 0.0, "formula": "= 0 nats"},
                text="KL(N(0, 1) ‖ N(0, 1)) = 0: the code would say nothing of its picture."),
        Example("A cloud beside the prior", "GEN-3", "D4", {"z1": 1.0, "z2": 0.0, "sigma": 1.0},
                {"terms[0,2]": 0.5, "terms[1,2]": 0.0, "formula": "= 0.5 nats"},
                text="One unit away from 0: −½ (1 + 0 − 1 − 1) = ½."),
        Example("A smaller cloud, further away", "GEN-3", "D2", {"z1": 1.0, "z2": -2.0, "sigma": 0.5},
                {"terms[0,2]": 0.5 * (1 + 0.25 - 1 - np.log(0.25)), "terms[1,2]": 0.5 * (4 + 0.25 - 1 - np.log(0.25)),
                 "formula": "= 3.136 nats"},
                text="The closed form, axis by axis: −½ (1 + ln σ² − μ² − σ²)."),
        Example("Sample from the prior", "GEN-3", "D4", {"draws": 5}, {"samples.shape": (DRAWS, 8, 8)},
                text="Given a trained VAE: draw z from N(0, 1), and let the decoder make a picture of it."),
        Example("β so large that the code falls silent", "GEN-3", "D2", {"beta": 60.0},
                {"story": "posterior collapse"},
                text="All clouds are the prior; whatever is drawn becomes the same mean picture."),
        Example("Hardly any β", "GEN-3", "D2", {"beta": 0.05}, {"story": "2 of 2 axes are active"},
                text="Clouds are small and far apart: between them lies what was never a picture."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "With a run: the slice through whose code the plane is laid"] = ABDOMEN
    model: Annotated[
        str, File(folder=True), Group("What was taught"),
        "A run of autoencoding with the network VAE; empty: digits are learnt at once",
    ] = ""  # fmt: skip
    beta: Annotated[
        float, Range(0.0, 100.0, 0.05), Group("What was taught"), "Digits: weight β of the divergence; 1 is the VAE"
    ] = 1.0
    seed: Annotated[int, Range(0, 99), Group("What was taught", advanced=True), "Digits: draws weights and order"] = 0
    axis_1: Annotated[int, Range(1, 512), Group("What was taught", advanced=True), "Run: axis of z1"] = 1
    axis_2: Annotated[int, Range(1, 512), Group("What was taught", advanced=True), "Run: axis of z2"] = 2
    z1: Annotated[float, Range(-REACH, REACH, 0.01), Group("Point"), "First axis: to the right; or drag the point"] = (
        0.6
    )
    z2: Annotated[float, Range(-REACH, REACH, 0.01), Group("Point"), "Second axis: up; or drag the point"] = 0.6
    sigma: Annotated[
        float,
        Range(0.05, 2.0, 0.01),
        Group("Point"),
        "Standard deviation of a cloud round the point, for its divergence",
    ] = 0.3
    which: Annotated[
        int, Pick("pictures"), Range(0, 11), Group("Point", advanced=True), "The held-out picture that is compared"
    ] = 0
    follow: Annotated[
        bool, Group("Point"), "Take the cloud that the encoder gives to the held-out picture pointed at"
    ] = False
    draws: Annotated[int, Range(0, 999), Group("Prior"), "Draws the samples: other ones with another number"] = 0

    def show(self) -> Work[None]:
        """Yield the decoded plane, the codes, the point's picture, samples of the prior, and the divergence."""
        plane: Plane
        if self.model.strip():
            plane = of_run(self.model.strip(), self.image, (self.axis_1 - 1, self.axis_2 - 1))
        else:
            plane = yield from of_digits(self.beta, self.seed)
        whole = yield from laid_out(plane)
        yield from self._figures(plane, whole)

    def dragged(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> Self:
        """Take the point to where the mouse is; `here` is in pixels of the decoded plane."""
        if figure != "plane":
            return self
        x, y = (2 * REACH * one / PLANE_PX - REACH for one in (here[1], PLANE_PX - here[0]))
        return replace(self, z1=_kept(x), z2=_kept(y), follow=False)

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take a held-out picture and its cloud."""
        made = super().pointed(figure, cell, shape)
        return replace(made, follow=True) if figure == "pictures" else made

    def _cloud(self, plane: Plane) -> Cloud:
        middles, spreads = plane.clouds
        if self.follow and len(middles):
            at = min(self.which, len(plane.pictures) - 1)
            return Cloud(_pair(middles[at]), _pair(spreads[at]))
        return Cloud((self.z1, self.z2), (self.sigma, self.sigma))

    def _figures(self, plane: Plane, whole: Array) -> Iterator[Figure]:
        cloud = self._cloud(plane)
        yield Picture("plane", whole, "decoded plane: drag the point", levels=plane.levels,
                      marks=_marks(cloud, plane.tiles), drags=True, weight=2.0)  # fmt: skip
        yield _codes(plane, cloud)
        here = np.array([cloud.middle])
        place = f"{number(here[0, 0], 3)}, {number(here[0, 1], 3)}"
        yield Picture("decoded", plane.decoded(here)[0], f"decoded: d({place})",
                      plane.mm, plane.levels)  # fmt: skip
        seen = plane.pictures
        at = min(self.which, len(seen) - 1)
        names = tuple("its cloud" if one == at else "" for one in range(len(seen))) if self.follow else ()
        yield Gallery("pictures", seen, f"{plane.words}: point at one", names, levels=plane.levels, shared_scale=True,
                      columns=min(_COLUMNS, len(seen)))  # fmt: skip
        yield _terms(cloud)
        drawn = samples(plane, self.draws)
        yield Gallery("samples", drawn, "samples: z ~ N(0, 1), decoded", levels=plane.levels, shared_scale=True)
        yield Text("formula", _formula(cloud), "divergence from the prior", formula=True)
        yield Text("story", self._story(plane), "")

    def _story(self, plane: Plane) -> str:
        middles, _ = plane.clouds
        said = []
        known = plane.measures
        if "KL" in known:
            said.append(f"On held-out pictures the divergence is {number(known['KL'], 3)} nats each")
        if "error" in known:
            said.append(f"the decoder errs by {number(known['error'], 3)} (mean ‖x − x̂‖² of 64 pixels in 0..1)")
        if len(middles) > 1:
            active = int((middles.var(0) > ACTIVE).sum())
            said.append(f"{active} of 2 axes are active")
        if known.get("KL", 1.0) < SILENT:
            said.append("the code says nothing of its picture: posterior collapse; take a smaller β")
        return "; ".join(said) + "." if said else "The other axes of the code are those of the slice."


def _kept(value: float) -> float:
    return round(float(np.clip(value, -REACH, REACH)), 2)


def _pair(values: Array) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _marks(cloud: Cloud, tiles: int) -> tuple[Mark, ...]:
    """Mark the point by a box of one tile, and the cloud by one of ±1 σ."""
    scale, tile = PLANE_PX / (2 * REACH), PLANE_PX / tiles
    col, row = (cloud.middle[0] + REACH) * scale, (REACH - cloud.middle[1]) * scale
    wide, high = (2 * one * scale for one in cloud.spread)
    return (
        Mark(row - high / 2, col - wide / 2, high, wide, "source", "±σ"),
        Mark(row - tile / 2, col - tile / 2, tile, tile, "focus"),
    )


def _codes(plane: Plane, cloud: Cloud) -> Points:
    middles, _ = plane.clouds
    at = np.concatenate([middles, [cloud.middle]])
    names = (*(plane.names or ("pictures",)), "the point")
    groups = np.zeros(len(middles), int) if plane.kinds is None else plane.kinds
    return Points("points", at, "held-out pictures: middles of their clouds", np.append(groups, len(names) - 1), names,
                  x_name="z1", y_name="z2", weight=1.6)  # fmt: skip


def _terms(cloud: Cloud) -> Heatmap:
    values = np.array([[m, s, t] for m, s, t in zip(cloud.middle, cloud.spread, cloud.terms, strict=True)])
    return Heatmap("terms", values, "cloud; KL in nats", "diverging", (-3.0, 3.0),
                   row_names=("z1", "z2"), column_names=("μ", "σ", "KL"), digits=4)  # fmt: skip


def _formula(cloud: Cloud) -> str:
    inner = " + ".join(
        f"(1 + ln {number(s, 3)}² − {_bracketed(m)}² − {number(s, 3)}²)"
        for m, s in zip(cloud.middle, cloud.spread, strict=True)
    )
    total = sum(cloud.terms)
    return f"KL = −½ [{inner}] = {number(0.0 if abs(total) < 1e-12 else total)} nats"


def _bracketed(value: float) -> str:
    text = number(value, 3)
    return f"({text})" if text.startswith("−") else text
