"""What a person has asked of a run while it goes and holds from then on: the rate, some fields, what is looked at.

Frozen values and pure functions; a checkpoint keeps them, so that a resumed run has them too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from medviz.messages import Note
from medviz.parameters import Live, changed, parameter, parameters, plain
from medviz.refused import Refused
from medviz.training.orders import Order
from medviz.training.task import Task

RATE, LAYERS = "rate factor", "layers"
_RATE_TOO = ("rate", "rate_factor", RATE)
ACTS = ("save", "preview", "pause", "resume", "stop")
LARGEST_FACTOR = 1000.0

T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Asked:
    """What holds beside the recipe: the rate's factor, fields by name, layers whose feature maps are drawn."""

    rate: float = 1.0
    fields: tuple[tuple[str, Any], ...] = ()
    layers: tuple[str, ...] = ()

    def with_fields(self, **values: Any) -> "Asked":
        """Return it with these fields too."""
        return replace(self, fields=tuple({**dict(self.fields), **values}.items()))

    def without(self, names: list[str]) -> "Asked":
        """Return it without these fields (the recipe has another value for them now)."""
        return replace(self, fields=tuple((name, value) for name, value in self.fields if name not in names))

    def on(self, task: T) -> T:
        """Return the task as it is learnt from now on."""
        return changed(task, **dict(self.fields)) if self.fields else task

    def words(self) -> str:
        """Say what differs from the recipe; empty where nothing does."""
        rate = [f"learning rate × {self.rate:g}"] if self.rate != 1 else []
        return ", ".join([*rate, *(f"{name} = {value}" for name, value in self.fields)])

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Asked":
        """Read it back from plain values."""
        fields = tuple((str(name), value) for name, value in said.get("fields", ()))
        return cls(float(said.get("rate", 1.0)), fields, tuple(said.get("layers", ())))


def live(task: Task) -> tuple[str, ...]:
    """List the fields of a task that may be changed while it is learnt."""
    return tuple(one.name for one in parameters(task) if one.mark(Live))


def needs_samples(task: Task, before: Asked, now: Asked) -> bool:
    """Tell whether what is learnt from must be made anew."""
    old, new = dict(before.fields), dict(now.fields)
    differ = [name for name in {*old, *new} if old.get(name) != new.get(name)]
    marks = [parameter(task, name).mark(Live) for name in differ]
    return any(mark is None or mark.samples for mark in marks)


def answered(order: Order, asked: Asked, task: Task, layers: tuple[str, ...]) -> tuple[Asked, Note]:
    """Return what holds after an order that sets something, and the answer. Refuses what cannot be."""
    if order.name in _RATE_TOO:
        factor = _factor(order.value)
        return replace(asked, rate=factor), Note(f"Learning rate × {factor:g} from the next step on, as asked")
    if order.name == LAYERS:
        wanted = _layers(order.value, layers)
        said = f"The feature maps of {', '.join(wanted)} are drawn" if wanted else "No feature maps are drawn"
        return replace(asked, layers=wanted), Note(f"{said} from the next pictures on, as asked")
    if parameter(task, order.name).mark(Live) is None:
        raise Refused(order.name, "it cannot be changed while the run goes", f"these can: {', '.join(live(task))}")
    before = getattr(task, order.name)
    after = changed(task, **{order.name: order.value})
    kept = plain(after).get(order.name)
    return asked.with_fields(**{order.name: kept}), Note(f"{order.name}: {before} → {kept} from the next step on")


def _factor(value: Any) -> float:
    try:
        factor = float(value)
    except (TypeError, ValueError):
        factor = -1.0
    if not 0 < factor <= LARGEST_FACTOR:
        raise Refused(f"rate={value}", "it is no factor of the learning rate", f"give 0.001 to {LARGEST_FACTOR:g}")
    return factor


def _layers(value: Any, there: tuple[str, ...]) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value or ()
    if not isinstance(names, list | tuple):
        raise Refused(f"layers={value}", "it is no list of layers", "write their names with commas between")
    wanted = tuple(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))
    for name in wanted:
        if name not in there:
            raise Refused(name, "the network has no such layer", f"there are {', '.join(there[:6])} …")
    return wanted
