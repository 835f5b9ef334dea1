"""The epoch scrubber on the patient: a scan of the run, and what the network made of it at any epoch."""

import html
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen, QPolygonF, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from medviz.gui.desk import Desk
from medviz.gui.story.look import Look, scene_with
from medviz.gui.story.look_bar import LookBar
from medviz.gui.story.reel import KEPT_BYTES, Reel
from medviz.gui.story.scrubber import Scrubber
from medviz.gui.training.planes import Planes, flat_plane
from medviz.gui.training.strip import EpochStrip
from medviz.gui.training.voxel import AskVoxel, tone_of
from medviz.gui.training.watch import Watch
from medviz.gui.viewer.annotations import number_text
from medviz.gui.viewer.pace import Pace
from medviz.gui.viewer.slice_view import SliceView
from medviz.imaging.scene import Scene
from medviz.imaging.slices import Plane

REST_MS = 90
LOOK_MS = 700
"""Between two looks at the disk while a run goes."""
NOTHING = ("A few scans that training never sees are shown here as the network sees them: epoch by epoch, with what it "
           "thinks of each voxel. They come with the first validation.")  # fmt: skip


class Patient(QWidget):
    """Shows one run's story: planes, a slider over the epochs, small multiples, and the voxel at the cross-hair."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.reel = Reel(desk, self)
        self._run: Path | None = None
        self.bar, self.ask = LookBar(), AskVoxel()
        self.planes = Planes(self.ask)
        self.scrubber, self.strip = Scrubber(), EpochStrip()
        self.dice = QLabel()
        self.dice.setProperty("look", "small")
        self.dice.setTextFormat(Qt.TextFormat.RichText)
        self.dice.setAccessibleName("measures of this epoch")
        self.waits = QLabel(NOTHING)
        self.waits.setProperty("look", "dim")
        self.waits.setWordWrap(True)
        self.waits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waits.setMargin(24)
        self.field_mm: tuple[float, float, float] | None = None
        self._field_of: Path | None = None
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.main = QWidget()
        column = QVBoxLayout(self.main)
        column.setContentsMargins(12, 4, 12, 8)
        column.setSpacing(6)
        for widget, share in ((self.bar, 0), (self.planes, 1), (self.dice, 0), (self.scrubber, 0), (self.strip, 0)):
            column.addWidget(widget, share)
        self.stack = QStackedLayout(self)
        self.stack.addWidget(self.waits)
        self.stack.addWidget(self.main)

    def _connect(self) -> None:
        self.reel.grew.connect(self._grew)
        self.reel.opened.connect(self._opened)
        self.reel.came.connect(self._came)
        self.scrubber.chosen.connect(lambda number: self._want())
        self.strip.chosen.connect(self.scrubber.go)
        self.bar.looked.connect(lambda look: self._draw())
        self.bar.case_chosen.connect(self._choose)
        self.ask.epoch_wanted.connect(self.scrubber.go_to_epoch)
        self.ask.field_wanted.connect(lambda on: self._field(on))
        self.planes.answers = self._answer
        for view in self.planes.views.values():
            view.paints.append(self._paint_field)
        self.pace = Pace(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._draw_strip)
        self._leave = self.planes.store.listen(self._told)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.reel.look)

    # -- which run ----------------------------------------------------------------------------------------------

    def show_run(self, watch: Watch | None) -> None:
        """Show the story of another run from now on."""
        self.show_folder(None if watch is None else watch.folder)

    def show_folder(self, run: Path | None) -> None:
        """Show the story in the folder of a run; it is read when it is seen."""
        self._run = run
        if not self.isVisible():
            return
        if run != self.reel.run:
            self.scrubber.stop()
            self.scrubber.sticks = True
            self.planes.store.put(Scene())
        self.reel.show_run(run)
        self._state()

    def showEvent(self, event: QShowEvent) -> None:
        """Read what is to be seen."""
        super().showEvent(event)
        self.show_folder(self._run)

    def live(self, on: bool) -> None:
        """Look for new epochs now and then, or stand still."""
        if on != self._timer.isActive():
            self._timer.start() if on else self._timer.stop()
        self.reel.look()

    @property
    def has_story(self) -> bool:
        """True where there is something to look back at."""
        return bool(self.reel.frames)

    @property
    def look(self) -> Look:
        """How a moment is drawn."""
        return self.bar.look

    def close_views(self) -> None:
        """Stop listening."""
        self._leave()
        self._timer.stop()
        self.planes.close_views()

    # -- told ---------------------------------------------------------------------------------------------------

    def _grew(self) -> None:
        story = self.reel.story
        self.bar.show_story(story.kind, story.classes, len(story.cases), self.reel.place)
        self.scrubber.show_frames(story.frames)
        self.strip.show_frames(story.frames, self.scrubber.number)
        self._state()
        self._want()

    def _opened(self) -> None:
        case = self.reel.case
        if case is not None:
            scene = self.reel.scene
            voxels = self.reel.story.kind == "labels"
            self.planes.store.put(replace(scene, radiological=case.scan.oriented, crosshair=voxels))
            self.bar.allow(reference=case.reference is not None)
        self._state()
        self._want()

    def _state(self) -> None:
        there = self.reel.case is not None and self.has_story
        waits = NOTHING
        if self.reel.fault:
            waits = f"The scan cannot be shown: {self.reel.fault}."
        elif self.has_story:
            waits = "finding the scan in the data set…"
        self.waits.setText(waits)
        self.stack.setCurrentWidget(self.main if there else self.waits)
        voxels = self.reel.story.kind == "labels"
        self.strip.setVisible(voxels)
        self.ask.voxels = voxels
        self.ask.field.setVisible(voxels and not self.ask.sure.isHidden())

    def _choose(self, place: int) -> None:
        self.planes.store.put(Scene())
        self.reel.choose(place)
        self._state()

    def _want(self) -> None:
        """Have the frame that is to be seen read first, then those of the strip, then the others as room allows."""
        frame = self.scrubber.frame
        if frame is None or self.reel.case is None:
            return
        self._draw()
        steps = [frame.step, *(self.strip.frames[number].step for number in self.strip.shown)]
        held = self.reel.moment(frame.step)
        if held is not None and held.bytes * len(self.reel.frames) < KEPT_BYTES:
            steps += [one.step for one in self.reel.frames]
        self.reel.ask(list(dict.fromkeys(steps)))

    def _came(self, step: int) -> None:
        frame = self.scrubber.frame
        if frame is not None and step == frame.step:
            self._want()
        else:
            self.pace.ask(self._ask_voxel)

    def _draw(self) -> None:
        """Draw the frame that is chosen, if it is at hand; else what was there stays."""
        case, frame = self.reel.case, self.scrubber.frame
        if case is None or frame is None:
            return
        moment = self.reel.moment(frame.step)
        if moment is not None or len(self.planes.store.state.layers) == 1:
            store = self.planes.store
            store.put(scene_with(store.state, case, moment, self.look, self.reel.story.classes))
        self.dice.setText(self._measures(frame.measures, frame.cases))
        self._ask_voxel()

    def _told(self, old: Scene, new: Scene) -> None:
        if old.cursor != new.cursor or old.layers[:1] != new.layers[:1] or old.radiological != new.radiological:
            self.pace.ask(self._ask_voxel)

    # -- the voxel ------------------------------------------------------------------------------------------------

    def _ask_voxel(self) -> None:
        """Say what is thought of the place at the cross-hair, and draw the slice through it at other epochs."""
        scene, case, frame = self.planes.store.state, self.reel.case, self.scrubber.frame
        if scene.scan is None or case is None or frame is None:
            return
        classes = self.reel.story.classes
        held = self.reel.moment(frame.step)
        shares = None if held is None else held.snapshot.at(scene.cursor)
        if shares is not None or held is not None:
            meant = case.meant
            if case.reference is not None:
                at = case.reference.nearest(scene.cursor)
                meant = None if at is None else int(case.reference.voxels[(0, *at)])
            last = self.reel.frames[-1].epoch
            curve = self.reel.curve(scene.cursor)
            self.ask.show_voxel(self._where(scene), classes, shares, meant, curve, frame.epoch, last)
        if self.strip.isVisible():
            self.strip.show_frames(self.reel.frames, self.scrubber.number)
            self._rest.start()

    def _draw_strip(self) -> None:
        """Draw the small pictures once the hand rests."""
        scene, case = self.planes.store.state, self.reel.case
        if scene.scan is not None and case is not None and self.strip.isVisible():
            classes = self.reel.story.classes
            self.strip.draw(scene, case, self._strip_plane(scene), self.look, classes, self.reel.moment)

    def _strip_plane(self, scene: Scene) -> Plane:
        return flat_plane(scene) or self.planes.front.plane

    def _where(self, scene: Scene) -> str:
        """Say place and value at the cross-hair."""
        scan = scene.scan
        assert scan is not None
        if self.reel.story.kind == "classes":
            return f"picture {self.reel.place + 1}"
        x, y, z = scene.cursor
        place = f"({x:.1f}, {y:.1f}, {z:.1f}) mm" if scan.calibrated else f"voxel {scene.voxel}, uncalibrated"
        value = scan.value_at(scene.cursor)
        shown = "" if value is None else f" · value {number_text(value, scene.layers[0].window / 100)}"
        return f"{place.replace('-', '−')}{shown}{' ' + scan.unit if scan.unit else ''}"

    def _measures(self, measures: Mapping[str, float], cases: tuple[Mapping[str, float], ...]) -> str:
        """Write the Dice of each class at this epoch in its colour, and what validation measured."""
        story, parts = self.reel.story, []
        mine = cases[self.reel.place] if self.reel.place < len(cases) else {}
        names = ("background", *story.classes) if story.kind == "labels" else story.classes
        for name, value in mine.items():
            of = name.rpartition("/")[2]
            tone = tone_of(names.index(of), names) if of in names else None
            mark = "" if tone is None else f'<span style="color:{tone.name()}">■</span>&nbsp;'
            parts.append(f"{mark}{html.escape(of)}&nbsp;<b>{value:.3f}</b>")
        what = "Dice of this case: " if any(name.startswith("dice/") for name in mine) else ""
        said, whole = what + " &nbsp; ".join(parts), measures.get(story.best)
        if whole is None:
            return said
        best = html.escape(story.best.removeprefix("validation/"))
        return f"{said} &nbsp;·&nbsp; all held-out: {best} <b>{whole:.3f}</b>"

    # -- how far it sees ------------------------------------------------------------------------------------------

    def _field(self, on: bool) -> None:
        """Fetch how far the network sees, once a run, and draw it."""
        run, scan = self.reel.run, self.planes.store.state.scan
        if on and run is not None and scan is not None and self._field_of != run:
            self._field_of, self.field_mm = run, None
            self.ask.say_field("How far it sees…")
            field = self.desk.services.storied.field
            job = self.desk.start("how far the network sees", lambda: field(run, scan), page="train", quiet=True)
            job.ended.connect(lambda sides: self._field_came(run, sides))
            job.refused.connect(lambda refusal: self.ask.say_field("How far it sees: not known"))
        self._repaint()

    def _field_came(self, run: Path, sides: Any) -> None:
        if run != self.reel.run:
            return
        self.field_mm = sides
        scan = self.planes.store.state.scan
        unit = "mm" if scan is not None and scan.calibrated else "voxels"
        words = "all of it" if sides is None else "×".join(f"{side:.3g}" for side in sides) + f" {unit}"
        self.ask.say_field(f"It sees {words}")
        self._repaint()

    def _repaint(self) -> None:
        for view in self.planes.views.values():
            view.update()

    def _paint_field(self, painter: QPainter, view: SliceView) -> None:
        """Draw the box that a probability at the cross-hair depends on, along the axes of the scan's voxels."""
        scan = view.scene.scan
        if not self.ask.field.isChecked() or self.field_mm is None or scan is None or view.section is None:
            return
        corners = field_corners(view.scene, view.plane, self.field_mm)
        painter.setPen(QPen(QColor(120, 220, 255), 1.4, Qt.PenStyle.DashLine))
        painter.drawPolygon(QPolygonF([QPointF(*view.screen_of(mm)) for mm in corners]))

    # -- keys -----------------------------------------------------------------------------------------------------

    def _answer(self, event: QKeyEvent) -> bool:
        """Keys of the patient: epochs, how they are drawn; all others are those of the viewer."""
        key = event.key()
        if key in (Qt.Key.Key_Comma, Qt.Key.Key_Period):
            self.scrubber.step(1 if key == Qt.Key.Key_Period else -1)
        elif key == Qt.Key.Key_P and not event.modifiers():
            self.scrubber.play.click()
        elif key == Qt.Key.Key_B and not event.modifiers():
            self.ask.field.toggle()
        elif key == Qt.Key.Key_O:
            self.bar.next_way()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.bar.more_opaque(1 if key == Qt.Key.Key_BracketRight else -1)
        elif key == Qt.Key.Key_Space:
            scene = self.planes.store.state
            self.planes.store.put(replace(scene, overlays_hidden=not scene.overlays_hidden))
        else:
            return False
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer the keys wherever the focus is on the patient."""
        if not self._answer(event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw as many small pictures as there is room for now."""
        super().resizeEvent(event)
        self.bar.narrow(event.size().width())
        self._want()


def field_corners(scene: Scene, plane: Plane, sides_mm: tuple[float, float, float]) -> list[tuple[float, float, float]]:
    """Four corners in RAS mm of the box's cut with a plane through the cursor, along the scan's own axes."""
    scan = scene.scan
    assert scan is not None
    axes = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[plane]
    middle = np.array(scene.cursor)
    ways = [scan.affine[:3, axis] / scan.spacing_mm[axis] * sides_mm[axis] / 2 for axis in axes]
    made = (middle + a * ways[0] + b * ways[1] for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    return [(float(x), float(y), float(z)) for x, y, z in made]
