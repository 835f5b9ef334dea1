"""A network over a whole scan in tiles, beside MONAI's sliding window with the same network and the same tiles."""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from medviz.data.preparation import Preparation
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.tasks.segmentation import Segmentation
from medviz.training.using.model import Model
from medviz.training.using.running import probabilities
from tests.benchmarks.measuring import Measured

SIDE, OVERLAP, BLUR = 64, 0.25, 0.125
ROUNDS = 3


def measure() -> dict[str, list[Measured]]:
    """Time both over a brain with the air round it, and over noise where nothing can be skipped."""
    from nilearn.datasets import load_mni152_template

    brain = np.asarray(load_mni152_template(resolution=2).dataobj, np.float32)[None]
    noise = np.random.default_rng(0).random((1, 96, 112, 96), np.float32) + 1.0
    found = over(brain, noise, torch.device("cpu"))
    if torch.cuda.is_available():
        found |= over(brain, noise, torch.device("cuda"))
    return found


def over(brain: Any, noise: Any, where: torch.device) -> dict[str, list[Measured]]:
    made = model()
    made.network.to(where)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    try:
        for name, image, aim in (("brain", brain, 1.3), ("nothing to skip", noise, None)):
            ours = timed(lambda image=image: finished(probabilities(made, image, where)), where)
            theirs = timed(lambda image=image: monai(made, image, where), where)
            rows += [
                Measured(f"{name}, medviz", ours, "s"),
                Measured(f"{name}, MONAI's sliding_window_inference", theirs, "s"),
                Measured(f"{name}, MONAI / medviz", theirs / ours, "×", at_least=aim),
            ]
        apart = finished(probabilities(made, noise, where)) - monai(made, noise, where).cpu()
        rows.append(Measured("nothing to skip, largest difference", float(apart.abs().max()), "", at_most=1e-4))
    finally:
        torch.set_num_threads(threads)
    return {f"A 3-D U-Net over a scan in tiles of {SIDE}³, {where.type}, median of {ROUNDS}": rows}


def model() -> Model:
    torch.manual_seed(0)
    network = Settings("unet", (("width", 8), ("depth", 4)))
    task = Segmentation(data=Settings("phantoms"), dimensions=3, patch=SIDE, network=network)
    data = task.data_set()
    return Model("network", task.build(data).eval(), Preparation(3, patch=(SIDE,) * 3), tuple(data.classes))


def monai(made: Model, image: Any, where: torch.device) -> torch.Tensor:
    """MONAI as its tutorials have it, with the batch of four that is its faster one here."""
    from monai.inferers import sliding_window_inference

    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = torch.from_numpy(image)[None].to(where)
        answer = sliding_window_inference(
            x, (SIDE,) * 3, 4, lambda tile: made.network(tile).softmax(1), overlap=OVERLAP, mode="gaussian",
            sigma_scale=BLUR,
        )  # fmt: skip
    return answer[0]  # type: ignore[index]


def timed(call: Callable[[], Any], where: torch.device) -> float:
    """Median seconds; the first round warms up."""
    seconds = []
    for _ in range(ROUNDS + 1):
        began_s = time.perf_counter()
        call()
        if where.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began_s)
    return statistics.median(seconds[1:])
