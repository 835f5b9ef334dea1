"""A checkpoint is whole or not there, and comes back as it was."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from medviz.refused import Refused
from medviz.training.checkpoints import put, read, read_weights, weights_digest, write, write_weights

TREE = {
    "network": {"a.weight": torch.randn(3, 2), "steps": torch.tensor(5), "empty": torch.zeros(0, 4)},
    "optimisers": {"": {"state": {0: {"step": torch.tensor(3.0)}, 7: {"on": True}}, "betas": (0.9, 0.999)}},
    "half": torch.randn(5).to(torch.bfloat16),
    "turned": torch.arange(6).reshape(2, 3).T,
    "numbers": [1, 2.5, float("inf"), None, "text", 2**70, 0.1 + 0.2],
    "states": (3, (1, 2), None),
}


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and one == other


def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "one", TREE)
    assert alike(read(tmp_path / "one"), TREE)


def test_tensors_that_share_memory_come_back_each_for_itself(tmp_path: Path) -> None:
    tied = torch.randn(4)
    write(tmp_path / "one", {"a": tied, "b": tied, "c": tied[:2]})
    assert alike(read(tmp_path / "one"), {"a": tied, "b": tied, "c": tied[:2]})


@pytest.mark.parametrize("place", [0, 30, -1, -40])
def test_one_changed_byte_is_found(tmp_path: Path, place: int) -> None:
    path = tmp_path / "one"
    write(path, TREE)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refused, match=r"cannot be read|not what was written"):
        read(path)


@pytest.mark.parametrize("length", [0, 5, 200, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "one"
    write(path, TREE)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(Refused, match="cannot be read"):
        read(path)


def test_what_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / "theirs")
    with pytest.raises(Refused, match="not what was written"):
        read(tmp_path / "theirs")
    torch.save({"a": 1}, tmp_path / "pickle")
    with pytest.raises(Refused, match="cannot be read"):
        read(tmp_path / "pickle")
    with pytest.raises(Refused, match="no such checkpoint"):
        read(tmp_path / "none")


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "last", {"number": number}, before=tmp_path / "prev")
    assert read(tmp_path / "last") == {"number": 2}
    assert read(tmp_path / "prev") == {"number": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last", "prev"]


def test_a_full_disk_leaves_both_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        write(tmp_path / "last", {"number": number}, before=tmp_path / "prev")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "last", {"number": 2}, before=tmp_path / "prev")
    assert (read(tmp_path / "last"), read(tmp_path / "prev")) == ({"number": 1}, {"number": 0})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last", "prev"]


def test_a_vanished_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "gone" / "file", b"data")


def test_weights_are_read_by_any_program(tmp_path: Path) -> None:
    weights = {"a.weight": torch.randn(2, 2), "b": torch.ones(3)}
    write_weights(tmp_path / "best", weights, {"classes": ["grey"]})
    assert alike(safetensors.torch.load_file(tmp_path / "best"), weights)
    found, about = read_weights(tmp_path / "best")
    assert alike(found, weights)
    assert about == {"classes": ["grey"]}


def test_the_digest_tells_the_smallest_difference() -> None:
    one = {"a": torch.zeros(3), "b": torch.ones(2)}
    assert weights_digest(one) == weights_digest({"b": torch.ones(2), "a": torch.zeros(3)})
    for other in (
        {**one, "a": torch.tensor([0.0, 0.0, 1e-45])},
        {**one, "a": torch.zeros(3, 1)},
        {**one, "a": torch.zeros(3, dtype=torch.int32)},
        {"a": one["a"], "c": one["b"]},
        {**one, "a": -torch.zeros(3)},
    ):
        assert weights_digest(other) != weights_digest(one)
