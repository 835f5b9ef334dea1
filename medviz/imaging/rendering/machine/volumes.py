"""A volume on the stage: rays through a field, coloured by its values.

With a graphics card its own mapper draws it. Where the processor draws, VTK's fixed-point mapper is up to seven times
faster than OpenGL in software, which in turn is faster for the maximum, where no ray ends early (256³, 700 × 450
pixels, 2 cores, a step a voxel: shaded 58 ms against 427 ms, maximum 145 ms against 76 ms).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from medviz.imaging.rendering.machine.meshes import image_of
from medviz.imaging.rendering.machine.props import Cut, matrix_of

Array = NDArray[Any]
EVERYTHING = (1 << 27) - 1
COMPOSITE, MAXIMUM = 0, 1
FAST_STEP, FINE_STEP, MAXIMUM_STEP = 1.8, 0.6, 0.9
"""Steps along a ray, in the finest side of a voxel."""
HALVED_FROM = 96


class Solid:
    """A field (x, y, z) with its affine, drawn by one of the mappers."""

    def __init__(self, field: Array, affine: Array, software: bool) -> None:
        self._field, self._affine = field, affine
        self._spacing = np.linalg.norm(affine[:3, :3], axis=0)
        self._shape = field.shape
        self._software = software
        self._image = image_of(field, self._spacing)
        self._mappers: dict[bool, Any] = {}
        self.look = vtkVolumeProperty()
        self.look.SetInterpolationTypeToLinear()
        self.actor = vtkVolume()
        self.actor.SetProperty(self.look)
        placed = affine.copy()
        placed[:3, :3] = affine[:3, :3] / self._spacing
        self.actor.SetUserMatrix(matrix_of(placed))
        self._told: Any = None

    def moving(self, maximum: bool) -> "Solid":
        """Return what is drawn while it moves: for the maximum in software a field of half the size."""
        return self._small if maximum and self._software and max(self._shape) > HALVED_FROM else self

    @cached_property
    def _small(self) -> "Solid":
        """The largest of each block of eight: a thin bright vessel is not lost."""
        whole = tuple(slice(0, max(side // 2 * 2, 1)) for side in self._shape)
        field = self._field[whole]
        affine = self._affine.copy()
        for axis, side in enumerate(field.shape):
            if side > 1:
                near, far = (np.moveaxis(field, axis, 0)[part::2] for part in (0, 1))
                field = np.moveaxis(np.maximum(near, far), 0, axis)
                affine[:3, 3] += affine[:3, axis] / 2
                affine[:3, axis] *= 2
        return Solid(np.ascontiguousarray(field), affine, self._software)

    @property
    def step_mm(self) -> float:
        """The longest step along a ray."""
        return float(self._spacing.min()) * FAST_STEP

    def show(self, note: Mapping[str, Any], cut: Cut, fast: bool) -> None:
        """Draw it as the request says."""
        look = (note["colours"], note["opacities"], note["shade"], note["unit_mm"], note["maximum"])
        if look != self._told:
            self._paint(note)
            self._told = look
        maximum = bool(note["maximum"])
        mapper = self._mapper(maximum)
        steps = (MAXIMUM_STEP, MAXIMUM_STEP) if maximum else (FAST_STEP, FINE_STEP)
        mapper.SetSampleDistance(float(self._spacing.min()) * steps[0 if fast else 1])
        self.actor.SetMapper(mapper)
        self._cut(cut, note, mapper)

    def _mapper(self, maximum: bool) -> Any:
        """Return what draws it, made when it is first asked for."""
        with_card = maximum or not self._software
        if with_card not in self._mappers:
            made = vtkOpenGLGPUVolumeRayCastMapper() if with_card else vtkFixedPointVolumeRayCastMapper()
            made.SetInputData(self._image)
            made.SetAutoAdjustSampleDistances(0)
            self._mappers[with_card] = made
        mapper = self._mappers[with_card]
        mapper.SetBlendMode(MAXIMUM if maximum else COMPOSITE)
        return mapper

    def _paint(self, note: Mapping[str, Any]) -> None:
        colours, opacities = vtkColorTransferFunction(), vtkPiecewiseFunction()
        for value, red, green, blue in note["colours"]:
            colours.AddRGBPoint(value, red, green, blue)
        for value, opacity in note["opacities"]:
            opacities.AddPoint(value, opacity)
        look = self.look
        look.SetColor(colours)
        look.SetScalarOpacity(opacities)
        look.SetScalarOpacityUnitDistance(note["unit_mm"])
        look.SetShade(bool(note["shade"]))
        look.SetAmbient(0.22)
        look.SetDiffuse(0.86)
        look.SetSpecular(0.22)
        look.SetSpecularPower(18)

    def _cut(self, cut: Cut, note: Mapping[str, Any], mapper: Any) -> None:
        """Cut by planes, or take the corner away that lies behind all three of them."""
        if not cut.corner:
            mapper.CroppingOff()
            cut.onto(mapper)
            return
        mapper.RemoveAllClippingPlanes()
        removed, planes = 0, []
        for axis, (place, side) in enumerate(zip(note["voxel"], note["side"], strict=True)):
            planes += [place * self._spacing[axis], self._shape[axis] * self._spacing[axis]]
            removed += (1 if side > 0 else 0) * 3**axis
        mapper.SetCroppingRegionPlanes(*planes)
        mapper.SetCroppingRegionFlags(EVERYTHING & ~(1 << removed))
        mapper.CroppingOn()
