"""A pane that looks where another looks: the same mm in its middle, at the same scale."""

from dataclasses import replace
from typing import Protocol

from medviz.gui.viewer.sheet import Camera, Sheet
from medviz.imaging.oblique import Section, added
from medviz.imaging.scene import Scene


class Leader(Protocol):
    """What is known of the pane that leads."""

    camera: Camera

    @property
    def scene(self) -> Scene:
        """The scene with both scans."""

    @property
    def section(self) -> Section | None:
        """Where its slice lies in the patient."""

    @property
    def sheet(self) -> Sheet:
        """Where its slice lies on the pane."""

    def look(self, camera: Camera) -> None:
        """Look from elsewhere."""

    def fit(self) -> None:
        """Show the whole slice."""


def led(leader: Leader, section: Section, sheet: Sheet) -> Sheet:
    """Return the sheet of a pane that is led: what is in the middle of the leader's pane is in the middle of this one.

    A second scan that is shifted is looked at where it is shifted to.
    """
    theirs, there, second = leader.sheet, leader.section, leader.scene.second
    if there is None:
        return sheet
    middle = there.to_mm(*theirs.to_slice(theirs.width / 2, theirs.height / 2))
    if second is not None:
        middle = added(middle, second.offset_mm)
    plain = replace(sheet, camera=Camera())
    looking = replace(plain, camera=Camera(theirs.scale / plain.scale))
    x, y = looking.to_screen(*section.to_place(middle)[:2])
    down_mm, across_mm = (y - sheet.height / 2) / looking.scale, (x - sheet.width / 2) / looking.scale
    return replace(sheet, camera=Camera(looking.camera.zoom, down_mm, across_mm))


def lead(leader: Leader, now: Sheet, camera: Camera) -> None:
    """Let the leader look elsewhere by as much as the pane that is led is asked to."""
    if camera == Camera():
        leader.fit()
        return
    theirs = leader.sheet
    leader.look(
        Camera(
            leader.camera.zoom * camera.zoom / now.camera.zoom,
            theirs.camera.down_mm + camera.down_mm - now.camera.down_mm,
            theirs.camera.across_mm + camera.across_mm - now.camera.across_mm,
        )
    )
