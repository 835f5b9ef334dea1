"""Numbers as a person reads them in a cell."""

import math

_MINUS = "\N{MINUS SIGN}"


def number_text(value: float, digits: int = 3) -> str:
    """Write a number with about `digits` significant digits: whole numbers whole, a real minus, no needless zeros."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if value == 0:
        return "0"
    if value.is_integer() and abs(value) < 1e6:
        return f"{value:.0f}".replace("-", _MINUS)
    if 10**digits <= abs(value) < 1e6:
        return f"{value:.0f}".replace("-", _MINUS)
    text = f"{value:.{max(1, digits)}g}"
    mantissa, mark, exponent = text.partition("e")
    return (mantissa + (mark + str(int(exponent)) if mark else "")).replace("-", _MINUS)


def with_unit(text: str, unit: str) -> str:
    """Put the unit behind a number; nothing is added where there is none."""
    return f"{text} {unit}" if unit else text


def number_of(text: str) -> float | None:
    """Read what a person typed into a cell: 1.5, −2, 1/9, 1e-3, 0,5; None where it is no finite number."""
    plain = text.strip().replace(_MINUS, "-").replace(",", ".")
    over, slash, under = plain.partition("/")
    try:
        value = float(over) / float(under) if slash else float(plain)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None
