"""Asks for pictures of the whole: one at a time, always of the latest wish, coarse while it moves and fine at rest."""

from collections.abc import Callable
from time import monotonic

from PySide6.QtCore import QObject, QTimer, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.imaging.rendering.view import Renderer, Shot, Wish
from medviz.messages import Message, Note, Progress, Work

REST_MS = 160
"""How long hand and cursor must rest before the fine picture is made."""
AT_WORK_MS = 700
"""Between two strokes of a brush no surfaces are built: the next would have to wait for the processor."""
LIVE_MS = 66
"""At most so often is a picture made that follows the cross-hair: slices go first."""
GROWING_MS = 1000
"""How often it is looked whether a proposal still grows: a model that runs has better use for the processor."""
DRAIN_MS = 6
"""A turning picture is fetched this soon after it is ready."""
AIM_S, FINE_AIM_S = 0.045, 0.055
"""A coarse picture should take no longer; where fine ones take less than the second, no coarse ones are made."""
LEAST_SHARE = 0.28

Wanted = Callable[[float, bool], Wish | None]
"""Makes the wish of the moment for a share of the pane's pixels along each side, `fast` or not."""


class Shooting(QObject):
    """`taken` (Shot) comes for each picture, `worked` (Progress or None) while something long is prepared."""

    taken = Signal(object)
    worked = Signal(object)

    def __init__(self, desk: Desk, wanted: Wanted, parent: QObject) -> None:
        super().__init__(parent)
        self.share = 0.6
        self.shots = 0
        self._desk, self._wanted = desk, wanted
        self._renderer: Renderer | None = None
        self._job: Job | None = None
        self._moves = False
        self._again = False
        self._closed = False
        self._later: tuple[Wish, Callable[[Shot], object]] | None = None
        self._fine_s = 1.0
        self._mode = ""
        self._asked_at = 0.0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._rested)
        self._live = QTimer(self)
        self._live.setSingleShot(True)
        self._live.timeout.connect(self.move)

    @property
    def renderer(self) -> Renderer | None:
        """The renderer; None before the first picture."""
        return self._renderer

    @property
    def busy(self) -> bool:
        """Whether a picture is being made or is due."""
        return self._job is not None or self._rest.isActive() or self._live.isActive()

    def move(self) -> None:
        """Something turns: a picture at once, coarse where fine ones take long."""
        self._rest.start(REST_MS)
        if self._job is not None:
            self._again = True
            if not self._moves:  # what moves is finished, or a hand that never rests would see nothing
                self.hurry()
            return
        self._begin(fast=True)

    def follow(self) -> None:
        """The cross-hair moves what is seen: a picture soon."""
        self._rest.start(REST_MS)
        if not self._live.isActive():
            passed = int((monotonic() - self._asked_at) * 1000)
            self._live.start(max(0, LIVE_MS - passed))

    def settle(self, at_work: bool = False) -> None:
        """Something else changed: the fine picture, when all rests; later where a hand is `at_work` on labels."""
        self._rest.start(AT_WORK_MS if at_work else REST_MS)

    def hurry(self, building: bool = False) -> None:
        """Give up the picture in hand for a newer one; also the surfaces that are being built, if `building`."""
        if self._renderer is not None and self._job is not None:
            self._renderer.hurry(building)

    def close(self) -> None:
        """Stop, and end the renderer."""
        self._rest.stop()
        self._live.stop()
        self._again, self._later = False, None
        self._closed = True
        job = self._job
        for _ in range(2):  # it may be made while this is said
            if job is not None:
                job.stop()
            if self._renderer is not None:
                self._renderer.close()
            if job is not None:
                job.wait(5.0)

    def once(self, wish: Wish, then: Callable[[Shot], object]) -> None:
        """Make one picture more, that is not shown (to point into)."""
        if self._job is not None:
            self._later = (wish, then)
            return
        self._start(wish, lambda shot: then(shot) if shot is not None else None)

    # -- one after the other ------------------------------------------------------------------------------------

    def _rested(self) -> None:
        """Make the fine picture, unless it would be out of date at the next tile of a model that runs."""
        scene = self._desk.scene.state
        grows = any(job.running and job.property("grows") for job in self._desk.jobs)
        if grows and self.shots and any(layer.proposal and layer.visible for layer in scene.layers):
            self._rest.start(GROWING_MS)
        elif self._job is not None:
            self._rest.start(REST_MS)
        else:
            self._begin(fast=False)

    def _begin(self, fast: bool) -> None:
        quick = fast and self._fine_s > FINE_AIM_S
        wish = self._wanted(self.share if quick else 1.0, quick)
        if wish is not None and wish.view.mode != self._mode:  # how long that takes is not known yet
            self._mode, self._fine_s = wish.view.mode, 1.0
            self._begin(fast)
            return
        if wish is None or self._closed:
            return
        self._moves = fast
        self._asked_at = monotonic()
        self._start(wish, self._take)

    def _start(self, wish: Wish, then: Callable[[Shot | None], object]) -> None:
        self._job = self._desk.start("3-D", lambda: self._made(wish), then=then, quiet=True, drain_ms=DRAIN_MS)
        self._job.said.connect(self._hear)
        self._job.over.connect(self._over)

    def _made(self, wish: Wish) -> Work[Shot | None]:
        """Make a picture, in the job's thread; the renderer too, whose import takes longer than a window may wait."""
        yield Progress(0, 0, "3-D")
        if self._renderer is None and not self._closed:
            self._renderer = self._desk.services.studio()
        return None if self._renderer is None else (yield from self._renderer.draw(wish))

    def _take(self, shot: Shot | None) -> None:
        if shot is None:
            return
        self.shots += 1
        if shot.wish.fast:
            better = self.share * (AIM_S / max(shot.took_s, 1e-3)) ** 0.5
            self.share = min(1.0, max(LEAST_SHARE, 0.5 * (self.share + better)))
        else:
            self._fine_s = shot.took_s
        self.taken.emit(shot)

    def _hear(self, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(message, Note):
                self._desk.tell(message.text, message.level, message.remedy)
            elif isinstance(message, Progress):
                self.worked.emit(message if message.total > 0 else None)

    def _over(self) -> None:
        self._job = None
        self.worked.emit(None)
        later, self._later = self._later, None
        if later is not None:
            self.once(*later)
        elif self._again:
            self._again = False
            self._begin(fast=True)
