"""What stands over the panes when there is nothing to see yet: an invitation, a progress, a question."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from medviz.gui.icons import icon
from medviz.gui.job import Job
from medviz.gui.viewer.opening import As
from medviz.gui.viewer.reading import Opened
from medviz.imaging.intensity import samples

MOST_RECENT = 5
PICTURE_PX = 40


def label(text: str, look: str = "", wrap: bool = False) -> QLabel:
    """A line of text in one of the theme's looks."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    return made


def breakable(text: str) -> str:
    """Let a long file name go on in the next line after an underscore or a full stop."""
    return text.replace("_", "_\u200b").replace(".", ".\u200b")


class Card(QFrame):
    """A panel in the middle of its parent."""

    def __init__(self, parent: QWidget, width: int) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._wide = width
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(24, 20, 24, 20)
        self.column.setSpacing(8)
        self.hide()

    def place(self) -> None:
        """Stand in the middle, no larger than there is room."""
        parent = self.parentWidget()
        if parent is None:
            return
        wide = min(self._wide, max(parent.width() - 32, 240))
        high = min(self.column.totalHeightForWidth(wide), max(parent.height() - 16, 80))
        self.setGeometry((parent.width() - wide) // 2, (parent.height() - high) // 2, wide, high)
        self.raise_()

    def event(self, event: QEvent) -> bool:
        """Grow with what stands in it."""
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest and not self.isHidden():
            self.place()
        return done


class LoadingCard(Card):
    """Which file is being read, how far it is, and a button that stops it."""

    def __init__(self, parent: QWidget, cancel: Callable[[], object]) -> None:
        super().__init__(parent, 360)
        self.setObjectName("loading")
        self.title = label("", "heading", wrap=True)
        self.what = label("", "dim")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.button = QPushButton("Cancel")
        self.button.clicked.connect(cancel)
        row = QHBoxLayout()
        row.addWidget(self.what, 1)
        row.addWidget(self.button)
        self.column.addWidget(self.title)
        self.column.addWidget(self.bar)
        self.column.addLayout(row)

    def follow(self, name: str, job: Job) -> None:
        """Show the progress of a job."""
        self.title.setText(breakable(f"Opening {name}"))
        self.what.setText("reading")
        self.bar.setRange(0, 0)
        job.said.connect(lambda messages: self._hear(job))
        self.show()
        self.place()

    def _hear(self, job: Job) -> None:
        now = job.progress
        if now is None:
            return
        if now.total > 0:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * now.done / now.total))
            self.what.setText(f"{100 * now.done / now.total:.0f} %")
        else:
            self.bar.setRange(0, 0)
            self.what.setText(now.what)


class AskCard(Card):
    """What a second file is: a scan of its own, or something to lay over the one that is open."""

    decided = Signal(object)
    CHOICES: tuple[tuple[As, str, str], ...] = (
        ("labels", "Labels over the scan", "ph.paint-bucket"),
        ("probability", "Probability over the scan", "ph.drop"),
        ("image", "Image over the scan", "ph.circle-half"),
        ("second", "A second scan, beside this one", "ph.columns"),
        ("scan", "A scan of its own", "ph.image"),
    )

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, 400)
        self.setObjectName("ask")
        self.title = label("", "heading", wrap=True)
        self.what = label("", "dim", wrap=True)
        self.column.addWidget(self.title)
        self.column.addWidget(self.what)
        self.buttons: dict[As, QPushButton] = {}
        for kind, words, sign in self.CHOICES:
            button = QPushButton(icon(sign), f"  {words}")
            button.setStyleSheet("text-align: left")
            button.clicked.connect(lambda checked=False, kind=kind: self._decide(kind))
            self.buttons[kind] = button
            self.column.addWidget(button)
        self.cancel = QPushButton("Do not open it")
        self.cancel.setProperty("look", "quiet")
        self.cancel.clicked.connect(lambda: self._decide(None))
        self.column.addWidget(self.cancel)

    def ask(self, found: Opened) -> None:
        """Ask; what it seems to be is marked and has the focus, so that Return takes it."""
        volume = found.volume
        self.title.setText(breakable(f"What is {volume.name}?"))
        values = samples(volume, most=200_000)
        distinct = len(np.unique(values)) if values.size else 0
        size = "×".join(map(str, volume.shape))
        spread = f"{values.min():.4g} to {values.max():.4g}".replace("-", "−") if values.size else "no numbers"
        self.what.setText(f"{size} voxels · {volume.stored.dtype} · {distinct} distinct values · {spread}")
        colour = volume.kind == "colour"
        for kind, button in self.buttons.items():
            button.setEnabled(not colour or kind in ("image", "second", "scan"))
            button.setProperty("look", "primary" if kind == found.role else "")
            button.style().unpolish(button)
            button.style().polish(button)
            button.setAutoDefault(True)
        self.show()
        self.place()
        self.buttons[found.role].setFocus(Qt.FocusReason.OtherFocusReason)

    def _decide(self, kind: As | None) -> None:
        self.hide()
        self.decided.emit(kind)


def _squared(picture: QPixmap) -> QPixmap:
    """Put a picture into the middle of a black square."""
    side = max(picture.width(), picture.height())
    square = QPixmap(side, side)
    square.fill(Qt.GlobalColor.black)
    painter = QPainter(square)
    painter.drawPixmap((side - picture.width()) // 2, (side - picture.height()) // 2, picture)
    painter.end()
    return square


class EmptyCard(Card):
    """Three ways to open a scan, the sample, and those open lately."""

    wanted = Signal(object)
    browse = Signal()
    browse_folder = Signal()
    sample = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, 480)
        self.setObjectName("empty")
        self.column.addWidget(label("Open a scan", "title"))
        ways = QGridLayout()
        ways.setHorizontalSpacing(12)
        ways.setVerticalSpacing(8)
        self.open_button = QPushButton(icon("ph.file", "on_accent"), "  Choose a file …")
        self.open_button.setProperty("look", "primary")
        self.open_button.setToolTip("NIfTI, DICOM, NRRD, MetaImage, MGH, pictures, arrays  (Ctrl+O)")
        self.open_button.clicked.connect(self.browse)
        self.folder_button = QPushButton(icon("ph.folder-open"), "  Choose a folder …")
        self.folder_button.setToolTip("A DICOM study or a folder of scans; its series are shown to choose from")
        self.folder_button.clicked.connect(self.browse_folder)
        self.sample_button = QPushButton(icon("ph.brain"), "  Open the sample")
        self.sample_button.setToolTip("MNI152: the mean T1 of 152 heads, 1 mm")
        self.sample_button.clicked.connect(self.sample)
        ways.addWidget(self.open_button, 0, 0)
        ways.addWidget(self.folder_button, 0, 1)
        ways.addWidget(self.sample_button, 1, 0, 1, 2)
        self.column.addLayout(ways)
        self.column.addWidget(
            label(
                "Or drop files or a folder here: the first is the scan, further ones are laid over it. "
                "Or start from a command line: medviz scan.nii.gz labels.nii.gz",
                "dim",
                wrap=True,
            )
        )
        self._heading = label("Open lately", "heading")
        self.column.addSpacing(8)
        self.column.addWidget(self._heading)
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        self.column.addLayout(self._list)

    def list(self, paths: tuple[Path, ...], picture: Callable[[Path], QPixmap]) -> None:
        """List the scans open lately with their pictures; whether they are still there is seen at opening."""
        while (item := self._list.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.deleteLater()
        for path in paths[:MOST_RECENT]:
            seen = picture(path)
            sign = icon("ph.image", "dim") if seen.isNull() else QIcon(_squared(seen))
            button = QPushButton(sign, "")
            room = self._wide - 48 - PICTURE_PX - 48
            words = f"  {path.name}   {path.parent}"
            button.setText(button.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, room))
            button.setIconSize(QSize(PICTURE_PX, PICTURE_PX))
            button.setMinimumHeight(PICTURE_PX + 8)
            button.setProperty("look", "quiet")
            button.setStyleSheet("text-align: left")
            button.setToolTip(str(path))
            button.clicked.connect(lambda checked=False, path=path: self.wanted.emit(path))
            self._list.addWidget(button)
        self._heading.setVisible(bool(paths))
