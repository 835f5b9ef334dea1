import numpy as np
import pytest
import torch

from medviz.data.augment import (
    KINDS,
    NO_AUGMENTATION,
    USUAL,
    Augmentation,
    Change,
    blurred,
    named,
    smooth_noise,
    switched,
)
from medviz.data.patches import Patches
from medviz.refused import Refused


def picture(*shape: int) -> torch.Tensor:
    axes = torch.meshgrid(*[torch.arange(side, dtype=torch.float32) for side in shape], indexing="ij")
    return sum(0.5**k * torch.sin(axis / (3 + k)) for k, axis in enumerate(axes))[None]


def chance(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("shape", [(40, 32), (20, 24, 16)])
def test_the_same_chance_makes_the_same_change(shape: tuple[int, ...]) -> None:
    label = (picture(*shape)[0] > 0.3).long()
    first = Augmentation().drawn(chance(1, 2, 3), shape).applied(picture(*shape), label)
    torch.manual_seed(99)  # torch's own generator must have no part in it
    second = Augmentation().drawn(chance(1, 2, 3), shape).applied(picture(*shape), label)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    other = Augmentation().drawn(chance(1, 2, 4), shape).applied(picture(*shape), label)
    assert not torch.equal(first[0], other[0])


def test_none_leaves_every_bit_as_it_is() -> None:
    image, label = picture(33, 21), torch.arange(33 * 21).reshape(33, 21)
    for index in range(5):
        moved, moved_label = NO_AUGMENTATION.drawn(chance(0, 0, index), (33, 21)).applied(image, label)
        assert torch.equal(moved, image)
        assert torch.equal(moved_label, label)


@pytest.mark.parametrize("shape", [(40, 32), (20, 24, 16)])
def test_image_and_label_move_together(shape: tuple[int, ...]) -> None:
    inside = torch.ones(1, *shape)
    inside.view(-1)[0] = 0  # the darkest value, which comes in from outside
    image = torch.cat([picture(*shape), inside])
    for index in range(6):
        place = Augmentation(gamma=0, contrast=0, brightness=0, bias=0, noise=0, blur_px=0)
        moved, label = place.drawn(chance(7, index), shape).applied(image, (image[0] > 0).long())
        clear = (moved[1] > 0.999) & (moved[0].abs() > 0.4)  # half a pixel changes it by less
        assert clear.float().mean() > 0.2
        assert torch.equal((moved[0] > 0)[clear], (label > 0)[clear])


def test_light_changes_the_image_and_never_the_label() -> None:
    image, label = picture(32, 32), (picture(32, 32)[0] > 0).long()
    light = Augmentation(flip=0, turn_deg=0, zoom=0, shift=0, warp_px=0, often=1)
    changed, same = light.drawn(chance(3), (32, 32)).applied(image, label)
    assert torch.equal(same, label)
    assert not torch.allclose(changed, image)
    assert torch.isfinite(changed).all()


def test_a_quarter_turn_is_a_quarter_turn_of_an_oblong_picture() -> None:
    image = torch.zeros(1, 31, 21)
    image[0, 20, 10] = 1  # five pixels from the middle along x
    turned, _ = Change(2, turns_deg=(90.0,)).applied(image)
    place = np.unravel_index(int(turned.argmax()), (31, 21))
    assert place in ((15, 15), (15, 5)), "five pixels along y: angles are taken in pixels, not in shares of the sides"


def test_zooming_in_makes_things_larger() -> None:
    image = torch.zeros(1, 41, 41)
    image[0, 16:25, 16:25] = 1
    larger, _ = Change(2, zoom=2.0).applied(image)
    assert larger.sum() == pytest.approx(4 * 81, rel=0.1)


def test_strength_scales_every_reach_and_stays_in_range() -> None:
    assert Augmentation().stronger(2).turn_deg == 30
    assert Augmentation().stronger(100).zoom == 0.5
    weak = Augmentation().stronger(0)
    assert weak.drawn(chance(1), (8, 8)).turns_deg == (0,)
    assert not weak.drawn(chance(1), (8, 8)).flip


def test_blur_keeps_the_mean_of_a_smooth_picture_and_lowers_noise() -> None:
    noise = torch.randn((1, 64, 64), generator=torch.Generator().manual_seed(0))
    soft = blurred(noise, 2.0)
    assert soft.std() < 0.3 * noise.std()
    assert blurred(torch.ones(1, 9, 9, 9), 1.0) == pytest.approx(1.0)


def test_smooth_noise_varies_slowly_and_has_about_unit_spread() -> None:
    field = smooth_noise((128, 128), 16, torch.Generator().manual_seed(0))[0]
    assert 0.3 < float(field.std()) < 1.5
    assert float((field[1:] - field[:-1]).abs().mean()) < 0.15


@pytest.mark.parametrize("shape", [(24, 20), (16, 12, 14)])
@pytest.mark.parametrize("name", list(KINDS))
def test_each_change_has_a_name_and_is_seen_alone(name: str, shape: tuple[int, ...]) -> None:
    image, label = picture(*shape), (picture(*shape)[0] > 0).long()
    for seed in range(20):
        change = named()[name].drawn(chance(seed), shape)
        moved, _ = change.applied(image, label)
        if not torch.equal(moved, image):
            break
    assert not torch.equal(moved, image)
    assert moved.shape == image.shape
    assert moved.isfinite().all()
    again, _ = named()[name].drawn(chance(seed), shape).applied(image, label)
    assert torch.equal(moved, again)
    others = [getattr(named()[name], field) for other, field in KINDS.items() if other != name]
    assert not any(others)


def test_what_is_not_ticked_is_not_done() -> None:
    samples = Patches([], (8, 8), Augmentation(flip=0.0).stronger(0.5))
    few = switched(samples, ("rotation", "mirror", "erasing"), 0.5).augmentation
    assert (few.turn_deg, few.flip, few.erase, few.zoom, few.noise) == (7.5, 0.0, 0.15, 0.0, 0.0)
    assert switched(samples, USUAL, 0.5) is samples, "the usual ones change nothing"
    assert switched([1, 2], ("rotation",), 1.0) == [1, 2], "samples that know no change stay"
    with pytest.raises(Refused, match="no such change"):
        Augmentation().only(("shrinking",))


def test_mirrored_everywhere_label_and_image_go_along() -> None:
    image = picture(9, 7)
    moved, label = Change(2, flip=True, flips=(True,)).applied(image, (image[0] > 0).long())
    assert torch.equal(moved, image.flip(1, 2))
    assert label is not None
    assert torch.equal(label, (moved[0] > 0).long())
