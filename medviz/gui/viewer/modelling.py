"""Running a model over the open scan: the tab with the models, and what becomes of a proposal."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medviz.gui.job import Job
from medviz.gui.services import Looked, ModelCard
from medviz.gui.viewer.answering import Answering
from medviz.gui.viewer.correcting import Correcting
from medviz.gui.viewer.epochs import Epochs
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.model_box import ModelBox
from medviz.gui.viewer.needs_dialog import NeedsDialog
from medviz.gui.viewer.predicting import Predicting, proposal_number, same_scan
from medviz.imaging.resample import onto
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

LOOK_MS = 400
"""A model is looked at when the hand has rested on it for so long."""
_HERE = Qt.ShortcutContext.WidgetWithChildrenShortcut


class Modelling(Feature):
    """Lists the models, says what one takes, runs it, and asks what is to become of what it proposes."""

    NAME: ClassVar[str] = "model"
    TAB: ClassVar[str] = "Model"
    HINT: ClassVar[str] = "Run a model over the scan; accept or reject what it proposes"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Ctrl+Return", "run the chosen model"),
        ("Ctrl+Shift+Return", "accept the ticked labels of a proposal"),
        ("Ctrl+Shift+Backspace", "reject them"),
    )

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.predicting = Predicting(self.desk, self)
        self.answering = Answering(viewer)
        self.correcting = Correcting(viewer, self)
        self.models: ModelBox | None = None
        self.dialog: NeedsDialog | None = None
        self._listing: Job | None = None
        self._looking: Job | None = None
        self._looked: dict[tuple[str, int], Looked] = {}
        self._ran = ""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(LOOK_MS)
        self._rest.timeout.connect(self._look)
        self.predicting.began.connect(self._began)
        self.predicting.ended.connect(self._ended)
        self.desk.predict_wanted.connect(self.run_model)
        viewer.counting.counted.connect(self._show)
        self._leave = self.desk.scene.listen(self._told)

    def tab(self) -> QWidget:
        """Make the box with the models."""
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 8, 0, 8)
        models = self.models = ModelBox()
        column.addWidget(models)
        column.addWidget(self.correcting.make_box())
        column.addStretch(1)
        models.chose.connect(self.correcting.choose)
        models.run.connect(self._run)
        models.cancelled.connect(self.predicting.cancel)
        models.chose.connect(lambda card: self._wish())
        models.added.connect(self.add)
        models.forgotten.connect(self._forget)
        models.back_wanted.connect(self._look_back)
        models.answer.accepted.connect(self._accept)
        models.answer.rejected.connect(self._reject)
        models.answer.went.connect(self._go)
        models.voxel.wanted.connect(self.show_class)
        self._show()
        return made

    def actions(self) -> Sequence[QAction]:
        """Run, accept, reject."""
        made = []
        for words, keys, act in (
            ("&Run the model", "Ctrl+Return", self._run_chosen),
            ("&Accept the proposal", "Ctrl+Shift+Return", lambda: self._press("accept")),
            ("R&eject the proposal", "Ctrl+Shift+Backspace", lambda: self._press("reject")),
        ):
            action = QAction(words, self)
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(_HERE)
            action.triggered.connect(lambda checked=False, act=act: act())
            made.append(action)
        return made

    def entered(self) -> None:
        """List the models anew: there may be another run."""
        if self._listing is None:
            self._with_models(lambda cards: None)

    def run_model(self, where: str) -> None:
        """Run a shipped model (its name) or a trained network (the folder of its run) over the open scan."""
        self._with_models(lambda cards: self.predicting.run(_card(where, cards)))

    def run_first(self) -> None:
        """Run the first of the models that ship with the program."""
        self._with_models(lambda cards: self.predicting.run(cards[0]) if cards else None)

    def add(self, path: Path) -> None:
        """Put a model's file or folder on the list; what it does not say of its input is asked for."""
        self.desk.start(f"look at {path.name}", lambda: self.desk.services.modelled.add(path), then=self._added)

    def show_class(self, number: int) -> None:
        """Lay the probabilities of a class over the scan, on its own grid."""
        found, scan = self.predicting.found, self.desk.scene.state.scan
        if found is None or found.probabilities is None or scan is None:
            return
        shares = found.probabilities
        name = next((one.name for one in found.labels.labels if one.value == number), "background")

        def made() -> Work[Volume]:
            yield Progress(0, 0, "probabilities")
            voxels = shares.voxels[number : number + 1].astype(np.float32)
            share = replace(shares, voxels=voxels, stored=replace(shares.stored, dtype=voxels.dtype), kind="scalar")
            return replace(onto(share, scan, "linear"), name=f"{name} ({shares.name})")

        def put(volume: Volume) -> None:
            if not same_scan(scan, self.desk.scene.state.scan):
                return
            layer = Layer(volume, "probability", window=1.0, level=0.5, colours="magma", style="fill")
            scene = self.desk.scene.state
            self.desk.scene.put(replace(scene.adding(layer), active=len(scene.layers)))

        self.desk.start(f"probabilities of {name}", made, then=put)

    def close_feature(self) -> None:
        """Stop listening."""
        self._rest.stop()
        self._leave()

    # -- models ---------------------------------------------------------------------------------------------------

    def _with_models(self, use: Callable[[tuple[ModelCard, ...]], object]) -> None:
        """List the models beside the window (their cards are read off the disk), show them, and use them."""
        services = self.desk.services

        def listed() -> Work[tuple[ModelCard, ...]]:
            yield Progress(0, 0, "looking for models")
            runs = tuple(
                ModelCard(str(run), run.name, "a run of this program", origin="run") for run in services.runs()
            )
            return (*services.models(), *runs)

        def take(cards: tuple[ModelCard, ...]) -> None:
            if self.models is not None:
                self.models.show_models(cards)
                self._show()
            use(cards)

        self._listing = self.desk.start("models", listed, then=take, quiet=True)
        self._listing.over.connect(self._listed)

    def _listed(self) -> None:
        self._listing = None

    def _added(self, looked: Looked) -> None:
        if looked.asks is not None:
            self._ask(looked)
            return
        self._with_models(lambda cards: self.models.choose(looked.card.where) if self.models is not None else None)
        self.desk.tell(f"{looked.card.title} is on the list of models")

    def _ask(self, looked: Looked) -> None:
        dialog = self.dialog = NeedsDialog(self.desk, looked, self.viewer.widget())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.told.connect(self._added)
        dialog.finished.connect(self._asked)
        dialog.open()

    def _asked(self) -> None:
        self.dialog = None
        self._looked.clear()

    def _forget(self, card: ModelCard) -> None:
        self.desk.services.modelled.forget(card.where)
        self._with_models(lambda cards: None)

    def _look_back(self, card: ModelCard) -> None:
        epochs = self.viewer.feature("epochs")
        self.viewer.show_tab("epochs")
        if isinstance(epochs, Epochs):
            epochs.show_run(Path(card.where))

    # -- before a run ---------------------------------------------------------------------------------------------

    def _wish(self) -> None:
        """Look at the chosen model soon, if the tab is seen and nothing runs."""
        if self.models is None:
            return
        scan, card = self.desk.scene.state.scan, self.models.chosen
        known = None if scan is None or card is None else self._looked.get((card.where, _key(scan)))
        waits = known is None and scan is not None and card is not None and self.predicting.job is None
        self.models.show_looked(known, waits and self.desk.services.modelled.run is not None, self._agreement)
        if waits and self.desk.services.modelled.run is not None:
            self._rest.start()
        else:
            self._rest.stop()

    def _look(self) -> None:
        models, scan = self.models, self.desk.scene.state.scan
        card = None if models is None else models.chosen
        if models is None or scan is None or card is None or self.predicting.job is not None:
            return
        if not models.isVisible() or self._looking is not None:
            self._rest.start()
            return
        where, modelled = card.where, self.desk.services.modelled
        job = self._looking = self.desk.start(
            "look at the model",
            lambda: modelled.look(where, scan),
            then=lambda looked: self._looked_at(where, scan, looked),
            quiet=True,
        )
        job.over.connect(self._over_looking)

    def _looked_at(self, where: str, scan: Volume, looked: Looked) -> None:
        if same_scan(scan, self.desk.scene.state.scan):
            self._looked[(where, _key(scan))] = looked

    def _over_looking(self) -> None:
        self._looking = None
        models, scan = self.models, self.desk.scene.state.scan
        if models is not None and scan is not None and models.chosen is not None:
            models.show_looked(self._looked.get((models.chosen.where, _key(scan))), agreement=self._agreement)

    @property
    def _agreement(self) -> float | None:
        """How well the last result agrees with that of the mirrored scan, if it is of the chosen model."""
        found, models = self.predicting.found, self.models
        mine = models is not None and models.chosen is not None and models.chosen.where == self._ran
        return found.agreement if found is not None and mine else None

    # -- running --------------------------------------------------------------------------------------------------

    def _run(self, card: ModelCard, mirror: bool) -> None:
        looked = self._looked.get((card.where, _key(self.desk.scene.state.scan)))
        if looked is not None and looked.asks is not None:
            self._ask(looked)
        else:
            self.predicting.run(card if looked is None else looked.card, mirror)  # a run's whole card is known by then

    def _run_chosen(self) -> None:
        if self.models is not None and self.models.button.isEnabled():
            self.models.button.click()

    def _began(self, card: ModelCard, job: Job) -> None:
        self._ran = card.where
        self._show()
        models = self.models
        if models is not None:
            job.said.connect(lambda messages: models.progress.show_job(job))
            models.progress.show_job(job)

    def _ended(self) -> None:
        self._show()
        self._show_voxel()
        self._wish()

    # -- the answer -----------------------------------------------------------------------------------------------

    def _accept(self, values: frozenset[int], into: int, edit: bool) -> None:
        def done(number: int) -> None:
            if edit:
                self.desk.scene.put(replace(self.desk.scene.state, active=number))
                self.viewer.show_tab("edit")

        if self.predicting.job is None:
            self.answering.accept(values, into, done)

    def _reject(self, values: frozenset[int]) -> None:
        if self.predicting.job is None:
            self.answering.reject(values)

    def _press(self, name: str) -> None:
        """Press a button of the proposal by its key, if it is there to be pressed."""
        if self.models is not None and not self.models.answer.isHidden():
            (self.models.accept if name == "accept" else self.models.reject).click()

    def _go(self, value: int) -> None:
        number = proposal_number(self.desk.scene.state)
        if number is not None:
            self.viewer.layers.go(number, value)

    # -- told -----------------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if old.layers is not new.layers or old.active != new.active:
            self.correcting.show()
        if old.layers is not new.layers:
            self._show()
            if old.scan is not new.scan:
                self._looked.clear()
                self._wish()
        if old.cursor != new.cursor or old.scan is not new.scan:
            self._show_voxel()

    def _show_voxel(self) -> None:
        if self.models is not None:
            self.models.voxel.show_voxel(self.predicting.found, self.desk.scene.state.cursor)

    def _show(self) -> None:
        if self.models is None:
            return
        scene = self.desk.scene.state
        running, proposal = self.predicting.job is not None, self.answering.proposal
        self.models.show_state(scene.scan is not None, running, proposal is not None)
        if proposal is not None and not running:
            counts = self.viewer.counting.of(proposal.volume)
            self.models.answer.show_proposal(proposal, counts, self.answering.targets(), self.answering.usual())


def _key(scan: Volume | None) -> int:
    """What a look at a model over a scan is kept under."""
    return 0 if scan is None else id(scan.voxels)


def _card(where: str, cards: tuple[ModelCard, ...]) -> ModelCard:
    return next((card for card in cards if card.where == where), ModelCard(where, Path(where).name))
