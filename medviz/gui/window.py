"""The window: a rail of pages, the page in front, its panel in a dock, menus, notices and a status line."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QIcon, QPaintEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QMessageBox, QToolBar, QWidget

from medviz.catalog import Catalog, Entry
from medviz.gui.desk import Desk
from medviz.gui.dock import Dock, Stack
from medviz.gui.menus import Menus
from medviz.gui.notices import Notices
from medviz.gui.pages.page import Page
from medviz.gui.rail import Rail, Stop
from medviz.gui.status import Status
from medviz.gui.theme import theme
from medviz.imaging.scene import Scene
from medviz.shipped import shipped

PAGES: Mapping[str, Stop] = {
    "viewer": Stop("medviz.gui.pages.viewer:ViewerPage", "Viewer", "ph.brain"),
    "training": Stop("medviz.gui.pages.training:TrainingPage", "Train", "ph.chart-line-up"),
    "lab": Stop("medviz.gui.pages.lab:LabPage", "Labs", "ph.flask"),
    "settings": Stop("medviz.gui.pages.settings:SettingsPage", "Settings", "ph.sliders-horizontal", bottom=True),
    "help": Stop("medviz.gui.pages.help:HelpPage", "Help", "ph.question", bottom=True),
}
ALSO_CALLED = {"train": "training", "labs": "lab", "view": "viewer"}
PANEL_PX = 352
SMALLEST = QSize(880, 560)
USUAL = QSize(1280, 820)
SAVED_AS = 1
"""Raised when docks change, so that an older state is not forced upon a newer window."""
PATIENCE_S = 30.0
"""How long closing waits for work to keep what it has: a step of a large network may take long."""


class Window(QMainWindow):
    """Holds the pages and brings them to the front; what they do is theirs.

    `pages` says what is on the rail; a page is imported and built when it is first shown. `confirm` (sentence) is asked
    before running work is stopped by closing; without it a dialog asks. `drawn` comes once, after the first pixels.
    """

    page_shown = Signal(str)
    drawn = Signal()

    def __init__(
        self, desk: Desk, pages: Mapping[str, Stop] = PAGES, confirm: Callable[[str], bool] | None = None
    ) -> None:
        super().__init__()
        self.desk, self.stops = desk, pages
        entries = {name: Entry(stop.where, stop.word) for name, stop in pages.items()}
        self._kinds: Catalog[Callable[[Desk], QWidget]] = Catalog("page", "medviz.pages", entries)
        self.pages: dict[str, QWidget] = {}
        self.page = ""
        self._drawn = False
        self._panels: dict[str, QWidget] = {}
        self.confirm = confirm or self._ask
        self._lets_go_on: list[Page] = []
        self._panel_wanted = self._panel_before = True
        self.setWindowTitle("medviz")
        self.setWindowIcon(QIcon(str(shipped("icons", "medviz.svg"))))
        self.setMinimumSize(SMALLEST)
        self.setAcceptDrops(True)
        self._build()
        self._listen()
        self._restore()

    def show_page(self, name: str) -> None:
        """Bring a page to the front; it is built when it is first asked for."""
        name = ALSO_CALLED.get(name, name)
        if name not in self.stops:
            raise KeyError(f"there is no page {name!r}; there are {', '.join(self.stops)}")
        page = self.pages.get(name) or self._make(name)
        self.page = name
        self.stack.setCurrentWidget(page)
        self.rail.show_chosen(name)
        self.menus.show_page(page, self.stops[name].word)
        self._show_panel()
        tell_keys = getattr(page, "show_keys", None)
        if tell_keys is not None:
            tell_keys(self.keys())
        if isinstance(page, Page):
            page.entered()
        self.page_shown.emit(name)

    def open(self, *paths: Path) -> None:
        """Open files or folders in the viewer, one after the other."""
        for path in paths:
            self.desk.open_wanted.emit(path)

    def open_sample(self) -> None:
        """Open the scan that ships with the program in the viewer, with its model's prediction over it."""
        self.show_page("viewer")
        self.pages["viewer"].open_sample()  # type: ignore[attr-defined]

    def quit(self) -> None:
        """Close without asking; what runs is stopped cleanly."""
        self.confirm = lambda question: True
        self.close()

    def dress(self) -> None:
        """Put the icons on; called after the first pixels, since a font has to be read for them."""
        self.rail.dress(self.stops)
        self.menus.dress()
        self.dock.dress()

    def show_panel(self, wanted: bool) -> None:
        """Show or hide the dock with the page's panel."""
        self._panel_wanted = wanted
        self._show_panel()

    def reset_layout(self) -> None:
        """Put every part back to where it was at first."""
        self.dock.setFloating(False)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.show()
        self._widen_panel(PANEL_PX * _scale())
        self.show_panel(True)
        self.desk.presenting.put(False)

    def keys(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """List the keys, by where they act: the window's, then each page's."""
        found = {"Window": self.menus.keys()}
        for name, stop in self.stops.items():
            if stop.bottom:
                continue
            page = self.pages.get(name)
            own = getattr(page or self._kinds[name], "KEYS", ())
            acts = [(act.shortcut().toString(), act.text().replace("&", "")) for act in page.actions()] if page else []
            told = {key for key, _ in own}
            found[stop.word] = (*own, *((key, text) for key, text in acts if key and key not in told))
        return {where: rows for where, rows in found.items() if rows}

    def _build(self) -> None:
        self.stack = Stack()
        waiting = QLabel("Loading…")
        waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        waiting.setProperty("look", "waiting")
        self.stack.addWidget(waiting)
        self.setCentralWidget(self.stack)
        self._dropping = QLabel("Drop to open", self.stack)
        self._dropping.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._dropping.setProperty("look", "dropping")
        self._dropping.hide()
        self.rail = Rail(self.stops)
        bar = QToolBar("Pages")
        bar.setObjectName("rail")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.addWidget(self.rail)
        self.rail_bar = bar
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, bar)
        self.dock = Dock()
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.status = Status(self.desk)
        self.statusBar().addWidget(self.status, 1)
        self.statusBar().setSizeGripEnabled(False)
        self.menus = Menus(self, self)
        self.notices = Notices(self, self.desk)

    def _listen(self) -> None:
        desk = self.desk
        self.rail.chosen.connect(self.show_page)
        self.dock.closed.connect(lambda: self.show_panel(False))
        desk.page_wanted.connect(self.show_page)
        desk.open_wanted.connect(self._open_in_viewer)
        desk.predict_wanted.connect(self._predict_in_viewer)
        desk.case_wanted.connect(self._show_in_viewer)
        desk.scene.listen(self._scene_changed)
        desk.preferred.listen(lambda old, new: self._dress())
        desk.presenting.listen(lambda old, new: self._present(new))

    def _open_in_viewer(self, path: Path) -> None:
        heard = "viewer" in self.pages
        self.show_page("viewer")
        if not heard:
            self.desk.open_wanted.emit(path)  # the viewer was built only now; said again, it hears it

    def _predict_in_viewer(self, where: str) -> None:
        if "viewer" not in self.pages:
            self._make("viewer")
            self.desk.predict_wanted.emit(where)

    def _show_in_viewer(self, files: tuple[Path, ...]) -> None:
        heard = "viewer" in self.pages
        self.show_page("viewer")
        if not heard:
            self.desk.case_wanted.emit(files)

    def _scene_changed(self, old: Scene, new: Scene) -> None:
        if new.scan is not old.scan:
            self.setWindowTitle(f"{new.scan.name} · medviz" if new.scan is not None else "medviz")

    def _make(self, name: str) -> QWidget:
        page = self._kinds[name](self.desk)
        self.pages[name] = page
        self.stack.addWidget(page)
        panel = page.panel() if isinstance(page, Page) else None
        if panel is not None:
            self.dock.add(panel)
            self._panels[name] = panel
        return page

    def _show_panel(self) -> None:
        panel = self._panels.get(self.page)
        if panel is not None:
            self.dock.show_panel(panel, self.stops[self.page].word)
        self.dock.setVisible(panel is not None and self._panel_wanted)
        self.menus.panel.setChecked(self._panel_wanted)
        self.menus.panel.setEnabled(panel is not None)

    def _dress(self) -> None:
        now, look = theme(), self.desk.preferred.state
        if now is None:
            return
        before = now.scale if self.isVisible() else None
        now.choose(look.look, (look.stage_size if self.desk.presenting.state else look.text_size) / 100)
        if before is not None and now.scale != before:
            self._widen_panel(self.dock.width() * now.scale / before)

    def _widen_panel(self, width: float) -> None:
        """Give the panel this width, but never half of the window."""
        self.resizeDocks([self.dock], [round(min(width, 0.45 * self.width()))], Qt.Orientation.Horizontal)

    def _present(self, on: bool) -> None:
        """Stand before an audience: larger text, the whole screen, nothing beside the page."""
        self.rail_bar.setVisible(not on)
        self.menuBar().setVisible(not on)
        self.status.purpose.setVisible(on)  # it stands in the menu bar otherwise
        self.menus.presenting.setChecked(on)
        self._dress()
        if on:
            self._panel_before = self._panel_wanted
            self.show_panel(False)
            self.showFullScreen()
        else:
            self.show_panel(self._panel_before)
            self.showNormal()

    def _restore(self) -> None:
        kept = self.desk.preferences
        geometry, state = kept.value("window/geometry"), kept.value("window/state")
        if not isinstance(geometry, QByteArray) or not self.restoreGeometry(geometry):
            self.resize(USUAL.boundedTo(self.screen().availableSize()))
        self._dress()
        if not isinstance(state, QByteArray) or not self.restoreState(state, SAVED_AS):
            self._widen_panel(PANEL_PX * _scale())
        self._panel_wanted = str(kept.value("window/panel", "true")) == "true"
        self.dock.hide()  # until a page with a panel is in front
        self.rail_bar.show()

    def _keep(self) -> None:
        if self.desk.presenting.state:
            self.desk.presenting.put(False)
        kept = self.desk.preferences
        kept.setValue("window/geometry", self.saveGeometry())
        kept.setValue("window/state", self.saveState(SAVED_AS))
        kept.setValue("window/panel", "true" if self._panel_wanted else "false")
        kept.setValue("window/page", self.page)
        kept.sync()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Say when the first pixels are there, once they are on their way to the screen."""
        super().paintEvent(event)
        if not self._drawn:
            self._drawn = True
            QTimer.singleShot(0, self, self.drawn.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask once where work is running, keep what the window looked like, stop the work cleanly."""
        jobs = (job for job in self.desk.jobs if job.running and not job.stopping and not job.property("quiet"))
        running = [job.title for job in jobs]
        doubts = [_question(running)] if running and self.desk.preferred.state.ask_first else []
        if self.desk.asks:
            doubts += [page.unsaved() for page in self.pages.values() if isinstance(page, Page)]
        if any(doubts) and not self.confirm(" ".join(filter(None, doubts))):
            event.ignore()
            return
        self._keep()
        self.hide()
        for page in self.pages.values():
            if isinstance(page, Page):
                page.close_page()
        self.desk.stop_all(PATIENCE_S)
        for page in self._lets_go_on:
            page.let_go_on()
        event.accept()

    def _ask(self, question: str) -> bool:
        buttons = QMessageBox.StandardButton
        box = QMessageBox(QMessageBox.Icon.Question, "medviz", question, buttons.Close | buttons.Cancel, self)
        box.button(buttons.Close).setText("Close" if "Stop it" not in question else "Stop and close")
        box.button(buttons.Cancel).setText("Go on")
        box.setDefaultButton(buttons.Cancel)
        for page in self.pages.values():
            if isinstance(page, Page) and page.goes_on():
                button = box.addButton(page.goes_on(), QMessageBox.ButtonRole.AcceptRole)
                button.clicked.connect(partial(self._lets_go_on.append, page))
        answer = box.exec()
        box.deleteLater()
        return answer == buttons.Close or bool(self._lets_go_on)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._dropping.setGeometry(self.stack.rect().adjusted(16, 16, -16, -16))
            self._dropping.show()
            self._dropping.raise_()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Forget the files."""
        self._dropping.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        self._dropping.hide()
        event.acceptProposedAction()
        self.open(*(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()))


def _question(running: list[str]) -> str:
    what = running[0] if len(running) == 1 else f"{len(running)} jobs"
    return f"{what[:1].upper() + what[1:]} still runs. Stop it and close? What has been learnt so far is kept."


def _scale() -> float:
    now = theme()
    return now.scale if now is not None else 1.0
