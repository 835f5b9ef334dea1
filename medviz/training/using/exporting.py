"""A model of ours written for others: TorchScript, torch.export, ONNX, a MONAI bundle; each is read back and compared.

What is written is loaded again by the door through which any stranger's model comes (`formats.load`; ONNX by its own
runtime), both are run over the same noise, and the largest difference is told. Beside each file lies a card.
"""

import io
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from medviz.catalog import Catalog, Entry
from medviz.data.needs import Needs
from medviz.data.preparation import Preparation
from medviz.imaging.storage import putting, replacing
from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.using.classifying import class_model, classifies
from medviz.training.using.exporting_classes import export_classes
from medviz.training.using.formats import load
from medviz.training.using.formats.form import tried
from medviz.training.using.model import Model

Target = Literal["torchscript", "pt2", "onnx", "monai"]
TARGETS: dict[Target, tuple[str, str]] = {
    "torchscript": (".pt", "TorchScript, with its own code"),
    "pt2": (".pt2", "torch.export"),
    "onnx": (".onnx", "ONNX"),
    "monai": ("", "a MONAI bundle (a folder)"),
}
_ONNX: Catalog[Any] = Catalog(
    "tool for ONNX",
    "medviz.onnx",
    {"runtime": Entry("onnxruntime:InferenceSession"), "checker": Entry("onnx:checker")},
)
_CLOSE = 1e-3
"""A larger difference between both, in a network's scores, is called an error and not rounding."""
_SIDE = 64


@dataclass(frozen=True)
class Exported:
    """What was written, and the largest difference of a score between the network and what was read back."""

    out: Path
    max_abs_difference: float
    tried_on: tuple[int, ...]


def export(where: str, target: Target, out: Path) -> Work[Exported]:
    """Write a model for use elsewhere and check it by running both; nothing is left behind where they differ."""
    yield Progress(0, 3, "loading the model")
    _writable(target, out)
    if classifies(where):
        named = class_model(where)
        yield Progress(1, 3, f"writing {out.name}")
        return Exported(out, *export_classes(named, target, out, _onnx_runtime() if target == "onnx" else None))
    made = load(where)
    if not isinstance(made.preparation, Preparation):
        raise Refused(where, "it was made elsewhere", "export a run of this program, or a model that ships with it")
    network = made.network.eval()
    x = torch.rand((1, made.preparation.channels, *[_SIDE] * made.preparation.dimensions))
    yield Progress(1, 3, f"writing {out.name}")
    difference = _WRITERS[target](made, network, x, out)
    yield Progress(3, 3, "compared")
    return Exported(out, difference, tuple(x.shape))


def _writable(target: Target, out: Path) -> None:
    """Refuse a name that does not suit, a folder that is not there, a bundle that is there already."""
    ending = TARGETS[target][0]
    if ending and out.suffix.lower() != ending:
        raise Refused(out, f"a file of this kind ends with {ending}", f"name it {out.stem}{ending}")
    if not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    if target == "monai" and out.exists():
        raise Refused(out, "there is something already", "give a new name")


def needs_of(made: Model, multiple: int) -> Needs:
    """Say the preparation of a network of ours in the words for strangers."""
    preparation = made.preparation
    mm = preparation.spacing_mm
    axes = "RAS" if preparation.dimensions == 3 else {0: "ASR", 1: "RSA", 2: "RAS"}[preparation.normal]
    side = max(preparation.patch, default=96)
    return Needs(
        dimensions=preparation.dimensions,
        channels=preparation.channels,
        axes=axes,
        spacing=",".join(f"{one:g}" for one in mm) if mm else "",
        tile=max(16, min(512, side)),
        multiple=multiple,
        scale="foreground",
        output="scores",
        labels=", ".join(name.replace(",", ";") for name in made.labels),
    )


def card_of(made: Model, multiple: int) -> dict[str, Any]:
    """Make the card that goes beside what was written."""
    said = {name: value for name, value in made.trust.plain().items() if name not in ("unknown", "sha256", "format")}
    return {**said, "labels": list(made.labels), "needs": needs_of(made, multiple).plain()}


def _torchscript(made: Model, network: nn.Module, x: Tensor, out: Path) -> float:
    data = _compiled(network, x)
    with replacing(out) as file:
        file.write(data)
    return _compared(made, network, x, out, _multiple(made, _loaded(data)))


def _pt2(made: Model, network: nn.Module, x: Tensor, out: Path) -> float:
    auto = torch.export.Dim.AUTO
    shapes = (dict.fromkeys(range(2, x.ndim), auto),)
    with warnings.catch_warnings(), putting(out) as waiting:
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network, (x,), dynamic_shapes=shapes), waiting)
    return _compared(made, network, x, out, 2**4)


def _monai(made: Model, network: nn.Module, x: Tensor, out: Path) -> float:
    """Write the folder under another name first, so that it is there whole or not at all."""
    data = _compiled(network, x)
    multiple = _multiple(made, _loaded(data))
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".part.") as held:
        folder = Path(held) / out.name
        for name in ("configs", "models", "docs"):
            (folder / name).mkdir(parents=True)
        (folder / "models" / "model.ts").write_bytes(data)
        for name, said in (("metadata", _metadata(made)), ("inference", _inference(made))):
            (folder / "configs" / f"{name}.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
        (folder / "card.json").write_text(json.dumps(card_of(made, multiple), indent=1, ensure_ascii=False) + "\n")
        (folder / "docs" / "README.md").write_text(_readme(made))
        difference = _difference(network, load(str(folder)).network, x)
        folder.rename(out)
    return difference


def _onnx(made: Model, network: nn.Module, x: Tensor, out: Path) -> float:
    runtime = _onnx_runtime()
    dynamic = {axis: f"side_{axis - 1}" for axis in range(2, x.ndim)}
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (x,), held,  # type: ignore[arg-type]  # it takes a file too
            dynamo=False, opset_version=17, input_names=["image"], output_names=["scores"],
            dynamic_axes={"image": {0: "batch", **dynamic}, "scores": {0: "batch", **dynamic}},
        )  # fmt: skip
    session = runtime(held.getvalue(), providers=["CPUExecutionProvider"])

    def run(given: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"image": given.numpy()})[0])

    difference = _difference(network, run, x)
    with replacing(out) as file:
        file.write(held.getvalue())
    _write_card(made, out, 2**4)
    return difference


def _onnx_runtime() -> Any:
    try:
        runtime = _ONNX["runtime"]
        _ = _ONNX["checker"]
    except ImportError as problem:
        raise Refused("--to onnx", "onnx and onnxruntime are not installed", "install them with pip") from problem
    return runtime


_WRITERS: dict[Target, Callable[[Model, nn.Module, Tensor, Path], float]] = {
    "torchscript": _torchscript,
    "pt2": _pt2,
    "onnx": _onnx,
    "monai": _monai,
}


def _compiled(network: nn.Module, x: Tensor) -> bytes:
    held = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(network, x, check_trace=False), held)  # type: ignore[no-untyped-call]
    return held.getvalue()


def _loaded(data: bytes) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: nn.Module = torch.jit.load(io.BytesIO(data))  # type: ignore[no-untyped-call]
    return made


def _multiple(made: Model, network: nn.Module) -> int:
    """Find the multiple of sides that the written network needs; ours fills up by itself, a compiled one does not."""
    return tried(network, needs_of(made, 1), made.name).multiple


def _compared(made: Model, network: nn.Module, x: Tensor, out: Path, multiple: int) -> float:
    """Load what was written as a stranger's and compare; what differs does not stay."""
    card = _write_card(made, out, multiple)
    try:
        return _difference(network, load(str(out)).network, x)
    except Refused:
        out.unlink(missing_ok=True)
        card.unlink(missing_ok=True)
        raise


def _difference(network: nn.Module, other: Callable[[Tensor], Any], x: Tensor) -> float:
    with torch.no_grad():
        found = float((network(x) - other(x)).abs().max())
    if not found <= _CLOSE:
        raise Refused("the export", f"what was read back differs by {found:.3g}", "export it in another format")
    return found


def _write_card(made: Model, out: Path, multiple: int) -> Path:
    path = out.with_name(f"{out.name}.card.json")
    with replacing(path) as file:
        file.write((json.dumps(card_of(made, multiple), indent=1, ensure_ascii=False) + "\n").encode())
    return path


def _metadata(made: Model) -> dict[str, Any]:
    trust, preparation = made.trust, made.preparation
    names = {"0": "background", **{str(value): name for value, name in enumerate(made.labels, start=1)}}
    sides = ["16*n"] * preparation.dimensions
    return {
        "version": "0.1.0",
        "name": trust.title,
        "task": trust.summary,
        "description": trust.summary,
        "copyright": trust.licence,
        "data_source": trust.trained_on,
        "eval_metrics": dict(trust.metrics),
        "intended_use": "Research and teaching, not for diagnosis. " + trust.limits,
        "pytorch_version": torch.__version__.partition("+")[0],
        "network_data_format": {
            "inputs": {"image": {"type": "image", "num_channels": preparation.channels, "spatial_shape": sides,
                                 "dtype": "float32", "is_patch_data": preparation.dimensions == 3}},
            "outputs": {"pred": {"type": "probabilities", "format": "segmentation", "num_channels": len(names),
                                 "spatial_shape": sides, "dtype": "float32", "channel_def": names}},
        },
    }  # fmt: skip


def _inference(made: Model) -> dict[str, Any]:
    """Say the preparation in MONAI's transforms; its foreground scaling has none of the same, which the card says."""
    preparation = made.preparation
    mm = preparation.spacing_mm
    steps: list[dict[str, Any]] = [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
    ]
    if mm:
        steps.append({"_target_": "Spacingd", "keys": "image", "pixdim": list(mm), "mode": "bilinear"})
    steps.append({"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True, "channel_wise": True})
    side = max(preparation.patch, default=96)
    return {
        "preprocessing": {"_target_": "Compose", "transforms": steps},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [side] * preparation.dimensions, "overlap": 0.25},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": "Activationsd", "keys": "pred", "softmax": True}],
        },
    }


def _readme(made: Model) -> str:
    facts = "\n".join(f"- {what}: {words}" for what, words in replace(made.trust, labels=made.labels).facts())
    return (
        f"# {made.trust.title or made.name}\n\nFor research and teaching, **not for diagnosis**.\n\n{facts}\n\n"
        "`models/model.ts` is the network. Intensities: mean 0 and spread 1 over what is not air (above a tenth of the "
        "way from the darkest value to the 99.5th percentile), cut at ±6; `NormalizeIntensityd` comes near to it.\n"
    )
