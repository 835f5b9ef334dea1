"""A window that no screen shows, by whichever of VTK's ways works here."""

import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules import vtkRenderingOpenGL2
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

WAYS = ("vtkEGLRenderWindow", "vtkXOpenGLRenderWindow", "vtkOSOpenGLRenderWindow")
"""EGL needs no screen (hardware or Mesa in software); X only with a screen; OSMesa is software without a screen."""
CHOICE = "MEDVIZ_3D"
"""Set to "opengl", OpenGL draws volumes even in software; set to "numpy", VTK is not asked at all (`studio`)."""
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swr", "software", "microsoft basic render", "gdi generic")


class NoWindow(Exception):
    """None of the ways works; the words say what is missing."""


class Window:
    """An off-screen window with one renderer; `software` says that the processor draws."""

    def __init__(self) -> None:
        self.renderer = vtkRenderer()
        self.renderer.SetBackground(0.0, 0.0, 0.0)
        self.inner = opened()
        self.inner.AddRenderer(self.renderer)
        self.inner.SetMultiSamples(0)
        self.inner.SetSize(16, 16)
        self.inner.Render()
        self.driver = _driver(self.inner)
        self.software = any(one in self.driver.lower() for one in SOFTWARE) and os.environ.get(CHOICE) != "opengl"

    def fit(self, size: tuple[int, int]) -> None:
        """Take another size (rows, cols)."""
        if self.inner.GetSize() != (size[1], size[0]):
            self.inner.SetSize(size[1], size[0])

    def picture(self) -> NDArray[np.uint8]:
        """What was rendered, (rows, cols, 3), the first row at the top."""
        cols, rows = self.inner.GetSize()
        values = vtkUnsignedCharArray()
        self.inner.GetPixelData(0, 0, cols - 1, rows - 1, 0, values, 0)
        pixels: NDArray[np.uint8] = vtk_to_numpy(values).reshape(rows, cols, 3)[::-1]
        return pixels

    def depths(self) -> NDArray[np.float32]:
        """How deep each pixel lies, 0 at the near and 1 at the far plane."""
        cols, rows = self.inner.GetSize()
        values = vtkFloatArray()
        self.inner.GetZbufferData(0, 0, cols - 1, rows - 1, values)
        deep: NDArray[np.float32] = vtk_to_numpy(values).reshape(rows, cols)[::-1]
        return deep


def opened() -> Any:
    """Return the first kind of window that can draw here; raises NoWindow."""
    if sys.platform != "linux":
        made = vtkRenderWindow()
        made.SetOffScreenRendering(1)
        if not made.SupportsOpenGL():
            raise NoWindow(f"OpenGL 3.2 is missing ({made.GetOpenGLSupportMessage()})")
        return made
    said = []
    for way in WAYS:
        if way == "vtkXOpenGLRenderWindow" and not os.environ.get("DISPLAY"):
            continue
        made = getattr(vtkRenderingOpenGL2, way)() if hasattr(vtkRenderingOpenGL2, way) else None
        if made is None:
            continue
        made.SetOffScreenRendering(1)
        if _draws(made):
            return made
        said.append(way)
    raise NoWindow("no OpenGL could be opened (libEGL.so.1 or its driver is missing)")


def _draws(window: Any) -> bool:
    if not window.SupportsOpenGL():
        return False
    window.SetSize(16, 16)
    window.Render()
    return bool(_driver(window))


def _driver(window: Any) -> str:
    """Name the driver as OpenGL gives it; empty where there is none."""
    for line in window.ReportCapabilities().splitlines():
        name, _, value = line.partition("renderer string:")
        if value and "OpenGL" in name:
            return str(value).strip()
    return ""
