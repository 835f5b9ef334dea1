"""The renderer lives in a process of its own: it may be missing, die or hang, and the picture comes all the same."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest

from medviz.imaging.rendering import process as processes
from medviz.imaging.rendering.process import MODULE, Gone, Process
from medviz.imaging.rendering.sight import STANDARD
from medviz.imaging.rendering.studio import FALLS, NUMPY, Studio
from medviz.imaging.rendering.turning import turning
from medviz.imaging.rendering.view import View, Wish
from medviz.imaging.volume import like
from medviz.messages import Message, Note, Progress, finished
from medviz.refused import Refused
from tests.conftest import ROOT
from tests.imaging.rendering.phantoms import BLUE, GREEN, RED, SIZE, ball, labelled, near, scene, shot, sides, volume

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux has several ways to a window")
NO_VTK = (
    f"import sys; sys.modules['vtkmodules'] = None; import runpy; runpy.run_module('{MODULE}', run_name='__main__')"
)


def notes(said: list[Message]) -> list[Note]:
    return [one for one in said if isinstance(one, Note)]


# -- without ------------------------------------------------------------------------------------------------------


def test_without_vtk_the_small_ray_caster_draws_and_says_what_to_install() -> None:
    studio = Studio(lambda: Process((sys.executable, "-c", NO_VTK)))
    said: list[Message] = []
    one = scene(ball()[0])
    seen = shot(studio, one, View(sight=STANDARD["A"]), hear=said.append)
    assert studio.simple and studio.process is None and seen.by == NUMPY
    assert seen.picture[120, 150].max() > 100, "the ball is seen"
    (note,) = notes(said)
    assert "vtk" in note.text.lower() and "pip install vtk" in note.remedy and note.level == "warning"
    said.clear()
    shot(studio, one, View(sight=STANDARD["L"]), hear=said.append)
    assert not notes(said), "it is said once"


@pytest.mark.parametrize("mode", ["surfaces", "volume", "maximum", "planes"])
def test_the_simple_view_has_an_answer_to_every_wish(mode: str) -> None:
    studio = Studio(simple=True)
    scan, labels = sides()
    layer = labelled(scan, labels, RED, GREEN, BLUE, RED, GREEN, BLUE)
    for cut in (None, "none", "corner", "coronal", "free"):
        seen = shot(studio, scene(scan, layer), View(mode=mode, cut=cut), (60, 70))  # type: ignore[arg-type]
        assert seen.picture.shape == (60, 70, 3) and seen.picture.max() > 60
        assert studio.point_at(seen, 30.0, 35.0) is None or mode in ("volume", "maximum")


def test_the_simple_view_never_mirrors_and_is_moved_and_enlarged_alike(by_vtk: Studio) -> None:
    """Both renderers put what is at one place at one place, so that the fallback needs no other cross-hair."""
    scan, labels = sides()
    one = scene(scan, labelled(scan, labels, RED, GREEN, BLUE, RED, GREEN, BLUE))
    view = View(sight=replace(STANDARD["A"], turn=20.0, lift=10.0, zoom=1.2, shift=(4.0, -3.0)), cut="none")
    plain, rich = (shot(studio, one, view).picture.max(axis=2) > 30 for studio in (Studio(simple=True), by_vtk))
    assert (plain & rich).sum() / (plain | rich).sum() > 0.85


@LINUX
@pytest.mark.parametrize(
    "variables",
    [{}, {"DISPLAY": ":77"}, {"WAYLAND_DISPLAY": "wayland-77"}, {"DISPLAY": ":77", "WAYLAND_DISPLAY": "wayland-77"}],
    ids=["no screen", "X that is not there", "Wayland that is not there", "both"],
)
def test_it_draws_without_a_screen(variables: dict[str, str]) -> None:
    """In a process of its own, with a bare environment; by VTK where OpenGL is there, else by the ray caster."""
    code = (
        "from tests.imaging.rendering.phantoms import *; from medviz.imaging.rendering.turning import turning\n"
        "frames = finished(turning(scene(ball()[0]), 2, size=(60, 60)))\n"
        "assert len(frames) == 2 and all(frame[30, 30].max() > 60 for frame in frames)"
    )
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**bare, **variables}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


@LINUX
def test_without_a_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/no/such/driver.json")
    monkeypatch.delenv("DISPLAY", raising=False)
    studio, said = Studio(), list[Message]()
    try:
        seen = shot(studio, scene(ball()[0]), View(), (40, 40), hear=said.append)
    finally:
        studio.close()
    if not studio.simple:
        pytest.skip("another way to OpenGL was found (OSMesa)")
    (note,) = notes(said)
    assert seen.by == NUMPY and "apt install" in note.remedy and "simpler view" in note.remedy


# -- dying --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_renderer_that_is_killed_is_replaced_and_given_all_again(by_vtk: Studio) -> None:
    scan, labels = sides()
    one = scene(scan, labelled(scan, labels, RED, GREEN, BLUE, RED, GREEN, BLUE))
    view = View(sight=STANDARD["A"])
    before = shot(by_vtk, one, view)
    old = by_vtk.process
    assert old is not None
    os.kill(old.number, signal.SIGKILL)
    said: list[Message] = []
    after = shot(by_vtk, one, view, hear=said.append)
    assert np.array_equal(before.picture, after.picture)
    (note,) = notes(said)
    assert "stopped" in note.text and "started again" in note.text and "\n" not in note.text
    assert by_vtk.process is not None and by_vtk.process.number != old.number and not old.alive


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_renderer_may_die_while_it_draws(by_vtk: Studio) -> None:
    one = scene(ball()[0])
    shot(by_vtk, one, View())
    process = by_vtk.process
    assert process is not None
    work, said = by_vtk.draw(Wish(one, View(mode="volume"), (300, 400))), list[Message]()
    for message in work:
        said.append(message)
        if len(said) == 2:
            os.kill(process.number, signal.SIGKILL)
    assert any("Killed" in note.text or "signal" in note.text for note in notes(said))


def test_a_renderer_that_dies_again_and_again_is_given_up() -> None:
    greeting = "import sys; from medviz.imaging.rendering.wire import send; o = sys.stdout.buffer\n"
    dying = greeting + 'send(o, {"driver": "frail", "software": True}); sys.stdin.buffer.read(1); sys.exit("too frail")'
    began: list[int] = []

    def start() -> Process:
        began.append(1)
        return Process((sys.executable, "-c", dying))

    studio, said = Studio(start), list[Message]()
    seen = shot(studio, scene(ball()[0]), View(), (40, 40), hear=said.append)
    assert studio.simple and seen.by == NUMPY and len(began) == FALLS
    assert [("again" in note.text, "simpler" in note.text) for note in notes(said)] == [(True, False)] * (FALLS - 1) + [
        (False, True)
    ]
    assert "too frail" in notes(said)[0].text


def test_a_driver_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows cannot look into a pipe")
    monkeypatch.setattr(processes, "PATIENCE_S", 0.3)
    hanging = Process((sys.executable, "-c", "import time; time.sleep(60)"))
    began = time.monotonic()
    with pytest.raises(Refused, match="did not answer"):
        hanging.greet()
    assert time.monotonic() - began < 10 and not hanging.alive
    hanging.end()


def test_what_is_no_answer_is_no_answer() -> None:
    for rubbish in ("print('hello, this is no answer at all')", "import os; os.write(1, b'\\xff' * 64)"):
        broken = Process((sys.executable, "-c", rubbish))
        with pytest.raises(Gone):
            broken.hear()
        broken.end()
        broken.end()


@LINUX
def test_it_ends_with_the_program_that_started_it() -> None:
    code = (
        "import os; from tests.imaging.rendering.phantoms import *\n"
        "studio = Studio(); shot(studio, scene(ball()[0]), View(), (30, 30))\n"
        "print(studio.process.number if studio.process else 0, flush=True); os._exit(1)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    number = int(done.stdout.split()[-1])
    if number == 0:
        pytest.skip("VTK cannot draw here")
    late = time.monotonic() + 5
    while os.path.exists(f"/proc/{number}") and time.monotonic() < late:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{number}"), "the process that renders has outlived its parent"


def test_closed_it_draws_no_more_and_leaves_nothing() -> None:
    studio = Studio()
    shot(studio, scene(ball()[0]), View(), (30, 30))
    process = studio.process
    studio.close()
    studio.close()
    assert studio.process is None and (process is None or not process.alive)
    if not studio.simple:
        with pytest.raises(Refused, match="closed"):
            finished(studio.draw(Wish(scene(ball()[0]), View(), (30, 30))))


def test_closing_ends_what_is_being_drawn(by_vtk: Studio) -> None:
    studio = Studio()
    one = scene(ball()[0])
    shot(studio, one, View(), (30, 30))
    outcome: list[object] = []

    def draw() -> None:
        try:
            for _ in range(500):
                shot(studio, one, View(mode="volume"), (400, 600))
        except Refused as refusal:
            outcome.append(refusal)

    thread = threading.Thread(target=draw)
    thread.start()
    time.sleep(0.2)
    studio.close()
    thread.join(10)
    assert not thread.is_alive() and outcome, "the thread that draws is told"


# -- pace and memory ----------------------------------------------------------------------------------------------


def test_a_picture_is_given_up_for_a_newer_one(by_vtk: Studio) -> None:
    one = scene(ball((160, 160, 160), radius_mm=60.0)[0])
    view = View(mode="volume", preset="window")
    shot(by_vtk, one, view)
    work = by_vtk.draw(Wish(one, view, (900, 1400)))
    made: object = "nothing"
    hurried = False
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            made = end.value
            break
        if not hurried and isinstance(message, Progress):
            hurried = True
            threading.Timer(0.02, by_vtk.hurry).start()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    assert made is None or getattr(made, "took_s", 1.0) < 0.5
    assert shot(by_vtk, one, view).picture.max() > 60, "and the next is whole"


def test_surfaces_that_nobody_waits_for_are_given_up(by_vtk: Studio) -> None:
    side = 150
    scan, _ = ball((side,) * 3, radius_mm=70.0)
    many = (np.indices((side,) * 3) // 10 * np.array([1, 15, 3]).reshape(3, 1, 1, 1)).sum(axis=0) % 117 + 1
    layer = labelled(scan, many)
    shot(by_vtk, scene(scan), View(cut="none"))
    work = by_vtk.draw(Wish(scene(scan, layer), View(), (60, 80)))
    shares: list[float] = []
    while True:
        try:
            message = next(work)
        except StopIteration as end:
            made = end.value
            break
        if isinstance(message, Progress) and message.what == "surfaces":
            shares.append(message.done)
            if message.done > 0:
                by_vtk.hurry(building=True)
    assert made is None and max(shares) < 0.9
    by_vtk.hurry()
    assert shot(by_vtk, scene(scan, layer), View(), (60, 80)).picture.max() > 60, "asked again they are built"


def test_surfaces_are_built_once(by_vtk: Studio) -> None:
    scan, labels = sides()
    layer = labelled(scan, labels, RED, GREEN, BLUE, RED, GREEN, BLUE)
    said: list[Message] = []
    one = scene(scan, layer)
    shot(by_vtk, one, View(), hear=said.append)
    assert any(isinstance(part, Progress) and part.what == "surfaces" for part in said)
    said.clear()
    for changed in (replace(layer, hidden_labels=frozenset({2})), replace(layer, opacity=0.3)):
        shot(by_vtk, scene(scan, changed), View(sight=STANDARD["L"]), hear=said.append)
    assert not any(isinstance(part, Progress) and part.what == "surfaces" for part in said)


def test_while_it_moves_a_stroke_need_not_be_waited_for(by_vtk: Studio) -> None:
    scan, inside = ball()
    layer = labelled(scan, inside, RED)
    view = View(sight=STANDARD["A"])
    shot(by_vtk, scene(scan, layer), view)
    painted = inside.copy()
    painted[:24] = False
    stroke = replace(layer, volume=like(scan, painted.astype(np.uint8), "labels"))
    moving = shot(by_vtk, scene(scan, stroke), view, fast=True)
    at_rest = shot(by_vtk, scene(scan, stroke), view)
    whole, half = near(moving, RED).sum(), near(at_rest, RED).sum()
    assert 0.4 < half / whole < 0.65


def test_what_left_the_scene_leaves_the_memory(by_vtk: Studio) -> None:
    scan, inside = ball()
    layer = labelled(scan, inside, RED)
    kept = [weakref.ref(scan), weakref.ref(layer.volume)]
    for mode in ("surfaces", "volume"):
        shot(by_vtk, scene(scan, layer), View(mode=mode))  # type: ignore[arg-type]
    del scan, layer, inside
    shot(by_vtk, scene(volume(np.eye(30, dtype=np.int16)[:, :, None] * np.ones((1, 1, 30), np.int16) * 900)), View())
    gc.collect()
    assert [one() for one in kept] == [None, None]


def test_frames_of_a_series_are_each_their_own(by_vtk: Studio) -> None:
    small, large = (ball(radius_mm=radius)[1] for radius in (8.0, 18.0))
    series = volume(np.stack([small, large]).astype(np.int16) * 1000, kind="frames")
    seen = [shot(by_vtk, replace(scene(series), frame=frame), View(cut="none")) for frame in (0, 1)]
    assert seen[0].frame.radius_mm < 0.6 * seen[1].frame.radius_mm


# -- a turn -------------------------------------------------------------------------------------------------------


def test_a_turn_goes_once_around(by_vtk: Studio) -> None:
    scan, labels = sides()
    one = scene(scan, labelled(scan, labels, RED, GREEN, BLUE, RED, GREEN, BLUE))
    said: list[Message] = []
    view = View(sight=STANDARD["A"])
    frames = finished(turning(one, 4, view, (80, 100), by_vtk, letters=False), said.append)
    expected = [shot(by_vtk, one, View(sight=STANDARD[letter]), (80, 100)).picture for letter in "ALPR"]
    for frame, picture in zip(frames, expected, strict=True):
        assert np.abs(frame.astype(int) - picture).mean() < 1.0
    assert [part.done for part in said if isinstance(part, Progress) and part.what == "turning"] == [1, 2, 3, 4]
    (lettered,) = finished(turning(one, 1, view, (80, 100), by_vtk))
    assert np.abs(lettered.astype(int) - frames[0])[30:50, :12].max() > 100, "R at the left edge"
    with pytest.raises(Refused):
        finished(turning(one, 0, view))


def test_nothing_is_rendered_of_what_has_no_depth() -> None:
    flat = scene(volume(np.zeros((8, 8, 1), np.int16)))
    with pytest.raises(Refused, match="nothing to render"):
        finished(Studio(simple=True).draw(Wish(flat, View(), SIZE)))
