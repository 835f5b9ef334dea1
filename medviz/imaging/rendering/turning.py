"""A turn about the whole as pictures, for films and pages without a window."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medviz.imaging.lettering import lettered
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import Renderer, View, Wish
from medviz.imaging.scene import Scene
from medviz.imaging.slices import toward
from medviz.messages import Progress, Work
from medviz.refused import Refused

Picture = NDArray[np.uint8]
START = View()


def turning(
    scene: Scene,
    count: int,
    view: View = START,
    size: tuple[int, int] = (480, 480),
    renderer: Renderer | None = None,
    letters: bool = True,
) -> Work[tuple[Picture, ...]]:
    """Turn a scene once about its upright axis in `count` pictures of `size` (rows, cols, 3); the last meets the first.

    `letters` writes at the edges which side of the patient is there. Without a `renderer` one is made and ended.
    """
    if count < 1:
        raise Refused(f"{count} pictures", "a turn has at least one", "ask for 36")
    made: list[Picture] = []
    studio = Studio() if renderer is None else renderer
    try:
        for number in range(count):
            sight = replace(view.sight, turn=(view.sight.turn + 360.0 * number / count) % 360.0)
            shot = yield from studio.draw(Wish(scene, replace(view, sight=sight), size))
            if shot is None:
                raise Refused("the turn", "a picture of it was given up", "ask for it again")
            made.append(lettered(shot.picture, edge_letters(scene, sight.axes)) if letters else shot.picture)
            yield Progress(number + 1, count, "turning")
    finally:
        if renderer is None:
            studio.close()
    return tuple(made)


def edge_letters(scene: Scene, axes: NDArray[Any]) -> tuple[str, str, str, str]:
    """Letters of the left, right, top and bottom edge of a picture; none where the scan does not say."""
    if scene.scan is None or not scene.scan.oriented:
        return "", "", "", ""
    return toward(-axes[0]), toward(axes[0]), toward(axes[1]), toward(-axes[1])
