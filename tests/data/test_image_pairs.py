"""Pictures and what they are to become: files of one name in two folders, or scans that are made worse."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medviz.data.degraded import Degradation, Degraded
from medviz.data.image_pairs import ImagePairs
from medviz.data.phantoms import Phantoms
from medviz.refused import Refused
from tests.data.laid import image_pairs, nifti, scan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_pairs(tmp_path_factory.mktemp("pairs"))


def test_the_target_is_the_last_channel_and_its_scale_leads_back_to_its_unit(folder: Path) -> None:
    data = ImagePairs(str(folder))
    assert data.channels == 1
    whole = data.validation(3)[0]["image"]
    case = data.sides[1][0]
    image, _ = scan(int(case.name.rsplit("_", 1)[1]))
    wanted = 2 * image - 50
    assert whole.shape == (2, *image.shape)
    np.testing.assert_allclose(whole[1] * data.scale.gain + data.scale.offset, wanted, atol=0.05)
    assert abs(float(whole[0][whole[0] > -2].mean())) < 0.5, "the input is scaled scan by scan"


def test_a_change_of_place_is_made_to_both(folder: Path) -> None:
    samples = ImagePairs(str(folder)).training(3, (14, 16, 8), 1.0)
    both = samples.drawn(0, np.random.default_rng(3))["image"]
    assert np.corrcoef(both[0].flatten(), both[1].flatten())[0, 1] > 0.7, "one noisy, but of the same place"


def test_the_folders_may_be_named_and_what_is_missing_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        image, _ = scan(number)
        nifti(tmp_path / "CT" / f"{number}.nii", image)
        nifti(tmp_path / "mu map" / f"{number}.nii", image)
    with pytest.raises(Refused, match="two folders were not found"):
        _ = ImagePairs(str(tmp_path)).channels
    with pytest.raises(Refused, match="only one of the two"):
        _ = ImagePairs(str(tmp_path), given="CT").channels
    assert ImagePairs(str(tmp_path), given="CT", wanted="mu map").held_out_cases == 1
    (tmp_path / "mu map" / "1.nii").unlink()
    with pytest.raises(Refused, match="no file of its name in mu map/"):
        _ = ImagePairs(str(tmp_path), given="CT", wanted="mu map").channels


def test_pictures_that_do_not_fit_on_each_other_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        nifti(tmp_path / "input" / f"{number}.nii", scan(number)[0])
        nifti(tmp_path / "target" / f"{number}.nii", scan(number, (14, 16, 9))[0])
    with pytest.raises(Refused, match="another grid"):
        _ = ImagePairs(str(tmp_path)).validation(3)[0]


class TestDegraded:
    def test_each_way_of_making_worse_does_what_it_says(self) -> None:
        image = torch.zeros(1, 32, 32)
        image[0, 8:24, 8:24] = 1
        chance = np.random.default_rng(0)
        assert torch.equal(Degradation().applied(image, chance), image)
        noisy = Degradation(noise=0.3).applied(image, chance)
        assert float((noisy - image).std()) == pytest.approx(0.3, rel=0.1)
        for how in (Degradation(blur_px=2.0), Degradation(coarser=4)):
            worse = how.applied(image, chance)
            assert worse.shape == image.shape
            assert float((worse - image).abs().max()) > 0.2, "edges are lost"
            assert float(worse[0, 16, 16]) == pytest.approx(1.0, abs=0.01)

    def test_what_is_measured_is_the_same_each_time_and_what_is_learnt_is_not(self) -> None:
        data = Phantoms(cases=4, size=32)
        held = Degraded(data.validation(2), Degradation(noise=0.5))
        assert torch.equal(held[0]["image"], held[0]["image"])
        assert torch.equal(held[0]["target"], data.validation(2)[0]["image"])
        learnt = Degraded(data.training(2, 32, 0.0), Degradation(noise=0.5))
        one, same, other = (learnt.drawn(0, np.random.default_rng(k))["image"] for k in (1, 1, 2))
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
