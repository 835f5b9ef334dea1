"""FID and MMD are what they are in closed form and in MONAI; few pictures are not judged as if they were many."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.metrics import FIDMetric, MMDMetric

from medviz.messages import Progress, finished
from medviz.refused import Refused
from medviz.training.using.features import PIXELS, Features, features
from medviz.training.using.quality import AXES, LEAST, Pictures, fid, judged, mmd, reference

Numbers = np.ndarray[Any, np.dtype[np.float64]]


class Pile:
    """Pictures at hand."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": self.images[index], "name": str(index)}


def normal(count: int, mean: Numbers, covariance: Numbers, seed: int = 0) -> Numbers:
    """Numbers whose mean and covariance are exactly these."""
    raw = np.random.default_rng(seed).normal(size=(count, len(mean)))
    raw -= raw.mean(0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    made: Numbers = raw @ np.linalg.cholesky(covariance).T + mean
    return made


def blobs(count: int, seed: int, wide: float = 4.0, side: int = 32) -> torch.Tensor:
    """Bright blobs at drawn places, (count, 1, side, side) in −1..1."""
    chance = np.random.default_rng(seed)
    x, y = np.indices((side, side))
    at = chance.uniform(6, side - 6, (count, 2, 1, 1))
    far = (x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2
    return torch.from_numpy(2 * np.exp(-far / wide**2) - 1).float()[:, None]


def test_fid_of_gaussians_is_that_of_the_formula() -> None:
    one = normal(80, np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    two = normal(200, np.array([1.0, 2.0, 2.0]), np.diag([4.0, 4.0, 1.0]), seed=1)
    assert fid(one, two) == pytest.approx(9 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2, rel=1e-9)
    assert fid(one, one) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")
@pytest.mark.parametrize("few", [20, 6], ids=["more pictures than features", "fewer pictures than features"])
def test_fid_is_that_of_monai_and_stays_real_where_covariances_are_singular(few: int) -> None:
    chance = np.random.default_rng(2)
    one, two = chance.normal(size=(few, 10)), chance.normal(0.4, 1.7, size=(60, 10))
    if few > 10:
        theirs = float(FIDMetric()(torch.from_numpy(one), torch.from_numpy(two)))
        assert fid(one, two) == pytest.approx(theirs, rel=1e-6)
    assert fid(one, two) == pytest.approx(fid(two, one), rel=1e-9)
    assert np.isfinite(fid(one, two))


def test_linear_mmd_is_that_of_monai_and_the_squared_distance_of_the_means() -> None:
    chance = np.random.default_rng(3)
    one, two = chance.normal(size=(40, 5)), chance.normal(0.5, 1, size=(40, 5))
    theirs = float(MMDMetric()(torch.from_numpy(one)[:, None], torch.from_numpy(two)[:, None]))
    assert mmd(one, two, "linear").value == pytest.approx(theirs, rel=1e-9)
    many = chance.normal(size=(2000, 2)), chance.normal(size=(2000, 2)) + np.array([3.0, 0.0])
    assert mmd(*many, "linear").value == pytest.approx(9.0, abs=0.5)


def test_mmd_of_equal_piles_is_nothing_within_its_error_and_has_no_bias_where_there_are_few() -> None:
    chance = np.random.default_rng(4)
    draws = [mmd(chance.normal(size=(12, 6)), chance.normal(size=(12, 6))) for _ in range(60)]
    values = np.array([one.value for one in draws])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(60)
    assert np.mean([abs(one.value) < 3 * one.error for one in draws]) > 0.9
    far = mmd(chance.normal(size=(12, 6)), chance.normal(1.5, 1, size=(12, 6)))
    assert far.value > 2 * far.error


def test_the_error_of_mmd_is_the_spread_of_what_is_drawn_again() -> None:
    chance = np.random.default_rng(5)
    draws = [mmd(chance.normal(size=(40, 3)), chance.normal(0.8, 1, size=(60, 3))) for _ in range(80)]
    spread = float(np.std([one.value for one in draws]))
    assert float(np.median([one.error for one in draws])) == pytest.approx(spread, rel=0.3)


def test_worse_samples_are_told_to_be_worse_and_the_features_are_named() -> None:
    training, by = Pile(blobs(160, 0)), features()
    known = finished(reference(training, by))
    good, bad = known.judged(blobs(80, 1)), known.judged(blobs(80, 1, wide=6.0))
    assert good.fid is not None
    assert bad.fid is not None
    assert good.mmd is not None
    assert bad.mmd is not None
    assert bad.fid > 3 * good.fid
    assert bad.mmd.value > 3 * abs(good.mmd.value)
    assert good.usual_fid is not None
    assert good.usual_fid < bad.fid
    assert "features: mni152_tissue" in good.words()
    assert "80 samples, 160 training pictures" in good.words()
    assert "among themselves" in good.words()
    assert known.axes.shape[1] == AXES


def test_fid_of_few_is_refused_in_words_and_mmd_stays() -> None:
    found = finished(judged(blobs(LEAST - 1, 1), Pile(blobs(160, 0)), features(PIXELS)))
    assert found.fid is None
    assert found.mmd is not None
    assert f"FID needs at least {LEAST} samples" in found.words()
    assert found.plain()["FID"] is None


def test_points_are_judged_by_their_coordinates_and_volumes_by_three_slices() -> None:
    chance = torch.Generator().manual_seed(0)
    points = torch.randn(100, 2, generator=chance)
    told = finished(judged(torch.randn(100, 2, generator=chance), Pile(points), features()))
    assert told.features == "coordinates"
    volumes = blobs(8, 0)[..., None].expand(-1, -1, -1, -1, 32).contiguous()
    by: Features = features(PIXELS)
    assert by.of(volumes).shape == (8, 3 * 64)
    assert "middle slices" in by.named(volumes)


def test_what_is_no_number_and_what_is_no_name_is_refused(tmp_path: Path) -> None:
    known = finished(reference(Pile(blobs(10, 0)), features(PIXELS)))
    with pytest.raises(Refused, match="none"):
        known.judged(torch.full((5, 1, 32, 32), torch.nan))
    with pytest.raises(Refused, match="no such features"):
        features(str(tmp_path / "not there"))
    with pytest.raises(Refused, match="fewer than two"):
        finished(reference(Pile(blobs(1, 0)), features(PIXELS)))


def test_a_large_training_set_is_thinned_out_and_how_far_it_is_is_said() -> None:
    pile: Pictures = Pile(blobs(50, 0))
    said: list[object] = []
    known = finished(reference(pile, features(PIXELS), most=20), said.append)
    assert len(known.numbers) == 20
    assert said[-1] == Progress(20, 20, "training pictures told in features")


@pytest.mark.data
def test_imagenet_weights_tell_pictures_by_what_comes_before_the_last_layer(data: Path) -> None:
    by = features(str(data / "weights" / "efficientnet_lite0" / "efficientnet-lite0-57934424.pth"))
    numbers = by.of(blobs(2, 0))
    assert numbers.shape == (2, 1280)
    assert "ImageNet" in by.name
    assert numbers.min() >= 0
