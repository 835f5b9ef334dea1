"""What a hand may do to what is played with: one door to the Store, no widget, no thread."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from medviz.gui.labs_page.inputs import beside, chosen, looked_at
from medviz.gui.labs_page.play import History, On, Play, companions_of, differences, example_lab, input_kind, input_of
from medviz.gui.labs_page.shared import LeftBehind
from medviz.gui.store import Store
from medviz.imaging.scene import Scene
from medviz.parameters import changed, parameters
from medviz.refused import Refused


class Hand:
    """Turns what a person does into the next Play. What cannot be done is told to `complain`; the state stays.

    Turned parameters, examples and inputs can be taken back (`undo`); pointing and stepping cannot.
    """

    def __init__(
        self, scene: Store[Scene], complain: Callable[[Refused], object], files: Mapping[str, Scene] | None = None
    ) -> None:
        self.store: Store[Play | None] = Store(None)
        self.history = History()
        self.kept: dict[str, Play] = {}
        self._scene = scene
        self._complain = complain
        self._files = {} if files is None else files
        self._left: dict[str, Play] = {}
        self._cut_from: tuple[Any, ...] = ()
        self._gripped: Any = None
        self.store.listen(self._remember)

    @property
    def play(self) -> Play | None:
        """What is played with now."""
        return self.store.state

    def as_left(self, name: str) -> Play | None:
        """Return a lab as it was left, None where it was not opened yet."""
        return self._left.get(name)

    def begin(self, play: Play) -> None:
        """Bring a lab to the front."""
        self.store.put(play)

    def first(self, name: str, kind: Any) -> None:
        """Bring a lab to the front for the first time, with its first worked example."""
        example = next(iter(kind.EXAMPLES), None)
        self.begin(Play(name, kind() if example is None else example_lab(kind, example), example))

    def load(self, example: Any) -> None:
        """Take a worked example with the deck's own numbers."""
        if self.play is not None:
            self._change(Play(self.play.name, example_lab(type(self.play.lab), example), example, On()))

    def turn(self, lab: Any) -> None:
        """Take other parameters."""
        if self.play is not None:
            self._change(replace(self.play, lab=lab))

    def move(self, act: Callable[[Any], Any]) -> bool:
        """Point or step: `act` makes the next lab of the present one; True where it is another."""
        if self.play is None:
            return False
        try:
            lab = act(self.play.lab)
        except Refused as refusal:
            self._complain(refusal)
            return False
        if lab is self.play.lab or not differences(lab, self.play.lab, moves_too=True):
            return False
        self.store.put(replace(self.play, lab=lab))
        return True

    def drag(self, figure: str, start: tuple[float, float], here: tuple[float, float]) -> None:
        """Drag what lay at `start` when the button went down to `here`; where both are the same, it begins."""
        if self.play is None:
            return
        if start == here or type(self._gripped) is not type(self.play.lab):
            self._gripped = self.play.lab
        try:
            lab = self._gripped.dragged(figure, start, here)
        except Refused as refusal:
            self._complain(refusal)
            return
        if differences(lab, self.play.lab, moves_too=True):
            self.turn(lab)

    def paint(self, figure: str, way: tuple[tuple[float, float], ...]) -> None:
        """Paint along a way; where it has one place only, the stroke begins."""
        if self.play is None:
            return
        if len(way) == 1 or type(self._gripped) is not type(self.play.lab):
            self._gripped = self.play.lab
        try:
            lab = self._gripped.painted(figure, way)
        except Refused as refusal:
            self._complain(refusal)
            return
        if differences(lab, self.play.lab, moves_too=True):
            self.turn(lab)

    def type_into(self, figure: str, cell: tuple[int, int], value: float) -> None:
        """Put a number that was typed into a cell of a figure into the matrix it belongs to."""
        if self.play is None:
            return
        field, cell = self.play.lab.typed(figure, cell)
        if field not in {one.name for one in parameters(self.play.lab)}:
            return
        rows = [list(row) for row in getattr(self.play.lab, field)]
        if cell[0] >= len(rows) or cell[1] >= len(rows[0]):
            return
        rows[cell[0]][cell[1]] = value
        try:
            self.turn(changed(self.play.lab, **{field: tuple(map(tuple, rows))}))
        except Refused as refusal:
            self._complain(refusal)

    def undo(self) -> None:
        """Take the last change back."""
        if self.play is not None:
            self.store.put(self.history.undo(self.play))

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.play is not None:
            self.store.put(self.history.redo(self.play))

    def compare(self, slot: str, anew: bool = False) -> None:
        """Keep the present state as "a" or "b"; where it is kept already, go to it (unless `anew`)."""
        if self.play is None:
            return
        if anew or slot not in self.kept:
            self.kept[slot] = self.play
        elif self.kept[slot] is not self.play:
            self._change(self.kept[slot])

    @property
    def at(self) -> str:
        """The slot whose state is in front, empty where neither is."""
        return next((slot for slot, kept in self.kept.items() if kept is self.play), "")

    def work_on(self, on: On) -> None:
        """Work on something else; the parameters stay."""
        if self.play is None:
            return
        try:
            self._change(self._with_input(replace(self.play, on=on)))
        except Refused as refusal:
            self._complain(refusal)

    def follow(self) -> None:
        """Cut anew where the viewer's cursor or scan has changed."""
        play = self.play
        if play is None or play.on.kind in ("example", "phantom"):
            return
        if self._place(play) == self._cut_from:
            return
        try:
            self.store.put(self._with_input(play))
        except Refused as refusal:
            self._complain(refusal)

    def scene_of(self, on: On) -> Scene:
        """Return what is looked at: the viewer's scene, or that of a file of the labs' own."""
        return self._files.get(on.file, Scene()) if on.kind == "file" else self._scene.state

    def take_shared(self, name: str, lab: Any, left: LeftBehind | None) -> bool:
        """Take a shared lab; `left` is the scan that did not travel. False where no scan can stand in for it."""
        kind = type(lab)
        example = next((one for one in kind.EXAMPLES if not differences(lab, example_lab(kind, one))), None)
        play = Play(name, lab, example)
        stands_in = left is not None and self._scene.state.scan is not None
        if left is not None and stands_in:
            on = On("volume") if input_kind(lab) == "volume" else On("slice", left.plane)
            play = self._with_input(Play(name, lab, None, on))
        self._change(play)
        return left is None or stands_in

    def _with_input(self, play: Play) -> Play:
        one = input_of(play.lab)
        if one is None:
            return play
        given = play.example.parameters if play.example is not None else {}
        own = given.get(one.name, one.default)
        kind, scene = input_kind(play.lab), self.scene_of(play.on)
        others = companions_of(play.lab)
        values = {one.name: chosen(play.on, kind, scene, own)}
        values |= {name: beside(play.on, layer, scene) for name, layer in others.items()}
        self._cut_from = self._place(play)
        return replace(play, lab=replace(play.lab, **values))

    def _place(self, play: Play) -> tuple[Any, ...]:
        """Return what decides whether the inputs must be cut anew."""
        scene = self.scene_of(play.on)
        place = looked_at(play.on, input_kind(play.lab), scene)
        others = tuple(id(layer.volume) for layer in scene.layers[1:]) if companions_of(play.lab) else ()
        return *place, *others

    def _change(self, play: Play) -> None:
        if self.play is not None:
            self.history.changed(self.play, play)
        self.store.put(play)

    def _remember(self, old: Play | None, new: Play | None) -> None:
        if new is not None:
            self._left[new.name] = new
