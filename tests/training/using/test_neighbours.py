"""A memorised picture is flagged, a new one is not; the mirror image counts; a data set of doubles hides nothing."""

import numpy as np
import pytest
import torch

from medviz.messages import finished
from medviz.refused import Refused
from medviz.training.using.features import PIXELS, features
from medviz.training.using.neighbours import SAME_RMS, known
from tests.training.using.test_quality import Pile, blobs


def faces(count: int, seed: int) -> torch.Tensor:
    """Pictures of many parts, so that no two are alike: smooth noise (count, 1, 32, 32)."""
    raw = torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(raw, (32, 32), mode="bilinear").clamp(-1, 1)


def test_a_copied_picture_is_flagged_and_a_new_one_is_not() -> None:
    training = faces(60, 0)
    found = finished(known(Pile(training), features(PIXELS)))
    noise = 0.03 * torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    copies = found.nearest(training[[5, 17, 40, 59]] + noise)
    assert [one.place for one in copies] == [5, 17, 40, 59]
    assert all(one.copy for one in copies)
    assert all(one.words.startswith("copy?") for one in copies)
    assert all(one.far_features is not None and one.usual_features is not None for one in copies)
    new = found.nearest(faces(40, 9))
    assert not any(one.copy for one in new)
    assert min(one.far_rms for one in new) > 5 * max(one.far_rms for one in copies)


def test_the_mirror_image_of_a_training_picture_is_a_copy_too() -> None:
    training = faces(30, 0)
    (found,) = finished(known(Pile(training))).nearest(training[[7]].flip(2))
    assert found.place == 7
    assert found.copy
    assert found.far_features is None


def test_doubles_in_the_data_set_hide_no_copies() -> None:
    training = torch.cat([faces(20, 0), faces(20, 0)])
    close = training[[3]] + 0.05 * torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    (found,) = finished(known(Pile(training))).nearest(close)
    assert found.copy
    assert found.far_rms > SAME_RMS


def test_half_of_new_pictures_of_the_same_kind_are_not_called_copies() -> None:
    found = finished(known(Pile(blobs(400, 0))))
    flags = [one.copy for one in found.nearest(blobs(100, 1))]
    assert np.mean(flags) < 0.5


def test_where_all_training_pictures_are_one_a_new_one_is_no_copy() -> None:
    found = finished(known(Pile(faces(1, 0).expand(5, -1, -1, -1))))
    assert [one.copy for one in found.nearest(torch.cat([faces(1, 0), faces(1, 1)]))] == [True, False]


def test_distances_between_training_pictures_are_those_of_plain_arithmetic() -> None:
    training = faces(12, 0)
    found = finished(known(Pile(training)))
    flat = training.flatten(1).double()
    apart = (flat[:, None] - flat[None]).square().mean(2).sqrt() + 9 * torch.eye(12)
    assert found.own_rms == pytest.approx(apart.min(1).values.numpy(), rel=1e-6)


def test_volumes_and_points_have_neighbours_too_and_other_shapes_are_refused() -> None:
    volumes = faces(6, 0)[..., None].expand(-1, -1, -1, -1, 16).contiguous()
    found = finished(known(Pile(volumes)))
    assert found.small.shape == (6, 16**3)
    assert found.nearest(volumes[[2]])[0].place == 2
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    (point,) = finished(known(Pile(points))).nearest(points[[4]])
    assert (point.place, point.far_rms, point.copy) == (4, 0.0, False)
    with pytest.raises(Refused, match="another shape"):
        found.nearest(faces(1, 0))


def test_where_memory_is_short_some_are_compared_and_it_is_known_how_many() -> None:
    found = finished(known(Pile(faces(50, 0)), most=10))
    assert len(found.places) == 10
    assert found.total == 50
    assert found.nearest(faces(50, 0)[[found.places[3]]])[0].place == found.places[3]
