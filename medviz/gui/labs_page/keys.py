"""The keys that mean the same in every lab."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

_KEYS = Qt.Key
_BARE = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier


def meaning(event: QKeyEvent, page: Any) -> Callable[[], object] | None:
    """Return what a key does on the page, None where it means nothing here."""
    standard = QKeySequence.StandardKey
    for sequence, act in (
        (standard.Undo, page.hand.undo),
        (standard.Redo, page.hand.redo),
        (standard.Copy, page.share),
        (standard.Paste, page.paste),
    ):
        if event.matches(sequence):
            return act
    if event.key() == _KEYS.Key_Y and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
        return page.hand.redo
    return None if event.modifiers() & ~_BARE else _bare(event, page)


def _bare(event: QKeyEvent, page: Any) -> Callable[[], object] | None:
    player, shift = page.bar.player, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
    table: dict[int, Callable[[], object]] = {
        _KEYS.Key_Space: player.toggle,
        _KEYS.Key_Left: lambda: player.go(player.step - 1),
        _KEYS.Key_Right: lambda: player.go(player.step + 1),
        _KEYS.Key_Up: lambda: player.faster(1),
        _KEYS.Key_Down: lambda: player.faster(-1),
        _KEYS.Key_Home: lambda: player.go(0),
        _KEYS.Key_End: lambda: player.go(player.steps - 1),
        _KEYS.Key_Escape: lambda: page.board.show_alone(None),
        _KEYS.Key_E: page.shelf.open_menu,
        _KEYS.Key_P: page.present,
        _KEYS.Key_N: lambda: page.lessons.step(-1 if shift else 1),
        _KEYS.Key_A: lambda: page.compare("a", shift),
        _KEYS.Key_B: lambda: page.compare("b", shift),
    }
    return table.get(event.key())
