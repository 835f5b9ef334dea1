"""One renderer for all tests of a file; it is ended with them."""

from collections.abc import Iterator

import pytest

from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import View
from tests.imaging.rendering.phantoms import ball, scene, shot


@pytest.fixture(scope="module")
def by_vtk() -> Iterator[Studio]:
    """A renderer by VTK; skips where VTK cannot draw."""
    studio = Studio()
    said: list[object] = []
    shot(studio, scene(ball()[0]), View(), (24, 24), hear=said.append)
    if studio.simple:
        studio.close()
        pytest.skip(f"VTK cannot draw here: {said[-1]}")
    process = studio.process
    yield studio
    studio.close()
    assert process is not None and not process.alive, "the process that renders was left behind"
