"""Segmentation: what is built, measured, drawn and handed on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from medviz.data.phantoms import Phantoms
from medviz.figures import Picture
from medviz.messages import finished
from medviz.parameters import Settings, changed, parameters
from medviz.refused import Refused
from medviz.tasks.segmentation import Segmentation
from medviz.training.sampling import Whole
from medviz.training.trainer import train
from medviz.training.using.formats import load
from tests.standard import ends

CPU = torch.device("cpu")
DATA = Settings("phantoms", (("cases", 4), ("size", 32)))
TASK = Segmentation(data=DATA, network=Settings("unet", (("width", 4), ("depth", 2))), patch=32, device="cpu")


class Knows(nn.Module):
    """Gives the label that lies in the image itself, but for the pixels it is told to get wrong."""

    def __init__(self, wrong: int = 0) -> None:
        super().__init__()
        self.wrong = wrong

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        label = image[:, 0].round().long().clamp(0, 3)
        flat = label.reshape(-1)
        flat[: self.wrong] = (flat[: self.wrong] + 1) % 4
        return 50.0 * nn.functional.one_hot(label, 4).movedim(-1, 1).float()


@dataclass(frozen=True)
class Shown(Phantoms):
    """Phantoms whose image is their label."""

    def validation(self, dimensions: int) -> Any:
        whole = super().validation(dimensions)
        return [{**whole[k], "image": whole[k]["label"][None].float()} for k in range(len(whole))]


def measured(task: Segmentation, network: nn.Module, samples: Any, data: Any) -> dict[str, float]:
    with torch.no_grad():
        return dict(finished(task.measures(network, Whole(samples, CPU), data)))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_who_knows_all_is_measured_as_such(dimensions: int) -> None:
    task, data = replace(TASK, dimensions=dimensions), Shown(cases=8, size=32)
    found = measured(task, Knows(), data.validation(dimensions), data)
    assert found["validation/dice/mean"] == 1.0
    assert set(found) == {"validation/loss", "validation/dice/mean", *(f"validation/dice/{c}" for c in data.classes)}
    assert found["validation/loss"] < 1e-4


def test_a_validation_of_volumes_goes_on_evenly() -> None:
    task, data = replace(TASK, dimensions=3), Shown(cases=8, size=32)
    with torch.no_grad():
        said = list(task.measures(Knows(), Whole(data.validation(3), CPU), data))
    assert {(one.what, one.total) for one in said} == {("validation", 2)}  # type: ignore[union-attr]
    done = [one.done for one in said]  # type: ignore[union-attr]
    assert done == sorted(done)
    assert done[-1] == 2


def sample(label: Any) -> dict[str, Any]:
    array = torch.as_tensor(label)
    return {"image": array[None].float(), "label": array, "name": "x"}


@dataclass(frozen=True)
class Fixed:
    classes: ClassVar[tuple[str, ...]] = ("a", "b", "c")
    channels: ClassVar[int] = 1
    preparation = Phantoms.preparation


def test_dice_is_counted_by_hand() -> None:
    label = np.zeros((16, 16), np.int64)
    label[8:] = 1  # 128 pixels of "a"; the first 64 of the 128 of background are taken for "a"
    found = measured(TASK, Knows(wrong=64), [sample(label)], Fixed())
    assert found["validation/dice/a"] == pytest.approx(2 * 128 / (128 + 192))
    assert found["validation/dice/mean"] == pytest.approx(0.8), "classes that never occur do not count"
    assert "validation/dice/b" not in found


def counts(label: Any, wrong: int) -> tuple[int, int, int]:
    """Hits, found and meant of class 1 where `Knows` gets so many wrong, counted apart from the product."""
    meant = label.reshape(-1)
    found = meant.copy()
    found[:wrong] = (found[:wrong] + 1) % 4
    return int(((found == 1) & (meant == 1)).sum()), int((found == 1).sum()), int((meant == 1).sum())


def test_slices_count_together_and_scans_each_for_itself() -> None:
    large, small = np.ones((16, 16), np.int64), np.zeros((16, 16), np.int64)
    large[-1], small[-1] = 2, 1
    large[0, 0], small[0, 0] = 2, 1  # bright from edge to edge: there is no air to be cut off
    flat = [sample(large), sample(small)]
    solid = [np.repeat(one[..., None], 16, 2) for one in (large, small)]
    two = measured(TASK, Knows(wrong=64), flat, Fixed())["validation/dice/a"]
    hits, found, meant = np.add(counts(large, 64), counts(small, 64))
    assert two == pytest.approx(2 * hits / (found + meant))
    task = replace(TASK, dimensions=3)
    three = measured(task, Knows(wrong=1024), [sample(one) for one in solid], Fixed())["validation/dice/a"]
    each = [2 * hits / (found + meant) for hits, found, meant in (counts(one, 1024) for one in solid)]
    assert three == pytest.approx(sum(each) / 2)
    assert each[0] != pytest.approx(each[1])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_probes_are_drawn_with_prediction_reference_error_and_certainty(dimensions: int) -> None:
    task, data = replace(TASK, dimensions=dimensions), Shown(cases=8, size=32)
    probes = data.validation(dimensions)[:1]
    with torch.no_grad():
        prediction, reference, error, certainty = task.figures(Knows(wrong=0), Whole(probes, CPU), data)
    for one in (prediction, reference, error, certainty):
        assert isinstance(one, Picture)
        assert one.pixels.shape == (32, 32)
        assert one.pixels.dtype == np.uint8
        assert one.mm is None, "a phantom has no spacing"
        assert one.letters == ("R", "L", "A", "P")
    assert prediction.label_names == data.classes
    assert np.array_equal(prediction.labels, reference.labels)
    assert not error.labels.any()
    assert certainty.pixels.min() == 100
    assert (certainty.unit, certainty.labels) == ("%", None)


def test_a_probe_faces_the_screen_like_the_viewer() -> None:
    label = np.zeros((12, 20), np.int64)  # x grows to the patient's right, y to the front
    label[0, 19] = 1  # far left of the patient, far anterior
    with torch.no_grad():
        prediction, *_ = TASK.figures(Knows(), Whole([sample(label)], CPU), Fixed())
    assert prediction.labels.shape == (20, 12)
    assert prediction.labels[0, 11] == 1, "anterior is up, the patient's left on the right"


def test_of_a_volume_the_slice_with_most_of_the_reference_is_drawn() -> None:
    label = np.zeros((16, 16, 6), np.int64)
    label[4:12, 4:12, 3] = 2
    with torch.no_grad():
        figures = replace(TASK, dimensions=3).figures(Knows(), Whole([sample(label)], CPU), Fixed())
        assert (next(figures).labels == 2).sum() == 64


@pytest.mark.parametrize("name", [one.name for one in parameters(TASK) if one.kind not in ("part", "file")])
def test_every_parameter_at_both_ends_constructs_and_builds(name: str) -> None:
    one = next(one for one in parameters(TASK) if one.name == name)
    for value in ends(one):
        task = changed(TASK, **{name: value})
        data = task.data_set()
        assert sum(weight.numel() for weight in task.build(data).parameters()) > 0
        assert len(task.training(data)) == 4
        drawn = task.training(data).drawn(0, np.random.default_rng(0))  # type: ignore[attr-defined]
        assert drawn["image"].shape == (1, *(task.patch,) * task.dimensions)


@pytest.mark.parametrize(("size", "dimensions", "patch"), [(40, 2, 48), (256, 2, 208), (48, 3, 48), (96, 3, 64)])
def test_an_automatic_patch_is_as_large_as_the_scans(size: int, dimensions: int, patch: int) -> None:
    task = replace(TASK, data=DATA.turned(size=size), dimensions=dimensions, patch=None)
    data = task.data_set()
    assert task.training(data)[0]["label"].shape == (patch,) * dimensions
    assert task.description(data)["preparation"]["patch"] == [patch] * dimensions


def test_the_network_has_the_tasks_dimensions() -> None:
    task = replace(TASK, dimensions=3, network=TASK.network.turned(dimensions=2))
    assert task.build(task.data_set())(torch.zeros(1, 1, 16, 16, 16)).shape == (1, 4, 16, 16, 16)
    assert task.description(task.data_set())["network"]["dimensions"] == 3


def test_a_data_set_that_has_no_volumes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Phantoms, "dimensions", (2,))
    with pytest.raises(Refused, match="cannot be learnt from in 3-D"):
        replace(TASK, dimensions=3).data_set()


def test_what_was_trained_can_be_used(tmp_path: Path) -> None:
    folder = finished(train(replace(TASK, epochs=1, batch=2), tmp_path / "run"))
    model = load(str(folder))
    assert model.labels == Phantoms.classes
    assert model.preparation.patch == (32, 32)
    assert not model.network.training
    with torch.no_grad():
        scores = model.network(torch.zeros(1, 1, 32, 32))
    assert scores.shape == (1, 4, 32, 32)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_is_taught_in_either_dimension(dimensions: int, tmp_path: Path) -> None:
    task = replace(TASK, dimensions=dimensions, patch=16, epochs=2, batch=2, validate_every=2)
    said = list(train(task, tmp_path / "run"))
    assert any(isinstance(one, Picture) for one in said)


def test_the_defaults_begin_on_the_brain(tmp_path: Path) -> None:
    task = Segmentation(device="cpu")
    work = train(task, tmp_path / "run")
    said = [next(work)]
    while not isinstance(said[-1], Picture):
        said.append(next(work))
    work.close()
    letters = {one.letters for one in said if isinstance(one, Picture)}
    assert letters == {("R", "L", "A", "P")}
    assert {one.mm for one in said if isinstance(one, Picture)} == {(1.0, 1.0)}
