"""The Labs page: one page serves all labs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from medviz.figures import Figure
from medviz.gui.desk import Desk
from medviz.gui.drawing.board import Board
from medviz.gui.form import Form
from medviz.gui.labs_page.banner import Banner
from medviz.gui.labs_page.bar import Bar
from medviz.gui.labs_page.chooser import Chooser
from medviz.gui.labs_page.from_file import FromFile
from medviz.gui.labs_page.hand import Hand
from medviz.gui.labs_page.keys import meaning
from medviz.gui.labs_page.lessons import Lessons
from medviz.gui.labs_page.panel import Panel
from medviz.gui.labs_page.play import On, Play, differences, example_lab, input_kind, input_of, untouched
from medviz.gui.labs_page.shared import inputs_left_behind
from medviz.gui.labs_page.shelf import Shelf
from medviz.gui.labs_page.showing import Showing
from medviz.gui.labs_page.stage import Stage
from medviz.gui.pages.page import Page
from medviz.imaging.scene import Scene
from medviz.imaging.slices import NORMAL, Plane
from medviz.messages import Note, Progress, Work
from medviz.refused import Refused

LEAST_SHELF, MOST_SHELF = 150, 216


class LabPage(Page):
    """Shelf, board, bar and form over one Store of a Play; figures come from `show()` beside the window.

    Keys, the same in every lab: Space plays, ← → step, ↑ ↓ speed, Home and End, `e` examples, `p` present, `n` the
    next moment of a lesson, `a` and `b` two states to compare, Ctrl+Z and Ctrl+Y, Ctrl+C and Ctrl+V the state as text.
    """

    NAME: ClassVar[str] = "lab"
    TITLE: ClassVar[str] = "Labs"
    ICON: ClassVar[str] = "ph.flask"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.files = FromFile(desk, self, self._file_arrived)
        self.hand = Hand(desk.scene, self._refuse, self.files.scenes)
        self.showing = Showing(desk, self)
        self.shelf, self.board = Shelf(desk.services.labs.entries), Board()
        self.banner, self.bar, self.chooser = Banner(), Bar(), Chooser()
        self.lessons = Lessons(desk, lambda: self.hand.play and self.hand.play.lab, self)
        self.form: Form | None = None
        self.stage: Stage | None = None
        self.side = Panel(self.chooser, self.press)
        self.empty = QLabel("Choose a lab at the left.")
        self._steps = 0
        self._lay_out()
        self._listen()

    # Building

    def _lay_out(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("look", "dim")
        column.addWidget(self.lessons.strip)
        column.addWidget(self.banner)
        column.addWidget(self.empty, 1)
        column.addWidget(self.board, 1)
        column.addWidget(self.bar)
        self.board.hide()
        self.bar.setEnabled(False)
        self.split = QSplitter()
        self.split.addWidget(self.shelf)
        self.split.addWidget(centre)
        self.split.setStretchFactor(1, 1)
        self.split.splitterMoved.connect(lambda: self.setProperty("split", True))
        self.shelf.setMinimumWidth(LEAST_SHELF)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.split)

    def _listen(self) -> None:
        self.shelf.add_button(self.lessons.button)
        self.lessons.arrived.connect(self._pasted)
        self.shelf.lab_chosen.connect(self.open_lab)
        self.shelf.example_chosen.connect(self.load)
        self._listen_to_board(self.board)
        self.board.opened.connect(self.board.turn_alone)
        self.chooser.chosen.connect(self.work_on)
        self.chooser.moved.connect(self._move_slice)
        self.chooser.file_wanted.connect(self.files.ask)
        self.bar.player.held = lambda: self.showing.busy
        self.bar.player.stepped.connect(lambda step: self.hand.move(lambda lab: lab.at_step(step)))
        self.bar.undo_wanted.connect(self.hand.undo)
        self.bar.redo_wanted.connect(self.hand.redo)
        self.bar.kept.connect(self.compare)
        self.bar.share_wanted.connect(self.share)
        self.bar.paste_wanted.connect(self.paste)
        self.bar.export_wanted.connect(self._choose_folder)
        self.bar.stage_wanted.connect(self.present)
        self.showing.figured.connect(self._figured)
        self.showing.counted.connect(self._counted)
        self.showing.refused.connect(lambda _, refusal: self._refuse(refusal))
        self.showing.failed.connect(lambda sentence, trace: self.desk.tell(sentence, "error", trace))
        self.showing.noted.connect(self._note)
        self.showing.busied.connect(self._busy)
        self.hand.store.listen(self._played)
        leave = self.desk.scene.listen(self._scene_changed)
        self.destroyed.connect(lambda: leave())

    def _listen_to_board(self, board: Board) -> None:
        board.pointed.connect(self._point)
        board.edited.connect(self.hand.type_into)
        board.dragged.connect(self.hand.drag)
        board.painted.connect(self.hand.paint)

    def panel(self) -> QWidget:
        """Return input chooser and form."""
        return self.side

    def entered(self) -> None:
        """Take the keys; open the first lab the first time; follow the viewer's cursor."""
        self.setFocus()
        if self.hand.play is None and self.desk.services.labs:
            self.open_lab(next(iter(self.desk.services.labs)))
        else:
            self._follow_scene()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the shelf a quarter of a narrow page, until a person moves the border."""
        if not self.property("split"):
            shelf = min(max(LEAST_SHELF, self.width() // 4), MOST_SHELF)
            self.split.setSizes([shelf, self.width() - shelf])
        super().resizeEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stand still while nobody looks."""
        self.bar.player.pause()
        if self.stage is not None and not self.window().isVisible():
            self.stage.close()  # a stage alone would keep the program running
        super().hideEvent(event)

    # What a person does

    def open_lab(self, name: str) -> None:
        """Bring a lab to the front as it was left; its class is imported beside the window."""
        left = self.hand.as_left(name)
        if left is not None:
            self.hand.begin(left)
            return
        labs = self.desk.services.labs
        self.empty.setText(f"Opening {labs.entries[name].title or name} …")

        def importing() -> Work[Any]:
            yield Progress(0, 0, "importing")
            return labs[name]

        self.desk.start(f"Opening {name}", importing, "lab", lambda kind: self.hand.first(name, kind))

    def load(self, example: Any) -> None:
        """Load a worked example with the deck's own numbers."""
        self.bar.player.pause()
        self.hand.load(example)

    def work_on(self, on: On) -> None:
        """Work on the example, the viewer's slice, a region, a phantom or a file."""
        self.hand.work_on(on)
        self._show_input()

    def compare(self, slot: str, anew: bool = False) -> None:
        """Keep or go to state "a" or "b"."""
        self.hand.compare(slot, anew)
        self.bar.show_slots(frozenset(self.hand.kept), self.hand.at)

    def share(self) -> None:
        """Copy the state as one line of text."""
        if self.hand.play is None:
            return
        try:
            QApplication.clipboard().setText(self.desk.services.lab_text(self.hand.play.lab))
        except Refused as refusal:
            self._refuse(refusal)
            return
        self.desk.tell("The state of the lab is on the clipboard; paste it into a message or another window")

    def paste(self) -> None:
        """Open the state that is on the clipboard."""
        text, read = QApplication.clipboard().text(), self.desk.services.lab_from

        def reading() -> Work[Any]:
            yield Progress(0, 0, "reading")
            return read(text)

        self.desk.start("Opening a shared state", reading, "lab", lambda lab: self._pasted(lab, text))

    def export(self, folder: Path) -> None:
        """Write every figure as picture and numbers, and the state of the lab."""
        if self.hand.play is None:
            return
        try:
            paths = self.board.export(folder, {"state.json": self.desk.services.lab_text(self.hand.play.lab) + "\n"})
        except Refused as refusal:
            self._refuse(refusal)
            return
        self.desk.tell(f"{len(paths)} files were written to {folder}")

    def present(self) -> None:
        """Put the figures on a stage of their own, or take them off it."""
        if self.stage is not None:
            self.stage.close()
            return
        if self.hand.play is None:
            return
        self.stage = Stage(self)
        self._listen_to_board(self.stage.board)
        self.stage.pressed.connect(self.press)
        self.stage.closed.connect(self._stage_closed)
        self._show_on_stage(self.board.figures, False)
        self.stage.fill(self.screen())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the keys that are the same in every lab."""
        if not self.press(event):
            super().keyPressEvent(event)

    def press(self, event: QKeyEvent) -> bool:
        """Obey a key; False where it means nothing here."""
        act = meaning(event, self)
        if act is not None:
            act()
        return act is not None

    # One circle: hand → store → views

    def _point(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> None:
        if self.hand.move(lambda lab: lab.pointed(figure, cell, shape)):
            self.bar.player.pause()

    def _refuse(self, refusal: Refused) -> None:
        self.banner.refuse(refusal)

    def _played(self, old: Play | None, new: Play | None) -> None:
        if new is None:
            return
        if old is None or type(old.lab) is not type(new.lab):
            self._bring_to_front(new)
        turned = old is None or bool(differences(old.lab, new.lab))
        if self.form is not None and turned:
            self.form.show_value(new.lab)
        elif self.form is not None:
            self.form.value = new.lab  # the cell in focus alone: no control shows it
        if turned or old is None or old.example is not new.example or old.on != new.on:
            self._name(new)
        self.bar.show_history(self.hand.history.can_undo, self.hand.history.can_redo)
        self.bar.show_slots(frozenset(self.hand.kept), self.hand.at)
        self.bar.player.show_step(new.lab.step(), self._steps)
        self.showing.show(new.lab)

    def _bring_to_front(self, play: Play) -> None:
        self.showing.drop()
        self.empty.hide()
        self.board.show()
        self.bar.setEnabled(True)
        self._steps = 0
        self.shelf.show_lab(play.name, type(play.lab).EXAMPLES)
        self.board.arrange(play.lab.ARRANGE)
        self.board.show_figures(())  # a lab that is taught first must not stand among the figures of another
        self._show_on_stage((), False)
        self.form = Form(play.lab, self.desk.services.catalogs, scrolls=False)
        self.form.changed.connect(self.hand.turn)
        self.side.put(self.form)

    def _name(self, play: Play) -> None:
        """Name the example as long as its parameters are untouched."""
        example = play.example if untouched(play) else None
        one = input_of(play.lab)
        on = getattr(getattr(play.lab, one.name), "name", "") if one else ""
        self.shelf.show_example(example)
        self.banner.show_example(play.lab.TITLE, example, on)
        self._show_input()

    def _show_input(self) -> None:
        play = self.hand.play
        if play is not None:
            self.chooser.show_on(play.on, input_kind(play.lab), self.hand.scene_of(play.on))

    def _figured(self, lab: Any, figures: list[Figure], whole: bool) -> None:
        play = self.hand.play
        if play is None or type(lab) is not type(play.lab):
            return
        self.banner.refuse(None)
        self.board.show_figures(figures, partial=not whole)
        self._show_on_stage(figures, not whole)
        if whole and untouched(play) and not differences(lab, example_lab(type(lab), play.example), moves_too=True):
            by_name = {figure.name: figure for figure in figures}
            self.banner.show_checks(self.desk.services.lab_checks(play.example, by_name))

    def _counted(self, lab: Any, steps: int) -> None:
        play = self.hand.play
        if play is not None and type(lab) is type(play.lab):
            self._steps = steps
            self.bar.player.show_step(min(play.lab.step(), max(0, steps - 1)), steps)

    def _note(self, note: Note) -> None:
        self.banner.note.say(note.text + (f"; {note.remedy}" if note.remedy else ""))

    def _busy(self, progress: Progress | None) -> None:
        self.banner.note.say(progress.what if progress is not None else "")

    def _show_on_stage(self, figures: Sequence[Figure], partial: bool) -> None:
        play = self.hand.play
        if self.stage is not None and play is not None:
            words = self.lessons.saying or self.banner.title.text(), self.banner.erratum.text
            self.stage.show_figures(*words, play.lab.ARRANGE, figures, partial)

    def _stage_closed(self) -> None:
        self.stage = None
        self.setFocus()

    # The viewer's scan

    def _scene_changed(self, old: Scene, new: Scene) -> None:
        if shiboken6.isValid(self) and self.isVisible():
            self._follow_scene()

    def _follow_scene(self) -> None:
        self.hand.follow()
        self._show_input()

    def _file_arrived(self, path: str) -> None:
        """Work on a file that was read."""
        play = self.hand.play
        if play is not None and input_kind(play.lab):
            self.work_on(replace(play.on, kind="file", file=path))

    def _move_slice(self, plane: Plane, index: int) -> None:
        play = self.hand.play
        if play is not None and play.on.kind == "file":
            if self.files.moved(play.on.file, plane, index):
                self._follow_scene()
            return
        scene = self.desk.scene
        voxel = list(scene.state.voxel)
        voxel[NORMAL[plane]] = index
        scene.put(scene.state.at_voxel((voxel[0], voxel[1], voxel[2])))

    def _pasted(self, lab: Any, text: str) -> None:
        left = inputs_left_behind(text) if text else None
        if not self.hand.take_shared(self.desk.services.labs.name_of(lab), lab, left):
            name = left.name if left and left.name else "a scan"
            remedy = "open that scan in the viewer and paste again"
            self.desk.tell(f"The state was made on {name}, which did not travel with the text", "warning", remedy)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export arrays and pictures to")
        if folder:
            self.export(Path(folder))
