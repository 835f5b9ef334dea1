"""Trainings of other programs: TensorBoard's files as many tools write them, and nnU-Net's text."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.record_writer import RecordWriter

from medviz.figures import Curves, Picture
from medviz.messages import Message, Note, Progress, Scalar
from medviz.refused import Refused
from medviz.training.elsewhere import boards, foreign
from medviz.training.elsewhere.boards import Board
from medviz.training.elsewhere.foreign import holds_boards, watch_tensorboard
from medviz.training.elsewhere.nnunet_log import watch_nnunet
from medviz.training.elsewhere.places import attach_to
from medviz.training.sinks import TensorBoard
from tests.training.toys import curve


class Writer:
    """Writes records as other programs do."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "ab")
        self.records = RecordWriter(self.file)

    def put(self, step: int, at_s: float = 0.0, **value: Any) -> "Writer":
        event = Event(wall_time=at_s or float(step), step=step, summary=Summary(value=[Summary.Value(**value)]))
        self.records.write(event.SerializeToString())
        return self

    def close(self) -> None:
        self.file.close()


def scalars(path: Path, tag: str, values: dict[int, float]) -> None:
    writer = Writer(path)
    for step, value in values.items():
        writer.put(step, tag=tag, simple_value=value)
    writer.close()


def told(folder: Path) -> list[Message]:
    return list(watch_tensorboard(folder, over_s=0.0, poll_s=0.0))


def metadata(plugin: str) -> SummaryMetadata:
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))


def test_numbers_old_and_new_become_curves_with_names_as_runs_here_have(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "events.out.tfevents.1.host")
    writer.put(1, tag="train_loss", simple_value=0.5).put(2, tag="val/dice", simple_value=0.25)
    floats = TensorProto(dtype=1, float_val=[0.75])
    packed = TensorProto(dtype=2, tensor_content=np.array([0.125]).tobytes())
    writer.put(3, tag="lr-Adam", tensor=floats, metadata=metadata("scalars"))
    writer.put(4, tag="epoch", tensor=packed, metadata=metadata("scalars")).close()
    found = {one.name: (one.step, one.value, one.at_s) for one in told(tmp_path) if isinstance(one, Scalar)}
    assert found == {
        "train/loss": (1, 0.5, 1.0),
        "validation/dice": (2, 0.25, 2.0),
        "lr-Adam": (3, 0.75, 3.0),
        "epoch": (4, 0.125, 4.0),
    }
    assert not [name for name in sys.modules if name.partition(".")[0] == "tensorflow"]


def test_what_this_program_writes_for_tensorboard_can_be_read_back(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path / "tb")
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    for step in (1, 2):
        board.hear(Scalar("train/loss", step, step / 4), step)
    board.hear(Picture("probe", pixels, levels=(0.0, 255.0)), 2)
    board.close()
    said = told(tmp_path)
    assert curve(said, "train/loss") == {1: 0.25, 2: 0.5}
    picture = next(one for one in said if isinstance(one, Picture))
    assert np.array_equal(picture.pixels[..., 0], pixels)


def test_histograms_become_curves(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "events.out.tfevents.1.host")
    old = HistogramProto(bucket_limit=[-1e300, 0.0, 1.0, 2.0], bucket=[0, 3, 5, 7])
    rows = np.array([[0.0, 1.0, 4.0], [1.0, 2.0, 6.0]])
    new = TensorProto(dtype=2, tensor_content=rows.tobytes())
    writer.put(1, tag="old", histo=old).put(1, tag="new", tensor=new, metadata=metadata("histograms")).close()
    drawn = {one.name: one.lines[0] for one in told(tmp_path) if isinstance(one, Curves)}
    assert (drawn["old"].x.tolist(), drawn["old"].y.tolist()) == ([0.5, 1.5], [5, 7])
    assert (drawn["new"].x.tolist(), drawn["new"].y.tolist()) == ([0.5, 1.5], [4, 6])


def test_a_file_is_followed_as_it_grows_and_half_a_record_waits(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    scalars(path, "loss", {1: 1.0})
    work = watch_tensorboard(tmp_path, over_s=3600.0, poll_s=0.0)
    said: list[Message] = []
    while not (said and said[-1] == Progress(1, 0, "following, step 1")):
        said.append(next(work))
    before = path.read_bytes()
    scalars(path, "loss", {2: 0.5})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(before) + 20])
    heard = [next(work) for _ in range(3)]
    assert not [one for one in heard if isinstance(one, Scalar)]
    path.write_bytes(whole)
    heard = [next(work) for _ in range(3)]
    assert [one for one in heard if isinstance(one, Scalar)] == [Scalar("loss", 2, 0.5)]
    work.close()


def test_runs_of_one_folder_are_told_apart_the_newest_first(tmp_path: Path) -> None:
    for number in (0, 1):
        path = tmp_path / f"version_{number}" / "events.out.tfevents.1.host"
        scalars(path, "loss", {1: float(number)})
        os.utime(path, (1000 + number, 1000 + number))
    said = [one for one in told(tmp_path) if isinstance(one, Scalar)]
    assert said == [Scalar("version_1/loss", 1, 1.0), Scalar("version_0/loss", 1, 0.0)]
    alone = [one for one in told(tmp_path / "version_0") if isinstance(one, Scalar)]
    assert alone == [Scalar("loss", 1, 0.0)]
    file = next(one for one in told(tmp_path / "version_1" / "events.out.tfevents.1.host") if isinstance(one, Scalar))
    assert file.name == "loss"


def test_what_a_restart_said_anew_takes_the_place_of_what_was_said_before(tmp_path: Path) -> None:
    for number, values in enumerate(({1: 1.0, 2: 2.0, 3: 3.0}, {2: 20.0, 3: 30.0})):
        path = tmp_path / f"events.out.tfevents.{number}.host"
        scalars(path, "loss", values)
        os.utime(path, (1000 + number, 1000 + number))
    assert curve(told(tmp_path), "loss") == {1: 1.0, 2: 20.0, 3: 30.0}


def test_many_and_large_files_are_bounded_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MOST_FILES", 3)
    monkeypatch.setattr(foreign, "MOST_POINTS", 10)
    for number in range(5):
        path = tmp_path / f"v{number}" / "events.out.tfevents.1.host"
        scalars(path, "loss", {step: float(step) for step in range(25)})
        os.utime(path, (1000 + number, 1000 + number))
    said = told(tmp_path)
    names = {one.name for one in said if isinstance(one, Scalar)}
    assert names == {"v4/loss", "v3/loss", "v2/loss"}
    assert any(isinstance(one, Note) and one.text.startswith("2 older") for one in said)
    assert list(curve(said, "v4/loss")) == [*range(0, 25, 3)], "every third of 25, and the last is one of them"


def test_of_large_records_only_the_last_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "LARGE", 100)
    monkeypatch.setattr(boards, "LAST_LARGE", 2)
    path = tmp_path / "events.out.tfevents.1.host"
    writer = Writer(path)
    for step in range(6):
        histogram = HistogramProto(bucket_limit=list(range(40)), bucket=[step] * 40)
        writer.put(step, tag=f"h{step}", histo=histogram).put(step, tag="loss", simple_value=1.0)
    writer.close()
    found = Board(path).read()
    assert set(found.figures) == {"h4", "h5"}
    assert len(found.points) == 6


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    scalars(path, "loss", {1: 1.0, 2: 2.0})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 + 3] ^= 0xFF
    path.write_bytes(bytes(data))
    said = told(tmp_path)
    assert curve(said, "loss") == {1: 1.0}
    assert any(isinstance(one, Note) and "is damaged after" in one.text for one in said)


def test_ten_thousand_numbers_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    scalars(path, "loss", {1: 1.0})
    path.write_bytes(path.read_bytes() * 10_000)
    began_s = time.process_time()
    assert len(Board(path).read().points) == 10_000
    assert time.process_time() - began_s < 2.0


def test_a_folder_without_such_files_is_refused(tmp_path: Path) -> None:
    assert not holds_boards(tmp_path)
    with pytest.raises(Refused, match="no TensorBoard files"):
        told(tmp_path)


LOG = """
2025-01-01 10:00:00.000001: Using torch.compile...
2025-01-01 10:00:01.000001:
2025-01-01 10:00:01.100001: Epoch 0
2025-01-01 10:00:01.200001: Current learning rate: 0.01
2025-01-01 10:01:01.000001: train_loss 0.0512
2025-01-01 10:01:01.000002: val_loss -0.2301
2025-01-01 10:01:01.000003: Pseudo dice [np.float32(0.41), np.float32(0.63)]
2025-01-01 10:01:01.000004: Epoch time: 60.1 s
2025-01-01 10:01:02.100001: Epoch 1
2025-01-01 10:02:01.000001: train_loss -0.31
2025-01-01 10:02:01.000003: Pseudo dice [0.5, nan]
2025-01-01 10:02:05.000003: Training done.
"""


def test_the_text_of_nnunet_becomes_curves(tmp_path: Path) -> None:
    (tmp_path / "training_log_2025_1_1_10_00_00.txt").write_text(LOG)
    said = list(attach_to(str(tmp_path), tmp_path))
    assert curve(said, "train/loss") == {0: 0.0512, 1: -0.31}
    assert curve(said, "validation/loss") == {0: -0.2301}
    assert curve(said, "train/learning rate") == {0: 0.01}
    assert curve(said, "validation/dice/mean") == pytest.approx({0: 0.52, 1: 0.5})
    assert curve(said, "validation/dice/class 1") == {0: 0.41, 1: 0.5}
    with pytest.raises(Refused, match="training_log"):
        list(watch_nnunet(tmp_path / "other"))
