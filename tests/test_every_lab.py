"""Every lab shows or refuses at both ends of each parameter, and its worked examples come out."""

import contextlib
import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from medviz.figures import Figure, array_of
from medviz.imaging.slices import Slice
from medviz.imaging.volume import Stored, Volume
from medviz.labs import LABS
from medviz.labs.examples import checked
from medviz.labs.lab import from_state, state_text
from medviz.messages import Message, Note, Progress, Scalar, finished
from medviz.parameters import Input, Part, Settings, changed, parameters, plain
from medviz.refused import Refused
from tests.standard import CATALOGS, a_sentence, ends


def ramp() -> Slice:
    pixels = (np.indices((24, 31)).sum(0) * 11 % 97 - 30).astype(np.int16)
    return Slice(pixels, (1.0, 2.5), ("R", "L", "A", "P"), name="ramp", slope=0.5, intercept=-3.0, unit="HU")


def one_pixel() -> Slice:
    return Slice(np.ones((1, 1), np.uint8), name="pixel")


def given(one: Any, image: Slice) -> Any:
    """Return what an input takes: the slice, or a volume of this slice three times over."""
    mark = one.mark(Input)
    if mark is None or mark.kind != "volume":
        return image
    voxels = np.repeat(image.pixels.T[None, :, :, None], 3, axis=3)
    affine = np.diag([1.0, 2.5, 4.0, 1.0])
    stored = Stored("drawn", voxels.shape[1:], "RAS", affine, voxels.dtype)
    return Volume(voxels, affine, stored, name=image.name, slope=image.slope, intercept=image.intercept)


def labs_at_their_ends() -> list[Any]:
    found = []
    for name in LABS:
        for one in parameters(LABS[name]):
            for value in [*ends(one), *parts(one)]:
                found.append(pytest.param(name, one.name, value, id=f"{name}-{one.name}-{str(value)[:20]}"))
    return found


def parts(one: Any) -> list[Settings]:
    """Each thing that may stand in a Part, as its catalog builds it."""
    part = one.mark(Part)
    return [Settings(name) for name in (part.only or CATALOGS[part.catalog])] if part else []


def shown(lab: Any) -> list[Figure]:
    said: list[Message] = []
    finished(lab.show(), said.append)
    return [one for one in said if not isinstance(one, Scalar | Progress | Note)]


def figures_or_refusal(lab: Any) -> list[Figure]:
    """Show a lab; what it shows is finite where the slice was, and a refusal is one sentence before any figure."""
    said: list[Figure] = []
    try:
        for message in lab.show():
            if not isinstance(message, Scalar | Progress | Note):
                said.append(message)
    except Refused as refusal:
        a_sentence(refusal)
        assert not said, "refuse before the first figure"
        return []
    assert said, "it showed nothing and refused nothing"
    for figure in said:
        array = array_of(figure)
        if array is not None and array.dtype.kind == "f":
            assert np.isfinite(array).all(), figure.name
    return said


@pytest.mark.parametrize(("name", "field", "value"), labs_at_their_ends())
def test_a_lab_at_an_end_of_a_parameter_shows_or_refuses_in_one_sentence(name: str, field: str, value: Any) -> None:
    kind = LABS[name]
    inputs = [one for one in parameters(kind) if one.kind == "input"]
    figures_or_refusal(changed(kind(), **{field: value}))
    for image in (ramp(), one_pixel()):
        on = {one.name: given(one, image) for one in inputs}
        figures_or_refusal(dataclasses.replace(changed(kind(), **{field: value}), **on))


@pytest.mark.parametrize("name", list(LABS))
class TestEachLab:
    def test_as_it_opens_it_shows_each_figure_that_it_arranges(self, name: str) -> None:
        lab = LABS[name]()
        names = [figure.name for figure in shown(lab)]
        assert len(names) == len(set(names))
        arranged = set(re.findall(r"[a-z_]\w*", lab.ARRANGE))
        assert set(names) <= arranged | {"erratum"}, "a figure without a place"

    def test_it_has_a_title_and_examples_with_a_row_and_a_deck(self, name: str) -> None:
        assert LABS[name].TITLE
        assert LABS[name].EXAMPLES
        for example in LABS[name].EXAMPLES:
            assert example.row.partition("-")[0].isupper()
            assert example.expect or example.text

    def test_its_player_shows_the_first_and_the_last_step(self, name: str) -> None:
        lab = LABS[name]()
        if not lab.steps():
            pytest.skip("nothing to play")
        for step in (0, lab.steps() - 1):
            assert lab.at_step(step).step() == step
            assert shown(lab.at_step(step))

    def test_its_state_travels_as_text(self, name: str) -> None:
        lab = LABS[name]()
        again = from_state(state_text(lab))
        assert plain(again) == plain(lab)

    def test_showing_twice_shows_the_same(self, name: str) -> None:
        first, second = shown(LABS[name]()), shown(LABS[name]())
        for one, other in zip(first, second, strict=True):
            left, right = array_of(one), array_of(other)
            assert (left is None and right is None) or np.array_equal(left, right), one.name  # type: ignore[arg-type]

    def test_a_scan_with_holes_is_shown_or_refused(self, name: str) -> None:
        kind = LABS[name]
        pixels = np.linspace(0, 1, 42).reshape(6, 7)
        pixels[2, 3], pixels[4, 4] = np.nan, np.inf
        for one in parameters(kind):
            if one.kind == "input":
                lab = dataclasses.replace(kind(), **{one.name: given(one, Slice(pixels, name="holes"))})
                with contextlib.suppress(Refused):
                    shown(lab)


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name in LABS for number in range(len(LABS[name].EXAMPLES))]
)
def test_a_worked_example_comes_out(name: str, number: int) -> None:
    example = LABS[name].EXAMPLES[number]
    wrong = [one for one in checked(LABS[name], example) if not one.ok]
    assert not wrong, (example.name, wrong)
