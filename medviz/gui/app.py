"""Opens the window: the first pixels before anything heavy is imported."""

import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

from PySide6.QtCore import QElapsedTimer, QEventLoop, QObject, QSettings, QSize, QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication

from medviz.gui.desk import Desk
from medviz.gui.preferences import settings_file
from medviz.gui.services import Services
from medviz.gui.theme import Look, Theme, theme
from medviz.gui.window import Window
from medviz.messages import Note
from medviz.refused import Refused


def run(services: Services, files: Sequence[Path] = (), page: str = "", quit_after_s: float | None = None) -> int:
    """Open the window on these files, or on the sample with its model's prediction; return the exit status.

    `page` is the one to begin with: empty takes the one that was in front last, the viewer where files are given.
    `quit_after_s` closes the window by itself (for measuring).
    """
    app = application()
    desk = Desk(services, settings_file())
    window = Window(desk)
    window.drawn.connect(lambda: begin(window, [Path(file) for file in files], page))
    window.show()
    with _interruptible(window), _speaking(desk), _swept(app):
        if quit_after_s is not None:
            QTimer.singleShot(round(quit_after_s * 1000), window, window.quit)
        status = app.exec()
        window.deleteLater()
        desk.deleteLater()
    return status


def begin(window: Window, files: Sequence[Path], page: str = "") -> None:
    """Build the page to begin with and open what is to be seen; the window has been drawn by now.

    The scan is opened by the viewer whichever page is in front: it stays with a person from page to page.
    """
    window.dress()
    kept = str(window.desk.preferences.value("window/page", "viewer"))
    first = page or ("viewer" if files or kept not in window.stops or window.stops[kept].bottom else kept)
    window.show_page("viewer")
    QApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    for path in files:
        window.desk.open_wanted.emit(path)
    if not files:
        window.open_sample()
    window.show_page(first)


def screenshot(
    services: Services,
    page: str,
    files: Sequence[Path],
    size: tuple[int, int],
    out: Path,
    look: Look = "dark",
    wait_s: float = 120.0,
    scale: float = 1.0,
) -> Path:
    """Draw the window off screen, wait until no job runs, save it as a PNG and return its path.

    `size` is (width, height) in px. It refuses where work has not ended after `wait_s` or `out` cannot be written.
    Preferences are neither read nor kept.
    """
    app = application()
    kept = QSettings(os.devnull, QSettings.Format.IniFormat)
    desk = Desk(services, kept)
    desk.preferred.update(look=look, text_size=round(100 * scale), motion=False, ask_first=False)
    desk.asks = False
    window = Window(desk)
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.setMinimumSize(QSize(1, 1))
    window.resize(*size)
    window.show()
    refused: list[Note] = []
    desk.noticed.connect(lambda said: refused.append(said) if isinstance(said, Note) and said.level == "error" else 0)
    try:
        begin(window, [Path(file) for file in files], page)
        if not wait_for(lambda: idle(desk), wait_s):
            jobs = ", ".join(job.title for job in desk.jobs)
            raise Refused(out.name, f"{jobs or 'the window'} was not done after {wait_s:g} s", "give it longer")
        if files and desk.scene.state.scan is None and refused:
            thing, _, fault = refused[0].text.partition(": ")
            raise Refused(thing, fault or "it could not be opened", refused[0].remedy.split("\n")[0])
        window.notices.dismiss("info")  # what went wrong stays in the picture
        app.processEvents()
        if not window.grab().save(str(out), "PNG"):
            raise Refused(out, "it could not be written", "choose a folder that exists and may be written to")
    finally:
        window.close()
        window.deleteLater()
        desk.deleteLater()
    return out


def idle(desk: Desk) -> bool:
    """Tell whether no job runs."""
    return not desk.jobs


def wait_for(so: Callable[[], bool], seconds: float, still_s: float = 0.4) -> bool:
    """Let the window live until `so` has held for `still_s`; False if it did not within the time."""
    loop, since, held = QEventLoop(), QElapsedTimer(), QElapsedTimer()
    since.start()
    held.invalidate()
    tick = QTimer()
    tick.setInterval(20)

    def look() -> None:
        if not so():
            held.invalidate()
        elif not held.isValid():
            held.start()
        if (held.isValid() and held.elapsed() >= still_s * 1000) or since.elapsed() >= seconds * 1000:
            loop.quit()

    tick.timeout.connect(look)
    tick.start()
    loop.exec()
    tick.stop()
    return held.isValid() and held.elapsed() >= still_s * 1000


def application() -> QApplication:
    """Return the application, made and dressed where there is none; off screen where there is no screen."""
    made = QApplication.instance()
    if made is None:
        if sys.platform.startswith("linux") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))):
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        made = QApplication(sys.argv[:1])
        made.setApplicationName("medviz")
        made.setApplicationDisplayName("medviz")
        made.setDesktopFileName("medviz")
    assert isinstance(made, QApplication)
    if theme() is None:
        Theme(made)
    return made


@contextmanager
def _interruptible(window: Window) -> Iterator[None]:
    """Let Ctrl-C in the terminal close the window cleanly, without a timer that wakes up for it."""
    near, far = socket.socketpair()
    far.setblocking(False)
    wake = QSocketNotifier(near.fileno(), QSocketNotifier.Type.Read, window)

    def woken() -> None:
        near.recv(64)  # Python runs the handler below once control is back here

    def close(number: int, frame: FrameType | None) -> None:
        QTimer.singleShot(0, window, window.quit)

    wake.activated.connect(woken)
    old_handler, old_wakeup = signal.signal(signal.SIGINT, close), signal.set_wakeup_fd(far.fileno())
    try:
        yield
    finally:
        signal.set_wakeup_fd(old_wakeup)
        signal.signal(signal.SIGINT, old_handler)
        wake.setEnabled(False)
        near.close()
        far.close()


@contextmanager
def _speaking(desk: Desk) -> Iterator[None]:
    """Show what breaks in the window as a notice, and in the terminal as before; the window goes on."""
    before = sys.excepthook

    def hook(kind: type[BaseException], problem: BaseException, where: TracebackType | None) -> None:
        before(kind, problem, where)
        lines = "".join(traceback.format_exception(kind, problem, where))
        desk.tell(f"Something broke: {kind.__name__}: {problem}", "error", lines)

    sys.excepthook = hook
    try:
        yield
    finally:
        sys.excepthook = before


@contextmanager
def _swept(app: QApplication) -> Iterator[None]:
    """Collect cycles in the window's thread only: a widget collected in a worker's thread brings Qt down.

    The young are collected often, at little cost; the old seldom, and while the hand rests.
    """
    sweeper = _Sweeper(app)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sweeper.deleteLater()


class _Sweeper(QObject):
    """Looks once a second what is to be collected. All of it takes 0.2 s once torch and MONAI are loaded."""

    YOUNG_MS = 1000
    OLD_AFTER_S, OLD_AT_THE_LATEST_S, STILL_S = 60.0, 600.0, 3.0

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._place = QCursor.pos()
        self._moved_s = self._swept_s = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setInterval(self.YOUNG_MS)
        self._timer.timeout.connect(self.sweep)
        self._timer.start()

    def sweep(self) -> None:
        """Collect the young; now and then all of them, while the hand rests."""
        now_s, place = time.monotonic(), QCursor.pos()
        if place != self._place:
            self._place, self._moved_s = place, now_s
        age_s, still_s = now_s - self._swept_s, now_s - self._moved_s
        if age_s > self.OLD_AT_THE_LATEST_S or (age_s > self.OLD_AFTER_S and still_s > self.STILL_S):
            self._swept_s = now_s
            gc.collect()
        else:
            gc.collect(1)
