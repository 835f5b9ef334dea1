"""Leafing through a data set: its cases as small pictures, one of them large, and what augmentation does to it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from medviz.data.checking.report import CaseFacts, Repair
from medviz.figures import Picture
from medviz.gui.controls import Toggle, calm
from medviz.gui.job import Job
from medviz.gui.training.augment_preview import AugmentPreview
from medviz.gui.training.case_choice import Faults, dealt, narrowed
from medviz.gui.training.case_grid import SIDE_PX, Card, CaseGrid
from medviz.gui.training.case_view import CaseView
from medviz.gui.training.survey import Survey
from medviz.gui.training.tabs import RunTabs
from medviz.messages import Note, Work
from medviz.parameters import Settings
from medviz.refused import Refused

LARGE_PX = 512
AT_ONCE = 3000
"""So many cases are sorted while the window waits; of more it takes longer than a frame."""
T = TypeVar("T")
ALL = ""
SORTS = {"as listed": "", "name": "name", "class": "class", "size": "size", "problems first": "problems"}
SIDES = {"both sides": ALL, "to learn from": "training", "held out": "held out"}


class DataBrowser(QDialog):
    """A window over the page; it stays open while the form is turned."""

    def __init__(self, survey: Survey, parent: QWidget) -> None:
        super().__init__(parent)
        self.survey, self.desk = survey, survey.desk
        self.setObjectName("data browser")
        self.setWindowTitle("Data")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setMinimumSize(760, 480)
        self.resize(1180, 760)
        self.album: Any = None
        self.settings: Settings | None = None
        self.wanted = ""
        self._cards: tuple[Card, ...] = ()
        self._listing: Job | None = None
        self._small: Job | None = None
        self._large: Job | None = None
        self._faults: Faults = {}
        self._wish = 0
        self.finder = QLineEdit()
        self.finder.setPlaceholderText("Find a case")
        self.finder.setClearButtonEnabled(True)
        self.finder.setToolTip("Only cases whose name has this in it are shown  (Ctrl+F)")
        self.kind, self.side, self.sort = _choice("class"), _choice("side of the split"), _choice("order")
        self.faulty = Toggle("problems")
        self.faulty.setToolTip("Only cases in which the check found something")
        self.over = Toggle("labels")
        self.over.setChecked(True)
        self.over.setToolTip("Show labels and boxes over the pictures  (O)")
        self.count = QLabel()
        self.count.setProperty("look", "dim")
        self.grid, self.case = CaseGrid(), CaseView()
        self.preview = AugmentPreview(self.desk, lambda: survey.draft.task)
        self.tabs = RunTabs()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        for words, value in SIDES.items():
            self.side.addItem(words, value)
        for words, value in SORTS.items():
            self.sort.addItem(words, value)
        bar = QHBoxLayout()
        bar.setSpacing(8)
        bar.addWidget(self.finder, 2)
        for box in (self.kind, self.side, self.sort):
            bar.addWidget(box, 1)
        bar.addWidget(self.faulty)
        bar.addWidget(self.over)
        bar.addWidget(self.count)
        self.tabs.add(self.case, "Case", "The marked case: its picture, its grid, its labels")
        self.tabs.add(self.preview, "Augmentation", "What training does to the marked case")
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self.grid)
        split.addWidget(self.tabs)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([700, 460])
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addLayout(bar)
        column.addWidget(split, 1)

    def _connect(self) -> None:
        self.finder.textChanged.connect(lambda text: self._narrow())
        for box in (self.kind, self.side, self.sort):
            box.currentIndexChanged.connect(lambda place: self._narrow())
        self.faulty.toggled.connect(lambda on: self._narrow())
        self.over.toggled.connect(self._show_over)
        self.grid.busy = lambda: self._small is not None or self.album is None
        self.grid.asked.connect(self._fetch)
        self.grid.chosen.connect(self._choose)
        self.grid.opened.connect(self._open)
        self.case.open_wanted.connect(self._open)
        self.case.repair_wanted.connect(self.survey.repair)
        self.tabs.stack.currentChanged.connect(lambda place: self._choose_again())
        self.survey.changed.connect(self._survey_changed)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return in the field that finds must press none
        for key, does in (("Ctrl+F", self._find), ("O", self.over.toggle), ("R", self.preview.again.click)):
            QShortcut(QKeySequence(key), self).activated.connect(does)

    def _find(self) -> None:
        self.finder.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.finder.selectAll()

    # The data set ---------------------------------------------------------------------------------------------------

    def show_set(self, case: str = "") -> None:
        """Show the data set of the draft; a case by name is marked."""
        self.wanted = case
        settings = self.survey.settings
        if settings is None:
            return
        if settings == self.settings and self.album is not None:
            if case:
                self.finder.clear()
                self._narrow()
            return
        self._list(settings)

    def _list(self, settings: Settings) -> None:
        self._stop_all()
        self.settings, self.album = settings, None
        self.grid.cases.forget()
        self.grid.put(())
        self.count.setText("listing…")
        dimensions = int(getattr(self.survey.draft.task, "dimensions", 0))
        album = self.desk.services.surveying.album
        job = self._listing = self.desk.start("listing", lambda: album(settings, dimensions), page="train", quiet=True)
        job.ended.connect(self._take)
        job.refused.connect(self._refused)
        job.over.connect(self._listed)

    def _take(self, album: Any) -> None:
        self.album = album
        self.setWindowTitle(f"Data: {len(album.cases):,} cases")
        self.kind.blockSignals(True)
        self.kind.clear()
        self.kind.addItem("all classes", ALL)
        for name in album.classes:
            self.kind.addItem(name, name)
        self.kind.blockSignals(False)
        self.preview.show_task()
        self._deal()

    def _deal(self) -> None:
        """Make the cards of what is listed and, where there is one, of the report."""
        if self.album is None:
            return
        report = self.survey.report if self.survey.report and self.survey.report.settings == self.settings else None
        counted = self.album.counted == "pictures" or report is not None
        self.kind.setEnabled(counted)
        self.kind.setToolTip("Only cases that show this class" if counted else "Check the data: then it is known")
        self.faulty.setEnabled(report is not None)
        cases = self.album.cases
        self._beside(lambda: dealt(cases, report), self._take_cards)

    def _take_cards(self, made: tuple[tuple[Card, ...], Faults]) -> None:
        self._cards, self._faults = made
        self._narrow()

    def _narrow(self) -> None:
        """Show the cards that are asked for, in the order that is."""
        if self.album is None:
            return
        cards, text, kind = self._cards, self.finder.text(), self.kind.currentData() or ALL
        side, order = self.side.currentData() or ALL, self.sort.currentData() or ""
        faulty = self.faulty.isChecked() and self.faulty.isEnabled()
        self._beside(lambda: narrowed(cards, text, kind, side, faulty, order), self._show_cards)

    def _show_cards(self, cards: tuple[Card, ...]) -> None:
        before = self.grid.case.name if self.grid.case is not None else ""
        self.grid.put(cards, self.wanted or before)
        self.wanted = ""
        self.count.setText(f"{len(cards):,} of {len(self._cards):,}")

    def _beside(self, make: Callable[[], T], then: Callable[[T], None]) -> None:
        """Work something out at once, or beside the window where there are many cases; only the last wish counts."""
        self._wish += 1
        wish = self._wish
        if len(self.album.cases) <= AT_ONCE:
            then(make())
            return
        job = self.desk.start("sorting the cases", lambda: _made(make), page="train", quiet=True)
        job.ended.connect(lambda made: then(made) if wish == self._wish else None)

    # Pictures -------------------------------------------------------------------------------------------------------

    def _fetch(self, names: Sequence[str]) -> None:
        """Draw the pictures that came into sight."""
        album = self.album
        if album is None or self._small is not None:
            return
        job = self._small = self.desk.start(
            "small pictures", lambda: album.pictures(list(names)[::-1], SIDE_PX), page="train", quiet=True
        )
        job.said.connect(self._hear_small)
        job.over.connect(self._fetched)

    def _hear_small(self, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Picture):
                self.grid.put_picture(message)
            elif isinstance(message, Note):
                self.grid.cases.failed[message.text.partition(":")[0]] = message.text

    def _fetched(self) -> None:
        self._small = None
        self.grid.fetched()

    def _choose(self, facts: CaseFacts | None) -> None:
        """Show a case large, or what augmentation does to it."""
        classes = self.album.classes if self.album is not None else ()
        faults = self._faults.get(facts.name, ()) if facts is not None else ()
        self.case.show_case(facts, classes, faults)
        can = facts is not None and self.album is not None and "leave_out" in self.album.mends
        self.case.offer(Repair("leave this case out", "leave_out", facts.name) if can and facts is not None else None)
        if facts is None:
            return
        if self.tabs.front == "Case":
            self._draw_large(facts)
        else:
            self.preview.show_case(facts.name)

    def _choose_again(self) -> None:
        if self.tabs.front == "Augmentation":
            self.preview.show_task()
        self._choose(self.grid.case)

    def _draw_large(self, facts: CaseFacts) -> None:
        album = self.album
        if self._large is not None:
            self._large.stop()
        if album is None:
            return
        job = self._large = self.desk.start("a case", lambda: _large(album, facts), page="train", quiet=True)
        job.said.connect(lambda messages: self._hear_large(messages))
        job.ended.connect(lambda known: self._known(known))
        job.over.connect(lambda: self._large_over(job))

    def _hear_large(self, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Picture):
                self.case.show_picture(message)
            elif isinstance(message, Note) and self.case.facts is not None:
                self.case.show_fault("it cannot be read")

    def _known(self, facts: CaseFacts | None) -> None:
        """Take note of what was read of the marked case."""
        if facts is not None and self.case.facts is not None and facts.name == self.case.facts.name:
            self.case.show_case(facts, self.album.classes, self._faults.get(facts.name, ()))

    def _large_over(self, job: Job) -> None:
        if self._large is job:
            self._large = None

    # Acts -----------------------------------------------------------------------------------------------------------

    def _open(self, facts: CaseFacts | None) -> None:
        """Open the case in the viewer: the scan, then its labels over it."""
        if facts is None or not facts.image:
            return
        for path in (facts.image, facts.label):
            if path:
                self.desk.open_wanted.emit(Path(path))

    def _show_over(self, over: bool) -> None:
        self.grid.show_over(over)
        self.case.picture.show_over(over)
        self.preview.show_over(over)

    def _survey_changed(self) -> None:
        """Follow the draft: another data set, or a report that came."""
        if not self.isVisible() or self.survey.settings is None:
            return
        if self.survey.settings != self.settings:
            self._list(self.survey.settings)
        elif self.survey.fresh and not self._cards_known():
            self._deal()

    def _cards_known(self) -> bool:
        return bool(self._cards) and (bool(self._cards[0].facts.shape) or self._cards[0].facts.broken)

    def _listed(self) -> None:
        self._listing = None

    def _refused(self, refusal: Refused) -> None:
        self.count.setText("it cannot be listed")
        self.count.setToolTip(str(refusal))

    def _stop_all(self) -> None:
        for job in (self._listing, self._small, self._large):
            if job is not None:
                job.stop()
        self.preview.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Draw no more."""
        self._stop_all()
        super().closeEvent(event)


def _made(make: Callable[[], T]) -> Work[T]:
    yield from ()
    return make()


def _large(album: Any, facts: CaseFacts) -> Any:
    """Draw a case large, then say what it is where that is not known yet."""
    yield from album.pictures([facts.name], LARGE_PX)
    if facts.shape or facts.broken:
        return None
    return (yield from album.facts(facts.name))


def _choice(name: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(f"Which are shown: {name}" if name != "order" else "In which order they stand")
    calm(made)
    return made
