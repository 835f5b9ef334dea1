"""Tour: through a trained network from the first filter to the answer, as the applications of deck D1 used theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from medviz.figures import Figure, Gallery, Mark, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import grey
from medviz.labs.judged import MODEL, TISSUES, held_out
from medviz.labs.lab import Example, Lab
from medviz.labs.looked_into import Known, Wanted, fitted, known, network_of, traced
from medviz.labs.network_figures import MOST_TILES, maps_of
from medviz.messages import Progress, Work
from medviz.parameters import Choice, Group, Input, Pick, Range, Settings, Step
from medviz.probe.structure import Layer

Array = NDArray[Any]
SIDE, WINDOWS = 240, 12
_NONE = Settings("unet")


@dataclass(frozen=True)
class Stop:
    """A place in the network, as share of its convolutions (0 the first, 1 the last), and what to see there."""

    depth: float
    text: str


@dataclass(frozen=True)
class Route:
    """One application: its name, what was done, and the stops."""

    name: str
    paper: str
    stops: tuple[Stop, ...]


ROUTES: dict[str, Route] = {
    "hierarchy": Route(
        "from edges to objects (CDBN)",
        "Lee et al., 2009, convolutional deep belief networks: filters of edges, of parts, of objects",
        (
            Stop(0.0, "edges and spots: each unit sees a few pixels and answers to one direction"),
            Stop(0.2, "corners and folds: units join the answers of many edges"),
            Stop(0.42, "parts: the window has grown, the map has become coarse"),
            Stop(0.62, "objects: deepest of all, a unit sees most of the slice"),
            Stop(1.0, "back to pixels: what it is, at each place"),
        ),
    ),
    "glioma": Route(
        "gliomas in MR (Banerjee 2018)",
        "Banerjee et al., 2018: a network reads MR slices of the head and finds what is no healthy tissue",
        (
            Stop(0.0, "the first filters see brightness and borders, as in any other task"),
            Stop(0.5, "deep units answer to tissue, not to brightness: the same grey means another thing elsewhere"),
            Stop(1.0, "a chance for each class at each place; a finding is where healthy tissue is not recognised"),
        ),
    ),
    "cardiac": Route(
        "the heart in short axis (Tran 2016)",
        "Tran, 2016: a fully convolutional network, so that a slice of any size gives as many answers as pixels",
        (
            Stop(0.0, "convolutions only, no dense layer: nothing depends on the size of the slice"),
            Stop(0.6, "pooled and pooled again: it knows what, and has lost where"),
            Stop(1.0, "up again with skips: what and where, for every pixel at once"),
        ),
    ),
    "msk": Route(
        "cartilage and bone (Liu 2018)",
        "Liu et al., 2018: an encoder and a decoder name the tissues of a joint, a deformable model smooths them",
        (
            Stop(0.0, "thin layers such as cartilage are borders at first"),
            Stop(0.6, "the encoder's last map: where tissues lie to each other"),
            Stop(1.0, "the decoder's answer has jagged borders: that is what the deformable model was for"),
        ),
    ),
    "brats": Route(
        "brain tumours, two paths (Havaei 2017)",
        "Havaei et al., 2017: one path with small windows for detail, one with large ones for the place in the brain",
        (
            Stop(0.1, "small windows: detail, as the local path"),
            Stop(0.55, "large windows: the place in the brain, as the global path"),
            Stop(1.0, "both joined; here by skips, there by laying the two paths side by side"),
        ),
    ),
}


@dataclass(frozen=True)
class Tour(Lab):
    """The shipped network on a slice of the head: at each stop its channels, and the windows that excite one most."""

    TITLE: ClassVar[str] = "Tours of a network"
    ARRANGE: ClassVar[str] = "image:1.4 tiles:1.6 / windows answer / formula / story"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("From edges to objects", "NET-8", "D1", {"at": 0}, {"story": "edges and spots"},
                text="Play: deeper units see larger windows and answer to more than edges."),
        Example("What a deep unit sees", "NET-8", "D1", {"at": 3}, {"story": "objects"},
                text="Point at a channel: below are the windows of this slice that excite it most."),
        Example("Gliomas", "NET-8", "D1", {"route": "glioma", "at": 1}, {"story": "Banerjee"}),
        Example("The heart: fully convolutional", "NET-8", "D1", {"route": "cardiac", "at": 2},
                {"story": "Tran, 2016"}),
        Example("Cartilage and bone", "NET-8", "D1", {"route": "msk", "at": 2}, {"story": "jagged borders"}),
        Example("Brain tumours: detail and place", "NET-8", "D1", {"route": "brats", "at": 1}, {"story": "Havaei"}),
    )  # fmt: skip

    image: Annotated[Slice | None, Input("slice"), "A T1 slice of the head; none: one of the MNI152"] = None
    route: Annotated[
        str, Choice(tuple(ROUTES), tuple(one.name for one in ROUTES.values())), Group("Tour"), "Which application"
    ] = "hierarchy"  # fmt: skip
    at: Annotated[int, Step(), Range(0, 9), Group("Tour", advanced=True), "The stop, from 0"] = 0
    unit: Annotated[int, Range(0, 511), Pick("tiles"), Group("Tour"), "The channel in focus, from 0"] = 0

    def show(self) -> Work[None]:
        """Yield the slice with the window of the strongest answer, the channels, their best windows, the answer."""
        yield Progress(0, 0, "asking the network")
        yield from self._figures()

    def steps(self) -> int:
        """One step a stop."""
        return len(ROUTES[self.route].stops)

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take a channel."""
        return replace(self, unit=cell[0] * shape[1] + cell[1]) if figure == "tiles" else self

    def _figures(self) -> Iterator[Figure]:
        route = ROUTES[self.route]
        stop = route.stops[min(self.at, len(route.stops) - 1)]
        image = self.image if self.image is not None else held_out(12, 1).image
        grey(image, 2)
        wanted = Wanted(_NONE, 1, 1, 0, MODEL)
        counts = known(wanted, SIDE)
        x, picture, mm = fitted(image, counts.shape, trained=True)
        layer = _layer(counts, stop.depth)
        last = _layer(counts, 1.0)
        trace = traced(network_of(wanted), x, tuple({layer.name, last.name}))
        maps = maps_of(trace[layer.name])
        unit = min(self.unit, len(maps) - 1)
        places = _best(maps[unit], layer, picture.shape)
        sees = "all of the slice" if layer.sees is None else f"{layer.sees[0]} × {layer.sees[1]} px"
        yield Picture("image", picture, "slice: where the channel answers most", mm, letters=image.letters,
                      marks=tuple(Mark(r, c, h, w, "focus" if not k else "box")
                                  for k, (r, c, h, w) in enumerate(places)))  # fmt: skip
        titles = tuple(f"{n} ◂" if n == unit else str(n) for n in range(len(maps[:MOST_TILES])))
        yield Gallery("tiles", maps[:MOST_TILES], f"{layer.name}: {len(maps)} channels, each sees {sees}", titles,
                      "diverging")  # fmt: skip
        yield Gallery("windows", _cut_out(picture, places), f"what excites channel {unit} most", shared_scale=True,
                      columns=6)  # fmt: skip
        yield self._answer(picture, trace[last.name], mm, image.letters)
        yield Text("formula", f"{layer.name}: {' × '.join(map(str, layer.shape))}, a value sees {sees}",
                   f"stop {min(self.at, len(route.stops) - 1) + 1} of {len(route.stops)}", formula=True)  # fmt: skip
        yield Text("story", f"{stop.text}. {route.paper}. Shown on the shipped network, taught on T1 slices of the "
                   "head: the data of that paper is not part of the program.", "")  # fmt: skip

    def _answer(
        self, picture: Array, scores: Array, mm: tuple[float, float] | None, letters: tuple[str, str, str, str]
    ) -> Picture:
        found = scores.argmax(axis=0).astype(np.uint8)
        rows, cols = ((np.arange(side) * n // side) for side, n in zip(picture.shape, found.shape, strict=True))
        return Picture("answer", picture, "its answer", mm, labels=found[np.ix_(rows, cols)], label_names=TISSUES,
                       letters=letters)  # fmt: skip


def _layer(counts: Known, depth: float) -> Layer:
    """Find the convolution at a share of all of them; the last one is the network's answer."""
    layers = [one for one in counts.layers if one.kind.startswith("Conv") and len(one.shape) == 3]
    return layers[round(depth * (len(layers) - 1))]


def _best(values: Array, layer: Layer, shape: tuple[int, ...]) -> list[tuple[float, float, float, float]]:
    """Windows (row, col, height, width) in the picture of the strongest answers, none nearer than half of one."""
    rows, cols = shape
    sees = (rows, cols) if layer.sees is None else (min(layer.sees[0], rows), min(layer.sees[1], cols))
    left = values.astype(float).copy()
    step = rows / values.shape[0], cols / values.shape[1]
    reach = [max(1, int(side / (2 * one))) for side, one in zip(sees, step, strict=True)]
    found: list[tuple[float, float, float, float]] = []
    while len(found) < WINDOWS and np.isfinite(left).any():
        row, col = (int(one) for one in np.unravel_index(int(np.nanargmax(left)), left.shape))
        top = min(max((row + 0.5) * step[0] - sees[0] / 2, 0.0), rows - sees[0])
        side = min(max((col + 0.5) * step[1] - sees[1] / 2, 0.0), cols - sees[1])
        found.append((top, side, float(sees[0]), float(sees[1])))
        left[max(0, row - reach[0]) : row + reach[0] + 1, max(0, col - reach[1]) : col + reach[1] + 1] = np.nan
    return found


def _cut_out(picture: Array, places: list[tuple[float, float, float, float]]) -> Array:
    """Cut windows out of the picture, all of one size."""
    return np.stack([picture[int(r) : int(r) + int(h), int(c) : int(c) + int(w)] for r, c, h, w in places])
