"""Surfaces of labels and of scans as triangles in mm; many labels in one pass, each closed in itself.

Smoothing rounds a surface off and so takes volume from it: each label is then grown along its normals until it holds
what its voxels hold, so that what is seen is as large as what is written in the table of labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkSurfaceNets3D, vtkTriangleMeshPointNormals

Array = NDArray[Any]
Points = NDArray[np.float32]
Report = Callable[[float], None]
FAST_TRIANGLES = 160_000
"""A mesh with more than these has a coarser stand-in while it moves: software draws about 8 million a second."""
FAST_CELLS = 60
SKIN_TRIANGLES, SKIN_CELLS = 500_000, 150
"""The surface of a scan is smooth: it need not have more."""
SMOOTHINGS = 20
GROWN, TRUE = 4, 0.01


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles (m, 3) over points (n, 3) in RAS mm with their outward normals; each point belongs to one label.

    `label` (m,) is the label whose surface a triangle is, `beyond` (m,) what lies at its other side.
    """

    points: Points
    normals: Points
    triangles: NDArray[np.int32]
    label: NDArray[np.uint16]
    beyond: NDArray[np.uint16]

    @cached_property
    def label_of_point(self) -> NDArray[np.uint16]:
        """Label of each point."""
        found = np.zeros(len(self.points), np.uint16)
        found[self.triangles.ravel()] = np.repeat(self.label, 3)
        return found

    @cached_property
    def fast(self) -> "Mesh":
        """The same with at most some ten thousand triangles, for while it moves."""
        return self if len(self.triangles) <= FAST_TRIANGLES else clustered(self, FAST_CELLS)

    @cached_property
    def volumes_mm3(self) -> NDArray[np.float64]:
        """Volume enclosed by the surface of each label value, (largest + 1,)."""
        return _measures(self.points, self.triangles, self.label)[0]

    def of(self, value: int) -> tuple[Points, NDArray[np.int32]]:
        """Points and triangles of one label alone."""
        taken = self.triangles[self.label == value]
        used, numbers = np.unique(taken, return_inverse=True)
        return self.points[used], numbers.reshape(-1, 3).astype(np.int32)


def label_mesh(labels: Array, affine: Array, report: Report = lambda share: None) -> Mesh:
    """Make the surfaces of all labels (x, y, z; 0 is nothing), each with the volume of its voxels.

    `affine` takes voxels to RAS mm. `report` is told the share that is done; it may raise to end the work.
    """
    values = np.flatnonzero(np.bincount(labels.ravel()))
    values = values[values > 0]
    if not len(values):
        return _nothing()
    inside = _box(labels)
    padded = np.pad(labels[inside], 1)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    report(0.1)
    points, triangles, sides = _netted(padded, spacing, values)
    report(0.5)
    first = np.array([one.start for one in inside]) - 1.0
    points = ((points / spacing + first) @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    if np.linalg.det(affine[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    mesh = _parted(points, triangles, sides)
    report(0.8)
    held = np.bincount(labels.ravel(), minlength=int(values[-1]) + 1) * abs(float(np.linalg.det(affine[:3, :3])))
    return _grown(mesh, held, float(spacing.min()))


def level_mesh(field: Array, affine: Array, level: float) -> Mesh:
    """Make the surface on which a field (x, y, z) has the value `level`; higher is inside."""
    flying = vtkFlyingEdges3D()
    flying.SetInputData(image_of(field, np.ones(3)))
    flying.SetValue(0, level)
    flying.ComputeNormalsOff()
    flying.ComputeGradientsOff()
    flying.ComputeScalarsOff()
    flying.Update()
    made = flying.GetOutput()
    if not made.GetNumberOfPolys():
        return _nothing()
    points = vtk_to_numpy(made.GetPoints().GetData())
    triangles = _triangles(made)
    points = (points @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    label = np.ones(len(triangles), np.uint16)
    if _measures(points, triangles, label)[0][1] < 0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    made = Mesh(points, normals_of(points, triangles), triangles, label, np.zeros_like(label))
    return made if len(triangles) <= SKIN_TRIANGLES else clustered(made, SKIN_CELLS)


def clustered(mesh: Mesh, cells: int) -> Mesh:
    """Draw the points of each label that lie in one cell together; `cells` go along the longest side of the mesh."""
    low = mesh.points.min(axis=0)
    side = float((mesh.points.max(axis=0) - low).max()) / cells
    place = ((mesh.points - low) / side).astype(np.int64)
    key = ((mesh.label_of_point.astype(np.int64) * cells + place[:, 0]) * (cells + 1) + place[:, 1]) * (cells + 1)
    _, number, count = np.unique(key + place[:, 2], return_inverse=True, return_counts=True)
    points = np.stack([np.bincount(number, part) for part in mesh.points.T], axis=1) / count[:, None]
    triangles = number[mesh.triangles].astype(np.int32)
    a, b, c = triangles.T
    kept = (a != b) & (b != c) & (a != c)
    triangles, few = triangles[kept], points.astype(np.float32)
    return Mesh(few, normals_of(few, triangles), triangles, mesh.label[kept], mesh.beyond[kept])


def image_of(field: Array, spacing: Array) -> Any:
    """Give VTK an array (x, y, z) as an image; the array is copied once."""
    made = vtkImageData()
    made.SetDimensions(*field.shape)
    made.SetSpacing(*(float(side) for side in spacing))
    flat = np.ascontiguousarray(field.transpose(2, 1, 0)).ravel()
    made.GetPointData().SetScalars(numpy_to_vtk(flat, deep=1))
    return made


def surface_of(points: Points, triangles: NDArray[np.int32]) -> Any:
    """Give VTK a mesh."""
    made = vtkPolyData()
    held = vtkPoints()
    held.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=1))
    made.SetPoints(held)
    made.SetPolys(cells_of(triangles))
    return made


def cells_of(triangles: NDArray[np.int32]) -> Any:
    """Give VTK triangles (m, 3)."""
    made = vtkCellArray()
    flat = np.ascontiguousarray(triangles, np.int32).ravel()
    made.SetData(3, numpy_to_vtk(flat, deep=1))
    return made


def normals_of(points: Points, triangles: NDArray[np.int32]) -> Points:
    """Normals of the points, the mean of those of their triangles."""
    if not len(triangles):
        return np.zeros_like(points)
    made = vtkTriangleMeshPointNormals()
    made.SetInputData(surface_of(points, triangles))
    made.Update()
    normals: Points = vtk_to_numpy(made.GetOutput().GetPointData().GetNormals()).copy()
    return normals


def _netted(labels: Array, spacing: Array, values: Array) -> tuple[Array, NDArray[np.int32], NDArray[np.uint16]]:
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image_of(labels, spacing))
    for number, value in enumerate(values):
        nets.SetValue(number, float(value))
    nets.SetOutputMeshTypeToTriangles()
    nets.SetSmoothing(True)
    nets.SetNumberOfIterations(SMOOTHINGS)
    nets.Update()
    made = nets.GetOutput()
    sides = vtk_to_numpy(made.GetCellData().GetArray("BoundaryLabels")).astype(np.uint16)
    return vtk_to_numpy(made.GetPoints().GetData()).astype(float), _triangles(made), sides


def _triangles(made: Any) -> NDArray[np.int32]:
    corners: NDArray[np.int32] = vtk_to_numpy(made.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int32)
    return corners


def _parted(points: Points, triangles: NDArray[np.int32], sides: NDArray[np.uint16]) -> Mesh:
    """Give each label its own closed surface: what two labels share is there twice, facing either way."""
    shared = sides[:, 1] > 0
    label = np.concatenate([sides[:, 0], sides[shared, 1]])
    beyond = np.concatenate([sides[:, 1], sides[shared, 0]])
    corners = np.concatenate([triangles, triangles[shared][:, ::-1]])
    order = np.argsort(label, kind="stable")
    label, beyond, corners = label[order], beyond[order], corners[order]
    bounds = np.flatnonzero(np.diff(label, prepend=0, append=0)) if len(label) else np.zeros(0, int)
    number = np.zeros(len(points), np.int32)
    used = np.zeros(len(points), bool)
    kept: list[Array] = []
    count = 0
    for start, stop in pairwise(bounds):
        used[corners[start:stop]] = True
        mine = np.flatnonzero(used)
        number[mine] = np.arange(count, count + len(mine), dtype=np.int32)
        corners[start:stop] = number[corners[start:stop]]
        used[mine] = False
        kept.append(mine)
        count += len(mine)
    parted = points[np.concatenate(kept)]
    return Mesh(parted, normals_of(parted, corners), corners, label, beyond)


def _grown(mesh: Mesh, held_mm3: Array, finest_mm: float) -> Mesh:
    """Move each label's surface along its normals until it encloses the volume of its voxels."""
    points = mesh.points
    for _ in range(GROWN):
        volumes, areas = _measures(points, mesh.triangles, mesh.label, len(held_mm3))
        if np.all(np.abs(volumes - held_mm3) <= TRUE * held_mm3):
            break
        step = np.clip((held_mm3 - volumes) / np.maximum(areas, 1e-9), -0.5 * finest_mm, 0.5 * finest_mm)
        points = points + mesh.normals * step.astype(np.float32)[mesh.label_of_point, None]
    return Mesh(points, normals_of(points, mesh.triangles), mesh.triangles, mesh.label, mesh.beyond)


def _measures(points: Points, triangles: Array, label: Array, size: int = 0) -> tuple[Array, Array]:
    """Volume (mm³) and area (mm²) of each label value's surface."""
    near = points - points.mean(axis=0) if len(points) else points
    a, b, c = (np.take(near, triangles[:, n], axis=0) for n in range(3))
    normal = np.cross(b - a, c - a)
    six = np.einsum("ij,ij->i", a, normal)
    area = np.sqrt(np.einsum("ij,ij->i", normal, normal))
    return np.bincount(label, six, size) / 6.0, np.bincount(label, area, size) / 2.0


def _box(labels: Array) -> tuple[slice, slice, slice]:
    """Where there is any label."""
    there = labels > 0
    found = []
    for axis in range(3):
        seen = np.flatnonzero(there.any(axis=tuple(other for other in range(3) if other != axis)))
        found.append(slice(int(seen[0]), int(seen[-1]) + 1))
    return found[0], found[1], found[2]


def _nothing() -> Mesh:
    none = np.zeros(0, np.uint16)
    return Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), none, none)
