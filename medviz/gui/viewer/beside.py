"""The second scan's own door to the scene: its panes see it as a scene of its own, and put into the one."""

from medviz.gui.store import Store
from medviz.imaging.scene import Scene

EMPTY = Scene()


class Beside(Store[Scene]):
    """A Store whose state is what the first one's scene says about the second scan."""

    def __init__(self, first: Store[Scene]) -> None:
        super().__init__(first.state.beside or EMPTY)
        self._first = first
        self.leave = first.listen(self._heard)

    def put(self, state: Scene) -> None:
        """Take what a hand did in a pane of the second scan over into the scene."""
        scene = self._first.state
        if scene.second is not None:
            self._first.put(scene.from_beside(state))

    def _heard(self, old: Scene, new: Scene) -> None:
        super().put(new.beside or EMPTY)
