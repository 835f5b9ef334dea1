"""From a case and a moment of a run to the scene that is drawn: outline, filled, probability or error."""

from dataclasses import dataclass, replace
from typing import Literal

from medviz.gui.story.reel import Moment
from medviz.imaging.judging.difference import LEGEND
from medviz.imaging.labels import Label, named
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.story import ProbeCase
from medviz.imaging.volume import Stored, Volume

How = Literal["outline", "filled", "probability", "error"]
WAYS: tuple[How, ...] = ("outline", "filled", "probability", "error")
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Look:
    """How a moment is drawn; `value` is the class whose probability is seen, `reference` draws it as a white line."""

    how: How = "outline"
    value: int = 1
    opacity: float = 0.6
    reference: bool = True


def scene_with(scene: Scene, case: ProbeCase, moment: Moment | None, look: Look, classes: tuple[str, ...]) -> Scene:
    """Lay a moment over the scan; window, cursor and all else stay."""
    if not scene.layers:
        return scene
    layers = [scene.layers[0]]
    if moment is not None:
        over = _over(moment, look, classes)
        layers += [over] if over is not None else []
    if look.reference and case.reference is not None and look.how != "error":
        white = tuple(Label(value, name, WHITE) for value, name in enumerate(classes, start=1))
        layers.append(Layer(case.reference, "labels", opacity=0.85, style="outline", labels=white))
    return replace(scene, layers=tuple(layers), active=0)


def _over(moment: Moment, look: Look, classes: tuple[str, ...]) -> Layer | None:
    if look.how == "error" and moment.errors is not None:
        return Layer(moment.errors, "labels", opacity=look.opacity, style="fill", labels=LEGEND)
    if look.how == "probability" and moment.shares is not None:
        share = class_of(moment.shares, look.value)
        return Layer(share, "probability", opacity=look.opacity, window=1.0, level=0.5, colours="magma", style="fill")
    if moment.labels is None:
        return None
    style: Literal["outline", "fill"] = "fill" if look.how == "filled" else "outline"
    opacity = look.opacity if look.how == "filled" else max(look.opacity, 0.9)
    return Layer(moment.labels, "labels", opacity=opacity, style=style, labels=named(classes))


def class_of(shares: Volume, value: int) -> Volume:
    """One class of probabilities as a volume of its own, a view."""
    number = min(max(value, 0), shares.voxels.shape[0] - 1)
    voxels = shares.voxels[number : number + 1]
    stored = Stored("story", voxels.shape[1:], "RAS", shares.affine, voxels.dtype)
    return replace(shares, voxels=voxels, stored=stored, kind="scalar", name="probability")
