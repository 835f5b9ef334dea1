"""The viewer: three linked planes and a view of the whole, with layers, labels and models beside them."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QAction, QHideEvent, QImage, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from medviz.figures import Picture
from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.pages.page import Page
from medviz.gui.services import ModelCard
from medviz.gui.viewer.cards import AskCard, EmptyCard, LoadingCard
from medviz.gui.viewer.counting import Counting
from medviz.gui.viewer.hand import keyed
from medviz.gui.viewer.layers import Layers
from medviz.gui.viewer.opening import As, Opening
from medviz.gui.viewer.panel import Panel
from medviz.gui.viewer.panes import Panes
from medviz.gui.viewer.predicting import Predicting, proposal_number
from medviz.gui.viewer.reading import Opened, first_window
from medviz.gui.viewer.saving import Saving
from medviz.gui.viewer.strip import Strip
from medviz.gui.viewer.thumbnails import keep, kept, thumbnail
from medviz.imaging.scene import Layout, Point, Scene
from medviz.messages import Progress, Work
from medviz.refused import Refused


class ViewerPage(Page):
    """Puts the viewer's parts together; each of them says what happens by its signals."""

    NAME = "viewer"
    TITLE = "Viewer"
    ICON = "ph.brain"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Wheel", "slices; with Ctrl zoom at the pointer"),
        ("Left drag", "cross-hair"),
        ("Right drag", "window and level; with Shift a box whose values fill the window"),
        ("Middle drag", "move the picture (or Shift and left drag)"),
        ("Double click", "fill the viewer with a pane, and back"),
        ("↑ ↓ PgUp PgDn", "one or five slices"),
        ("← →", "one slice, or one frame of a series"),
        ("Shift+arrows", "cross-hair by one voxel"),
        ("Home End", "first and last slice"),
        ("Space held", "hide all overlays"),
        ("o", "overlays as outline, filled, not at all"),
        ("[ ]", "overlays less or more opaque"),
        ("g", "hide or show all overlays"),
        ("n", "radiological or neurological"),
        ("c", "cross-hair on or off"),
        ("i", "smooth or crisp voxels"),
        ("f", "fit the pane"),
        ("r", "reset view and window"),
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setObjectName("viewer")
        self.panes = Panes(desk, self)
        self.strip = Strip(desk.scene)
        self.opening = Opening(desk, self)
        self.predicting = Predicting(desk, self)
        self.counting = Counting(desk, self)
        self.saving = Saving(desk, self)
        self.layers = Layers(desk, self)
        self._panel: Panel | None = None
        self._models: Job | None = None
        self.loading = LoadingCard(self.panes, self.opening.cancel)
        self.empty = EmptyCard(self.panes)
        self.ask = AskCard(self.panes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self.panes, 1)
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
            self._panel.went.connect(self.layers.go)
            models = self._panel.models
            models.run.connect(lambda card: self.predicting.run(card))
            models.cancelled.connect(self.predicting.cancel)
            models.accepted.connect(self.predicting.accept)
            models.rejected.connect(self.predicting.reject)
            self._show_models()
        return self._panel

    def entered(self) -> None:
        """List the models anew: there may be another run."""
        self._list_models()
        self.empty.list(self.desk.recent(), partial(kept, self.desk.preferences))

    def open(self, path: Path, kind: As | None = None) -> None:
        """Open a file: as the scan if there is none, else a person is asked (or `kind` says) what it is."""
        self.opening.open(path, kind)

    def open_sample(self) -> None:
        """Open the scan that ships with the program and run the first shipped model over it."""
        try:
            path = self.desk.services.sample()
        except Refused as refusal:
            self.desk.tell(f"{refusal.thing}: {refusal.fault}", "warning", refusal.remedy)
            return
        self.opening.open(path, "scan", then=self._run_first)

    def run_model(self, where: str) -> None:
        """Run a shipped model (its name) or a trained network (the folder of its run) over the open scan."""
        self._with_models(lambda cards: self.predicting.run(_card(where, cards)))

    def close_page(self) -> None:
        """Stop listening and rendering, before the page is deleted."""
        self.strip.leave()
        self.counting.leave()
        if self._panel is not None:
            self._panel.leave()
        self._leave()
        self.panes.close_views()

    # -- told ---------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        desk = self.desk
        self._leave = desk.scene.listen(self._told)
        desk.open_wanted.connect(self.open)
        desk.predict_wanted.connect(self.run_model)
        self.opening.began.connect(self._loading)
        self.opening.ended.connect(self._show_cards)
        self.opening.asked.connect(self._asked)
        self.opening.previewed.connect(self._preview)
        self.opening.arrived.connect(self._arrived)
        self.ask.decided.connect(self.opening.decide)
        self.empty.browse.connect(self._browse)
        self.empty.sample.connect(self.open_sample)
        self.empty.wanted.connect(lambda path: self.desk.open_wanted.emit(path))
        self.predicting.began.connect(lambda card, job: self._predicting(job))
        self.predicting.ended.connect(self._show_models)
        self.strip.fit.connect(lambda: self.panes.front.fit())
        self.strip.reset.connect(self.reset)
        self.strip.picture.connect(lambda: self.saving.save_picture(self.panes.front))
        for view in self.panes.slices.values():
            view.pointed.connect(self._pointed)
            view.boxed.connect(self.layers.window_to)

    def _act(self) -> None:
        for words, keys, act, menu in (
            ("Save picture of the &pane…", "", lambda: self.saving.save_picture(self.panes.front), "file"),
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

    def _told(self, old: Scene, new: Scene) -> None:
        if old.radiological != new.radiological:
            self.desk.preferences.setValue("viewer/radiological", "true" if new.radiological else "false")
        if old.layout != new.layout:
            self.desk.preferences.setValue("viewer/layout", new.layout)
        if old.layers is not new.layers:
            self._show_models()
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
        if not self.opening.busy or self.opening.question is not None:
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
        axial = self.panes.slices["axial"]
        if picture is None:
            axial.preview(None)
            return
        pixels = np.asarray(picture.pixels)
        low, high = picture.levels or (float(pixels.min()), float(pixels.max()))
        grey = np.clip((pixels - low) * (255.0 / ((high - low) or 1.0)), 0, 255).astype(np.uint8)
        rows, cols = grey.shape
        axial.preview(QImage(grey.tobytes(), cols, rows, cols, QImage.Format.Format_Grayscale8).copy())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the cards in the middle."""
        for card in (self.empty, self.loading, self.ask):
            if not card.isHidden():
                QTimer.singleShot(0, card, card.place)

    # -- models -------------------------------------------------------------------------------------------------

    def _list_models(self) -> None:
        if self._models is None:
            self._with_models(lambda cards: None)

    def _with_models(self, use: Any) -> None:
        """List the models beside the window (their cards are read off the disk), show them, and use them."""
        services = self.desk.services

        def listed() -> Work[tuple[ModelCard, ...]]:
            yield Progress(0, 0, "looking for models")
            runs = tuple(ModelCard(str(run), run.name, "a run of this program") for run in services.runs())
            return (*services.models(), *runs)

        def take(cards: tuple[ModelCard, ...]) -> None:
            if self._panel is not None:
                self._panel.models.show_models(cards)
                self._show_models()
            use(cards)

        self._models = self.desk.start("models", listed, then=take, quiet=True)
        self._models.over.connect(self._models_over)

    def _models_over(self) -> None:
        self._models = None

    def _run_first(self) -> None:
        self._with_models(lambda cards: self.predicting.run(cards[0]) if cards else None)

    def _predicting(self, job: Job) -> None:
        self._show_models()
        if self._panel is not None:
            models = self._panel.models
            job.said.connect(lambda messages: models.show_progress(job))
            models.show_progress(job)

    def _show_models(self) -> None:
        if self._panel is not None:
            scene = self.desk.scene.state
            self._panel.models.show_state(
                scene.scan is not None, self.predicting.job is not None, proposal_number(scene) is not None
            )

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


def _card(where: str, cards: tuple[ModelCard, ...]) -> ModelCard:
    return next((card for card in cards if card.where == where), ModelCard(where, Path(where).name))


def _call(act: Any, checked: bool = False) -> None:
    act()
