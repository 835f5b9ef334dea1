"""Wires: how many numbers a layer has to learn, counted one factor after the other (decks D0, D1 and D3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from medviz.figures import Bars, Figure, Heatmap, Table, Text
from medviz.labs.lab import Erratum, Example, Lab
from medviz.messages import Work
from medviz.parameters import Choice, Group, Range, When
from medviz.refused import Refused

E5 = Erratum(
    "E5",
    "an (f, f, ch) filter is a 3-D filter",
    "it is as deep as the input and slides in two directions only: a 2-D convolution; a Conv3d slides in z too",
)
E7 = Erratum("E7", "256³ inputs and 10 outputs: 160M parameters", "167,772,170; 160M is 160·2²⁰")
E8 = Erratum(
    "E8",
    "150 inputs: 22,500, 450 and 3 parameters",
    "these leave out biases (the slide before counts them): with them 22,650, 600 and 4; 450 assumes padded borders, "
    "without padding there are 148 neurons and 444 wires",
)


@dataclass(frozen=True)
class Count:
    """Numbers to learn: weights, biases, and how they come about."""

    weights: int
    biases: int
    formula: str

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.biases


def counted(layer: str, inputs: int, axes: int, outputs: int, kernel: int, channels: int, bias: bool) -> Count:
    """Count one layer.

    "dense": every input to every output. "local": each of the inputs' places has a kernel of its own. "shared": one
    kernel for all places, times `outputs` filters over `channels`. `inputs` is the length of a side.
    """
    places = inputs**axes
    power = f"{inputs:,}{_SUPER[axes]}" if axes > 1 else f"{inputs:,}"
    if layer == "dense":
        weights, biases = places * channels * outputs, outputs if bias else 0
        line = f"{power}{_times(channels)}·{outputs:,}"
    elif layer == "local":
        weights, biases = places * kernel**axes * channels, places if bias else 0
        line = f"{power}·{_kernel(kernel, axes)}{_times(channels)}"
    else:
        weights, biases = kernel**axes * channels * outputs, outputs if bias else 0
        line = f"{_kernel(kernel, axes)}{_times(channels)}·{outputs:,}"
    total = f"{line} + {biases:,}" if biases else line
    return Count(weights, biases, f"{total} = {weights + biases:,}")


_SUPER = {1: "", 2: "²", 3: "³"}


def _times(channels: int) -> str:
    return f"·{channels:,}" if channels > 1 else ""


def _kernel(kernel: int, axes: int) -> str:
    return "·".join([str(kernel)] * axes)


@dataclass(frozen=True)
class Wires(Lab):
    """The same input through a dense, a local and a shared layer."""

    TITLE: ClassVar[str] = "Wires"
    ARRANGE: ClassVar[str] = "wires bars / table / formula / flat story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("28² pixels, ten classes, dense", "CONV-15", "D1", {"inputs": 28, "axes": 2, "outputs": 10},
                {"formula": "28²·10 + 10 = 7,850"}),
        Example("256² pixels", "CONV-15", "D1", {"inputs": 256, "axes": 2, "outputs": 10},
                {"formula": "256²·10 + 10 = 655,370"}),
        Example("256³ voxels", "CONV-15", "D1", {"inputs": 256, "axes": 3, "outputs": 10},
                {"formula": "256³·10 + 10 = 167,772,170"}, E7),
        Example("150 inputs, dense", "CONV-15", "D1",
                {"inputs": 150, "axes": 1, "outputs": 150, "bias": False}, {"formula": "150·150 = 22,500"}, E8),
        Example("150 inputs, local", "CONV-15", "D1",
                {"inputs": 150, "axes": 1, "outputs": 150, "layer": "local", "bias": False},
                {"formula": "150·3 = 450"}, E8),
        Example("150 inputs, shared", "CONV-15", "D1",
                {"inputs": 150, "axes": 1, "outputs": 1, "layer": "shared", "bias": False}, {"formula": "3·1 = 3"}, E8),
        Example("13 inputs: 117 wires or 5", "CONV-15", "D0",
                {"inputs": 13, "axes": 1, "outputs": 9, "kernel": 5, "bias": False}, {"formula": "13·9 = 117"},
                text="A kernel of 5 over 13 inputs gives 13 − 5 + 1 = 9 outputs: dense 117 weights, shared 5."),
        Example("A 3×3 map", "CONV-12", "D1", {"inputs": 28, "axes": 2, "outputs": 1, "layer": "shared", "bias": False},
                {"formula": "3·3·1 = 9"}, text="10 with its bias."),
        Example("32 filters of 3×3 on 228×228×228", "CONV-16", "D3",
                {"inputs": 228, "axes": 2, "outputs": 32, "channels": 228, "layer": "shared"},
                {"formula": "3·3·228·32 + 32 = 65,696"}, text="The deck is right: (3·3·228 + 1)·32."),
        Example("The same read as a Conv3d", "CONV-16", "D3",
                {"inputs": 228, "axes": 3, "outputs": 32, "layer": "shared"},
                {"formula": "3·3·3·32 + 32 = 896"}, E5, text="(27 + 1)·32: it slides in z as well."),
        Example("A filter through all channels", "CONV-11", "D3",
                {"inputs": 6, "axes": 2, "outputs": 2, "channels": 3, "layer": "shared", "bias": False},
                {"formula": "3·3·3·2 = 54"}, E5, text="One sum over f·f·ch; two filters give two maps."),
        Example("Flatten (64, 64, 8)", "CONV-14", "D3", {"inputs": 64, "axes": 2, "channels": 8, "outputs": 1},
                {"flat": "64·64·8 = 32,768"}, text="A volume of maps becomes one long row."),
        Example("Flatten (3, 3, 1)", "CONV-14", "D3", {"inputs": 3, "axes": 2, "outputs": 1}, {"flat": "3·3·1 = 9"},
                text="The deck counts rows, columns, channels; torch takes channels first: same count."),
    )  # fmt: skip

    layer: Annotated[
        str, Choice(("dense", "local", "shared"), ("dense: all to all", "local: a kernel each", "shared: convolution")),
        Group("Layer"), "Who is wired to whom",
    ] = "dense"  # fmt: skip
    inputs: Annotated[int, Range(1, 512, unit="px"), Group("Layer"), "Length of a side of the input"] = 28
    axes: Annotated[int, Range(1, 3), Group("Layer"), "A line, a picture or a volume"] = 2
    channels: Annotated[int, Range(1, 1024), Group("Layer"), "Channels of the input"] = 1
    outputs: Annotated[int, Range(1, 1024), Group("Layer"), "Outputs of a dense layer, filters of a shared one"] = 10
    kernel: Annotated[
        int, Range(1, 15, unit="px"), When("layer", "local", "shared"), Group("Layer"), "Side of the kernel"
    ] = 3
    bias: Annotated[bool, Group("Layer"), "Count one bias an output"] = True

    def show(self) -> Work[None]:
        """Yield a picture of the wires, the three counts, and the count in focus written out."""
        yield from self._figures()

    def _figures(self) -> Iterator[Figure]:
        if self.layer != "dense" and self.kernel > self.inputs:
            raise Refused(f"kernel={self.kernel}", f"it is larger than the input, {self.inputs}", "take a smaller one")
        counts = {
            name: counted(name, self.inputs, self.axes, self.outputs, self.kernel, self.channels, self.bias)
            for name in ("dense", "local", "shared")
        }
        yield Heatmap("wires", _wired(self.layer, self.kernel), f"{self.layer}, drawn for 12 inputs", colours="grey",
                      row_names=tuple(f"out {i + 1}" for i in range(12)))  # fmt: skip
        totals = np.array([np.log10(max(1, one.total)) for one in counts.values()])
        yield Bars("bars", tuple(counts), totals, "numbers to learn", "log₁₀")
        rows = tuple((name, one.weights, one.biases, one.total) for name, one in counts.items())
        yield Table("table", ("layer", "weights", "biases", "together"), rows, "the same input through each")
        yield Text("formula", counts[self.layer].formula, self.layer, formula=True)
        sides = "·".join([str(self.inputs)] * self.axes)
        long = self.inputs**self.axes * self.channels
        yield Text("flat", f"{sides}·{self.channels} = {long:,}", "flattened", formula=True)
        yield Text("story", "A dense layer grows with the picture, a shared one does not.", "")


def _wired(layer: str, kernel: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Which of 12 inputs each of 12 outputs sees; of a shared layer the shade says which weight it is."""
    if layer == "dense":
        return np.ones((12, 12))
    wires = np.zeros((12, 12))
    reach = min(kernel, 11) // 2
    for out in range(12):
        for tap in range(-reach, min(kernel, 11) - reach):
            if 0 <= out + tap < 12:
                wires[out, out + tap] = 1.0 if layer == "local" else 0.3 + 0.7 * (tap + reach) / max(1, kernel - 1)
    return wires
