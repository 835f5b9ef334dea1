"""Network: what a network is made of, and what each layer makes of the slice (decks D1 to D4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medviz.figures import Curves, Figure, Line, Picture, Text
from medviz.imaging.slices import Slice
from medviz.labs.formulas import number
from medviz.labs.lab import Erratum, Example, Lab
from medviz.labs.looked_into import Known, Wanted, fitted, known, network_of, traced
from medviz.labs.network_facts import fact
from medviz.labs.network_figures import Looked, blocks, grouped, looks, maps_of, seen, table
from medviz.messages import Work
from medviz.parameters import Choice, File, Group, Input, Part, Pick, Range, Settings, When
from medviz.probe.saliency import grad_cam, integrated_gradients, occlusion, saliency
from medviz.refused import Refused

Array = NDArray[Any]
E14 = Erratum("E14", "D3: AlexNet, basic conv net ever", "LeNet is of 1998, AlexNet of 2012; D4 says so")
_ASKED = {
    "nothing": "nothing",
    "saliency": "saliency: |gradient|",
    "grad_cam": "Grad-CAM of the layer",
    "occlusion": "occlusion",
    "integrated": "integrated gradients",
    "gradients": "gradient that reaches each layer",
}


def _disc() -> Slice:
    rows, cols = np.indices((64, 64)) - 31.5
    far = np.hypot(rows / 1.2, cols)
    inner = np.hypot(rows + 8, cols - 10)
    pixels = 900 * (far < 24) - 350 * (far < 20) + 500 * (inner < 5) + 40 * np.cos(rows / 3)
    return Slice(np.round(pixels).astype(np.int16), (2.5, 2.5), name="phantom")


_PHANTOM, _LENET = _disc(), Settings("lenet")
_COLOUR = {"channels": 3, "classes": 1000}


@dataclass(frozen=True)
class NetworkLab(Lab):
    """Any network of the catalog, or one that was trained: its table, and its channels on the slice."""

    TITLE: ClassVar[str] = "Network"
    ARRANGE: ClassVar[str] = "image tiles / unit filter why / structure / blocks / formula / story erratum"
    EXAMPLES: ClassVar[tuple[Example, ...]] = (
        Example("LeNet, layer by layer", "NET-1", "D4", {"network": _LENET, "side": 32},
                {"story": "61,706 parameters", "structure": "features.0 Conv2d 6 × 28 × 28 156 117600 5 × 5"},
                text="Point at a row of the table: its channels are drawn on the slice."),
        Example("A network that was trained", "NET-1", "D1", {"model": "mni152_tissue", "layer": 6},
                {"story": "its weights were trained"},
                text="The shipped model; the folder of a run of your own does as well. Open a T1 to see it at work."),
        Example("LeNet, the first", "NET-2", "D4", {"network": _LENET},
                {"formula": "156 + 2,416 + 48,120 + 10,164 + 850 = 61,706"}, E14),
        Example("AlexNet", "NET-2", "D4", {"network": {"name": "alexnet", "size": 224, "width": 64}, **_COLOUR},
                {"story": "61,100,840 parameters", "formula": "58,631,144 of 61,100,840"}, E14,
                text="Large first filters of 11×11; nearly all parameters are dense."),
        Example("AlexNet's filters, small enough to run", "NET-2", "D3", {"network": {"name": "alexnet"}},
                {"filter.shape": (1, 11, 11)}, E14, text="Of untrained weights: noise. Trained, they are edges."),
        Example("VGG-16", "NET-3", "D4",
                {"network": {"name": "vgg", "size": 224, "width": 64, "norm": False}, **_COLOUR},
                {"story": "138,357,544 parameters", "formula": "73,728 weights, one 5×5 = 25·64² = 102,400"},
                text="Two windows of 3 see as far as one of 5."),
        Example("GoogLeNet: four paths", "NET-4", "D4", {"network": {"name": "googlenet"}, "layer": 42},
                {"formula": "= 256 features, 163,696 parameters; without 1×1 387,296"},
                text="1×1, 3×3, 5×5 and pooling look at the same features, side by side."),
        Example("ResNet-34", "NET-5", "D3", {"network": {"name": "resnet", "depth": 34}, **_COLOUR, "side": 224},
                {"formula": "34 layers with weights; y = ReLU(F(x) + x)", "story": "21,797,672 parameters"}),
        Example("What its skips are worth", "NET-5", "D3",
                {"network": {"name": "resnet", "depth": 34, "width": 8}, "ask": "gradients"},
                {"formula": "y = ReLU(F(x) + x)", "why": "with and without skips"},
                text="Without them next to nothing of the gradient arrives at the first layers."),
        Example("DenseNet-121", "NET-5", "D4", {"network": {"name": "densenet"}, **_COLOUR},
                {"formula": "64 → 96 → 128 → 160 → 192 → 224 → 256", "story": "7,978,856 parameters"}),
        Example("EfficientNet-B0", "NET-6", "D0", {"network": {"name": "efficientnet"}, **_COLOUR},
                {"formula": "= 1.92", "story": "5,288,548 parameters"}),
        Example("U-Net: 572 in, 388 out", "NET-7", "D2", {"network": {"name": "unet_original", "width": 64},
                "classes": 2, "side": 388}, {"formula": "572 px → 568 → 280 → 136 → 64 → 28 → 52 → 100 → 196 → 388",
                "story": "31,030,658 parameters"}, text="A slice of 388 px is mirrored at its borders to 572."),
        Example("U-Net with padding", "NET-7", "D3", {"network": {"name": "unet"}, "classes": 2},
                {"structure": "head Conv2d 2 × 64 × 64"}, text="As large out as in."),
        Example("Where it looks: Grad-CAM", "NET-10", "D1", {"ask": "grad_cam", "layer": 3},
                {"why": "never negative"}, text="Features that speak for a class, enlarged to the slice."),
        Example("Covering a window", "NET-10", "D1", {"ask": "occlusion"}, {"why": "score falls"}),
        Example("ViT: patches read as words", "SEQ-2", "D0",
                {"network": {"name": "vit", "size": 224, "patch": 16, "width": 768, "depth": 12, "heads": 12},
                 **_COLOUR}, {"formula": "(224/16)² = 196 + 1 tokens of 16·16·3 = 768 numbers",
                 "story": "86,567,656 parameters"}),
    )  # fmt: skip

    image: Annotated[Slice, Input("slice"), "What the network looks at"] = _PHANTOM
    network: Annotated[Settings, Part("networks"), Group("Network"), "What is looked into"] = _LENET
    model: Annotated[
        str, File(folder=True), Group("Network"), "A shipped model's name or a run's folder, instead of the network"
    ] = ""
    channels: Annotated[int, Range(1, 4), Group("Network", advanced=True), "Channels of its input"] = 1
    classes: Annotated[int, Range(1, 1000), Group("Network", advanced=True), "What it tells apart"] = 10
    side: Annotated[
        int, Range(32, 512, unit="px"), Group("Network", advanced=True), "Side of its input where it takes any"
    ] = 64
    seed: Annotated[int, Range(0, 999), Group("Network", advanced=True), "Draws its weights"] = 0
    ask: Annotated[str, Choice(tuple(_ASKED), tuple(_ASKED.values())), Group("Why"), "What is asked of it"] = "nothing"
    target: Annotated[
        int, Range(0, 999), When("ask", "saliency", "grad_cam", "occlusion", "integrated"), Group("Why"),
        "The class asked about, from 0",
    ] = 0  # fmt: skip
    layer: Annotated[int, Range(0, 1000), Pick("structure"), "The layer that is shown, from 0"] = 0
    unit: Annotated[int, Range(0, 10_000), Pick("tiles"), "Its channel that is shown large, from 0"] = 0
    place: Annotated[tuple[int, int] | None, Pick("unit"), "The value whose window is marked"] = None

    def show(self) -> Work[None]:
        """Yield the table and the blocks; then, where it is small enough to be run, its channels on the slice."""
        yield from self._figures()

    def pointed(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> Self:
        """Take the row of the table, or the last layer of a block."""
        if figure == "structure":
            return replace(self, layer=cell[0], place=None)
        if figure == "blocks":
            layers = self._known().layers
            groups = list(grouped(layers).values())
            return replace(self, layer=layers.index(groups[min(cell[0], len(groups) - 1)][-1]), place=None)
        return super().pointed(figure, cell, shape)

    def _figures(self) -> Iterator[Figure]:
        counts = self._known()
        x, picture, mm = fitted(self.image, counts.shape, trained=bool(self.model.strip()))
        layer = counts.layers[min(self.layer, len(counts.layers) - 1)]
        wanted = self._wanted()
        figures: list[Figure] = [table(counts), blocks(counts, layer)]
        if counts.runs:
            network = network_of(wanted)
            maps = maps_of(traced(network, x, (layer.name,))[layer.name])
            looked = Looked(layer, maps, min(self.unit, len(maps) - 1), self._place(maps), mm)
            figures += [*looks(looked, picture, network), *self._why(network, x, layer.name, counts)]
        else:
            figures.append(Picture("image", picture, "slice, as the network gets it", mm))
        yield from figures
        yield Text("formula", fact(wanted, counts), "", formula=True)
        yield Text("story", self._story(counts, mm), "")

    def _wanted(self) -> Wanted:
        return Wanted(self.network, self.channels, self.classes, self.seed, self.model.strip())

    def _known(self) -> Known:
        return known(self._wanted(), self.side)

    def _place(self, maps: Array) -> tuple[int, int]:
        rows, cols = maps.shape[1:]
        row, col = self.place or (rows // 2, cols // 2)
        return min(row, rows - 1), min(col, cols - 1)

    def _why(self, network: nn.Module, x: Array, layer: str, counts: Known) -> Iterator[Figure]:
        if self.ask == "nothing":
            return
        if self.ask == "gradients":
            yield _gradients(self._wanted(), self.side)
            return
        if self.target >= counts.classes:
            raise Refused(f"target={self.target}", f"the network tells {counts.classes} apart", "count from 0")
        asked: dict[str, Callable[[], Array]] = {
            "saliency": lambda: np.abs(saliency(network, x, self.target)).max(0),
            "grad_cam": lambda: grad_cam(network, x, layer, self.target),
            "occlusion": lambda: occlusion(network, x, self.target, max(1, x.shape[1] // 8)),
            "integrated": lambda: integrated_gradients(network, x, self.target, float(x.min()), 16).sum(0),
        }
        mapped = asked[self.ask]()
        mapped = mapped[..., mapped.shape[-1] // 2] if mapped.ndim == 3 else mapped
        signed = self.ask in ("occlusion", "integrated")
        title = {
            "saliency": "how much each pixel moves the score",
            "grad_cam": "what speaks for the class; never negative",
            "occlusion": "how much the score falls where it is covered",
            "integrated": "what each pixel adds to the score",
        }[self.ask]
        most = float(np.abs(mapped).max()) or 1.0
        levels = (-most, most) if signed else (0.0, most)
        yield Picture("why", mapped, f"class {self.target}: {title}", levels=levels,
                      colours="diverging" if signed else "viridis")  # fmt: skip

    def _story(self, counts: Known, mm: tuple[float, float] | None) -> str:
        layer = counts.layers[min(self.layer, len(counts.layers) - 1)]
        said = [f"{counts.parameters:,} parameters and {counts.multiply_adds:,} multiply-adds for one input of "
                f"{' × '.join(map(str, counts.shape))}"]  # fmt: skip
        sees = f"a value of layer {layer.name or '(itself)'} sees {seen(layer)}"
        if layer.sees is not None:
            high, wide = layer.sees[:2]
            sees += f" px ({number(high * mm[0], 3)} × {number(wide * mm[1], 3)} mm)" if mm else " px, uncalibrated"
        said.append(sees)
        if not counts.runs:
            said.append("too large to be run at each turn of a control, so it is counted only: make it narrower")
        elif self.model.strip():
            said.append("its weights were trained")
        else:
            said.append(
                f"its weights are untrained, drawn from seed {self.seed}: maps show what it could use, not more"
            )
        return "; ".join(said) + "."


def _gradients(wanted: Wanted, side: int) -> Curves:
    """Norm of the gradient that reaches the weights of each layer; of a ResNet, with and without its skips."""
    values = wanted.values
    lines = [_norms(wanted, side)]
    if "skips" in values and wanted.settings.name == "resnet" and not wanted.model:
        other = replace(wanted, settings=wanted.settings.turned(skips=not values["skips"]))
        lines.append(_norms(other, side))
    names = (("with skips", "without"), ("without", "with skips"))[not values.get("skips", True)]
    drawn = tuple(
        Line(name if len(lines) > 1 else wanted.settings.name, np.arange(len(one)), np.maximum(one, 1e-30), index == 1)
        for index, (name, one) in enumerate(zip(names, lines, strict=False))
    )
    title = "gradient at each layer, with and without skips" if len(lines) > 1 else "gradient at each layer"
    return Curves("why", drawn, title, "layer with weights, from the input", "norm of the gradient", log_y=True)


@lru_cache(maxsize=8)
def _norms(wanted: Wanted, side: int) -> Array:
    network, shape = network_of(wanted), known(wanted, side).shape
    x = torch.randn((2, *shape), generator=torch.Generator().manual_seed(1))
    weights = [one for name, one in network.named_parameters() if one.ndim > 1 and ".shortcut." not in name]
    gradients = torch.autograd.grad(network(x).sum(), weights, allow_unused=True)
    return np.array([0.0 if one is None else float(one.norm()) for one in gradients])
