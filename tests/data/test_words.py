"""Texts as ids and back; our own sentences; pictures with captions of which some are never learnt from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medviz.data.captioned import ATTRIBUTES, FORMS, Captioned, Captions, Thing, caption, told_in
from medviz.data.report_grammar import ANALOGIES, FAMILIES
from medviz.data.sentences import LARGEST_BYTES, ReportSentences, drawn, lines_of
from medviz.data.words import END, MASK, PAD, SPECIAL, START, UNKNOWN, Vocabulary, tokens
from medviz.refused import Refused
from tests.standard import a_sentence

WORDS = Vocabulary.of(["the heart is large.", "the lung (left) is clear, 2.5 mm.", "follow-up"])


def test_words_numbers_and_punctuation_are_apart_and_special_tokens_stay_whole() -> None:
    assert tokens("No T1-lesion (2.5 mm), isn't <mask> 12mm.") == (
        "no", "t1", "-", "lesion", "(", "2.5", "mm", ")", ",", "isn't", "<mask>", "12", "mm", ".",
    )  # fmt: skip
    assert tokens("  \n") == ()
    assert tokens("Ödem, 1,000 µm") == ("ödem", ",", "1,000", "µm")


def test_ids_are_padded_cut_off_and_keep_their_ends() -> None:
    assert WORDS.ids("the heart", 4).tolist() == [WORDS.id("the"), WORDS.id("heart"), PAD, PAD]
    assert WORDS.ids("the strange heart", 5, ends=True).tolist() == [
        START, WORDS.id("the"), UNKNOWN, WORDS.id("heart"), END,
    ]  # fmt: skip
    cut = WORDS.ids("the heart is large", 4, ends=True)
    assert cut.dtype == torch.int64 and cut[0] == START and cut[-1] == END, "never the ends"
    assert WORDS.ids("the <mask> is", 3)[1] == MASK
    assert WORDS.words[0] in (".", "the") and len(WORDS) == len(SPECIAL) + len(WORDS.words)


@given(st.lists(st.sampled_from(["the", "heart", "(left)", "is clear,", "2.5 mm.", "follow-up"]), min_size=1))
def test_a_text_of_known_words_comes_back(parts: list[str]) -> None:
    text = " ".join(parts)
    assert tokens(WORDS.text(WORDS.ids(text, 80, ends=True))) == tokens(text)


def test_rare_words_are_left_out_and_ties_go_by_the_alphabet() -> None:
    assert Vocabulary.of(["b a a c", "b a"], at_least=2).words == ("a", "b")
    assert Vocabulary.of(["c b a"]).words == ("a", "b", "c")
    assert Vocabulary.of(["<mask> a"]).words == ("a",)


@pytest.mark.parametrize("plain", [None, [], ["a", "a"], ["<pad>"], [1], "ab"])
def test_what_is_no_vocabulary_is_refused(plain: object) -> None:
    with pytest.raises(Refused) as refusal:
        Vocabulary.out_of(plain)
    a_sentence(refusal.value)


def test_refuses_an_id_that_is_none_and_no_room() -> None:
    for ask in (lambda: WORDS.word(len(WORDS)), lambda: WORDS.ids("the", 2, ends=True), lambda: WORDS.ids("the", 0)):
        with pytest.raises(Refused) as refusal:
            ask()
        a_sentence(refusal.value)


def test_the_same_seed_draws_the_same_different_sentences_and_no_word_is_only_held_out() -> None:
    data = ReportSentences(count=1500)
    assert len(set(data.all)) == 1500
    assert data.all == drawn(1500, 0) != drawn(1500, 1)
    known = set(Vocabulary.of(data.texts).words)
    assert not set(data.texts) & set(data.held_out_texts)
    strange = {word for one in data.held_out_texts for word in tokens(one)} - known
    assert all(word.isdigit() for word in strange), "but for sizes in mm"
    assert {word for one in ANALOGIES for word in one} <= known
    assert len(ANALOGIES) == sum(len(pairs) * (len(pairs) - 1) for pairs in FAMILIES.values())
    assert len(data.training()) + len(data.validation()) == 1500
    assert data.probes()[0]["text"] == data.held_out_texts[0]
    split = data.split()
    assert not set(split.training) & set(split.validation)


def test_a_file_gives_its_lines_each_once(tmp_path: Path) -> None:
    path = tmp_path / "reports.txt"
    path.write_text("No nodule.\n\nno   NODULE .\nThe heart is large.\n", encoding="utf-8-sig")
    data = ReportSentences(file=str(path))
    assert data.all == ("No nodule.", "The heart is large.")
    assert not data.analogies


def test_a_file_that_holds_no_sentences_is_refused(tmp_path: Path) -> None:
    for name, held in (("one.txt", b"alone"), ("latin.txt", b"\xff\xfe\xfa"), ("missing.txt", None)):
        if held is not None:
            (tmp_path / name).write_bytes(held)
        with pytest.raises(Refused) as refusal:
            lines_of(tmp_path / name)
        a_sentence(refusal.value)
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(Refused, match="64 MB"):
        lines_of(tmp_path / "large.txt")


@pytest.mark.parametrize("form", range(FORMS))
def test_a_caption_tells_its_objects_in_each_form(form: int) -> None:
    every = Thing.all()
    assert len(every) == 80 == np.prod([len(names) for names in ATTRIBUTES.values()])
    for first, second in zip(every, every[17:], strict=False):
        assert told_in(caption([first], form)) == {first}
        if first.place != second.place:
            assert told_in(caption([second, first], form)) == {first, second}
    assert told_in("the heart is large") == frozenset()
    assert told_in("a large dark box") == frozenset(), "it does not say where"


def test_held_out_compositions_are_never_learnt_from_but_all_their_words_are() -> None:
    data = Captioned(cases=200)
    held = set(data.held_out_things)
    learnt, asked = data.training(2, 32), data.validation(2, 32)
    assert len(held) == 16
    assert not any(held & set(some) for some in learnt.things)
    assert all(held & set(some) for some in asked.things)
    words = Vocabulary.of(data.texts)
    assert all(word in words for text in asked.texts for word in tokens(text))


def test_pictures_show_what_captions_say() -> None:
    data = Captioned(cases=64, objects=1, noise=0.05)
    held = data.validation(2, 48)
    for at in range(len(held)):
        image = held[at]["image"][0].numpy()
        away = _away(image)
        x, y = np.argwhere(away).mean(0) / 48
        bright = image[away].mean() > np.median(image)
        place = held.texts[at]
        assert (" right" in place) == (x > 0.6) and (" left" in place) == (x < 0.4)
        assert ("upper" in place) == (y > 0.6) and ("lower" in place) == (y < 0.4)
        assert ("bright" in place) == bright
    sizes = {size: [_reach(held, at) for at, (one,) in enumerate(held.things) if one.size == size] for size in (0, 1)}
    assert max(sizes[0]) < min(sizes[1])


def _away(image: np.ndarray) -> np.ndarray:
    """Tell where the object is."""
    far = np.abs(image - np.median(image))
    return far > 0.5 * far.max()


def _reach(held: Captions, at: int) -> float:
    image = held[at]["image"][0].numpy()
    rows, _ = np.nonzero(_away(image))
    kind = held.things[at][0].shape
    return float(rows.max() - rows.min()) / (0.8 if kind == 1 else 1.0)  # a box is drawn with 0.8 of the radius


def test_chance_changes_light_and_form_and_never_the_meaning() -> None:
    samples = Captioned(cases=16).training(2, 32)
    first, again, other = (samples.drawn(3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first["image"], again["image"]) and first["text"] == again["text"]
    assert not torch.equal(first["image"], other["image"])
    assert told_in(first["text"]) == told_in(other["text"]) == frozenset(samples.things[3])
