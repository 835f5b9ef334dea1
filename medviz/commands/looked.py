"""How a scene is looked at from a command line: planes turned, slices taken together, a second scan mixed in."""

import argparse
import math
from dataclasses import replace

from medviz.commands.command import existing, followed
from medviz.imaging.layers import layer_of
from medviz.imaging.mixing import MIXES, Mix
from medviz.imaging.readers import read
from medviz.imaging.scene import Scene, Second
from medviz.imaging.slabs import THICKEST_MM, THINNEST_MM, Slab
from medviz.imaging.slices import PLANES
from medviz.imaging.turning import in_the_world, turned
from medviz.refused import Refused


def look_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("how it is looked at")
    group.add_argument("--turn", metavar="A,C,S", help="degrees by which the planes are turned about the point")
    group.add_argument("--straight", action="store_true", help="planes of the room, not those of the voxels")
    group.add_argument("--slab", type=float, metavar="MM", help="take the slices of so many mm together")
    group.add_argument("--slab-kind", choices=["max", "min", "mean"], default="max", help="brightest, darkest or mean")
    group.add_argument("--second", metavar="SCAN", help="a second scan, on whatever grid, mixed into the first")
    group.add_argument("--mix", choices=[kind for kind in MIXES if kind != "off"], default="blend")


def looked_at(scene: Scene, options: argparse.Namespace) -> Scene:
    """Turn the planes, take slices together and mix a second scan in, as told."""
    if options.straight:
        scene = in_the_world(scene)
    if options.turn:
        for plane, degrees in zip(PLANES, _degrees(options.turn), strict=True):
            scene = turned(scene, plane, degrees) if degrees else scene
    if options.slab is not None:
        if not THINNEST_MM <= options.slab <= THICKEST_MM:
            fault = "no such slab can be taken"
            raise Refused(f"--slab {options.slab:g}", fault, f"take {THINNEST_MM:g} to {THICKEST_MM:g} mm")
        scene = replace(scene, slab=Slab(options.slab_kind, options.slab))
    if options.second:
        volume = followed(read(existing(options.second)), options.quiet or options.json)
        scene = replace(scene, second=Second(layer_of(volume, "image"), mix=Mix(options.mix)))
    return scene


def _degrees(text: str) -> tuple[float, ...]:
    """Read the three angles of the axial, the coronal and the sagittal pane."""
    try:
        angles = tuple(float(part) for part in text.split(","))
    except ValueError:
        angles = ()
    if len(angles) != 3 or not all(map(math.isfinite, angles)):
        raise Refused(
            f"--turn {text}", "these are no three angles", "write degrees for axial, coronal, sagittal: --turn=0,15,0"
        )
    return angles
