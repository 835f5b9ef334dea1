import numpy as np
import pytest
from scipy import ndimage

from medviz.imaging.judging import thresholds
from medviz.imaging.judging.consequences import Consequences
from medviz.imaging.judging.thresholds import consequences
from medviz.imaging.volume import like
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.judging.maps import volume


def field(seed: int = 0, shape: tuple[int, int, int] = (28, 24, 20)) -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    return (1 / (1 + np.exp(-8 * smooth / smooth.std() / 4))).astype(np.float32)


def made(values: np.ndarray, reference: np.ndarray | None = None, **more: float) -> Consequences:
    affine = np.diag([0.5, 0.5, 4.0, 1.0])
    return finished(consequences(volume(values, affine, **more), reference))


@pytest.mark.parametrize("threshold", [0.001, 0.05, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_what_is_read_off_is_what_a_mask_at_that_threshold_has(threshold: float) -> None:
    values = field()
    reference = field() + 0.1 * field(1) > 0.6
    found = made(values, reference).at(threshold)
    mask = values >= np.float32(threshold)
    both = (mask & reference).sum()
    assert found.threshold == pytest.approx(threshold)
    assert (found.voxels, found.pieces) == (mask.sum(), ndimage.label(mask)[1])
    assert found.volume_ml == pytest.approx(mask.sum() / 1000)
    assert found.dice == pytest.approx(2 * both / (mask.sum() + reference.sum()))
    assert found.iou == pytest.approx(both / (mask | reference).sum())
    assert found.sensitivity == pytest.approx(both / reference.sum())
    assert found.precision == pytest.approx(both / mask.sum())
    assert found.volume_difference_ml == pytest.approx((int(mask.sum()) - int(reference.sum())) / 1000)


def test_a_value_that_is_the_threshold_is_in_however_it_is_stored() -> None:
    values = (np.arange(1001) / 1000).astype(np.float32).reshape(-1, 1, 1)
    found = made(values)
    for k in range(1001):
        assert found.at(k / 1000).voxels == 1001 - k
    stored = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1)
    scaled = made(stored, slope=1 / 255)
    for k in (0, 51, 102, 255):
        assert scaled.at(k / 255).voxels == (stored >= np.ceil(round(k / 255, 3) * 255 - 1e-9)).sum()


def test_the_number_of_pieces_is_right_at_every_threshold() -> None:
    values = np.round(field(3, (14, 12, 10)), 3)
    found = made(values)
    for place, threshold in enumerate(found.thresholds):
        assert found.pieces[place] == ndimage.label(values >= np.float32(threshold))[1]


def test_where_too_many_voxels_would_have_to_be_linked_pieces_are_not_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    values = field(4)
    monkeypatch.setattr(thresholds, "MOST_LINKED", int((values >= 0.5).sum()))
    found = made(values)
    assert found.at(0.2).pieces is None and "from 0.5" in found.note
    assert found.at(0.6).pieces == ndimage.label(values >= np.float32(0.6))[1]


def test_the_areas_under_the_curves_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    values = np.round(field(5), 3)
    reference = field(5) + 0.4 * field(6) > 0.8
    found = made(values, reference)
    assert found.roc is not None and found.precision_recall is not None
    assert found.roc[2] == pytest.approx(roc_auc_score(reference.ravel(), values.ravel()), abs=1e-6)
    assert found.precision_recall[2] == pytest.approx(
        average_precision_score(reference.ravel(), values.ravel()), abs=1e-6
    )
    masks = (values >= np.float32(threshold) for threshold in found.thresholds)
    best = max(2 * (mask & reference).sum() / (mask.sum() + reference.sum()) for mask in masks)
    assert found.best is not None and found.at(found.best).dice == pytest.approx(best)


def test_a_calibrated_map_is_told_from_a_sure_one() -> None:
    rng = np.random.default_rng(7)
    values = rng.random((30, 30, 30)).astype(np.float32)
    honest = made(values, rng.random(values.shape) < values).calibration
    boastful = made(values, rng.random(values.shape) < values**3).calibration
    assert honest is not None and boastful is not None
    assert honest.ece < 0.02 < 0.2 < boastful.ece
    np.testing.assert_allclose(honest.said, np.arange(0.05, 1, 0.1), atol=0.01)
    np.testing.assert_allclose(honest.seen, honest.said, atol=0.05)


def test_background_does_not_hide_that_the_rest_is_wrong() -> None:
    values, reference = np.zeros((40, 40, 40), np.float32), np.zeros((40, 40, 40), bool)
    values[:4, :4, :4] = 0.9
    reference[:4, :4, 0] = True  # a quarter of what is said to be sure
    found = made(values, reference).calibration
    assert found is not None
    assert found.ece < 0.001 and found.ece_inside == pytest.approx(0.65, abs=0.01)


def test_frames_nan_and_other_ranges_are_understood() -> None:
    values = np.stack([field(1), field(2)])
    grid = volume(field(1))
    frames = like(grid, values, "two classes", kind="frames")
    assert finished(consequences(frames, frame=1)).at(0.5).voxels == (values[1] >= 0.5).sum()
    holed = field(1).copy()
    holed[:5] = np.nan
    assert made(holed).at(0.5).voxels == (np.nan_to_num(holed) >= 0.5).sum()
    percent = made(field(1) * 100, field(1) > 0.4)
    assert percent.calibration is None, "no probabilities: nothing to calibrate"
    assert percent.thresholds[-1] == pytest.approx(float(field(1).max() * 100))


def test_without_a_reference_there_is_no_overlap_and_without_spacing_no_ml() -> None:
    found = made(field()).at(0.5)
    assert (found.dice, found.sensitivity, found.precision) == (None, None, None)
    assert made(field()).best is None and made(field()).roc is None
    empty = made(field(), np.zeros(field().shape, bool))
    assert empty.at(0.5).dice is None and empty.precision_recall is None
    bare = finished(consequences(volume(field(), calibrated=False)))
    assert bare.at(0.5).volume_ml is None


def test_a_map_of_one_value_is_refused() -> None:
    with pytest.raises(Refused, match="one value"):
        made(np.full((4, 4, 4), 0.5, np.float32))
    with pytest.raises(Refused, match="no real numbers"):
        made(np.full((4, 4, 4), 1j))
