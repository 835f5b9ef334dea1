"""Who gets how much room: a pure function from an arrangement and what the figures need to rectangles.

What an arrangement says is read in `arrangement.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from medviz.gui.drawing.arrangement import Leaf, Nest, Node, Sign, names_in, row_of

Box = tuple[float, float, float, float]

GAP, TIGHT_GAP = 16, 8
LEAST_CELL, MOST_CELL = 28, 64
_TOP = 24.0
"""Spare height above the first row: examples of one lab begin at the same place."""
LEAST_READ = 160.0
"""Width below which no text can be read."""


@dataclass(frozen=True)
class Need:
    """What room a figure needs, in px.

    `frame` is what title, names and bars take around the content. Exactly one of these says what the content is:
    `cells` (cols, rows) of one size common to the board; `aspect` (width over height) of a picture; `height_for` the
    width of a text; none of them is a plot, which takes what it gets. `least` is what is legible at all, `most_high`
    and `most_wide` beyond which more is of no use.
    """

    frame: tuple[float, float] = (0, 0)
    cells: tuple[int, int] | None = None
    aspect: float | None = None
    height_for: Callable[[float], float] | None = None
    least: tuple[float, float] = (0, 0)
    most_high: float | None = None
    most_wide: float | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Plan:
    """Where everything goes; `size` is larger than the room where the room was too small."""

    boxes: Mapping[str, Box]
    signs: tuple[tuple[str, Box], ...]
    size: tuple[float, float]
    cell: float


def stacked(tree: Nest, needs: Mapping[str, Need], width: float, gap: float = GAP) -> Nest:
    """Put texts that share a row below each other where they take less height so (narrow texts wrap)."""
    parts: list[Node] = []
    for part in tree.parts:
        inner = part.parts if isinstance(part, Nest) else ()
        heights = [needs[one.name].height_for for one in inner if isinstance(one, Leaf)]
        texts = [height for height in heights if height is not None]
        if len(inner) > 1 and len(texts) == len(inner):
            beside = max(height((width - gap * (len(inner) - 1)) / len(inner)) for height in texts)
            below = sum(height(width) for height in texts) + gap * (len(inner) - 1)
            parts.extend([Nest((one,), False) for one in inner] if below < beside else [part])
        else:
            parts.append(part)
    return Nest(tuple(parts), tree.column)


def widened(tree: Nest, needs: Mapping[str, Need]) -> Nest:
    """Put two rows of figures side by side, for a room that is wide and low; rows of texts stay as they are."""
    parts: list[Node] = []
    pairs: set[int] = set()
    for part in tree.parts:
        figures = [name for name in names_in(part) if needs[name].height_for is None]
        before = names_in(parts[-1]) if parts else []
        alone = bool(before) and len(parts) - 1 not in pairs
        if figures and alone and all(needs[name].height_for is None for name in before):
            pairs.add(len(parts) - 1)
            parts[-1] = Nest((parts[-1], part), False)
        else:
            parts.append(part)
    return Nest(tuple(parts), tree.column)


def wrapped(tree: Nest, needs: Mapping[str, Need], width: float, scale: "Scale") -> Nest:
    """Break rows that are wider than the room even at the smallest sizes, rather than scroll sideways."""
    table = _Table(needs, float(scale.least_cell), 0.0, scale)
    parts: list[Node] = []
    for part in tree.parts:
        row: list[Node] = []
        for one in part.parts if isinstance(part, Nest) and not part.column else (part,):
            if row and table.least(Nest((*row, one), False), width)[0] > width:
                parts.append(row_of(row))
                row = []
            row.append(one)
        parts.append(row_of(row))
    return Nest(tuple(part for part in parts if isinstance(part, Nest) and part.parts), tree.column)


@dataclass(frozen=True)
class Scale:
    """Sizes in px that follow the type: the smallest and the largest cell, signs, and gaps."""

    least_cell: int = LEAST_CELL
    most_cell: int = MOST_CELL
    sign: float = 28
    gap: float = GAP


def arranged(tree: Nest, needs: Mapping[str, Need], room: tuple[float, float], scale: Scale | None = None) -> Plan:
    """Share a room among the figures: cells all of one size, the rest by weight, nothing smaller than legible.

    The cells take the largest size that leaves the growing figures comfortable (a third of the room's height and
    more for the weightiest); where even the smallest does not fit the plan is larger than the room and the board
    scrolls, sideways only where nothing else helps.
    """
    width, height = room
    scale = scale or Scale()
    grows = any(need.aspect or (not need.cells and not need.height_for) for need in needs.values())
    start = max(scale.least_cell, round(scale.most_cell * (0.72 if grows else 1.0)))
    for comfort in (0.46, 0.4, 0.36, 0.33) if grows else (0.0,):
        for cell in range(start, scale.least_cell - 1, -2):
            table = _Table(needs, float(cell), comfort * height, scale)
            least = table.least(tree, width)
            if least[0] <= width and least[1] <= height:
                return table.plan(tree, room)
    for comfort in (0.4, 0.3, 0.2, 0.1, 0.0):
        table = _Table(needs, float(scale.least_cell), comfort * height, scale)
        if table.least(tree, width)[0] <= width:
            break
    wide = max(width, table.least(tree, width)[0])
    return table.plan(tree, (wide, max(height, table.least(tree, wide)[1])))


@dataclass
class _Table:
    needs: Mapping[str, Need]
    cell: float
    comfort: float
    scale: Scale
    boxes: dict[str, Box] = field(default_factory=dict)
    signs: list[tuple[str, Box]] = field(default_factory=list)

    @property
    def weightiest(self) -> float:
        """The largest weight of a figure that grows."""
        growing = (need.weight for need in self.needs.values() if not need.cells and not need.height_for)
        return max(growing, default=1.0)

    def plan(self, tree: Nest, room: tuple[float, float]) -> Plan:
        self._place(tree, (0.0, 0.0, *room))
        return Plan(dict(self.boxes), tuple(self.signs), room, self.cell)

    # What a node cannot do without

    def least(self, node: Node, width: float) -> tuple[float, float]:
        if isinstance(node, Sign):
            return self.scale.sign, self.scale.sign
        if isinstance(node, Nest):
            return self._least_nest(node, width)
        need = self.needs[node.name]
        if need.cells:
            wide = max(need.least[0], need.frame[0] + need.cells[0] * self.cell)
            return ceil(wide), ceil(need.frame[1] + need.cells[1] * self.cell)
        if need.height_for:
            return min(max(need.least[0], LEAST_READ), width), need.height_for(width)
        share = need.weight / self.weightiest
        high = max(need.least[1], self.comfort * share if need.most_high is None else 0.0)
        wide = max(need.least[0], need.frame[0] + (high - need.frame[1]) * need.aspect * 0.8) if need.aspect else 0.0
        return max(wide, need.least[0]), high

    def _least_nest(self, node: Nest, width: float) -> tuple[float, float]:
        gaps = self.scale.gap * max(0, len(node.parts) - 1)
        if node.column:
            sizes = [self.least(part, width) for part in node.parts]
            return max((w for w, _ in sizes), default=0), sum(h for _, h in sizes) + gaps
        fixed = [self.least(part, width) for part in node.parts if not self._reads(part)]
        texts = [part for part in node.parts if self._reads(part)]
        taken = sum(w for w, _ in fixed) + gaps
        share = max((width - taken) / len(texts), LEAST_READ) if texts else 0.0
        sizes = fixed + [self.least(part, share) for part in texts]
        return sum(w for w, _ in sizes) + gaps, max((h for _, h in sizes), default=0)

    def _reads(self, node: Node) -> bool:
        return isinstance(node, Leaf) and self.needs[node.name].height_for is not None

    # Who grows

    def _grows_wide(self, node: Node) -> bool:
        if isinstance(node, Nest):
            return any(self._grows_wide(part) for part in node.parts)
        return isinstance(node, Leaf) and self.needs[node.name].cells is None

    def _grows_high(self, node: Node) -> bool:
        if isinstance(node, Nest):
            return any(self._grows_high(part) for part in node.parts)
        if isinstance(node, Sign):
            return False
        need = self.needs[node.name]
        return need.cells is None and need.height_for is None

    def _weight(self, node: Node) -> float:
        if isinstance(node, Leaf):
            return max(node.weight if node.weight is not None else self.needs[node.name].weight, 0.01)
        if isinstance(node, Nest):
            inner = [self._weight(part) for part in node.parts]
            return max(inner, default=0.0) if node.column else sum(inner)
        return 0.0

    def _high_weight(self, node: Node) -> float:
        """Weight in the sharing of height: a row counts as its weightiest growing figure."""
        if isinstance(node, Nest):
            inner = [self._high_weight(part) for part in node.parts]
            return sum(inner) if node.column else max(inner, default=0.0)
        return self._weight(node) if self._grows_high(node) else 0.0

    def _useful_width(self, node: Node, height: float) -> float:
        """Beyond this width a node of this height only shows emptiness."""
        if isinstance(node, Leaf) and (most := self.needs[node.name].most_wide) is not None:
            return most
        if isinstance(node, Leaf) and (aspect := self.needs[node.name].aspect):
            frame = self.needs[node.name].frame
            return frame[0] + max(0.0, height - frame[1]) * aspect
        if isinstance(node, Nest):
            inner = [self._useful_width(part, height) for part in node.parts]
            if node.column:
                return max(inner, default=0.0)
            return sum(inner) + self.scale.gap * max(0, len(node.parts) - 1)
        return self.least(node, 1e4)[0] if not self._grows_wide(node) else float("inf")

    def _useful_height(self, node: Node, width: float) -> float:
        """Beyond this height a node of this width only shows emptiness."""
        if isinstance(node, Leaf):
            need = self.needs[node.name]
            if need.aspect:
                return need.frame[1] + max(0.0, width - need.frame[0]) / need.aspect
            if need.most_high is not None:
                return need.most_high
        if isinstance(node, Nest) and node.column:
            inner = [self._useful_height(part, width) for part in node.parts]
            return sum(inner) + self.scale.gap * max(0, len(node.parts) - 1)
        if isinstance(node, Nest):
            return self._useful_row(node, width)
        return float("inf") if self._grows_high(node) else self.least(node, width)[1]

    def _useful_row(self, node: Nest, width: float) -> float:
        """Height at which pictures fill the row; plots have no limit, tables and bars their own."""
        low, high = self.least(node, width)[1], 4000.0
        growing = [part for part in node.parts if self._grows_high(part)]
        pictured = [part for part in growing if self._pictured(part)]
        others = [self._useful_height(part, width) for part in growing if part not in pictured]
        if not growing or not pictured or float("inf") in others:
            return max([low, *others])
        if self._useful_width(node, high) >= width:
            for _ in range(24):
                middle = (low + high) / 2
                low, high = (middle, high) if self._useful_width(node, middle) < width else (low, middle)
        return max([high, *others])

    def _pictured(self, node: Node) -> bool:
        if isinstance(node, Nest):
            return any(self._pictured(part) for part in node.parts)
        return isinstance(node, Leaf) and self.needs[node.name].aspect is not None

    # Placing

    def _place(self, node: Node, box: Box) -> None:
        if isinstance(node, Leaf):
            self.boxes[node.name] = self._trimmed(node, box)
        elif isinstance(node, Sign):
            self.signs.append((node.text, box))
        elif node.column:
            self._place_column(node, box)
        else:
            self._place_row(node, box)

    def _trimmed(self, node: Leaf, box: Box) -> Box:
        """Take only the room that is of use, in the middle."""
        x, y, width, height = box
        wide = min(width, self._useful_width(node, height))
        high = min(height, self._useful_height(node, wide) if self._grows_high(node) else self.least(node, wide)[1])
        return x + (width - wide) / 2, y + (height - high) / 2, wide, high

    def _place_column(self, node: Nest, box: Box) -> None:
        x, y, width, height = box
        least = [self.least(part, width)[1] for part in node.parts]
        most = [self._useful_height(part, width) for part in node.parts]
        weights = [self._high_weight(part) for part in node.parts]
        heights = shared(height - self.scale.gap * max(0, len(least) - 1), least, most, weights)
        spare = height - sum(heights) - self.scale.gap * max(0, len(least) - 1)
        y += min(max(0.0, spare * 0.3), _TOP)
        for part, high in zip(node.parts, heights, strict=True):
            self._place(part, (x, y, width, high))
            y += high + self.scale.gap

    def _place_row(self, node: Nest, box: Box) -> None:
        x, y, width, height = box
        most = [self._useful_width(part, height) for part in node.parts]
        wishes = [self.least(part, width)[0] for part in node.parts]
        least = [min(pair) for pair in zip(wishes, most, strict=True)]
        weights = [self._weight(part) if self._grows_wide(part) else 0.0 for part in node.parts]
        widths = shared(width - self.scale.gap * max(0, len(least) - 1), least, most, weights)
        x += max(0.0, (width - sum(widths) - self.scale.gap * max(0, len(widths) - 1)) / 2)
        for part, wide in zip(node.parts, widths, strict=True):
            self._place(part, (x, y, wide, height))
            x += wide + self.scale.gap


def shared(room: float, least: Sequence[float], most: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Share a length by weight between what each needs at least and what it can use at most."""
    got = list(least)
    open_ones = {place for place, weight in enumerate(weights) if weight > 0}
    while open_ones:
        fixed = sum(length for place, length in enumerate(got) if place not in open_ones)
        total = sum(weights[place] for place in open_ones)
        wish = {place: (room - fixed) * weights[place] / total for place in open_ones}
        low = {place for place in open_ones if wish[place] <= least[place]}
        high = {place for place in open_ones if wish[place] >= most[place]}
        lack = sum(least[place] - wish[place] for place in low)
        surplus = sum(wish[place] - most[place] for place in high)
        settled = low if low and lack >= surplus else high
        if not settled:
            for place in open_ones:
                got[place] = wish[place]
            break
        for place in settled:
            got[place] = least[place] if settled is low else most[place]
        open_ones -= settled
    return got
