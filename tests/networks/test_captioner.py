"""A network that sees places and says words: where it looks, that it says nothing ahead of time, and what it says."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from medviz.networks import NETWORKS
from medviz.networks.captioner_search import Tokens, beamed, greedy, said
from medviz.refused import Refused

TOKENS = Tokens(start=2, end=3, never=(0, 1, 4))
KINDS = [(encoder, decoder) for encoder in ("cnn", "vit") for decoder in ("lstm", "transformer")]


def captioner(encoder: str = "cnn", decoder: str = "lstm", classes: int = 9, **more: Any) -> Any:
    torch.manual_seed(0)
    given = {"size": 16, "width": 16, "halvings": 2, "heads": 2, "longest": 6, "depth": 2, **more}
    return NETWORKS["captioner"](classes=classes, encoder=encoder, decoder=decoder, **given).eval()


def pictures(count: int = 2) -> Tensor:
    return torch.randn((count, 1, 16, 16), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("encoder", "decoder"), KINDS)
class TestEachKind:
    def test_it_scores_each_next_word_and_its_attention_sums_to_one(self, encoder: str, decoder: str) -> None:
        made, words = captioner(encoder, decoder), torch.tensor([[2, 5, 6], [2, 7, 3]])
        with torch.no_grad():
            read = made.read(made.places(pictures()), words)
            assert torch.equal(read.scores, made(pictures(), words))
        assert read.scores.shape == (2, 3, 9) and read.attention.shape == (2, 3, made.grid**2)
        assert bool((read.attention >= 0).all())
        torch.testing.assert_close(read.attention.sum(-1), torch.ones(2, 3))

    def test_no_word_is_told_from_those_after_it(self, encoder: str, decoder: str) -> None:
        made, one, other = captioner(encoder, decoder), torch.tensor([[2, 5, 6, 7]]), torch.tensor([[2, 5, 8, 3]])
        with torch.no_grad():
            first, second = (made(pictures(1), words) for words in (one, other))
        torch.testing.assert_close(first[:, :2], second[:, :2])
        assert not torch.allclose(first[:, 2:], second[:, 2:])

    def test_every_parameter_gets_a_gradient(self, encoder: str, decoder: str) -> None:
        made = captioner(encoder, decoder).train()
        scores = made(pictures(), torch.tensor([[2, 0, 1, 4, 5], [2, 6, 7, 8, 3]]))
        (scores * torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        dead = [key for key, one in made.named_parameters() if one.grad is None or not bool(one.grad.any())]
        assert dead in ([], ["say.order"]) or not dead, f"no gradient: {dead}"

    def test_it_looks_at_the_picture(self, encoder: str, decoder: str) -> None:
        made, words = captioner(encoder, decoder), torch.tensor([[2, 5], [2, 5]])
        with torch.no_grad():
            scores = made(pictures(), words)
        assert not torch.allclose(scores[0], scores[1], atol=1e-4)


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
def test_a_search_of_all_beginnings_finds_the_likeliest_caption_of_all(decoder: str) -> None:
    made = captioner(decoder=decoder, classes=7, longest=4)
    image = pictures(1)
    with torch.no_grad():
        places = made.places(image)
        ended = [(*words, 3) for length in range(3) for words in product((5, 6), repeat=length)]
        open_ones = list(product((5, 6), repeat=3))
        every = {ids: said(made, places, ids, TOKENS).likelihood for ids in [*ended, *open_ones]}
        found = beamed(made, image, TOKENS, beams=16)
    complete = {ids: one for ids, one in every.items() if ids[-1] == 3}
    assert found.likelihood >= max(complete.values()) - 1e-5
    assert found.likelihood == pytest.approx(every[found.ids], abs=1e-5)


@pytest.mark.parametrize(("encoder", "decoder"), KINDS)
def test_beams_say_nothing_less_likely_than_the_likeliest_next_word_each_time(encoder: str, decoder: str) -> None:
    made, images = captioner(encoder, decoder), pictures(4)
    with torch.no_grad():
        plain = greedy(made, images, TOKENS)
        for beams in (1, 2, 4):
            found = [beamed(made, images[k : k + 1], TOKENS, beams) for k in range(4)]
            assert all(one.likelihood >= other.likelihood - 1e-5 for one, other in zip(found, plain, strict=True))


def test_it_never_says_what_is_no_word_and_knows_how_likely_each_was() -> None:
    made = captioner(decoder="transformer")
    with torch.no_grad():
        for one in greedy(made, pictures(4), TOKENS):
            assert not {0, 1, 2, 4} & set(one.ids) and len(one.ids) <= 5
            assert one.attention.shape == (len(one.ids), 4, 4)
            torch.testing.assert_close(one.scores.exp().sum(-1), torch.ones(len(one.ids)))
            torch.testing.assert_close(one.logs, one.scores.gather(1, torch.tensor(one.ids)[:, None])[:, 0])
            assert 3 not in one.ids[:-1], "nothing is said after the end"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(Refused, match="do not divide"):
        captioner(size=24, halvings=4)
    with pytest.raises(Refused, match="share"):
        captioner(heads=3)
    with pytest.raises(Refused, match="has 9 words"):
        captioner()(pictures(1), torch.full((1, 9), 5))
