"""Where a slice lies on a pane: millimetres to screen pixels and back, the same scale down and across."""

from dataclasses import dataclass, replace
from functools import cached_property

MARGIN_PX = 6
ZOOM_MOST, ZOOM_LEAST = 64.0, 0.2


@dataclass(frozen=True)
class Camera:
    """How a pane is looked at: `zoom` times what fits, moved by mm from the middle of what fits."""

    zoom: float = 1.0
    down_mm: float = 0.0
    across_mm: float = 0.0


Box = tuple[float, float, float, float]
"""Top, bottom, left and right edge in rows and columns; the whole slice is (0, rows, 0, cols)."""


@dataclass(frozen=True)
class Sheet:
    """A slice of `rows` by `cols` pixels of `mm` (height, width) laid on a pane of `width` by `height` screen pixels.

    Rows and columns are counted from the centre of the top left pixel, as everywhere in `slices`. `box` is the part
    that fills the pane at zoom 1: the head, not the air around it.
    """

    rows: int
    cols: int
    mm: tuple[float, float]
    width: int
    height: int
    camera: Camera = Camera()
    box: Box | None = None

    @property
    def fitted(self) -> Box:
        """The part that fills the pane at zoom 1."""
        return self.box or (0.0, float(self.rows), 0.0, float(self.cols))

    @cached_property
    def scale(self) -> float:
        """Screen pixels a mm, the same down and across: a round thing is round on the screen."""
        top, bottom, left, right = self.fitted
        wide = max(self.width - 2 * MARGIN_PX, 1) / ((right - left) * self.mm[1])
        high = max(self.height - 2 * MARGIN_PX, 1) / ((bottom - top) * self.mm[0])
        return min(wide, high) * self.camera.zoom

    @cached_property
    def place(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the whole slice on the pane."""
        wide, high = self.cols * self.mm[1] * self.scale, self.rows * self.mm[0] * self.scale
        first, last, near, far = self.fitted
        middle_across = (near + far) / 2 * self.mm[1] + self.camera.across_mm
        middle_down = (first + last) / 2 * self.mm[0] + self.camera.down_mm
        return self.width / 2 - middle_across * self.scale, self.height / 2 - middle_down * self.scale, wide, high

    def to_screen(self, row: float, col: float) -> tuple[float, float]:
        """Place (x, y) on the pane of a row and column of the slice."""
        left, top, _, _ = self.place
        return left + (col + 0.5) * self.mm[1] * self.scale, top + (row + 0.5) * self.mm[0] * self.scale

    def to_slice(self, x: float, y: float) -> tuple[float, float]:
        """Row and column of the slice under a place on the pane."""
        left, top, _, _ = self.place
        return (y - top) / (self.mm[0] * self.scale) - 0.5, (x - left) / (self.mm[1] * self.scale) - 0.5

    def zoomed(self, factor: float, x: float, y: float) -> Camera:
        """Return the camera after a zoom that keeps what is under (x, y) where it is."""
        zoom = min(max(self.camera.zoom * factor, ZOOM_LEAST), ZOOM_MOST)
        row, col = self.to_slice(x, y)
        there = replace(self, camera=replace(self.camera, zoom=zoom))
        now_x, now_y = there.to_screen(row, col)
        return there.panned(x - now_x, y - now_y)

    def panned(self, dx: float, dy: float) -> Camera:
        """Return the camera after the slice was dragged by screen pixels; its edge never passes the middle."""
        half_down, half_across = self.rows * self.mm[0] / 2, self.cols * self.mm[1] / 2
        return replace(
            self.camera,
            down_mm=min(max(self.camera.down_mm - dy / self.scale, -half_down), half_down),
            across_mm=min(max(self.camera.across_mm - dx / self.scale, -half_across), half_across),
        )
