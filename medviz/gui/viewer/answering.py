"""What becomes of a proposal: labels of it are taken into a layer that is edited, or taken away."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np

from medviz.gui.viewer.editing import Editing
from medviz.gui.viewer.feature import Viewer
from medviz.gui.viewer.predicting import proposal_number
from medviz.gui.viewer.proposal_box import NEW_LAYER
from medviz.imaging.corrections import Corrections
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.sources import made_by
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work

AT_ONCE = 2_000_000
"""Voxels that are gone through while one waits: some 2 ms."""


class Answering:
    """Accepts and rejects labels of the topmost proposal.

    Accepted labels go through the undo stack of the layer they are taken into, as one change; labels that are locked
    there stay as they are. What is neither accepted nor rejected waits on.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._store = viewer.desk.scene

    @property
    def proposal(self) -> Layer | None:
        """The topmost layer that waits for an answer."""
        number = proposal_number(self._store.state)
        return None if number is None else self._store.state.layers[number]

    def targets(self) -> tuple[tuple[int, str], ...]:
        """List the layers that labels may go into, as (number, name), the topmost first."""
        proposal, layers = self.proposal, self._store.state.layers
        if proposal is None:
            return ()
        return tuple(
            (number, layers[number].volume.name)
            for number in reversed(range(1, len(layers)))
            if layers[number].role == "labels"
            and not layers[number].proposal
            and layers[number].volume.same_grid(proposal.volume)
        )

    def usual(self) -> int:
        """Return where labels go unless a person says otherwise: the layer that is edited already, else a new one.

        A map that was opened and never touched (a reference) is left alone.
        """
        edits, layers = self._editing().edits, self._store.state.layers
        edited = [number for number, _ in self.targets() if edits.of(layers[number]) is not None]
        return self._store.state.active if self._store.state.active in edited else edited[0] if edited else NEW_LAYER

    def accept(
        self, values: frozenset[int], into: int = NEW_LAYER, done: Callable[[int], object] = lambda number: None
    ) -> None:
        """Take labels into a layer (or a new one); `done` is told its number when they are there."""
        number, proposal = proposal_number(self._store.state), self.proposal
        if number is None or proposal is None or not values:
            return
        editing, fresh = self._editing(), into == NEW_LAYER
        target: int | None = into
        if fresh:
            chosen = tuple(one for one in proposal.labels if one.value in values)
            target = editing.edits.new_layer(proposal.volume.name, chosen)
        if target is None:
            return

        def taken(made: Corrections) -> None:
            at = editing.edits.number(made)
            if at is not None and fresh:
                self._dress(at, proposal)
            self._drop(proposal, values)
            if at is not None:
                done(editing.edits.number(made) or at)

        editing.accept_proposal(number, values, target, taken)

    def reject(self, values: frozenset[int]) -> None:
        """Take labels of the proposal away; all of it where none is named."""
        proposal = self.proposal
        if proposal is not None:
            self._drop(proposal, values or frozenset(one.value for one in proposal.labels))

    def _editing(self) -> Editing:
        return cast("Editing", self._viewer.feature(Editing.NAME))

    def _dress(self, number: int, proposal: Layer) -> None:
        """Let a new layer look like the proposal did, and know which model it is of."""
        volume = self._store.state.layers[number].volume
        maker = None if proposal.maker is None else made_by(proposal.maker.card, volume)
        look = {"style": proposal.style, "opacity": proposal.opacity, "maker": maker}
        self._store.put(self._store.state.with_layer(number, **look))

    def _drop(self, proposal: Layer, values: frozenset[int]) -> None:
        """Take labels out of a proposal; it goes when nothing is left of it."""
        left = tuple(one for one in proposal.labels if one.value not in values)
        counts = self._viewer.counting.of(proposal.volume)
        there = [one for one in left if counts is None or counts.get(one.value, 0)]
        number = _number(self._store.state, proposal.volume)
        if number is None:
            return
        if not there:
            self._store.put(self._store.state.without(number))
        elif proposal.volume.voxels.size <= AT_ONCE:
            self._put(proposal, without(proposal.volume, values), values)
        else:
            self._viewer.desk.start(
                "proposal", lambda: _quietly(proposal.volume, values),
                then=lambda volume: self._put(proposal, volume, values), quiet=True,
            )  # fmt: skip

    def _put(self, proposal: Layer, volume: Volume, values: frozenset[int]) -> None:
        number = _number(self._store.state, proposal.volume)
        if number is None:
            return
        counts = self._viewer.counting.of(proposal.volume)
        if counts is not None:
            self._viewer.counting.know(volume, {value: n for value, n in counts.items() if value not in values})
        labels = tuple(one for one in proposal.labels if one.value not in values)
        maker = None if proposal.maker is None else made_by(proposal.maker.card, volume)
        self._store.put(self._store.state.with_layer(number, volume=volume, labels=labels, maker=maker))


def without(volume: Volume, values: frozenset[int]) -> Volume:
    """Make a label map in which these values are background."""
    table = np.arange(int(volume.voxels.max(initial=0)) + 1, dtype=volume.voxels.dtype)
    table[[value for value in values if value < len(table)]] = 0
    return replace(volume, voxels=table[volume.voxels])


def _quietly(volume: Volume, values: frozenset[int]) -> Work[Volume]:
    yield Progress(0, 0, "proposal")
    return without(volume, values)


def _number(scene: Scene, volume: Volume) -> int | None:
    return next((number for number, layer in enumerate(scene.layers) if layer.volume.voxels is volume.voxels), None)
