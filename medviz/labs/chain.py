"""Chain rule: a value forward through a graph, its derivative back, factor by factor (deck D1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

from medviz.figures import Figure, Graph, Table, Text
from medviz.labs.formulas import factor, number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Group, Range, Step
from medviz.refused import Refused

E11 = Erratum(
    "E11",
    "the last slide of backpropagation ends in ∂B/∂W⁰",
    "A = W⁰x is the node that holds W⁰, so the chain must end in ∂A/∂W⁰",
)
_STEPS = 7


@dataclass(frozen=True)
class Chain(Lab):
    """f = u², u = 2v, v = 1/x: forward left to right, back right to left; each edge has its local factor."""

    TITLE: ClassVar[str] = "Chain rule"
    ARRANGE: ClassVar[str] = "graph / formula / table / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("f = u², u = 2v, v = 1/x at x = 2", "TRAIN-5", "D1", {"x": 2.0, "at": 6},
                {"formula": "= 2·2·(−0.25) = −1"}, text="Three local factors, multiplied: 2u · 2 · (−1/x²)."),
        Example("The same at x = 1", "TRAIN-5", "D1", {"x": 1.0, "at": 6}, {"formula": "= 4·2·(−1) = −8"},
                text="−8/x³ at x = 1."),
        Example("Forward only", "TRAIN-3", "D1", {"x": 2.0, "at": 3}, {"story": "f = 1"},
                text="Each node keeps its value; the way back needs them."),
        Example("Where the deck's chain ends", "TRAIN-5", "D1", {"x": 2.0, "at": 6}, {"story": "∂v/∂x"}, E11,
                text="A chain ends at the node that holds what one asks about."),
    )  # fmt: skip

    x: Annotated[float, Range(-10.0, 10.0, 0.1), Group("Graph"), "Where it starts"] = 2.0
    scale: Annotated[float, Range(-5.0, 5.0, 0.1), Group("Graph"), "The 2 of u = 2v"] = 2.0
    at: Annotated[int, Step(), Range(0, _STEPS - 1), Group("Graph"), "Three steps forward, three back"] = 6

    def show(self) -> Work[None]:
        """Yield the graph with what is known so far, the product of factors, and all numbers."""
        yield from self._figures()

    def steps(self) -> int:
        """Steps of the player: nothing, three forward, three back."""
        return _STEPS

    def _figures(self) -> Iterator[Figure]:
        if self.x == 0:
            raise Refused("x=0", "1/x has no value there", "take another x")
        v = 1 / self.x
        u = self.scale * v
        values = {"x": self.x, "v": v, "u": u, "f": u * u}
        local = {"f": 2 * u, "u": self.scale, "v": -1 / self.x**2}
        known = list(values)[: min(self.at, 3) + 1]
        back = ("f", "u", "v")[: max(0, self.at - 3)]
        yield self._graph(values, local, known, back)
        yield Text("formula", self._formula(local), "df/dx", formula=True)
        words = {"f": "f = u²", "u": f"u = {number(self.scale)}·v", "v": "v = 1/x"}
        slopes = {"f": "∂f/∂u = 2u", "u": "∂u/∂v", "v": "∂v/∂x = −1/x²"}
        rows = tuple((words[n], values[n], slopes[n], local[n]) for n in ("v", "u", "f"))
        yield Table("table", ("node", "value", "local factor", "its value"), rows, "all numbers")
        yield Text("story", _story(values, local, self.at), "")

    def _graph(
        self, values: dict[str, float], local: dict[str, float], known: list[str], back: tuple[str, ...]
    ) -> Graph:
        order = ("x", "v", "u", "f")
        nodes = tuple(
            (name, f"{name} = {number(values[name])}" if name in known else name, float(place), 0.0)
            for place, name in enumerate(order)
        )
        edges = tuple(
            (one, other, f"× {number(local[other])}" if other in back else "") for one, other in pairwise(order)
        )
        return Graph("graph", nodes, edges, "forward, then back", marks=(known[-1], *back), weight=1.5)

    def _formula(self, local: dict[str, float]) -> str:
        product = local["f"] * local["u"] * local["v"]
        parts = "·".join((number(local["f"]), factor(local["u"]), factor(local["v"])))
        return f"df/dx = ∂f/∂u · ∂u/∂v · ∂v/∂x = {parts} = {number(product)}"


def _story(values: dict[str, float], local: dict[str, float], at: int) -> str:
    done = [f"{name} = {number(value)}" for name, value in list(values.items())[: min(at, 3) + 1]]
    names = {"f": "∂f/∂u", "u": "∂u/∂v", "v": "∂v/∂x"}
    back = [f"{names[name]} = {number(local[name])}" for name in ("f", "u", "v")[: max(0, at - 3)]]
    return "; ".join([*done, *back])
