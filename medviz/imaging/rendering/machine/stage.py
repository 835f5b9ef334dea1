"""Answers requests: keeps what it was given, builds surfaces, draws pictures with the depth of each pixel."""

from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkLight

from medviz.imaging.rendering.machine.inbox import Inbox
from medviz.imaging.rendering.machine.meshes import Mesh, label_mesh, level_mesh
from medviz.imaging.rendering.machine.props import Cut, Lines, Sheet, Surface
from medviz.imaging.rendering.machine.volumes import Solid
from medviz.imaging.rendering.machine.window import Window
from medviz.imaging.rendering.wire import send

Array = NDArray[Any]
PEELS = 6
LIGHTS = ((-0.55, 0.65, 0.9, 0.90), (0.4, -0.15, 1.0, 0.34))
"""Right, up, towards the eye, strength: the strong one from the upper left, as pictures of bodies are lit."""


class Stopped(Exception):
    """What is done is wanted no more."""


class Stage:
    """One stage a process. A request names its number; every answer repeats it."""

    def __init__(self, window: Window, inbox: Inbox, output: BinaryIO) -> None:
        self._window, self._inbox, self._output = window, inbox, output
        self._meshes: dict[str, Mesh] = {}
        self._surfaces: dict[tuple[str, bool], Surface] = {}
        self._solids: dict[str, Solid] = {}
        self._sheets: list[Sheet] = []
        self._lines: list[Lines] = []
        self._number = 0
        window.renderer.RemoveAllLights()
        window.renderer.AutomaticLightCreationOff()
        for right, up, ahead, strength in LIGHTS:
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(right, up, ahead)
            light.SetIntensity(strength)
            window.renderer.AddLight(light)
        window.inner.AddObserver("AbortCheckEvent", self._check)

    def answer(self, note: Mapping[str, Any], arrays: list[Array]) -> None:
        """Do what a request asks and send the answer."""
        self._number = int(note["number"])
        deeds = {"labels": self._labels, "skin": self._skin, "field": self._field, "drop": self._drop}
        deeds |= {"draw": self._draw, "mesh": self._mesh}
        try:
            made, sent = deeds[note["do"]](note, arrays)
        except Stopped:
            made, sent = {"stopped": True}, []
        send(self._output, {**made, "number": self._number}, sent)

    # -- given --------------------------------------------------------------------------------------------------

    def _labels(self, note: Mapping[str, Any], arrays: list[Array]) -> tuple[dict[str, Any], list[Array]]:
        mesh = label_mesh(arrays[0], arrays[1], self._report)
        self._meshes[note["key"]] = mesh
        return {"triangles": len(mesh.triangles)}, [mesh.volumes_mm3 / 1000.0]

    def _skin(self, note: Mapping[str, Any], arrays: list[Array]) -> tuple[dict[str, Any], list[Array]]:
        mesh = level_mesh(arrays[0], arrays[1], float(note["level"]))
        self._meshes[note["key"]] = mesh
        return {"triangles": len(mesh.triangles)}, [mesh.volumes_mm3 / 1000.0]

    def _field(self, note: Mapping[str, Any], arrays: list[Array]) -> tuple[dict[str, Any], list[Array]]:
        self._solids[note["key"]] = Solid(arrays[0], arrays[1], self._window.software)
        return {}, []

    def _drop(self, note: Mapping[str, Any], arrays: list[Array]) -> tuple[dict[str, Any], list[Array]]:
        key = note["key"]
        self._window.renderer.RemoveAllViewProps()
        self._meshes.pop(key, None)
        self._solids.pop(key, None)
        for fast in (False, True):
            self._surfaces.pop((key, fast), None)
        return {}, []

    def _mesh(self, note: Mapping[str, Any], arrays: list[Array]) -> tuple[dict[str, Any], list[Array]]:
        return {}, list(self._meshes[note["key"]].of(int(note["value"])))

    # -- drawn --------------------------------------------------------------------------------------------------

    def _draw(self, note: Mapping[str, Any], arrays: list[Array]) -> tuple[dict[str, Any], list[Array]]:
        window, renderer, fast = self._window, self._window.renderer, bool(note["fast"])
        if self._inbox.stopped(self._number):
            raise Stopped
        window.fit((note["size"][0], note["size"][1]))
        renderer.RemoveAllViewProps()
        cut = Cut.told(note["cut"])
        through = self._stand_surfaces(note, cut, fast)
        self._stand_sheets(note, arrays, self._lift(note))
        self._stand_lines(note)
        if note["volume"] is not None:
            solid = self._solids[note["volume"]["key"]]
            solid = solid.moving(bool(note["volume"]["maximum"])) if fast else solid
            solid.show(note["volume"], cut, fast)
            renderer.AddVolume(solid.actor)
        renderer.SetUseDepthPeeling(through)
        renderer.SetMaximumNumberOfPeels(PEELS // 2 if fast else PEELS)
        renderer.SetUseFXAA(not fast)
        far = self._look(note)
        window.inner.SetAbortRender(0)
        window.inner.Render()
        if self._inbox.stopped(self._number):
            raise Stopped
        deep = window.depths()
        height = np.where(deep < 1.0, far - deep * (2.0 * far), np.float32(np.nan)).astype(np.float32)
        return {}, [window.picture(), height]

    def _look(self, note: Mapping[str, Any]) -> float:
        """Place the camera; returns how far before and behind the middle it sees, in mm."""
        camera = self._window.renderer.GetActiveCamera()
        focus, axes = np.asarray(note["focus"], float), np.asarray(note["axes"], float)
        far = float(note["reach_mm"])
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*focus)
        camera.SetPosition(*(focus + axes[2] * 3.0 * far))
        camera.SetViewUp(*axes[1])
        camera.SetParallelScale(note["size"][0] * float(note["mm_per_pixel"]) / 2.0)
        camera.SetClippingRange(2.0 * far, 4.0 * far)
        return far

    def _stand_surfaces(self, note: Mapping[str, Any], cut: Cut, fast: bool) -> bool:
        through = False
        for one in note["meshes"]:
            mesh = self._meshes[one["key"]]
            if not len(mesh.triangles) or not one["values"]:
                continue
            quick = fast and mesh.fast is not mesh
            surface = self._surfaces.get((one["key"], quick))
            if surface is None:
                surface = self._surfaces[one["key"], quick] = Surface(mesh.fast if quick else mesh)
            opacity = float(one["opacity"])
            colours = np.asarray(one["colours"], np.uint8).reshape(-1, 3)
            surface.show(tuple(one["values"]), colours, opacity, cut, bool(one["veil"]))
            self._window.renderer.AddActor(surface.actor)
            through = through or (opacity < 1 and not one["veil"])
        return through

    def _lift(self, note: Mapping[str, Any]) -> Array:
        """How far sheets stand before their place, towards the eye: a card's rays would else begin in them."""
        if note["volume"] is None or self._window.software:
            return np.zeros(3)
        return np.asarray(note["axes"][2], float) * self._solids[note["volume"]["key"]].step_mm

    def _stand_sheets(self, note: Mapping[str, Any], arrays: list[Array], lift: Array) -> None:
        while len(self._sheets) < len(note["planes"]):
            self._sheets.append(Sheet())
        for sheet, one, picture in zip(self._sheets, note["planes"], arrays, strict=False):
            corner, across, down = (np.asarray(one[name], float) for name in ("corner", "across", "down"))
            sheet.show(corner + lift, across, down, picture, bool(one["smooth"]))
            self._window.renderer.AddActor(sheet.actor)

    def _stand_lines(self, note: Mapping[str, Any]) -> None:
        while len(self._lines) < len(note["lines"]):
            self._lines.append(Lines())
        for lines, one in zip(self._lines, note["lines"], strict=False):
            lines.show(np.asarray(one["points"], float), np.asarray(one["colour"], float), float(one["width"]))
            self._window.renderer.AddActor(lines.actor)

    def _report(self, share: float) -> None:
        """Say how far a surface is, and end the work if it is wanted no more."""
        if self._inbox.stopped(self._number):
            raise Stopped
        send(self._output, {"number": self._number, "share": share})

    def _check(self, window: Any, event: str) -> None:
        if self._inbox.stopped(self._number):
            window.SetAbortRender(1)
