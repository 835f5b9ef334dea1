"""TorchScript archives, looked through before they are loaded.

The language can compute and little else; what else it can (write and map files) is looked for in the code before
anything is loaded, and refused. An archive that holds pickled Python instead of code is refused too.
"""

import io
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medviz.data.needs import Needs
from medviz.refused import Refused
from medviz.training.using.formats.form import archive, first_convolution, member

_REACHES_OUT = re.compile(rb"\b(?:torch|aten|ops\.aten)\.(?:save|load|from_file|_load\w*)\b|\bops\.(?!aten|prim)\w+")
"""What TorchScript can do beside computing: write or map files, or call operations of other libraries."""


def opened(data: bytes, where: str) -> nn.Module:
    """Look through the archive and load the network; refuses what is no TorchScript, and what reaches out."""
    _checked(data, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole; such files will be there
            network: nn.Module = torch.jit.load(io.BytesIO(data), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as problem:
        line = str(problem).strip().splitlines()[0][:120]
        raise Refused(where, f"torch cannot load it ({line})", "save it again with torch.jit.save") from problem
    return network.eval()


def _checked(data: bytes, where: str) -> None:
    with archive(Path(where), data) as zipped:
        names = [name.partition("/")[2] for name in zipped.namelist()]
        scripts = [name for name in zipped.namelist() if name.endswith(".py")]
        code = [name for name in scripts if name.partition("/")[2].startswith("code/")]
        if not code and any(name == "data.pkl" for name in names):
            raise Refused(where, "it is pickled Python, which runs when it is read", "save it with torch.jit.save")
        if not code or not {"version", ".data/version"} & set(names):  # newer files hold it in the second place
            raise Refused(where, "it is an archive, but no TorchScript", "save it with torch.jit.save")
        for name in code:
            if (found := _REACHES_OUT.search(member(zipped, name, where))) is not None:
                fault = f"its code calls {found.group().decode(errors='replace')}, which does more than compute"
                raise Refused(where, fault, "take a model you trust")


def proposal(network: nn.Module, where: str) -> Needs:
    """Say what could be found out: dimensions and channels off the first convolution; the rest must be asked."""
    weights = {name: one.detach() for name, one in network.named_parameters()}
    weights |= {name: one.detach() for name, one in network.named_buffers() if name not in weights}
    seen = first_convolution(weights)
    if seen is None:
        raise Refused(where, "it has no convolution, so it is no network for pictures", "take another file")
    about: dict[str, Any] = {"dimensions": seen[0], "channels": seen[1]}
    return Needs.of(about)
