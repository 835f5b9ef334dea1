"""The View tab: planes, slabs, the second scan, the lightbox."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.gui.form import Form
from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.crosshair import TURN
from medviz.gui.viewer.second_box import SecondBox, folded
from medviz.gui.viewer.tool import CURSOR
from medviz.imaging.oblique import WORLD, world
from medviz.imaging.scene import Lightbox, Scene
from medviz.imaging.slabs import Slab
from medviz.imaging.turning import as_acquired, in_the_world, tilt_degrees

Change = Callable[[Scene], Scene]


class LookingBox(QWidget):
    """The tab. `changed` (a function from scene to scene) comes from a hand."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.planes = label("", "small", wrap=True)
        self.turn = self._button("ph.arrows-clockwise", "Turn", "Turn the planes about the cross-hair (t)", self._tool)
        self.acquired = self._button("ph.stack", "As acquired", "The scan's own voxels (Shift+T)", as_acquired)
        self.world = self._button("ph.compass", "Straight", "Planes straight in the world (Shift+W)", in_the_world)
        self.turn.setCheckable(True)
        self.slab = Form(Slab(), scrolls=False)
        self.slab.changed.connect(lambda slab: self.changed.emit(lambda scene: replace(scene, slab=slab)))
        self.second = SecondBox()
        self.second.changed.connect(self.changed)
        self.lightbox = Form(Lightbox(), scrolls=False)
        self.lightbox.changed.connect(lambda box: self.changed.emit(lambda scene: replace(scene, lightbox=box)))
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.turn, self.acquired, self.world):
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(6)
        column.addWidget(heading("Planes"))
        column.addWidget(self.planes)
        column.addLayout(row)
        self.pages = QWidget()
        inside = QVBoxLayout(self.pages)
        inside.setContentsMargins(0, 8, 0, 0)
        inside.setSpacing(6)
        inside.addWidget(heading("Lightbox"))
        inside.addWidget(self.lightbox)
        for words, part in (("Slab", self.slab), ("Second scan", self.second)):
            column.addSpacing(8)
            column.addWidget(heading(words))
            column.addWidget(part)
        column.insertWidget(0, self.pages)
        self.column = column
        column.addStretch(1)

    def append(self, words: str, part: QWidget) -> None:
        """Put another part under those that are there."""
        for number, one in enumerate((heading(words), part)):
            self.column.insertWidget(self.column.count() - 1, one)
            if number == 0:
                self.column.insertSpacing(self.column.count() - 2, 8)

    def show_scene(self, scene: Scene) -> None:
        """Show how one looks now."""
        self.planes.setText(plane_words(scene))
        self.turn.setChecked(scene.tool == TURN)
        self.acquired.setEnabled(scene.turn is not None)
        straight = scene.turn == world() or (scene.turn is None and tilt_degrees(scene) < 0.05)
        self.world.setEnabled(scene.scan is not None and not straight)
        self.slab.show_value(scene.slab)
        folded(self.slab)
        self.second.show_scene(scene)
        self.lightbox.show_value(scene.lightbox)
        self.pages.setVisible(scene.layout == "lightbox")

    def _button(self, sign: str, words: str, hint: str, change: Change) -> QPushButton:
        button = QPushButton(icon(sign), f" {words}")
        button.setToolTip(hint)
        button.clicked.connect(lambda: self.changed.emit(change))
        return button

    @staticmethod
    def _tool(scene: Scene) -> Scene:
        return replace(scene, tool=CURSOR if scene.tool == TURN else TURN)


def heading(words: str) -> QLabel:
    """Head of a part of the tab."""
    return label(words, "heading")


def plane_words(scene: Scene) -> str:
    """Say how the planes lie."""
    tilt = tilt_degrees(scene)
    acquired = f"The scan was acquired {tilt:.0f}° off the patient's axes." if tilt >= 0.5 else ""
    if scene.turn is None:
        return f"The voxels' own planes. {acquired}".strip()
    if scene.turn.axes == WORLD:
        return f"Straight in the world. {acquired}".strip()
    return f"Turned by {scene.turn.degrees:.0f}° about the cross-hair. {acquired}".strip()
