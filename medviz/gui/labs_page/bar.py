"""The bar below the board: the player, undo, the two states to compare, sharing, exporting, presenting."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QMenu, QToolButton

from medviz.gui.icons import icon
from medviz.gui.labs_page.player import Player


class Bar(QFrame):
    """Player and buttons. Signals: `undo_wanted`, `redo_wanted`, `kept` ("a" or "b"), `share_wanted`, `paste_wanted`,
    `export_wanted`, `stage_wanted`.
    """  # noqa: D205

    undo_wanted = Signal()
    redo_wanted = Signal()
    kept = Signal(str, bool)
    share_wanted = Signal()
    paste_wanted = Signal()
    export_wanted = Signal()
    stage_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.player = Player()
        self.undo = self._button("ph.arrow-u-up-left", "Take the last change back (Ctrl+Z)", self.undo_wanted.emit)
        self.redo = self._button("ph.arrow-u-up-right", "Do it again (Ctrl+Y)", self.redo_wanted.emit)
        self.a = self._slot("A")
        self.b = self._slot("B")
        self.share = self._button("ph.share-network", "Copy or paste this state as text", None)
        self.share.setMenu(self._share_menu())
        self.share.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export = self._button(
            "ph.download-simple", "Export arrays and pictures to a folder", self.export_wanted.emit
        )
        self.stage = self._button("ph.presentation", "Present full screen (p)", self.stage_wanted.emit)
        row = QHBoxLayout(self)
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self.setMinimumWidth(400)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(2)
        row.addWidget(self.player, 1)
        for group in ((self.undo, self.redo), (self.a, self.b), (self.share, self.export, self.stage)):
            row.addSpacing(8)
            for button in group:
                row.addWidget(button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Spare what has a key of its own where there is little room."""
        for widget in (self.player.first, self.player.last, self.player.speed_text):
            widget.setVisible(self.width() >= 640)
        self.player.speed.setVisible(self.width() >= 540)
        self.player.slider.setVisible(self.width() >= 440)
        super().resizeEvent(event)

    def _button(self, name: str, words: str, act: Callable[[], object] | None) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(name))
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setProperty("look", "quiet")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if act is not None:
            button.clicked.connect(act)
        return button

    def _slot(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setText(name)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        button.customContextMenuRequested.connect(lambda _: self.kept.emit(name.lower(), True))
        button.clicked.connect(lambda: self.kept.emit(name.lower(), False))
        button.setAccessibleName(f"state {name}")
        return button

    def show_slots(self, filled: frozenset[str], at: str) -> None:
        """Show which of the two states are kept and which one is in front."""
        for name, button in (("a", self.a), ("b", self.b)):
            button.setChecked(name == at)
            key = name.upper()
            words = f"Go to state {key} ({name}); right click or {key} keeps the present one"
            button.setToolTip(words if name in filled else f"Keep the present state as {key} ({name})")
            button.setText(f"{key}•" if name in filled else key)

    def show_history(self, can_undo: bool, can_redo: bool) -> None:
        """Show whether there is anything to take back or to do again."""
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)

    def _share_menu(self) -> QMenu:
        menu = QMenu(self)
        copy = menu.addAction(icon("ph.copy"), "Copy this state as text", self.share_wanted.emit)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        paste = menu.addAction(icon("ph.clipboard-text"), "Open a state from the clipboard", self.paste_wanted.emit)
        paste.setShortcut(QKeySequence(QKeySequence.StandardKey.Paste))
        for action in (copy, paste):
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # the page handles the keys itself
        return menu
