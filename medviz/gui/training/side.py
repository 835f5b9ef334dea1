"""The page's side of the window: the runs, and under them the form of the next run and what is known of this one."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSplitter, QVBoxLayout, QWidget

from medviz.gui.form import Form, scrolling
from medviz.gui.training.bench import Bench, RunView
from medviz.gui.training.log import Log
from medviz.gui.training.run_list import RunList
from medviz.gui.training.tabs import RunTabs
from medviz.gui.training.views import SIDE

SET_UP = "Set-up"


class Side(QWidget):
    """Holds the list of runs and the tabs."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.runs = RunList()
        self.tabs = RunTabs()
        self.form: QWidget = QWidget()
        self._form_place = QVBoxLayout()
        self._form_place.setContentsMargins(0, 8, 0, 0)
        held = QWidget()
        held.setLayout(self._form_place)
        self.tabs.add(held, SET_UP, "The parameters of the next run")
        self.views: tuple[RunView, ...] = tuple(kind(bench) for kind in SIDE)
        for view in self.views:
            self.tabs.add(view if isinstance(view, Log) else scrolling(view), view.WORD, view.HINT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(0)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.runs)
        split.addWidget(self.tabs)
        split.setStretchFactor(1, 1)
        column.addWidget(split)
        self.split = split
        self._divided = False
        split.splitterMoved.connect(self._divided_by_hand)

    def put_form(self) -> None:
        """Show the form of the task that is there now, or what it waits for."""
        self._form_place.removeWidget(self.form)
        self.form.hide()
        self.form.deleteLater()
        draft = self.bench.draft
        if draft.is_loading or draft.store is None:
            waits = "loading PyTorch…" if draft.is_loading else "The parameters come here when a task is chosen."
            self.form = _hint(waits)
        else:
            self.form = Form.over(draft.store, self.bench.desk.services.catalogs)
        self._form_place.addWidget(self.form)

    def refresh(self) -> None:
        """Let each view take note of what changed, and say on its tab how much waits in it."""
        blocks = self.bench.draft.plan.get("blocks")
        if blocks and isinstance(self.form, Form):
            self.form.offer("freeze", blocks)
        for view in self.views:
            view.refresh()
            self.tabs.badge(view.WORD, view.badge())

    def fit_runs(self) -> None:
        """Give the list the height it needs, until a hand divides it otherwise."""
        if not self._divided:
            whole, top = self.split.height(), min(self.runs.wished_height(), self.split.height() // 3)
            if self.split.sizes()[0] != top:
                self.split.setSizes([top, whole - top])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Divide the height anew."""
        super().resizeEvent(event)
        self.fit_runs()

    def _divided_by_hand(self) -> None:
        self._divided = True

    def front(self) -> str:
        """The word of the tab in front."""
        return self.tabs.front


def line() -> QFrame:
    """A line that divides."""
    made = QFrame()
    made.setProperty("look", "line")
    return made


def _hint(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("look", "dim")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label
