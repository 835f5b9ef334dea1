"""Surfaces of labels: closed, in their place, and as large as their voxels."""

import numpy as np
import pytest

from tests.imaging.rendering.phantoms import ball, centred, places

meshes = pytest.importorskip("medviz.imaging.rendering.machine.meshes")

SHEAR = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, 0.15], [0.0, 0.0, 1.0]])


def many(side: int = 60, count: int = 5) -> np.ndarray:
    """A ball in blocks of count³ labels that touch each other."""
    blocks = sum(
        (np.arange(side) * count // side).reshape([-1 if n == axis else 1 for n in range(3)]) * count**axis
        for axis in range(3)
    )
    labels = np.asarray(blocks + 1, np.uint8)
    away = places((side,) * 3, centred((1.0, 1.0, 1.0), (side,) * 3))
    labels[(away**2).sum(axis=0) > (side * 0.46) ** 2] = 0
    return labels


@pytest.mark.trap("T19")
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 7.5), (0.78, 0.78, 6.5), (2.0, 0.6, 1.1)])
@pytest.mark.parametrize("turned", [None, SHEAR], ids=["straight", "sheared"])
def test_a_surface_holds_the_volume_of_its_voxels(spacing: tuple[float, ...], turned: np.ndarray | None) -> None:
    shape = tuple(round(50 / side) for side in spacing)
    scan, inside = ball(shape, spacing, 17.0, turned)  # type: ignore[arg-type]
    mesh = meshes.label_mesh(inside.astype(np.uint8), scan.affine)
    held = inside.sum() * scan.voxel_ml * 1000.0
    assert mesh.volumes_mm3[1] == pytest.approx(held, rel=0.01)
    assert np.abs(mesh.points.mean(axis=0)).max() < max(spacing) / 2, "its middle is at 0 mm"


@pytest.mark.trap("T18")
def test_every_one_of_many_labels_is_closed_and_holds_its_volume() -> None:
    labels = many()
    mesh = meshes.label_mesh(labels, np.eye(4))
    held = np.bincount(labels.ravel())
    there = np.flatnonzero(held[1:]) + 1
    assert len(there) > 90
    large = there[held[there] >= 64]
    np.testing.assert_allclose(mesh.volumes_mm3[large], held[large], rtol=0.03)
    for value in there[::7]:
        _, triangles = mesh.of(int(value))
        edges = np.sort(np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), axis=1)
        _, counts = np.unique(edges, axis=0, return_counts=True)
        assert (counts % 2 == 0).all(), f"label {value} has a hole"


def test_what_two_labels_share_is_there_from_either_side() -> None:
    labels = np.zeros((20, 12, 12), np.uint8)
    labels[3:10, 3:9, 3:9], labels[10:17, 3:9, 3:9] = 1, 2
    mesh = meshes.label_mesh(labels, np.eye(4))
    one, other = (mesh.beyond == 2) & (mesh.label == 1), (mesh.beyond == 1) & (mesh.label == 2)
    assert one.sum() == other.sum() > 10
    assert mesh.volumes_mm3[1:] == pytest.approx([252.0, 252.0], rel=0.01)
    outward = mesh.normals[mesh.label_of_point == 1, 0]
    at_wall = np.abs(mesh.points[mesh.label_of_point == 1, 0] - 9.5) < 0.3
    assert outward[at_wall].mean() > 0.5, "normals lead out of the label they belong to"


def test_labels_at_the_edge_of_the_scan_are_closed_too() -> None:
    mesh = meshes.label_mesh(np.ones((6, 7, 8), np.uint8), np.diag([2.0, 1.0, 1.0, 1.0]))
    assert mesh.volumes_mm3[1] == pytest.approx(2.0 * 6 * 7 * 8, rel=0.02)


def test_large_numbers_and_nothing_at_all() -> None:
    labels = np.zeros((12, 12, 12), np.uint16)
    assert not len(meshes.label_mesh(labels, np.eye(4)).triangles)
    labels[3:9, 3:9, 3:9] = 40000
    mesh = meshes.label_mesh(labels, np.eye(4))
    assert (mesh.label == 40000).all() and mesh.volumes_mm3[40000] == pytest.approx(216.0, rel=0.03)


def test_a_mirrored_grid_is_not_turned_inside_out() -> None:
    scan, inside = ball((30, 30, 30), radius_mm=10.0)
    mirrored = scan.affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
    mesh = meshes.label_mesh(inside.astype(np.uint8), mirrored)
    assert mesh.volumes_mm3[1] == pytest.approx(inside.sum(), rel=0.01)


def test_a_mesh_for_while_it_moves_is_small_and_keeps_its_labels() -> None:
    labels = np.kron(many(48, 3), np.ones((3, 3, 3), np.uint8))
    mesh = meshes.label_mesh(labels, np.eye(4))
    assert len(mesh.triangles) > meshes.FAST_TRIANGLES
    few = mesh.fast
    assert len(few.triangles) < 0.5 * len(mesh.triangles) and set(few.label) == set(mesh.label)
    there = np.flatnonzero(np.bincount(labels.ravel())[1:] > 20000) + 1
    np.testing.assert_allclose(few.volumes_mm3[there], mesh.volumes_mm3[there], rtol=0.06)


def test_building_can_be_ended_at_each_step() -> None:
    class Enough(Exception):
        pass

    def report(share: float) -> None:
        if share > 0.4:
            raise Enough

    with pytest.raises(Enough):
        meshes.label_mesh(many(), np.eye(4), report)


def test_the_surface_of_a_field_is_where_it_has_the_level() -> None:
    scan, _ = ball()
    away = np.sqrt((places(scan.shape, scan.affine) ** 2).sum(axis=0))
    field = np.clip(255 - away * 8, 0, 255).astype(np.uint8)
    mesh = meshes.level_mesh(field, scan.affine, 255 - 8 * 15.0)
    np.testing.assert_allclose(np.linalg.norm(mesh.points, axis=1), 15.0, atol=0.2)
    assert mesh.volumes_mm3[1] == pytest.approx(4 / 3 * np.pi * 15.0**3, rel=0.02)
