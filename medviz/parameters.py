"""What may be turned: read off the annotations of a dataclass or of a constructor.

A field such as ``stride: Annotated[int, Range(1, 4, unit="px"), "How far the window moves"] = 1`` is the only place
where a parameter is described. The form in the window, the command line, the saved run, the shared state and the
tests all read it from there.
"""

import dataclasses
import difflib
import inspect
import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from medviz.marks import Choice as Choice
from medviz.marks import File as File
from medviz.marks import Group as Group
from medviz.marks import Input as Input
from medviz.marks import Live as Live
from medviz.marks import Part as Part
from medviz.marks import Pick as Pick
from medviz.marks import Range as Range
from medviz.marks import Size as Size
from medviz.marks import Step as Step
from medviz.marks import Ticks as Ticks
from medviz.marks import When as When
from medviz.refused import Refused

Matrix = tuple[tuple[float, ...], ...]
"""Rows of numbers that a person may edit cell by cell (a kernel)."""


@dataclass(frozen=True)
class Settings:
    """The name of a thing in a catalog and the parameters it is to be built with; the others keep their defaults."""

    name: str
    values: tuple[tuple[str, Any], ...] = ()

    def turned(self, **values: Any) -> "Settings":
        """Return the settings with these values replaced; not checked (see `checked_part`)."""
        return Settings(self.name, tuple({**dict(self.values), **values}.items()))

    def whole(self, catalog: Mapping[str, Callable[..., Any]], *left_out: str) -> "Settings":
        """Write out today's default of all that was not set, but for `left_out`, which is given when it is built."""
        known = [
            one for one in parameters(catalog[self.name]) if one.name not in left_out and one.default is not MISSING
        ]
        defaults = {one.name: one.default for one in known}
        return Settings(self.name, tuple({**defaults, **dict(self.values)}.items()))

    def build(self, catalog: Mapping[str, Callable[..., Any]], **given: Any) -> Any:
        """Build the thing; `given` are arguments that no person sets (channels, classes), taken where it has them."""
        kind = catalog[self.name]
        known = {one.name for one in parameters(kind)}
        return built(kind, {**{k: v for k, v in given.items() if k in known}, **dict(self.values)})


Kind = Literal["int", "float", "bool", "text", "choice", "matrix", "file", "input", "cell", "part", "ticks"]
MISSING: Any = dataclasses.MISSING
_NO_CELL = "it is not a cell"
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
T = TypeVar("T")
M = TypeVar("M")


@dataclass(frozen=True)
class Parameter:
    """One thing that may be turned.

    `default` is MISSING where there is none. `optional` says that None is a value of it ("automatic").
    """

    name: str
    kind: Kind
    default: Any
    help: str = ""
    marks: tuple[Any, ...] = ()
    optional: bool = False

    def mark(self, kind: type[M]) -> M | None:
        """Return the mark of this kind (Range, Choice, Pick ...) or None."""
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)

    @property
    def unit(self) -> str:
        """The unit, empty where there is none."""
        bounds = self.mark(Range)
        return bounds.unit if bounds else ""

    @property
    def label(self) -> str:
        """The name as a person reads it."""
        return self.name.removesuffix(f"_{self.unit}" if self.unit else "").replace("_", " ")

    @property
    def options(self) -> tuple[Any, ...]:
        """What may be chosen; empty where it is no choice."""
        choice = self.mark(Choice)
        return choice.options if choice else ()

    def checked(self, value: Any) -> Any:
        """Return `value` as this parameter holds it, or refuse it in one sentence."""
        if value is None and self.optional:
            return None
        checks: Mapping[str, Callable[[Any], Any]] = {
            "int": self._number,
            "float": self._number,
            "bool": self._truth,
            "choice": self._choice,
            "matrix": self._matrix,
            "cell": self._cell,
            "text": str,
            "file": str,
            "part": self._settings,
            "ticks": self._ticks,
        }
        return checks.get(self.kind, lambda same: same)(value)

    def parsed(self, text: str) -> Any:
        """Read the value from a command line's ``name=text``."""
        if self.optional and text.strip().lower() in ("", "none", "auto"):
            return None
        lists = {"matrix": ("it is not a list of rows", "write [[1,0],[0,1]]"), "cell": (_NO_CELL, "write [0,2]")}
        if self.kind not in lists:
            return self.checked(text)
        try:
            return self.checked(json.loads(text))
        except (json.JSONDecodeError, RecursionError) as problem:
            raise Refused(f"{self.name}={text}", *lists[self.kind]) from problem

    def _number(self, value: Any) -> int | float:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError) as problem:
            raise Refused(f"{self.name}={value}", "it is not a number", self._bounds_in_words()) from problem
        if not math.isfinite(number):
            raise Refused(f"{self.name}={value}", "it is not a finite number", self._bounds_in_words())
        if self.kind == "int" and number != int(number):
            raise Refused(f"{self.name}={value}", "it must be a whole number", self._bounds_in_words())
        bounds = self.mark(Range)
        if bounds and not bounds.low <= number <= bounds.high:
            raise Refused(f"{self.name}={value}", "it is out of range", self._bounds_in_words())
        return int(number) if self.kind == "int" else number

    def _bounds_in_words(self) -> str:
        bounds = self.mark(Range)
        if not bounds:
            return "give a number"
        return f"give {bounds.low:g} to {bounds.high:g}" + (f" {bounds.unit}" if bounds.unit else "")

    def _truth(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).lower()
        if word not in _TRUE and word not in _FALSE:
            raise Refused(f"{self.name}={value}", "it is neither true nor false", "write true or false")
        return word in _TRUE

    def _choice(self, value: Any) -> Any:
        for option in self.options:
            if value == option or str(value) == str(option):
                return option
        raise Refused(f"{self.name}={value}", "there is no such choice", f"take one of {_listed(self.options)}")

    def _ticks(self, value: Any) -> tuple[str, ...]:
        """Take names, or one text with commas between them; known ones come in the order of the options, once each."""
        parts = value.split(",") if isinstance(value, str) else value
        try:
            names = list(dict.fromkeys(str(part).strip() for part in parts))
        except TypeError as problem:
            raise Refused(
                f"{self.name}={value}", "it is no list of names", "write them with commas between"
            ) from problem
        names = [name for name in names if name]
        mark = self.mark(Ticks)
        if mark is None or not mark.options:
            return tuple(names)
        for name in names:
            if name not in mark.options:
                fault = f"there is no {name}"
                raise Refused(f"{self.name}={name}", fault, f"take some of {_listed(mark.options)}")
        return tuple(option for option in mark.options if option in names)

    def _matrix(self, value: Any) -> Matrix:
        try:
            rows = tuple(tuple(float(cell) for cell in row) for row in value)
        except (TypeError, ValueError) as problem:
            raise Refused(self.name, "a cell is not a number", "every cell takes one number") from problem
        if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
            raise Refused(self.name, "its rows differ in length or are empty", "give rows of one length")
        if not all(math.isfinite(cell) for row in rows for cell in row):
            raise Refused(self.name, "a cell is not finite", "every cell takes one number")
        size = self.mark(Size)
        if size and (len(rows) > size.rows or len(rows[0]) > size.columns):
            raise Refused(self.name, f"it is {len(rows)}×{len(rows[0])}", f"at most {size.rows}×{size.columns}")
        return rows

    def _cell(self, value: Any) -> tuple[int, int]:
        try:
            row, column = (int(part) for part in value if part == int(part) and part >= 0)
        except (TypeError, ValueError, OverflowError) as problem:
            raise Refused(f"{self.name}={value}", _NO_CELL, "give a row and a column, from 0") from problem
        return row, column

    def _settings(self, value: Any) -> Settings:
        if isinstance(value, Settings):
            return value
        if not isinstance(value, Mapping):
            return Settings(str(value))
        if "name" not in value:
            raise Refused(self.name, "it names nothing to build", 'give it a "name"')
        return Settings(str(value["name"]), tuple((k, _tuples(v)) for k, v in value.items() if k != "name"))


def parameters(thing: Any) -> tuple[Parameter, ...]:
    """Read the parameters of a dataclass (or of one of its values), or of a constructor's or function's arguments."""
    target = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    if dataclasses.is_dataclass(target):
        hints = get_type_hints(target, include_extras=True)
        return tuple(_parameter(f.name, hints[f.name], _default(f)) for f in dataclasses.fields(target) if f.init)
    function: Any = target.__init__ if inspect.isclass(target) else target
    hints = get_type_hints(function, include_extras=True)
    arguments = inspect.signature(function).parameters.values()
    return tuple(
        _parameter(a.name, hints[a.name], MISSING if a.default is a.empty else a.default)
        for a in arguments
        if a.name in hints and a.kind not in (a.VAR_KEYWORD, a.VAR_POSITIONAL)
    )


def parameter(thing: Any, name: str) -> Parameter:
    """Return the parameter of this name, or refuse the name and tell the nearest."""
    found = {p.name: p for p in parameters(thing)}
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {_listed(tuple(found))}"
        raise Refused(name, "there is no such parameter", remedy)
    return found[name]


def changed(thing: T, **values: Any) -> T:
    """Return `thing` (a frozen dataclass) with these fields checked and replaced."""
    checked = {name: parameter(thing, name).checked(value) for name, value in values.items()}
    return dataclasses.replace(thing, **checked)  # type: ignore[type-var]


def built(kind: Callable[..., T], values: Mapping[str, Any]) -> T:
    """Build a dataclass or call a constructor with checked values; names it does not know are refused."""
    return kind(**{name: parameter(kind, name).checked(value) for name, value in values.items()})


def turned(thing: T, path: str, text: str, catalogs: Mapping[str, Mapping[str, Any]]) -> T:
    """Set one field from a command line's ``path=text``; ``network.width=32`` reaches into a Part."""
    name, _, inner = path.partition(".")
    one = parameter(thing, name)
    part = one.mark(Part)
    if part is None and inner:
        raise Refused(path, f"{name} has no parameters of its own", f"set {name} itself")
    if part is None:
        return dataclasses.replace(thing, **{name: one.parsed(text)})  # type: ignore[type-var]
    catalog = catalogs[part.catalog]
    if inner:
        now: Settings = getattr(thing, name)
        value = now.turned(**{inner: parameter(catalog[now.name], inner).parsed(text)})
    else:
        value = Settings(text)
        if text not in catalog or (part.only and text not in part.only):
            raise Refused(
                f"{name}={text}", "there is no such choice", f"take one of {_listed(part.only or tuple(catalog))}"
            )
    return dataclasses.replace(thing, **{name: value})  # type: ignore[type-var]


def plain(thing: Any) -> dict[str, Any]:
    """Return the parameters of a dataclass as plain values for JSON and TOML; inputs and Nones are left out."""
    kept = (p for p in parameters(thing) if p.kind != "input")
    values = {p.name: getattr(thing, p.name) for p in kept}
    return {name: _plain_value(value) for name, value in values.items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Settings):
        return {"name": value.name, **{name: _plain_value(inner) for name, inner in value.values}}
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _default(field: "dataclasses.Field[Any]") -> Any:
    if callable(field.default_factory):
        return field.default_factory()
    return field.default


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    bare: Any = hint
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        bare, *rest = get_args(hint)
        extras = tuple(rest)
    words = " ".join(extra for extra in extras if isinstance(extra, str))
    marks = tuple(extra for extra in extras if not isinstance(extra, str))
    optional = False
    if get_origin(bare) in (Union, types.UnionType):
        inner = [arm for arm in get_args(bare) if arm is not type(None)]
        optional = len(inner) < len(get_args(bare))
        bare = inner[0]
    if get_origin(bare) is Literal:
        marks = (*marks, Choice(get_args(bare)))
    return Parameter(name, _kind(bare, marks), default, words, marks, optional)


def _kind(bare: Any, marks: tuple[Any, ...]) -> Kind:
    for mark, kind in ((Choice, "choice"), (Input, "input"), (File, "file"), (Part, "part"), (Ticks, "ticks")):
        if any(isinstance(m, mark) for m in marks):
            return kind  # type: ignore[return-value]
    if bare == Matrix:
        return "matrix"
    if any(isinstance(m, Pick) for m in marks) and bare not in (int, float):
        return "cell"
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    if bare not in kinds:
        raise TypeError(f"a parameter cannot be a {bare!r}; give it a mark (Choice, Input, File) or a plain type")
    return kinds[bare]


def _listed(options: tuple[Any, ...]) -> str:
    return ", ".join(str(option) for option in options)
