import numpy as np
import torch

from medviz.data.augment import Augmentation
from medviz.data.patches import Case, Patches, Wholes, cropped, sample_of, start_of


def case(*shape: int, at: tuple[int, ...] = (5, 5, 5)) -> Case:
    label = np.zeros(shape, np.uint8)
    label[at[: len(shape)]] = 1
    image = np.arange(label.size, dtype=np.float32).reshape(1, *shape)
    return Case("case", image, label)


def test_a_patch_outside_is_filled_with_the_darkest_value_and_background() -> None:
    cut = cropped(sample_of(case(10, 10)), (-2, 7), (4, 6))
    assert cut["image"].shape == (1, 4, 6)
    assert float(cut["image"][0, 2, 0]) == 7.0
    assert torch.all(cut["image"][0, :2] == 0)
    assert torch.all(cut["image"][0, :, 3:] == 0)
    assert cut["label"].dtype == torch.int64


def test_half_of_the_patches_hold_a_rare_label() -> None:
    one = sample_of(case(200, 200, at=(150, 30)))
    hits = 0
    for index in range(200):
        x, y = start_of(one["label"], (16, 16), np.random.default_rng(index))
        assert 0 <= x <= 184
        assert 0 <= y <= 184
        hits += x <= 150 < x + 16 and y <= 30 < y + 16
    assert 80 < hits < 130, "by area alone it would be one or two"


def test_a_patch_larger_than_the_picture_covers_all_of_it() -> None:
    one = Patches([case(10, 12)], (16, 16)).drawn(0, np.random.default_rng(0))
    assert one["image"].shape == (1, 16, 16)
    assert int(one["label"].sum()) == 1


def test_drawn_patches_depend_on_chance_alone() -> None:
    patches = Patches([case(20, 20, 20)], (8, 8, 8), Augmentation(), each=3)
    assert len(patches) == 3
    first, again = (patches.drawn(1, np.random.default_rng((0, 4, 1))) for _ in range(2))
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["label"], again["label"])
    assert not torch.equal(first["image"], patches.drawn(1, np.random.default_rng((0, 5, 1)))["image"])


def test_slices_of_a_volume_run_across_the_axis_asked_for() -> None:
    patches = Patches([case(20, 24, 6, at=(3, 4, 5))], (8, 8), normal=2)
    assert patches[0]["image"].shape == (1, 8, 8)
    whole = Wholes([case(20, 24, 6, at=(3, 4, 5))], normal=2, each=2)
    assert len(whole) == 2
    assert whole[0]["name"] == "case slice 5", "the only slice with a label"
    assert whole[1]["image"].shape == (1, 20, 24)
