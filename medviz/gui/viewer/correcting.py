"""Correct, learn, prove: labels that were corrected are kept for a run, a copy learns from them, and is measured."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject

from medviz.gui.job import Job
from medviz.gui.services import ModelCard
from medviz.gui.viewer.correct_box import CorrectBox
from medviz.gui.viewer.feature import Viewer
from medviz.imaging.proof import Proof
from medviz.imaging.scene import Layer, Scene
from medviz.messages import Progress, Work
from medviz.refused import Refused


class Correcting(QObject):
    """Belongs to the run that is chosen in the Model tab; `learnt` models are ordinary runs, the old one stays."""

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._desk = viewer, viewer.desk
        self.run: Path | None = None
        self.proof: Proof | None = None
        self.job: Job | None = None
        self.box: CorrectBox | None = None

    def make_box(self) -> CorrectBox:
        """Make the box that stands in the Model tab."""
        box = self.box = CorrectBox()
        box.keep.clicked.connect(self.keep)
        box.learn.clicked.connect(self.learn)
        box.waiting.cancelled.connect(self.stop)
        self.show()
        return box

    def choose(self, card: ModelCard | None) -> None:
        """Take corrections for this model from now on; only a run of this program can learn on."""
        run = Path(card.where) if card is not None and card.origin == "run" else None
        if run != self.run:
            self.run = run
            if self.job is None:
                self.proof = None
            self._count()
        self.show()

    @property
    def layer(self) -> Layer | None:
        """The labels that would be kept: those in hand, else the topmost on the scan's grid that are no proposal."""
        return corrected_layer(self._desk.scene.state)

    def keep(self) -> None:
        """Keep the scan with these labels for the run."""
        run, layer, scan = self.run, self.layer, self._desk.scene.state.scan
        if run is None or layer is None or scan is None:
            return
        labels = np.array(layer.volume.frame())  # a copy: the brush may go on
        names = {label.value: label.name for label in layer.labels}
        correct = self._desk.services.storied.correct
        self._desk.start("keep the correction", lambda: correct(run, scan, labels, names), then=self._kept)

    def learn(self) -> None:
        """Fine-tune a copy of the run, in a folder of its own."""
        run, box = self.run, self.box
        if run is None or box is None or self.job is not None:
            return
        try:
            out = self._desk.services.new_run(run.name)
        except Refused as refusal:
            self._desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return
        learn, steps = self._desk.services.storied.learn, box.steps.value()
        self.proof = None
        job = self.job = self._desk.start(
            f"learning from corrections of {run.name}", lambda: learn(run, out, steps), then=self._proved
        )
        job.said.connect(lambda messages: self._waits())
        job.over.connect(self._over)
        self._waits()
        self.show()

    def stop(self) -> None:
        """Stop learning; the copy so far is a run that can be deleted."""
        if self.job is not None:
            self.job.stop()

    def show(self) -> None:
        """Show what can be done now."""
        if self.box is None:
            return
        layer = self.layer
        self.box.setVisible(self.run is not None)
        self.box.show_state("" if layer is None else layer.volume.name, self.job is not None, self.proof)

    def _count(self) -> None:
        """Count the corrections beside the window: they lie on a disk."""
        run, corrections = self.run, self._desk.services.storied.corrections
        if run is None:
            return

        def counted() -> Work[int]:
            yield Progress(0, 0, "looking for corrections")
            return corrections(run)

        self._desk.start("corrections", counted, then=lambda count: self._counted(run, count), quiet=True)

    def _counted(self, run: Path, count: int) -> None:
        if run == self.run and self.box is not None:
            self.box.show_count(count)
            self.show()

    def _kept(self, count: int) -> None:
        if self.box is not None:
            self.box.show_count(count)
            self.show()
        self._desk.tell(f"The correction is kept: {count} for {self.run.name if self.run else 'the run'}")

    def _proved(self, proof: Proof) -> None:
        self.proof = proof
        level = "warning" if proof.forgot else "info"
        self._desk.tell(f"{proof.out.name}: {proof.verdict()}", level)
        self._viewer.feature("model").entered()  # the copy is on the list now

    def _waits(self) -> None:
        if self.box is not None:
            self.box.waiting.show_job(self.job)

    def _over(self) -> None:
        self.job = None
        self._waits()
        self.show()


def corrected_layer(scene: Scene) -> Layer | None:
    """The layer of labels that a person means: the active one, else the topmost, on the scan's grid."""
    layers, scan = scene.layers, scene.scan
    if scan is None:
        return None
    fit = [
        number
        for number in range(1, len(layers))
        if layers[number].role == "labels" and not layers[number].proposal and layers[number].volume.same_grid(scan)
    ]
    if not fit:
        return None
    return layers[scene.active if scene.active in fit else fit[-1]]
