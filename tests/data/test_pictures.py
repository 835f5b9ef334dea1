"""Bare pictures out of any data set: one range, one size, and what belongs to each."""

import numpy as np
import pytest
import torch

from medviz.data import DATASETS
from medviz.data.digits import Digits
from medviz.data.phantoms import Phantoms
from medviz.data.pictures import PICTURES, lightened, pictures, some, spacing_of
from medviz.data.samples import Mni152Tissue
from medviz.refused import Refused


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize(("data", "dimensions"), [(Phantoms(), 2), (Phantoms(cases=3), 3), (Digits(), 2)])
def test_every_picture_has_one_size_and_lies_between_minus_one_and_one(data, dimensions, held_out):
    found = pictures(data, dimensions, 24, held_out, augment=1.0)
    for sample in (found[0], found.drawn(len(found) - 1, np.random.default_rng(0))):
        image = sample["image"]
        assert image.shape == (1, *[24] * dimensions)
        assert image.dtype == torch.float32
        assert float(image.min()) == -1.0
        assert float(image.max()) == 1.0
        assert ("label" in sample) != ("kind" in sample)


def test_the_same_chance_draws_the_same_picture():
    found = pictures(Phantoms(), 2, 24, augment=1.0)
    first, again, other = (found.drawn(2, np.random.default_rng(seed))["image"] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_mask_stays_on_its_picture_when_both_are_fitted():
    sample = pictures(Phantoms(noise=0.0, size=64), 2, 32, held_out=True)[0]
    inside = sample["image"][0][sample["label"] > 0]
    outside = sample["image"][0][sample["label"] == 0]
    assert float(inside.mean()) > float(outside.mean()) + 0.5


def test_whole_slices_keep_their_shape_and_the_rest_is_dark():
    sample = pictures(Mni152Tissue(), 2, 64, held_out=True)[0]  # 197 × 233 pixels
    assert (sample["image"][0, :5] == -1).all()
    assert (sample["image"][0, -5:] == -1).all()
    assert (sample["label"] > 0).sum() > 500
    spacing = spacing_of(Mni152Tissue(), 2, 64)
    assert spacing == pytest.approx((233 / 64, 233 / 64, 1.0))
    assert spacing_of(Mni152Tissue(), 2, 64, whole=False) == (1.0, 1.0, 1.0)
    assert spacing_of(Digits(), 2, 64) is None


def test_a_picture_that_is_the_same_everywhere_is_dark():
    assert (lightened(torch.full((1, 8, 8), 3.0)) == -1).all()


def test_some_are_spread_over_all():
    found = some(pictures(Digits(), 2, 8, held_out=True), 3)
    assert [sample["name"] for sample in found] == ["digit 898", "digit 1347", "digit 1796"]


def test_dimensions_that_data_do_not_have_are_refused():
    with pytest.raises(Refused, match="3-D"):
        pictures(Digits(), 3, 16)


def test_the_names_of_data_sets_are_those_of_the_catalog():
    assert [name for name in PICTURES if name not in DATASETS and name != "captioned"] == []
