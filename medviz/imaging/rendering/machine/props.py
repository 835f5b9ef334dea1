"""What stands on the stage: surfaces, a volume, pictures on planes, lines; each keeps what need not be sent anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPlane, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from medviz.imaging.rendering.machine.meshes import Mesh, cells_of, surface_of

Array = NDArray[Any]
CORNER = """
  if (numClipPlanes > 0) {
    float most = clipDistancesVSOutput[0];
    for (int plane = 1; plane < numClipPlanes; plane++) { most = max(most, clipDistancesVSOutput[plane]); }
    if (most < 0.0) discard;
  }
"""
"""Takes away what lies behind all planes (a corner); VTK itself takes away what lies behind any."""
SEE_THROUGH = """//VTK::TCoord::Impl
  if (gl_FragData[0].a < 0.5) discard;
"""


@dataclass(frozen=True, eq=False)
class Cut:
    """Planes (origin and normal, RAS mm); kept is what lies before all of them or, `corner`, before any."""

    planes: tuple[tuple[Array, Array], ...] = ()
    corner: bool = False

    @classmethod
    def told(cls, note: Mapping[str, Any]) -> "Cut":
        """Read it from a request."""
        planes = tuple((np.asarray(origin, float), np.asarray(normal, float)) for origin, normal in note["planes"])
        return cls(planes, bool(note["corner"]))

    def onto(self, mapper: Any) -> None:
        """Give a mapper its planes."""
        mapper.RemoveAllClippingPlanes()
        for origin, normal in self.planes:
            plane = vtkPlane()
            plane.SetOrigin(*origin)
            plane.SetNormal(*normal)
            mapper.AddClippingPlane(plane)


class Surface:
    """The surfaces of a layer: which labels are shown and in what colours changes without a new mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._data = surface_of(mesh.points, mesh.triangles)
        self._data.GetPointData().SetNormals(numpy_to_vtk(mesh.normals, deep=1))
        self._shown: tuple[Any, ...] = ()
        self._painted: tuple[Any, ...] = ()
        self._cornered = False
        self.mapper = vtkPolyDataMapper()
        self.mapper.SetInputData(self._data)
        self.mapper.SetColorModeToDirectScalars()
        self.actor = vtkActor()
        self.actor.SetMapper(self.mapper)
        look = self.actor.GetProperty()
        look.SetAmbient(0.10)
        look.SetDiffuse(0.84)
        look.SetSpecular(0.12)
        look.SetSpecularPower(22)

    def show(self, values: tuple[int, ...], colours: Array, opacity: float, cut: Cut, veil: bool = False) -> None:
        """Show the labels `values` in `colours` (n, 3); a `veil` is only seen from outside."""
        self.actor.GetProperty().SetBackfaceCulling(veil)
        shown = (values, opacity < 1)
        if shown != self._shown:
            self._data.SetPolys(cells_of(self._seen(values, opacity < 1)))
            self._shown = shown
        painted = (values, colours.tobytes())
        if painted != self._painted:
            table = np.zeros((65536, 3), np.uint8)
            table[list(values)] = colours
            self._data.GetPointData().SetScalars(numpy_to_vtk(table[self._mesh.label_of_point], deep=1))
            self._painted = painted
        self.actor.GetProperty().SetOpacity(opacity)
        self._cut(cut)

    def _seen(self, values: tuple[int, ...], through: bool) -> NDArray[np.int32]:
        """Triangles to draw: what two shown labels share is inside and not drawn.

        Seen through it is drawn once, in the colour of the smaller: that is the one within the other.
        """
        shown = np.zeros(65536, bool)
        shown[list(values)] = True
        shown[0] = False
        mesh = self._mesh
        inner = shown[mesh.beyond]
        if through:
            held = np.zeros(65536)
            held[: len(mesh.volumes_mm3)] = mesh.volumes_mm3
            inner &= held[mesh.beyond] < held[mesh.label]
        return mesh.triangles[shown[mesh.label] & ~inner]

    def _cut(self, cut: Cut) -> None:
        cut.onto(self.mapper)
        if cut.corner != self._cornered:
            shader = self.actor.GetShaderProperty()
            shader.ClearAllFragmentShaderReplacements()
            if cut.corner:
                shader.AddFragmentShaderReplacement("//VTK::Clip::Impl", True, CORNER, False)
            self._cornered = cut.corner


class Sheet:
    """A picture (rows, cols, 4) on a plane in space; where it is clear there is a hole."""

    def __init__(self) -> None:
        self._data = vtkPolyData()
        self._texture = vtkTexture()
        self._texture.SetColorModeToDirectScalars()
        self._texture.EdgeClampOn()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self._data)
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.SetTexture(self._texture)
        self.actor.ForceOpaqueOn()
        self.actor.GetProperty().LightingOff()
        shader = self.actor.GetShaderProperty()
        shader.AddFragmentShaderReplacement("//VTK::TCoord::Impl", True, SEE_THROUGH, False)

    def show(self, corner: Array, across: Array, down: Array, picture: NDArray[np.uint8], smooth: bool) -> None:
        """Lay a picture from `corner` along `across` and `down` (RAS mm of its outer edges)."""
        points = np.stack([corner, corner + across, corner + across + down, corner + down]).astype(np.float32)
        held = vtkPoints()
        held.SetData(numpy_to_vtk(points, deep=1))
        self._data.SetPoints(held)
        self._data.SetPolys(cells_of(np.array([[0, 1, 2], [0, 2, 3]], np.int32)))
        places = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        self._data.GetPointData().SetTCoords(numpy_to_vtk(places, deep=1))
        image = vtkImageData()
        rows, cols = picture.shape[:2]
        image.SetDimensions(cols, rows, 1)
        image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture).reshape(-1, 4), deep=1))
        self._texture.SetInterpolate(smooth)
        self._texture.SetInputData(image)


class Lines:
    """A line from point to point (RAS mm) in one colour."""

    def __init__(self) -> None:
        self._data = vtkPolyData()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self._data)
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().LightingOff()

    def show(self, points: Array, colour: Array, width: float) -> None:
        """Draw it."""
        held = vtkPoints()
        held.SetData(numpy_to_vtk(np.ascontiguousarray(points, np.float32), deep=1))
        self._data.SetPoints(held)
        cells = vtkCellArray()
        cells.InsertNextCell(len(points))
        for number in range(len(points)):
            cells.InsertCellPoint(number)
        self._data.SetLines(cells)
        self.actor.GetProperty().SetColor(*(colour / 255.0))
        self.actor.GetProperty().SetLineWidth(width)


def matrix_of(affine: Array) -> Any:
    """Give VTK an affine (4, 4)."""
    made = vtkMatrix4x4()
    made.DeepCopy(tuple(float(part) for part in affine.ravel()))
    return made
