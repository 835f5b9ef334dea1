"""What is said of a model before it runs: what it takes, how the scan stands to the training; the list of models."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from medviz.data.needs import Needs
from medviz.data.preparation import Preparation
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Progress, finished
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training.using import estimating, shelf
from medviz.training.using.estimating import duration, estimate, memory_bytes
from medviz.training.using.inference import label_map
from medviz.training.using.known import add, coarse, look, tell
from medviz.training.using.model import Model
from medviz.training.using.models import model as shipped_model
from medviz.training.using.models import trust_of
from medviz.training.using.trust import UNKNOWN, Fingerprint, Trust, gauge
from tests.training import foreign
from tests.training.using.test_inference import CPU, picture, volume

T1 = Fingerprint(((1, 1), (1, 1), (1, 1)), (-3.0, 0.0, 1.5))


@pytest.fixture(autouse=True)
def no_cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDVIZ_MODELS", str(tmp_path / "cards"))


# -- estimate -----------------------------------------------------------------------------------------------------


@pytest.mark.trap("T27")
def test_tiles_memory_and_time_are_told_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Model("unet", UNet(1, 3, 3, 4, 3).eval(), Preparation(3, patch=(32, 32, 32)), ("one", "two"))
    scan = volume(picture(60, 50, 40))
    told = estimate(made, scan, CPU)
    tiles = [one for one in _progress(made, scan) if one.total]
    assert told.tiles == tiles[-1].total and told.tile == (32, 32, 32)
    assert told.memory_bytes >= memory_bytes(made, (32, 32, 32)) and told.fits
    assert told.seconds is not None and 0 < told.seconds < 60
    assert told.words.startswith("about ") and "on the processor" in told.words and "tiles of 32×32×32" in told.words


def _progress(made: Model, scan: Volume) -> list[Progress]:
    said: list[object] = []
    finished(label_map(made, scan, CPU), said.append)
    return [one for one in said if isinstance(one, Progress)][:-1]


@pytest.mark.trap("T27")
def test_what_will_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Model("unet", UNet(1, 3, 3, 4, 3).eval(), Preparation(3, patch=(64, 64, 64)), ("one", "two"))
    scan = volume(picture(64, 64, 64))
    roomy = estimate(made, scan, CPU)
    monkeypatch.setattr(estimating, "free_bytes", lambda where: roomy.memory_bytes)
    tight = estimate(made, scan, CPU)
    assert math.prod(tight.tile) < math.prod(roomy.tile), "smaller tiles are counted with"
    monkeypatch.setattr(estimating, "free_bytes", lambda where: 1000)
    assert not estimate(made, scan, CPU).fits


def test_what_lies_in_memory_is_counted_in_compiled_networks_too() -> None:
    network = foreign.network()
    needs = Needs(scale="none")
    both = (network, foreign.compiled(network))
    plain, compiled = (memory_bytes(Model("x", one, needs, ("one", "two")), (64, 64, 64)) for one in both)
    assert plain == compiled
    assert plain == pytest.approx((1 + 4 + 4 + 3) * 64**3 * 4 / 2, rel=0.02), "input and three layers, halved"


def test_a_network_that_takes_one_size_alone_is_tried_with_it() -> None:
    class Stubborn(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[2:] != (24, 20, 28):
                raise RuntimeError("wrong size")
            return torch.cat([x, -x], 1)

    needs = Needs(axes="LIA", fit="stretch", size="24,28,20")
    told = estimate(Model("stubborn", Stubborn(), needs, ("one",)), volume(picture(30, 30, 30)), CPU)
    assert told.seconds is not None and told.memory_bytes > 0 and told.tiles == 1


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "an unknown time"), (0.2, "1 s"), (80.0, "1:20 min"), (7260.0, "2:01 h")]
)
def test_times_are_said_as_far_as_they_are_known(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


# -- gauge --------------------------------------------------------------------------------------------------------


def head(spacing: float = 1.0, lean: float = 0.66, turned: float = 0.0, **more: object) -> Volume:
    """Values between 0 (air) and 100; their middle lies at `lean` between dark and bright."""
    values = np.clip(np.random.default_rng(0).normal(lean * 80 + 15, 15, (20, 20, 20)), 15, 100).astype(np.float32)
    values[:6] = 0
    affine = np.diag([spacing] * 3 + [1.0])
    cos, sin = np.cos(turned), np.sin(turned)
    affine[:3, :3] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) * spacing
    return Volume(values[None], affine, Stored("test", values.shape, "RAS", affine, values.dtype), **more)  # type: ignore[arg-type]


def states(known: Fingerprint, scan: Volume) -> list[str]:
    return [one.state for one in gauge(known, scan, Preparation(3).prepared(scan))]


def test_a_scan_like_the_training_data_is_within() -> None:
    assert states(T1, head()) == ["ok", "ok", "ok"]


@pytest.mark.parametrize(
    ("scan", "number"),
    [
        (head(5.0), 0),
        (replace(head(), calibrated=False), 0),
        (head(turned=0.6), 1),
        (replace(head(), oriented=False), 1),
        (head(lean=0.1), 2),
    ],
)
def test_a_scan_unlike_the_training_data_is_outside(scan: Volume, number: int) -> None:
    found = states(T1, scan)
    assert found[number] == "outside"


def test_what_is_not_known_is_neither() -> None:
    assert states(Fingerprint(), head()) == ["unknown", "ok", "unknown"]


def test_hounsfield_units_are_held_against_hounsfield_units() -> None:
    known = Fingerprint((), (-900.0, 40.0, 300.0), prepared=False)
    ct = np.random.default_rng(0).normal(1064, 60, (16, 16, 16)).astype(np.int16)
    scan = Volume(
        ct[None], np.eye(4), Stored("test", ct.shape, "RAS", np.eye(4), ct.dtype), intercept=-1024.0, unit="HU"
    )
    finding = gauge(replace(known, intensities=(-100.0, 40.0, 180.0)), scan, None)[2]
    assert finding.state == "ok" and "HU" in finding.scan
    assert gauge(known, replace(scan, intercept=0.0), None)[2].state == "outside"


@pytest.mark.parametrize(("modality", "state"), [("T1-weighted MRI", "outside"), ("abdominal CT", "ok")])
def test_a_ct_is_told_from_all_else(modality: str, state: str) -> None:
    ct = np.random.default_rng(0).normal(0, 60, (16, 16, 16)).astype(np.int16)
    ct[:4] = -1000
    *_, finding = gauge(Fingerprint(modality=modality), volume(ct), None)
    assert (finding.what, finding.scan, finding.state) == ("modality", "CT", state)
    *_, finding = gauge(Fingerprint(modality=modality), volume(picture(8, 8, 8)), None)
    assert finding.state == ("ok" if state == "outside" else "outside")


def test_a_thinned_scan_lies_where_it_lay() -> None:
    scan = volume(picture(250, 20, 120), np.diag([0.5, 1, 2, 1.0]))
    thin = coarse(scan)
    assert thin.shape == (125, 20, 120)
    assert thin.value_at((50.0, 5.0, 8.0)) == scan.value_at((50.0, 5.0, 8.0))


# -- cards and list -----------------------------------------------------------------------------------------------


def test_the_shipped_models_card_leaves_nothing_unknown() -> None:
    card = shipped_model("mni152_tissue")
    assert card is not None
    trust = trust_of(card)
    assert trust.plain()["unknown"] == [] and len(trust.fingerprint.intensities) == 3
    assert Trust.of(json.loads(json.dumps(trust.plain()))) == trust


def test_a_card_of_nothing_spells_out_what_is_unknown() -> None:
    assert {words for _, words in Trust().facts()} == {UNKNOWN}


def test_a_model_is_added_told_of_and_forgotten(tmp_path: Path) -> None:
    path = foreign.torchscript(tmp_path / "net.pt", foreign.network())
    asked = finished(add(path))
    assert asked.asks is not None and shelf.listed() == ()
    with pytest.raises(Refused, match="2 labels and 1 are named"):
        finished(tell(str(path), replace(asked.asks, labels="one")))
    assert shelf.listed() == ()
    told = finished(tell(str(path), replace(asked.asks, labels="one,two", spacing="1,1,1"), "My net"))
    assert told.trust.title == "My net" and [where for where, _ in shelf.listed()] == [str(path)]
    assert finished(add(path)).asks is None, "it is known now"
    seen = finished(look(str(path), volume(picture(20, 20, 20)), "cpu"))
    assert seen.asks is None and seen.estimate is not None and len(seen.findings) == 3
    assert seen.trust.labels == ("one", "two")
    shelf.forget(str(path))
    assert shelf.listed() == () and path.exists()


def test_a_model_whose_file_is_gone_is_not_listed(tmp_path: Path) -> None:
    folder = foreign.bundle(tmp_path / "liver")
    finished(add(folder))
    assert len(shelf.listed()) == 1
    folder.rename(tmp_path / "elsewhere")
    assert shelf.listed() == ()


def test_looking_at_what_asks_tells_what_it_asks(tmp_path: Path) -> None:
    path = foreign.torchscript(tmp_path / "net.pt", foreign.network(2), 2)
    seen = finished(look(str(path), volume(picture(8, 8, 8))))
    assert seen.asks is not None and seen.asks.channels == 2 and seen.estimate is None
