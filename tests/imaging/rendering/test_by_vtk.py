"""What VTK draws: never mirrored, in its place to the millimetre, cut where it is cut, and only what is shown."""

from dataclasses import replace

import numpy as np
import pytest

from medviz.imaging.rendering.sight import STANDARD, Sight, to_pixel
from medviz.imaging.rendering.studio import Studio
from medviz.imaging.rendering.view import View
from medviz.imaging.scene import Layer, Point
from medviz.imaging.volume import like
from tests.imaging.making import STRONGLY_OBLIQUE
from tests.imaging.rendering.phantoms import (
    BLUE,
    GREEN,
    RED,
    SIZE,
    ball,
    centred,
    labelled,
    middle_of,
    near,
    places,
    scene,
    shot,
    sides,
    volume,
)

SIX = (RED, GREEN, BLUE, (240, 230, 20), (230, 20, 230), (20, 230, 230))
GRID = np.array([[0.9, 0.3, 0.0], [-0.25, 0.95, 0.1], [0.05, -0.15, 1.0]])
"""Turned and sheared at once."""


@pytest.mark.trap("T1", "T2")
@pytest.mark.parametrize(
    ("letter", "left", "right", "top", "bottom"),
    [
        ("A", 2, 1, 5, 6), ("P", 1, 2, 5, 6), ("L", 3, 4, 5, 6), ("R", 4, 3, 5, 6), ("S", 1, 2, 3, 4), ("I", 2, 1, 3, 4)
    ],
)  # fmt: skip
@pytest.mark.parametrize("radiological", [True, False])
def test_every_side_of_the_patient_is_where_it_is_in_life(
    by_vtk: Studio, letter: str, left: int, right: int, top: int, bottom: int, radiological: bool
) -> None:
    """From the front the patient's left is at the viewer's right, whatever the convention of the slices."""
    scan, labels = sides()
    one = replace(scene(scan, labelled(scan, labels, *SIX)), radiological=radiological)
    seen = shot(by_vtk, one, View(sight=STANDARD[letter]))
    rows, cols = SIZE
    expected = {left: (rows / 2, 0), right: (rows / 2, cols), top: (0, cols / 2), bottom: (rows, cols / 2)}
    for value, (row, col) in expected.items():
        at = middle_of(near(seen, SIX[value - 1]))
        assert (at[0] - rows / 2) * (row - rows / 2) >= 0 and (at[1] - cols / 2) * (col - cols / 2) >= 0
        assert abs(at[0] - rows / 2) > 40 or abs(at[1] - cols / 2) > 40, f"label {value} stands at its side"


@pytest.mark.trap("T1", "T3", "T5", "T19")
@pytest.mark.parametrize(
    ("spacing", "turned"),
    [
        ((1.0, 1.0, 1.0), None),
        ((0.6, 0.9, 5.0), None),
        ((0.8, 1.1, 2.5), GRID),
        ((1.0, 1.0, 1.5), STRONGLY_OBLIQUE[:3, :3]),
    ],
    ids=["even", "thick", "sheared", "oblique"],
)  # fmt: skip
def test_what_is_under_the_pointer_is_known_to_a_voxel(
    by_vtk: Studio, spacing: tuple[float, float, float], turned: np.ndarray | None
) -> None:
    shape = tuple(round(44 / side) for side in spacing)
    scan, inside = ball(shape, spacing, 16.0, turned, at=(2.0, -3.0, 1.0))  # type: ignore[arg-type]
    one = scene(scan, labelled(scan, inside, RED))
    for sight in (STANDARD["A"], Sight(40.0, 30.0, 1.4, (3.0, -2.0)), STANDARD["S"]):
        seen = shot(by_vtk, one, View(sight=sight))
        for across, up in ((0.0, 0.0), (7.0, 4.0), (-6.0, 8.0)):
            right, high, eye = sight.axes
            flat = np.array([2.0, -3.0, 1.0]) + across * right + up * high
            want = flat + eye * np.sqrt(16.0**2 - across**2 - up**2)
            found = by_vtk.point_at(seen, *to_pixel(seen.frame, sight, SIZE, point(want)))
            assert found is not None
            off = np.abs(scan.to_voxel(found) - scan.to_voxel(want)).max()
            assert off < 1.0, f"{off:.2f} voxels beside it"


def test_a_ball_is_round_and_as_large_as_it_is(by_vtk: Studio) -> None:
    scan, inside = ball((40, 40, 10), (1.0, 1.0, 4.0), 15.0)
    one = scene(scan, labelled(scan, inside, RED))
    for turn, lift in ((0.0, 0.0), (50.0, 20.0), (90.0, 80.0)):
        sight = Sight(turn, lift)
        mask = near(shot(by_vtk, one, View(sight=sight)), RED)
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        seen = shot(by_vtk, one, View(sight=sight))
        a = to_pixel(seen.frame, sight, SIZE, (0.0, 0.0, 0.0))
        b = to_pixel(seen.frame, sight, SIZE, point(sight.axes[0] * 15.0))
        radius = b[1] - a[1]
        assert np.ptp(cols) / 2 == pytest.approx(radius, rel=0.09)
        assert np.ptp(rows) / 2 == pytest.approx(radius, rel=0.14), "thick slices leave a step"


def test_hidden_labels_vanish_and_come_back(by_vtk: Studio) -> None:
    scan, labels = sides()
    layer = labelled(scan, labels, *SIX)
    view = View(sight=STANDARD["A"])
    for change, gone in (
        ({"hidden_labels": frozenset({1, 2})}, True),
        ({"hidden_labels": frozenset()}, False),
        ({"visible": False}, True),
        ({"style": "off"}, True),
        ({"opacity": 0.0}, True),
    ):
        seen = shot(by_vtk, scene(scan, replace(layer, **change)), replace(view, cut="none"))
        assert near(seen, RED).any() != gone, change
        assert near(seen, BLUE).any() == ("hidden_labels" in change), change
    hidden = shot(by_vtk, replace(scene(scan, layer), overlays_hidden=True), view)
    assert not near(hidden, RED).any() and hidden.picture.max() > 60, "the scan's own surface is left"


def test_colours_and_opacity_follow_the_layer(by_vtk: Studio) -> None:
    scan, inside = ball()
    layer = labelled(scan, inside, RED)
    view = View(sight=STANDARD["A"])
    solid = shot(by_vtk, scene(scan, layer), view).picture[120, 150].astype(int)
    through = shot(by_vtk, scene(scan, replace(layer, opacity=0.2)), view).picture[120, 150].astype(int)
    assert 20 < through[0] < 0.7 * solid[0]
    green = replace(layer, labels=(replace(layer.labels[0], colour=GREEN),))
    assert near(shot(by_vtk, scene(scan, green), view), GREEN)[120, 150]


def test_what_is_inside_another_label_is_seen_through_it(by_vtk: Studio) -> None:
    scan, outer = ball()
    inner = ball(radius_mm=8.0)[1]
    layer = labelled(scan, np.where(inner, 2, outer), RED, BLUE)
    view = View(sight=STANDARD["A"])
    assert near(shot(by_vtk, scene(scan, layer), view), RED)[120, 150]
    alone = replace(layer, hidden_labels=frozenset({1}))
    assert near(shot(by_vtk, scene(scan, alone), view), BLUE)[120, 150]
    both = shot(by_vtk, scene(scan, replace(layer, opacity=0.25)), view).picture.astype(int)
    assert both[120, 150, 2] > both[120, 190, 2] + 30, "blue shines through where the inner ball is"


# -- cuts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["surfaces", "volume"])
@pytest.mark.parametrize(("cut", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
@pytest.mark.parametrize("turned", [None, GRID], ids=["straight", "sheared"])
def test_a_cut_takes_the_near_half_away_and_shows_the_slice(
    by_vtk: Studio, mode: str, cut: str, axis: int, turned: np.ndarray | None
) -> None:
    """Half a ball is left; the face shows the slice's own grey, which has a dark core that only a cut lays open."""
    shape = (48, 48, 48)
    scan, inside = ball(shape, turned=turned)
    core = (places(shape, scan.affine) ** 2).sum(axis=0) < 36
    scan = volume(np.where(core, 500, np.where(inside, 1000, 0)).astype(np.int16), scan.affine)
    one = scene(scan)
    normal = scan.inverse[axis, :3] / np.linalg.norm(scan.inverse[axis, :3])
    sight = {0: STANDARD["R"], 1: STANDARD["A"], 2: STANDARD["S"]}[axis]
    view = View(sight=sight, mode=mode, preset="window", cut=cut)  # type: ignore[arg-type]
    whole, half = shot(by_vtk, one, replace(view, cut="none")), shot(by_vtk, one, view)
    row, col = (round(part) for part in to_pixel(half.frame, sight, SIZE, (0.0, 0.0, 0.0)))
    pixel = half.picture[row, col].astype(int)
    assert np.ptp(pixel) <= 6 and 100 < pixel[0] < 155, "the core's grey, half of the window"
    assert np.abs(whole.picture[row, col].astype(int) - pixel).max() > 20
    found = by_vtk.point_at(half, row, col)
    assert found is not None
    assert abs(float((np.array(found) - scan.to_mm(one.voxel)) @ normal)) < 1.0, "the face lies in the plane"
    assert half.height_mm is not None and whole.picture.any()


def test_a_cut_is_where_the_cross_hair_is(by_vtk: Studio) -> None:
    scan, _ = ball()
    heights = []
    for index in (14, 24, 34):
        one = scene(scan).at_voxel((24.0, float(index), 24.0))
        seen = shot(by_vtk, one, View(sight=STANDARD["A"], cut="coronal"))
        row, col = (round(part) for part in to_pixel(seen.frame, STANDARD["A"], SIZE, (0.0, 0.0, 0.0)))
        assert seen.height_mm is not None
        heights.append(float(seen.height_mm[row, col]))
    np.testing.assert_allclose(np.diff(heights), 10.0, atol=0.2)


@pytest.mark.parametrize("mode", ["surfaces", "volume"])
def test_the_corner_nearest_the_eye_is_taken_away(by_vtk: Studio, mode: str) -> None:
    scan, _ = ball()
    one = scene(scan).at((0.0, 0.0, 0.0))
    for turn in (45.0, 135.0, 225.0, 315.0):
        view = View(sight=Sight(turn, 35.0), mode=mode, preset="window", cut="corner")  # type: ignore[arg-type]
        seen = shot(by_vtk, one, view)
        row, col = to_pixel(seen.frame, view.sight, SIZE, one.cursor)
        found = by_vtk.point_at(seen, row, col)
        assert found is not None
        np.testing.assert_allclose(found, one.cursor, atol=1.5, err_msg="one looks into the corner")
        whole = shot(by_vtk, one, replace(view, cut="none"))
        share = (np.abs(whole.picture.astype(int) - seen.picture).max(axis=2) > 8).mean()
        assert 0.05 < share < 0.35, "a corner, not a half"


def test_a_free_cut_lies_as_deep_as_it_is_asked(by_vtk: Studio) -> None:
    scan, _ = ball()
    one, sight = scene(scan).at((0.0, 0.0, 0.0)), Sight(30.0, 25.0)
    normal = point(sight.axes[2])
    for depth in (-6.0, 0.0, 9.0):
        seen = shot(by_vtk, one, View(sight=sight, cut="free", normal=normal, depth_mm=depth))
        row, col = (round(part) for part in to_pixel(seen.frame, sight, SIZE, (0.0, 0.0, 0.0)))
        assert seen.height_mm is not None
        from_cursor = float(seen.height_mm[row, col]) - float(
            sight.axes[2] @ (np.array(one.cursor) - seen.frame.middle_mm)
        )
        assert from_cursor == pytest.approx(depth, abs=0.2)
        assert np.ptp(seen.picture[row, col].astype(int)) <= 4, "grey"


def test_labels_are_seen_filled_on_the_face_of_a_cut(by_vtk: Studio) -> None:
    scan, _ = ball()
    core = ball(radius_mm=7.0)[1]
    layer = labelled(scan, core, BLUE)
    cut = View(sight=STANDARD["A"], cut="coronal", skin=True)
    pixel = shot(by_vtk, scene(scan, layer), cut).picture[120, 150].astype(int)
    assert pixel[2] > pixel[0] + 40 and pixel[0] > 60, "the scan's grey, tinted"


# -- volume, maximum, planes ----------------------------------------------------------------------------------------


def test_the_maximum_is_found_wherever_it_lies(by_vtk: Studio) -> None:
    inside = ball()[1]
    voxels = np.where(inside, 300, 0).astype(np.int16)
    voxels[30:33, 20:23, 28:31] = 1000
    want = tuple(float(part) for part in volume(voxels).to_mm((31, 21, 29)))
    one = scene(volume(voxels))
    for sight in (STANDARD["A"], Sight(70.0, 40.0)):
        view = View(sight=sight, mode="maximum")
        seen = shot(by_vtk, one, view)
        row, col = to_pixel(seen.frame, sight, SIZE, point(want))
        assert seen.picture[round(row), round(col)].min() > 200
        found = by_vtk.point_at(seen, row, col)
        assert found is not None
        np.testing.assert_allclose(found, want, atol=2.0)
        assert by_vtk.point_at(seen, 2.0, 2.0) is None


def test_while_it_moves_the_maximum_stays_in_its_place(by_vtk: Studio) -> None:
    voxels = np.where(ball((121, 108, 99), radius_mm=45.0)[1], 300, 0).astype(np.int16)
    voxels[90:92, 60:62, 20:22] = 1000
    one = scene(volume(voxels))
    want = tuple(float(part) for part in volume(voxels).to_mm((90.5, 60.5, 20.5)))
    for sight in (STANDARD["A"], Sight(65.0, 30.0)):
        for fast in (False, True):
            seen = shot(by_vtk, one, View(sight=sight, mode="maximum"), fast=fast)
            at = middle_of(seen.picture.min(axis=2) > 150)
            np.testing.assert_allclose(at, to_pixel(seen.frame, sight, SIZE, point(want)), atol=2.5)


def test_window_and_level_are_followed_by_maximum_and_volume(by_vtk: Studio) -> None:
    scan, _ = ball()
    for mode in ("maximum", "volume"):
        view = View(sight=STANDARD["A"], mode=mode, preset="window")  # type: ignore[arg-type]
        bright = shot(by_vtk, scene(scan, window=1000.0, level=500.0), view).picture[120, 150].max()
        dark = shot(by_vtk, scene(scan, window=2000.0, level=2000.0), view).picture[120, 150].max()
        assert bright > 120 > dark


@pytest.mark.parametrize("preset", ["ct_bone", "ct_soft", "mr_head", "mr_inside", "window"])
def test_a_click_into_a_volume_finds_its_surface(by_vtk: Studio, preset: str) -> None:
    scan, inside = ball()
    if preset.startswith("ct"):
        scan = volume(np.where(inside, 600, -1000).astype(np.int16), scan.affine)
    sight = Sight(20.0, 15.0)
    seen = shot(by_vtk, scene(scan), View(sight=sight, mode="volume", preset=preset))
    row, col = to_pixel(seen.frame, sight, SIZE, (0.0, 0.0, 0.0))
    found = by_vtk.point_at(seen, row, col)
    assert found is not None
    assert np.linalg.norm(found) == pytest.approx(18.0, abs=1.5)
    assert seen.picture[round(row), round(col)].max() > 60


@pytest.mark.trap("T19")
def test_a_volume_of_thick_slices_is_round(by_vtk: Studio) -> None:
    scan, _ = ball((64, 64, 10), (0.6, 0.6, 4.5), 15.0)
    seen = shot(by_vtk, scene(scan), View(sight=STANDARD["A"], mode="volume", preset="window"))
    mask = seen.picture.max(axis=2) > 50
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert np.ptp(rows) / np.ptp(cols) == pytest.approx(1.0, abs=0.17)


def test_three_planes_lie_where_they_lie_and_are_never_mirrored(by_vtk: Studio) -> None:
    """Each quarter of each plane has a grey of its own; it is found at its place in space."""
    shape = (40, 44, 36)
    affine = centred((1.0, 1.0, 1.0), shape)
    x, y, z = places(shape, affine)
    body = (np.abs(x) < 17) & (np.abs(y) < 19) & (np.abs(z) < 15)
    values = 300 + 200 * (x > 0) + 100 * (y > 0) + 50 * (z > 0)
    scan = volume(np.where(body, values, 0).astype(np.int16), affine)
    one = replace(scene(scan, window=1000.0, level=500.0).at((0.5, 0.5, 0.5)), smooth=False)
    view = View(sight=Sight(40.0, 30.0), mode="planes")
    seen = shot(by_vtk, one, view)
    for place in ((9.0, 0.5, 8.0), (-9.0, 0.5, 8.0), (0.5, 9.0, 8.0), (9.0, 9.0, 0.5), (-9.0, 9.0, 0.5)):
        row, col = (round(part) for part in to_pixel(seen.frame, view.sight, SIZE, place))
        found = by_vtk.point_at(seen, row, col)
        assert found is not None
        if np.linalg.norm(np.array(found) - place) > 2.0:
            continue  # another plane stands before it
        grey = seen.picture[row, col].mean() / 255.0 * 1000.0
        assert grey == pytest.approx(float(scan.value_at(place) or 0.0), abs=14.0), place


def test_probabilities_are_seen_from_their_level_on(by_vtk: Studio) -> None:
    scan, _ = ball()
    mm = places(scan.shape, scan.affine)
    chance = np.clip(1.0 - np.sqrt((mm**2).sum(axis=0)) / 20.0, 0.0, 1.0).astype(np.float32)
    layer = Layer(like(scan, chance, "p"), "probability", window=1.0, level=0.5, colours="magma", style="fill")
    radii = []
    for level in (0.3, 0.7):
        seen = shot(by_vtk, scene(scan, replace(layer, level=level)), View(sight=STANDARD["A"]))
        assert seen.height_mm is not None
        radii.append(float(np.nanmax(seen.height_mm)))
    np.testing.assert_allclose(radii, (14.0, 6.0), atol=0.8)


@pytest.mark.parametrize("kind", ["float32", "uint8", "uint16", "int32", "nan", "flat", "slope"])
def test_every_type_of_voxel_is_drawn(by_vtk: Studio, kind: str) -> None:
    scan, inside = ball()
    more: dict[str, object] = {}
    voxels = np.where(inside, 200, 0)
    if kind == "nan":
        voxels = np.where(inside, 200.0, np.nan).astype(np.float32)
    elif kind == "flat":
        voxels = np.zeros(inside.shape, np.int16)
    elif kind == "slope":
        voxels, more = np.where(inside, 40, 0).astype(np.int16), {"slope": 5.0, "intercept": 0.0}
    else:
        voxels = voxels.astype(kind)
    one = scene(volume(voxels, scan.affine, **more), window=200.0, level=100.0)
    for mode in ("surfaces", "volume", "maximum", "planes"):
        seen = shot(by_vtk, one, View(mode=mode, preset="window"))  # type: ignore[arg-type]
        assert (seen.picture.max() > 80) == (kind != "flat") or mode == "planes", mode


def test_a_coarse_picture_shows_the_same_as_a_fine_one(by_vtk: Studio) -> None:
    scan, labels = sides()
    one = scene(scan, labelled(scan, labels, *SIX))
    fine, coarse = (shot(by_vtk, one, View(), fast=fast) for fast in (False, True))
    assert np.abs(fine.picture.astype(int) - coarse.picture).mean() < 4.0


def point(place: np.ndarray | tuple[float, ...]) -> Point:
    return float(place[0]), float(place[1]), float(place[2])


@pytest.mark.parametrize("mode", ["volume", "maximum"])
def test_a_volume_can_be_seen_only_within_labels(by_vtk: Studio, mode: str) -> None:
    """A bright shell hides a core; within the core's label the core alone is seen, hidden labels do not count."""
    scan, inside = ball()
    core = ball(radius_mm=8.0)[1]
    scan = volume(np.where(core, 600, np.where(inside, 1000, 0)).astype(np.int16), scan.affine)
    layer = labelled(scan, np.where(core, 1, np.where(inside, 2, 0)), RED, GREEN)
    view = View(sight=STANDARD["A"], mode=mode, preset="window", within=True)  # type: ignore[arg-type]
    alone = replace(layer, hidden_labels=frozenset({2}))
    for shown, radius in ((layer, 18.0), (alone, 8.0), (layer, 18.0), (replace(alone, visible=False), 18.0)):
        seen = shot(by_vtk, scene(scan, shown), view)
        mask = seen.picture.max(axis=2) > 40
        scale = (
            to_pixel(seen.frame, view.sight, SIZE, (-1.0, 0.0, 0.0))[1]
            - to_pixel(seen.frame, view.sight, SIZE, (0.0, 0.0, 0.0))[1]
        )
        found = float(np.sqrt(mask.sum() / np.pi)) / scale
        assert found == pytest.approx(radius, abs=1.6), "the label and a voxel around it"
        assert by_vtk.point_at(seen, SIZE[0] / 2, SIZE[1] / 2) is not None


def test_with_a_graphics_card_volumes_look_and_are_cut_alike(by_vtk: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mapper is another one; here OpenGL in software stands in for the card."""
    monkeypatch.setenv("MEDVIZ_3D", "opengl")
    carded = Studio()
    try:
        scan, _ = ball(turned=GRID)
        one = scene(scan).at((2.0, 1.0, -1.0))
        for mode, cut in (("volume", "none"), ("volume", "corner"), ("volume", "coronal"), ("maximum", "none")):
            view = View(Sight(35.0, 25.0), mode, "window", cut=cut)  # type: ignore[arg-type]
            plain, card = (shot(studio, one, view).picture.astype(int) for studio in (by_vtk, carded))
            assert np.abs(plain - card).mean() < 10.0, (mode, cut)
            both = (plain.max(axis=2) > 16, card.max(axis=2) > 16)
            assert (both[0] & both[1]).sum() / (both[0] | both[1]).sum() > 0.9, (mode, cut)
    finally:
        carded.close()
