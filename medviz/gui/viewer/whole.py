"""The 3-D pane as a part of the viewer: what its keys do, and the menu of its right button."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu

from medviz.gui.viewer.feature import Feature, Viewer
from medviz.gui.viewer.volume_keys import LEGEND
from medviz.gui.viewer.volume_strip import NAMES
from medviz.gui.viewer.volume_view import VolumeView
from medviz.imaging.rendering.sight import STANDARD
from medviz.imaging.rendering.view import CUTS, MODES


class Whole(Feature):
    """Opens the menu of the 3-D pane; all of it is also on the pane's own tools or keys."""

    NAME: ClassVar[str] = "whole"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = LEGEND

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(viewer, parent)
        self.pane: VolumeView = viewer.panes.volume
        self.pane.asked.connect(self.open_menu)

    def open_menu(self, place: QPoint) -> None:
        """Offer what the pane can do, at a place on the screen."""
        pane = self.pane
        menu = QMenu(pane)
        menu.setObjectName("menu of the pane")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for mode, words in MODES.items():
            self._add(menu, words, partial(pane.choose, mode), pane.view.mode == mode)
        if pane.view.mode in ("surfaces", "volume"):
            cuts = menu.addMenu("Cut")
            for cut, words in CUTS.items():
                self._add(cuts, words, partial(pane.choose_cut, cut), pane.cut == cut)
        sides = menu.addMenu("Look from")
        for number, (letter, sight) in enumerate(STANDARD.items(), start=1):
            there = replace(sight, zoom=pane.sight.zoom)
            self._add(sides, f"the {NAMES[letter]}\t{number}", partial(pane.look, there))
        menu.addSeparator()
        self._add(menu, "Reset the view\tr", pane.fit)
        self._add(menu, "Save picture of the pane…", partial(self.viewer.saving.save_picture, pane))
        menu.popup(place)

    @staticmethod
    def _add(menu: QMenu, words: str, act: Callable[[], object], checked: bool | None = None) -> None:
        action = menu.addAction(words)
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        action.triggered.connect(lambda on=False: act())
