"""The proof that nothing is left behind must itself be seen to fail."""

from pathlib import Path

import medviz

pytest_plugins = ("pytester",)

LEAVING = """
import threading, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel
KEPT = []

def test_thread(qapp):
    threading.Thread(target=time.sleep, args=(1,), daemon=True, name="job: x").start()

def test_timer(qapp):
    KEPT.append(QTimer())
    KEPT[0].start(10000)

def test_widget(qapp):
    KEPT.append(QLabel("x"))

def test_nothing(qapp):
    QLabel("x").deleteLater()
"""


def test_desk_reads_predicts_and_trains_with_the_fakes(qtbot, desk, tmp_path):
    made = []
    scan = desk.services.sample()
    with qtbot.waitSignal(desk.start("read", lambda: desk.services.read(scan), then=made.append).over):
        pass
    with qtbot.waitSignal(
        desk.start("predict", lambda: desk.services.predict("tissue", made[0]), then=made.append).over
    ):
        pass
    assert made[0].voxels.dtype == "int16"
    assert set(made[1].voxels.ravel()) == {0, 1, 2, 3}
    task = desk.services.tasks["segmentation"]()
    job = desk.start("train", lambda: desk.services.train(task, tmp_path / "run"), then=made.append)
    said = []
    job.said.connect(said.extend)
    with qtbot.waitSignal(job.over):
        pass
    assert made[2] == tmp_path / "run"
    assert {message.name for message in said if hasattr(message, "step")} >= {"train/loss", "train/rate"}
    assert desk.jobs == []


def test_a_test_that_leaves_something_behind_fails(pytester, monkeypatch):
    monkeypatch.setenv("MEDVIZ_TEST_PATIENCE_S", "0.2")
    monkeypatch.setenv("PYTHONPATH", str(Path(medviz.__file__).parents[1]))
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makepyfile(LEAVING)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines_random(
        ["*test_thread left behind: thread job: x*", "*test_timer*active timer*", "*test_widget*QLabel*"]
    )
