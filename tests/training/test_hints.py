"""Hints out of drawn histories: each rule speaks when it should, and not when it should not."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medviz.messages import Note
from medviz.training.hints import FLAT, LEVEL, RULES, Known, fresh, known_shares
from medviz.training.past import Past
from tests.training.toys import Toy, taught

KNOWN = Known(classes=("liver", "tumour"), shares=(0.9, 0.08, 0.02), background=True, rate=0.01, cores=8)
HIGHER = replace(KNOWN, best="validation/dice/mean", higher=True)


def validations(**curves: list[float]) -> list[dict[str, float]]:
    names = {name: "validation/" + name.replace("_", "/") for name in curves}
    return [dict(zip(names.values(), row, strict=True)) for row in zip(*curves.values(), strict=True)]


FALLING = [1 / (1 + k) for k in range(20)]
CASES: dict[str, tuple[str | None, Past, Known]] = {
    "starts as it should": (None, Past(first=[1.12]), replace(KNOWN, start=math.log(3))),
    "starts too high": ("start high", Past(first=[9.0]), replace(KNOWN, start=math.log(3))),
    "starts too low": ("start low", Past(first=[0.1]), replace(KNOWN, start=math.log(3))),
    "starts low with weights that know": (None, Past(first=[0.1]), replace(KNOWN, start=1.1, pretrained=True)),
    "starts anywhere where nothing is known": (None, Past(first=[99.0]), KNOWN),
    "gets better": (None, Past(validations=validations(dice_mean=[k / 20 for k in range(20)])), HIGHER),
    "is flat": (
        "plateau at 2",
        Past(validations=validations(dice_mean=[0.2, 0.5, 0.8, *[0.79] * FLAT])),
        HIGHER,
    ),
    "is nearly flat": (None, Past(validations=validations(dice_mean=[0.2, 0.5, 0.8, *[0.79] * (FLAT - 1)])), HIGHER),
    "is flat in its loss": ("plateau at 1", Past(validations=validations(loss=[2.0, 1.0, *[1.01] * FLAT])), KNOWN),
    "overfits": (
        "overfitting",
        Past(epochs=FALLING[:8], validations=validations(loss=[1.0, 0.6, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9])),
        KNOWN,
    ),
    "both losses fall": (None, Past(epochs=FALLING[:7], validations=validations(loss=FALLING[:7])), KNOWN),
    "only the validation is noisy": (
        None,
        Past(epochs=[1.0, 0.99, 1.0, 0.99, 1.0, 0.99], validations=validations(loss=[1.0, 0.9, 1.2, 1.3, 1.2, 1.3])),
        KNOWN,
    ),
    "a class is rare": ("imbalance", Past(), replace(KNOWN, shares=(0.9, 0.098, 0.002))),
    "the background is common": (None, Past(), replace(KNOWN, shares=(0.999, 0.0006, 0.0004))),
    "a class is absent": ("absent tumour", Past(), replace(KNOWN, shares=(0.9, 0.1, 0.0))),
    "a class is never found": (
        "never tumour",
        Past(validations=validations(dice_liver=[0.1, 0.5, 0.6], dice_tumour=[0.0, 0.0, 0.0])),
        HIGHER,
    ),
    "a class is found late": (
        None,
        Past(validations=validations(dice_liver=[0.1, 0.5, 0.6], dice_tumour=[0.0, 0.0, 0.01])),
        HIGHER,
    ),
    "steps have no number": ("no numbers", Past(skipped=3), KNOWN),
    "one step has no number": (None, Past(skipped=1), KNOWN),
    "the rate is too high": ("rate high", Past(first=[1.0, 1.1, 0.9], epochs=[3.0, 2.5, 4.0]), KNOWN),
    "the rate is too low": ("rate low", Past(first=[1.1, 1.1], epochs=[1.1, 1.1, 1.099, 1.099, 1.098]), KNOWN),
    "the loss falls": (None, Past(first=[1.1, 1.1], epochs=FALLING[:9]), KNOWN),
    "samples are waited for": ("loader", Past(waiting=[0.6, 0.7, 0.5]), KNOWN),
    "samples are there": (None, Past(waiting=[0.1, 0.7, 0.05]), KNOWN),
    "the judge wins": (
        "judge wins",
        Past(parts={"loss/discriminator": [0.7, 0.05, 0.01, 0.01], "loss/generator": [0.7, 4.0, 6.0, 7.0]}),
        KNOWN,
    ),
    "judge and forger are even": (
        None,
        Past(parts={"loss/discriminator": [1.4, 1.3, 1.3], "loss/generator": [0.7, 0.9, 0.8]}),
        KNOWN,
    ),
    "samples are all of a kind": (
        "mode collapse",
        Past(validations=[{"validation/diversity": one} for one in (0.5, 0.1, 0.1, 0.11, 0.1)]),
        KNOWN,
    ),
    "samples become more varied": (
        None,
        Past(validations=[{"validation/diversity": one} for one in (0.05, 0.1, 0.15, 0.22)]),
        KNOWN,
    ),
    "the code says nothing": ("collapse", Past(parts={"loss/kl": [0.5, 1e-5, 1e-6, 1e-6]}), KNOWN),
    "the code says nothing, as measured": (
        "collapse",
        Past(
            parts={"loss/KL": [0.5, 0.4, 0.4]}, validations=[{"validation/KL (nats)": one} for one in (4, 0.01, 0, 0)]
        ),
        KNOWN,
    ),
    "the code says much, with hardly any weight": (
        None,
        Past(parts={"loss/KL": [1e-5, 1e-5, 1e-5]}, validations=[{"validation/KL (nats)": 30.0}] * 3),
        KNOWN,
    ),
    "the code says something": (None, Past(parts={"loss/kl": [0.5, 2.0, 3.0, 3.0]}), KNOWN),
}


@pytest.mark.parametrize("case", list(CASES))
def test_a_history_gets_the_hint_it_deserves(case: str) -> None:
    key, past, known = CASES[case]
    assert [hint.key for hint in fresh(past, known)] == ([] if key is None else [key])
    assert fresh(past, known) == [], "it is said once"


def test_every_rule_speaks_in_one_of_these_histories() -> None:
    spoken = {rule for _, past, known in CASES.values() for rule in RULES if list(rule(past, known))}
    assert spoken == set(RULES)


def test_a_hint_says_what_to_do() -> None:
    for _, past, known in CASES.values():
        for rule in RULES:
            for hint in rule(past, known):
                note = hint.note()
                assert note.level == LEVEL
                assert len(note.text) > 20
                assert len(note.remedy) > 15


@pytest.mark.parametrize(
    ("workers", "cores", "remedy"), [(0, 4, "workers=3"), (2, 8, "workers=4"), (4, 4, "a faster disk")]
)
def test_the_remedy_for_waiting_fits_the_machine(workers: int, cores: int, remedy: str) -> None:
    (hint,) = fresh(Past(waiting=[0.9] * 3), replace(KNOWN, workers=workers, cores=cores))
    assert remedy in hint.remedy


def test_a_past_comes_back_from_plain_values_and_takes_means() -> None:
    past = Past()
    for value in (1.0, 3.0, float("nan")):
        past.lost({"loss": value, "loss/generator": value, "gradient norm": 2 * value})
    past.epoch_ended()
    past.waited(0.5)
    assert (past.epochs, past.gradients, past.parts) == ([2.0], [4.0], {"loss/generator": [2.0]})
    assert Past.of(past.plain()) == past
    assert Past.of({**past.plain(), "of a later version": 1}) == past


def test_shares_of_classes_are_read_off_a_fingerprint() -> None:
    assert known_shares({"class shares": [0.5, 0.5]}) == (0.5, 0.5)
    assert known_shares({}) == ()


def test_a_run_gives_its_hints_and_a_resumed_one_does_not_repeat_them(tmp_path: Path) -> None:
    class Guess(Toy):
        def chance(self, data: Any) -> float | None:
            return 5.0

    said = taught(Guess(epochs=3), tmp_path / "run")
    assert [one.text for one in said if isinstance(one, Note) and one.level == LEVEL] == [
        f"The first loss is {_first(said):.3g}; a network that knows nothing has about 5"
    ]
    again = taught(Guess(epochs=5), tmp_path / "run", resume=True)
    assert not [one for one in again if isinstance(one, Note) and one.level == LEVEL]


def _first(said: list[Any]) -> float:
    return float(next(one.value for one in said if getattr(one, "name", "") == "train/loss"))
