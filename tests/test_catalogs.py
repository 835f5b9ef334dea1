"""Whatever is listed in a catalog is held to a standard: a new thing is tested by being listed."""

import dataclasses

import pytest

from medviz.parameters import Pick, Range, Step, parameters
from tests.standard import CATALOGS, ends

ALL = [(kind, name) for kind, catalog in CATALOGS.items() for name in catalog]
WITH_PARAMETERS = [(kind, name) for kind, name in ALL if kind != "readers"]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_it_is_there_with_a_title_and_a_summary(kind: str, name: str) -> None:
    entry = CATALOGS[kind].entries[name]
    assert CATALOGS[kind][name] is not None
    assert entry.title
    assert len(entry.summary) > 10


@pytest.mark.parametrize(("kind", "name"), WITH_PARAMETERS)
def test_every_parameter_can_be_turned_by_hand(kind: str, name: str) -> None:
    for one in parameters(CATALOGS[kind][name]):
        if one.kind in ("int", "float") and one.marks and not (one.mark(Step) or one.mark(Pick)):
            assert one.mark(Range), f"{one.name} has no range: a form cannot show a slider"
        if one.kind in ("int", "float", "bool", "choice", "matrix") and one.marks:
            assert one.help, f"{one.name} says nothing of itself"
        for value in ends(one):
            assert one.checked(value) == value


@pytest.mark.parametrize(("kind", "name"), WITH_PARAMETERS)
def test_its_defaults_are_within_its_ranges(kind: str, name: str) -> None:
    for one in parameters(CATALOGS[kind][name]):
        if one.default is not dataclasses.MISSING and one.kind != "input":
            assert one.checked(one.default) == one.default
