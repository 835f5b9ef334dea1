"""A kernel that slides over an image: sizes, padding, the map and its windows. numpy only."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Border = Literal["zero", "constant", "replicate", "reflect"]


def out_size(size: int, kernel: int, padding: int, stride: int) -> int:
    """How many places a kernel finds along one axis: ``(in + 2p − f) // s + 1`` (deck D3)."""
    return (size + 2 * padding - kernel) // stride + 1


def padded(values: Array, rows: int, cols: int, border: Border = "zero", fill: float = 0.0) -> Array:
    """Add `rows` above and below and `cols` left and right.

    "reflect" mirrors without repeating the edge, as torch does; it needs an image larger than the padding.
    """
    widths = ((rows, rows), (cols, cols))
    if border == "replicate":
        return np.pad(values, widths, mode="edge")
    if border == "reflect":
        return np.pad(values, widths, mode="reflect")
    return np.pad(values, widths, constant_values=fill if border == "constant" else 0.0)


def slid(values: Array, weights: Array, stride: int = 1) -> Array:
    """Multiply and add at every place of the kernel: the cross-correlation that ``nn.Conv2d`` calls a convolution.

    `values` (rows, cols) are padded already; returns (out rows, out cols) in float64. One shifted image is added for
    each weight that is not 0, in reading order, so that whole numbers stay exact.
    """
    rows = out_size(values.shape[0], weights.shape[0], 0, stride)
    cols = out_size(values.shape[1], weights.shape[1], 0, stride)
    total = np.zeros((rows, cols))
    term = np.empty_like(total)
    for (r, c), weight in np.ndenumerate(weights):
        if weight:
            reach = values[r : r + (rows - 1) * stride + 1 : stride, c : c + (cols - 1) * stride + 1 : stride]
            np.multiply(reach, weight, out=term)
            total += term
    return total


def slid_rim(values: Array, weights: Array, stride: int, rows: int, cols: int) -> Array:
    """Do what `slid` does, for an image that holds 0 but for a rim of `rows` and `cols` (a difference of borders).

    Only windows that reach into the rim are worked out; the others give 0.
    """
    height, width = weights.shape
    out_rows, out_cols = (out_size(n, f, 0, stride) for n, f in zip(values.shape, weights.shape, strict=True))
    total = np.zeros((out_rows, out_cols))
    top, bottom = _inside(values.shape[0], height, rows, stride, out_rows)
    left, right = _inside(values.shape[1], width, cols, stride, out_cols)
    bands = (
        (0, top, 0, out_cols),
        (bottom, out_rows, 0, out_cols),
        (top, bottom, 0, left),
        (top, bottom, right, out_cols),
    )
    for r, r_end, c, c_end in bands:
        if r < r_end and c < c_end:
            reach = values[
                r * stride : (r_end - 1) * stride + height,
                c * stride : (c_end - 1) * stride + width,
            ]
            total[r:r_end, c:c_end] = slid(reach, weights, stride)
    return total


def _inside(size: int, kernel: int, rim: int, stride: int, out: int) -> tuple[int, int]:
    """First place along an axis whose window lies clear of the rim, and the first after it that does not."""
    first = min(-(-rim // stride), out)
    end = -(-(size - rim - kernel + 1) // stride)
    return first, min(max(end, first), out)


def cell_over(place: int, kernel: int, stride: int, cells: int) -> int:
    """Output cell along one axis whose window's centre lies nearest to a cell of the padded input."""
    nearest = int(np.floor((place - (kernel - 1) / 2) / stride + 0.5))
    return min(max(nearest, 0), cells - 1)
