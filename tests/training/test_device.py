"""Where a network runs, and what else on the machine must not notice."""

import pytest
import torch

from medviz.refused import Refused
from medviz.training.chance import apart, seeded
from medviz.training.device import chosen, considerate, cores, in_words, out_of_memory, precision_of
from medviz.training.readings import Readings

CPU = torch.device("cpu")


def test_the_processor_is_always_there() -> None:
    assert chosen("cpu") == CPU
    assert chosen("auto").type in ("cpu", "cuda", "mps")
    assert in_words(CPU).startswith("processor (")


def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Refused, match="no NVIDIA GPU"):
        chosen("cuda")


@pytest.mark.parametrize(
    ("wish", "name"), [("auto", "32 bit"), ("32", "32 bit"), ("bf16", "mixed, bfloat16"), ("fp16", "32 bit")]
)
def test_the_processor_keeps_to_formats_it_is_good_at(wish: str, name: str) -> None:
    precision = precision_of(wish, CPU)
    assert precision.name == name
    with precision.autocast(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (precision.dtype or torch.float32)


def test_one_core_is_left_to_the_window_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with considerate(deterministic=True):
            assert torch.get_num_threads() == min(3, max(1, cores() - 1))
            assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 3
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(before)


def test_running_out_of_memory_is_known_by_its_words() -> None:
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not out_of_memory(ValueError("out of memory"))


def test_chance_comes_from_the_numbers_alone() -> None:
    with apart(0):
        drawn = {}
        for numbers in ((0, 1), (0, 2), (1, 0), (0,), (0, 1, 0), (2**31 - 1, 10**7)):
            seeded(CPU, *numbers)
            drawn[numbers] = torch.rand(4)
            seeded(CPU, *numbers)
            assert torch.equal(torch.rand(4), drawn[numbers])
    assert len({tuple(one.tolist()) for one in drawn.values()}) == len(drawn)


def test_readings_on_the_processor_are_there_at_once() -> None:
    readings = Readings(CPU)
    readings.put(1, {"loss": torch.tensor(0.5), "gradient norm": torch.tensor(2.0)})
    assert readings.ready() == [(1, {"loss": 0.5, "gradient norm": 2.0})]
    assert readings.ready() == []


def test_each_process_of_torchrun_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert str(chosen("cuda")) == "cuda" and str(chosen("cuda:1")) == "cuda:1"
    for rank, wanted in (("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda:0")):
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert str(chosen("auto")) == wanted
    for wish in ("cuda:2", "cuda:x", "cpu:1"):
        with pytest.raises(Refused, match="no such device"):
            chosen(wish)
