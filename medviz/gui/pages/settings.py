"""The settings: a form of the preferences, which act at once and last."""

from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medviz.gui.desk import Desk
from medviz.gui.form import Form
from medviz.gui.pages.page import Page
from medviz.gui.preferences import Preferences

WIDEST_PX = 560


class SettingsPage(Page):
    """What a person sets for good."""

    NAME: ClassVar[str] = "settings"
    TITLE: ClassVar[str] = "Settings"
    ICON: ClassVar[str] = "ph.sliders-horizontal"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        title = QLabel("Settings")
        title.setProperty("look", "title")
        self.form = Form.over(desk.preferred)
        self.default = QPushButton("Reset all")
        self.default.clicked.connect(lambda: desk.preferred.put(Preferences()))
        place = QLabel(f"Kept in {desk.preferences.fileName()}")
        place.setProperty("look", "small")
        place.setWordWrap(True)
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inside = QWidget()
        inside.setMaximumWidth(WIDEST_PX)
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addWidget(title)
        column.addWidget(self.form, 1)
        below = QHBoxLayout()
        below.addWidget(place, 1)
        below.addWidget(self.default)
        column.addLayout(below)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(inside, 1)
        row.addStretch(0)
