"""Which cases of a data set are shown, and in which order; no widget is needed, so that a job may do it."""

from collections.abc import Mapping, Sequence

from medviz.data.checking.report import SEVERITIES, CaseFacts, CheckReport, Problem, Severity
from medviz.gui.training.case_grid import Card

Faults = Mapping[str, tuple[Problem, ...]]


def dealt(cases: Sequence[CaseFacts], report: CheckReport | None) -> tuple[tuple[Card, ...], Faults]:
    """Make a card of each case, with what the report knows of it; and the problems by the name of the case."""
    known = {one.name: one for one in report.cases} if report is not None else {}
    faults: dict[str, list[Problem]] = {}
    for one in report.problems if report is not None else ():
        if one.case:
            faults.setdefault(one.case, []).append(one)
    cards = tuple(Card(known.get(one.name, one), worst(faults.get(one.name, ()))) for one in cases)
    return cards, {name: tuple(some) for name, some in faults.items()}


def worst(problems: Sequence[Problem]) -> Severity | None:
    """The worst of some problems, None where there is none."""
    return min((one.severity for one in problems), key=SEVERITIES.index, default=None)


def narrowed(cards: Sequence[Card], text: str, kind: str, side: str, faulty: bool, order: str) -> tuple[Card, ...]:
    """Keep the cards that are asked for, in the order that is."""
    words = text.casefold().split()
    kept = [
        card
        for card in cards
        if all(word in card.facts.name.casefold() for word in words)
        and (not kind or kind in card.facts.classes)
        and (not side or card.facts.part == side)
        and (not faulty or card.worst is not None)
    ]
    if order == "name":
        kept.sort(key=lambda card: card.facts.name)
    elif order == "class":
        kept.sort(key=lambda card: (card.facts.classes, card.facts.name))
    elif order == "size":
        kept.sort(key=lambda card: _voxels(card.facts), reverse=True)
    elif order == "problems":
        kept.sort(key=lambda card: SEVERITIES.index(card.worst) if card.worst else len(SEVERITIES))
    return tuple(kept)


def _voxels(facts: CaseFacts) -> int:
    count = 1
    for side in facts.shape:
        count *= side
    return count
