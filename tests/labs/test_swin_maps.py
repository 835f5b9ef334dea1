"""Where a Swin looks: pointing, blocks, and what cannot be looked into."""

from dataclasses import replace

import numpy as np
import pytest

from medviz.labs.examples import figures_of
from medviz.labs.swin_maps import SIDE, SwinMaps
from medviz.networks.swin_unetr import SwinUNETR
from medviz.networks.unet import UNet
from medviz.refused import Refused


def test_the_windows_frame_holds_exactly_the_tokens_that_are_looked_at():
    for block in range(8):
        found = figures_of(SwinMaps(block=block, place=(3, 60)))
        looks, frames = found["looks"].pixels, found["image"].marks
        inside = np.zeros((SIDE, SIDE), bool)
        for one in frames:
            if one.style == "source":
                inside[int(one.row) : int(one.row + one.height), int(one.col) : int(one.col + one.width)] = True
        times = SIDE // looks.shape[0]
        assert (np.kron(looks > 1e-12, np.ones((times, times))) <= inside).all()


def test_pointing_at_slice_or_map_takes_the_same_token():
    lab = SwinMaps(block=2)
    on_slice = lab.pointed("image", (20, 40), (SIDE, SIDE))
    on_map = lab.pointed("looks", (5, 10), (16, 16))
    assert np.array_equal(figures_of(on_slice)["looks"].pixels, figures_of(on_map)["looks"].pixels)
    assert lab.pointed("heads", (0, 0), (1, 3)) is lab


def test_a_head_beyond_the_last_is_the_last():
    found = figures_of(SwinMaps(block=0, head=40))
    assert np.array_equal(found["looks"].pixels, found["heads"].tiles[-1])


@pytest.mark.parametrize(
    ("network", "fault"),
    [(UNet(1, 2, 2, 4, 2), "no windows of attention"), (SwinUNETR(1, 2, 3, 12, 1, 3), "no network for slices")],
)
def test_a_network_that_has_no_windows_of_slices_is_refused(monkeypatch, network, fault):
    monkeypatch.setattr("medviz.labs.swin_maps._loaded", lambda model: network.eval())
    with pytest.raises(Refused, match=fault):
        figures_of(replace(SwinMaps(), model="some run"))


def test_a_run_is_looked_into_at_the_size_of_the_slice(monkeypatch):
    monkeypatch.setattr("medviz.labs.swin_maps._loaded", lambda model: SwinUNETR(1, 3, 2, 12, 1, 4).eval())
    found = figures_of(replace(SwinMaps(), model="some run"))
    assert found["image"].pixels.shape[0] % 32 == 0
    assert found["looks"].pixels.sum() == pytest.approx(1, abs=1e-4)
    assert "discs" not in found["story"].text
