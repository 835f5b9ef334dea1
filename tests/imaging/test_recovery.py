"""A journal is found again by its scan, holds what no file has, and survives a full disk and a torn end."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.imaging import recovery
from medviz.imaging.corrections import Corrections, base_of
from medviz.imaging.history import Change
from medviz.imaging.labels import named
from medviz.imaging.recovery import Keeper, fingerprint, forget, journals_folder, left_behind, recovered
from medviz.imaging.strokes import Stroke, Tip
from tests.imaging.test_strokes import ISO, volume

NAMES = named(("tumour",))


def scan(seed: int = 0) -> object:
    rng = np.random.default_rng(seed)
    return volume(rng.integers(0, 900, (30, 28, 26)).astype(np.int16), ISO, name="Doe^John.nii.gz")


def painted(made: Corrections, x: float, value: int = 1) -> Change:
    stroke = Stroke(made.map, ISO, value, Tip(3.0))
    stroke.to((x, 12, 12))
    change = stroke.change("paint")
    assert change is not None
    made.do(change, stands=True)
    return change


def fresh(filled: bool = False) -> Corrections:
    labels = np.zeros((1, 30, 28, 26), np.uint8)
    if filled:
        labels[0, 20:, 3:9] = 7
    return Corrections(labels, base_of(labels[0]) if filled else None)


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that wrote journals run no more."""
    monkeypatch.setattr(recovery, "_is_alive", lambda about: False)


@pytest.mark.trap("T22")
@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize("filled", [False, True], ids=["new", "opened"])
def test_what_was_kept_comes_back_with_its_undo_stack(tmp_path: Path, filled: bool) -> None:
    made, keeper = fresh(filled), Keeper(tmp_path, "a" * 64)
    before = made.map.copy()
    for x in (5, 12, 20):
        painted(made, x)
        keeper.keep(made, NAMES)
    made.undo()
    made.undo()
    made.redo()
    keeper.keep(made, NAMES)
    keeper.close()
    (kept,) = left_behind(tmp_path, "a" * 64)
    assert kept.changes == 6 and kept.table == NAMES
    again = recovered(kept)
    np.testing.assert_array_equal(again.map, made.map)
    assert again.history.names == made.history.names and again.history.place == 2 and again.unsaved == 6
    again.redo()
    again.undo()
    again.undo()
    again.undo()
    np.testing.assert_array_equal(again.map, before)


@pytest.mark.usefixtures("dead")
def test_a_recovered_map_goes_on_in_the_same_journal_even_behind_a_torn_end(tmp_path: Path) -> None:
    made, keeper = fresh(), Keeper(tmp_path, "a" * 64)
    painted(made, 5)
    painted(made, 12)
    keeper.keep(made, NAMES)
    keeper.close()
    (kept,) = left_behind(tmp_path, "a" * 64)
    kept.path.write_bytes(kept.path.read_bytes()[:-5])
    (kept,) = left_behind(tmp_path, "a" * 64)
    again = recovered(kept)
    assert kept.changes == 1 and again.unsaved == 1
    goes_on = Keeper(tmp_path, "a" * 64, kept.path, len(again.log))
    painted(again, 20)
    goes_on.keep(again, NAMES)
    goes_on.close()
    (kept,) = left_behind(tmp_path, "a" * 64)
    np.testing.assert_array_equal(recovered(kept).map, again.map)
    assert kept.changes == 2


@pytest.mark.trap("T24")
@pytest.mark.usefixtures("dead")
def test_nothing_in_the_folder_names_the_patient(tmp_path: Path) -> None:
    made, keeper = fresh(), Keeper(tmp_path, fingerprint(scan()))  # type: ignore[arg-type]
    painted(made, 5)
    keeper.keep(made, NAMES)
    keeper.close()
    for path in tmp_path.iterdir():
        assert "Doe" not in path.name and b"Doe" not in path.read_bytes()


@pytest.mark.usefixtures("dead")
def test_a_scan_finds_only_its_own(tmp_path: Path) -> None:
    keys = [fingerprint(scan(seed)) for seed in (0, 1)]  # type: ignore[arg-type]
    moved = scan()
    shifted = replace(moved, affine=np.diag([2.0, 1, 1, 1]))  # type: ignore[type-var]
    assert len({*keys, fingerprint(shifted)}) == 3 and fingerprint(scan()) == keys[0]  # type: ignore[arg-type]
    made, keeper = fresh(), Keeper(tmp_path, keys[0])
    painted(made, 5)
    keeper.keep(made, NAMES)
    keeper.close()
    assert len(left_behind(tmp_path, keys[0])) == 1 and not left_behind(tmp_path, keys[1])


def test_a_journal_of_a_program_that_runs_is_left_to_it(tmp_path: Path) -> None:
    made, keeper = fresh(), Keeper(tmp_path, "a" * 64)
    painted(made, 5)
    keeper.keep(made, NAMES)
    keeper.close()
    assert not left_behind(tmp_path, "a" * 64)
    (beside,) = tmp_path.glob("*.json")
    about = json.loads(beside.read_text())
    beside.write_text(json.dumps({**about, "pid": os.getppid(), "started_s": 1.0}))
    assert len(left_behind(tmp_path, "a" * 64)) == 1, "another program has the number by now"


@pytest.mark.usefixtures("dead")
def test_what_was_saved_is_not_offered_and_taken_away(tmp_path: Path) -> None:
    made, keeper = fresh(filled=True), Keeper(tmp_path, "a" * 64)
    painted(made, 5)
    keeper.keep(made, NAMES)
    made.saved_at = len(made.log)
    keeper.keep(made, NAMES)
    keeper.close()
    assert not left_behind(tmp_path, "a" * 64) and not list(tmp_path.iterdir())


@pytest.mark.usefixtures("dead")
def test_after_saving_the_next_journal_holds_all_again(tmp_path: Path) -> None:
    made, keeper = fresh(filled=True), Keeper(tmp_path, "a" * 64)
    painted(made, 5)
    keeper.keep(made, NAMES)
    made.saved_at = len(made.log)
    keeper.drop()
    assert not list(tmp_path.iterdir())
    painted(made, 20, 3)
    keeper.keep(made, NAMES)
    keeper.close()
    (kept,) = left_behind(tmp_path, "a" * 64)
    assert kept.changes == 1
    np.testing.assert_array_equal(recovered(kept).map, made.map)
    forget(kept)
    assert not list(tmp_path.iterdir())


@pytest.mark.trap("T22")
@pytest.mark.usefixtures("dead")
def test_after_a_full_disk_the_rest_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, keeper = fresh(), Keeper(tmp_path, "a" * 64)
    painted(made, 5)
    keeper.keep(made, NAMES)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    painted(made, 12)
    with monkeypatch.context() as patch:
        patch.setattr("medviz.imaging.journal.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            keeper.keep(made, NAMES)
    painted(made, 20)
    keeper.keep(made, NAMES)
    keeper.close()
    (kept,) = left_behind(tmp_path, "a" * 64)
    assert kept.changes == 3
    np.testing.assert_array_equal(recovered(kept).map, made.map)


@pytest.mark.usefixtures("dead")
def test_what_is_no_journal_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / f"{'a' * 16}-x.json").write_text("not json")
    (tmp_path / f"{'a' * 16}-y.json").write_text("{}")
    assert not left_behind(tmp_path, "a" * 64)


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDVIZ_CONFIG", str(tmp_path / "medviz.ini"))
    assert journals_folder() == tmp_path / "journals"
    monkeypatch.delenv("MEDVIZ_CONFIG")
    assert journals_folder().parts[-2:] == ("medviz", "journals")
