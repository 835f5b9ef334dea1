"""Frozen dataclasses to plain JSON values and back, by their annotations alone; what does not fit is left out."""

import math
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Plain = Any
"""None, True, 3, 0.5, "text", a list or a dict of these."""


class Unfit(ValueError):
    """A value that an annotation does not allow."""


def plain(value: Any, leave_out: Callable[[str], bool] = lambda name: False) -> Plain:
    """Write a value as JSON knows it; a dataclass as a dict of the fields that differ from their defaults.

    Fields for which `leave_out` says so, and values that JSON has no word for (arrays, paths), are left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        made = {}
        for one in fields(value):
            held = getattr(value, one.name)
            if leave_out(one.name) or not one.init or _is_default(one, held):
                continue
            try:
                made[one.name] = plain(held, leave_out)
            except Unfit:
                continue
        return made
    if isinstance(value, (set, frozenset)):
        return sorted(plain(one, leave_out) for one in value)
    if isinstance(value, (tuple, list)):
        return [plain(one, leave_out) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise Unfit(f"{type(value).__name__} has no plain form")


def restored(kind: type[T], told: Plain, otherwise: T | None = None) -> T:
    """Make a dataclass from a dict; a field that is missing, unknown or of the wrong kind keeps its default.

    `otherwise` gives the values to begin with. Raises Unfit where a field without a default is missing.
    """
    if not isinstance(told, dict):
        raise Unfit(f"{kind.__name__} is not a set of fields")
    hints = get_type_hints(kind, include_extras=True)
    made: dict[str, Any] = {}
    for one in fields(kind):  # type: ignore[arg-type]
        if not one.init:
            continue
        if otherwise is not None:
            made[one.name] = getattr(otherwise, one.name)
        if one.name in told:
            try:
                made[one.name] = value_of(hints[one.name], told[one.name])
            except Unfit:
                continue
        elif otherwise is None and one.default is MISSING and one.default_factory is MISSING:
            raise Unfit(f"{kind.__name__} has no {one.name}")
    try:
        return kind(**made)
    except (TypeError, ValueError) as problem:
        raise Unfit(str(problem)) from problem


def value_of(hint: Any, told: Plain) -> Any:
    """Check a plain value against an annotation and turn it into what that asks for; raises Unfit."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return value_of(inner[0], told)
    if origin is Literal:
        return _one_of(inner, told)
    if origin in (Union, UnionType):
        return _first_fitting(inner, told)
    if origin in (tuple, list, frozenset, set):
        return _several(origin, inner, told)
    if hint is NoneType or hint is None:
        return _one_of((None,), told)
    if is_dataclass(hint) and isinstance(hint, type):
        return restored(hint, told)
    return _simple(hint, told)


def _simple(hint: Any, told: Plain) -> Any:
    if hint is float and isinstance(told, (int, float)) and not isinstance(told, bool) and math.isfinite(told):
        return float(told)
    if hint in (bool, str) and isinstance(told, hint):
        return told
    if hint is int and isinstance(told, int) and not isinstance(told, bool):
        return told
    raise Unfit(f"{told!r} is no {hint}")


def _one_of(options: tuple[Any, ...], told: Plain) -> Any:
    if any(told == option and type(told) is type(option) for option in options):
        return told
    raise Unfit(f"{told!r} is none of {options}")


def _first_fitting(hints: tuple[Any, ...], told: Plain) -> Any:
    for hint in hints:
        try:
            return value_of(hint, told)
        except Unfit:
            continue
    raise Unfit(f"{told!r} fits nothing")


def _several(origin: Any, inner: tuple[Any, ...], told: Plain) -> Any:
    if not isinstance(told, list):
        raise Unfit(f"{told!r} is no list")
    if origin is not tuple:
        return origin(value_of(inner[0], one) for one in told)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(value_of(inner[0], one) for one in told)
    if len(inner) != len(told):
        raise Unfit(f"{len(told)} values where {len(inner)} are asked for")
    return tuple(value_of(hint, one) for hint, one in zip(inner, told, strict=True))


def _is_default(one: "Field[Any]", held: Any) -> bool:
    if one.default is not MISSING:
        return bool(held == one.default)
    return one.default_factory is not MISSING and bool(held == one.default_factory())
