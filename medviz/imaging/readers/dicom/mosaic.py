"""Siemens mosaics: one picture that holds all slices of a volume as tiles."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

Triple = tuple[float, float, float]
_NUMBER_OF_IMAGES = (0x0019, 0x100A)
_CSA = (0x0029, 0x1010)


@dataclass(frozen=True)
class Tiles:
    """`count` tiles of `rows` by `columns` in a mosaic of `side` tiles a row; `normal` points along the slices."""

    count: int
    rows: int
    columns: int
    side: int
    normal: Triple | None
    step_mm: float

    def places(
        self, position: Triple | None, across: Triple | None, down: Triple | None, spacing: tuple[float, float] | None
    ) -> Iterator[tuple[Triple | None, tuple[int, int, int, int]]]:
        """Yield the position of each tile's first pixel and (top, left, rows, columns).

        The header's position is that of the whole mosaic as if it were one slice, so the first tile lies half the
        difference of the two sizes further in.
        """
        for number in range(self.count):
            top, left = divmod(number, self.side)
            tile = (top * self.rows, left * self.columns, self.rows, self.columns)
            if position is None or across is None or down is None or spacing is None:
                yield None, tile
                continue
            inward = np.asarray(across) * spacing[1] * self.columns + np.asarray(down) * spacing[0] * self.rows
            normal = np.asarray(self.normal or tuple(np.cross(across, down)))
            at = np.asarray(position) + inward * (self.side - 1) / 2 + normal * self.step_mm * number
            yield (float(at[0]), float(at[1]), float(at[2])), tile


def tiles_of(data: Dataset) -> Tiles | None:
    """Return how a mosaic is laid out, None where the picture is none."""
    if "MOSAIC" not in [str(part).upper() for part in data.get("ImageType") or ()]:
        return None
    csa = _csa(data)
    count = _count(data, csa)
    if count < 2:
        return None
    side = math.ceil(math.sqrt(count))
    normal = csa.get("SliceNormalVector", ())
    step = data.get("SpacingBetweenSlices") or data.get("SliceThickness") or 1.0
    return Tiles(
        count=count,
        rows=int(data.Rows) // side,
        columns=int(data.Columns) // side,
        side=side,
        normal=(normal[0], normal[1], normal[2]) if len(normal) == 3 else None,
        step_mm=abs(float(step)),
    )


def _count(data: Dataset, csa: dict[str, tuple[float, ...]]) -> int:
    if _NUMBER_OF_IMAGES in data:
        value = data[_NUMBER_OF_IMAGES].value
        if isinstance(value, bytes):
            return int(struct.unpack("<H", value[:2])[0]) if len(value) >= 2 else 0
        return int(value)
    return int(csa.get("NumberOfImagesInMosaic", (0,))[0])


def _csa(data: Dataset) -> dict[str, tuple[float, ...]]:
    """Read the numbers of a Siemens CSA2 header ("SV10"); empty where there is none or it is damaged."""
    raw = data[_CSA].value if _CSA in data else b""
    if not isinstance(raw, bytes) or raw[:4] != b"SV10":
        return {}
    found: dict[str, tuple[float, ...]] = {}
    try:
        (count,) = struct.unpack_from("<I", raw, 8)
        place = 16
        for _ in range(min(count, 1000)):
            name, _, _, _, items, _ = struct.unpack_from("<64si4siii", raw, place)
            place += 84
            numbers = []
            for _ in range(items):
                _, length, _, _ = struct.unpack_from("<4i", raw, place)
                place += 16
                text = raw[place : place + length].split(b"\0")[0].decode("latin-1").strip()
                place += (length + 3) // 4 * 4
                numbers += _as_number(text)
            found[name.split(b"\0")[0].decode("latin-1")] = tuple(numbers)
    except (struct.error, UnicodeDecodeError):
        return found
    return found


def _as_number(text: str) -> list[float]:
    try:
        return [float(text)]
    except ValueError:
        return []
