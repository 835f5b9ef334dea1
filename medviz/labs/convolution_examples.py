"""The worked examples of decks D3 and D4 on convolution, with the numbers that must come out."""

import numpy as np

from medviz.imaging.slices import Slice
from medviz.labs.lab import Erratum, Example


def _grid(name: str, rows: object) -> Slice:
    pixels = np.array(rows, float)
    pixels.setflags(write=False)
    return Slice(pixels, name=name)


DECK_IMAGE = _grid(
    "deck D3, 5×5",
    [[7, 2, 3, 3, 8], [4, 5, 3, 8, 4], [3, 3, 2, 8, 4], [2, 8, 7, 2, 7], [5, 4, 4, 5, 4]],
)
PADDING_IMAGE = _grid(
    "deck D3, padding",
    [
        [105, 102, 100, 97, 96], [103, 99, 103, 101, 102], [101, 98, 104, 102, 100],
        [99, 101, 106, 104, 99], [104, 104, 104, 100, 98],
    ],
)  # fmt: skip
CONSTANT_IMAGE = _grid("constant 100", np.full((5, 5), 100))
SIXTEEN = _grid("ramp, 16×16", np.add.outer(np.arange(16), np.arange(16)))
TWENTY_FOUR = _grid("ramp, 24×24", np.add.outer(np.arange(24), np.arange(24)))
_block = np.zeros((7, 9))
_block[:, 3:6] = 10
BLOCK_IMAGE = _grid("a bright block", _block)

E1 = Erratum(
    "E1",
    "D3: multiply element by element and add. D4: g = Σ w(s,t) f(x−s, y−t). Both under the name convolution",
    "two operations: D3's is the correlation that networks use, D4's turns the kernel by 180° first",
)
E2 = Erratum("E2", "the task slide says f = 4, the answer slide f = 3 and out = 14", "f = 3 gives 14, f = 4 gives 13")
E3 = Erratum(
    "E3",
    "same: p = f // 2 ⇒ in_d = out_d",
    "only for odd f and stride 1: in 16, f 4, p 2 gives 17; in 24, f 5, s 2, p 2 gives 12",
)
E4 = Erratum(
    "E4",
    "kernels 1 1 1/1 1 1/1 1 1 and 0 1 0/1 4 1/0 1 0 smooth an image",
    "as printed they sum to 9 and 8: a constant image of 100 becomes 900 and 800; divide by the sum",
)

_FIRST_MAP = [[6, -9, -8], [-3, -2, -3], [-3, 0, -2]]
_FLIPPED_MAP = [[-6, 9, 8], [3, 2, 3], [3, 0, 2]]
_FIRST_LINE = "7·1+2·0+3·(−1) + 4·1+5·0+3·(−1) + 3·1+3·0+2·(−1) = 6"
_INTERIOR = [[89, 111, 101], [85, 111, 101], [98, 117, 113]]
_INSIDE = {f"output[{row + 1},{col + 1}]": _INTERIOR[row][col] for row in range(3) for col in range(3)}
_SHARPEN = {"image": PADDING_IMAGE, "preset": "sharpen", "padding": "same"}
_BLOCK = {"image": BLOCK_IMAGE, "preset": "edge_vertical"}


def _ones(size: int) -> tuple[tuple[float, ...], ...]:
    return ((1.0,) * size,) * size


def _everywhere(value: float) -> list[list[float]]:
    return [[value] * 3] * 3


def _five_rows(row: list[int]) -> list[list[int]]:
    return [row] * 5


EXAMPLES = (
    Example(
        "Multiply and add: the first cell, and all nine",
        "CONV-1",
        "D3",
        {"preset": "edge_vertical"},
        {"output": _FIRST_MAP, "window": [[7, 2, 3], [4, 5, 3], [3, 3, 2]], "formula": _FIRST_LINE, "size": "= 3"},
        text="The nine numbers under the kernel are multiplied with it, cell by cell, and added: 6.",
    ),
    Example(
        "True convolution turns the kernel",
        "CONV-2",
        "D4",
        {"preset": "edge_vertical", "operation": "convolution"},
        {"output": _FLIPPED_MAP, "output[0,0]": -6, "erratum": "E1"},
        E1,
        "This kernel turned by 180° is its own negative, and so is the whole map.",
    ),
    Example(
        "Task 1 as answered: 16, f = 3, valid",
        "CONV-3",
        "D3",
        {"image": SIXTEEN, "kernel": _ones(3)},
        {"size": "out = (16 + 2·0 − 3)//1 + 1 = 14", "output.shape": (14, 14)},
        E2,
    ),
    Example(
        "Task 1 as set: 16, f = 4, valid",
        "CONV-3",
        "D3",
        {"image": SIXTEEN, "kernel": _ones(4)},
        {"size": "out = (16 + 2·0 − 4)//1 + 1 = 13", "output.shape": (13, 13)},
        E2,
    ),
    Example(
        "Task 2: 24, stride 2, f = 5, same",
        "CONV-3",
        "D3",
        {"image": TWENTY_FOUR, "kernel": _ones(5), "stride": 2, "padding": "same"},
        {"size": "out = (24 + 2·2 − 5)//2 + 1 = 12", "output.shape": (12, 12)},
        text="The answer 12 is right; that it is called “same” while 24 became 12 is the matter of E3.",
    ),
    Example(
        "“Same” with an even kernel: 16, f = 4",
        "CONV-4",
        "D3",
        {"image": SIXTEEN, "kernel": _ones(4), "padding": "same"},
        {"size": "= 17", "output.shape": (17, 17), "erratum": "E3"},
        E3,
    ),
    Example(
        "“Same” with a stride: 24, f = 5, s = 2",
        "CONV-4",
        "D3",
        {"image": TWENTY_FOUR, "kernel": _ones(5), "stride": 2, "padding": "same"},
        {"size": "24×24 → 12×12", "output.shape": (12, 12), "erratum": "E3"},
        E3,
    ),
    Example(
        "“Same” that is the same: 5, f = 3",
        "CONV-4",
        "D3",
        _SHARPEN,
        {"size": "5×5 stays 5×5", "output.shape": (5, 5)},
    ),
    Example(
        "Zero padding: the corner",
        "CONV-5",
        "D3",
        {**_SHARPEN, "border": "zero"},
        {
            **{f"output[0,{col}]": value for col, value in enumerate((320, 206, 198, 188, 281))},
            **_INSIDE,
            "formula": "0·0+0·(−1)+0·0 + 0·(−1)+105·5+102·(−1) + 0·0+103·(−1)+99·0 = 320",
        },
        text="Beside a border of zeros the sharpened edge becomes far too bright.",
    ),
    Example(
        "Replicated edge: the corner",
        "CONV-6",
        "D3",
        {**_SHARPEN, "border": "replicate"},
        {"output[0,0]": 110, **_INSIDE},
        text="The deck's figure is lost; the interior is the same as with zeros, only the rim differs.",
    ),
    Example(
        "Reflected edge: the corner",
        "CONV-6",
        "D3",
        {**_SHARPEN, "border": "reflect"},
        {"output[0,0]": 115, **_INSIDE},
    ),
    Example(
        "Two sides of a block, signed",
        "CONV-7",
        "D3",
        {**_BLOCK, "display": "signed"},
        {"output": _five_rows([0, -30, -30, 0, 30, 30, 0]), "sides": "shows both sides"},
        text="Dark to bright gives −30, bright to dark +30: the same edge seen from two sides.",
    ),
    Example(
        "Two sides of a block, clipped as by ReLU",
        "CONV-7",
        "D3",
        {**_BLOCK, "display": "clip"},
        {"output": _five_rows([0, 0, 0, 0, 30, 30, 0]), "sides": "one side is gone"},
        text="The deck asks why one side is detected better: what is below 0 was clipped. Show the sign or the size.",
    ),
    Example(
        "Two sides of a block, absolute",
        "CONV-7",
        "D3",
        {**_BLOCK, "display": "absolute"},
        {"output": _five_rows([0, 30, 30, 0, 30, 30, 0]), "sides": "both sides alike"},
    ),
    Example(
        "Sobel weighs the middle row twice",
        "CONV-7",
        "D3",
        {**_BLOCK, "preset": "sobel_vertical"},
        {"output": _five_rows([0, -40, -40, 0, 40, 40, 0])},
    ),
    Example(
        "A horizontal kernel does not see vertical edges",
        "CONV-7",
        "D3",
        {**_BLOCK, "preset": "edge_horizontal"},
        {"output": _five_rows([0] * 7)},
    ),
    Example(
        "Smoothing as printed: 100 becomes 900",
        "CONV-8",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "smoothing"},
        {"output": _everywhere(900), "sum": "= 9", "erratum": "E4"},
        E4,
    ),
    Example(
        "Weighted smoothing as printed: 100 becomes 800",
        "CONV-8",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "weighted"},
        {"output": _everywhere(800), "sum": "= 8", "erratum": "E4"},
        E4,
    ),
    Example(
        "Smoothing, normalised: 100 stays 100",
        "CONV-8",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "smoothing", "normalise": True},
        {"output": _everywhere(100), "sum": "stays 100"},
        E4,
    ),
    Example(
        "Weighted smoothing, normalised: 100 stays 100",
        "CONV-8",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "weighted", "normalise": True},
        {"output": _everywhere(100), "sum": "stays 100"},
        E4,
    ),
    Example(
        "The usual Gaussian [1 2 1; 2 4 2; 1 2 1] / 16",
        "CONV-8",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "gaussian"},
        {"output": _everywhere(100), "sum": "= 1", "kernel[1,1]": 0.25, "kernel[0,0]": 0.0625},
        E4,
    ),
    Example(
        "Sharpen leaves a constant image alone",
        "CONV-9",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "sharpen"},
        {"output": _everywhere(100), "sum": "= 1", "kernel": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]},
    ),
    Example(
        "Intensified sharpen: 9 in the middle, −1 around",
        "CONV-9",
        "D3",
        {"image": CONSTANT_IMAGE, "preset": "intensified"},
        {"output": _everywhere(100), "sum": "= 1", "kernel": [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]]},
    ),
)
