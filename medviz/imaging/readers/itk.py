"""NRRD, MHA and MHD, read and written by SimpleITK."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from medviz.imaging.readers.order import axes_of, to_order, to_ras
from medviz.imaging.readers.reader import Description, Reader, described, not_finite, not_finite_in_words
from medviz.imaging.readers.streams import MOST_PACKED
from medviz.imaging.storage import in_words, need_room, opening, putting
from medviz.imaging.volume import Affine, Stored, Volume
from medviz.messages import Progress, Work
from medviz.refused import Refused

Array = NDArray[Any]
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TYPES = {
    SimpleITK.sitkUInt8: "u1", SimpleITK.sitkInt8: "i1", SimpleITK.sitkUInt16: "u2", SimpleITK.sitkInt16: "i2",
    SimpleITK.sitkUInt32: "u4", SimpleITK.sitkInt32: "i4", SimpleITK.sitkUInt64: "u8", SimpleITK.sitkInt64: "i8",
    SimpleITK.sitkFloat32: "f4", SimpleITK.sitkFloat64: "f8", SimpleITK.sitkComplexFloat32: "c8",
    SimpleITK.sitkComplexFloat64: "c16",
}  # fmt: skip


def sniff(path: Path, head: bytes) -> bool:
    """Tell by the first words: "NRRD000x", or a MetaImage's list of fields."""
    return head.startswith(b"NRRD000") or (b"ElementType" in head[:2048] and b"NDims" in head[:2048])


def describe(path: Path) -> Description:
    """Say what the file holds; only the header is read."""
    shape, affine, dtype, channels = _header(path)
    colour = _is_colour(dtype, channels)
    return described(
        shape=shape,
        axes=axes_of(affine),
        affine=affine,
        dtype=dtype.name,
        frames=1 if colour else channels if channels > 1 else (shape[3] if len(shape) == 4 else 1),
        warnings=_warnings(path),
    )


def read(path: Path) -> Work[Volume]:
    """Read a file in its stored data type; a fourth axis or the components of a vector become frames."""
    shape, affine, dtype, channels = _header(path)
    size = int(np.prod(shape, dtype=object)) * channels * dtype.itemsize
    _need_bytes(path, size)
    yield Progress(0, size, f"reading {path.name}")
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as problem:
        raise _damaged(path, problem) from problem
    yield Progress(size, size, f"reading {path.name}")
    array: Array = SimpleITK.GetArrayFromImage(image)  # ([t,] z, y, x[, component])
    layered = _layered(array, len(shape), channels)  # (x, y, z, channel)
    warnings = (*_warnings(path), *not_finite_in_words(not_finite(np.ascontiguousarray(array))))
    if layered.dtype.kind == "c":
        layered, warnings = np.abs(layered), (*warnings, "its voxels are complex; their magnitude is shown")
    view, turned = to_ras(layered, affine)
    kind = "colour" if _is_colour(dtype, channels) else "frames" if layered.shape[3] > 1 else "scalar"
    return Volume(
        np.moveaxis(view, 3, 0),
        turned,
        Stored("ITK", layered.shape[: 4 if kind == "frames" else 3], axes_of(affine), affine, dtype),
        name=path.name,
        kind=kind,  # type: ignore[arg-type]
        warnings=warnings,
    )


def write(volume: Volume, path: Path) -> None:
    """Write in the voxel order the volume was stored in, compressed; scaling is put into the voxels."""
    affine = _affine_of(volume)
    stored = to_order(np.moveaxis(volume.voxels, 0, 3), volume.affine, affine)
    if path.suffix.lower() == ".mhd":
        raise Refused(path, "MetaImage is written as one file", "choose .mha")
    if not _is_orthogonal(affine):
        raise Refused(path, "this format cannot hold sheared axes", "write NIfTI (.nii.gz)")
    values = stored if (volume.slope, volume.intercept) == (1.0, 0.0) else _scaled(stored, volume)
    vector = values.shape[3] > 1
    array = np.ascontiguousarray(values.transpose(2, 1, 0, 3) if vector else values[..., 0].transpose(2, 1, 0))
    image = SimpleITK.GetImageFromArray(array, isVector=vector)
    lps = _LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    with putting(path) as waiting:
        try:
            SimpleITK.WriteImage(image, str(waiting), useCompression=True)
        except RuntimeError as problem:
            raise OSError(str(problem).splitlines()[-1]) from problem


READER = Reader("NRRD or MetaImage", sniff, read, describe, write)


def _header(path: Path) -> tuple[tuple[int, ...], Affine, "np.dtype[Any]", int]:
    """Return shape, affine (stored voxel to RAS mm), data type and components."""
    with opening(path), path.open("rb"):
        pass
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as problem:
        raise _damaged(path, problem) from problem
    dimensions = reader.GetDimension()
    if not 2 <= dimensions <= 4:
        raise Refused(path, f"it has {dimensions} axes", "give a picture, a volume or a series of volumes")
    size = tuple(reader.GetSize())
    kind = SimpleITK.GetPixelIDValueAsString(reader.GetPixelID())
    dtype = _TYPES.get(reader.GetPixelID() - _vector_offset(reader))
    if dtype is None:
        raise Refused(path, f"its voxels are {kind}, which cannot be shown", "convert it to numbers")
    direction = np.array(reader.GetDirection()).reshape(dimensions, dimensions)
    lps = np.eye(4)
    spatial = min(3, dimensions)
    lps[:spatial, :spatial] = direction[:spatial, :spatial] * np.array(reader.GetSpacing())[:spatial]
    lps[:spatial, 3] = reader.GetOrigin()[:spatial]
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    if not np.isfinite(lps).all() or lengths.min() < 1e-9 or abs(np.linalg.det(lps[:3, :3] / lengths)) < 1e-4:
        raise Refused(path, "its header gives directions or sizes that make no sense", "copy it again, or mend it")
    shape = size if dimensions > 2 else (*size, 1)
    return shape, _LPS_TO_RAS @ lps, np.dtype(dtype), reader.GetNumberOfComponents()


def _need_bytes(path: Path, size: int) -> None:
    """Refuse more voxels than the file can hold or the memory take; the data of a .mhd or .nhdr lie elsewhere."""
    if path.suffix.lower() in (".mha", ".nrrd") and size > MOST_PACKED * path.stat().st_size:
        with path.open("rb") as file:
            head = file.read(4096).lower()
        elsewhere = (
            b"data file:" in head or b"datafile:" in head or (b"elementdatafile" in head and b"local" not in head)
        )
        if not elsewhere:
            fault = f"its header declares {in_words(size)} of voxels and the file has {in_words(path.stat().st_size)}"
            raise Refused(path, fault, "it is cut short or damaged, copy it again")
    need_room(path, 2 * size)


def _vector_offset(reader: Any) -> int:
    """Vectors of a number type stand a fixed way behind the type itself."""
    return int(SimpleITK.sitkVectorUInt8 - SimpleITK.sitkUInt8) if reader.GetNumberOfComponents() > 1 else 0


def _layered(array: Array, axes: int, channels: int) -> Array:
    """([t,] z, y, x[, component]) → (x, y, z, channel), a view."""
    if channels > 1:
        volume = array if array.ndim == 4 else array[np.newaxis] if array.ndim == 3 else array[0]
        return volume.transpose(2, 1, 0, 3)
    if axes == 4:
        return array.transpose(3, 2, 1, 0)
    volume = array if array.ndim == 3 else array[np.newaxis]
    return volume.transpose(2, 1, 0)[..., np.newaxis]


def _is_colour(dtype: "np.dtype[Any]", channels: int) -> bool:
    return channels in (3, 4) and dtype == np.uint8


def _warnings(path: Path) -> tuple[str, ...]:
    """A NRRD without a space says nothing of left and right; ITK then assumes LPS."""
    with path.open("rb") as file:
        head = file.read(2048)
    if head.startswith(b"NRRD") and b"\nspace:" not in head and b"\nspace dimension:" not in head:
        return ("it does not say in which space it lies; left-posterior-superior is assumed",)
    return ()


def _damaged(path: Path, problem: RuntimeError) -> Refused:
    said = str(problem)
    if "emory" in said:
        return Refused(path, "its header declares more than memory holds", "copy it again from where it came")
    return Refused(path, "it is damaged or cut off, or its data file is missing", "copy it again from where it came")


def _affine_of(volume: Volume) -> Affine:
    """Affine of the voxels in the order they are written in: the stored one where they still lie on that grid."""
    try:
        to_order(volume.voxels[0], volume.affine, volume.stored.affine)
    except ValueError:
        return volume.affine
    back = to_ras(np.empty(volume.stored.shape[:3], np.bool_), volume.stored.affine)[1]
    return volume.stored.affine if np.allclose(back, volume.affine, atol=1e-6) else volume.affine


def _is_orthogonal(affine: Affine) -> bool:
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(unit.T @ unit, np.eye(3), atol=1e-4))


def _scaled(voxels: Array, volume: Volume) -> Array:
    return (voxels * np.float32(volume.slope) + np.float32(volume.intercept)).astype(np.float32)
