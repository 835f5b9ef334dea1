"""One line of arithmetic, filled in with the numbers on screen."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LONGEST = 12
"""Terms of a sum that are all written out; longer sums show their beginning, how many follow, and their end."""


def number(value: float, digits: int = 4) -> str:
    """Write a number as a person does: whole ones whole, others with `digits` figures, a true minus sign."""
    value = float(value)
    text = f"{value:.0f}" if value == round(value) and abs(value) < 1e7 else f"{value:.{digits}g}"
    return "0" if text == "-0" else text.replace("-", "−")


def factor(value: float) -> str:
    """Write a number within a product: negative ones in brackets."""
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def sum_of_products(values: Array, weights: Array, divisor: float = 1.0) -> str:
    """Write Σ values·weights as "7·1+2·0+3·(−1) + 4·1+…", rows apart; a long sum without its zeros and its middle."""
    if values.size <= LONGEST:
        rows = zip(values, weights, strict=True)
        text = " + ".join("+".join(f"{factor(v)}·{factor(w)}" for v, w in zip(vs, ws, strict=True)) for vs, ws in rows)
    else:
        text = _shortened([f"{factor(v)}·{factor(w)}" for v, w in zip(values.flat, weights.flat, strict=True) if w])
    return text if divisor == 1.0 else f"({text}) / {factor(divisor)}"


def _shortened(terms: list[str]) -> str:
    if not terms:
        return "0"
    if len(terms) <= LONGEST:
        return " + ".join(terms)
    first, last = terms[:6], terms[-2:]
    return " + ".join([*first, f"… {len(terms) - 8} more …", *last])


def size_line(size: int, kernel: int, padding: int, stride: int, out: int) -> str:
    """Write the size formula of deck D3 filled in: "out = (5 + 2·0 − 3)//1 + 1 = 3"."""
    return f"out = ({size} + 2·{padding} − {kernel})//{stride} + 1 = {out}"


def close(found: Any, wanted: Any) -> bool:
    """Tell whether two arrays agree to 1e-6 of the largest number in them."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    if found.shape != wanted.shape:
        return False
    scale = float(np.max(np.abs(wanted), initial=1.0))
    return bool(np.allclose(found, wanted, rtol=0.0, atol=1e-6 * scale))
