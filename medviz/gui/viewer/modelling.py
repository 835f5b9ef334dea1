"""Running a model over the open scan: the tab with the models, and what becomes of a proposal."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medviz.gui.job import Job
from medviz.gui.services import ModelCard
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.model_box import ModelBox
from medviz.gui.viewer.predicting import Predicting, proposal_number
from medviz.imaging.scene import Scene
from medviz.messages import Progress, Work


class Modelling(Feature):
    """Lists the models, runs one, and asks what is to become of what it proposes."""

    NAME: ClassVar[str] = "model"
    TAB: ClassVar[str] = "Model"
    HINT: ClassVar[str] = "Run a model over the scan; accept or reject what it proposes"

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.predicting = Predicting(self.desk, self)
        self.models: ModelBox | None = None
        self._listing: Job | None = None
        self.predicting.began.connect(lambda card, job: self._began(job))
        self.predicting.ended.connect(self._show)
        self.desk.predict_wanted.connect(self.run_model)
        self._leave = self.desk.scene.listen(self._told)

    def tab(self) -> QWidget:
        """Make the box with the models."""
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 8, 0, 8)
        models = self.models = ModelBox()
        column.addWidget(models)
        column.addStretch(1)
        models.run.connect(lambda card: self.predicting.run(card))
        models.cancelled.connect(self.predicting.cancel)
        models.accepted.connect(self.predicting.accept)
        models.rejected.connect(self.predicting.reject)
        self._show()
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

    def close_feature(self) -> None:
        """Stop listening."""
        self._leave()

    def _with_models(self, use: Callable[[tuple[ModelCard, ...]], object]) -> None:
        """List the models beside the window (their cards are read off the disk), show them, and use them."""
        services = self.desk.services

        def listed() -> Work[tuple[ModelCard, ...]]:
            yield Progress(0, 0, "looking for models")
            runs = tuple(ModelCard(str(run), run.name, "a run of this program") for run in services.runs())
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

    def _began(self, job: Job) -> None:
        self._show()
        models = self.models
        if models is not None:
            job.said.connect(lambda messages: models.show_progress(job))
            models.show_progress(job)

    def _told(self, old: Scene, new: Scene) -> None:
        if old.layers is not new.layers:
            self._show()

    def _show(self) -> None:
        if self.models is not None:
            scene = self.desk.scene.state
            running, proposed = self.predicting.job is not None, proposal_number(scene) is not None
            self.models.show_state(scene.scan is not None, running, proposed)


def _card(where: str, cards: tuple[ModelCard, ...]) -> ModelCard:
    return next((card for card in cards if card.where == where), ModelCard(where, Path(where).name))
