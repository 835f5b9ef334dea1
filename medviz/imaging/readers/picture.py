"""PNG, JPEG, TIFF and BMP pictures; a TIFF of many pages is a stack."""

import math
import re
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from medviz.imaging.readers.flat import PICTURE, stack_volume
from medviz.imaging.readers.reader import Description, Reader, described, not_finite, not_finite_in_words
from medviz.imaging.storage import need_room, opening, replacing
from medviz.imaging.synthetic import COMMENT, DESCRIPTION, NOTICE, WORD
from medviz.imaging.volume import Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_GREY = {"1": np.uint8, "L": np.uint8, "I;16": np.uint16, "I;16B": np.uint16, "I;16L": np.uint16,
         "I": np.int32, "F": np.float32}  # fmt: skip
_MOST_PIXELS_PER_BYTE = 12_000
"""Above any real picture: deflate packs 1032 to 1, and a bilevel pixel is an eighth of a byte."""
_UNITS_MM = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "um": 1e-3, "micron": 1e-3, "µm": 1e-3, "\\u00b5m": 1e-3}


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the first bytes; "BM" alone is too little, a bitmap's own size must follow."""
    if head.startswith(b"BM"):
        return len(head) > 26 and path.stat().st_size >= int.from_bytes(head[2:6], "little") > 26
    return head.startswith(_MAGICS)


def describe(path: Path) -> Description:
    """Say what the picture is, from its header."""
    with _opened(path) as picture:
        channels = 0 if picture.mode in _GREY else _channels(picture)
        mm = _pixel_mm(picture)
        pages = int(getattr(picture, "n_frames", 1))
        shape = (picture.width, picture.height, pages)
        dtype = np.dtype(_GREY.get(picture.mode, np.uint8)).name
        return described(
            shape=shape,
            axes="",
            affine=PICTURE @ np.diag([*((mm[1], mm[0]) if mm else (1, 1)), 1, 1]),
            dtype={0: dtype, 3: "rgb24", 4: "rgba32"}[channels],
            calibrated=mm is not None,
            warnings=_doubts(picture),
        )


def read(path: Path) -> Work[Volume]:
    """Read a picture or a stack in its stored type. Three equal channels are read as grey; a palette as colour."""
    with _opened(path) as picture:
        pages = int(getattr(picture, "n_frames", 1))
        mm, doubts, synthetic = _pixel_mm(picture), _doubts(picture), _is_synthetic(picture)
        yield Progress(0, pages, f"reading {path.name}")
        stack: Array | None = None
        for page in range(pages):
            pixels = _page(picture, page, path)
            if stack is None:
                stack = np.empty((pages, *pixels.shape), pixels.dtype)
            if pixels.shape != stack.shape[1:]:
                raise Refused(path, f"page {page + 1} differs in size or colour from the first", "split the file")
            stack[page] = pixels
            yield Progress(page + 1, pages, f"reading {path.name}")
    assert stack is not None
    if stack.ndim == 4 and _is_grey(stack):
        stack = np.ascontiguousarray(stack[..., 0])
        doubts = (*doubts, "its three colour channels are equal; it is shown as grey")
    doubts = (*doubts, *not_finite_in_words(not_finite(stack)))
    return replace(stack_volume(stack, path.name, "Picture", stack.dtype, mm, doubts), synthetic=synthetic)


def read_numbers(path: Path) -> Work[Volume]:
    """Read a label map that was saved as a picture: of a palette the numbers, not the colours they stand for."""
    with _opened(path) as picture:
        indexed = picture.mode == "P" and int(getattr(picture, "n_frames", 1)) == 1
        numbers = np.asarray(picture) if indexed else None
    if numbers is None:
        return (yield from read(path))
    yield Progress(1, 1, f"reading {path.name}")
    return stack_volume(numbers[np.newaxis], path.name, "Picture", numbers.dtype)


def write(volume: Volume, path: Path) -> None:
    """Write a volume of one slice as the picture that the axial plane shows; nothing else fits into a picture."""
    if volume.shape[2] != 1 or volume.frames != 1:
        raise Refused(path, f"{volume.shape[2]} slices do not fit into one picture", "write .nii.gz or render a slice")
    colour = volume.kind == "colour"
    pixels = volume.voxels[:, ::-1, ::-1, 0].T if colour else volume.voxels[0, ::-1, ::-1, 0].T
    write_pixels(pixels, path, volume.synthetic)


def write_pixels(pixels: Array, path: Path, synthetic: bool = False) -> None:
    """Write (rows, cols) of uint8 or uint16, or (rows, cols, 3 or 4) of uint8, as a picture.

    A PNG of what is `synthetic` says so in its texts.
    """
    fits = pixels.dtype == np.uint8 or (pixels.dtype == np.uint16 and pixels.ndim == 2)
    if not fits:
        raise Refused(path, f"pixels of {pixels.dtype} do not fit into a picture", "write .npy or .nii.gz")
    formats = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
    kind = formats.get(path.suffix.lower(), "PNG")
    texts = {"pnginfo": marks()} if synthetic and kind == "PNG" else {}
    with replacing(path) as file:
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, kind, **texts)


def marks() -> PngImagePlugin.PngInfo:
    """Return the texts by which a PNG of a synthetic picture is known."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Description", DESCRIPTION.decode())
    texts.add_text("Comment", COMMENT.decode())
    return texts


READER = Reader("Picture", sniff, read, describe, write)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture, its declared size held against the file's and the free memory."""
    with opening(path):
        held = path.stat().st_size
        try:
            with python_warnings.catch_warnings():
                python_warnings.simplefilter("ignore")  # Pillow's own guard against large pictures; ours follows
                picture = Image.open(path)
        except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError) as problem:
            raise Refused(path, "the picture is damaged or larger than any real one", "save it anew") from problem
        with picture:
            pixels = picture.width * picture.height
            if pixels > held * _MOST_PIXELS_PER_BYTE:
                fault = f"its header declares {picture.width}×{picture.height} pixels in {held} bytes"
                raise Refused(path, fault, "it is damaged, copy it again")
            need_room(path, pixels * 4 * int(getattr(picture, "n_frames", 1)))
            yield picture


def _page(picture: Image.Image, page: int, path: Path) -> Array:
    try:
        if page:
            picture.seek(page)
        upright = ImageOps.exif_transpose(picture) or picture
        if upright.mode in _GREY:
            return np.asarray(upright, _GREY[upright.mode])
        return np.asarray(upright.convert("RGBA" if _channels(upright) == 4 else "RGB"))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as problem:
        raise Refused(path, f"the picture is cut short or damaged ({problem})", "copy it again") from problem


def _channels(picture: Image.Image) -> int:
    return 4 if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info else 3


def _is_grey(stack: Array) -> bool:
    return stack.shape[3] == 3 and all(np.array_equal(stack[..., 0], stack[..., other]) for other in (1, 2))


def _doubts(picture: Image.Image) -> tuple[str, ...]:
    turned = picture.getexif().get(0x0112, 1)
    said = ("the camera's orientation tag turns the picture; it is shown turned",) if turned not in (0, 1) else ()
    return (NOTICE, *said) if _is_synthetic(picture) else said


def _is_synthetic(picture: Image.Image) -> bool:
    """Tell whether one of a PNG's texts says so."""
    said = [str(picture.info.get(name, "")) for name in ("Description", "Comment")]
    return said[1] == COMMENT.decode() or said[0].lower().startswith(WORD)


def _pixel_mm(picture: Image.Image) -> tuple[float, float] | None:
    """Height and width of a pixel where a TIFF gives it per centimetre or by ImageJ.

    Dots per inch are not taken: programs put 72, 96 or 300 there for the printer.
    """
    tags = getattr(picture, "tag_v2", None)
    if tags is None:
        return None
    unit = re.search(r"^unit=(\S+)", str(tags.get(270, "")), re.MULTILINE)
    size_mm = _UNITS_MM.get(unit.group(1)) if unit else 10.0 if tags.get(296) == 3 else None
    try:
        across, down = float(tags.get(282, 0)), float(tags.get(283, 0))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sound = all(math.isfinite(number) and number > 0 for number in (across, down))
    return (size_mm / down, size_mm / across) if size_mm and sound else None
