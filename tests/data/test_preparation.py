import numpy as np
import pytest

from medviz.data.preparation import Preparation, air, normalised, resampled
from medviz.imaging.volume import Stored, Volume
from medviz.refused import Refused


def volume(voxels: np.ndarray, spacing: tuple[float, ...] = (1.0, 1.0, 1.0), **more: object) -> Volume:
    affine = np.diag([*spacing, 1.0])
    return Volume(voxels, affine, Stored("test", voxels.shape[1:], "RAS", affine, voxels.dtype), **more)  # type: ignore[arg-type]


def test_it_travels_as_plain_values() -> None:
    for one in (Preparation(), Preparation(3, 2, (1.0, 1.0, 2.5), 1, (64, 64, 32))):
        assert Preparation.of(one.plain()) == one
    with pytest.raises(Refused):
        Preparation.of({"flavour": 3})


def test_the_foreground_has_mean_0_and_spread_1_however_much_air_there_is() -> None:
    generator = np.random.default_rng(0)
    for air_share in (0.1, 0.9):
        voxels = np.zeros((1, 40, 40, 40), np.float32)
        inside = generator.random(voxels.shape) > air_share
        voxels[inside] = generator.normal(500, 40, int(inside.sum()))
        scaled = normalised(voxels)
        assert scaled[inside].mean() == pytest.approx(0, abs=0.02)
        assert scaled[inside].std() == pytest.approx(1, abs=0.05)
        assert np.all(scaled[~inside] < air(scaled))


def test_scaling_and_shifting_a_scan_changes_nothing() -> None:
    voxels = np.random.default_rng(1).normal(100, 20, (1, 16, 16, 16)).astype(np.float32)
    assert normalised(voxels * 7 - 300) == pytest.approx(normalised(voxels), abs=1e-3)
    stored = volume((voxels * 10).astype(np.int16), slope=0.5, intercept=-100.0)
    assert Preparation().prepared(stored) == pytest.approx(normalised((voxels * 10).astype(np.int16)), abs=1e-3)


def test_nan_and_infinite_voxels_count_as_nothing() -> None:
    voxels = np.random.default_rng(1).normal(100, 20, (1, 8, 8, 8)).astype(np.float32)
    voxels[0, 0, 0, 0], voxels[0, 1, 1, 1] = np.nan, np.inf
    scan = volume(voxels)
    assert np.isfinite(Preparation().prepared(scan)).all()
    assert np.isnan(scan.voxels[0, 0, 0, 0]), "the scan itself stays as it is"


def test_an_even_scan_is_prepared_and_not_divided_by_nothing() -> None:
    assert not Preparation().prepared(volume(np.full((1, 4, 4, 4), 7, np.int16))).any()


def test_slices_are_resampled_in_their_plane_only() -> None:
    thick = volume(np.zeros((1, 20, 20, 5), np.float32), (0.5, 0.5, 6.0))
    assert Preparation(2, 1, (1.0, 1.0, 1.0), 2).shape_of(thick) == (10, 10, 5)
    assert Preparation(3, 1, (1.0, 1.0, 1.0)).shape_of(thick) == (10, 10, 30)
    assert Preparation(3, 1, None).shape_of(thick) == (20, 20, 5)


def test_resampling_keeps_a_ramp_a_ramp_at_the_same_place() -> None:
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32)[:, None, None], (40, 8, 8))[None].copy()
    fine = resampled(ramp, (80, 8, 8))[0, :, 4, 4]
    assert fine[10:70] == pytest.approx((np.arange(80)[10:70] + 0.5) / 2 - 0.5, abs=1e-4)
    coarse = resampled(ramp, (20, 8, 8))[0, :, 4, 4]
    assert coarse[4:16] == pytest.approx((np.arange(20)[4:16] + 0.5) * 2 - 0.5, abs=1e-4)


def test_too_few_channels_are_refused() -> None:
    with pytest.raises(Refused, match="channel"):
        Preparation(2, 2).prepared(volume(np.zeros((1, 4, 4, 4), np.float32)))


def test_a_colour_picture_is_taken_as_grey() -> None:
    colours = np.random.default_rng(0).integers(0, 255, (3, 12, 12, 1)).astype(np.uint8)
    grey = colours.mean(0, keepdims=True).astype(np.float32)
    assert Preparation().prepared(volume(colours, kind="colour")) == pytest.approx(normalised(grey), abs=1e-5)
    assert Preparation(2, 3).prepared(volume(colours, kind="colour")).shape[0] == 3
