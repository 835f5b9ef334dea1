"""Rows of controls under headings, one row a parameter."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSize, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from medviz.gui.cells import Cells
from medviz.gui.controls import Control, Line, Place, Select, Switch
from medviz.gui.icons import icon
from medviz.gui.number import Number
from medviz.gui.part import Automatic, Catalogs, PartBox
from medviz.gui.ticks import Ticks
from medviz.parameters import MISSING, Choice, Group, Parameter, Range, Settings, When


class Fields(QWidget):
    """Rows of controls under headings, one a parameter. `edited` (name, value) comes from a person's hand."""

    edited = Signal(str, object)

    def __init__(self, shown: tuple[Parameter, ...], values: Mapping[str, Any], catalogs: Catalogs) -> None:
        super().__init__()
        self.shown = shown
        self.rows: dict[str, Row] = {}
        self.groups: dict[str, Section] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        for one in sorted(shown, key=lambda one: one.mark(Group) is not None):  # those without a heading first
            self._add(one, catalogs)
        self._column.addStretch(1)
        self.put(values)

    def put(self, values: Mapping[str, Any]) -> None:
        """Show these values; rows that are of no use with them are greyed out."""
        for name, row in self.rows.items():
            row.put(values[name])
            when = row.one.mark(When)
            row.setEnabled(when is None or when.field not in values or values[when.field] in when.values)

    def narrow(self, text: str) -> None:
        """Show only the rows whose name or help has these words; empty shows all."""
        words = text.lower().split()
        for row in self.rows.values():
            said = f"{row.one.name} {row.one.label} {row.one.help} {row.heading}".lower()
            row.setVisible(all(word in said for word in words))
        for section in self.groups.values():
            rows = [row for row in section.rows if row.isVisibleTo(section.inside)]
            section.setVisible(bool(rows))
            section.open(bool(words) or section.wanted_open)

    def _add(self, one: Parameter, catalogs: Catalogs) -> None:
        row = Row(one, catalogs)
        row.edited.connect(lambda value, name=one.name: self.edited.emit(name, value))
        self.rows[one.name] = row
        group = one.mark(Group)
        if group is None:
            self._column.addWidget(row)
            return
        if group.name not in self.groups:
            self.groups[group.name] = Section(group)
            self._column.addWidget(self.groups[group.name])
        self.groups[group.name].add(row)


class Section(QWidget):
    """A heading and the rows under it; advanced ones start folded."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.wanted_open = not group.advanced
        self.rows: list[Row] = []
        self.title = QPushButton(group.name)
        self.title.setProperty("look", "section")
        self.title.setIconSize(QSize(14, 14))
        self.title.clicked.connect(self._turn)
        self.inside = QWidget()
        self._column = QVBoxLayout(self.inside)
        self._column.setContentsMargins(0, 0, 0, 8)
        self._column.setSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.inside)
        self.open(self.wanted_open)

    def add(self, row: "Row") -> None:
        """Put a row under the heading."""
        row.heading = self.title.text()
        self.rows.append(row)
        self._column.addWidget(row)

    def open(self, wide: bool) -> None:
        """Unfold or fold."""
        self.inside.setVisible(wide)
        self.title.setIcon(icon("ph.caret-down" if wide else "ph.caret-right", "dim"))
        self.title.setAccessibleDescription("unfolded" if wide else "folded")

    def _turn(self) -> None:
        self.wanted_open = not self.inside.isVisibleTo(self)
        self.open(self.wanted_open)


class Row(QWidget):
    """One parameter: name, control, unit, what is wrong, and the way back to the default."""

    edited = Signal(object)

    def __init__(self, one: Parameter, catalogs: Catalogs) -> None:
        super().__init__()
        self.one, self.heading = one, ""
        self.control = control_of(one, catalogs)
        self.label = QLabel(one.label[:1].upper() + one.label[1:])
        self.label.setWordWrap(True)
        self.label.setToolTip(explained(one))
        self.label.installEventFilter(self)
        self.sentence = QLabel()
        self.sentence.setProperty("look", "bad")
        self.sentence.setWordWrap(True)
        self.sentence.hide()
        self.back = QToolButton()
        self.back.setProperty("look", "quiet")
        self.back.setIcon(icon("ph.arrow-counter-clockwise", "accent"))
        self.back.setAccessibleName(f"reset {one.label}")
        self.back.setIconSize(QSize(14, 14))
        self.back.setFixedSize(22, 22)
        self._value: Any = MISSING
        self._default: Any = one.default
        self._lay_out()
        self.control.setToolTip(explained(one))
        self.control.edited.connect(self._edited)
        self.control.doubted.connect(self._doubted)
        self.control.reset_wanted.connect(self.reset)
        self.back.clicked.connect(self.reset)

    def put(self, value: Any) -> None:
        """Show a value and whether it differs from the default."""
        if self._default is MISSING:
            self._default = value  # what it began with
        self._value = value
        self.control.put(value)
        changed = value != self._default
        self.back.setVisible(changed)
        if changed:
            self.back.setToolTip(f"Reset to {spoken(self.one, self._default)}")
        if self.label.property("changed") != changed:
            self.label.setProperty("changed", changed)
            self.label.style().unpolish(self.label)
            self.label.style().polish(self.label)

    def reset(self) -> None:
        """Take the default again."""
        if self._value != self._default and self.isEnabled():
            self._doubted("")
            self.put(self._default)
            self.edited.emit(self._default)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the default at a double click on the name."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self.reset()
            return True
        return False

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        space = self.back.sizePolicy()
        space.setRetainSizeWhenHidden(True)
        self.back.setSizePolicy(space)
        if self.control.WIDE:
            grid.addWidget(self.label, 0, 0, 1, 2)
            grid.addWidget(self.back, 0, 2)
            grid.addWidget(self.control, 1, 0, 1, 3)
            grid.addWidget(self.sentence, 2, 0, 1, 3)
            grid.setColumnStretch(1, 1)
            return
        self.label.setFixedWidth(self.fontMetrics().horizontalAdvance("n" * 12))
        grid.addWidget(self.label, 0, 0)
        grid.addWidget(self.control, 0, 1)
        grid.addWidget(self.back, 0, 2)
        grid.addWidget(self.sentence, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)

    def _edited(self, value: Any) -> None:
        self.put(value)
        self.edited.emit(value)

    def _doubted(self, sentence: str) -> None:
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))


def control_of(one: Parameter, catalogs: Catalogs) -> Control:
    """Make the control for a parameter."""
    kinds: dict[str, Callable[[Parameter], Control]] = {
        "int": Number,
        "float": Number,
        "bool": Switch,
        "choice": Select,
        "matrix": Cells,
        "file": Place,
        "text": Line,
        "ticks": Ticks,
        "part": lambda one: PartBox(one, catalogs, Fields),
    }
    made = kinds[one.kind](one)
    return Automatic(one, made) if one.optional else made


def explained(one: Parameter) -> str:
    """Say what a parameter does, its range and its default, for a tool tip."""
    bounds, unit = one.mark(Range), f" {one.unit}" if one.unit else ""
    lines = [one.help or one.label]
    if bounds:
        lines.append(f"{bounds.low:g} to {bounds.high:g}{unit}")
    if one.default is not MISSING:
        lines.append(f"Default {spoken(one, one.default)}{unit} (double click on the name)")
    return "\n".join(lines)


def spoken(one: Parameter, value: Any) -> str:
    """Say a value as the form shows it."""
    if value is None:
        return "automatic"
    if isinstance(value, Settings):
        return value.name
    if isinstance(value, bool):
        return "on" if value else "off"
    if one.kind == "ticks":
        return ", ".join(value) or "none"
    if isinstance(value, tuple):
        return f"{len(value)}×{len(value[0])} numbers" if value and isinstance(value[0], tuple) else str(value)
    choice = one.mark(Choice)
    if choice and choice.words and value in choice.options:
        return choice.words[choice.options.index(value)]
    return f"{value:g}" if isinstance(value, float) else str(value) or "empty"
