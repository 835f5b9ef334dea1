"""A form read off a thing's parameters: what a dataclass's fields say is all there is to it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from medviz.gui.fields import Fields
from medviz.gui.part import Catalogs, is_shown
from medviz.gui.store import Store
from medviz.gui.ticks import Ticks
from medviz.parameters import Parameter, parameters

LONG = 12
"""From this many parameters on a form has a search box."""


class Form(QWidget):
    """Shows and changes the parameters of a frozen dataclass value.

    `changed` (the new value) comes only from a person's hand. `show_value` shows another value and says nothing.
    `hidden` names fields that are not shown; Input, Pick and Step never are. `scrolls=False` where the page scrolls.
    """

    changed = Signal(object)

    def __init__(
        self, value: Any, catalogs: Catalogs | None = None, hidden: tuple[str, ...] = (), scrolls: bool = True
    ) -> None:
        super().__init__()
        self.value = value
        shown = tuple(one for one in parameters(value) if is_shown(one) and one.name not in hidden)
        self.fields = Fields(shown, values_of(value, shown), catalogs or {})
        self.fields.edited.connect(self._edited)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a parameter")
        self.search.setAccessibleName("find a parameter")
        self.search.setClearButtonEnabled(True)
        self.search.setVisible(len(shown) >= LONG)
        self.search.textChanged.connect(self.fields.narrow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(scrolling(self.fields) if scrolls else self.fields)

    @classmethod
    def over(cls, store: Store[Any], catalogs: Catalogs | None = None, **options: Any) -> "Form":
        """Make a form that shows what a Store holds and puts what is changed into it."""
        form = cls(store.state, catalogs, **options)
        form.changed.connect(store.put)
        leave = store.listen(lambda old, new: form.show_value(new))
        form.destroyed.connect(lambda: leave())
        return form

    def show_value(self, value: Any) -> None:
        """Show another value of the same kind."""
        if type(value) is not type(self.value):
            raise TypeError(f"a form of {type(self.value).__name__} cannot show {type(value).__name__}")
        self.value = value
        self.fields.put(values_of(value, self.fields.shown))

    def offer(self, name: str, options: Sequence[str]) -> None:
        """Say which names may be ticked in a field whose names depend on something else (blocks of a network)."""
        row = self.fields.rows.get(name)
        if row is not None and isinstance(row.control, Ticks):
            row.control.offer(options)

    def _edited(self, name: str, value: Any) -> None:
        self.value = replace(self.value, **{name: value})
        self.fields.put(values_of(self.value, self.fields.shown))
        self.changed.emit(self.value)


def values_of(thing: Any, shown: tuple[Parameter, ...]) -> dict[str, Any]:
    """Return the values of a dataclass by name, those too that are not shown (a When may ask for them)."""
    return {one.name: getattr(thing, one.name) for one in {**dict.fromkeys(shown), **dict.fromkeys(parameters(thing))}}


def scrolling(inside: QWidget) -> QScrollArea:
    """Put a widget into an area that scrolls up and down and is never narrower than the widget."""
    area = _Tall()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area


class _Tall(QScrollArea):
    def minimumSizeHint(self) -> QSize:
        return QSize(self._wide(QWidget.minimumSizeHint), 120)

    def sizeHint(self) -> QSize:
        inside = self.widget()
        return QSize(self._wide(QWidget.sizeHint), inside.sizeHint().height() if inside else 120)

    def _wide(self, hint: Callable[[QWidget], QSize]) -> int:
        inside = self.widget()
        return (hint(inside).width() if inside else 0) + self.verticalScrollBar().sizeHint().width()
