"""The layer that colours what two label maps agree on, what is missing, and what is too much."""

from dataclasses import replace

from PySide6.QtCore import QObject

from medviz.gui.desk import Desk
from medviz.imaging.judging.difference import LEGEND, difference
from medviz.imaging.judging.results import Comparison
from medviz.imaging.scene import Layer
from medviz.imaging.volume import Volume


class Difference(QObject):
    """One layer at a time; it is worked out beside the window."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.volume: Volume | None = None

    @property
    def number(self) -> int | None:
        """Number of its layer in the scene, None where it is not shown."""
        layers = self._desk.scene.state.layers
        found = self.volume
        return next((n for n, one in enumerate(layers) if found is not None and one.volume is found), None)

    def show(self, found: Comparison, only: int | None) -> None:
        """Show the difference of a comparison: of all labels, or of one."""
        row = found.of(only) if only is not None else None
        name = f"difference · {row.name}" if row is not None else "difference"
        self._desk.start(
            name,
            lambda: difference(found.predicted, found.meant, found.grid, only),
            then=lambda made: self._put(replace(made, name=name)),
            quiet=True,
        )

    def hide(self) -> None:
        """Take the layer away."""
        number, self.volume = self.number, None
        if number is not None:
            self._desk.scene.put(self._desk.scene.state.without(number))

    def _put(self, made: Volume) -> None:
        """Put it in place of an older one."""
        scene, number = self._desk.scene.state, self.number
        if scene.scan is None or made.shape != scene.scan.shape:
            return
        self.volume = made
        if number is not None:
            self._desk.scene.put(scene.with_layer(number, volume=made))
        else:
            self._desk.scene.put(scene.adding(Layer(made, "labels", labels=LEGEND, style="fill", opacity=0.5)))
