"""A hole in a scan is filled by a run: what is known stays, and the network sees the picture as it was taught."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medviz.data.naming import fitted
from medviz.imaging.slices import Slice, cut
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress, finished
from medviz.networks.diffusion_unet import DiffusionUNet
from medviz.refused import Refused
from medviz.training.using.denoiser import Denoiser
from medviz.training.using.diffused import Denoised
from medviz.training.using.inpainting import Inpainted, inpainted, inpainted_by
from medviz.training.using.noising import Schedule

FEW = Schedule.of(steps=10, low=0.01, high=0.7)
WISHES = Denoised(count=1, steps=10, bounds=True)


def denoiser(dimensions: int = 2, side: int = 12, whole: bool = True, network: Any = None) -> Denoiser:
    torch.manual_seed(0)
    flat = dimensions == 2
    made = network or DiffusionUNet(dimensions=2 if flat else 3, width=8, depth=2).eval().requires_grad_(False)
    return Denoiser(made, FEW, "picture", dimensions, side, whole=whole)


class Painter(nn.Module):
    """Whatever it sees, it tells the one picture that it knows (in −1..1)."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.picture = nn.Parameter(picture, requires_grad=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.picture.expand_as(x)


def scan(shape: tuple[int, int, int] = (18, 22, 9), kind: Any = np.int16) -> Volume:
    chance = np.random.default_rng(0)
    x, y, z = np.meshgrid(*(np.linspace(0, 1, side) for side in shape), indexing="ij")
    voxels = (300 * x + 900 * y**2 + 100 * z + chance.normal(size=shape) * 5).astype(kind)
    affine = np.diag((1.0, 1.0, 2.0, 1.0))
    return Volume(voxels[None], affine, Stored("scan", shape, "RAS", affine, voxels.dtype), name="scan")


def filled(seen: Slice | Volume, box: tuple[int, ...], by: Denoiser, **more: Any) -> Inpainted:
    return finished(inpainted_by(by, seen, box, WISHES, **more))


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float64])
@pytest.mark.parametrize("outside", [False, True], ids=["inpainting", "outpainting"])
def test_what_is_known_of_a_slice_stays_bit_for_bit(outside: bool, kind: Any) -> None:
    seen = cut(scan(kind=kind), "axial", 4)
    made = filled(seen, (5, 3, 8, 9), denoiser(), outside=outside)
    inside = np.zeros(seen.pixels.shape, bool)
    inside[5:13, 3:12] = True
    np.testing.assert_array_equal(made.new, inside ^ outside)
    assert made.pixels.dtype == kind
    assert made.pixels[~made.new].tobytes() == np.asarray(seen.pixels)[~made.new].tobytes()
    assert (made.pixels[made.new] != seen.pixels[made.new]).mean() > 0.5


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("radiological", [True, False])
def test_the_network_sees_a_slice_as_the_volume_has_it(plane: Any, radiological: bool) -> None:
    volume = scan((20, 20, 20))
    seen = cut(volume, plane, 10, radiological=radiological)
    made = filled(seen, (0, 0, 2, 2), denoiser(side=20))
    normal = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    meant = np.take(volume.frame(), 10, normal).astype(float)
    assert np.corrcoef(made.given[made.known], meant[made.known])[0, 1] > 0.98
    assert made.known.sum() == 396


def test_what_the_network_paints_lands_where_it_belongs() -> None:
    side = 20
    picture = torch.linspace(-0.5, 0.5, side)[:, None].expand(side, side)  # grows along x
    seen = cut(scan((20, 20, 20)), "axial", 10)
    made = filled(seen, (4, 4, 12, 12), denoiser(side=side, network=Painter(picture)))
    hole = made.pixels[4:16, 4:16].astype(float)
    assert (np.diff(hole, axis=1) < 0).all(), "the patient's left is on the right: x grows to the left"
    assert np.ptp(hole, axis=0).max() <= 1
    low, high = np.percentile(np.asarray(seen.pixels)[~made.new], (0.5, 99.5))
    assert low < hole.min() < hole.max() < high


def test_it_is_made_small_as_the_pictures_were_that_it_learnt_from() -> None:
    seen = cut(scan((18, 24, 9)), "axial", 4)
    made = filled(seen, (0, 0, 1, 1), denoiser(side=12))
    whole = fitted(torch.from_numpy(scan((18, 24, 9)).frame()[None, :, :, 4].astype(np.float32)), 12)[0].numpy()
    assert made.given.shape == (12, 12)
    inner = made.known.copy()
    inner[:2], inner[-2:] = False, False  # beside the picture
    assert np.corrcoef(made.given[inner], whole[inner])[0, 1] > 0.99


def test_pixels_that_are_no_numbers_stay_and_spoil_nothing() -> None:
    pixels = np.asarray(cut(scan(kind=np.float64), "axial", 4).pixels).copy()
    pixels[0, :3] = (np.nan, np.inf, -np.inf)
    made = filled(Slice(pixels), (5, 3, 8, 9), denoiser())
    assert np.isfinite(made.pixels[made.new]).all()
    assert made.pixels[0, :3].tobytes() == pixels[0, :3].tobytes()


@pytest.mark.parametrize("whole", [True, False])
def test_a_volume_is_filled_too(whole: bool) -> None:
    volume = scan((14, 10, 9))
    said: list[Any] = []
    work = inpainted_by(denoiser(3, 8, whole), volume, (4, 2, 2, 5, 4, 3), WISHES, rounds=1)
    made = finished(work, said.append)
    assert made.pixels[~made.new].tobytes() == volume.frame()[~made.new].tobytes()
    assert made.new.sum() == 5 * 4 * 3
    assert [one.done for one in said if isinstance(one, Progress)] == list(range(1, 11))


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ((50, 0, 4, 4), "does not lie in the picture"),
        ((0, 0, 100, 100), "nothing is left"),
        ((0, 0, 4), "it has 3 numbers"),
        ((0, 0, 0, 5), "does not lie in the picture"),
    ],
)
def test_a_box_that_cannot_be_is_refused(box: tuple[int, ...], why: str) -> None:
    with pytest.raises(Refused, match=why):
        filled(cut(scan(), "axial", 4), box, denoiser())


def test_what_does_not_fit_the_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="taught on slices"):
        filled(scan(), (0, 0, 0, 2, 2, 2), denoiser())
    with pytest.raises(Refused, match="patches of 12"):
        filled(cut(scan(), "axial", 4), (0, 0, 14, 3), denoiser(whole=False))
    with pytest.raises(Refused, match="the same everywhere"):
        filled(Slice(np.zeros((9, 9))), (1, 1, 3, 3), denoiser())
    with pytest.raises(Refused):
        finished(inpainted(tmp_path, cut(scan(), "axial", 4), (0, 0, 3, 3)))
