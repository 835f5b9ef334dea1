"""What is doubtful about where a scan lies, and what a person can do about it: a banner that stays."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from medviz.gui.icons import icon
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.regularising import Put, by_form, irregular, regular, two_forms
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Work

MARGIN_PX, WIDE_PX = 12, 640
FORMS = {
    "sform": "Place the scan by the header's sform (what most programs take first)",
    "qform": "Place the scan by the header's qform (what ITK takes)",
}


class Banner(QFrame):
    """A sentence or two at the foot of the panes, each with its buttons."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("placing")
        self.setProperty("look", "notice")
        self.setProperty("level", "warning")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.forms_row, self.forms_text = self._row()
        self.forms: dict[str, QPushButton] = {}
        for form, hint in FORMS.items():
            button = self.forms[form] = QPushButton(form)
            button.setCheckable(True)
            button.setToolTip(hint)
            button.setAccessibleName(hint)
            self._inside(self.forms_row).addWidget(button)
        self.grid_row, self.grid_text = self._row()
        self.resample = QPushButton("Resample to a regular grid")
        self.resample.setToolTip("Interpolate between the slices, each taken from where it lies, onto a square grid")
        self._inside(self.grid_row).addWidget(self.resample)
        self.leave = QToolButton()
        self.leave.setIcon(icon("ph.x", "dim"))
        self.leave.setProperty("look", "quiet")
        self.leave.setToolTip("Hide this; the Viewer menu has it too")
        self.leave.setAccessibleName("Hide what is said about the scan's place")
        rows = QVBoxLayout()
        rows.setSpacing(4)
        rows.addWidget(self.forms_row)
        rows.addWidget(self.grid_row)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(12, 6, 6, 6)
        outer.addLayout(rows, 1)
        outer.addWidget(self.leave, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def _row(self) -> tuple[QWidget, QWidget]:
        row = QWidget()
        inside = QHBoxLayout(row)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        text = label("", wrap=True)
        inside.addWidget(text, 1)
        return row, text

    @staticmethod
    def _inside(row: QWidget) -> QHBoxLayout:
        layout = row.layout()
        assert isinstance(layout, QHBoxLayout)
        return layout

    def say(self, volume: Volume, can_choose: bool) -> bool:
        """Say what is doubtful about a scan; False where nothing is."""
        forms, grid = two_forms(volume) if can_choose else None, irregular(volume)
        self.forms_row.setVisible(forms is not None)
        self.grid_row.setVisible(bool(grid))
        if forms is not None:
            apart, used = forms
            _write(self.forms_text, f"The header places this scan twice, {apart} mm apart at a corner:")
            for form, button in self.forms.items():
                button.setChecked(form == used)
        if grid:
            _write(self.grid_text, f"{grid[0].upper()}{grid[1:]}.")
        return forms is not None or bool(grid)

    def place(self) -> None:
        """Stand at the foot of the panes."""
        parent = self.parentWidget()
        if parent is None:
            return
        wide = min(WIDE_PX, parent.width() - 2 * MARGIN_PX)
        layout = self.layout()
        high = layout.totalHeightForWidth(wide) if layout is not None else 40
        self.setGeometry((parent.width() - wide) // 2, parent.height() - high - MARGIN_PX, wide, high)
        self.raise_()


def _write(text: QWidget, words: str) -> None:
    text.setProperty("text", words)
    text.setAccessibleName(words)


class Placing(Feature):
    """Shows the banner where there is doubt, and does what its buttons say; the menu has the same."""

    NAME: ClassVar[str] = "placing"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.banner = Banner(viewer.panes)
        self._said: Volume | None = None
        self.resample = self._action("&Resample to a regular grid", self.make_regular)
        self.other_form = self._action("Place by the other &form of the header", self.change_form)
        for form, button in self.banner.forms.items():
            button.clicked.connect(partial(self._choose, form))
        self.banner.resample.clicked.connect(self.make_regular)
        self.banner.leave.clicked.connect(self.banner.hide)
        self._leave = self.desk.scene.listen(self._told)
        viewer.panes.installEventFilter(self)

    def actions(self) -> Sequence[QAction]:
        """Two entries of the Viewer menu."""
        return (self.resample, self.other_form)

    def close_feature(self) -> None:
        """Stop listening."""
        self._leave()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep to the foot of the panes."""
        if event.type() == QEvent.Type.Resize and not self.banner.isHidden():
            self.banner.place()
        return False

    def make_regular(self) -> None:
        """Resample the scan to a regular grid."""
        layers = self.desk.scene.state.layers
        if layers and irregular(layers[0].volume):
            self._run("resample to a regular grid", lambda: regular(self.desk.services, layers))

    def change_form(self) -> None:
        """Place the scan by the form that is not used now."""
        scan = self.desk.scene.state.scan
        forms = two_forms(scan) if scan is not None else None
        if forms is not None:
            self._choose("qform" if forms[1] == "sform" else "sform")

    def _choose(self, form: str, checked: bool = True) -> None:
        layers: tuple[Layer, ...] = self.desk.scene.state.layers
        forms = two_forms(layers[0].volume) if layers else None
        if forms is None or forms[1] == form:
            self._say(self.desk.scene.state)
            return
        self._run(f"place by the {form}", lambda: by_form(self.desk.services, layers, form))

    def _run(self, title: str, begin: Callable[[], Work[Put]]) -> None:
        self.desk.start(title, begin, then=lambda put: self.desk.scene.put(put(self.desk.scene.state)))

    def _action(self, words: str, act: Callable[[], None]) -> QAction:
        made = QAction(words, self)
        made.setEnabled(False)
        made.triggered.connect(lambda checked=False: act())
        return made

    def _told(self, old: Scene, new: Scene) -> None:
        if old.layers is not new.layers and (self._said is None or new.scan is not self._said):
            self._say(new)

    def _say(self, scene: Scene) -> None:
        scan = scene.scan
        self._said = scan
        can_choose = scan is not None and scene.layers[0].source is not None
        self.resample.setEnabled(scan is not None and bool(irregular(scan)))
        self.other_form.setEnabled(scan is not None and can_choose and two_forms(scan) is not None)
        shown = scan is not None and self.banner.say(scan, can_choose)
        self.banner.setVisible(shown)
        if shown:
            self.banner.place()
