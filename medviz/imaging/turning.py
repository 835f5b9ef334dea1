"""Turning the planes of a scene about its cursor: by degrees, back to the voxels, straight in the world."""

from dataclasses import replace
from math import radians

import numpy as np

from medviz.imaging.oblique import Turn, Vector, acquired, parallel, rotated, world
from medviz.imaging.scene import Scene
from medviz.imaging.slices import Plane


def turned(scene: Scene, plane: Plane, by_degrees: float, start: Turn | None = None) -> Scene:
    """Turn the planes about the cursor within a pane, clockwise on the screen; its own picture stays as it is.

    `start` is from where; None goes on from where they are.
    """
    section = scene.section(plane)
    if scene.scan is None or section is None:
        return scene
    begun = start or scene.turn or acquired(scene.scan)
    across, down = np.array(section.across), np.array(section.down)
    axis = np.cross(across, down)  # from across to down is clockwise, as y goes down the screen
    about: Vector = (float(axis[0]), float(axis[1]), float(axis[2]))
    return replace(scene, turn=rotated(begun, about, radians(by_degrees)))


def as_acquired(scene: Scene) -> Scene:
    """Show the voxels' own planes."""
    return scene if scene.turn is None else replace(scene, turn=None)


def in_the_world(scene: Scene) -> Scene:
    """Show the planes of the room, whatever the scanner's angle was."""
    if scene.scan is None:
        return scene
    return replace(scene, turn=None if parallel(scene.scan, world()) else world())


def tilt_degrees(scene: Scene) -> float:
    """How far the scan's own voxels are turned against the room."""
    if scene.scan is None:
        return 0.0
    return Turn(world().axes, acquired(scene.scan).axes).degrees
