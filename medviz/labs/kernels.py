"""Kernels with a name, and how a name and an edited kernel live together."""

from collections.abc import Mapping

from medviz.parameters import Matrix

CUSTOM = "custom"
_THIRD = ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 1.0))
_FIFTH = (1.0, 4.0, 6.0, 4.0, 1.0)


def _over(divisor: float, rows: Matrix) -> Matrix:
    return tuple(tuple(cell / divisor for cell in row) for row in rows)


def _box(size: int) -> Matrix:
    return ((1.0,) * size,) * size


KERNELS: dict[str, Matrix] = {
    "edge_vertical": ((1.0, 0.0, -1.0),) * 3,
    "edge_horizontal": ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -1.0, -1.0)),
    "sobel_vertical": ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),
    "sobel_horizontal": ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),
    "laplace": ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),
    "smoothing": _box(3),
    "weighted": ((0.0, 1.0, 0.0), (1.0, 4.0, 1.0), (0.0, 1.0, 0.0)),
    "gaussian": _over(16.0, _THIRD),
    "gaussian_5": _over(256.0, tuple(tuple(a * b for b in _FIFTH) for a in _FIFTH)),
    "sharpen": ((0.0, -1.0, 0.0), (-1.0, 5.0, -1.0), (0.0, -1.0, 0.0)),
    "intensified": ((-1.0, -1.0, -1.0), (-1.0, 9.0, -1.0), (-1.0, -1.0, -1.0)),
    "identity": ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)),
    "box_2": _box(2),
    "box_4": _box(4),
    "box_5": _box(5),
    "box_9": _box(9),
    "box_15": _box(15),
}
"""By name. The first of the smoothing kernels and the weighted one are printed in deck D3 without a divisor (E4)."""

WORDS: dict[str, str] = {
    "edge_vertical": "vertical edges",
    "edge_horizontal": "horizontal edges",
    "sobel_vertical": "Sobel, vertical edges",
    "sobel_horizontal": "Sobel, horizontal edges",
    "laplace": "Laplace, edges of all directions",
    "smoothing": "smoothing 3×3 (sum 9)",
    "weighted": "weighted smoothing (sum 8)",
    "gaussian": "Gaussian 3×3 / 16",
    "gaussian_5": "Gaussian 5×5 / 256",
    "sharpen": "sharpen",
    "intensified": "sharpen, intensified",
    "identity": "identity",
    "box_2": "ones 2×2 (even)",
    "box_4": "ones 4×4 (even)",
    "box_5": "ones 5×5",
    "box_9": "ones 9×9",
    "box_15": "ones 15×15",
    CUSTOM: "your own",
}


class Settled(tuple[tuple[float, ...], ...]):
    """A kernel that agrees with the name beside it.

    Equal to the plain rows in every way but its class. Rows that a hand, a file or a command line has just given are
    plain; so whichever of name and kernel is replaced in a lab, `settle` can tell which of the two is new.
    """

    __slots__ = ()


FIRST = Settled(KERNELS["edge_vertical"])
"""The deck's first kernel."""


def named(kernel: Matrix, kernels: Mapping[str, Matrix] = KERNELS) -> str:
    """Name of the preset with these very numbers, CUSTOM where there is none."""
    return next((name for name, rows in kernels.items() if rows == kernel), CUSTOM)


def settle(preset: str, kernel: Matrix, kernels: Mapping[str, Matrix] = KERNELS) -> tuple[str, Settled]:
    """Bring a preset's name and a kernel into agreement.

    A new name brings its kernel; a kernel edited by hand becomes "custom" (or the preset it happens to equal), and
    stays where a person asks for "custom" to go on from what is there.
    """
    if isinstance(kernel, Settled):
        return preset, kernel if preset == CUSTOM else Settled(kernels[preset])
    return named(kernel, kernels), Settled(kernel)
