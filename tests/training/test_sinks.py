"""What TensorBoard itself reads back of a run: curves, pictures, histograms."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medviz.figures import Gallery
from medviz.messages import Message
from medviz.training.looking import drawn, spread
from medviz.training.orders import Orders
from medviz.training.sinks import TensorBoard, tiled
from medviz.training.trainer import train
from tests.training.toys import Toy, curve


def test_tensorboard_reads_what_a_run_said(tmp_path: Path) -> None:
    told, said = Orders(tmp_path / "run"), []
    work = train(Toy(probe_every=12), tmp_path / "run", orders=told)
    for message in work:
        said.append(message)
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"histograms": 0})
    board.Reload()
    tags = board.Tags()
    losses = {event.step: event.value for event in board.Scalars("train/loss")}
    assert losses == pytest.approx(curve(said, "train/loss"))
    assert {"weights/0", "gradients/4", "activations/2"} <= set(tags["histograms"])
    assert [event.step for event in board.Histograms("weights/0")] == [1, 12, 24]
    assert tags["images"]


def test_a_histogram_says_what_the_spread_says(tmp_path: Path) -> None:
    import torch

    values = torch.randn(4000, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.02
    board = TensorBoard(tmp_path / "tb")
    board.hear(drawn("weights", {"conv": spread(values)}), 7)
    board.close()
    read = EventAccumulator(str(tmp_path / "tb"))
    read.Reload()
    (event,) = read.Histograms("weights/conv")
    found = event.histogram_value
    assert event.step == 7
    assert found.num == pytest.approx(100)
    assert found.sum / found.num == pytest.approx(float(values.mean()), abs=0.01)
    upto = np.cumsum(found.bucket)[np.searchsorted(found.bucket_limit, 0.1)]
    assert upto == pytest.approx(100 * float((values <= 0.1).float().mean()), abs=0.5)


def test_tiles_lie_side_by_side_each_on_its_scale(tmp_path: Path) -> None:
    tiles = np.stack([np.full((2, 3), k, np.float32) for k in range(5)])
    tiles[:, 0, 0] = -1
    own = tiled(Gallery("maps", tiles))
    assert own.pixels.shape == (4, 9)
    assert own.pixels[0, 1] == own.pixels[0, 4] == 1, "each its own white"
    assert own.pixels[0, 0] == own.pixels[0, 3] == 0
    shared = tiled(Gallery("maps", tiles, shared_scale=True))
    assert shared.pixels[0, 1] < shared.pixels[0, 4]
    board = TensorBoard(tmp_path / "tb")
    message: Message = Gallery("maps", tiles, "Feature maps")
    board.hear(message, 1)
    board.close()
    read = EventAccumulator(str(tmp_path / "tb"))
    read.Reload()
    (event,) = read.Images("Feature maps")
    assert Image.open(io.BytesIO(event.encoded_image_string)).size == (9, 4)


def test_tiles_in_colour_are_laid_side_by_side_as_they_are() -> None:
    tiles = np.zeros((3, 2, 2, 3), np.uint8)
    tiles[1, :, :, 0] = 255
    picture = tiled(Gallery("looks", tiles, columns=2))
    assert picture.pixels.shape == (4, 4, 3)
    assert picture.pixels[0, 3].tolist() == [1.0, 0.0, 0.0] and not picture.pixels[2:].any()
