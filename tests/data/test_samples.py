import numpy as np
import pytest
import torch

from medviz.data.samples import GUARD, HELD_OUT, Mni152Tissue, Tissue, tissue


@pytest.fixture(scope="module")
def whole() -> Tissue:
    return tissue()


def test_the_template_is_stripped_and_exactly_symmetric(whole: Tissue) -> None:
    """The reason why halves of it are no held-out data."""
    assert 0.2 < whole.brain.mean() < 0.25
    for one in (whole.t1, whole.grey, whole.white):
        assert np.array_equal(one, one[::-1])


def test_labels_are_the_likeliest_tissue_and_csf_is_what_is_left_of_the_brain(whole: Tissue) -> None:
    label = whole.label
    assert not label[~whole.brain].any()
    assert label[whole.brain].min() == 1, "nothing of the brain is background"
    assert np.all(label[whole.grey > 200] == 1)
    assert np.all(label[whole.white > 200] == 2)
    x, y, z = whole.scan.nearest((8.0, -4.0, 20.0))  # the body of the right lateral ventricle
    assert label[x, y, z] == 3
    means = [whole.t1[label == k].mean() for k in (3, 1, 2)]
    assert means == sorted(means), "T1: fluid, grey, white"


def test_no_training_slice_lies_within_the_guard_of_a_held_out_one() -> None:
    names = [Mni152Tissue(heads=0.5).training(2, 64).slices, Mni152Tissue().training(2, 64).slices]
    held = [k for slab in HELD_OUT for k in slab]
    for slices in names:
        assert slices
        assert min(abs(a - b) for a in slices for b in held) > GUARD
    assert len(Mni152Tissue().validation(2)) == len(held)


def test_patches_of_volumes_come_from_between_the_held_out_slabs() -> None:
    training = Mni152Tissue().training(3, 32)
    held = [k for slab in HELD_OUT for k in slab]
    for case in training.cases:
        first, last = (int(part) for part in case.name.removeprefix("z ").split("-"))
        assert min(abs(a - b) for a in range(first, last + 1) for b in held) > GUARD
    assert training.drawn(0, np.random.default_rng(0))["image"].shape[:3] == (1, 32, 32)


@pytest.mark.parametrize("heads", [0.0, 1.0])
def test_a_drawn_slice_depends_on_chance_alone(heads: float) -> None:
    training = Mni152Tissue(heads=heads).training(2, 96)
    index = len(training) - 10
    first, again = (training.drawn(index, np.random.default_rng((3, 1, index))) for _ in range(2))
    assert first["image"].shape == (1, 96, 96)
    assert first["image"].dtype == torch.float32
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["label"], again["label"])
    assert set(first["label"].unique().tolist()) <= {0, 1, 2, 3}


def test_painted_heads_have_something_outside_the_brain_that_is_background() -> None:
    plain = Mni152Tissue().training(2, 224, 0)
    painted = Mni152Tissue(heads=1.0).training(2, 224, 0)
    index = painted.slices.index(100)
    sample = painted.drawn(index, np.random.default_rng(1))
    outside = sample["label"] == 0
    assert float((sample["image"][0][outside] > -1.5).float().mean()) > 0.05
    stripped = plain.drawn(plain.slices.index(100), np.random.default_rng(1))
    air = stripped["image"][0][stripped["label"] == 0]
    assert air.unique().numel() == 1, "a stripped slice has only air outside"


def test_with_true_light_only_the_place_is_changed() -> None:
    training = Mni152Tissue(true_light=1.0).training(2, 224)
    index = training.slices.index(100)
    values = set(training[index]["image"].unique().tolist())
    assert training.augmentation.often > 0
    for seed in range(5):
        change = training._unlit.drawn(np.random.default_rng(seed), (224, 224))
        assert (change.gamma, change.contrast, change.noise, change.blur_px) == (1, 1, 0, 0)
        assert change.turns_deg != (0,)
    drawn = training.drawn(index, np.random.default_rng(0))["image"]
    assert min(values) - 1e-4 <= float(drawn.min())
    assert float(drawn.max()) <= max(values) + 1e-4


def test_below_the_template_there_is_a_neck_without_brain() -> None:
    training = Mni152Tissue(heads=0.5).training(2, 128)
    neck = training.drawn(training.slices.index(-19), np.random.default_rng(0))
    assert not neck["label"].any()
    assert neck["image"].std() > 0


def test_probes_are_one_slice_of_each_held_out_slab() -> None:
    names = [probe["name"] for probe in Mni152Tissue().probes(2)]
    assert len(names) == len(HELD_OUT)
    assert len(set(names)) == len(names)
    assert [probe["image"].ndim for probe in Mni152Tissue().probes(3)] == [4, 4, 4]
