"""What hands do with the second scan: link, unlink, say which two points are the same, mix, put away."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from medviz.gui.controls import Toggle, calm
from medviz.gui.form import Form
from medviz.gui.icons import icon
from medviz.gui.status import Elided
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.layer_controls import quiet, shrink
from medviz.imaging.colours import COLOUR_MAPS
from medviz.imaging.mixing import MIXES, Mix, same_unit
from medviz.imaging.scene import Layer, Scene, Second


def linked(scene: Scene, on: bool) -> Scene:
    """Link the second scan's cursor to the first one's, or let it go its own way.

    Linking anew says that the two cursors are at the same place now.
    """
    second, beside = scene.second, scene.beside
    if second is None or beside is None or second.linked == on:
        return scene
    if not on:
        return replace(scene, second=replace(second, linked=False, cursor=beside.cursor))
    x, y, z = (there - here for there, here in zip(beside.cursor, scene.cursor, strict=True))
    return replace(scene, second=replace(second, linked=True, cursor=None, offset_mm=(x, y, z)))


def unshifted(scene: Scene) -> Scene:
    """Take the two scans' own coordinates for the same room again."""
    if scene.second is None:
        return scene
    return replace(scene, second=replace(scene.second, offset_mm=(0.0, 0.0, 0.0), linked=True, cursor=None))


def put_away(scene: Scene) -> Scene:
    """Go on without the second scan."""
    return replace(scene, second=None, layout="2x2" if scene.layout == "compare" else scene.layout)


def next_mix(scene: Scene) -> Scene:
    """Mix the second scan in another way."""
    if scene.second is None:
        return scene
    mix = scene.second.mix
    how = MIXES[(MIXES.index(mix.how) + 1) % len(MIXES)]
    return replace(scene, second=replace(scene.second, mix=replace(mix, how=how)))


def with_mix(scene: Scene, mix: Mix) -> Scene:
    """Mix the second scan in as told."""
    return scene if scene.second is None else replace(scene, second=replace(scene.second, mix=mix))


def window_linked(scene: Scene, on: bool) -> Scene:
    """Draw the second scan with the first one's window, or with its own."""
    return scene if scene.second is None else replace(scene, second=replace(scene.second, window_linked=on))


def overlaid(scene: Scene, on: bool) -> Scene:
    """Draw the first scan's overlays over the second too, or not."""
    return scene if scene.second is None else replace(scene, second=replace(scene.second, overlaid=on))


class SecondBox(QWidget):
    """The second scan's part of the panel. `changed` (a function from scene to scene) comes from a hand."""

    changed = Signal(object)
    wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.open = QPushButton(icon("ph.columns"), "  Open a second scan …")
        self.open.setToolTip("Open a scan to be seen beside this one (v), linked in mm")
        self.open.clicked.connect(self.wanted)
        self.name = Elided("")
        self.away = quiet("ph.x", "Put the second scan away")
        self.away.clicked.connect(lambda: self.changed.emit(put_away))
        self.link = self._toggle(
            "Linked in mm",
            "Off: each scan has its own cross-hair. Switched on again, both cross-hairs are taken for one place",
        )
        self.link.clicked.connect(lambda on: self.changed.emit(lambda scene: linked(scene, on)))
        self.hint = label("", "small", wrap=True)
        self.zero = QPushButton("Undo the shift")
        self.zero.setToolTip("Take the two scans' own coordinates for the same room again")
        self.zero.clicked.connect(lambda: self.changed.emit(unshifted))
        self.same_window = self._toggle("Window of the first", "Draw both scans with one window and level")
        self.same_window.clicked.connect(lambda on: self.changed.emit(lambda scene: window_linked(scene, on)))
        self.over = self._toggle("Overlays of the first", "Draw the first scan's labels and maps over the second too")
        self.over.clicked.connect(lambda on: self.changed.emit(lambda scene: overlaid(scene, on)))
        self.colours = QComboBox()
        self.colours.addItems(COLOUR_MAPS)
        self.colours.setToolTip("Colour map of the second scan")
        self.colours.setAccessibleName("colour map of the second scan")
        shrink(self.colours)
        calm(self.colours)
        self.colours.textActivated.connect(self._colour)
        self.mix = Form(Mix(), scrolls=False)
        self.mix.changed.connect(lambda mix: self.changed.emit(lambda scene: with_mix(scene, mix)))
        self.note = label("", "small", wrap=True)
        self._arrange()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.colours)
        head.addWidget(self.away)
        self.there = QWidget()
        inside = QVBoxLayout(self.there)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(6)
        inside.addLayout(head)
        inside.addWidget(self.link)
        inside.addWidget(self.hint)
        inside.addWidget(self.zero, 0, Qt.AlignmentFlag.AlignLeft)
        inside.addWidget(self.same_window)
        inside.addWidget(self.over)
        inside.addWidget(self.mix)
        inside.addWidget(self.note)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.open, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.there)

    @staticmethod
    def _toggle(words: str, hint: str) -> Toggle:
        made = Toggle(words)
        made.setToolTip(hint)
        made.setAccessibleName(words)
        return made

    def show_scene(self, scene: Scene) -> None:
        """Show what there is."""
        second = scene.second
        self.open.setVisible(second is None)
        self.there.setVisible(second is not None)
        if second is None:
            return
        self.name.write(second.layer.volume.name or "second scan")
        self.link.setChecked(second.linked)
        self.same_window.setChecked(second.window_linked)
        self.over.setChecked(second.overlaid)
        self.over.setVisible(len(scene.layers) > 1)
        self.colours.setCurrentText(second.layer.colours)
        self.hint.setText(shift_words(second))
        self.hint.setVisible(bool(self.hint.text()))
        self.zero.setVisible(any(second.offset_mm) and second.linked)
        self.mix.show_value(second.mix)
        folded(self.mix)
        self.note.setText(mix_words(scene.layers[0], second))
        self.note.setVisible(bool(self.note.text()))

    def _colour(self, name: str) -> None:
        def coloured(scene: Scene) -> Scene:
            if scene.second is None:
                return scene
            return replace(scene, second=replace(scene.second, layer=replace(scene.second.layer, colours=name)))

        self.changed.emit(coloured)


def folded(form: Form) -> None:
    """Hide the rows of a form that are of no use with what is chosen; there is little room beside the panes."""
    for row in form.fields.rows.values():
        row.setVisible(row.isEnabledTo(form.fields))


def shift_words(second: Second) -> str:
    """Say how the two scans are linked, where it is not plainly by their coordinates."""
    if not second.linked:
        return "Click the same place in both scans, then link them: they are shifted so that the two points meet."
    if any(second.offset_mm):
        x, y, z = (f"{part:+.1f}".replace("-", "−") for part in second.offset_mm)
        return f"Shifted by {x}, {y}, {z} mm (right, front, up)."
    return ""


def mix_words(first: Layer, second: Second) -> str:
    """Say what a difference is of."""
    if second.mix.how != "difference":
        return ""
    if same_unit(first.volume.unit, second.layer.volume.unit):
        return f"Second minus first, in {first.volume.unit}."
    return "The two scans share no unit: each is taken as a share of its own window before they are subtracted."
