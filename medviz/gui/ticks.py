"""A control that holds any number of names: a box to tick for each."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from medviz.gui.controls import Control
from medviz.parameters import Parameter
from medviz.parameters import Ticks as Mark

_COLUMNS = 2


class Ticks(Control):
    """Names with a box each, in two columns, and buttons for all and none.

    Where the names depend on something else they are offered later (`offer`); until then they are typed, with commas
    between.
    """

    WIDE = True

    def __init__(self, one: Parameter) -> None:
        super().__init__(one)
        self.mark = one.mark(Mark) or Mark()
        self.names: tuple[str, ...] = ()
        self.boxes: dict[str, QCheckBox] = {}
        self._value: tuple[str, ...] = ()
        self.line = QLineEdit()
        self.line.setPlaceholderText("none; or names with commas between")
        self.line.textEdited.connect(lambda text: self._take(tuple(self.one.checked(text))))
        self.named(self.line)
        self.all, self.none = self._button("All", "Tick all"), self._button("None", "Tick none")
        self.all.clicked.connect(lambda: self._take(self.names))
        self.none.clicked.connect(lambda: self._take(()))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.line)
        column.addLayout(self._grid)
        self.row.addLayout(column, 1)
        self.offer(self.mark.options, self.mark.words)

    def offer(self, names: Sequence[str], words: Sequence[str] = ()) -> None:
        """Show a box for each of these names; what is ticked and still there stays ticked. Without names: a line."""
        if tuple(names) == self.names and self.boxes:
            return
        self.names = tuple(names)
        self._clear()
        self.line.setVisible(not self.names)
        for number, name in enumerate(self.names):
            box = QCheckBox(words[number] if number < len(words) else name)
            box.setToolTip(f"{name}\n{self.one.help}")
            box.setAccessibleName(f"{self.one.label}: {name}")
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            box.clicked.connect(self._ticked)
            self.boxes[name] = box
            self._grid.addWidget(box, number // _COLUMNS, number % _COLUMNS)
        if self.names:
            self._grid.addWidget(self._buttons(), -(-len(self.names) // _COLUMNS), 0, 1, _COLUMNS)
        self.put(self._value)

    def put(self, value: Any) -> None:
        """Show which are ticked; names without a box are told in words."""
        self._value = tuple(value)
        for name, box in self.boxes.items():
            box.setChecked(name in self._value)
        text = ", ".join(self._value)
        if tuple(self.one.checked(self.line.text())) != self._value:
            self.line.setText(text)
        strangers = [name for name in self._value if name not in self.boxes] if self.boxes else []
        self.doubted.emit(f"{', '.join(strangers)}: there is no such block here" if strangers else "")

    def _ticked(self) -> None:
        self._take(tuple(name for name, box in self.boxes.items() if box.isChecked()))

    def _take(self, value: tuple[str, ...]) -> None:
        self.put(value)
        self.edited.emit(value)

    def _buttons(self) -> QWidget:
        holder = QWidget()
        line = QGridLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.all, 0, 0)
        line.addWidget(self.none, 0, 1)
        line.setColumnStretch(2, 1)
        self.all.show()
        self.none.show()
        return holder

    def _button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setProperty("look", "quiet")
        button.setAccessibleName(f"{self.one.label}: {tip.lower()}")
        button.hide()
        return button

    def _clear(self) -> None:
        for button in (self.all, self.none):
            button.setParent(self)
            button.hide()
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.boxes.clear()
