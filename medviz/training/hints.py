"""Hints: what a run's history tells a person who has not seen many, each with what to do about it.

Each rule is a pure function of the past and of what is known of the run; it says nothing, or one hint. A hint is given
once. What a rule cannot know it does not guess: a loss that is no cross-entropy has no expected start.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, median

from medviz.messages import Note
from medviz.training.past import Past

LEVEL = "hint"
FLAT = 8
"""Validations without progress that are called a plateau."""
SILENT_NATS = 0.05
"""A code with less than this about a picture cannot tell one from another."""
_DIVERGENCES = ("loss/kl", "loss/KL", "loss/divergence")
FEW_KINDS = 0.3
"""Samples that differ less than this share of what real ones differ are all of a kind."""


@dataclass(frozen=True)
class Known:
    """What is known of a run beside its history.

    `start` is the loss of a network that knows nothing (ln C for cross-entropy; None where that cannot be told),
    `pretrained` whether it begins with weights that know something. `best` is the curve by which the best weights are
    chosen, `higher` whether more of it is better. `shares` are the shares of the classes in the data ("class shares" of
    the fingerprint), `classes` their names. `workers` and `cores` are processes that prepare samples and cores there.
    """

    start: float | None = None
    pretrained: bool = False
    best: str = "validation/loss"
    higher: bool = False
    classes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    background: bool = False
    workers: int = 0
    cores: int = 1
    rate: float = 1e-3
    accumulation: int = 1


@dataclass(frozen=True)
class Hint:
    """One hint; `key` tells it apart from others, so that it is given once."""

    key: str
    text: str
    remedy: str

    def note(self) -> Note:
        """Turn it into a message."""
        return Note(self.text, LEVEL, self.remedy)


Rule = Callable[[Past, Known], Iterator[Hint]]


def fresh(past: Past, known: Known) -> list[Hint]:
    """Return the hints that were not given yet, and take note that they are given now."""
    found = [hint for rule in RULES for hint in rule(past, known) if hint.key not in past.said]
    past.said += [hint.key for hint in found]
    return found


def first_loss(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a loss at the start that is far from that of a network that knows nothing."""
    if known.start is None or not past.first or known.start <= 0:
        return
    found, expected = past.first[0], known.start
    if found > 2 * expected + 0.5:
        yield Hint(
            "start high",
            f"The first loss is {found:.3g}; a network that knows nothing has about {expected:.3g}",
            "Check the labels and the scale of the images; weights that begin large do this too",
        )
    elif found < 0.4 * expected and not known.pretrained:
        yield Hint(
            "start low",
            f"The first loss is {found:.3g}; a network that knows nothing has about {expected:.3g}",
            "Check whether the answer is part of the images, or nearly every sample has the same one",
        )


def plateau(past: Past, known: Known) -> Iterator[Hint]:
    """Tell that the validation no longer gets better."""
    values = _curve(past, known.best)
    if len(values) <= FLAT:
        return
    best = max(values) if known.higher else min(values)
    since = len(values) - 1 - values.index(best)
    if since >= FLAT:
        yield Hint(
            f"plateau at {values.index(best)}",
            f"The validation is flat: no progress for {since} times (best {best:.4g})",
            "Stop here, the best weights are kept; or lower the rate, augment more, add data",
        )


def overfitting(past: Past, known: Known) -> Iterator[Hint]:
    """Tell that the training loss falls while the loss of the validation rises."""
    held, learnt = _curve(past, "validation/loss"), past.epochs
    if len(held) < 6 or len(learnt) < 6:
        return
    low = min(held)
    rises = fmean(held[-3:]) > low * 1.1 + 1e-3 and held.index(low) < len(held) - 3
    falls = fmean(learnt[-3:]) < 0.95 * fmean(learnt[-6:-3]) or fmean(learnt[-3:]) < 0.8 * min(
        learnt[: len(learnt) // 2]
    )
    if rises and falls and low > 0:
        yield Hint(
            "overfitting",
            f"Overfitting: the training loss still falls, that of the validation rose from {low:.3g} to "
            f"{fmean(held[-3:]):.3g}",
            "Augment more, raise weight decay or dropout, take a smaller network, or stop: the best weights are kept",
        )


def imbalance(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a class that is rare beside the others, or that never occurs."""
    names = ("background", *known.classes) if known.background else known.classes
    if len(known.shares) != len(names) or len(names) < 2:
        return
    rated = [(share, name) for share, name in zip(known.shares, names, strict=True) if name != "background"]
    absent = [name for share, name in rated if share == 0]
    if absent:
        yield Hint(
            "absent " + ", ".join(absent),
            f"No sample that was looked at has {', '.join(absent)}",
            "Check the declared classes against the labels; a class that never occurs cannot be learnt",
        )
    there = [(share, name) for share, name in rated if share > 0]
    if len(there) > 1 and max(there)[0] > 10 * min(there)[0]:
        (least, rare), (most, common) = min(there), max(there)
        yield Hint(
            "imbalance",
            f"{rare} is {most / least:.0f} times rarer than {common}",
            "Weigh the classes, or take Dice or focal loss; judge by balanced measures, not by accuracy",
        )


def never_found(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a class that the network has not found once in several validations."""
    if len(past.validations) < 3:
        return
    for name in known.classes:
        for measure in ("dice", "recall"):
            values = _curve(past, f"validation/{measure}/{name}")
            if len(values) >= 3 and max(values) == 0:
                yield Hint(
                    f"never {name}",
                    f"{name} was never found in {len(values)} validations ({measure} 0)",
                    "Check that its label has the number that is declared; if so, weigh it more or train longer",
                )


def no_numbers(past: Past, known: Known) -> Iterator[Hint]:
    """Tell that steps without a number come again and again."""
    if past.skipped >= 3:
        yield Hint(
            "no numbers",
            f"{past.skipped} steps had no number and were left out or undone",
            "Clip the gradient (clip=1), lower the rate, take 32 bit, and check the data for damaged samples",
        )


def rate_too_high(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a loss that rises, or jumps from epoch to epoch, above where it began."""
    if len(past.epochs) < 3 or not past.first:
        return
    began = median(past.first)
    if min(past.epochs[-3:]) > 1.2 * began + 1e-6 and began > 0:
        yield Hint(
            "rate high",
            f"The loss is higher than at the start ({past.epochs[-1]:.3g} against {began:.3g}): the rate is too high",
            f"Lower the learning rate ({known.rate:g}) to a third or a tenth",
        )


def rate_too_low(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a loss that has hardly moved since the start."""
    if len(past.epochs) < 5 or not past.first:
        return
    began, now = median(past.first), past.epochs[-1]
    near = known.start is None or abs(now - known.start) < 0.1 * known.start
    if 0.97 * began < now <= 1.2 * began and near and began > 0:
        yield Hint(
            "rate low",
            f"The loss has hardly moved in {len(past.epochs)} epochs ({began:.3g} → {now:.3g})",
            f"Raise the learning rate ({known.rate:g}) threefold or tenfold; check that the labels fit the images",
        )


def loader(past: Past, known: Known) -> Iterator[Hint]:
    """Tell that the network waits for its samples."""
    if len(past.waiting) < 3 or median(past.waiting) < 0.4:
        return
    wanted = max(known.workers + 1, min(2 * known.workers or 4, known.cores - 1))
    beside = f"Set workers={wanted}: samples are then prepared beside the steps"
    remedy = beside if wanted <= known.cores else "Put the data on a faster disk, or augment less"
    yield Hint("loader", f"{100 * median(past.waiting):.0f} % of the time is waited for samples", remedy)


def judge_wins(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a discriminator that tells everything apart, so that the generator learns nothing from it.

    It is seen in the losses of both, or on held-out samples: sure of what is real, and sure of what is not.
    """
    judge, forger = past.parts.get("loss/discriminator", []), past.parts.get("loss/generator", [])
    real, made = _curve(past, "validation/D(x)"), _curve(past, "validation/D(G(z))")
    said = ""
    if len(judge) >= 3 and len(forger) >= 3 and max(judge[-3:]) < 0.1 and min(forger[-3:]) > 2 * abs(forger[0]) + 1:
        said = f"its loss {judge[-1]:.2g}, the generator's {forger[-1]:.2g}"
    elif len(real) >= 3 and len(made) >= 3 and min(real[-3:]) > 0.9 and max(made[-3:]) < 0.1:
        said = f"it takes held-out samples for real with {real[-1]:.2f} and made ones with {made[-1]:.2g}"
    if said:
        yield Hint(
            "judge wins",
            f"The discriminator wins ({said})",
            "Lower the discriminator's rate, smooth its labels, or add noise to what it sees",
        )


def mode_collapse(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a generator that makes nearly the same whatever the noise: far less varied than what it learns from.

    Every generator begins so; it is told where it stays, and where what was varied already no longer is.
    """
    values = _curve(past, "validation/diversity")
    if len(values) >= 4 and max(values[-4:]) < FEW_KINDS and values[-1] < 1.3 * values[-4] + 0.02:
        yield Hint(
            "mode collapse",
            f"Mode collapse: samples are {values[-1]:.0%} as varied as held-out ones, and it gets no better",
            "Lower the generator's rate, give the discriminator more steps, or take another loss (least squares)",
        )


def collapse(past: Past, known: Known) -> Iterator[Hint]:
    """Tell a variational autoencoder whose code says nothing (posterior collapse).

    What is measured (nats a picture) goes before the term of the loss, which has its weight β in it.
    """
    measured = _curve(past, "validation/KL (nats)")
    terms = (past.parts.get(name, []) or _curve(past, f"validation/{name}") for name in _DIVERGENCES)
    values, least = (measured, SILENT_NATS) if measured else (next(filter(None, terms), []), 1e-3)
    if len(values) >= 3 and max(map(abs, values[-3:])) < least:
        yield Hint(
            "collapse",
            f"The code carries no information (divergence {values[-1]:.1g} nats): posterior collapse",
            "Lower β, let it rise slowly from 0, or weaken the decoder",
        )


RULES: tuple[Rule, ...] = (
    first_loss, imbalance, never_found, overfitting, plateau, no_numbers, rate_too_high, rate_too_low, loader,
    judge_wins, mode_collapse, collapse,
)  # fmt: skip


def _curve(past: Past, name: str) -> list[float]:
    return [one[name] for one in past.validations if name in one and math.isfinite(one[name])]


def known_shares(fingerprint: Mapping[str, object]) -> tuple[float, ...]:
    """Read the shares of the classes out of a fingerprint; empty where it has none."""
    shares = fingerprint.get("class shares", ())
    return tuple(float(one) for one in shares) if isinstance(shares, list | tuple) else ()
