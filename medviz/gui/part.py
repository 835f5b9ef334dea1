"""Controls that hold other controls: "automatic or a value", and a thing out of a catalog with its own form."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout

from medviz.catalog import Catalog
from medviz.gui.controls import Control, Select, Toggle, chain
from medviz.gui.job import Job
from medviz.messages import Progress, Work
from medviz.parameters import MISSING, Choice, Parameter, Part, Pick, Range, Settings, Step, parameters

Catalogs = Mapping[str, Mapping[str, Any]]


class Automatic(Control):
    """A control whose value may also be None: "automatic", chosen by the program."""

    def __init__(self, one: Parameter, inner: Control) -> None:
        super().__init__(one)
        self.inner = inner
        self.WIDE = inner.WIDE
        self.box = Toggle("auto")
        self.box.setToolTip("The program chooses")
        self.named(self.box)
        self.box.setAccessibleName(f"{one.label} automatic")
        self.row.addWidget(self.box)
        self.row.addWidget(inner, 1)
        self.row.addStretch(0)
        self._last = first_value(one)
        self.box.clicked.connect(self._ticked)
        inner.edited.connect(self._edited)
        inner.doubted.connect(self.doubted)
        inner.reset_wanted.connect(self.reset_wanted)

    def put(self, value: Any) -> None:
        """Show a value, or "auto" for None."""
        self.box.setChecked(value is None)
        self.inner.setVisible(value is not None)
        if value is not None:
            self._last = value
            self.inner.put(value)

    def _ticked(self, automatic: bool) -> None:
        value = None if automatic else self._last
        self.put(value)
        self.doubted.emit("")
        self.edited.emit(value)

    def _edited(self, value: Any) -> None:
        self._last = value
        self.edited.emit(value)


class PartBox(Control):
    """A thing out of a catalog, and a form of its own parameters under it.

    The thing is imported in a Job, since that may take seconds; until then the form says so. `make` (parameters,
    values, catalogs) makes the inner form.
    """

    WIDE = True

    def __init__(self, one: Parameter, catalogs: Catalogs, make: Callable[..., Any]) -> None:
        super().__init__(one)
        part = one.mark(Part)
        assert part is not None
        self.catalogs, self.catalog = catalogs, catalogs.get(part.catalog, {})
        names = [name for name in self.catalog if not part.only or name in part.only]
        self.select = Select(replace(one, kind="choice", marks=(Choice(tuple(names), self._titles(names)),)))
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setProperty("look", "small")
        self.settings = Settings("")
        self.fields: Any = None
        self._make = make
        self.job: Job | None = None
        self.box = QFrame()
        self.box.setProperty("look", "nest")
        self._inside = QVBoxLayout(self.box)
        self._inside.setContentsMargins(8, 4, 0, 4)
        column = QVBoxLayout()
        column.setSpacing(6)
        for widget in (self.select, self.summary, self.box):
            column.addWidget(widget)
        self.row.addLayout(column)
        self.select.edited.connect(self._chosen)

    def put(self, value: Any) -> None:
        """Show settings; another name brings another form."""
        other = value.name != self.settings.name
        self.settings = value
        self.select.put(value.name)
        if other:
            self._load(value.name)
        elif self.fields:
            self.fields.put(self._values(self.fields.shown))

    def _titles(self, names: list[str]) -> tuple[str, ...]:
        if not isinstance(self.catalog, Catalog):
            return tuple(names)
        return tuple(self.catalog.entries[name].title or name for name in names)

    def _chosen(self, name: str) -> None:
        if name != self.settings.name:
            self.put(Settings(name))
            self.edited.emit(self.settings)

    def _load(self, name: str) -> None:
        self._clear()
        entry = self.catalog.entries.get(name) if isinstance(self.catalog, Catalog) else None
        self.summary.setText(entry.summary if entry else "")
        self.summary.setVisible(bool(self.summary.text()))
        if entry and entry.where.partition(":")[0] in sys.modules:
            self._loaded(name, parameters(self.catalog[name]))  # imported before: no need to wait
            return
        self._say("loading…", "dim")
        self.job = Job(f"loading {name}", lambda: importing(self.catalog, name), self)
        self.job.ended.connect(lambda found: self._loaded(name, found))
        self.job.refused.connect(lambda refusal: self._say(str(refusal), "bad"))
        self.job.failed.connect(lambda sentence, trace: self._say(sentence, "bad"))
        self.job.over.connect(self.job.deleteLater)
        self.job.start()

    def _loaded(self, name: str, found: tuple[Parameter, ...]) -> None:
        if name != self.settings.name:
            return  # another was chosen meanwhile
        self._clear()
        shown = tuple(
            one for one in found if is_shown(one) and (one.help or one.marks)
        )  # the rest is given, not chosen
        self.fields = self._make(shown, self._values(shown), self.catalogs)
        self.fields.edited.connect(self._edited)
        self._inside.addWidget(self.fields)
        self.box.setVisible(bool(shown))
        chain(self.select.box, self.fields)

    def _values(self, shown: tuple[Parameter, ...]) -> dict[str, Any]:
        chosen = dict(self.settings.values)
        return {one.name: chosen.get(one.name, first_value(one)) for one in shown}

    def _edited(self, name: str, value: Any) -> None:
        fields = self.fields
        if fields is None:
            return
        default = next(one.default for one in fields.shown if one.name == name)
        kept = {**dict(self.settings.values), name: value}
        if value == default:
            del kept[name]
        self.settings = Settings(self.settings.name, tuple(kept.items()))
        fields.put(self._values(fields.shown))
        self.edited.emit(self.settings)

    def _say(self, sentence: str, look: str) -> None:
        self._clear()
        label = QLabel(sentence)
        label.setProperty("look", look)
        label.setWordWrap(True)
        self._inside.addWidget(label)
        self.box.show()

    def _clear(self) -> None:
        self.fields = None
        while (item := self._inside.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()


def importing(catalog: Mapping[str, Any], name: str) -> Work[tuple[Parameter, ...]]:
    """Import a thing out of a catalog and read its parameters."""
    yield Progress(0, 0, f"loading {name}")
    return parameters(catalog[name])


def is_shown(one: Parameter) -> bool:
    """Tell whether a person sets it in a form; what is pointed at, stepped or given is not."""
    return one.kind not in ("input", "cell") and one.mark(Pick) is None and one.mark(Step) is None


def first_value(one: Parameter) -> Any:
    """Return a value to begin with: the default, else the low end, the first option or nothing."""
    if one.default is not MISSING and one.default is not None:
        return one.default
    bounds = one.mark(Range)
    low = bounds.low if bounds else 0
    empty: dict[str, Any] = {
        "int": int(low), "float": float(low), "bool": False, "matrix": ((0.0,),), "ticks": (), "part": Settings(""),
        "choice": next(iter(one.options), None),
    }  # fmt: skip
    return empty.get(one.kind, "")
