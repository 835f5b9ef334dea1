"""Two reports, finding against finding."""

import pytest

from medviz.labs.captions import GENERATED, REFERENCE
from medviz.training.using.findings import (
    ADDED,
    DIFFERS,
    MISSED,
    OPPOSITE,
    SAME,
    Pair,
    aligned,
    counts,
    findings,
    marked,
)  # fmt: skip


def told(pairs: tuple[Pair, ...]) -> list[tuple[str, str, str]]:
    return [(one.verdict, one.meant.text if one.meant else "", one.said.text if one.said else "") for one in pairs]


@pytest.mark.row("SEQ-15")
def test_of_the_decks_reports_one_finding_is_missed_and_one_is_milder() -> None:
    pairs = aligned(REFERENCE, GENERATED)
    found = told(pairs)
    assert (MISSED, "left hemidiaphragm is elevated", "") in found
    assert (DIFFERS, "heart is mildly enlarged", "heart is enlarged") in found
    assert next(one for one in pairs if one.verdict == DIFFERS).differences == (("mildly enlarged", "enlarged"),)
    assert (SAME, "mediastinum is unremarkable", "mediastinal contour is normal") in found
    assert (SAME, "no pleural effusion", "no pleural effusion") in found
    assert counts(pairs) == {SAME: 2, DIFFERS: 1, OPPOSITE: 0, MISSED: 2, ADDED: 10}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("There is no acute infiltrate or pleural effusion.", ["no acute infiltrate", "no pleural effusion"]),
        ("No fracture, pneumothorax or edema.", ["no fracture", "no pneumothorax", "no edema"]),
        ("a small dark box at the upper left and a large bright ball in the middle",
         ["a small dark box at the upper left", "a large bright ball in the middle"]),
        ("Heart and mediastinum are normal.", ["heart and mediastinum are normal"]),
        ("The heart is large and the lungs are clear.", ["heart is large", "lungs are clear"]),
        ("", []),
        (" . ; ", []),
        ("3.5 cm mass.", ["3.5 cm mass"]),
    ],
)  # fmt: skip
def test_a_report_is_cut_into_its_findings(text: str, parts: list[str]) -> None:
    assert [one.text for one in findings(text)] == parts


@pytest.mark.parametrize(
    ("meant", "said", "verdicts"),
    [
        ("No pleural effusion.", "Small left pleural effusion.", [OPPOSITE]),
        ("The heart is normal.", "The mediastinum is normal.", [MISSED, ADDED]),
        ("The heart is normal.", "The heart is enlarged.", [DIFFERS]),
        ("A ball at the upper left.", "at the upper left lies a ball", [SAME]),
        ("A large ball at the upper left.", "at the upper left lies a small ball", [DIFFERS]),
        ("", "", []),
        ("Effusions.", "Effusion.", [SAME]),
    ],
)
def test_findings_of_the_same_thing_are_laid_side_by_side(meant: str, said: str, verdicts: list[str]) -> None:
    assert [one.verdict for one in aligned(meant, said)] == verdicts


def test_the_other_way_round_what_was_missed_was_added() -> None:
    there, back = counts(aligned(REFERENCE, GENERATED)), counts(aligned(GENERATED, REFERENCE))
    assert (there[MISSED], there[ADDED]) == (back[ADDED], back[MISSED]) and there[SAME] == back[SAME]


def test_words_that_differ_are_marked_in_both() -> None:
    left, right = marked("a large bright ball".split(), "a small bright ball here".split())
    assert (left, right) == ("a [large] bright ball", "a [small] bright ball [here]")
