"""A run that names pictures, written for others: TorchScript, torch.export or ONNX, read back and compared."""

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medviz.imaging.storage import putting, replacing
from medviz.refused import Refused
from medviz.training.using.classifying import ClassModel

CLOSE = 1e-3
"""A larger difference of a score is called an error and not rounding."""
Write = Callable[[nn.Module, Tensor, Path], Callable[[Tensor], Tensor]]


def export_classes(made: ClassModel, target: str, out: Path, onnx_runtime: Any = None) -> tuple[float, tuple[int, ...]]:
    """Write the network and a card beside it; return the largest difference and the shape it was tried on."""
    writers: dict[str, Write] = {"torchscript": _torchscript, "pt2": _pt2}
    if target == "onnx":
        writers["onnx"] = lambda network, x, path: _onnx(network, x, path, onnx_runtime)
    if target not in writers:
        fault = "MONAI's bundles of this program label voxels, and this run names pictures"
        raise Refused(f"--to {target}", fault, "take torchscript, pt2 or onnx")
    x = torch.rand((2, made.channels, *[made.side] * made.dimensions))
    network = made.network.eval()
    other = writers[target](network, x, out)
    with torch.inference_mode():
        difference = float((network(x) - other(x)).abs().max())
    if not difference <= CLOSE:
        out.unlink(missing_ok=True)
        raise Refused("the export", f"what was read back differs by {difference:.3g}", "export it in another format")
    with replacing(out.with_name(f"{out.name}.card.json")) as file:
        file.write((json.dumps(_card(made), indent=1, ensure_ascii=False) + "\n").encode())
    return difference, tuple(x.shape)


def _torchscript(network: nn.Module, x: Tensor, out: Path) -> Callable[[Tensor], Tensor]:
    held = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(network, x, check_trace=False), held)  # type: ignore[no-untyped-call]
        with replacing(out) as file:
            file.write(held.getvalue())
        other: Callable[[Tensor], Tensor] = torch.jit.load(str(out))  # type: ignore[no-untyped-call]
    return other


def _pt2(network: nn.Module, x: Tensor, out: Path) -> Callable[[Tensor], Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with putting(out) as waiting:
            shapes = ({0: torch.export.Dim.AUTO},)
            torch.export.save(torch.export.export(network, (x,), dynamic_shapes=shapes), waiting)
        other: Callable[[Tensor], Tensor] = torch.export.load(out).module()
    return other


def _onnx(network: nn.Module, x: Tensor, out: Path, runtime: Any) -> Callable[[Tensor], Tensor]:
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (x,), held,  # type: ignore[arg-type]  # it takes a file too
            dynamo=False, opset_version=17, input_names=["image"], output_names=["scores"],
            dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}},
        )  # fmt: skip
    session = runtime(held.getvalue(), providers=["CPUExecutionProvider"])
    with replacing(out) as file:
        file.write(held.getvalue())
    return lambda given: torch.from_numpy(session.run(None, {"image": given.numpy()})[0])


def _card(made: ClassModel) -> dict[str, Any]:
    said = {name: value for name, value in made.trust.plain().items() if name not in ("unknown", "sha256", "format")}
    pictures = {"dimensions": made.dimensions, "side": made.side, "channels": made.channels}
    return {**said, "labels": list(made.classes), "pictures": pictures, "output": "scores; their softmax is taken"}
