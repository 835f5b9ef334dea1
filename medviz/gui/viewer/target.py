"""The layer whose labels are edited: which it is, whether it may be painted on, and that it is seen."""

from dataclasses import replace

from medviz.gui.desk import Desk
from medviz.gui.store import Store
from medviz.gui.viewer.edits import Edits
from medviz.gui.viewer.kit import Kit
from medviz.imaging.corrections import Corrections
from medviz.imaging.labels import Label, default_colour
from medviz.imaging.scene import Layer


class Target:
    """What the tools and buttons work on now."""

    def __init__(self, desk: Desk, edits: Edits, kit: Store[Kit]) -> None:
        self.desk, self.edits, self.kit = desk, edits, kit

    @property
    def number(self) -> int | None:
        """The number of the layer, None where there is none."""
        return self.edits.target()

    @property
    def layer(self) -> Layer | None:
        """The layer itself."""
        number = self.number
        return None if number is None else self.desk.scene.state.layers[number]

    @property
    def corrections(self) -> Corrections | None:
        """What was done to it; None where nothing was."""
        layer = self.layer
        return None if layer is None else self.edits.of(layer)

    def made(self, erase: bool = False) -> int | None:
        """Return its number; an empty layer is made where there is none, unless it is to erase."""
        if self.number is not None:
            return self.number
        return None if erase else self.edits.new_layer()

    def ready(self, number: int) -> Corrections | None:
        """Return the map of a layer at once; a large one that was never edited is made ready meanwhile."""
        found: list[Corrections] = []
        if self.edits.is_busy(self.desk.scene.state.layers[number]):
            self.desk.tell("The labels are still being worked on", "warning", "Wait a moment")
            return None
        self.edits.ready(number, found.append, self.kit.state.value)
        return found[0] if found else None

    def may(self, layer: Layer, value: int) -> bool:
        """Say whether a label may be painted; a notice says why not."""
        if value in layer.locked_labels:
            self.desk.tell(f"{self.name(layer, value)} is locked", "warning", "Click its padlock in the list of labels")
            return False
        return True

    def reveal(self, number: int, value: int) -> None:
        """Show what is painted on: nobody paints blindly."""
        scene = self.desk.scene.state
        layer = scene.layers[number]
        style = "outline" if layer.style == "off" else layer.style
        table = layer.labels
        if value and all(one.value != value for one in table):
            table = tuple(sorted((*table, Label(value, f"label {value}", default_colour(value))), key=by_value))
        hidden = layer.hidden_labels - {value}
        shown = replace(layer, visible=True, style=style, hidden_labels=hidden, labels=table)
        if shown != layer or scene.overlays_hidden:
            layers = (*scene.layers[:number], shown, *scene.layers[number + 1 :])
            self.desk.scene.put(replace(scene, layers=layers, overlays_hidden=False))

    def name(self, layer: Layer, value: int) -> str:
        """Return what a label is called."""
        return next((one.name for one in layer.labels if one.value == value), f"label {value}")

    def colour(self, layer: Layer | None) -> tuple[int, int, int]:
        """Return the colour of the label that is painted with."""
        labels = () if layer is None else layer.labels
        return next((one.colour for one in labels if one.value == self.kit.state.value), (230, 159, 0))


def by_value(label: Label) -> int:
    """Return what labels are sorted by."""
    return label.value
