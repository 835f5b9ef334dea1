import numpy as np
import pytest
import torch

from medviz.data.phantoms import Phantoms


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_same_seed_draws_the_same_phantoms(dimensions: int) -> None:
    one, two = (Phantoms(cases=3, size=32).case(dimensions, 1) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.label, two.label)
    other = Phantoms(cases=3, size=32, seed=1).case(dimensions, 1)
    assert not np.array_equal(one.label, other.label)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_samples_have_the_shapes_the_trainer_asks_for(dimensions: int) -> None:
    data = Phantoms(cases=4, size=32)
    drawn = data.training(dimensions, 16).drawn(0, np.random.default_rng(0))
    assert drawn["image"].shape == (1, *[16] * dimensions)
    assert drawn["image"].dtype == torch.float32
    assert drawn["label"].shape == (16,) * dimensions
    assert drawn["label"].dtype == torch.int64
    assert data.validation(dimensions)[0]["image"].shape == (1, *[32] * dimensions)
    assert len(data.probes(dimensions)) == 1


def test_no_phantom_is_in_training_and_in_validation() -> None:
    data = Phantoms(cases=8, size=32)
    training = data.training(2, 32, 0)
    for index in range(len(data.validation(2))):
        held = data.validation(2)[index]["image"]
        assert not any(torch.equal(held, training[k]["image"]) for k in range(len(training)))


def test_without_noise_the_shapes_stand_out_and_a_shell_is_hollow() -> None:
    data = Phantoms(cases=8, size=64, noise=0, bias=0)
    seen = set()
    for number in range(8):
        one = data.case(2, number)
        seen |= set(np.unique(one.label).tolist())
        assert one.image[0][one.label > 0].min() > one.image[0][one.label == 0].max()
    assert seen == {0, 1, 2, 3}


def test_shapes_never_overlap() -> None:
    for number in range(5):
        for many in (1, 12):
            one = Phantoms(size=32, shapes=many, noise=0, bias=0).case(2, number)
            bright = one.image[0] > one.image[0].min()
            assert np.array_equal(bright, one.label > 0)
