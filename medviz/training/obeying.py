"""What is made of orders: what holds from now on, and what is wanted once; each is answered with a note."""

from medviz.messages import Note
from medviz.refused import Refused
from medviz.training.asked import ACTS, LAYERS, Asked, answered
from medviz.training.orders import Orders
from medviz.training.run import Run
from medviz.training.task import Task

_PAUSE = "Paused; nothing is learnt until it is resumed"


class Obeying:
    """Takes orders for a run. `wanted` is what is to be done once ("save", "preview", "stop"), `paused` holds on."""

    def __init__(self, orders: Orders, run: Run, layers: tuple[str, ...]) -> None:
        self.orders, self.run, self.layers = orders, run, layers
        self.wanted: set[str] = set()
        self.paused = False

    def take(self, asked: Asked, task: Task, step: int) -> tuple[Asked, list[Note]]:
        """Take what has come; return what holds now and an answer to each order. A record of each is kept."""
        notes: list[Note] = []
        for order in self.orders.taken():
            try:
                if order.name in ACTS:
                    notes += self._act(order.name)
                    answer = order.name
                else:
                    asked, note = answered(order, asked, task, self.layers)
                    self.wanted |= {"preview"} if order.name == LAYERS and asked.layers else set()  # at once
                    task = asked.on(task)
                    notes.append(note)
                    answer = note.text
            except Refused as refusal:
                notes.append(Note(f"{refusal.thing}: {refusal.fault}", "warning", refusal.remedy))
                answer = str(refusal)
            told = {"number": order.number, "name": order.name, "value": order.value, "answer": answer}
            self.run.hear({"message": "order", "step": step, **told}, step)
        return asked, notes

    def done(self, what: str) -> bool:
        """Tell whether something is wanted, and take it as done."""
        there = what in self.wanted
        self.wanted.discard(what)
        return there

    def _act(self, name: str) -> list[Note]:
        if name not in ("pause", "resume"):
            self.wanted.add(name)
            return []
        was, self.paused = self.paused, name == "pause"
        if was == self.paused:
            return []
        return [Note(_PAUSE if self.paused else "Training goes on")]
