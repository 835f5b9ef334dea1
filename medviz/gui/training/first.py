"""What the Train page shows while nothing is chosen: starts that work with one click."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.gui.icons import icon
from medviz.gui.services import Services
from medviz.parameters import Settings


@dataclass(frozen=True)
class FirstStart:
    """One click: a task with some of its fields set. `folder` asks for a folder first, for this parameter of `data`."""

    title: str
    text: str
    icon: str
    task: str
    fields: tuple[tuple[str, Any], ...] = ()
    folder: str = ""
    button: str = "Start"

    def possible(self, services: Services) -> bool:
        """Tell whether the catalogs hold what it needs."""
        parts = dict(self.fields)
        known = {"data": services.datasets, "network": services.networks}
        return self.task in services.tasks and all(parts[name].name in known[name] for name in known if name in parts)


STARTS = (
    FirstStart(
        "Tissue of the head",
        "Grey and white matter and fluid on slices of the MNI152 T1, with a 2-D U-Net. The scan is always there; first "
        "pictures in half a minute.",
        "ph.brain",
        "segmentation",
        (("data", Settings("mni152")), ("network", Settings("unet")), ("probe_every", 20)),
    ),
    FirstStart(
        "Phantoms, small and quick",
        "Balls and boxes drawn by the program, with a small U-Net. To see in a minute how training looks.",
        "ph.circles-three",
        "segmentation",
        (
            ("data", Settings("phantoms")),
            ("network", Settings("unet", (("width", 8), ("depth", 4)))),
            ("patch", 64),
            ("learning_rate", 0.01),
            ("epochs", 60),
        ),
    ),
    FirstStart(
        "Your own data",
        "A folder of scans with labels, of pictures by class, or with boxes: its layout is recognised, its cases are "
        "checked, and parameters are proposed.",
        "ph.folder-open",
        "segmentation",
        folder="folder",
        button="Choose a folder…",
    ),
)


class FirstStarts(QWidget):
    """Three cards. `chosen` (FirstStart) when one is clicked."""

    chosen = Signal(object)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        title = QLabel("Teach a network something")
        title.setProperty("look", "title")
        below = QLabel("Start one of these at once, or choose a task above and turn its parameters first.")
        below.setProperty("look", "dim")
        for label in (title, below):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        cards = QHBoxLayout()
        cards.setSpacing(16)
        cards.addStretch(1)
        for one in STARTS:
            if one.possible(services):
                cards.addWidget(self._card(one), 6)
        cards.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(below)
        column.addSpacing(24)
        column.addLayout(cards)
        self.under = QHBoxLayout()
        column.addSpacing(8)
        column.addLayout(self.under)
        column.addStretch(3)

    def offer(self, widget: QWidget) -> None:
        """Put something under the cards."""
        self.under.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)

    def _card(self, one: FirstStart) -> QFrame:
        card = QFrame()
        card.setProperty("look", "card")
        card.setMaximumWidth(320)
        picture = QLabel()
        picture.setPixmap(icon(one.icon, "accent").pixmap(QSize(32, 32)))
        title = QLabel(one.title)
        title.setProperty("look", "heading")
        title.setWordWrap(True)
        text = QLabel(one.text)
        text.setProperty("look", "dim")
        text.setWordWrap(True)
        button = QPushButton(one.button)
        button.setAccessibleName(f"{one.button} {one.title}")
        button.setProperty("look", "" if one.folder else "primary")
        button.clicked.connect(lambda: self.chosen.emit(one))
        self.buttons[one.title] = button
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for widget in (picture, title, text):
            column.addWidget(widget)
        column.addStretch(1)
        column.addSpacing(8)
        column.addWidget(button)
        return card
