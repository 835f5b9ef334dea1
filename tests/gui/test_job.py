"""Work in a thread beside the window: pulled, so that it can be paused, resumed and stopped between two steps."""

import gc
import threading
import time
import weakref

import pytest
from PySide6.QtCore import QEventLoop, QTimer

from medviz.gui import job as job_module
from medviz.gui.job import Job, Pace, clock, note_of
from medviz.messages import Note, Progress, Scalar
from medviz.refused import Refused

OUTCOMES = ("ended", "refused", "failed", "stopped")


class Ear:
    """Writes down what a job says, in order."""

    def __init__(self, job):
        self.heard, self.messages, self.drains = [], [], 0
        job.said.connect(self._said)
        job.ended.connect(lambda made: self.heard.append(("ended", made)))
        job.refused.connect(lambda refusal: self.heard.append(("refused", refusal)))
        job.failed.connect(lambda sentence, trace: self.heard.append(("failed", sentence, trace)))
        job.stopped.connect(lambda: self.heard.append(("stopped",)))
        job.over.connect(lambda: self.heard.append(("over",)))

    def _said(self, messages):
        self.drains += 1
        self.messages += messages

    @property
    def names(self):
        return [one[0] for one in self.heard]


@pytest.fixture
def run(qtbot):
    """Run work to its end and return what was heard."""
    started = []

    def _run(begin, before=lambda job: None, wait_ms=5000):
        job = Job("work", begin)
        started.append(job)
        ear = Ear(job)
        with qtbot.waitSignal(job.over, timeout=wait_ms):
            job.start()
            before(job)
        return job, ear

    yield _run
    for job in started:
        job.stop()
        assert job.wait(3)


def counting(to, steps=None, pause_s=0.0):
    """Count; what was begun and what was left stands in `steps`."""
    try:
        for number in range(to):
            if steps is not None:
                steps.append(number)
            time.sleep(pause_s)
            yield Scalar("count", number, float(number))
        return to
    finally:
        if steps is not None:
            steps.append("left")


def test_all_that_is_said_comes_in_order_and_before_the_end(run):
    job, ear = run(lambda: counting(500))
    assert [message.step for message in ear.messages] == list(range(500))
    assert ear.heard == [("ended", 500), ("over",)]
    assert not job.running


def test_signals_come_in_the_thread_of_the_window_and_work_runs_beside_it(run):
    threads = {}

    def work():
        threads["work"] = threading.current_thread()
        yield Note("here")

    run(work, lambda job: job.said.connect(lambda _: threads.update(said=threading.current_thread())))
    assert threads["said"] is threading.main_thread()
    assert threads["work"].name == "job: work"
    assert threads["work"] is not threading.main_thread()


def test_a_refusal_is_told_as_such_and_holds_no_arrays_alive(run):
    class Array:
        pass

    held = []

    def work():
        array = Array()
        held.append(weakref.ref(array))
        yield Note("looking")
        try:
            raise KeyError("dim")
        except KeyError as problem:
            raise Refused("brain.nii", "it is cut off", "download it again") from problem

    _, ear = run(work)
    assert ear.names == ["refused", "over"]
    assert note_of(ear.heard[0][1]) == Note("brain.nii: it is cut off", "error", "download it again")
    gc.collect()
    assert held[0]() is None


def test_what_breaks_in_the_beginning_is_shown_with_its_trace(run):
    def begin():
        raise ImportError("no torch")

    _, ear = run(begin)
    assert ear.names == ["failed", "over"]
    sentence, trace = ear.heard[0][1:]
    assert sentence == "work: ImportError: no torch"
    assert "in begin" in trace


def test_what_breaks_later_is_shown_after_all_that_was_said(run):
    def work():
        yield Note("one")
        raise ZeroDivisionError("loss")

    _, ear = run(work)
    assert [message.text for message in ear.messages] == ["one"]
    assert ear.heard[0][:2] == ("failed", "work: ZeroDivisionError: loss")


@pytest.mark.parametrize("problem", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_even_what_is_no_exception_proper_is_caught_and_shown(run, problem):
    def work():
        yield Note("one")
        raise problem

    _, ear = run(work)
    assert ear.names == ["failed", "over"]


def test_too_little_memory_is_one_sentence(run):
    def work():
        yield Note("one")
        raise MemoryError

    _, ear = run(work)
    assert str(ear.heard[0][1]) == "work: there is not enough memory; close something."


def test_what_is_no_work_at_all_fails_with_a_sentence(run):
    _, ear = run(lambda: 7)
    assert ear.names == ["failed", "over"]


def test_stop_closes_the_work_within_one_step_and_its_finally_runs(qtbot, run):
    steps = []
    _, ear = run(lambda: counting(10**6, steps, 0.01), lambda job: QTimer.singleShot(100, job.stop))
    assert ear.names == ["stopped", "over"]
    assert steps[-1] == "left"
    assert len(steps) < 100
    assert len(ear.messages) == len(steps) - 1, "the step that was begun is said too"


def test_stop_answers_within_one_step(qtbot, run):
    times = {}

    def stop(job):
        times["asked"] = time.monotonic()
        job.stop()

    run(lambda: counting(10**6, pause_s=0.02), lambda job: QTimer.singleShot(80, lambda: stop(job)))
    assert time.monotonic() - times["asked"] < 0.5


def test_stop_before_the_first_step_begins_nothing_more(run):
    steps = []
    _, ear = run(lambda: counting(5, steps), lambda job: job.stop())
    assert ear.names == ["stopped", "over"] or ear.names == ["ended", "over"]
    assert steps in ([], [*range(len(steps) - 1), "left"])


def test_pause_holds_and_resume_goes_on_where_it_was(qtbot):
    steps = []
    job = Job("work", lambda: counting(400, steps, 0.002))
    ear = Ear(job)
    with qtbot.waitSignal(job.over, timeout=8000):
        job.start()
        qtbot.waitUntil(lambda: len(steps) > 5)
        job.pause()
        assert job.paused
        qtbot.wait(60)  # the step it was in
        held = len(steps)
        qtbot.wait(150)
        assert len(steps) == held
        assert job.running
        job.resume()
        assert not job.paused
    assert [message.step for message in ear.messages] == list(range(400))


def test_stop_during_a_pause_wakes_the_work_and_closes_it(qtbot):
    steps = []
    job = Job("work", lambda: counting(10**6, steps, 0.001))
    ear = Ear(job)
    job.start()
    qtbot.waitUntil(lambda: len(steps) > 3)
    job.pause()
    qtbot.wait(50)
    with qtbot.waitSignal(job.over, timeout=2000):
        job.stop()
    assert ear.names == ["stopped", "over"]
    assert steps[-1] == "left"


def test_a_stopped_job_cannot_be_paused_again(qtbot, run):
    def stop_then_pause(job):
        job.stop()
        job.pause()

    _, ear = run(lambda: counting(10**6, pause_s=0.001), stop_then_pause)
    assert ear.names == ["stopped", "over"]


def test_a_finally_that_breaks_while_stopping_is_told(run):
    def work():
        try:
            while True:
                time.sleep(0.005)
                yield Note("on")
        finally:
            raise Refused("disk", "it is full", "free some space")

    _, ear = run(work, lambda job: QTimer.singleShot(50, job.stop))
    assert ear.names == ["refused", "over"]


def test_work_that_will_not_stop_is_told_as_broken(run):
    def work():
        while True:
            try:
                time.sleep(0.005)
                yield Note("on")
            except GeneratorExit:
                yield Note("I stay")
                return

    _, ear = run(work, lambda job: QTimer.singleShot(50, job.stop))
    assert ear.names == ["failed", "over"]


def test_when_it_is_over_the_thread_is_gone(qtbot):
    class Slow(Job):
        def _run(self):
            super()._run()
            time.sleep(0.2)  # the outcome is there, the thread is not yet gone

    alive = []
    job = Slow("work", lambda: counting(3))
    job.over.connect(lambda: alive.append(job._thread.is_alive()))
    with qtbot.waitSignal(job.over):
        job.start()
    assert alive == [False]


@pytest.mark.parametrize("ending", OUTCOMES)
def test_exactly_one_outcome_comes_then_over(run, ending):
    def work():
        yield Note("one")
        if ending == "refused":
            raise Refused("x", "y")
        if ending == "failed":
            raise ValueError
        while ending == "stopped":
            time.sleep(0.002)
            yield Note("on")

    _, ear = run(work, lambda job: QTimer.singleShot(60, job.stop) if ending == "stopped" else None)
    assert ear.names == [ending, "over"]


@pytest.mark.parametrize("busy_s", [0.0, 0.2])
def test_a_listener_that_lingers_or_waits_for_the_job_does_not_double_the_outcome(qtbot, busy_s):
    """A dialog that is shown, or a window that closes, while messages are told."""

    def linger(_):
        loop = QEventLoop()
        QTimer.singleShot(80, loop.quit)
        loop.exec()
        job.stop()
        job.wait(1)

    job = Job("work", lambda: counting(3))
    ear = Ear(job)
    job.said.connect(linger)
    with qtbot.waitSignal(job.over):
        job.start()
        time.sleep(busy_s)  # a busy window is told the messages and the outcome at once
    qtbot.wait(100)
    assert len(ear.names) == 2 and ear.names[1] == "over"
    assert len(ear.messages) == 3


def test_five_thousand_messages_a_second_leave_the_window_in_time(qtbot, run):
    late_ms, last = [], [time.perf_counter()]

    def tick():
        now = time.perf_counter()
        late_ms.append(1000 * (now - last[0]) - 5)
        last[0] = now

    def work():
        begun = time.perf_counter()
        for number in range(5000):
            wait_s = begun + number / 5000 - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            yield Scalar("loss", number, 1.0)

    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(tick)

    def begin(job):
        last[0] = time.perf_counter()
        timer.start()

    _, ear = run(work, begin, 15000)
    timer.stop()
    late_ms.sort()
    assert len(ear.messages) == 5000
    assert ear.drains < 5000 / 20, "told in bundles"
    assert late_ms[int(len(late_ms) * 0.95)] < 40


def test_work_that_says_more_than_is_taken_waits(qtbot, monkeypatch):
    monkeypatch.setattr(job_module, "MOST_QUEUED", 100)
    job = Job("work", lambda: counting(3000))
    ear = Ear(job)
    job.start()
    time.sleep(0.15)  # the window is busy and drains nothing
    assert len(job._queue) <= 100
    with qtbot.waitSignal(job.over, timeout=8000):
        pass
    assert len(ear.messages) == 3000


def test_work_that_waits_for_the_window_can_be_stopped(qtbot, monkeypatch):
    monkeypatch.setattr(job_module, "MOST_QUEUED", 10)
    job = Job("work", lambda: counting(10**9))
    job.start()
    time.sleep(0.05)
    job.stop()
    assert job.wait(2)


def test_wait_tells_the_outcome_without_an_event_loop(qtbot):
    job = Job("work", lambda: counting(5))
    ear = Ear(job)
    job.start()
    assert job.wait(5)
    assert ear.heard == [("ended", 5), ("over",)]
    assert not job.running


def test_wait_tells_when_it_was_in_vain(qtbot):
    gate = threading.Event()

    def work():
        gate.wait(5)
        yield Note("late")

    job = Job("work", work)
    job.start()
    assert not job.wait(0.05)
    gate.set()
    assert job.wait(5)


def test_a_job_not_started_is_neither_running_nor_waited_for(qtbot):
    job = Job("work", lambda: counting(5))
    assert not job.running
    assert job.wait(0.01)


def test_a_job_is_started_once(run):
    job, _ = run(lambda: counting(1))
    with pytest.raises(RuntimeError, match="started before"):
        job.start()


def test_a_job_that_was_deleted_may_still_be_asked(qtbot, desk):
    job = desk.start("work", lambda: counting(2))
    with qtbot.waitSignal(job.over):
        pass
    qtbot.wait(50)  # deleteLater
    assert not job.running
    assert not job.paused
    job.stop()
    job.pause()
    assert job.wait(0.1)
    assert desk.jobs == []


def test_what_work_made_is_not_kept_after_it_was_told(qtbot, run):
    class Volume:
        pass

    made = []

    def work():
        yield Note("reading")
        volume = Volume()
        made.append(weakref.ref(volume))
        return volume

    job, ear = run(work)
    ear.heard.clear()
    gc.collect()
    assert made[0]() is None
    assert job._outcome is None


def test_a_hundred_jobs_one_after_the_other_leave_no_thread(qtbot, desk):
    for number in range(100):
        with qtbot.waitSignal(desk.start(f"job {number}", lambda: counting(1)).over):
            pass
    assert not [one for one in threading.enumerate() if one.name.startswith("job: ")]


def test_stopping_all_lets_each_keep_what_it_has(desk, tmp_path):
    def training(path):
        try:
            while True:
                time.sleep(0.002)
                yield Note("on")
        finally:
            path.write_text("kept")

    paths = [tmp_path / str(number) for number in range(4)]
    for path in paths:
        desk.start(path.name, lambda path=path: training(path))
    time.sleep(0.1)
    desk.stop_all()
    assert [path.read_text() for path in paths] == ["kept"] * 4
    assert desk.jobs == []


def test_what_is_refused_becomes_a_notice(qtbot, desk):
    notices = []
    desk.noticed.connect(notices.append)

    def work():
        yield Note("x")
        raise Refused("mask.nii", "it lies on another grid", "resample it")

    with qtbot.waitSignal(desk.start("opening", work).over):
        pass
    assert notices == [Note("mask.nii: it lies on another grid", "error", "resample it")]


def test_progress_is_kept_for_whoever_asks(run):
    def work():
        yield Progress(1, 4, "first", left_s=9.0)
        yield Scalar("loss", 1, 0.5)

    job, _ = run(work)
    assert job.progress == Progress(1, 4, "first", left_s=9.0)
    assert job.left_s == 9.0
    assert 0 < time.monotonic() - job.started_s < 5


class TestPace:
    def test_steady_work_is_told_to_the_second(self):
        pace = Pace()
        for second in range(11):
            pace.saw(float(second), Progress(second * 10, 400))
        assert pace.left_s(10.0) == pytest.approx(30.0)
        assert pace.left_s(12.0) == pytest.approx(28.0)

    def test_nothing_is_promised_before_there_is_a_pace(self):
        pace = Pace()
        assert pace.left_s(0.0) is None
        pace.saw(0.0, Progress(0, 10))
        assert pace.left_s(1.0) is None
        pace.saw(1.0, Progress(0, 10))
        assert pace.left_s(2.0) is None

    def test_an_unknown_total_promises_nothing(self):
        pace = Pace()
        pace.saw(0.0, Progress(0, 0))
        pace.saw(1.0, Progress(5, 0))
        assert pace.left_s(1.0) is None

    def test_a_pause_does_not_count(self):
        pace = Pace()
        pace.saw(0.0, Progress(0, 100))
        pace.saw(10.0, Progress(10, 100))
        pace.hold(10.0)
        assert pace.left_s(500.0) == pytest.approx(90.0)
        pace.go_on(1010.0)
        pace.saw(1020.0, Progress(20, 100))
        assert pace.left_s(1020.0) == pytest.approx(80.0)

    def test_a_slow_beginning_is_forgotten(self):
        pace = Pace(span_s=20.0)
        pace.saw(0.0, Progress(0, 1000))
        pace.saw(100.0, Progress(1, 1000))
        for second in range(1, 41):
            pace.saw(100.0 + second, Progress(1 + second * 10, 1000))
        assert pace.left_s(140.0) == pytest.approx((1000 - 401) / 10, rel=0.05)

    def test_a_second_stage_begins_anew(self):
        pace = Pace()
        pace.saw(0.0, Progress(0, 10))
        pace.saw(100.0, Progress(10, 10))
        pace.saw(100.0, Progress(0, 50))
        assert pace.left_s(100.0) is None
        pace.saw(101.0, Progress(1, 50))
        assert pace.left_s(101.0) == pytest.approx(49.0)

    def test_it_never_promises_less_than_nothing(self):
        pace = Pace()
        pace.saw(0.0, Progress(0, 2))
        pace.saw(1.0, Progress(1, 2))
        assert pace.left_s(60.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0, "0:00"), (40.2, "0:41"), (61, "1:01"), (3900, "1:05:00"), (float("inf"), "")]
)
def test_durations_are_written_as_a_clock_does(seconds, text):
    assert clock(seconds) == text
