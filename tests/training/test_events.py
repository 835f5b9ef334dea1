"""Each kind of message survives the way through a line of text."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medviz import figures
from medviz.figures import Bars, Curves, Gallery, Graph, Heatmap, Line, Mark, Picture, Points, Table, Text
from medviz.messages import Note, Progress, Scalar
from medviz.training.events import line_of, message_of, painted, parsed, text_of

MESSAGES: list[Any] = [
    Scalar("train/loss", 3, 0.1 + 0.2),
    Scalar("train/loss", 3, float("-inf")),
    Progress(3, 10.5, "epoch 1 of 2", 4.25),
    Progress(0, 0),
    Note("Ärger mit “Zeichen”\nund Zeilen", "error", "Hilfe"),
    Picture("p/1", np.eye(3, dtype=np.uint8), "P", (1.0, 0.5), (0.0, 1.0), labels=np.ones((3, 3), np.uint8),
            label_names=("a", "b"), letters=("R", "L", "A", "P"), marks=(Mark(1, 2, text="x"),)),
    Gallery("g", np.random.default_rng(0).normal(size=(2, 3, 4)), titles=("one", "two"), columns=None),
    Heatmap("h", np.array([[1.5, np.nan], [np.inf, 0]]), ring=(1, 2, 3, 4), levels=(-1.0, float("inf"))),
    Curves("c", (Line("l", np.arange(3), np.arange(3) / 7), Line("m", np.zeros(0), np.zeros(0), True)), log_y=True),
    Points("x", np.zeros((2, 2), np.float32), groups=np.array([0, 1]), group_names=("a", "b")),
    Bars("b", ("one", "two"), np.array([1, 2]), unit="ml"),
    Graph("n", (("a", "A", 0.0, 1.0),), (("a", "a", "again"),)),
    Table("t", ("case", "Dice"), (("one", 0.5), ("two", None)), units=("", "%")),
    Text("s", "1 + 1 = 2", formula=True, level="good"),
]  # fmt: skip


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one) is type(other) and all(alike(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_a_message_comes_back_as_it_was(message: Any, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    text = text_of(line_of(message, tmp_path / "media", 12))
    assert text.count("\n") == 1
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    line = parsed(text)
    assert line is not None
    assert line["step"] == (3 if isinstance(message, Scalar) else 12)
    assert alike(message_of(line, tmp_path), message)


def test_every_kind_of_figure_is_tried() -> None:
    assert {type(one) for one in MESSAGES} >= set(figures.Figure.__args__)  # type: ignore[attr-defined]


def test_a_picture_is_painted_as_it_is_shown(tmp_path: Path) -> None:
    pixels = np.linspace(-1, 3, 16).reshape(4, 4)
    plain = painted(Picture("p", pixels, levels=(0.0, 2.0)))
    assert plain.shape == (4, 4, 3)
    assert plain.min() == 0
    assert plain.max() == 255
    labels = np.zeros((4, 4), np.uint8)
    labels[0, 0] = 1
    over = painted(Picture("p", pixels, levels=(0.0, 2.0), labels=labels))
    changed = (over != plain).any(axis=2)
    assert changed[0, 0]
    assert changed.sum() == 1
    (tmp_path / "media").mkdir()
    line_of(Picture("a b/c", pixels, labels=labels), tmp_path / "media", 5)
    with Image.open(tmp_path / "media" / "0000005-a-b-c.png") as image:
        assert image.size == (4, 4)


def test_levels_count_for_whole_numbers_too() -> None:
    percent = np.array([[0, 50, 100]], np.uint8)
    assert painted(Picture("p", percent, levels=(0.0, 100.0)))[0, :, 0].tolist() == [0, 128, 255]
    assert painted(Picture("p", percent))[0, :, 0].tolist() == [0, 50, 100]


def test_a_constant_picture_is_no_trouble() -> None:
    assert painted(Picture("p", np.full((2, 2), 7.0))).max() == 0
    assert painted(Picture("p", np.full((2, 2), np.nan))).shape == (2, 2, 3)
