"""Turning one picture into another: learnt, measured, drawn, and used on a scan."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from medviz.__main__ import main
from medviz.data.phantoms import Phantoms
from medviz.figures import Picture
from medviz.imaging.readers import read
from medviz.messages import finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.translation import Translation
from medviz.training.run import status
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from medviz.training.using.formats import load
from medviz.training.using.translating import translates, translator
from tests.data.laid import image_pairs, nifti, scan

CPU = torch.device("cpu")
DATA = Settings("phantoms", (("cases", 8), ("size", 32), ("noise", 0.05)))
UNET = Settings("unet", (("width", 8), ("depth", 2)))
TASK = Translation(data=DATA, network=UNET, patch=32, noise=0.6, device="cpu", epochs=12, learning_rate=5e-3)


class Nothing(nn.Module):
    """Adds nothing: the output is the input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x[:, :1])


def test_it_learns_to_take_noise_away(tmp_path: Path) -> None:
    finished(train(TASK, tmp_path / "run"))
    measures = json.loads((tmp_path / "run" / "results.json").read_text())
    assert measures, "each case was measured"
    best = status(tmp_path / "run")["best"]
    data = Phantoms(**dict(DATA.values))
    with torch.no_grad():
        left = finished(TASK.measures(Nothing(), Whole(TASK.validation(data), CPU), data))
    assert left["validation/PSNR (dB)"] == pytest.approx(left["validation/input/PSNR (dB)"])
    assert best > left["validation/PSNR (dB)"] + 3


@pytest.mark.parametrize("dimensions", [2, 3])
def test_probes_are_drawn_as_given_told_meant_and_different(dimensions: int) -> None:
    task, data = replace(TASK, dimensions=dimensions), Phantoms(cases=4, size=32)
    with torch.no_grad():
        given, told, meant, difference = task.figures(Nothing(), Whole(task.probes(data)[:1], CPU), data)
    assert all(isinstance(one, Picture) and one.pixels.shape == (32, 32) for one in (given, told, meant, difference))
    assert np.allclose(given.pixels, told.pixels, atol=1e-5)
    assert not np.allclose(told.pixels, meant.pixels, atol=0.1)
    np.testing.assert_allclose(difference.pixels, told.pixels - meant.pixels, atol=1e-5)
    assert given.levels == told.levels == meant.levels, "one scale for all three"
    assert difference.colours == "diverging"
    assert " dB, SSIM " in told.title


def test_pairs_are_told_in_the_unit_of_their_targets_on_the_grid_of_the_scan(tmp_path: Path) -> None:
    pairs = image_pairs(tmp_path / "pairs")
    task = Translation(
        data=Settings("image_pairs", (("folder", str(pairs)),)), network=UNET, dimensions=3, patch=16, augment=0.0,
        device="cpu", epochs=12, batch=1, learning_rate=1e-2, difference=False, validate_every=12,
    )  # fmt: skip
    run = finished(train(task, tmp_path / "run"))
    assert translates(str(run))
    low, _ = scan(77)
    nifti(tmp_path / "low.nii.gz", low)
    out = tmp_path / "full.nii.gz"
    assert main(["predict", str(tmp_path / "low.nii.gz"), "--model", str(run), "--out", str(out)]) == 0
    made, given = finished(read(out)), finished(read(tmp_path / "low.nii.gz"))
    assert made.same_grid(given)
    wanted = 2 * low - 50
    error = np.abs(made.frame() - wanted).mean()
    assert error < 0.5 * wanted.std(), "the same things, in another unit"
    card = json.loads((tmp_path / "full.card.json").read_text())
    assert "PSNR (dB)" in card["model"]["metrics"]
    assert "small findings may be lost, or made up" in card["processing"]["after"]


def test_values_come_back_in_the_unit_of_the_scan_where_it_is_its_own_target(tmp_path: Path) -> None:
    run = finished(train(replace(TASK, epochs=1), tmp_path / "run"))
    image, _ = scan(1, (32, 32, 3))
    nifti(tmp_path / "a.nii.gz", image, (1, 1, 1))
    nifti(tmp_path / "b.nii.gz", 10 * image + 1000, (1, 1, 1))
    for name in "ab":
        assert main(["predict", str(tmp_path / f"{name}.nii.gz"), "--model", str(run),
                     "--out", str(tmp_path / f"{name}_out.nii.gz")]) == 0  # fmt: skip
    a, b = (finished(read(tmp_path / f"{name}_out.nii.gz")).frame() for name in "ab")
    np.testing.assert_allclose(b, 10 * a + 1000, rtol=1e-3)


def test_it_is_refused_for_what_it_is_not(tmp_path: Path) -> None:
    run = finished(train(replace(TASK, epochs=1, steps=1), tmp_path / "run"))
    with pytest.raises(Refused, match="was taught translation"):
        load(str(run))
    with pytest.raises(Refused, match="not taught to turn pictures"):
        translator(str(tmp_path))
    assert main(["predict", str(tmp_path), "--model", str(run), "--out", "x.nii.gz", "--mirror"]) == 2
