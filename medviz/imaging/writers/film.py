"""Films: pictures one after the other as an animated GIF (Pillow) or an MP4 (ffmpeg, where there is one)."""

import io
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medviz.catalog import Catalog, Entry
from medviz.imaging.storage import need_room, putting, replacing
from medviz.messages import Progress, Work
from medviz.refused import Refused

Picture = NDArray[np.uint8]
ENDINGS = (".gif", ".mp4")
FASTEST = 50.0
MOST_FRAMES = 5000
# imageio-ffmpeg brings a program of its own: BSD-2-Clause the package, GPL the ffmpeg in it. It is never imported as a
# library but run, and it is not among what medviz installs.
_BRINGERS: Catalog[Any] = Catalog(
    "bringer of ffmpeg", "medviz.ffmpeg", {"imageio_ffmpeg": Entry("imageio_ffmpeg:get_ffmpeg_exe")}
)
_CODECS = (
    ("libx264", ("-crf", "18", "-preset", "medium")),
    ("libopenh264", ("-b:v", "8M")),
    ("h264_videotoolbox", ("-b:v", "8M")),
    ("mpeg4", ("-q:v", "3")),
)


def write_film(pictures: Iterable[Picture], path: Path, fps: float, total: int) -> Work[Path]:
    """Write pictures (rows, cols, 3) of one size as they come, whole or not at all; yields Progress, returns the path.

    Stopped halfway it leaves what stood there before. Refused for a speed no film has, and for an MP4 without ffmpeg.
    """
    if not 0.1 <= fps <= FASTEST:
        raise Refused(f"{fps:g} pictures a second", "no film runs so", f"take 0.1 to {FASTEST:g}")
    if not 1 <= total <= MOST_FRAMES:
        raise Refused(path, f"it would have {total} pictures", f"take 1 to {MOST_FRAMES}")
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise Refused(path, "a film is written as .gif or .mp4", "choose one of these endings")
    if ending == ".mp4":
        encoder()
    with putting(path) as waiting:
        yield from (_gif if ending == ".gif" else _mp4)(pictures, waiting, fps, total)
    return path


def write_still(picture: Picture, path: Path) -> Path:
    """Write one picture (rows, cols, 3) as PNG, whole or not at all."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    with replacing(path) as file:
        file.write(buffer.getvalue())
    return path


def can_mp4() -> bool:
    """Tell whether an MP4 can be written here."""
    try:
        encoder()
    except Refused:
        return False
    return True


def encoder() -> tuple[str, str, tuple[str, ...]]:
    """Return the ffmpeg there is, the name of its best codec and that codec's settings; Refused where there is none."""
    program = _program()
    if program is None:
        raise Refused("MP4", "there is no ffmpeg on this machine", "install ffmpeg, or 'pip install imageio-ffmpeg'; "
                      "a GIF needs neither")  # fmt: skip
    listed = _codecs(program)
    for name, settings in _CODECS:
        if name in listed:
            return program, name, settings
    raise Refused("MP4", "the ffmpeg of this machine can encode no MP4", "pip install imageio-ffmpeg")


def _program() -> str | None:
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        return str(_BRINGERS["imageio_ffmpeg"]())
    except (ImportError, RuntimeError):
        return None


@lru_cache(maxsize=4)
def _codecs(program: str) -> frozenset[str]:
    try:
        done = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    lines = done.stdout.decode(errors="replace").splitlines()
    return frozenset(words[1] for words in map(str.split, lines) if len(words) > 1)


def _gif(pictures: Iterable[Picture], path: Path, fps: float, total: int) -> Work[None]:
    """All pictures share one palette: all 256 greys where all is grey, else the commonest colours.

    A palette for each picture would show more colours, but Pillow mixes them up where it writes only what has changed.
    """
    drawn: list[Picture] = []
    for number, picture in enumerate(pictures):
        if number == 0:
            need_room(path, 5 * total * picture.shape[0] * picture.shape[1])
        yield Progress(number, 2 * total, "drawing")
        drawn.append(np.ascontiguousarray(picture))
    _need_pictures(drawn, path)
    palette = None if all(map(_is_grey, drawn)) else _palette(drawn)
    made = []
    for number, picture in enumerate(drawn):
        yield Progress(total + number, 2 * total, f"writing {path.name}")
        made.append(_with_palette(picture, palette))
    made[0].save(
        path, "GIF", save_all=True, append_images=made[1:], duration=durations(fps, len(made)), loop=0, disposal=1
    )


def durations(fps: float, count: int) -> list[int]:
    """Milliseconds each picture of a GIF stands: whole hundredths of a second that keep the speed on the whole."""
    ends = [round(100 * number / fps) for number in range(count + 1)]
    return [10 * max(2, end - start) for start, end in pairwise(ends)]


def _is_grey(picture: Picture) -> bool:
    return np.array_equal(picture[..., 0], picture[..., 1]) and np.array_equal(picture[..., 1], picture[..., 2])


def _palette(drawn: list[Picture]) -> Image.Image:
    """The colours of a dozen pictures, side by side."""
    some = drawn[:: max(1, len(drawn) // 12)]
    return Image.fromarray(np.concatenate(some)).quantize(256, Image.Quantize.MEDIANCUT)


def _with_palette(picture: Picture, palette: Image.Image | None) -> Image.Image:
    if palette is not None:
        return Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
    plain = np.ascontiguousarray(picture[..., 0])
    made = Image.frombytes("P", (plain.shape[1], plain.shape[0]), plain.tobytes())
    made.putpalette(bytes(value for value in range(256) for _ in range(3)))
    return made


def _mp4(pictures: Iterable[Picture], path: Path, fps: float, total: int) -> Work[None]:
    program, codec, settings = encoder()
    coming = iter(pictures)
    first = next(coming, None)
    _need_pictures([] if first is None else [first], path)
    assert first is not None
    rows, cols = _even(first).shape[:2]
    words = [program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    words += ["-s", f"{cols}x{rows}", "-r", f"{fps:g}", "-i", "-", "-an", "-c:v", codec, *settings]
    words += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-map_metadata", "-1", "-f", "mp4", str(path)]
    encoding = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for number, picture in enumerate(_after(first, coming)):
            yield Progress(number, total, "drawing")
            assert encoding.stdin is not None
            encoding.stdin.write(_even(picture).tobytes())
        _, said = encoding.communicate()
    except BrokenPipeError:
        _, said = encoding.communicate()
    finally:
        if encoding.poll() is None:
            encoding.kill()
            encoding.communicate()
    if encoding.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        raise OSError(lines[-1][:160])


def _after(first: Picture, coming: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from coming


def _even(picture: Picture) -> Picture:
    """Add a row and column where their number is odd: the codec halves the colours."""
    down, across = picture.shape[0] % 2, picture.shape[1] % 2
    whole = np.pad(picture, ((0, down), (0, across), (0, 0)), mode="edge") if down or across else picture
    return np.ascontiguousarray(whole)


def _need_pictures(made: list[Any], path: Path) -> None:
    if not made:
        raise Refused(path, "there is no picture in it", "choose at least one slice")
