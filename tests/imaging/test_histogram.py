"""Histograms are counted in what a person reads, at once from samples and exactly on request."""

import dataclasses

import numpy as np
import pytest

from medviz.imaging.histogram import exact, histogram
from medviz.imaging.intensity import SOFT_TISSUE, looks_like_ct, robust_window, samples
from medviz.messages import finished
from tests.imaging.making import volume


def test_every_value_of_a_small_volume_is_counted_once() -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    found = histogram(volume(voxels))
    assert found.exact and found.looked == found.total == 24
    assert found.counts.tolist() == [1] * 24 and (found.low, found.high) == (0.0, 23.0)


def test_values_are_those_a_person_reads() -> None:
    scan = dataclasses.replace(volume(np.array([[[0, 1, 1, 3]]], np.int16)), slope=2.0, intercept=-1000.0, unit="HU")
    found = histogram(scan)
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    assert dict(zip(middles.tolist(), found.counts.tolist(), strict=True)) == {-1000: 1, -998: 2, -996: 0, -994: 1}


def test_a_large_volume_is_sampled_and_then_counted_to_the_last_voxel() -> None:
    voxels = np.zeros((160, 160, 80), np.uint8)
    voxels[31, 33, 35] = 200  # one voxel in two million, off the samples' raster
    scan = volume(voxels)
    few, every = histogram(scan), finished(exact(scan))
    assert not few.exact and few.looked < few.total and few.high == 0
    assert every.exact and every.high == 200 and every.counts.sum() == voxels.size and every.counts[-1] == 1


def test_what_is_no_number_is_not_counted() -> None:
    found = finished(exact(volume(np.array([[[np.nan, 1.0, np.inf, 3.0]]], np.float32))))
    assert (found.looked, found.total, found.low, found.high) == (2, 4, 1.0, 3.0)
    nothing = finished(exact(volume(np.full((1, 1, 4), np.nan, np.float32))))
    assert nothing.looked == 0 and nothing.total == 4


def test_percentiles_agree_with_numpy() -> None:
    values = np.random.default_rng(1).normal(0, 100, (30, 30, 30)).astype(np.float32)
    found = histogram(volume(values))
    for percent in (0, 1, 50, 99, 100):
        assert found.percentile(percent) == pytest.approx(np.percentile(values, percent), abs=4.0)


def test_counting_can_be_stopped_between_two_slabs() -> None:
    work = exact(volume(np.zeros((8, 8, 64), np.uint8)))
    next(work)
    next(work)
    work.close()


def test_a_ct_without_a_unit_is_known_by_its_air_and_opens_in_the_window_of_soft_tissue() -> None:
    ct = np.full((40, 40, 40), -1000, np.int16)
    ct[8:32, 8:32] = 40
    ct[18:22, 18:22] = 900
    scan = volume(ct)
    assert looks_like_ct(scan, samples(scan)) and robust_window(scan) == SOFT_TISSUE
    mr = volume((ct + 1000).astype(np.int16))
    assert not looks_like_ct(mr, samples(mr)) and robust_window(mr) != SOFT_TISSUE
