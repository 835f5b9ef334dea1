"""Comparing a prediction with a reference: numbers that are links, the way from the worst error to the next."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import QFileDialog, QWidget

from medviz.gui.viewer.arrow import paint_place
from medviz.gui.viewer.comparison_box import ComparisonBox
from medviz.gui.viewer.comparison_sheet import ComparisonSheet
from medviz.gui.viewer.comparison_table import ComparisonModel
from medviz.gui.viewer.differing import Difference
from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.judging import Judging
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.judging.links import Place, confused, place_of, place_of_error
from medviz.imaging.judging.results import Comparison, Mistake
from medviz.imaging.judging.summary import as_csv, sentence
from medviz.imaging.scene import Point
from medviz.imaging.storage import replacing
from medviz.refused import Refused

RIM_PX = 24
"""A place nearer to the rim of a pane than this is brought to its middle."""


class Comparing(Feature):
    """Holds two label layers of the scene against each other, and leads to the place of every number."""

    NAME: ClassVar[str] = "compare"
    TAB: ClassVar[str] = "Compare"
    HINT: ClassVar[str] = "Hold a prediction against a reference: Dice, HD95 and more; go to every error"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("e Shift+E", "next worst error of a comparison, and the one before"),
        ("d", "difference of what is compared in colour"),
        ("Shift+D", "all numbers of the comparison below the panes"),
    )

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.box: ComparisonBox | None = None
        self.sheet: ComparisonSheet | None = None
        self.model = ComparisonModel()
        self.judging = Judging(self.desk, self)
        self.difference = Difference(self.desk, self)
        self.place: Place | None = None
        self.only: int | None = None
        self.at: int | None = None
        self.judging.chosen.connect(self._show_layers)
        self.judging.moved.connect(self._show_progress)
        self.judging.ended.connect(self._show_progress)
        self.judging.judged.connect(self._judged)
        self.judging.forgotten.connect(self._forget)

    # -- for the page -------------------------------------------------------------------------------------------

    def tab(self) -> QWidget:
        """Make the tab."""
        box = self.box = ComparisonBox(self.model)
        box.compared.connect(self.judging.compare)
        box.cancelled.connect(self.judging.cancel)
        box.chosen.connect(self._chosen)
        box.swapped.connect(self.judging.swap)
        box.browsed.connect(self._browse)
        box.wanted.connect(self.follow)
        box.stepped.connect(self.step)
        box.everywhere.connect(lambda: self._limit(None))
        box.toned.connect(self.judging.tolerate)
        box.coloured.connect(self.colour)
        box.widened.connect(self.widen)
        box.exported.connect(self._ask_export)
        self._show_layers()
        return box

    def actions(self) -> Sequence[QAction]:
        """Offer the comparison in the page's menu."""
        act = QAction("&Compare labels", self.viewer.widget())
        act.triggered.connect(lambda: self.viewer.show_tab(self.NAME))
        return (act,)

    def menu(self, view: SliceView, point: Point) -> Sequence[QAction]:
        """Offer the next error."""
        if not self.errors:
            return ()
        act = QAction("Next worst error\te", view)
        act.triggered.connect(lambda: self.step(1))
        return (act,)

    def paint(self, painter: QPainter, view: SliceView) -> None:
        """Draw the arrow or the ring of the link that was followed."""
        section = view.section
        if self.place is not None and section is not None and not self.desk.scene.state.overlays_hidden:
            paint_place(painter, view, self.place, section.step_mm / 2 + 1e-6)

    def pressed(self, event: QKeyEvent, view: SliceView) -> bool:
        """Step through the errors, colour the difference, take the arrow away."""
        shift = Qt.KeyboardModifier.ShiftModifier
        if self.found is None or event.modifiers() & ~(shift | Qt.KeyboardModifier.KeypadModifier):
            return False
        key, shifted = event.key(), bool(event.modifiers() & shift)
        if key == Qt.Key.Key_E:
            self.step(-1 if shifted else 1)
        elif key == Qt.Key.Key_D and shifted:
            self.widen(self.sheet is None or self.sheet.isHidden())
        elif key == Qt.Key.Key_D:
            self.colour(self.difference.number is None)
        elif key == Qt.Key.Key_Escape and self.place is not None:
            self._show_place(None)
        else:
            return False
        return True

    def close_feature(self) -> None:
        """Stop listening and working."""
        self.judging.leave()
        if self.sheet is not None:
            self.sheet.hide()  # it may float

    # -- links --------------------------------------------------------------------------------------------------

    @property
    def found(self) -> Comparison | None:
        """What was found of the pair compared last."""
        return self.judging.found

    @property
    def errors(self) -> tuple[Mistake, ...]:
        """The errors that are walked through, the largest first: of all labels, or of one."""
        if self.found is None:
            return ()
        return self.found.errors if self.only is None else self.found.errors_of(self.only)

    def follow(self, value: int, key: str) -> None:
        """Go to where a number of a label comes from."""
        if self.found is None:
            return
        if key == "name":
            self._limit(None if self.only == value else value)
        elif self.only not in (None, value):
            self._limit(None)
        place = place_of(self.found, value, key)
        if place is None:
            row = self.found.of(value)
            self.desk.tell(f"{row.name if row else 'It'} has no error of this kind")
            return
        self.at = self._rank(place.error)
        self.go(place)

    def step(self, count: int) -> None:
        """Go to the next worst error, or (-1) to the one before."""
        if self.found is None or not self.errors:
            return
        self.at = 0 if self.at is None else min(max(self.at + count, 0), len(self.errors) - 1)
        self.go(place_of_error(self.found, self.errors[self.at]))

    def go(self, place: Place) -> None:
        """Put the cross-hair there, move the panes so that it is in their middle, draw what is to be seen."""
        self.desk.scene.put(self.desk.scene.state.at(place.at_mm))
        for view in self.viewer.panes.slices.values():
            x, y = view.screen_of(self.desk.scene.state.cursor)
            inside = view.rect().adjusted(RIM_PX, RIM_PX, -RIM_PX, -RIM_PX).contains(round(x), round(y))
            if view.camera.zoom > 1 or not inside:
                view.look(view.sheet.panned(view.width() / 2 - x, view.height() / 2 - y))
        self._show_place(place)

    def _confused(self, predicted: int, meant: int) -> None:
        place = confused(self.found, predicted, meant) if self.found is not None else None
        if place is None:
            self.desk.tell("No voxel was confused that way, or only in pieces too small to be listed")
            return
        self.at = self._rank(place.error)
        self.go(place)

    def _pick(self, number: int) -> None:
        """Go to an error of the list of all."""
        if self.found is not None:
            error = self.found.errors[number]
            if self.only not in (None, error.value):
                self._limit(None)
            self.at = self._rank(error)
            self.go(place_of_error(self.found, error))

    def _rank(self, error: Mistake | None) -> int | None:
        return next((number for number, one in enumerate(self.errors) if one is error), None)

    def _limit(self, value: int | None) -> None:
        """Walk through the errors of one label only, or of all."""
        self.only, self.at = value, None
        self._show_walk()
        if self.difference.number is not None:
            self.colour(True)

    def _show_place(self, place: Place | None) -> None:
        self.place = place
        for view in self.viewer.panes.slices.values():
            view.update()
        self._show_walk()

    # -- shown --------------------------------------------------------------------------------------------------

    def colour(self, wanted: bool) -> None:
        """Show or take away the layer that colours what agrees and what does not."""
        if not wanted:
            self.difference.hide()
        elif self.found is not None:
            self.difference.show(self.found, self.only)

    def widen(self, wanted: bool) -> None:
        """Show or hide all numbers below the panes."""
        if self.sheet is None:
            if not wanted:
                return
            self.sheet = self._make_sheet()
        self.sheet.setVisible(wanted)
        if self.box is not None:
            self.box.show_wide(wanted)

    def _make_sheet(self) -> ComparisonSheet:
        page = self.viewer.widget()
        sheet = ComparisonSheet(self.model, page)
        sheet.wanted.connect(self.follow)
        sheet.picked.connect(self._pick)
        sheet.stepped.connect(self.step)
        sheet.confused.connect(self._confused)
        sheet.closed.connect(lambda: self.box.show_wide(False) if self.box is not None else None)
        layout = page.layout()
        if layout is not None:
            layout.addWidget(sheet)
        if self.found is not None:
            sheet.show_comparison(self.found, self.judging.colours, self.judging.title)
        return sheet

    def _judged(self) -> None:
        found, coloured = self.found, self.difference.number is not None
        assert found is not None
        self.at = None
        if self.only is not None and found.of(self.only) is None:
            self.only = None
        self.model.show_rows(found.rows, self.judging.colours)
        if self.sheet is not None:
            self.sheet.show_comparison(found, self.judging.colours, self.judging.title)
        self._show_place(None)
        self._show_results()
        if coloured:
            self.colour(True)

    def _forget(self) -> None:
        """Let go of what belongs to a scan that is closed."""
        self.place = self.only = self.at = self.difference.volume = None
        self.model.show_rows((), {})
        if self.sheet is not None and not self.sheet.isHidden():
            self.sheet.close()
        self._show_results()

    def _chosen(self) -> None:
        """Take what the pickers show."""
        if self.box is not None:
            layers = self.judging.layers
            picked = [picker.currentIndex() for picker in (self.box.prediction, self.box.reference)]
            volumes = [layers[number].volume if 0 <= number < len(layers) else None for number in picked]
            self.judging.choose(volumes[0], volumes[1])

    def _show_layers(self) -> None:
        if self.box is not None:
            layers = self.judging.layers
            names = [f"{one.volume.name} (proposal)" if one.proposal else one.volume.name for one in layers]
            pair = self.judging.pair
            places = [next((n for n, one in enumerate(layers) if one.volume is wanted), None) for wanted in pair]
            self.box.show_layers(names, places[0], places[1])
            self.box.show_difference(self.difference.number is not None)
            self._show_results()

    def _show_progress(self) -> None:
        if self.box is not None:
            self.box.show_progress(self.judging.job)

    def _show_results(self) -> None:
        if self.box is not None:
            found = self.found
            words, rows = (sentence(found), len(found.rows)) if found is not None else ("", 0)
            self.box.show_results(words, rows, self.judging.title, self.judging.stale)
            self._show_walk()

    def _show_walk(self) -> None:
        if self.box is None or self.found is None:
            return
        row = self.found.of(self.only) if self.only is not None else None
        words = self.place.words if self.place is not None else ""
        more = self.found.left_out if row is None else max(0, row.mistakes - len(self.errors))
        self.box.show_walk(self.at, len(self.errors), words, row.name if row is not None else "", more)
        if self.sheet is not None:
            error = self.errors[self.at] if self.at is not None else None
            self.sheet.errors.select(next((n for n, one in enumerate(self.found.errors) if one is error), None))

    # -- kept ---------------------------------------------------------------------------------------------------

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.viewer.widget(), "Open labels to compare with")
        if name:
            self.viewer.opening.open(Path(name), "labels")

    def _ask_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.viewer.widget(), "Save numbers", "comparison.csv", "CSV (*.csv)")
        if name:
            self.export(Path(name))

    def export(self, path: Path) -> None:
        """Write all numbers as a table."""
        if self.found is None:
            return
        try:
            with replacing(path) as file:
                file.write(as_csv(self.found.rows).encode())
        except Refused as refusal:
            self.desk.tell(f"{refusal.thing}: {refusal.fault}", "error", refusal.remedy)
            return
        self.desk.tell(f"Saved {path.name}")
