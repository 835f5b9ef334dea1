"""A run of diffusion that nobody has taught, for labs that take a run."""

import json
from pathlib import Path

import pytest
import torch

from medviz.networks.diffusion_unet import DiffusionUNet
from medviz.training import checkpoints


@pytest.fixture
def classed_run(tmp_path: Path) -> str:
    """Write a run that knows ten classes in 8 × 8 px and 40 steps of noise, with weights that nobody has taught."""
    torch.manual_seed(0)
    settings = {"channels": 1, "dimensions": 2, "width": 8, "depth": 2, "kinds": 10}
    network = DiffusionUNet(**settings)
    for one in network.parameters():
        torch.nn.init.normal_(one, std=0.2)
    about = {
        "task": "diffusion",
        "network": {"name": "diffusion_unet", **settings},
        "classes": [str(digit) for digit in range(10)],
        "pictures": {"dimensions": 2, "side": 8, "channels": 1, "whole": True},
        "diffusion": {
            "schedule": {"kind": "linear", "steps": 40, "low": 0.0025, "high": 0.5},
            "prediction": "noise", "words": [], "length": 0,
        },
    }  # fmt: skip
    folder = tmp_path / "digits"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(about))
    checkpoints.write_weights(folder / "checkpoints" / "best.safetensors", network.state_dict(), about)
    return str(folder)
