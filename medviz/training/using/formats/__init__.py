"""The kinds of file a model may come in: one door, `load`, and behind it a format a file."""

from pathlib import Path

from medviz.catalog import Catalog, Entry
from medviz.data.needs import Needs
from medviz.refused import Refused
from medviz.training.using.formats.form import Format
from medviz.training.using.model import Model
from medviz.training.using.models import models

FORMATS: Catalog[Format] = Catalog(
    "model format",
    "medviz.formats",
    {
        "own": Entry("medviz.training.using.formats.own:FORMAT", "A model of this program", "shipped, or of a run"),
        "meshnet": Entry("medviz.training.using.formats.layers:FORMAT", "TensorFlow.js layers", "brainchop's folders"),
        "bundle": Entry(
            "medviz.training.using.formats.bundle:FORMAT", "MONAI bundle", "a folder or a zip with configs"
        ),
        "torchscript": Entry(
            "medviz.training.using.formats.torchscript:FORMAT", "TorchScript", "a file with its own code"
        ),
        "exported": Entry("medviz.training.using.formats.exported:FORMAT", "torch.export", "a .pt2 with its graph"),
    },
)


def load(where: str, needs: Needs | None = None) -> Model:
    """Load a model: the name of a shipped one, the folder of a run, or a file or folder made elsewhere.

    `needs` are what a person says of the input of a model that does not say so itself. Refuses what is no model, what
    would have to be run to be read, and (`Asks`) what must be asked first.
    """
    for name in FORMATS:
        form = FORMATS[name]
        if form.recognises(where):
            return form.load(where, needs)
    if where and Path(where).exists():
        raise Refused(where, "it is no model that can be read", "take TorchScript, .pt2, a MONAI bundle or a run")
    names = ", ".join(one.name for one in models())
    raise Refused(where, "there is no such model", f"take one of {names}, the folder of a run, or a model's file")
