"""Ask this voxel: what the network thinks of it, now and over the epochs, and how far it sees."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from medviz.gui.colours import colours
from medviz.gui.story.curves import VoxelCurves
from medviz.gui.viewer.voxel_box import ROW_PX, Bars
from medviz.imaging.labels import default_colour

MOST, FEWEST = 4, 2
"""So many classes have a bar where there is room, the most probable first, the reference's always."""
REST_PX, REST_SMALL_PX = 138, 78
"""What all but the bars takes of the height, and in a small corner."""
SMALL_PX = 168
"""Below this height only bars and curves are shown; the keys do the rest."""


class Line(QLabel):
    """One line of small text that is cut off where there is no room; `full` is all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "small")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.full = ""

    def say(self, words: str) -> None:
        """Show other words."""
        if words != self.full:
            self.full = words
            self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut it off elsewhere."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        self.setText(self.fontMetrics().elidedText(self.full, Qt.TextElideMode.ElideRight, self.width()))
        self.setAccessibleDescription(self.full)
        self.setToolTip(self.full)


class AskVoxel(QWidget):
    """`epoch_wanted` (epoch) comes from a click on the curves, `field_wanted` (bool) from the box for it."""

    epoch_wanted = Signal(float)
    field_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.title = Line()
        self.title.setAccessibleName("place and reference at the cross-hair")
        self.bars, self.curves = Bars(), VoxelCurves()
        self.curves.chosen.connect(self.epoch_wanted)
        self.sure = Line()
        self.field = QCheckBox("How far it sees")
        self.field.setToolTip("Draw the receptive field of the network round the cross-hair: the part of the scan that "
                              "a probability here depends on (B)")  # fmt: skip
        self.field.toggled.connect(self.field_wanted)
        self.voxels = True
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 4)
        column.setSpacing(3)
        column.addWidget(self.title)
        column.addWidget(self.bars)
        column.addWidget(self.curves, 1)
        column.addWidget(self.sure)
        column.addWidget(self.field)

    def show_voxel(
        self,
        where: str,
        classes: Sequence[str],
        shares: NDArray[np.float32] | None,
        meant: int | None,
        curve: tuple[Sequence[float], NDArray[np.float32]],
        now: float,
        last: float,
    ) -> None:
        """Show a place: what it is, what the network thinks now, and over the epochs. `meant` is the reference."""
        names = class_names(classes, 0 if shares is None else len(shares))
        tones = [tone_of(value, names) for value in range(len(names))]
        is_that = f"reference: {names[meant]} · " if meant is not None and meant < len(names) else ""
        self.title.say(f"{is_that}{where}")
        self.curves.show_curves(*curve, tones, now, last, meant)
        if shares is None:
            self.bars.show_rows(())
            self.sure.say("the network did not see this place")
            return
        ranked = [int(one) for one in np.argsort(-shares, kind="stable")]
        shown = ranked[: min(MOST, max(FEWEST, (self.height() - self._rest_px) // ROW_PX))]
        if meant is not None and meant < len(names) and meant not in shown:
            shown[-1] = meant
        self.bars.show_rows(tuple((names[one], float(shares[one]), tones[one]) for one in shown))
        self.sure.say(said_of(shares, meant, names))
        self.sure.setToolTip(f"Entropy {entropy_bit(shares):.2f} bit of at most {math.log2(len(shares)):.2f}: 0 is "
                             "certain, the most is a guess")  # fmt: skip

    @property
    def _rest_px(self) -> int:
        return REST_SMALL_PX if self.height() < SMALL_PX else REST_PX

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what a small corner has no room for."""
        super().resizeEvent(event)
        small = event.size().height() < SMALL_PX
        self.sure.setVisible(not small)
        self.field.setVisible(self.voxels and not small)
        self.curves.setMinimumHeight(36 if small else 56)

    def say_field(self, words: str) -> None:
        """Say how far the network sees, or why that is not known."""
        self.field.setText(words)


def class_names(classes: Sequence[str], count: int) -> tuple[str, ...]:
    """Names by channel: of labels the background comes first, of pictures there is none."""
    return tuple(classes) if count == len(classes) else ("background", *classes)


def tone_of(value: int, names: Sequence[str]) -> QColor:
    """Colour of a class, that of its label; the background is grey."""
    if names and names[0] == "background":
        return colours().of("dim") if value == 0 else QColor(*default_colour(value))
    return QColor(*default_colour(value + 1))


def entropy_bit(shares: NDArray[np.float32]) -> float:
    """How undecided probabilities are, in bit; they are brought to a sum of one first."""
    total = float(shares.sum())
    some = shares[shares > 0].astype(np.float64) / (total or 1.0)
    return max(0.0, float(-(some * np.log2(some)).sum()))


def said_of(shares: NDArray[np.float32], meant: int | None, names: Sequence[str]) -> str:
    """Say in a line whether it is right, how sure it is, and what it is taken for."""
    best = int(shares.argmax())
    sure = f"entropy {entropy_bit(shares):.2f} bit"
    if meant is None or meant >= len(names):
        return f"{names[best]}, {sure}"
    return f"right, {sure}" if best == meant else f"wrong: taken for {names[best]}, {sure}"
