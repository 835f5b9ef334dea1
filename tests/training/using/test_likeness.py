"""Similarity and signal to noise are those of scikit-image."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from medviz.training.using.likeness import LOSSES, loss_of, psnr, ssim


def drawn(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(len(shape))
    meant = torch.rand(shape, generator=made)
    return (meant + 0.2 * torch.randn(shape, generator=made)).requires_grad_(), meant


@pytest.mark.parametrize("shape", [(2, 1, 24, 31), (1, 1, 14, 15, 13)], ids=str)
def test_both_agree_with_scikit_image(shape: tuple[int, ...]) -> None:
    told, meant = drawn(*shape)
    for number in range(shape[0]):
        a, b = told[number, 0].detach().double().numpy(), meant[number, 0].double().numpy()
        reach = float(b.max() - b.min())
        theirs = structural_similarity(
            a, b, data_range=reach, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert float(ssim(told, meant)[number].detach()) == pytest.approx(theirs, abs=2e-4)
        wanted = peak_signal_noise_ratio(b, a, data_range=reach)
        assert float(psnr(told, meant)[number].detach()) == pytest.approx(wanted, abs=1e-3)


def test_the_same_picture_is_like_itself_even_where_it_is_small() -> None:
    for shape in ((1, 1, 20, 20), (1, 1, 5, 8), (1, 1, 1, 12)):
        meant = torch.rand(shape)
        assert float(ssim(meant, meant)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES.options)
def test_every_loss_is_nothing_when_right_and_falls_along_its_gradient(name: str) -> None:
    told, meant = drawn(2, 1, 24, 24)
    assert float(loss_of(name)(meant, meant)) == pytest.approx(0.0, abs=1e-5)
    loss = loss_of(name)(told, meant)
    (slope,) = torch.autograd.grad(loss, told)
    with torch.no_grad():
        assert loss_of(name)(told - 0.05 * float(loss) / float(slope.square().sum()) * slope, meant) < loss
