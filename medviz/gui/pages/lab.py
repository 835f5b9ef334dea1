"""The Labs page: one page serves all labs."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from medviz.figures import Figure
from medviz.gui.desk import Desk
from medviz.gui.drawing.board import Board
from medviz.gui.form import Form
from medviz.gui.labs_page.banner import Banner
from medviz.gui.labs_page.bar import Bar
from medviz.gui.labs_page.chooser import Chooser
from medviz.gui.labs_page.inputs import chosen, looked_at
from medviz.gui.labs_page.panel import Panel
from medviz.gui.labs_page.play import History, On, Play, differences, example_lab, input_kind, input_of, untouched
from medviz.gui.labs_page.shared import inputs_left_behind
from medviz.gui.labs_page.shelf import Shelf
from medviz.gui.labs_page.showing import Showing
from medviz.gui.labs_page.stage import Stage
from medviz.gui.pages.page import Page
from medviz.gui.store import Store
from medviz.imaging.scene import Scene
from medviz.messages import Note, Progress, Work
from medviz.parameters import changed, parameters
from medviz.refused import Refused


class LabPage(Page):
    """Shelf, board, bar and form over one Store of a Play; figures come from `show()` beside the window.

    Keys, the same in every lab: Space plays, ← → step, ↑ ↓ speed, Home and End, `e` examples, `p` present, `a` and
    `b` two states to compare, Ctrl+Z and Ctrl+Y, Ctrl+C and Ctrl+V the state as text.
    """

    NAME: ClassVar[str] = "lab"
    TITLE: ClassVar[str] = "Labs"
    ICON: ClassVar[str] = "ph.flask"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setProperty("look", "page")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.play: Store[Play | None] = Store(None)
        self.history = History()
        self.showing = Showing(desk, self)
        self.shelf, self.board = Shelf(desk.services.labs.entries), Board()
        self.banner, self.bar, self.chooser = Banner(), Bar(), Chooser()
        self.form: Form | None = None
        self.stage: Stage | None = None
        self.side = Panel(self.chooser, self.press)
        self.empty = QLabel("Choose a lab at the left.")
        self._remembered: dict[str, Play] = {}
        self._kept: dict[str, Play] = {}
        self._at = ""
        self._steps = 0
        self._cut_from: tuple[Any, ...] = ()
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
        column.addWidget(self.banner)
        column.addWidget(self.empty, 1)
        column.addWidget(self.board, 1)
        column.addWidget(self.bar)
        self.board.hide()
        self.bar.setEnabled(False)
        split = QSplitter()
        split.addWidget(self.shelf)
        split.addWidget(centre)
        split.setStretchFactor(1, 1)
        split.setSizes([216, 900])
        self.shelf.setMinimumWidth(150)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(split)

    def _listen(self) -> None:
        self.shelf.lab_chosen.connect(self.open_lab)
        self.shelf.example_chosen.connect(self.load)
        self.board.pointed.connect(self._point)
        self.board.edited.connect(self._edit)
        self.chooser.chosen.connect(self.work_on)
        self.chooser.moved.connect(self._move_slice)
        player = self.bar.player
        player.held = lambda: self.showing.busy
        player.stepped.connect(lambda step: self._try(lambda lab: lab.at_step(step)))
        self.bar.undo_wanted.connect(self.undo)
        self.bar.redo_wanted.connect(self.redo)
        self.bar.kept.connect(self.compare)
        self.bar.share_wanted.connect(self.share)
        self.bar.paste_wanted.connect(self.paste)
        self.bar.export_wanted.connect(self._choose_folder)
        self.bar.stage_wanted.connect(self.present)
        self.showing.figured.connect(self._figured)
        self.showing.counted.connect(self._counted)
        self.showing.refused.connect(lambda _, refusal: self.banner.refuse(refusal))
        self.showing.failed.connect(lambda sentence, trace: self.desk.tell(sentence, "error", trace))
        self.showing.noted.connect(self._note)
        self.showing.busied.connect(self._busy)
        self.play.listen(self._played)
        leave = self.desk.scene.listen(self._scene_changed)
        self.destroyed.connect(lambda: leave())

    def panel(self) -> QWidget:
        """Return input chooser and form."""
        return self.side

    def entered(self) -> None:
        """Take the keys; open the first lab the first time; follow the viewer's cursor."""
        self.setFocus()
        if self.play.state is None and self.desk.services.labs:
            self.open_lab(next(iter(self.desk.services.labs)))
        elif self.play.state is not None:
            self._follow_scene()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stand still while nobody looks."""
        self.bar.player.pause()
        super().hideEvent(event)

    # What a person does

    def open_lab(self, name: str) -> None:
        """Bring a lab to the front as it was left; its class is imported beside the window."""
        if name in self._remembered:
            self._put(self._remembered[name])
            return
        self.empty.setText(f"Opening {self.desk.services.labs.entries[name].title or name} …")
        labs = self.desk.services.labs

        def importing() -> Work[Any]:
            yield Progress(0, 0, "importing")
            return labs[name]

        self.desk.start(f"Opening {name}", importing, "lab", lambda kind: self._opened(name, kind))

    def load(self, example: Any) -> None:
        """Load a worked example with the deck's own numbers."""
        play = self.play.state
        if play is not None:
            self.bar.player.pause()
            self._change(Play(play.name, example_lab(type(play.lab), example), example, On()))

    def work_on(self, on: On) -> None:
        """Work on something else; the parameters stay."""
        play = self.play.state
        if play is None:
            return
        try:
            self._change(self._with_input(replace(play, on=on)))
        except Refused as refusal:
            self.banner.refuse(refusal)
            self.chooser.show_on(play.on, input_kind(play.lab), self.desk.scene.state)

    def undo(self) -> None:
        """Take the last change of a parameter back."""
        if self.play.state is not None:
            self._put(self.history.undo(self.play.state))

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.play.state is not None:
            self._put(self.history.redo(self.play.state))

    def compare(self, slot: str, anew: bool = False) -> None:
        """Keep the present state as "a" or "b"; where it is kept already, go to it (unless `anew`)."""
        play = self.play.state
        if play is None:
            return
        if anew or slot not in self._kept:
            self._kept[slot] = play
            self._at = slot
            self.bar.show_slots(frozenset(self._kept), self._at)
            return
        kept = self._kept[slot]
        self._at = slot
        if kept is not play:
            self._change(kept)
        self.bar.show_slots(frozenset(self._kept), slot)

    def share(self) -> None:
        """Copy the state as one line of text."""
        play = self.play.state
        if play is None:
            return
        try:
            QApplication.clipboard().setText(self.desk.services.lab_text(play.lab))
        except Refused as refusal:
            self.banner.refuse(refusal)
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
        """Write every figure as picture and numbers, and the state as text."""
        try:
            paths = self.board.export(folder)
        except Refused as refusal:
            self.banner.refuse(refusal)
            return
        self.desk.tell(f"{len(paths)} files were written to {folder}")

    def present(self) -> None:
        """Put the figures on a stage of their own, or take them off it."""
        if self.stage is not None:
            self.stage.close()
            return
        if self.play.state is None:
            return
        self.stage = Stage(self)
        self.stage.board.pointed.connect(self._point)
        self.stage.board.edited.connect(self._edit)
        self.stage.pressed.connect(self.press)
        self.stage.closed.connect(self._stage_closed)
        self._show_on_stage(self.board.figures, False)
        self.stage.setGeometry(self.screen().geometry())
        self.stage.showFullScreen()

    # Keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the keys that are the same in every lab."""
        if not self.press(event):
            super().keyPressEvent(event)

    def press(self, event: QKeyEvent) -> bool:
        """Obey a key; False where it means nothing here."""
        player = self.bar.player
        keys = {
            Qt.Key.Key_Space: player.toggle,
            Qt.Key.Key_Left: lambda: player.go(player.step - 1),
            Qt.Key.Key_Right: lambda: player.go(player.step + 1),
            Qt.Key.Key_Up: lambda: player.faster(1),
            Qt.Key.Key_Down: lambda: player.faster(-1),
            Qt.Key.Key_Home: lambda: player.go(0),
            Qt.Key.Key_End: lambda: player.go(player.steps - 1),
            Qt.Key.Key_E: self.shelf.open_menu,
            Qt.Key.Key_P: self.present,
            Qt.Key.Key_A: lambda: self.compare("a", bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)),
            Qt.Key.Key_B: lambda: self.compare("b", bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)),
        }
        for sequence, act in (
            (QKeySequence.StandardKey.Undo, self.undo),
            (QKeySequence.StandardKey.Redo, self.redo),
            (QKeySequence.StandardKey.Copy, self.share),
            (QKeySequence.StandardKey.Paste, self.paste),
        ):
            if event.matches(sequence):
                act()
                return True
        bare = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        if event.key() == Qt.Key.Key_Y and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.redo()
        elif bare and Qt.Key(event.key()) in keys:
            keys[Qt.Key(event.key())]()
        else:
            return False
        return True

    # One circle: hand → store → views

    def _opened(self, name: str, kind: Any) -> None:
        first = next(iter(kind.EXAMPLES), None)
        lab = example_lab(kind, first) if first is not None else kind()
        self._put(Play(name, lab, first))

    def _put(self, play: Play) -> None:
        self.play.put(play)

    def _change(self, play: Play) -> None:
        if self.play.state is not None:
            self.history.changed(self.play.state, play)
        self._put(play)

    def _try(self, act: Any) -> None:
        """Point or step: a change that is not taken back by undo."""
        play = self.play.state
        if play is None:
            return
        try:
            lab = act(play.lab)
        except Refused as refusal:
            self.banner.refuse(refusal)
            return
        if lab is not play.lab and differences(lab, play.lab, moves_too=True):
            self._put(replace(play, lab=lab))

    def _point(self, figure: str, cell: tuple[int, int], shape: tuple[int, int]) -> None:
        self.bar.player.pause()
        self._try(lambda lab: lab.pointed(figure, cell, shape))

    def _edit(self, figure: str, cell: tuple[int, int], value: float) -> None:
        """Put a typed number into the matrix that the figure shows."""
        play = self.play.state
        shown = next((one for one in self.board.figures if one.name == figure), None)
        if play is None or shown is None or figure not in {one.name for one in parameters(play.lab)}:
            return
        rows = [list(row) for row in getattr(play.lab, figure)]
        if cell[0] >= len(rows) or cell[1] >= len(rows[0]):
            return
        rows[cell[0]][cell[1]] = value
        try:
            self._change(replace(play, lab=changed(play.lab, **{figure: tuple(map(tuple, rows))})))
        except Refused as refusal:
            self.banner.refuse(refusal)

    def _turned(self, lab: Any) -> None:
        if self.play.state is not None:
            self._change(replace(self.play.state, lab=lab))

    def _played(self, old: Play | None, new: Play | None) -> None:
        if new is None:
            return
        self._remembered[new.name] = new
        if old is None or old.name != new.name or type(old.lab) is not type(new.lab):
            self._bring_to_front(new)
        elif differences(old.lab, new.lab) and self.form is not None:
            self.form.show_value(new.lab)
        elif self.form is not None:
            self.form.value = new.lab
        if old is None or old.example is not new.example or old.on != new.on or differences(old.lab, new.lab):
            self._name(new)
        self.bar.show_history(self.history.can_undo, self.history.can_redo)
        at = next((slot for slot, kept in self._kept.items() if kept is new), "")
        self.bar.show_slots(frozenset(self._kept), at)
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
        self.form = Form(play.lab, self.desk.services.catalogs, scrolls=False)
        self.form.changed.connect(self._turned)
        self.side.put(self.form)

    def _name(self, play: Play) -> None:
        """Name the example in the banner as long as its parameters are untouched."""
        whole = untouched(play)
        self.shelf.show_example(play.example if whole else None)
        image = getattr(play.lab, input_of(play.lab).name) if input_of(play.lab) else None  # type: ignore[union-attr]
        self.banner.show_example(play.lab.TITLE, play.example if whole else None, getattr(image, "name", ""))
        if not whole:
            self.banner.show_checks(())
        self.chooser.show_on(play.on, input_kind(play.lab), self.desk.scene.state)

    # What comes back

    def _figured(self, lab: Any, figures: list[Figure], whole: bool) -> None:
        play = self.play.state
        if play is None or type(lab) is not type(play.lab):
            return
        self.banner.refuse(None)
        self.board.show_figures(figures, partial=not whole)
        self._show_on_stage(figures, not whole)
        if whole and untouched(play):
            self._check(play, lab, figures)

    def _check(self, play: Play, lab: Any, figures: list[Figure]) -> None:
        """Hold the figures against the deck, where they are those of the example's own cell and step."""
        if differences(lab, example_lab(type(lab), play.example), moves_too=True):
            return
        self.banner.show_checks(self.desk.services.lab_checks(play.example, {one.name: one for one in figures}))

    def _counted(self, lab: Any, steps: int) -> None:
        play = self.play.state
        if play is not None and type(lab) is type(play.lab):
            self._steps = steps
            self.bar.player.show_step(min(play.lab.step(), max(0, steps - 1)), steps)

    def _note(self, note: Note) -> None:
        self.banner.note.say(note.text + (f"; {note.remedy}" if note.remedy else ""))

    def _busy(self, progress: Progress | None) -> None:
        if progress is not None and progress.what:
            self.banner.note.say(progress.what)
        elif progress is None:
            self.banner.note.say("")

    # The stage

    def _show_on_stage(self, figures: Any, partial: bool) -> None:
        play = self.play.state
        if self.stage is not None and play is not None:
            self.stage.show_figures(
                self.banner.title.text(), self.banner.erratum.text, play.lab.ARRANGE, figures, partial
            )

    def _stage_closed(self) -> None:
        self.stage = None
        self.setFocus()

    # What it works on

    def _with_input(self, play: Play) -> Play:
        one = input_of(play.lab)
        if one is None:
            return play
        given = play.example.parameters if play.example is not None else {}
        own = given.get(one.name, one.default)
        scene = self.desk.scene.state
        self._cut_from = looked_at(play.on, input_kind(play.lab), scene)
        value = chosen(play.on, input_kind(play.lab), scene, own)
        return replace(play, lab=replace(play.lab, **{one.name: value}))

    def _scene_changed(self, old: Scene, new: Scene) -> None:
        if shiboken6.isValid(self) and self.isVisible():
            self._follow_scene()

    def _follow_scene(self) -> None:
        """Cut anew where the viewer's cursor has moved to another slice."""
        play, scene = self.play.state, self.desk.scene.state
        if play is None:
            return
        if looked_at(play.on, input_kind(play.lab), scene) != self._cut_from and play.on.kind not in (
            "example",
            "phantom",
        ):
            try:
                self._put(self._with_input(play))
            except Refused as refusal:
                self.banner.refuse(refusal)
        self.chooser.show_on(play.on, input_kind(play.lab), scene)

    def _move_slice(self, plane: str, index: int) -> None:
        scene = self.desk.scene
        voxel = list(scene.state.voxel)
        voxel[{"axial": 2, "coronal": 1, "sagittal": 0}[plane]] = index
        scene.put(scene.state.at_voxel((voxel[0], voxel[1], voxel[2])))

    # Sharing

    def _pasted(self, lab: Any, text: str) -> None:
        name = self.desk.services.labs.name_of(lab)
        example = next((one for one in type(lab).EXAMPLES if not differences(lab, example_lab(type(lab), one))), None)
        play = Play(name, lab, example, On())
        left = inputs_left_behind(text)
        if left is not None and self.desk.scene.state.scan is not None:
            play = self._with_input(replace(play, example=None, on=On("slice", left.plane)))
        elif left is not None:
            self.desk.tell(
                f"The state was made on {left.name or 'a scan'}, which did not travel with the text",
                "warning",
                "open that scan in the viewer and paste again",
            )
        self._change(play)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export arrays and pictures to")
        if folder:
            self.export(Path(folder))
