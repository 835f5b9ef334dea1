"""Where in its scan each voxel of a training patch comes from, whatever augmentation did to it."""

import numpy as np
import pytest
import torch

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.patches import Case, Patches

PLACE_ONLY = Augmentation(gamma=0, contrast=0, brightness=0, bias=0, noise=0, blur_px=0)


def ramps(*shape: int) -> Case:
    """A case whose channels are its own coordinates; interpolated linearly they stay so."""
    image = np.stack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in shape), indexing="ij"))
    label = np.zeros(shape, np.uint8)
    label[tuple(side // 2 for side in shape)] = 1
    return Case("ramps", image, label)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(60, 50), (40, 44, 36)], ids=["2-D", "3-D"])
def test_the_places_are_where_the_values_come_from(shape: tuple[int, ...], seed: int) -> None:
    patches = Patches([ramps(*shape)], (16,) * len(shape), PLACE_ONLY.stronger(1.0))
    placed = patches.placed(0, np.random.default_rng(seed))
    assert placed.change is not None and any(placed.change.turns_deg)
    sides = torch.tensor(shape).view(-1, *[1] * len(shape))
    inside = ((placed.places > 1) & (placed.places < sides - 2)).all(0) & ~_near_padding(placed.inside)
    assert inside.float().mean() > 0.05 and bool(placed.inside[inside].all())
    away = (placed.sample["image"] - placed.places).abs().amax(0)[inside]
    assert float(away.max()) < 0.02, "within a fiftieth of a voxel"


def _near_padding(inside: torch.Tensor) -> torch.Tensor:
    """Padding, what is next to it and what may be (the rim): there values are mixed with the padding's."""
    inside = torch.nn.functional.pad(inside[(slice(1, -1),) * inside.ndim], (1, 1) * inside.ndim)
    pool = torch.nn.functional.max_pool3d if inside.ndim == 3 else torch.nn.functional.max_pool2d
    return pool((~inside)[None, None].float(), 5, 1, 2)[0, 0] > 0


@pytest.mark.parametrize("normal", [None, 0, 1, 2])
def test_the_patch_is_the_one_that_is_learnt_from(normal: int | None) -> None:
    size = (12, 12, 12) if normal is None else (12, 12)
    patches = Patches([ramps(30, 28, 26)], size, Augmentation(), normal, each=2)
    for seed in range(4):
        drawn, placed = (one(1, np.random.default_rng(seed)) for one in (patches.drawn, patches.placed))
        assert torch.equal(drawn["image"], placed.sample["image"])  # type: ignore[attr-defined,index]
        assert torch.equal(drawn["label"], placed.sample["label"])  # type: ignore[attr-defined,index]


@pytest.mark.parametrize("normal", [None, 0, 1, 2])
def test_without_chance_it_is_the_middle_and_nothing_is_changed(normal: int | None) -> None:
    size = (12, 40, 12) if normal is None else (12, 40)
    patches = Patches([ramps(30, 28, 26)], size, NO_AUGMENTATION, normal)
    placed = patches.placed(0, None)
    assert torch.equal(placed.sample["image"], patches[0]["image"]) and placed.change is None
    axes = [axis for axis in range(3) if axis != normal]
    image = placed.sample["image"][axes]
    inside = placed.inside
    assert inside.any() and torch.equal(image[:, inside], placed.places[:, inside])
    assert bool((placed.places[1] < 0).any()), "where the patch is larger than the scan there is padding"
    assert placed.at == (None if normal is None else (30, 28, 26)[normal] // 2)
