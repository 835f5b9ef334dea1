"""Keeps every change on the disk beside the window, and offers what a crash left behind."""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from PySide6.QtCore import QObject, Signal

from medviz.gui.desk import Desk
from medviz.gui.job import Job
from medviz.gui.viewer.edits import Edits
from medviz.imaging.corrections import Corrections
from medviz.imaging.history import Table
from medviz.imaging.recovery import Keeper, Kept, fingerprint, forget, journals_folder, left_behind, recovered
from medviz.imaging.scene import Scene
from medviz.imaging.storage import reason
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

LATEST_S = 5.0
"""So long the window waits for a slow disk when it closes."""


class Journalling(QObject):
    """One keeper a map; a short job after each change writes what is new, so that the window never waits for a disk.

    `found` says that `offers` (what a crash left behind of the open scan) are others.
    """

    found = Signal()

    def __init__(self, desk: Desk, edits: Edits, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._edits = desk, edits
        self.offers: tuple[Kept, ...] = ()
        self._scan: Volume | None = None
        self._key = ""
        self._keepers: dict[Corrections, Keeper] = {}
        self._jobs: dict[Corrections, Job] = {}
        self._complained = False
        edits.changed.connect(self.keep)
        edits.replaced.connect(self._replaced)
        self._leave = desk.scene.listen(self._told)

    def leave(self) -> None:
        """Stop listening; what is kept stays on the disk until it is saved."""
        self._leave()
        for made, keeper in self._keepers.items():
            job = self._jobs.get(made)
            if job is not None:
                job.wait(LATEST_S)
            with suppress(OSError, Refused):  # there is nobody left to tell
                if made.unsaved:
                    keeper.keep(made, self._labels(made))
            keeper.close()

    # -- kept -----------------------------------------------------------------------------------------------------

    def keep(self, made: Corrections) -> None:
        """Write what is new of a map, after what is being written."""
        if not self._key or made in self._jobs or not made.unsaved:
            return
        keeper = self._keepers.get(made)
        if keeper is None:
            keeper = self._keepers[made] = Keeper(journals_folder(), self._key)
        labels = self._labels(made)

        def work() -> Work[OSError | Refused | None]:
            yield Progress(0, 0, "keeping the change")
            try:
                keeper.keep(made, labels)
            except (OSError, Refused) as problem:
                return problem.with_traceback(None)
            return None

        job = self._jobs[made] = self._desk.start("journal", work, then=self._complain, quiet=True)
        job.over.connect(partial(self._over, made))

    def saved(self, made: Corrections, place: int) -> None:
        """A file has the first `place` changes: forget them, and the journal with them where it has all."""
        made.saved_at = max(made.saved_at, min(place, len(made.log)))
        keeper = self._keepers.get(made)
        if keeper is None:
            return
        if made.unsaved:
            self.keep(made)
        elif made not in self._jobs:
            self._keepers.pop(made).drop()

    def _labels(self, made: Corrections) -> Table:
        number = self._edits.number(made)
        return () if number is None else self._desk.scene.state.layers[number].labels

    def _over(self, made: Corrections) -> None:
        self._jobs.pop(made, None)
        keeper = self._keepers.get(made)
        if keeper is None:
            return
        if not made.unsaved:
            self._keepers.pop(made).drop()
        elif keeper.written < len(made.log) and not self._complained:
            self.keep(made)

    def _complain(self, problem: OSError | Refused | None) -> None:
        if problem is None:
            self._complained = False
        elif not self._complained:
            self._complained = True
            fault, remedy = reason(problem) if isinstance(problem, OSError) else (problem.fault, problem.remedy)
            self._desk.tell(f"Changes of labels are not kept on the disk: {fault}", "warning", f"Save them; {remedy}")

    def _replaced(self, old: Corrections, new: Corrections) -> None:
        keeper, job = self._keepers.pop(old, None), self._jobs.get(old)
        if keeper is not None and job is not None:
            job.over.connect(lambda: keeper.drop())  # a method alone would not keep it alive
        elif keeper is not None:
            keeper.drop()

    # -- found ----------------------------------------------------------------------------------------------------

    def _told(self, old: Scene, new: Scene) -> None:
        if new.scan is self._scan:
            return
        self._scan, self._key, self.offers = new.scan, "", ()
        scan = new.scan
        if scan is None:
            return
        folder, gone = journals_folder(), self._gone(old)

        def work() -> Work[tuple[str, tuple[Kept, ...]]]:
            yield Progress(0, 0, "looking for changes that were not saved")
            for made, keeper, labels in gone:
                with suppress(OSError, Refused):
                    keeper.release(made, labels)
            key = fingerprint(scan)
            return key, left_behind(folder, key) if folder.is_dir() else ()

        self._desk.start("journals", work, then=partial(self._look, scan), quiet=True)

    def _gone(self, old: Scene) -> list[tuple[Corrections, Keeper, Table]]:
        """Let go of the maps that are shown no more with another scan; what no file has is found again with theirs."""
        tables = {id(layer.volume.voxels): layer.labels for layer in old.layers}
        found = []
        for made in tuple(self._edits.maps):
            if self._edits.number(made) is None:
                keeper = self._keepers.pop(made, None)
                if keeper is not None:
                    found.append((made, keeper, tables.get(id(made.voxels), ())))
                self._edits.forget(made)
        return found

    def _look(self, scan: Volume, found: tuple[str, tuple[Kept, ...]]) -> None:
        if scan is not self._scan:
            return
        self._key, self.offers = found
        for made in self._edits.maps:
            self.keep(made)
        self.found.emit()
        for kept in self.offers[:1]:
            self._desk.tell(
                f"{changes_words(kept.changes)} of labels of {when_words(kept.when)} on this scan were never saved",
                "warning",
                "They were kept when the program ended; the Edit tab offers them too",
                button=f"Recover {changes_words(kept.changes)}",
                act=partial(self.recover, kept),
            )

    def recover(self, kept: Kept) -> None:
        """Bring a map back as a layer, with its undo stack."""
        if kept not in self.offers:
            return
        self._drop_offer(kept)

        def work() -> Work[Corrections]:
            yield Progress(0, 0, "bringing changes back")
            return recovered(kept)

        def take(made: Corrections) -> None:
            self._keepers[made] = Keeper(kept.path.parent, self._key, kept.path, len(made.log))
            self._edits.take_in(made, "recovered labels", kept.table)
            self._desk.tell(f"{changes_words(kept.changes)} recovered")

        self._desk.start("recover labels", work, then=take)

    def forget(self, kept: Kept) -> None:
        """Take away what nobody wants back."""
        forget(kept)
        self._drop_offer(kept)

    def _drop_offer(self, kept: Kept) -> None:
        self.offers = tuple(one for one in self.offers if one is not kept)
        self.found.emit()


def changes_words(count: int) -> str:
    """Say how many."""
    return "1 change" if count == 1 else f"{count} changes"


def when_words(when: datetime) -> str:
    """Say when, as short as it is clear: a time today, a day before."""
    now = datetime.now().astimezone()
    if when.date() == now.date():
        return f"{when:%H:%M}"
    return f"yesterday {when:%H:%M}" if when.date() == (now - timedelta(days=1)).date() else f"{when:%d %b %Y %H:%M}"
