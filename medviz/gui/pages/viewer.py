"""The viewer: three linked planes and a view of the whole, with layers, labels and models beside them."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QHideEvent, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QVBoxLayout, QWidget

from medviz.figures import Picture
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.pages.page import Page
from medviz.gui.viewer.cards import AskCard, EmptyCard, LoadingCard
from medviz.gui.viewer.counting import Counting
from medviz.gui.viewer.feature import Feature
from medviz.gui.viewer.features import FEATURES
from medviz.gui.viewer.hand import LEGEND, keyed
from medviz.gui.viewer.layers import Layers
from medviz.gui.viewer.modelling import Modelling
from medviz.gui.viewer.opening import As, Opening
from medviz.gui.viewer.panel import Panel
from medviz.gui.viewer.panes import Panes
from medviz.gui.viewer.reading import Opened, first_window
from medviz.gui.viewer.saving import Saving
from medviz.gui.viewer.sessions import Sessions
from medviz.gui.viewer.slice_view import SliceView
from medviz.gui.viewer.strip import Strip
from medviz.gui.viewer.thumbnails import grey_image, keep, kept, thumbnail
from medviz.gui.viewer.tool import CURSOR
from medviz.imaging.scene import Layout, Point, Scene
from medviz.imaging.session import is_session
from medviz.refused import Refused


class ViewerPage(Page):
    """Puts the viewer's parts together; each of them says what happens by its signals."""

    NAME = "viewer"
    TITLE = "Viewer"
    ICON = "ph.brain"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        *LEGEND,
        *(row for feature in FEATURES for row in feature.KEYS),
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setObjectName("viewer")
        self.panes = Panes(desk, self)
        self.strip = Strip(desk.scene)
        self.opening = Opening(desk, self)
        self.counting = Counting(desk, self)
        self.saving = Saving(desk, self)
        self.layers = Layers(desk, self)
        self._panel: Panel | None = None
        self.features = {kind.NAME: kind(self, self) for kind in FEATURES}
        self.loading = LoadingCard(self.panes, self.opening.cancel)
        self.empty = EmptyCard(self.panes)
        self.ask = AskCard(self.panes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.panes, 1)
        self._equip()
        self._listen()
        self._act()
        self._remembered()
        self._show_cards()

    # -- for the window -----------------------------------------------------------------------------------------

    def panel(self) -> QWidget:
        """Return the panel with layers, labels, models and values."""
        if self._panel is None:
            self._panel = Panel(self.desk.scene, self.counting)
            self._panel.recast.connect(self.layers.recast)
            self._panel.saved.connect(self.saving.save_layer)
            self._panel.named.connect(self.layers.ask_names)
            self._panel.tabled.connect(self.layers.name_by_table)
            self._panel.went.connect(self.layers.go)
            for feature in self.features.values():
                tab = feature.tab()
                if tab is not None:
                    self._panel.add_tab(tab, feature.TAB, feature.HINT)
            self._panel.heard(self.desk.scene.state, self.desk.scene.state)
        return self._panel

    def entered(self) -> None:
        """Look up what may have changed meanwhile."""
        for feature in self.features.values():
            feature.entered()
        self.empty.list(self.desk.recent(), partial(kept, self.desk.preferences))

    def open(self, path: Path, kind: As | None = None) -> None:
        """Open a file: as the scan if there is none, else a person is asked (or `kind` says) what it is."""
        sessions = self.features[Sessions.NAME]
        if isinstance(sessions, Sessions) and is_session(path):
            sessions.open(path)
        else:
            self.opening.open(path, kind)

    def open_case(self, files: tuple[Path, ...]) -> None:
        """Open a scan in the place of the one that is there, and label maps over it."""
        for number, path in enumerate(files):
            self.opening.open(path, "labels" if number else "scan")

    def open_sample(self) -> None:
        """Open the scan that ships with the program and run the first shipped model over it."""
        try:
            path = self.desk.services.sample()
        except Refused as refusal:
            self.desk.tell(f"{refusal.thing}: {refusal.fault}", "warning", refusal.remedy)
            return
        self.opening.open(path, "scan", then=self._modelling.run_first)

    @property
    def _modelling(self) -> Modelling:
        found = self.features[Modelling.NAME]
        assert isinstance(found, Modelling)
        return found

    def unsaved(self) -> str:
        """Say what the features have that no file has."""
        return " ".join(words for feature in self.features.values() if (words := feature.unsaved()))

    def close_page(self) -> None:
        """Stop listening and rendering, before the page is deleted."""
        for feature in self.features.values():
            feature.close_feature()
        self.strip.leave()
        self.counting.leave()
        if self._panel is not None:
            self._panel.leave()
        self._leave()
        self.panes.close_views()

    # -- for the features ---------------------------------------------------------------------------------------

    def feature(self, name: str) -> Feature:
        """Return a feature by its name."""
        return self.features[name]

    def show_tab(self, name: str) -> None:
        """Bring a feature's tab to the front of the panel."""
        if self._panel is not None:
            self._panel.show_tab(self.features[name].TAB)

    def widget(self) -> QWidget:
        """Return the widget that dialogs stand over."""
        return self

    def _equip(self) -> None:
        """Give the panes the tools and painters of all features."""
        tools = {tool.NAME: tool for feature in self.features.values() for tool in feature.tools()}
        for view in self.panes.slices.values():
            view.tools.update(tools)
            view.paints.append(self._paint)
            view.asked.connect(partial(self._menu, view))
        self.tools = tools

    def _paint(self, painter: QPainter, view: SliceView) -> None:
        for feature in self.features.values():
            painter.save()
            feature.paint(painter, view)
            painter.restore()

    def _menu(self, view: SliceView, point: Point | None, place: QPoint) -> None:
        """Open the menu of the right button: what each feature can do there."""
        if point is None:
            return
        menu = QMenu(view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for feature in self.features.values():
            acts = feature.menu(view, point)
            if acts:
                menu.addActions(list(acts))
                menu.addSeparator()
        for words, act in (
            ("Cross-hair here", partial(self._go, point)),
            ("Fit the pane\tf", view.fit),
            ("Reset view and window\tr", self.reset),
            ("Save picture of the pane…", partial(self.saving.save_picture, view)),
        ):
            menu.addAction(words).triggered.connect(partial(_call, act))
        menu.popup(place)

    def _go(self, point: Point) -> None:
        self.desk.scene.put(self.desk.scene.state.at(point))

    # -- told ---------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        desk = self.desk
        self._leave = desk.scene.listen(self._told)
        desk.open_wanted.connect(self.open)
        desk.case_wanted.connect(self.open_case)
        self.opening.began.connect(self._loading)
        self.opening.ended.connect(self._show_cards)
        self.opening.asked.connect(self._asked)
        self.opening.previewed.connect(self._preview)
        self.opening.arrived.connect(self._arrived)
        self.ask.decided.connect(self.opening.decide)
        self.empty.browse.connect(self._browse)
        self.empty.browse_folder.connect(self._browse_folder)
        self.empty.sample.connect(self.open_sample)
        self.empty.wanted.connect(lambda path: self.desk.open_wanted.emit(path))
        self.strip.fit.connect(self.panes.fit_front)
        self.strip.reset.connect(self.reset)
        self.strip.picture.connect(lambda: self.saving.save_picture(self.panes.pictured))
        for view in self.panes.slices.values():
            view.pointed.connect(self._pointed)
            view.boxed.connect(self.layers.window_to)

    def _act(self) -> None:
        for words, keys, act, menu in (
            ("Save picture of the &pane…", "", lambda: self.saving.save_picture(self.panes.pictured), "file"),
            ("Save &labels as NIfTI…", "Ctrl+S", self._save_labels, "file"),
            ("&Four panes", "", lambda: self.desk.scene.update(layout="2x2", maximised=None), ""),
            ("&One large pane", "", lambda: self.desk.scene.update(layout="1+3", maximised=None), ""),
        ):
            action = QAction(words, self)
            if keys:
                action.setShortcut(keys)
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.setProperty("menu", menu)
            action.triggered.connect(partial(_call, act))
            self.addAction(action)
        for feature in self.features.values():
            self.addActions(list(feature.actions()))

    def _told(self, old: Scene, new: Scene) -> None:
        if old.radiological != new.radiological:
            self.desk.preferences.setValue("viewer/radiological", "true" if new.radiological else "false")
        if old.layout != new.layout:
            self.desk.preferences.setValue("viewer/layout", new.layout)
        if old.tool != new.tool:
            self._take_up(old.tool, new.tool)
        if (old.scan is None) != (new.scan is None):
            self._show_cards()

    def _remembered(self) -> None:
        kept = self.desk.preferences
        radiological = str(kept.value("viewer/radiological", "true")) == "true"
        layout: Layout = "1+3" if str(kept.value("viewer/layout", "2x2")) == "1+3" else "2x2"
        self.desk.scene.put(replace(self.desk.scene.state, radiological=radiological, layout=layout))

    # -- cards --------------------------------------------------------------------------------------------------

    def _show_cards(self) -> None:
        scan = self.desk.scene.state.scan
        self.panes.wait(self.opening.busy)
        self.strip.setVisible(scan is not None)
        self.empty.setVisible(scan is None and not self.opening.busy)
        if not self.empty.isHidden():
            self.empty.place()
        if not self.opening.busy or self.opening.asking:
            self.loading.hide()
        if not self.opening.busy:
            self._preview(None)

    def _loading(self, name: str, job: Job) -> None:
        self.empty.hide()
        self.panes.wait(True)
        self.loading.follow(name, job)

    def _arrived(self, path: Path) -> None:
        keep(self.desk.preferences, path, thumbnail(self.desk.scene.state), self.desk.recent())

    def _asked(self, found: Opened) -> None:
        self.loading.hide()
        self.ask.ask(found)

    def _preview(self, picture: Picture | None) -> None:
        self.panes.slices["axial"].preview(None if picture is None else grey_image(picture))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the cards in the middle."""
        for card in (self.empty, self.loading, self.ask):
            if not card.isHidden():
                QTimer.singleShot(0, card, card.place)

    # -- hand ---------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Look at everything as at first: zoom, place, and the window of the active layer."""
        scene = self.desk.scene.state
        self.panes.fit()
        if scene.scan is not None:
            number = scene.active if scene.layers[scene.active].role == "image" else 0
            volume = scene.layers[number].volume
            window, level = first_window(volume, min(scene.frame, volume.frames - 1))
            self.desk.scene.put(scene.with_layer(number, window=window, level=level))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key means for the pane under the hand."""
        key = Qt.Key(event.key())
        store, view = self.desk.scene, self.panes.front
        if store.state.scan is not None and self._answered(event, view):
            return
        modifiers = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        if store.state.scan is None or modifiers:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                store.update(overlays_hidden=True)
        elif key == Qt.Key.Key_F:
            view.fit()
        elif key == Qt.Key.Key_R:
            self.reset()
        else:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            scene = keyed(store.state, view.plane, key, shift)
            if scene is None:
                super().keyPressEvent(event)
            else:
                store.put(scene)

    def _answered(self, event: QKeyEvent, view: SliceView) -> bool:
        """Ask the tool in the hand, then the features; Esc puts the tool down."""
        tool = self.tools.get(self.desk.scene.state.tool)
        if tool is not None and tool.key(view, event):
            return True
        if any(feature.pressed(event, view) for feature in self.features.values()):
            return True
        if event.key() == Qt.Key.Key_Escape and tool is not None:
            self.desk.scene.update(tool=CURSOR)
            return True
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        wanted = next((one for one in self.tools.values() if one.KEY and event.text() == one.KEY and not held), None)
        if wanted is not None:
            self.desk.scene.update(tool=CURSOR if wanted is tool else wanted.NAME)
        return wanted is not None

    def _take_up(self, old: str, new: str) -> None:
        if old in self.tools:
            QTimer.singleShot(0, self, self.tools[old].put_down)  # the store is telling now
        pointer = self.tools[new].POINTER if new in self.tools else Qt.CursorShape.CrossCursor
        for view in self.panes.slices.values():
            view.setCursor(pointer)

    def event(self, event: QEvent) -> bool:
        """Keep Esc for the tool in the hand, before the window leaves full screen by it."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape and self.desk.scene.state.tool in self.tools:
                event.accept()
                return True
        return super().event(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Show the overlays again when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._show_overlays()
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Show the overlays again when the window loses the keys while Space is held."""
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._show_overlays()
        super().changeEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Show the overlays again when another page comes to the front."""
        self._show_overlays()

    def _show_overlays(self) -> None:
        if self.desk.scene.state.overlays_hidden:
            self.desk.scene.update(overlays_hidden=False)

    def _pointed(self, point: Point | None) -> None:
        if self._panel is not None and self._panel.isVisible():
            self._panel.show_point(point)

    def _browse_folder(self) -> None:
        if name := QFileDialog.getExistingDirectory(self, "Open a DICOM study or a folder of scans"):
            self.desk.open_wanted.emit(Path(name))

    def _browse(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Open scans and overlays")
        for name in names:
            self.desk.open_wanted.emit(Path(name))

    def _save_labels(self) -> None:
        scene = self.desk.scene.state
        of_labels = [number for number, layer in enumerate(scene.layers) if number and layer.role == "labels"]
        if not of_labels:
            self.desk.tell("There are no labels to save", "warning", "Run a model or open a label file first")
            return
        self.saving.save_layer(scene.active if scene.active in of_labels else of_labels[-1])


def _call(act: Any, checked: bool = False) -> None:
    act()
