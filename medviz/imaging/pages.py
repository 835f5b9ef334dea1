"""Many slices of one plane, page by page: which slices lie on the page that holds the cursor."""

from dataclasses import dataclass, replace

from medviz.imaging.oblique import Section, added, reach_mm, scaled, straight
from medviz.imaging.scene import Scene


@dataclass(frozen=True)
class Page:
    """The slices of one page in reading order, from the top, front or right of the patient on.

    `now` is the number among them of the slice nearest to the cursor. `number` of `many` pages counts from 0.
    """

    sections: tuple[Section, ...]
    now: int
    number: int
    many: int
    step_mm: float


def page_of(scene: Scene) -> Page | None:
    """Lay out the page that holds the cursor; None in an empty scene."""
    box = scene.lightbox
    middle = scene.section(box.plane)
    if middle is None or scene.scan is None:
        return None
    stride = stride_of(scene, middle)
    places = range(middle.many - 1, -1, -stride)
    nearest = min(range(len(places)), key=lambda number: abs(places[number] - middle.index))
    size = box.rows * box.columns
    number = nearest // size
    shown = tuple(_at(scene, middle, index) for index in places[number * size : (number + 1) * size])
    return Page(shown, nearest % size, number, -(-len(places) // size), stride * middle.step_mm)


def stride_of(scene: Scene, section: Section) -> int:
    """Slices from one to the next that is laid out."""
    return max(1, round(scene.lightbox.step_mm / max(section.step_mm, 1e-6)))


def _at(scene: Scene, middle: Section, index: int) -> Section:
    if middle.straight:
        assert scene.scan is not None
        return straight(scene.scan, middle.plane, index, scene.radiological)
    return replace(middle.moved(scaled(middle.step, index - middle.index)), index=index)


def turned_to(scene: Scene, pages: int) -> Scene:
    """Go so many pages on: the cursor moves to the same place of another page, or to the last slice there is."""
    page = page_of(scene)
    if page is None or scene.scan is None or not page.sections:
        return scene
    size = scene.lightbox.rows * scene.lightbox.columns
    middle = scene.section(scene.lightbox.plane)
    assert middle is not None
    last = (middle.many - 1) // stride_of(scene, middle)  # slices are counted from the far end
    here = page.number * size + page.now
    wanted = min(max(here + pages * size, 0), last)
    far_mm = (here - wanted) * page.step_mm
    back, forth = reach_mm(scene.scan, scene.cursor, middle.normal)
    return scene.at(added(scene.cursor, scaled(middle.normal, min(max(far_mm, back), forth))))
