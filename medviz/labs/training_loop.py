"""Training loop: the program line by line, while a real optimiser steps (deck D3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medviz.figures import Curves, Figure, Gallery, Heatmap, Line, Text
from medviz.imaging.slices import Slice
from medviz.labs.findings import ABDOMEN, grey, shades
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.labs.looked_into import Drawn
from medviz.messages import Work
from medviz.parameters import Choice, Group, Input, Range, Step
from medviz.refused import Refused

Array = NDArray[Any]
SIDE = 5
"""Side of the pieces of the slice that the neuron looks at: 25 weights and a bias can all be seen."""
LINES = (
    "for batch_idx, batch_data in enumerate(train_loader):",
    '    data, target = batch_data["image"], batch_data["target"]',
    "    output = model(data)",
    "    optimizer.zero_grad()",
    "    loss = criterion(output, target)",
    "    loss.backward()",
    "    optimizer.step()",
    "    train_loss += loss.item()",
    "train_loss /= len(train_loader)  # end of epoch",
)
INSIDE = len(LINES) - 1
E13 = Erratum(
    "E13",
    "train_loss /= len(train_loader), and no model.train() or model.eval()",
    "a mean of batch means is not the mean of the epoch where the last batch is short: weigh each by its samples; and "
    "without train() and eval() dropout and batch normalisation are in the wrong mode",
)


@dataclass(frozen=True, eq=False)
class Moment:
    """What there is after a line: weights and bias (26,), their gradient (None after zero_grad), and what was said.

    `batch` are the samples at hand, `output` and `loss` those of the batch, `sums` the losses of the batches so far
    with the samples in each, `log` the calls that were made of this batch, in their order.
    """

    epoch: int
    number: int
    line: int
    weights: Array
    gradient: Array | None
    batch: tuple[int, ...]
    output: Array | None
    loss: float | None
    sums: tuple[tuple[float, int], ...]
    log: tuple[str, ...]


@dataclass(frozen=True)
class Course:
    """How it is trained: batch size, learning rate, optimiser, and whether zero_grad() is left out."""

    batch: int
    rate: float
    optimiser: str
    forgets: bool
    seed: int


def batches(count: int, size: int) -> tuple[tuple[int, ...], ...]:
    """Samples of each batch in their order; the last batch is short where `size` does not divide `count`."""
    return tuple(tuple(range(start, min(count, start + size))) for start in range(0, count, size))


def moments(pieces: Array, targets: Array, course: Course, lines: int) -> list[Moment]:
    """Run the loop for so many lines and keep what there is after each; a linear neuron, BCE with logits."""
    with Drawn(course.seed):
        model = nn.Linear(pieces.shape[1], 1)
    data, truth = torch.from_numpy(pieces).float(), torch.from_numpy(targets).float()[:, None]
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimiser = kinds[course.optimiser](model.parameters(), lr=course.rate)
    criterion = nn.BCEWithLogitsLoss()
    made: list[Moment] = []
    some = batches(len(pieces), course.batch)
    epoch = 0
    while len(made) < lines:
        sums: list[tuple[float, int]] = []
        for number_of, chosen in enumerate(some):
            output: Tensor | None = None
            loss: Tensor | None = None
            log: list[str] = []
            for line in range(INSIDE):
                if line == 2:
                    output = model(data[list(chosen)])
                    log.append("forward")
                elif line == 3 and not course.forgets:
                    optimiser.zero_grad()
                    log.append("zero_grad")
                elif line == 4 and output is not None:
                    loss = criterion(output, truth[list(chosen)])
                    log.append("loss")
                elif line == 5 and loss is not None:
                    loss.backward()  # type: ignore[no-untyped-call]
                    log.append("backward")
                elif line == 6:
                    optimiser.step()
                    log.append("step")
                elif line == 7 and loss is not None:
                    sums.append((loss.item(), len(chosen)))
                made.append(_moment(model, (epoch, number_of, line), chosen, output, loss, sums, log))
        made.append(_moment(model, (epoch, len(some) - 1, INSIDE), some[-1], None, None, sums, []))
        epoch += 1
    return made[:lines]


def _moment(
    model: nn.Linear, place: tuple[int, int, int], chosen: tuple[int, ...], output: Tensor | None, loss: Tensor | None,
    sums: list[tuple[float, int]], log: list[str],
) -> Moment:  # fmt: skip
    weights = torch.cat([model.weight.detach().flatten(), model.bias.detach()]).numpy().copy()
    slope = None
    if model.weight.grad is not None and model.bias.grad is not None:
        slope = torch.cat([model.weight.grad.flatten(), model.bias.grad]).numpy().copy()
    out = None if output is None else output.detach().numpy().ravel().copy()
    return Moment(*place, weights, slope, chosen, out, None if loss is None else loss.item(), tuple(sums), tuple(log))


@dataclass(frozen=True)
class TrainingLoop(Lab):
    """A neuron learns to tell bright pieces of the slice from others; the loop of the deck, one line a step."""

    TITLE: ClassVar[str] = "Training loop"
    ARRANGE: ClassVar[str] = "code / weights gradient / batch losses / formula / story / erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("One batch, line by line", "TRAIN-13", "D3", {"at": 6},
                {"story": "forward → zero_grad → loss → backward → step"}, E13,
                text="Play: the line that has just run is marked, and what it changed is drawn."),
        Example("The end of an epoch, the last batch short", "TRAIN-13", "D3", {"count": 10, "batch": 4, "at": 24},
                {"formula": "/ 3 = ", "story": "differ, for the last batch has 2 of 4 samples"}, E13,
                text="4 + 4 + 2 samples: the two of the last batch count twice as much as any other."),
        Example("The same with batches that come out even", "TRAIN-13", "D3", {"count": 12, "batch": 4, "at": 24},
                {"story": "are the same"}, E13, text="Then the two means agree."),
        Example("zero_grad() forgotten", "TRAIN-13", "D3", {"forgets": True, "at": 13},
                {"story": "gradients of all batches so far are added"},
                text="backward() adds to what is there: without zero_grad() old batches push on."),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "Where the samples come from"] = ABDOMEN
    count: Annotated[int, Range(2, 32), Group("Data"), "Samples in an epoch"] = 10
    batch: Annotated[int, Range(1, 32), Group("Data"), "Samples in a batch"] = 4
    rate: Annotated[float, Range(0.001, 2.0, log=True), Group("Optimiser"), "Learning rate"] = 0.1
    optimiser: Annotated[str, Choice(("sgd", "adam"), ("SGD", "Adam")), Group("Optimiser"), "How it steps"] = "sgd"
    forgets: Annotated[bool, Group("Optimiser"), "Leave zero_grad() out, as a mistake to look at"] = False
    epochs: Annotated[int, Range(1, 4), Group("Data"), "Epochs to play"] = 2
    seed: Annotated[int, Range(0, 999), Group("Data", advanced=True), "Draws the first weights"] = 0
    at: Annotated[int, Step(), Range(0, 2000), Group("Data", advanced=True), "Lines that have run, from 0"] = 0

    def show(self) -> Work[None]:
        """Yield the program with its line, the batch, weights and gradient, and the losses so far."""
        yield from self._figures()

    def steps(self) -> int:
        """One step a line that runs."""
        return self.epochs * (INSIDE * len(batches(self.count, self.batch)) + 1)

    def _figures(self) -> Iterator[Figure]:
        pieces, targets = samples(self.image, self.count)
        course = Course(self.batch, self.rate, self.optimiser, self.forgets, self.seed)
        at = min(self.at, self.steps() - 1)
        run = moments(pieces, targets, course, at + 1)
        now = run[-1]
        before = run[-2] if len(run) > 1 else now
        yield Text("code", self._code(now.line), f"epoch {now.epoch}, batch {now.number}", formula=True)
        yield Text("formula", self._formula(now, before), "what this line did", formula=True)
        most = max(float(np.abs(now.weights[:-1]).max()), 1e-6)
        yield Heatmap("weights", now.weights[:-1].reshape(SIDE, SIDE), f"weights, bias {number(now.weights[-1], 3)}",
                      "diverging", (-most, most))  # fmt: skip
        slope = np.zeros(SIDE * SIDE) if now.gradient is None else now.gradient[:-1]
        title = "gradient: none" if now.gradient is None else "gradient"
        yield Heatmap("gradient", slope.reshape(SIDE, SIDE), title, "diverging",
                      None if slope.any() else (-1.0, 1.0))  # fmt: skip
        tiles = pieces[list(now.batch)].reshape(-1, SIDE, SIDE)
        yield Gallery("batch", tiles, f"the batch: {len(tiles)} samples", self._titles(now, targets), "grey",
                      shared_scale=True, columns=min(8, len(tiles)))  # fmt: skip
        yield _losses(run)
        yield Text("story", self._story(now), "")

    def _code(self, line: int) -> str:
        rows = []
        for k, text in enumerate(LINES):
            words = text.replace("optimizer.zero_grad()", "# optimizer.zero_grad()") if self.forgets else text
            rows.append(f"{'▶' if k == line else ' '} {words}")
        return "\n".join(rows)

    def _titles(self, now: Moment, targets: Array) -> tuple[str, ...]:
        out = [None] * len(now.batch) if now.output is None else [float(one) for one in now.output]
        return tuple(
            f"t {int(targets[k])}" + ("" if one is None else f" z {number(one, 2)}")
            for k, one in zip(now.batch, out, strict=True)
        )

    def _formula(self, now: Moment, before: Moment) -> str:
        if now.line == INSIDE:
            return means(now.sums)[2]
        w, w_before = now.weights[0], before.weights[0]
        slope = None if now.gradient is None else now.gradient[0]
        told = {
            0: f"batch {now.number}: samples {', '.join(map(str, now.batch))}",
            1: f"data ({len(now.batch)}, {SIDE * SIDE}), target ({len(now.batch)}, 1)",
            2: f"output = w·x + b of {len(now.batch)} samples",
            3: "left out: the old gradient stays" if self.forgets else "gradient = none",
            4: f"loss = mean of {len(now.batch)} cross-entropies = {number(now.loss or 0.0)} nats",
            5: f"∂loss/∂w₀ = {number(slope or 0.0)}",
            6: f"w₀ = {number(w_before)} → {number(w)}",
            7: f"train_loss = {' + '.join(number(one) for one, _ in now.sums)} = {number(sum(s for s, _ in now.sums))}",
        }
        if now.line == 6 and self.optimiser == "sgd" and slope is not None:
            return f"w₀ = {number(w_before)} − {number(self.rate)}·{number(slope)} = {number(w)}".replace("·−", "·(−)")
        return told[now.line]

    def _story(self, now: Moment) -> str:
        said = []
        if now.log:
            said.append(f"so far in this batch: {' → '.join(now.log)}")
        if self.forgets:
            said.append("gradients of all batches so far are added")
        if now.line == INSIDE:
            of_batches, of_samples, _ = means(now.sums)
            short = now.sums[-1][1]
            if short < now.sums[0][1]:
                said.append(
                    f"mean of batches {number(of_batches, 6)} and mean of samples {number(of_samples, 6)} differ, for "
                    f"the last batch has {short} of {now.sums[0][1]} samples"
                )
            else:
                said.append("the mean of batches and the mean of samples are the same: all batches are as large")
        said.append("model.train() belongs before the loop and model.eval() before validation; the deck has neither")
        return "; ".join(said) + "."


def means(sums: tuple[tuple[float, int], ...]) -> tuple[float, float, str]:
    """Mean of batch means, mean over samples, and the line that says both."""
    of_batches = sum(one for one, _ in sums) / len(sums)
    count = sum(samples_in for _, samples_in in sums)
    of_samples = sum(one * samples_in for one, samples_in in sums) / count
    terms = " + ".join(number(one) for one, _ in sums)
    weighed = " + ".join(f"{samples_in}·{number(one)}" for one, samples_in in sums)
    line = f"({terms}) / {len(sums)} = {number(of_batches, 6)};  ({weighed}) / {count} = {number(of_samples, 6)}"
    return of_batches, of_samples, line


def samples(image: Slice, count: int) -> tuple[Array, Array]:
    """Pieces (count, 25) of the slice in spreads, half of them with a bright middle, and 1 for those."""
    values = grey(image, SIDE + 1)
    values = np.clip(values, *shades(values))
    if float(values.std()) < 1e-9:
        raise Refused(image.name or "image", "it is the same everywhere", "choose a slice with contrast")
    scaled = (values - values.mean()) / values.std()
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (SIDE, SIDE))[::2, ::2].reshape(-1, SIDE * SIDE)
    stands_out = windows[:, SIDE * SIDE // 2] - windows.mean(axis=1)
    order = np.argsort(stands_out, kind="stable")
    half = count // 2
    low, high = order[: max(1, count - half)], order[::-1][: max(1, half)]
    chosen = [int(one) for pair in zip(low, [*high, *high[:1]], strict=False) for one in pair][:count]
    targets = (stands_out[chosen] > np.median(stands_out)).astype(float)
    return windows[chosen].astype(float), targets


def _losses(run: list[Moment]) -> Curves:
    ends = [one for one in run if one.line == 7]
    values = np.array([one.sums[-1][0] for one in ends])
    epochs = [one for one in run if one.line == INSIDE]
    lines = [Line("batch", np.arange(len(values)), values)]
    if epochs:
        per = len(epochs[0].sums)
        places = (np.arange(len(epochs)) + 1) * per - 1
        lines.append(Line("mean of batches", places, np.array([means(one.sums)[0] for one in epochs])))
        lines.append(Line("mean of samples", places, np.array([means(one.sums)[1] for one in epochs]), dashed=True))
    return Curves("losses", tuple(lines), "losses so far", "batch", "loss (nats)")
