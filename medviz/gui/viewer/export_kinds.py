"""What may be exported of a scene, with the settings of each, and why some of it may not. No widget."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from medviz.imaging.scene import Layer, Pane, Scene
from medviz.imaging.scrolling import Scroll, most
from medviz.imaging.slices import PLANES, Plane
from medviz.parameters import Choice, Range, When

ABOUT_LABELS = ("seg", "rtstruct", "stl", "csv")
OF_ANY_LAYER = ("nifti", "nrrd")
PANES = Choice(("axial", "coronal", "sagittal"))
WITH_WHOLE = Choice(("axial", "coronal", "sagittal", "volume"), ("axial", "coronal", "sagittal", "3-D"))


@dataclass(frozen=True)
class Plainly:
    """Nothing to be set."""


@dataclass(frozen=True)
class AsSurface:
    """How a surface is written."""

    smooth: Annotated[int, Range(0, 50, step=1), "Rounds that take the steps of the voxels off; 0 keeps them"] = 12
    one_file: Annotated[bool, "All labels in one file, else a file for each"] = True


@dataclass(frozen=True)
class AsPicture:
    """How a pane becomes a picture."""

    pane: Annotated[Pane, WITH_WHOLE, "Which pane"] = "axial"
    size: Annotated[int, Range(128, 8192, step=64, unit="px"), "Longer side of the picture"] = 1024
    frame: Annotated[
        bool,
        When("pane", *PLANES),
        "A margin with letters, position and convention, so that nothing covers the picture",
    ] = True
    crosshair: Annotated[bool, When("pane", *PLANES), "Draw the cross-hair"] = False


@dataclass(frozen=True)
class AsFilm:
    """How a film goes through slices or time, or around the whole."""

    shows: Annotated[
        Literal["slices", "frames", "turn"],
        Choice(("slices", "frames", "turn"), ("a scroll through slices", "frames in time", "a turn of the 3-D view")),
        "What goes by",
    ] = "slices"
    plane: Annotated[Plane, PANES, When("shows", "slices", "frames"), "Which plane"] = "axial"
    first: Annotated[int, Range(1, 20000, step=1), When("shows", "slices", "frames"), "First slice or frame"] = 1
    last: Annotated[int, Range(1, 20000, step=1), When("shows", "slices", "frames"), "Last one; it is shown too"] = 1
    every: Annotated[int, Range(1, 50, step=1), When("shows", "slices", "frames"), "Only each so many-th"] = 1
    pictures: Annotated[int, Range(8, 720, step=1), When("shows", "turn"), "Pictures of one turn"] = 72
    speed: Annotated[float, Range(1.0, 50.0, step=1.0, unit="/s"), "Pictures a second"] = 12.0
    size: Annotated[int, Range(128, 2048, step=64, unit="px"), "Longer side"] = 512
    back: Annotated[
        bool, When("shows", "slices", "frames"), "To the end and back again, so that a loop has no jump"
    ] = False
    letters: Annotated[bool, When("shows", "slices", "frames"), "Letters at the edges"] = True

    @property
    def scroll(self) -> Scroll:
        """What is drawn, slices counted from 0."""
        return Scroll(
            self.plane,
            "frames" if self.shows == "frames" else "slices",
            self.first - 1,
            self.last - 1,
            self.every,
            self.size,
            self.back,
            self.letters,
        )

    @property
    def total(self) -> int:
        """How many pictures it has."""
        return self.pictures if self.shows == "turn" else len(self.scroll.numbers)


Settings = Plainly | AsSurface | AsPicture | AsFilm


@dataclass(frozen=True)
class Kind:
    """One thing that may be exported. `name` is that of the writer; `why_not` is empty where it may be."""

    name: str
    title: str
    words: str
    ending: str
    settings: Settings = Plainly()
    why_not: str = ""

    @property
    def of_a_layer(self) -> bool:
        """Whether a layer must be chosen."""
        return self.name in ABOUT_LABELS + OF_ANY_LAYER


_NO_LABELS = "There are no labels: open a label map, run a model or draw some"
_NO_SIZE = "The scan says no voxel size, so that there are no mm"
_KINDS = (
    Kind(
        "nifti",
        "NIfTI",
        "A layer with the scan's own affine bytes, without its header's texts",
        ".nii.gz",
    ),
    Kind("nrrd", "NRRD", "A layer as 3D Slicer keeps volumes", ".nrrd"),
    Kind("seg", "DICOM SEG", "Segments with names, colours and model, for an archive or OHIF", ".dcm"),
    Kind("rtstruct", "DICOM RTSTRUCT", "Contours in mm along pixel borders, for planning", ".dcm"),
    Kind("stl", "Surface (STL)", "Surfaces in mm, frame LPS, for printing or 3D Slicer", ".stl", AsSurface()),
    Kind("csv", "Table (CSV)", "Volume, mean, SD, box and centre of each label", ".csv"),
    Kind("png", "Picture (PNG)", "A pane with its overlays, drawn at any size", ".png", AsPicture()),
    Kind("gif", "Film (GIF)", "A scroll, frames in time or a turn, for slides", ".gif", AsFilm()),
    Kind("mp4", "Film (MP4)", "The same, smaller and with all colours", ".mp4", AsFilm()),
)


def kinds(scene: Scene, can_mp4: bool = True) -> tuple[Kind, ...]:
    """List what may be exported of a scene, with settings that suit it and why some of it may not."""
    return tuple(replace(kind, settings=suited(kind.settings, scene), why_not=_why_not(kind, scene, can_mp4))
                 for kind in _KINDS)  # fmt: skip


def label_layers(scene: Scene) -> tuple[int, ...]:
    """Numbers of the label layers, the one a hand is at first."""
    numbers = [number for number, layer in enumerate(scene.layers) if number and layer.role == "labels"]
    return tuple(sorted(numbers, key=lambda number: (number != scene.active, -number)))


def layers_for(kind: Kind, scene: Scene) -> tuple[int, ...]:
    """Numbers of the layers that may be exported so, the likeliest first."""
    labels = label_layers(scene)
    others = tuple(number for number in range(len(scene.layers)) if number not in labels)
    return labels + others if kind.name in OF_ANY_LAYER else labels if kind.name in ABOUT_LABELS else ()


def suited(settings: Settings, scene: Scene) -> Settings:
    """Keep the slices of a film within the scene; at first all of them."""
    if isinstance(settings, AsPicture):
        return replace(settings, pane=scene.maximised or settings.pane)
    if not isinstance(settings, AsFilm) or scene.scan is None:
        return settings
    series = scene.scan.frames > 1
    shows: Any = "frames" if series and settings == AsFilm() else settings.shows
    if shows == "frames" and not series:
        shows = "slices"
    count = max(1, most(scene, settings.plane, "frames" if shows == "frames" else "slices"))
    last = count if settings == AsFilm() else min(settings.last, count)
    plane = scene.maximised if settings == AsFilm() and scene.maximised in PLANES else settings.plane
    if plane != settings.plane:
        last = most(scene, plane, "frames" if shows == "frames" else "slices")
    return replace(settings, shows=shows, plane=plane, first=min(settings.first, count), last=last)


def refitted(settings: Settings, before: Settings, scene: Scene) -> Settings:
    """After a person's change: another plane or another way to go by begins with all of its slices."""
    if isinstance(settings, AsFilm) and isinstance(before, AsFilm):
        if (settings.plane, settings.shows) != (before.plane, before.shows):
            count = most(scene, settings.plane, "frames" if settings.shows == "frames" else "slices")
            return suited(replace(settings, first=1, last=max(1, count)), scene)
        return suited(settings, scene) if settings != AsFilm() else settings
    return settings


def in_words(settings: Settings) -> str:
    """Say how long a film will be; empty for anything else."""
    if not isinstance(settings, AsFilm):
        return ""
    seconds = settings.total / settings.speed
    return f"{settings.total:,} pictures, {seconds:.1f} s"


def about(layer: Layer, count: int) -> str:
    """Say what goes: how many labels, and that the card of their model goes along."""
    if layer.role != "labels":
        return "Voxels and their place alone: no name, no text of the header"
    words = f"{count} label{'s' * (count != 1)} on the scan's grid"
    if layer.maker is None:
        return words
    model = layer.maker.card.get("model", {})
    hand = ", corrected by hand" if layer.maker.says(layer.volume)["edited_by_hand"] else ""
    return f"{words}, made by {model.get('name') or 'a model'}{hand}; the model's card lies beside the file"


def _why_not(kind: Kind, scene: Scene, can_mp4: bool) -> str:
    if scene.scan is None:
        return "There is no scan: open one"
    if kind.name in ABOUT_LABELS and not label_layers(scene):
        return _NO_LABELS
    if kind.name == "stl" and not scene.scan.calibrated:
        return _NO_SIZE
    if kind.name in ("seg", "rtstruct") and not (scene.scan.calibrated and scene.scan.oriented):
        return "The scan does not say how it lies in the patient, in mm"
    if kind.name == "mp4" and not can_mp4:
        return "There is no encoder: install ffmpeg, or 'pip install imageio-ffmpeg'. A GIF needs neither"
    return ""
