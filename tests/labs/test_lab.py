"""What all labs share: worked examples, shared state, export."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from medviz.figures import Array, Curves, Gallery, Heatmap, Line, Mark, Picture, Table, Text
from medviz.imaging.slices import Slice
from medviz.labs import LABS
from medviz.labs.convolution import Convolution
from medviz.labs.examples import checked, example_lab, figures_of
from medviz.labs.export import export, painted
from medviz.labs.lab import Example, Lab, from_state, state_text
from medviz.messages import Work
from medviz.parameters import Pick, Range, parameters
from medviz.refused import Refused


@dataclass(frozen=True)
class Doubling(Lab):
    """A lab small enough to be wrong on purpose."""

    TITLE: ClassVar[str] = "Doubling"

    by: Annotated[int, Range(1, 9)] = 2
    place: Annotated[tuple[int, int], Pick("grid")] = (0, 0)

    def show(self) -> Work[None]:
        yield Heatmap("grid", np.arange(6.0).reshape(2, 3) * self.by)
        yield Text("said", f"times {self.by}")


def check_of(expect: dict[str, Any]) -> bool:
    (check,) = checked(Doubling, Example("one", "CONV-1", "D3", {"by": 3}, expect))
    return check.ok


@pytest.mark.parametrize(
    ("expect", "ok"),
    [
        ({"grid": [[0, 3, 6], [9, 12, 15]]}, True),
        ({"grid": [[0, 3, 6], [9, 12, 16]]}, False),
        ({"grid": [[0, 3, 6]]}, False),
        ({"grid[1,2]": 15}, True),
        ({"grid[1,2]": 14}, False),
        ({"grid[2,2]": 15}, False),
        ({"grid.shape": (2, 3)}, True),
        ({"grid.shape": (3, 2)}, False),
        ({"said": "times 3"}, True),
        ({"said": "times 2"}, False),
        ({"missing": 1}, False),
        ({"not a name!": 1}, False),
    ],
)
def test_a_check_can_fail(expect: dict[str, Any], ok: bool) -> None:
    assert check_of(expect) is ok


def test_pointing_at_a_figure_sets_the_field_that_picks_there() -> None:
    assert Doubling().pointed("grid", (1, 2), (2, 3)).place == (1, 2)
    assert Doubling().pointed("elsewhere", (1, 2), (2, 3)) == Doubling()


@pytest.mark.parametrize("name", list(LABS))
def test_every_lab_shows_itself_at_both_ends_of_each_parameter(name: str) -> None:
    kind = LABS[name]
    for one in parameters(kind):
        bounds = one.mark(Range)
        ends = one.options or ((bounds.low, bounds.high) if bounds else ())
        for value in ends:
            try:
                assert figures_of(kind(**{one.name: one.checked(value)}))
            except Refused as refusal:
                assert refusal.remedy


@pytest.mark.parametrize("name", list(LABS))
def test_every_example_of_every_lab_travels_as_one_line(name: str) -> None:
    kind = LABS[name]
    for example in kind.EXAMPLES:
        lab = example_lab(kind, example)
        text = state_text(lab)
        assert "\n" not in text
        back = figures_of(from_state(text))
        for figure, there in zip(figures_of(lab).values(), back.values(), strict=True):
            assert repr(figure) == repr(there)


def test_a_large_slice_does_not_travel_only_its_name_and_place() -> None:
    large = Slice(np.zeros((197, 233)), (1.0, 1.0), plane="coronal", index=77, name="mni")
    state = json.loads(state_text(Convolution(image=large, preset="sharpen")))
    assert state["inputs"]["image"] == {"name": "mni", "plane": "coronal", "index": 77, "unit": ""}
    back = from_state(json.dumps(state))
    assert isinstance(back, Convolution)
    assert (back.preset, back.image) == ("sharpen", Convolution().image)


@pytest.mark.parametrize(
    "text",
    [
        "", "no json", "[]", "{}", '{"lab": "convolution"}', '{"lab": "nothing", "parameters": {}}',
        '{"lab": "convolution", "parameters": {"stride": 99}}', '{"lab": "convolution", "parameters": {"strid": 1}}',
        '{"lab": "convolution", "parameters": {"kernel": [[1], [1, 2]]}}',
        '{"lab": "convolution", "parameters": {}, "inputs": {"image": {"pixels": [["a"]]}}}',
        '{"lab": "convolution", "parameters": {}, "inputs": {"image": {"pixels": [1, 2], "unit": ""}}}',
        '{"lab": "convolution", "parameters": {}, "inputs": {"image": {"pixels": [[1, 2], [3, 4]], "index": "x"}}}',
        '{"lab": "convolution", "parameters": {}, "inputs": {"image": 5}}',
        '{"lab": "convolution", "parameters": 5}',
        '{"lab": 5, "parameters": {}}',
    ],
)  # fmt: skip
def test_a_broken_shared_text_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(Refused):
        from_state(text)


FIGURES = (
    Heatmap("heat", np.arange(6.0).reshape(2, 3) - 3, colours="diverging", ring=(1, 0, 0, 0), marks=(Mark(0, 0),)),
    Picture("scan", np.linspace(0, 1, 4800).reshape(60, 80), mm=(1.0, 2.0), marks=(Mark(3, 4, 10, 20, "source"),)),
    Picture("colour", np.zeros((8, 8, 3), np.uint8)),
    Gallery("tiles", np.random.default_rng(0).normal(size=(5, 8, 9))),
    Table("table", ("axis", "out"), (("rows", 3), ("columns", None)), units=("", "px")),
    Curves("loss", (Line("train", np.arange(3.0), np.ones(3)),), x_name="step"),
    Text("said", "7·1 − 2·0 = 7"),
)


def test_export_writes_what_can_be_read_back(tmp_path: Path) -> None:
    paths = {path.name for path in export(FIGURES, tmp_path / "new")}
    assert paths == {
        "heat.npy", "heat.png", "scan.npy", "scan.png", "colour.npy", "colour.png", "tiles.npy", "tiles.png",
        "table.csv", "loss.csv", "said.txt",
    }  # fmt: skip
    assert np.array_equal(np.load(tmp_path / "new" / "heat.npy"), np.arange(6.0).reshape(2, 3) - 3)
    assert (tmp_path / "new" / "table.csv").read_text().splitlines() == ["axis,out (px)", "rows,3", "columns,"]
    assert (tmp_path / "new" / "said.txt").read_text(encoding="utf-8") == "7·1 − 2·0 = 7\n"
    assert {path.name for path in (tmp_path / "new").iterdir()} == paths


def test_a_picture_is_drawn_in_its_own_proportions() -> None:
    picture = painted(FIGURES[1])  # type: ignore[arg-type]
    assert picture.width / picture.height == pytest.approx(80 * 2 / 60)


def pixel(picture: Image.Image, x: int, y: int) -> Array:
    return np.asarray(picture.convert("RGB"), int)[y, x]


def test_signed_values_are_drawn_blue_and_red_about_white() -> None:
    picture = painted(Heatmap("heat", np.array([[-4.0, 0.0, 4.0]]), colours="diverging"))
    below, nothing, above = (pixel(picture, x * 44 + 4, 4) for x in range(3))
    assert below[2] > below[0] and above[0] > above[2]
    assert nothing.min() > 240


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be written"):
        export(FIGURES, tmp_path / "file")
    with pytest.raises(Refused):
        export(FIGURES, tmp_path / "file" / "below")
