"""``medviz render``: the slice through a point as the window would show it, or a film through all of them."""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from medviz.commands.command import Command, Said, existing, followed, point
from medviz.commands.looked import look_arguments, looked_at
from medviz.imaging.drawn import Drawing, drawing
from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.readers import read, read_over
from medviz.imaging.resample import grid_note
from medviz.imaging.scene import Layer, Scene
from medviz.imaging.scrolling import Scroll, most, scrolled
from medviz.imaging.slices import PLANES
from medviz.imaging.writers.film import ENDINGS, write_film, write_still
from medviz.refused import Refused

MARGIN = "margin"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scan", help="a scan")
    parser.add_argument("--plane", choices=PLANES, default="axial")
    parser.add_argument("--at", metavar="X,Y,Z", help="a point in RAS mm; else the middle. Write --at=-12,4,31")
    parser.add_argument("--out", required=True, metavar="PNG", help="a picture; .gif or .mp4 makes a film of the scan")
    parser.add_argument("--overlay", metavar="LABELS", help="a label or probability map, placed by its own affine")
    parser.add_argument("--window", type=float, help="width of the window, in what a person reads (HU)")
    parser.add_argument("--level", type=float, help="middle of the window")
    parser.add_argument("--size", type=int, help="longer side in pixels; else one pixel to the finer side of a voxel")
    parser.add_argument("--neurological", action="store_true", help="patient's left on the left")
    parser.add_argument(
        "--frame",
        nargs="?",
        const=MARGIN,
        action="append",
        metavar="N",
        help="a margin with letters, position and convention; with a number, that frame of a series (counted from 1). "
        "Both may be given",
    )
    parser.add_argument("--outline", action="store_true", help="outline labels instead of filling them")
    parser.add_argument("--letters", action="store_true", help="write the edge letters into the picture")
    parser.add_argument("--crosshair", action="store_true", help="draw the point")
    look_arguments(parser)
    film = parser.add_argument_group("films (--out with .gif or .mp4)")
    film.add_argument("--through", choices=["slices", "frames"], default="slices", help="what goes by (slices)")
    film.add_argument("--first", type=int, metavar="N", help="first slice or frame, counted from 1 (1)")
    film.add_argument("--last", type=int, metavar="N", help="last one (all)")
    film.add_argument("--every", type=int, default=1, metavar="N", help="only each so many-th (1)")
    film.add_argument("--fps", type=float, default=12.0, help="pictures a second (12)")
    film.add_argument("--back", action="store_true", help="to the end and back again")


def _run(options: argparse.Namespace) -> Said:
    if options.size is not None and not 16 <= options.size <= 16384:
        raise Refused(f"--size {options.size}", "no such picture can be drawn", "take 16 to 16384")
    out = Path(options.out).expanduser()
    if not out.parent.is_dir():
        raise Refused(out, "its folder does not exist", "make the folder first")
    scene, warnings = _scene(options)
    film = out.suffix.lower() in ENDINGS
    made = _film(options, scene, out) if film else _still(options, scene, out)
    return _said(options, scene, made, warnings)


def _still(options: argparse.Namespace, scene: Scene, out: Path) -> Drawing:
    margin = MARGIN in (options.frame or ())
    letters = options.letters or margin
    made = drawing(scene, options.plane, options.size, frame=margin, letters=letters, crosshair=options.crosshair)
    write_still(made.pixels, out)
    return made


def _film(options: argparse.Namespace, scene: Scene, out: Path) -> Drawing:
    count = most(scene, options.plane, options.through)
    wanted = Scroll(
        options.plane,
        options.through,
        (options.first or 1) - 1,
        (options.last or count) - 1,
        options.every,
        options.size or 512,
        options.back,
        options.letters,
        options.crosshair,
    )
    if options.every < 1:
        raise Refused(f"--every {options.every}", "no film goes so", "take 1 or more")
    pictures = scrolled(scene, wanted)
    followed(write_film(pictures, out, options.fps, len(wanted.numbers)), options.quiet or options.json)
    return drawing(scene, options.plane, options.size or 512, letters=False)


def _said(options: argparse.Namespace, scene: Scene, made: Drawing, warnings: tuple[str, ...]) -> Said:
    scan = scene.layers[0].volume
    value = scan.value_at(scene.cursor, scene.frame) if scan.kind != "colour" else None
    left, right, top, bottom = made.letters
    document: dict[str, Any] = {
        "out": options.out,
        "plane": options.plane,
        "at_mm": scene.cursor,
        "letters": {"left": left, "right": right, "top": top, "bottom": bottom},
        "mm_per_pixel": made.mm_per_pixel,
        "value": value,
        "unit": scan.unit,
        "frame": scene.frame + 1,
        "frames": scan.frames,
        "window": scene.layers[0].window,
        "level": scene.layers[0].level,
        "convention": "radiological" if scene.radiological else "neurological",
        "warnings": warnings,
    }
    scale = f"{made.mm_per_pixel:.3g} mm per pixel" if made.mm_per_pixel else "uncalibrated"
    read_as = "" if value is None else f", {value:g} {scan.unit}".rstrip()
    sides = f"left {left} right {right}" if left else "orientation not known"
    said = "".join(f"\n  warning: {warning}" for warning in warnings)
    return Said(document, f"{options.out}: {options.plane}, {sides}, {scale}{read_as}{said}")


def _scene(options: argparse.Namespace) -> tuple[Scene, tuple[str, ...]]:
    quiet = options.quiet or options.json
    scan = followed(read(existing(options.scan)), quiet)
    scene = replace(scene_of(layer_of(scan, "image")), radiological=not options.neurological)
    scene = replace(_windowed(options, scene), frame=_frame(options, scan.frames))
    if options.at:
        place = point(options.at)
        if scan.nearest(place) is None:
            raise Refused(f"--at {options.at}", "the point lies outside the scan", "see 'medviz info' for its affine")
        scene = scene.at(place)
    scene = looked_at(scene, options)
    warnings = scan.warnings
    if options.overlay:
        volume = followed(read_over(existing(options.overlay), scan), quiet)
        note = grid_note(volume, scan)
        warnings += (*volume.warnings, *([note] if note else []))
        scene = scene.adding(_overlaid(layer_of(volume), options.outline))
    return scene, warnings


def _overlaid(layer: Layer, outline: bool) -> Layer:
    if layer.role == "image":
        return replace(layer, style="fill", opacity=0.5, colours="magma")
    return replace(layer, style="outline" if outline else "fill")


def _windowed(options: argparse.Namespace, scene: Scene) -> Scene:
    width, level = scene.layers[0].window, scene.layers[0].level
    if options.window is not None and not (options.window > 0 and math.isfinite(options.window)):
        raise Refused(f"--window {options.window:g}", "a window has a width above 0", "take for example 350")
    if options.level is not None and not math.isfinite(options.level):
        raise Refused(f"--level {options.level:g}", "it is no number", "take for example 40")
    width = options.window if options.window is not None else width
    level = options.level if options.level is not None else level
    return scene.with_layer(0, window=width, level=level)


def _frame(options: argparse.Namespace, frames: int) -> int:
    """Return the frame asked for, from 0."""
    asked = [text for text in options.frame or () if text != MARGIN]
    if not asked:
        return 0
    if not asked[-1].lstrip("-").isdigit():
        raise Refused(f"--frame {asked[-1]}", "it is no frame", "give a number, or none for a margin")
    number = int(asked[-1])
    if not 1 <= number <= frames:
        fault = f"the scan has {frames} frame{'s' * (frames != 1)}"
        raise Refused(f"--frame {number}", fault, "frames are counted from 1")
    return number - 1


COMMAND = Command(
    "render",
    "a slice as the window would show it, as PNG; or a film of all slices, as GIF or MP4",
    "medviz render scan.nii.gz --plane coronal --at=-12,4.5,31 --overlay labels.nii.gz --out slice.png --frame",
    _arguments,
    _run,
)
