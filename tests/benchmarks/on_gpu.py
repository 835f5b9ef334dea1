"""What a GPU gains: mixed precision, channels last and translation, against plain 32 bit."""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import torch

from medviz.messages import finished
from medviz.parameters import Settings
from medviz.tasks.segmentation import Segmentation
from medviz.training.trainer import train
from tests.benchmarks.measuring import Measured
from tests.benchmarks.taught import Stamps, counted, speed

STEPS, WARM_UP = 120, 40
TASK = Segmentation(
    data=Settings("phantoms", (("cases", 8), ("size", 128))),
    network=Settings("unet", (("width", 32), ("depth", 5))),
    dimensions=3,
    patch=96,
    batch=2,
    workers=4,
    steps=STEPS,
    epochs=1000,
    validate_every=100,
    probe_every=10000,
    device="cuda",
    precision="32",
    channels_last="off",
    compile="off",
)
WAYS: dict[str, dict[str, Any]] = {
    "32 bit": {},
    "bfloat16": {"precision": "bf16"},
    "float16 with loss scaling": {"precision": "fp16"},
    "bfloat16, channels last": {"precision": "bf16", "channels_last": "on"},
    "bfloat16, translated": {"precision": "bf16", "compile": "on"},
}


def measure() -> dict[str, list[Measured]]:
    if not torch.cuda.is_available():
        return {}
    rows, plain = [], 0.0
    for name, fields in WAYS.items():
        stamps: Stamps = []
        torch.cuda.reset_peak_memory_stats()
        with tempfile.TemporaryDirectory() as folder:
            finished(counted(train, stamps)(dataclasses.replace(TASK, **fields), Path(folder) / "run"))
        found = speed(stamps, WARM_UP)
        plain = plain or found
        rows += [
            Measured(name, found, "steps/s", note=f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"),
            Measured(f"{name} / 32 bit", found / plain, "×"),
        ]
    return {f"A 3-D U-Net, patches of 96³, on {torch.cuda.get_device_name()}": rows}
