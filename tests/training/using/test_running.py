"""A run can be left, goes on where memory ran out, and refuses what is no answer."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference
from torch import nn

from medviz.data.needs import Needs
from medviz.data.preparation import Preparation
from medviz.figures import Gallery
from medviz.messages import Message, Note, Progress, finished
from medviz.networks.meshnet import Link, MeshNet
from medviz.refused import Refused
from medviz.training.using import aside, running
from medviz.training.using.inference import Wishes, predicted
from medviz.training.using.model import Model, shares_of
from medviz.training.using.running import probabilities, turned_back, turned_to
from tests.training.foreign import compiled
from tests.training.using.test_inference import CPU, Thresholds, by_brightness, picture, volume


class Slow(nn.Module):
    """Takes long over one tile: forty layers of a twentieth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(Doze() for _ in range(40)))
        self.name = Thresholds()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.name(self.layers(x))


class Doze(nn.Module):
    seconds = 0.05
    steps = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Doze.steps += 1
        time.sleep(self.seconds)
        return x


@pytest.fixture(autouse=True)
def no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "memory_bytes", lambda made, window: 0)


def tile_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "one tile"]


@pytest.mark.trap("T27")
def test_a_run_is_left_within_a_moment_in_the_middle_of_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "BEAT_S", 0.05)
    made = Model("slow", Slow(), Preparation(3, patch=(32, 32, 32)), ("one", "two"))
    work = probabilities(made, picture(20, 20, 20)[None], CPU)
    Doze.steps = 0
    assert isinstance(next(work), Progress), "the tile takes two seconds, and the first word comes at once"
    began_s = time.monotonic()
    work.close()
    assert time.monotonic() - began_s < 0.5
    before = Doze.steps
    assert before < 20
    for _ in range(40):
        if not tile_threads():
            break
        time.sleep(0.05)
    assert not tile_threads(), "the thread ended at its next layer"
    assert Doze.steps <= before + 2
    assert not any(layer._forward_pre_hooks for layer in made.network.modules())


def test_a_stream_is_left_in_the_middle_of_a_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "BEAT_S", 0.02)
    torch.manual_seed(0)
    network = MeshNet([Link(torch.randn(2, 2 if k else 1, 3, 3, 3), torch.zeros(2)) for k in range(8)])
    for layer in network.layers:
        layer.append(Doze())
    made = Model("chain", network, Needs(), ("one",))
    work = probabilities(made, picture(40, 8, 8)[None], CPU)
    assert isinstance(next(work), Progress)
    began_s = time.monotonic()
    work.close()
    assert time.monotonic() - began_s < 0.3
    for thread in tile_threads():
        thread.join(5)
    assert not tile_threads()


def test_a_compiled_network_is_left_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """TorchScript cannot be asked in passing: its tile runs on unheard, and nobody waits for it."""
    monkeypatch.setattr(aside, "BEAT_S", 0.02)
    layers = [nn.Conv3d(8 if k else 1, 8, 3, padding=1) for k in range(12)]
    network = compiled(nn.Sequential(*layers))
    made = Model("compiled", network, Needs(), tuple("abcdefg"))
    work = probabilities(made, picture(64, 64, 64)[None], CPU)
    next(work)
    began_s = time.monotonic()
    work.close()
    assert time.monotonic() - began_s < 0.5
    for thread in tile_threads():
        thread.join(20)  # it ends by itself


def test_what_was_found_is_kept_when_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third tile does not fit: what the first two found is not computed again."""
    monkeypatch.setattr(running, "TOGETHER", (1, 1))
    seen: list[tuple[int, ...]] = []

    class Third(Thresholds):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(tuple(x.shape[2:]))
            if len(seen) == 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    made = Model("third", Third(), Preparation(3, patch=(64, 64, 64)), ("one", "two"))
    image = picture(64, 64, 200)[None] / 100 - 0.5
    said: list[Message] = []
    found = finished(probabilities(made, image, CPU), said.append)
    assert torch.allclose(found, Thresholds()(torch.from_numpy(image)[None])[0].softmax(0), atol=1e-4)
    assert seen[:3] == [(64, 64, 64)] * 3 and set(seen[3:]) == {(32, 64, 64)}
    everything = 2 * 4
    assert len(seen) - 3 < everything, "tiles that were known were left out"
    assert any(isinstance(one, Note) and "32×64×64" in one.text for one in said)


def test_tiles_that_do_not_fit_together_go_one_by_one() -> None:
    seen: list[int] = []

    class Alone(Thresholds):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            if len(x) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    image = picture(64, 64, 200)[None] / 100 - 0.5
    made = Model("alone", Alone(), Preparation(3, patch=(64, 64, 64)), ("one", "two"))
    found = finished(probabilities(made, image, CPU))
    assert torch.allclose(found, Thresholds()(torch.from_numpy(image)[None])[0].softmax(0), atol=1e-4)
    assert seen == [4, 1, 1, 1, 1], "four of them are tried together, then each alone and of the same size"


@pytest.mark.parametrize("dimensions", [2, 3])
def test_tiles_together_find_what_each_finds_alone(dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    kind = nn.Conv3d if dimensions == 3 else nn.Conv2d
    network = kind(1, 3, 3, padding=1)
    made = Model("any", network, Preparation(dimensions, patch=(32, 32, 32)[:dimensions]), ("one", "two"))
    image = picture(40, 50, 60)[None]
    together = finished(probabilities(made, image, CPU))
    monkeypatch.setattr(running, "TOGETHER", (1, 1))
    assert torch.allclose(together, finished(probabilities(made, image, CPU)), atol=1e-5)


def test_it_finds_what_monai_finds_where_nothing_is_skipped() -> None:
    torch.manual_seed(0)
    network = nn.Conv3d(1, 3, 3, padding=1)
    made = Model("any", network, Preparation(3, patch=(32, 32, 32)), ("one", "two"))
    image = np.random.default_rng(0).random((1, 40, 56, 56), dtype=np.float32) + 1
    with torch.inference_mode():
        monai = sliding_window_inference(
            torch.from_numpy(image)[None], (32, 32, 32), 1, lambda x: network(x).softmax(1), overlap=0.25,
            mode="gaussian", sigma_scale=0.125,
        )  # fmt: skip
    assert torch.allclose(finished(probabilities(made, image, CPU)), monai[0], atol=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    class Broken(Thresholds):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * value

    made = Model("broken", Broken(), Preparation(), ("one", "two"))
    with pytest.raises(Refused, match="numbers that are none"):
        finished(probabilities(made, picture(20, 20, 2)[None], CPU))


def test_another_number_of_classes_than_the_card_says_is_refused() -> None:
    made = replace(by_brightness(), labels=("one", "two", "three"))
    with pytest.raises(Refused, match="3 classes apart and its card names 4"):
        finished(probabilities(made, picture(20, 20, 2)[None], CPU))


def test_a_network_of_other_channels_is_refused_in_one_sentence() -> None:
    network = compiled(nn.Conv3d(3, 2, 3, padding=1), 3)
    for made in (
        Model("plain", nn.Conv3d(3, 2, 3, padding=1), Preparation(3), ("one",)),
        Model("compiled", network, Needs(), ("one",)),
    ):
        with pytest.raises(Refused, match=r"does not take what it was given.*channels") as refusal:
            finished(probabilities(made, picture(20, 20, 20)[None], CPU))
        assert "\n" not in str(refusal.value)


def test_a_network_that_answers_something_else_is_refused() -> None:
    for network in (nn.Conv3d(1, 2, 3), nn.Flatten()):
        made = Model("other", network, Preparation(3), ("one",))
        with pytest.raises(Refused, match="no class a voxel"):
            finished(probabilities(made, picture(20, 20, 20)[None], CPU))


@pytest.mark.parametrize(
    ("output", "answer", "shares"),
    [
        ("scores", [[0.0], [0.0]], [0.5, 0.5]),
        ("shares", [[0.2], [0.8]], [0.2, 0.8]),
        ("chances", [[0.7]], [0.3, 0.7]),
        ("logits", [[0.0]], [0.5, 0.5]),
    ],
)
def test_what_the_channels_mean_is_heeded(output: str, answer: list[list[float]], shares: list[float]) -> None:
    made = Model("x", nn.Identity(), Needs(), ("one",), output=output)  # type: ignore[arg-type]
    found = shares_of(made, torch.tensor(answer)[None, :, :, None, None], 1)
    assert found[0, :, 0, 0, 0].tolist() == pytest.approx(shares)


class Sided(nn.Module):
    """Marks where its first axis begins: only what is turned as it wants gives the right answer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ramp = torch.linspace(-5, 5, x.shape[2]).reshape(-1, *[1] * (x.ndim - 3)).expand(x.shape[2:])
        return torch.stack([-ramp, ramp]).expand(x.shape[0], -1, *x.shape[2:])


@pytest.mark.trap("T7")
@pytest.mark.parametrize("axes", ["RAS", "LIA", "PIR", "SAL", "ILP"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_network_sees_its_own_directions_and_the_answer_is_turned_back(axes: str, dimensions: int) -> None:
    made = Model("sided", Sided(), Needs(dimensions=dimensions, axes=axes, tile=64), ("far",))
    found = finished(probabilities(made, picture(20, 24, 28)[None], CPU))[1] > 0.5
    forward = axes[0] in "RAS"
    axis = ("RAS" if forward else "LPI").index(axes[0])
    meant = np.indices((20, 24, 28))[axis] >= (20, 24, 28)[axis] / 2
    assert np.array_equal(found.numpy(), meant if forward else ~meant)


@pytest.mark.parametrize("axes", ["RAS", "LIA", "PSR"])
def test_a_stream_is_turned_like_a_tile(axes: str) -> None:
    torch.manual_seed(0)
    links = [
        Link(torch.randn(4, 1, 3, 3, 3), torch.randn(4), 2),
        Link(torch.randn(3, 4, 3, 3, 3), torch.zeros(3), 1, "linear"),
    ]
    network = MeshNet(links).eval()
    made = Model("chain", network, Needs(axes=axes), ("one", "two"))
    image = picture(20, 45, 33)[None] / 100
    said: list[Message] = []
    found = finished(probabilities(made, image, CPU, growing=True), said.append)
    with torch.no_grad():
        whole = network(turned_to(torch.from_numpy(image), axes)[None])[0].softmax(0)
    assert torch.allclose(found, turned_back(whole, axes), atol=1e-5)
    steps = [one.done for one in said if isinstance(one, Progress)]
    assert steps == sorted(steps) and steps[-1] == said[-1].total  # type: ignore[union-attr]


def test_a_stream_grows_from_one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PARTIAL_S", 0.0)
    torch.manual_seed(0)
    made = Model(
        "chain", MeshNet([Link(torch.randn(3, 1, 3, 3, 3), torch.randn(3), 1, "linear")]), Needs(), ("one", "two")
    )
    said: list[Message] = []
    finished(probabilities(made, picture(60, 12, 12)[None], CPU, growing=True), said.append)
    parts = [one.tiles for one in said if isinstance(one, Gallery)]
    assert len(parts) >= 2
    grown = [int(np.flatnonzero(part.any((1, 2))).max()) for part in parts]
    assert grown == sorted(grown) and grown[0] < 59


def test_sides_are_filled_up_to_the_multiple_a_network_wants() -> None:
    class Halving(Thresholds):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if any(side % 8 for side in x.shape[2:]):
                raise RuntimeError("sizes do not match")
            return super().forward(x)

    made = Model("halving", Halving(), Needs(multiple=8, scale="none"), ("one", "two"))
    image = picture(21, 30, 17)[None] / 100 - 0.5
    found = finished(probabilities(made, image, CPU))
    assert torch.allclose(found, Thresholds()(torch.from_numpy(image)[None])[0].softmax(0), atol=1e-5)


class Middle(nn.Module):
    """Finds what is bright; with `lopsided` only in the first half of the first axis."""

    def __init__(self, lopsided: bool) -> None:
        super().__init__()
        self.lopsided = lopsided

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = 50 * (x - 0.5)
        if self.lopsided:
            bright[:, :, x.shape[2] // 2 :] = -50
        return torch.cat([-bright, bright], 1)


@pytest.mark.parametrize("lopsided", [False, True])
def test_a_scan_that_is_labelled_otherwise_in_the_mirror_is_suspicious(lopsided: bool) -> None:
    voxels = np.zeros((24, 20, 16), np.float32)
    voxels[3:10, 5:15, 4:12] = 1
    voxels[15:18, 5:15, 4:12] = 1
    made = Model("middle", Middle(lopsided), Needs(scale="none"), ("thing",))
    said: list[Message] = []
    found = finished(predicted(made, volume(voxels), CPU, Wishes(mirror=True)), said.append)
    words = [one.text for one in said if isinstance(one, Note) and "suspicious" in one.text]
    assert found.agreement is not None
    assert (found.agreement < 0.7) == lopsided == bool(words)


def test_labels_that_name_a_side_change_it_in_the_mirror() -> None:
    class Sides(nn.Module):
        """Knows left from right by where it lies, as a network does that was trained on bodies."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            half = x.shape[2] // 2
            there = 50 * (x - 0.5)
            left, right = there.clone(), there.clone()
            left[:, :, half:], right[:, :, :half] = -50, -50
            return torch.cat([-there, left, right], 1)

    voxels = np.zeros((24, 20, 16), np.float32)
    voxels[3:9, 5:15, 4:12] = voxels[16:20, 5:15, 4:12] = 1
    made = Model("sides", Sides(), Needs(scale="none"), ("left kidney", "right kidney"))
    found = finished(predicted(made, volume(voxels), CPU, Wishes(mirror=True)))
    assert found.agreement == pytest.approx(1.0)


def test_probabilities_are_kept_on_the_networks_grid_and_asked_at_a_place() -> None:
    voxels = np.zeros((24, 20, 16), np.float32)
    voxels[3:10, 5:15, 4:12] = 1
    scan = volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0]))
    made = Model("middle", Middle(False), Needs(scale="none", spacing="1,1,1"), ("thing",))
    found = finished(predicted(made, scan, CPU, Wishes(keep="float16")))
    assert found.probabilities is not None
    assert found.probabilities.voxels.dtype == np.float16 and found.probabilities.shape == (48, 40, 32)
    assert dict(found.at((12.0, 20.0, 16.0)))["thing"] > 0.99
    assert dict(found.at((40.0, 20.0, 16.0)))["background"] > 0.99
    assert found.at((500.0, 0.0, 0.0)) == ()
    assert finished(predicted(made, scan, CPU, Wishes())).at((12.0, 20.0, 16.0)) == ()
