"""Correcting a label map: round in mm, locks hold, every change is a small difference that can be taken back."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from medviz.imaging import edit
from medviz.imaging.edit import Brush
from medviz.imaging.history import History
from medviz.imaging.journal import Journal, replay
from medviz.refused import Refused

ISO = (1.0, 1.0, 1.0)
THICK = (0.5, 0.5, 6.0)


def empty(shape: tuple[int, int, int] = (40, 40, 20)) -> np.ndarray:
    return np.zeros(shape, np.uint8, order="F")


@pytest.mark.trap("T19")
@pytest.mark.parametrize("normal", [0, 1, 2])
def test_a_brush_is_round_in_mm_on_anisotropic_voxels(normal: int) -> None:
    labels = empty((60, 60, 20))
    centre = (30, 30, 10)
    change = edit.paint(labels, [centre], 3, Brush(10.0, normal), THICK)
    assert change is not None
    change.redo(labels)
    at = np.stack(np.indices(labels.shape), -1).astype(float)
    away_mm = np.linalg.norm((at - centre) * THICK, axis=-1)
    expected = (away_mm <= 10.0) & (at[..., normal] == centre[normal])
    np.testing.assert_array_equal(labels == 3, expected)


def test_a_ball_reaches_along_all_axes() -> None:
    labels = empty()
    change = edit.paint(labels, [(20, 20, 10)], 1, Brush(5.0), ISO)
    assert change is not None
    change.redo(labels)
    at = np.stack(np.indices(labels.shape), -1)
    np.testing.assert_array_equal(labels == 1, np.linalg.norm(at - (20, 20, 10), axis=-1) <= 5.0)


def test_a_fast_hand_leaves_no_gaps() -> None:
    labels = empty()
    change = edit.paint(labels, [(5, 5, 5), (35, 30, 5)], 1, Brush(1.5, normal=2), ISO)
    assert change is not None
    change.redo(labels)
    _, parts = ndimage.label(labels)
    assert parts == 1
    assert labels[5, 5, 5] == labels[35, 30, 5] == 1


def test_painting_outside_changes_nothing() -> None:
    assert edit.paint(empty(), [(-50, 3, 3)], 1, Brush(2.0), ISO) is None


def test_a_locked_label_is_never_overwritten() -> None:
    labels = empty()
    labels[:20] = 2
    change = edit.paint(labels, [(20, 20, 10)], 1, Brush(6.0), ISO, locked={2})
    assert change is not None
    change.redo(labels)
    assert (labels[:20] == 2).all()
    assert (labels[20:] == 1).any()


def test_a_threshold_brush_paints_only_what_lies_between() -> None:
    labels, image = empty(), np.zeros((40, 40, 20), np.int16)
    image[20:] = 100
    change = edit.paint(labels, [(20, 20, 10)], 1, Brush(6.0, between=(50, 150)), ISO, image)
    assert change is not None
    change.redo(labels)
    assert not labels[:20].any() and labels[20:].any()


@pytest.mark.trap("T15")
def test_a_stroke_costs_under_one_per_cent_of_a_copy() -> None:
    labels = np.zeros((256, 256, 100), np.uint8)
    change = edit.paint(labels, [(100, 100, 50)], 1, Brush(12.0), ISO)
    assert change is not None
    assert change.size_bytes < 0.01 * labels.nbytes
    assert change.size_bytes < 15_600


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11), st.integers(0, 11), st.integers(0, 7)), min_size=1))
def test_undo_then_redo_gives_the_same_map(strokes: list[tuple[int, int, int, int]]) -> None:
    labels, history, states = np.zeros((12, 12, 8), np.uint16), History(), []
    for value, x, y, z in strokes:
        change = edit.paint(labels, [(x, y, z)], value, Brush(2.5), ISO)
        if change is not None:
            states.append(labels.copy())
            history.do(labels, change)
    last = labels.copy()
    for state in reversed(states):
        assert history.undo(labels) is not None
        np.testing.assert_array_equal(labels, state)
    assert history.undo(labels) is None and not labels.any()
    while history.redo(labels):
        pass
    np.testing.assert_array_equal(labels, last)


def test_a_new_stroke_forgets_what_was_undone() -> None:
    labels, history = empty(), History()
    for x in (5, 15):
        change = edit.paint(labels, [(x, 5, 5)], 1, Brush(2.0), ISO)
        assert change is not None
        history.do(labels, change)
    history.undo(labels)
    other = edit.paint(labels, [(30, 5, 5)], 2, Brush(2.0), ISO)
    assert other is not None
    history.do(labels, other)
    assert history.redo(labels) is None and history.redo_name is None and history.undo_name == "paint"


def test_history_forgets_the_oldest_first() -> None:
    labels, history = empty(), History(limit_bytes=200)
    for x in range(3, 36, 3):
        change = edit.paint(labels, [(x, 20, 10)], 1 + x % 3, Brush(2.0), ISO)
        assert change is not None
        history.do(labels, change)
    assert history.size_bytes <= 200
    undone = 0
    while history.undo(labels):
        undone += 1
    assert 1 <= undone < 11 and labels[3, 20, 10]


def test_flood_fill_takes_what_hangs_together_and_no_more() -> None:
    image = np.zeros((20, 20, 10), np.int16)
    image[2:8, 2:8, 2:8] = 100
    image[12:18, 12:18, 2:8] = 104
    labels = np.zeros(image.shape, np.uint8)
    change = edit.flood(labels, image, (4, 4, 4), 5, tolerance=10)
    assert change is not None
    change.redo(labels)
    np.testing.assert_array_equal(labels == 5, image == 100)
    flat = np.zeros(image.shape, np.uint8)
    change = edit.flood(flat, image, (4, 4, 4), 5, tolerance=10, normal=2)
    assert change is not None
    change.redo(flat)
    assert flat[..., 4].any() and not flat[..., 5].any()


def test_between_two_discs_a_cone_is_filled() -> None:
    labels = empty((40, 40, 21))
    for z, radius in ((2, 12.0), (18, 4.0)):
        change = edit.paint(labels, [(20, 20, z)], 1, Brush(radius, normal=2), ISO)
        assert change is not None
        change.redo(labels)
    change = edit.fill_between(labels, 1, normal=2)
    assert change is not None
    change.redo(labels)
    areas = labels.sum(axis=(0, 1))
    assert (areas[2:19] > 0).all() and (np.diff(areas[2:19].astype(int)) <= 0).all()
    assert areas[10] == pytest.approx(np.pi * 8**2, rel=0.15)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_what_lies_between_is_the_same_across_each_axis_and_spares_locked_labels(normal: int) -> None:
    labels = np.zeros((24, 24, 24), np.uint8)
    turned = np.moveaxis(labels, normal, 0)
    turned[4, 6:18, 6:18], turned[12, 9:15, 9:15] = 1, 1
    turned[8, 11:13, 11:13] = 5
    change = edit.fill_between(labels, 1, normal, locked={5}, spacing_mm=(0.5, 2.0, 3.0))
    assert change is not None
    change.redo(labels)
    assert (turned[5:12, 9:11, 9:11] == 1).all() and (turned[8, 11:13, 11:13] == 5).all()
    assert not turned[:4].any() and not turned[13:].any() and not turned[:, :6].any()
    areas = (turned == 1).sum(axis=(1, 2))[4:13]
    assert (np.diff(areas[[0, 1, 2, 3, 5, 6, 7, 8]]) <= 0).all()


def test_filling_between_needs_two_slices() -> None:
    with pytest.raises(Refused, match="second one"):
        edit.fill_between(empty(), 1, normal=2)


def test_islands_leave_the_largest() -> None:
    labels = empty()
    labels[2:12, 2:12, 2:12] = 1
    labels[30:33, 30:33, 5:8] = 1
    labels[20:22, 20:22, 5:7] = 2
    change = edit.keep_largest(labels, 1)
    assert change is not None
    change.redo(labels)
    assert (labels == 1).sum() == 1000 and (labels == 2).sum() == 8
    small = edit.islands(labels, 2, smallest_voxels=9)
    assert small is not None
    small.redo(labels)
    assert not (labels == 2).any()


def test_smoothing_takes_a_spike_and_keeps_the_volume() -> None:
    labels = empty()
    labels[10:30, 10:30, 4:16] = 1
    labels[30:36, 20, 10] = 1
    change = edit.smooth(labels, 1, 1.0, ISO)
    assert change is not None
    change.redo(labels)
    assert not labels[32:].any()
    assert labels.sum() == pytest.approx(20 * 20 * 12, rel=0.05)


def test_a_margin_grows_and_shrinks_in_mm() -> None:
    labels = empty((60, 60, 20))
    labels[30, 30, 10] = 1
    change = edit.margin(labels, 1, 6.0, THICK)
    assert change is not None
    change.redo(labels)
    assert labels[30 + 12, 30, 10] == 1 and labels[30 + 13, 30, 10] == 0
    assert labels[30, 30, 11] == 1 and labels[30, 30, 12] == 0
    back = edit.margin(labels, 1, -5.9, THICK)
    assert back is not None
    back.redo(labels)
    assert labels.sum() < 200


def test_a_slice_is_copied() -> None:
    labels = empty()
    labels[5:9, 5:9, 3] = 4
    change = edit.copy_slice(labels, 4, 2, 3, 7)
    assert change is not None
    change.redo(labels)
    np.testing.assert_array_equal(labels[..., 7], labels[..., 3])


@pytest.mark.trap("T21")
def test_an_accepted_proposal_is_one_change_and_spares_locked_labels() -> None:
    labels = empty()
    labels[:10, :10] = 1
    labels[30:, 30:] = 2
    proposal = np.zeros_like(labels)
    proposal[5:20, 5:20] = 3
    proposal[28:, 28:] = 3
    before, history = labels.copy(), History()
    change = edit.accept(labels, proposal, {3}, locked={2})
    assert change is not None
    history.do(labels, change)
    assert (labels[30:, 30:] == 2).all() and labels[6, 6, 0] == 3 and labels[1, 1, 0] == 1
    history.undo(labels)
    np.testing.assert_array_equal(labels, before)


def test_the_journal_brings_back_every_stroke(tmp_path: Path) -> None:
    start = empty()
    labels, history, journal = start.copy(), History(), Journal(tmp_path / "journal", start)
    for x in (5, 15, 25):
        change = edit.paint(labels, [(x, 9, 9)], 1, Brush(3.0), ISO)
        assert change is not None
        history.do(labels, change)
        journal.write(change)
    undone = history.undo(labels)
    assert undone is not None
    journal.write(undone, undone=True)
    journal.close()
    again = start.copy()
    assert replay(tmp_path / "journal", again) == 4
    np.testing.assert_array_equal(again, labels)


def test_a_torn_record_at_the_end_is_passed_over(tmp_path: Path) -> None:
    start = empty()
    labels, journal = start.copy(), Journal(tmp_path / "journal", start)
    change = edit.paint(labels, [(5, 9, 9)], 1, Brush(3.0), ISO)
    assert change is not None
    journal.write(change)
    journal.write(change)
    journal.close()
    whole = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(whole[:-7])
    assert replay(tmp_path / "journal", start.copy()) == 1


def test_a_journal_of_another_map_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path / "journal", empty()).close()
    other = empty()
    other[0, 0, 0] = 1
    with pytest.raises(Refused, match="another label map"):
        replay(tmp_path / "journal", other)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(Refused, match="not a journal"):
        replay(tmp_path / "text", other)


@pytest.mark.trap("T22")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_strokes_survive_kill_9(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from medviz.imaging.edit import Brush, paint
        from medviz.imaging.journal import Journal
        labels = np.zeros((30, 30, 10), np.uint8)
        journal = Journal(Path({str(tmp_path / "journal")!r}), labels)
        for x in range(5, 25, 5):
            change = paint(labels, [(x, 9, 5)], 1, Brush(2.0), (1.0, 1.0, 1.0))
            change.redo(labels)
            journal.write(change)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False)
    assert ended.returncode == -signal.SIGKILL
    labels = np.zeros((30, 30, 10), np.uint8)
    assert replay(tmp_path / "journal", labels) == 4
    assert labels[20, 9, 5] == 1
