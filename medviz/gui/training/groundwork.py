"""What is done about the data before a run: the check and its report, the proposal, the browser. Joined to the page."""

from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QPushButton, QSizePolicy, QToolButton, QWidget

from medviz.gui.desk import Desk
from medviz.gui.icons import icon
from medviz.gui.training.check_report import DataChip, PlanStrip, ReportPane
from medviz.gui.training.data_browser import DataBrowser
from medviz.gui.training.draft import Draft
from medviz.gui.training.get_data import GetData
from medviz.gui.training.setup import SetupBar
from medviz.gui.training.survey import Survey
from medviz.parameters import Settings

_CAPTION_PX, _BROWSE_PX, _SIGN_PX = 44, 96, 34
"""Room for the word Data, and for Browse with and without its word."""


class Place(Protocol):
    """What the page has of which this makes use."""

    desk: Desk
    draft: Draft
    setup: SetupBar


class Groundwork(QObject):
    """Holds the widgets; `turned` when the report is to come to the front of the page or to leave it."""

    turned = Signal()

    def __init__(self, page: Place, over: QWidget) -> None:
        super().__init__(over)
        self.page, self.over, self.desk = page, over, page.desk
        self.survey = Survey(page.desk, page.draft, self)
        self.chip = DataChip(self.survey)
        self.browse = QToolButton()
        self.browse.setProperty("look", "quiet")
        self.browse.setText("Browse…")
        self.browse.setIcon(icon("ph.squares-four", "dim"))
        self.browse.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.browse.setToolTip("Leaf through the cases of the data set, and see what augmentation does  (Ctrl+B)")
        self.browse.setAccessibleName("browse the data")
        self.strip = PlanStrip(self.survey)
        self.pane = ReportPane(self.survey)
        self.get = QPushButton("Get a public data set…")
        self.get.setProperty("look", "quiet")
        self.get.setIcon(icon("ph.download-simple", "dim"))
        self.get.setToolTip("Fetch a set of MedMNIST or of the Medical Segmentation Decathlon, check it and set it up")
        self.browser: DataBrowser | None = None
        self.getter: GetData | None = None
        self.showing = False
        page.setup.put_beside("data", self.chip, self.browse)
        page.setup.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)  # what is below gives way
        self._connect()

    def _connect(self) -> None:
        self.page.setup.checked.connect(self.check)
        self.chip.clicked.connect(self._chip)
        self.browse.clicked.connect(lambda: self.open_browser())
        self.pane.left.connect(lambda: self.show_report(False))
        self.pane.browse_wanted.connect(self.open_browser)
        self.survey.changed.connect(self._refresh)
        self.get.clicked.connect(self.open_getter)
        for words, key, does in (
            ("browse the data", "Ctrl+B", lambda: self.open_browser()),
            ("get a public data set", "Ctrl+Alt+G", self.open_getter),
        ):
            act = QAction(words, self.over)
            act.setShortcut(QKeySequence(key))
            act.triggered.connect(does)
            self.over.addAction(act)
        self.page.setup.parts["data"].installEventFilter(self)
        self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say less beside Data where the bar is narrow."""
        if watched is self.page.setup.parts["data"] and event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def _fit(self) -> None:
        """Say all there is room for: first the state of the data whole, then the word beside the sign of Browse."""
        room = self.page.setup.parts["data"].width() - _CAPTION_PX
        roomy = room >= self.chip.whole_px + _BROWSE_PX
        style = Qt.ToolButtonStyle
        self.browse.setToolButtonStyle(style.ToolButtonTextBesideIcon if roomy else style.ToolButtonIconOnly)
        self.chip.fit(room - (_BROWSE_PX if roomy else _SIGN_PX))

    def step_back(self, for_run: bool) -> None:
        """Leave the page to a run that came to the front, or to what stands there when none is."""
        self.strip.hold_back(for_run)
        self.show_report(False)

    def check(self) -> None:
        """Check the data, and show the report as it comes."""
        self.strip.hold_back(False)
        self.survey.check()
        self.show_report(True)

    def show_report(self, on: bool) -> None:
        """Bring the report to the front of the page, or take it away."""
        if on != self.showing:
            self.showing = on
            self.turned.emit()
        if on:
            self.pane.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_browser(self, case: str = "") -> None:
        """Leaf through the data set; a case by name is brought into sight."""
        if self.survey.settings is None:
            return
        if self.browser is None:
            self.browser = DataBrowser(self.survey, self.over)
            self.browser.finished.connect(self._closed)
        self.browser.show_set(case)
        self.browser.show()
        self.browser.raise_()

    def open_getter(self) -> None:
        """Show the public data sets that can be fetched."""
        if self.getter is None:
            self.getter = GetData(self.desk, self.over)
            self.getter.got.connect(self.set_up)
            self.getter.finished.connect(self._getter_closed)
        self.getter.show()
        self.getter.raise_()

    def set_up(self, place: Path) -> None:
        """Set up the data set that lies at a place: recognise it, choose the task it serves, and check it."""
        known = self.desk.services.teaching.recognised
        self.desk.start("looking at the data", lambda: known(place), page="train", then=self._recognised)

    def _recognised(self, found: tuple[str, Settings]) -> None:
        task, data = found
        self.page.draft.choose(task, {"data": data}, then=self.page.setup.check.click)

    def _getter_closed(self) -> None:
        if self.getter is not None:
            self.getter.deleteLater()
            self.getter = None

    def close_all(self) -> None:
        """Close the browser and stop the check."""
        self.survey.cancel()
        for dialog in (self.browser, self.getter):
            if dialog is not None:
                dialog.close()

    def _chip(self) -> None:
        if self.survey.report is None and not self.survey.is_checking:
            self.check()
        else:
            self.show_report(not self.showing)

    def _refresh(self) -> None:
        self.browse.setVisible(self.survey.settings is not None)
        self._fit()

    def _closed(self) -> None:
        if self.browser is not None:
            self.browser.deleteLater()
            self.browser = None
