"""``medviz render``: the slice through a point as the window would show it."""

import argparse
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from medviz.commands.command import Command, Said, existing, followed, point
from medviz.imaging.drawn import drawing
from medviz.imaging.layers import layer_of, scene_of
from medviz.imaging.readers import read
from medviz.imaging.scene import Scene
from medviz.imaging.slices import PLANES
from medviz.imaging.storage import replacing
from medviz.refused import Refused


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scan", help="a scan")
    parser.add_argument("--plane", choices=PLANES, default="axial")
    parser.add_argument("--at", metavar="X,Y,Z", help="a point in RAS mm; else the middle. Write --at=-12,4,31")
    parser.add_argument("--out", required=True, metavar="PNG")
    parser.add_argument("--overlay", metavar="LABELS", help="a label or probability map, placed by its own affine")
    parser.add_argument("--window", type=float, help="width of the window, in what a person reads (HU)")
    parser.add_argument("--level", type=float, help="middle of the window")
    parser.add_argument("--size", type=int, help="longer side in pixels; else one pixel to the finer side of a voxel")
    parser.add_argument("--neurological", action="store_true", help="patient's left on the left")
    parser.add_argument("--frame", action="store_true", help="a margin with letters, position and convention")
    parser.add_argument("--outline", action="store_true", help="outline labels instead of filling them")
    parser.add_argument("--letters", action="store_true", help="write the edge letters into the picture")
    parser.add_argument("--crosshair", action="store_true", help="draw the point")


def _run(options: argparse.Namespace) -> Said:
    scene = _scene(options)
    scan = scene.layers[0].volume
    if options.size is not None and not 16 <= options.size <= 16384:
        raise Refused(f"--size {options.size}", "no such picture can be drawn", "take 16 to 16384")
    made = drawing(
        scene,
        options.plane,
        options.size,
        frame=options.frame,
        letters=options.letters or options.frame,
        crosshair=options.crosshair,
    )
    _save(made.pixels, Path(options.out).expanduser())
    value = scan.value_at(scene.cursor) if scan.kind != "colour" else None
    left, right, top, bottom = made.letters
    document = {
        "out": options.out,
        "plane": options.plane,
        "at_mm": scene.cursor,
        "letters": {"left": left, "right": right, "top": top, "bottom": bottom},
        "mm_per_pixel": made.mm_per_pixel,
        "value": value,
        "unit": scan.unit,
        "convention": "radiological" if scene.radiological else "neurological",
    }
    scale = f"{made.mm_per_pixel:.3g} mm per pixel" if made.mm_per_pixel else "uncalibrated"
    read_as = "" if value is None else f", {value:g} {scan.unit}".rstrip()
    return Said(document, f"{options.out}: {options.plane}, left {left} right {right}, {scale}{read_as}")


def _scene(options: argparse.Namespace) -> Scene:
    quiet = options.quiet or options.json
    scan = followed(read(existing(options.scan)), quiet)
    scene = replace(scene_of(layer_of(scan, "image")), radiological=not options.neurological)
    width, level = scene.layers[0].window, scene.layers[0].level
    if options.window is not None and not options.window > 0:
        raise Refused(f"--window {options.window:g}", "a window has a width above 0", "take for example 350")
    width = options.window if options.window is not None else width
    level = options.level if options.level is not None else level
    scene = scene.with_layer(0, window=width, level=level)
    if options.at:
        place = point(options.at)
        if scan.nearest(place) is None:
            raise Refused(f"--at {options.at}", "the point lies outside the scan", "see 'medviz info' for its affine")
        scene = scene.at(place)
    if options.overlay:
        layer = layer_of(followed(read(existing(options.overlay)), quiet))
        if layer.role == "image":
            layer = replace(layer, style="fill", opacity=0.5, colours="magma")
        else:
            layer = replace(layer, style="outline" if options.outline and layer.role == "labels" else "fill")
        scene = scene.adding(layer)
    return scene


def _save(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", out: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    with replacing(out) as file:
        file.write(buffer.getvalue())


COMMAND = Command(
    "render",
    "a slice as the window would show it, as PNG",
    "medviz render scan.nii.gz --plane coronal --at=-12,4.5,31 --overlay labels.nii.gz --frame --out slice.png",
    _arguments,
    _run,
)
