"""A scan goes to the network's grid and its answer comes back to its place, however the scan is stored."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from medviz.data.needs import Needs, in_bytes, turn
from medviz.imaging.volume import Stored, Volume
from medviz.refused import Refused

CUBE = Needs(axes="LIA", spacing="1,1,1", fit="conform", size="48,48,48", scale="unit")


def scan_of(voxels: np.ndarray, affine: np.ndarray) -> Volume:
    """As a reader makes it: the view of the stored voxels that is nearest to RAS+."""
    cosines = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    order = [int(axis) for axis in linear_sum_assignment(-cosines)[1]]
    turned, view = affine.copy(), voxels.transpose(order)
    turned[:3, :3] = affine[:3, order]
    for axis in range(3):
        if turned[axis, axis] < 0:
            turned[:3, 3] += turned[:3, axis] * (view.shape[axis] - 1)
            turned[:3, axis] *= -1
            view = np.flip(view, axis)
    return Volume(view[None], turned, Stored("test", voxels.shape, "RAS", affine, voxels.dtype), name="scan")


def corner() -> np.ndarray:
    """An L in three dimensions, no two views of it alike."""
    voxels = np.zeros((20, 24, 16), np.int16)
    voxels[4:14, 5:9, 3:6] = 100
    voxels[4:7, 5:20, 3:6] = 200
    voxels[4:7, 5:9, 3:13] = 300
    return voxels


def stored_in(order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """The same thing in the world, stored in another order."""
    affine = np.eye(4)
    affine[:3, 3] = (-7, 11, 3)
    voxels = corner().transpose(order)
    turned = affine.copy()
    turned[:3, :3] = affine[:3, list(order)]
    for axis, sign in enumerate(signs):
        if sign < 0:
            turned[:3, 3] += turned[:3, axis] * (voxels.shape[axis] - 1)
            turned[:3, axis] *= -1
            voxels = np.flip(voxels, axis)
    return scan_of(np.ascontiguousarray(voxels), turned)


@pytest.mark.trap("T1", "T7")
@pytest.mark.parametrize("needs", [CUBE, Needs(axes="PIR", spacing="1,1,1"), Needs(fit="stretch", size="20,24,16")])
def test_in_all_48_orders_the_network_sees_the_same_and_its_answer_lies_where_the_thing_is(needs: Needs) -> None:
    first = None
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        scan = stored_in(order, signs)
        seen = needs.prepared(scan)
        first = seen if first is None else first
        np.testing.assert_allclose(seen, first, atol=1e-6)
        np.testing.assert_allclose(needs.grid(scan)[:3, :3], np.diag([1, 1, 1]), atol=1e-6)
        back = needs.back(seen[0], scan)
        assert back.shape == scan.shape
        np.testing.assert_allclose(back, scan.frame() / 300, atol=1e-5)


@pytest.mark.trap("T3", "T5", "T7")
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 6.0), (2.0, 0.7, 1.3)])
@pytest.mark.parametrize("turned", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("fit", ["conform", "tiles", "stretch"])
def test_oblique_and_anisotropic_scans_come_back_to_their_place(
    spacing: tuple[float, float, float], turned: float, fit: str
) -> None:
    cos, sin = np.cos(turned), np.sin(turned)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, cos, -sin], [0, sin, cos]]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag(spacing)
    affine[:3, 3] = (40, -12, 5)
    shape = tuple(max(4, round(60 / one)) for one in spacing)
    mm = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, spacing, strict=True)), indexing="ij"), -1)
    voxels = (np.exp(-((mm - (22, 30, 36)) ** 2).sum(-1) / (2 * 9.0**2)) * 1000).astype(np.float32)
    scan = scan_of(voxels, affine)
    size = "110,110,110" if fit == "conform" else "60,60,60"
    needs = Needs(axes="LIA", spacing="1,1,1", fit=fit, size="" if fit == "tiles" else size, scale="none")
    seen = needs.prepared(scan)
    peak = np.unravel_index(seen[0].argmax(), seen.shape[1:])
    place = (needs.grid(scan) @ [*peak, 1])[:3]
    meant = (affine @ [*(np.array((22, 30, 36)) / spacing), 1])[:3]
    assert np.linalg.norm(place - meant) < 0.75 * max(1.0, max(spacing)), "what the network sees lies where it is"
    back = needs.back(seen[0], scan)
    assert np.abs(back - scan.frame()).max() < 0.2 * 1000
    found, want = back > 500, scan.frame() > 500
    assert 2 * (found & want).sum() / (found.sum() + want.sum()) > 0.9


@pytest.mark.trap("T7")
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_scan_of_one_slice_comes_back_as_one_slice(axis: int) -> None:
    voxels = np.take(corner(), [5], axis=axis)
    scan = scan_of(voxels, np.diag([1.0, 1.0, 1.0, 1.0]))
    for needs in (CUBE, Needs(spacing="0.5,0.5,0.5"), Needs(fit="stretch", size="16,16,16", smooth=False)):
        seen = needs.prepared(scan)
        back = needs.back(seen[0], scan)
        assert back.shape == scan.shape and back.max() > 0


def test_a_conformed_scan_is_left_as_it_is_to_the_voxel() -> None:
    """The same voxels, moved by whole ones: the picture must not be blurred by half a voxel."""
    scan = stored_in((0, 1, 2), (1, 1, 1))
    seen = CUBE.prepared(scan)[0]
    assert set(np.unique(np.rint(seen * 300))) == {0, 100, 200, 300}
    assert np.count_nonzero(seen) == np.count_nonzero(corner())


def test_eight_bits_are_taken_as_freesurfer_takes_them() -> None:
    values = np.linspace(0, 4000, 40_001, dtype=np.float32)
    whole = in_bytes(values)
    assert whole.min() == 0 and whole.max() == 255 and np.array_equal(whole, np.rint(whole))
    assert whole[20_000] == pytest.approx(255 / 2 / 0.999, abs=1)


@pytest.mark.parametrize(
    ("needs", "low", "high"),
    [
        (Needs(), 0.0, 1.0),
        (Needs(clip="values", low=-100, high=300, scale="unit", gain=2, offset=-1), -1.0, 1.0),
        (Needs(clip="percentiles", low=0.5, high=99.5), 0.0, 1.0),
        (Needs(scale="none"), -1000.0, 2000.0),
    ],
)
def test_intensities_are_cut_and_scaled_as_said(needs: Needs, low: float, high: float) -> None:
    voxels = np.linspace(-1000, 2000, 4096, dtype=np.float32).reshape(16, 16, 16)
    seen = needs.prepared(scan_of(voxels, np.eye(4)))
    assert (seen.min(), seen.max()) == (pytest.approx(low), pytest.approx(high))


def test_spread_is_measured_over_all_and_over_what_is_not_nothing() -> None:
    voxels = np.zeros((16, 16, 16), np.float32)
    voxels[4:12] = np.random.default_rng(0).normal(50, 5, (8, 16, 16))
    every = Needs(scale="spread").prepared(scan_of(voxels, np.eye(4)))
    assert every.mean() == pytest.approx(0, abs=1e-4) and every.std() == pytest.approx(1, abs=1e-3)
    some = Needs(scale="nonzero").prepared(scan_of(voxels, np.eye(4)))[0]
    assert not some[:4].any()
    assert some[4:12].mean() == pytest.approx(0, abs=1e-4) and some[4:12].std() == pytest.approx(1, abs=1e-3)


def test_hounsfield_units_are_meant_and_not_what_is_stored() -> None:
    voxels = np.full((8, 8, 8), 1024, np.int16)
    scan = scan_of(voxels, np.eye(4))
    shifted = Volume(scan.voxels, scan.affine, scan.stored, slope=2.0, intercept=-1024.0)
    assert Needs(scale="none").prepared(shifted).max() == 1024.0


def test_too_few_channels_are_refused() -> None:
    with pytest.raises(Refused, match="channel"):
        Needs(channels=2).prepared(stored_in((0, 1, 2), (1, 1, 1)))


@pytest.mark.parametrize(
    "values",
    [
        {"axes": "RAX"},
        {"axes": "RLS"},
        {"axes": ""},
        {"spacing": "1,1"},
        {"spacing": "1,0,1"},
        {"spacing": "a,b,c"},
        {"fit": "conform"},
        {"fit": "stretch", "size": "10,10"},
        {"clip": "values", "low": 5.0, "high": 5.0},
        {"channels": 0},
        {"scale": "sideways"},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(values: dict[str, object]) -> None:
    with pytest.raises(Refused):
        Needs.of(values)


def test_needs_come_back_from_plain_values() -> None:
    assert Needs.of(CUBE.plain()) == CUBE


@pytest.mark.parametrize("axes", ["".join(o) for p in permutations(("RL", "AP", "SI")) for o in product(*p)])
def test_turning_to_a_network_and_back_is_nothing(axes: str) -> None:
    order, flips = turn(axes)
    voxels = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    turned = np.flip(voxels.transpose(order), flips)
    for axis, letter in enumerate(axes):  # along each axis of the network the coordinate runs as its letter says
        forward = letter in "RAS"
        ras = ("RAS" if forward else "LPI").find(letter)
        grown = np.flip(np.indices(voxels.shape)[ras].transpose(order), flips)
        assert (np.diff(grown, axis=axis) == (1 if forward else -1)).all()
    assert np.array_equal(np.flip(turned, flips).transpose([order.index(k) for k in range(3)]), voxels)
