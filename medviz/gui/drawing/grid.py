"""Where cells lie on the screen: plain arithmetic, no widget."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""x, y, width, height."""


@dataclass(frozen=True)
class Grid:
    """`rows` by `cols` cells, of which `seen` (in cells: first col, first row, cols, rows) fills `area` (in px)."""

    rows: int
    cols: int
    area: Box
    seen: Box

    @property
    def cell_px(self) -> tuple[float, float]:
        """Width and height of a cell in px."""
        return self.area[2] / max(self.seen[2], 1e-9), self.area[3] / max(self.seen[3], 1e-9)

    def box(self, row: float, col: float, height: float = 1, width: float = 1) -> Box:
        """Return where a rectangle of cells lies, in px."""
        wide, high = self.cell_px
        x, y = self.area[0] + (col - self.seen[0]) * wide, self.area[1] + (row - self.seen[1]) * high
        return x, y, width * wide, height * high

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the (row, col) under a place in px, None beside the grid."""
        left, top, width, height = self.area
        if not (left <= x < left + width and top <= y < top + height):
            return None
        wide, high = self.cell_px
        row, col = int(self.seen[1] + (y - top) / high), int(self.seen[0] + (x - left) / wide)
        return (row, col) if 0 <= row < self.rows and 0 <= col < self.cols else None

    def place_at(self, x: float, y: float) -> tuple[float, float]:
        """Return (row, col) with its fraction under a place in px; beside the grid, the nearest edge of it."""
        (left, top, width, height), (wide, high) = self.area, self.cell_px
        inside = min(max(x, left), left + width), min(max(y, top), top + height)
        return self.seen[1] + (inside[1] - top) / max(high, 1e-9), self.seen[0] + (inside[0] - left) / max(wide, 1e-9)

    def visible(self) -> tuple[range, range]:
        """Rows and columns of which at least a part is seen."""
        col, row, width, height = self.seen
        last_row, last_col = min(self.rows, int(row + height) + 1), min(self.cols, int(col + width) + 1)
        return range(max(0, int(row)), last_row), range(max(0, int(col)), last_col)


def fitted(rows: int, cols: int, ratio: float, room: Box, seen: Box | None, whole_px: bool) -> Grid:
    """Fit the grid into the middle of a room; `ratio` is a cell's height over its width.

    `whole_px` makes small grids crisp: every cell has the same whole number of px, and the grid begins under its title.
    """
    across, down = (cols, rows * ratio) if seen is None else (seen[2], seen[3] * ratio)
    scale = min(room[2] / max(across, 1e-9), room[3] / max(down, 1e-9))
    scale = max(scale, 0.0)
    if whole_px and scale >= 4:
        scale = float(int(scale))
    width, height = across * scale, down * scale
    x, y = room[0] + (room[2] - width) / 2, room[1] + (room[3] - height) / 2
    if whole_px:
        x, y = float(round(room[0])), float(round(room[1]))
    return Grid(rows, cols, (x, y, width, height), seen or (0.0, 0.0, float(cols), float(rows)))


def zoomed(seen: Box, at: tuple[float, float], factor: float, rows: int, cols: int) -> Box:
    """Zoom about a place (col, row as fractions of what is seen); never beyond the grid, never under 4 cells."""
    least = min(4.0 / max(cols, 1), 4.0 / max(rows, 1), 1.0)
    share = min(1.0, max(least, min(seen[2] / max(cols, 1), 1.0) / factor))
    width, height = cols * share, rows * share
    x, y = seen[0] + at[0] * (seen[2] - width), seen[1] + at[1] * (seen[3] - height)
    return kept_inside((x, y, width, height), rows, cols)


def kept_inside(seen: Box, rows: int, cols: int) -> Box:
    """Push what is seen back inside the grid."""
    x = min(max(0.0, seen[0]), max(0.0, cols - seen[2]))
    y = min(max(0.0, seen[1]), max(0.0, rows - seen[3]))
    return x, y, seen[2], seen[3]
