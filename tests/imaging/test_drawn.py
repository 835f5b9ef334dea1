"""A slice drawn without a window is the slice that the window shows: square, lettered, with its overlays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medviz.imaging.drawn import drawing, drawn, label_values, layer_table, outline, overlay_rgba, value_rgba
from medviz.imaging.intensity import colour_map
from medviz.imaging.labels import Label, named
from medviz.imaging.mixing import Mix
from medviz.imaging.scene import Layer, Scene, Second
from medviz.imaging.slabs import Slab
from medviz.imaging.slices import PLANES, cut
from medviz.imaging.turning import turned
from medviz.imaging.volume import like
from medviz.refused import Refused
from tests.imaging.making import opened, volume

RED, GREEN = (255, 0, 0), (0, 255, 0)
LABELS = (Label(1, "one", RED), Label(2, "two", GREEN))


def ramp(shape=(20, 30, 10), affine=None, **fields) -> Scene:
    """A scan that grows brighter toward the patient's right, from 0 to 255."""
    voxels = np.zeros(shape, np.uint8)
    voxels[:] = np.linspace(0, 255, shape[0]).astype(np.uint8)[:, None, None]
    scan = volume(voxels, np.eye(4) if affine is None else affine, **fields)
    return Scene((Layer(scan, window=255, level=127.5),), smooth=False).at_voxel(tuple(size // 2 for size in shape))


def with_mask(scene: Scene, **fields) -> Scene:
    mask = np.zeros(scene.scan.shape, np.uint8)
    mask[4:12, 8:20, 2:8] = 1
    mask[8:12, 12:20, 2:8] = 2
    how = {"role": "labels", "labels": LABELS, "opacity": 1.0, "style": "fill"} | fields
    return scene.adding(Layer(like(scene.scan, mask), **how))


def test_grey_values_go_through_the_window() -> None:
    scene = ramp()
    plain = drawn(scene, "axial", letters=False)
    assert plain.shape == (30, 20, 3) and plain.dtype == np.uint8
    assert np.array_equal(plain[..., 0], cut(scene.scan, "axial", 5).pixels)
    narrow = drawn(scene.with_layer(0, window=2, level=128), "axial", letters=False)
    assert set(np.unique(narrow)) <= {0, 255} and (narrow[:, 0] == 255).all() and (narrow[:, -1] == 0).all()


def test_the_convention_turns_the_picture() -> None:
    scene = ramp()
    there, back = (drawn(replace(scene, radiological=flag), "axial", letters=False) for flag in (True, False))
    assert np.array_equal(there, back[:, ::-1])
    assert drawing(scene, "coronal").letters == ("R", "L", "S", "I")


@pytest.mark.trap("T19")
@pytest.mark.parametrize("plane", PLANES)
def test_a_ball_is_round_in_each_plane_however_flat_the_voxels(plane) -> None:
    spacing = np.array([0.5, 0.5, 6.0])
    shape = (80, 80, 9)
    x, y, z = (np.arange(size) * mm - (size - 1) * mm / 2 for size, mm in zip(shape, spacing, strict=True))
    inside = x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2 <= 15.0**2
    scan = volume(inside.astype(np.uint8), np.diag([*spacing, 1.0]))
    scene = Scene((Layer(scan, window=1, level=0.5),)).at_voxel((40, 40, 4))
    made = drawing(scene, plane, 400, letters=False)
    rows, cols = np.nonzero(made.pixels[..., 0] > 127)
    tall, wide = np.ptp(rows) * made.mm_per_pixel, np.ptp(cols) * made.mm_per_pixel
    assert wide == pytest.approx(30, abs=6.5) and tall == pytest.approx(30, abs=6.5)
    if plane == "axial":
        assert tall == pytest.approx(wide, abs=0.3)


def test_size_is_the_longer_side_or_a_box_to_fit_into() -> None:
    scene = ramp(affine=np.diag([1.0, 1.0, 5.0, 1.0]))
    assert drawn(scene, "axial", 300, letters=False).shape == (300, 200, 3)
    assert drawn(scene, "coronal", letters=False).shape == (50, 20, 3)
    boxed = drawing(scene, "axial", (640, 480), letters=False)
    assert boxed.pixels.shape == (480, 640, 3) and boxed.mm_per_pixel == pytest.approx(30 / 480)
    assert not boxed.pixels[:, :150].any()


def test_the_cursor_is_where_the_drawing_says() -> None:
    scene = ramp(affine=np.diag([1.0, 2.0, 3.0, 1.0])).at_voxel((3, 20, 4))
    mask = np.zeros(scene.scan.shape, np.uint8)
    mask[3, 20, 4] = 1
    scene = scene.adding(Layer(like(scene.scan, mask), role="labels", labels=LABELS, style="fill", opacity=1.0))
    for plane in PLANES:
        for how in ({"size": 300}, {"size": (400, 300)}, {"size": 300, "frame": True}, {}):
            made = drawing(scene, plane, letters=False, **how)
            rows, cols = np.nonzero((made.pixels == RED).all(axis=-1))
            assert (rows.mean(), cols.mean()) == pytest.approx(made.place, abs=1.01)


@pytest.mark.trap("T11")
def test_an_uncalibrated_picture_has_square_pixels_and_no_mm() -> None:
    made = drawing(ramp(calibrated=False, oriented=False), "axial", 300, frame=True)
    assert made.mm_per_pixel is None and made.letters == ("", "", "", "")


def test_letters_are_burnt_in_or_left_out() -> None:
    scene = ramp((200, 200, 20))
    bare, lettered = (drawn(scene, "axial", letters=flag) for flag in (False, True))
    changed = (bare != lettered).any(axis=-1)
    assert changed[80:120, :25].any() and changed[80:120, -25:].any()
    assert changed[:25, 80:120].any() and changed[-25:, 80:120].any()
    assert not changed[30:-30, 30:-30].any()


def test_a_frame_covers_nothing_of_the_picture() -> None:
    scene = ramp((200, 150, 20))
    bare = drawn(scene, "axial", letters=False)
    framed = drawn(scene, "axial", frame=True)
    found = [
        (top, left)
        for top in range(20, 40)
        for left in range(framed.shape[1] - 200)
        if np.array_equal(framed[top : top + 150, left : left + 200], bare)
    ]
    assert len(found) == 1
    assert framed[-40:].any(), "what a reader must know stands below"


def test_fill_paints_labels_in_their_colours() -> None:
    scene = with_mask(ramp())
    made = drawn(scene, "axial", letters=False)
    mask = cut(scene.layers[1].volume, "axial", 5).pixels
    assert (made[mask == 1] == RED).all() and (made[mask == 2] == GREEN).all()
    assert np.array_equal(made[mask == 0], drawn(ramp(), "axial", letters=False)[mask == 0])


def test_half_opacity_is_half_of_each() -> None:
    scene = with_mask(ramp(), opacity=0.5)
    made, below = drawn(scene, "axial", letters=False), drawn(ramp(), "axial", letters=False)
    where = cut(scene.layers[1].volume, "axial", 5).pixels == 1
    assert np.allclose(made[where], (below[where].astype(float) + RED) / 2, atol=1.5)


@pytest.mark.trap("T26")
def test_hidden_overlays_labels_and_layers_are_not_drawn() -> None:
    bare = drawn(ramp(), "axial", letters=False)
    scene = with_mask(ramp())
    for hidden in (
        replace(scene, overlays_hidden=True),
        scene.with_layer(1, visible=False),
        scene.with_layer(1, style="off"),
        scene.with_layer(1, opacity=0.0),
        scene.with_layer(1, hidden_labels=frozenset((1, 2))),
    ):
        assert np.array_equal(drawn(hidden, "axial", letters=False), bare)
    solo = drawn(scene.with_layer(1, hidden_labels=frozenset((1,))), "axial", letters=False)
    mask = cut(scene.layers[1].volume, "axial", 5).pixels
    assert (solo[mask == 2] == GREEN).all() and np.array_equal(solo[mask == 1], bare[mask == 1])


def test_an_outline_lies_on_the_inner_side_of_each_border() -> None:
    labels = np.zeros((12, 12), np.uint8)
    labels[2:10, 2:10] = 1
    labels[2:10, 6:10] = 2
    edge = outline(labels)
    assert edge[2:10, 2].all() and edge[2, 2:10].all() and edge[9, 2:10].all() and edge[2:10, 9].all()
    assert edge[2:10, 5:7].all(), "both sides of the border between two labels"
    assert not edge[4:8, 3:5].any() and not edge[labels == 0].any()
    wide = outline(labels, 2)
    assert wide[3:9, 3].all() and wide[4:8, 8].all() and not wide[labels == 0].any()
    assert not outline(np.ones((5, 5), np.uint8)).any(), "the edge of the picture is no border"


@pytest.mark.trap("T19")
def test_an_outline_is_equally_thin_all_round_on_flat_voxels() -> None:
    scene = with_mask(ramp(affine=np.diag([1.0, 1.0, 8.0, 1.0])), style="outline")
    made = drawn(scene, "coronal", letters=False)
    coloured = (made[..., 0] != made[..., 1]) | (made[..., 0] != made[..., 2])
    inside = np.argwhere(coloured)
    middle = coloured[:, inside[:, 1].max() - 1]
    assert middle.sum() <= 4, "a horizontal border is a line and not a bar of eight pixels"


def test_a_hidden_label_leaves_no_border_behind() -> None:
    table = np.zeros((256, 4), np.uint8)
    table[1] = (*RED, 255)
    labels = np.zeros((9, 9), np.uint8)
    labels[1:8, 1:8] = 1
    labels[1:8, 5:8] = 2
    drawn_over = overlay_rgba(labels, table, "outline")
    assert not drawn_over[labels == 2].any() and (drawn_over[1:8, 4, 3] == 255).all()


def test_a_proposal_is_hatched() -> None:
    labels = np.zeros((60, 60), np.uint8)
    labels[5:55, 5:55] = 1
    table = layer_table(Layer(volume(labels[..., None]), role="labels", labels=LABELS))
    plain, proposed = (overlay_rgba(labels, table, "outline", proposal=flag)[..., 3] > 0 for flag in (False, True))
    assert not plain[20:40, 20:40].any() and proposed[20:40, 20:40].any()
    assert proposed[5, 5:55].sum() < plain[5, 5:55].sum() and not proposed[labels == 0].any()


def test_labels_of_any_type_and_number_have_a_colour() -> None:
    for dtype, most in ((np.uint8, 200), (np.int16, 12_175), (np.float32, 12_175), (np.int64, 12_175)):
        seen = cut(volume(np.array([[[0, 1, most]]], dtype).transpose(2, 1, 0)), "axial", 0, radiological=False)
        values = label_values(seen)
        assert values.dtype == np.uint16 and values.tolist() == [[0, 1, most]]
        layer = Layer(volume(np.zeros((1, 1, 1))), role="labels", labels=named(("one",)))
        rgba = overlay_rgba(values, layer_table(layer, most), "fill")
        assert rgba[0, :, 3].tolist() == [0, 255, 255]
    odd = cut(volume(np.array([np.nan, -3.0, 70_000.0]).reshape(3, 1, 1)), "axial", 0, radiological=False)
    assert label_values(odd).tolist() == [[0, 0, 65535]]


def test_a_probability_fades_in_and_is_clear_outside_its_grid() -> None:
    values = np.array([0.0, 0.25, 0.5, 1.0, np.nan]).reshape(5, 1, 1)
    layer = Layer(volume(values), role="probability", window=1.0, level=0.5, colours="magma", opacity=0.8)
    rgba = value_rgba(cut(volume(values), "axial", 0, radiological=False), layer)[0]
    assert rgba[0, 3] == 0 and rgba[4, 3] == 0
    assert 0 < rgba[1, 3] < rgba[2, 3] < rgba[3, 3] == round(255 * 0.8)
    assert rgba[3, :3].tolist() == colour_map("magma")[255, :3].tolist()


@pytest.mark.trap("T6")
def test_an_overlay_on_another_grid_is_drawn_where_its_affine_says() -> None:
    scene = ramp((40, 40, 10))
    small = volume(np.ones((5, 5, 5), np.uint8), np.array([[2.0, 0, 0, 10], [0, 2, 0, 20], [0, 0, 2, 1], [0, 0, 0, 1]]))
    scene = scene.adding(Layer(small, role="labels", labels=LABELS, style="fill", opacity=1.0))
    made = drawn(scene, "axial", letters=False)
    rows, cols = np.nonzero((made == RED).all(axis=-1))
    assert (39 - cols.max(), 39 - cols.min()) == (9, 18) and (39 - rows.max(), 39 - rows.min()) == (19, 28)


def test_a_colour_picture_is_drawn_as_it_is() -> None:
    colour = np.random.default_rng(0).integers(0, 255, (3, 6, 5, 1), np.uint8)
    scene = Scene((Layer(volume(colour, kind="colour", calibrated=False, oriented=False)),)).at_voxel((0, 0, 0))
    made = drawn(scene, "axial")
    assert np.array_equal(made, np.stack([cut(scene.scan, "axial", 0, part).pixels for part in range(3)], axis=2))


def test_what_is_no_number_is_drawn_black() -> None:
    voxels = np.full((6, 6, 6), 100.0, np.float32)
    voxels[2, 2, 2] = np.nan
    scene = Scene((Layer(volume(voxels), window=100, level=50),)).at_voxel((2, 2, 2))
    assert np.argwhere(drawn(scene, "axial", letters=False)[..., 0] == 0).tolist() == [[3, 3]]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(Refused, match="no scan"):
        drawn(Scene(), "axial")
    for size in (0, -5, 100_000, (0, 10)):
        with pytest.raises(Refused, match="size"):
            drawn(ramp(), "axial", size)


@pytest.mark.data
@pytest.mark.trap("T1", "T19")
def test_one_brain_in_three_orders_is_drawn_alike(data: Path) -> None:
    made = []
    for name in ("RAS", "LPS", "PIL"):
        scan = opened(data / "volumes" / "orientations" / f"{name}.nii.gz")
        scene = Scene((Layer(scan, window=80, level=40),)).at((0.0, -10.0, 20.0))
        made.append([drawn(scene, plane, 200) for plane in PLANES])
    for other in made[1:]:
        for one, meant in zip(other, made[0], strict=True):
            assert np.abs(one.astype(int) - meant).mean() < 1.0


# -- turned, slabs, two scans -------------------------------------------------------------------------------------


def test_a_turned_slice_is_drawn_with_its_letters_and_the_black_beside_it() -> None:
    scene = with_mask(ramp((40, 40, 40)))
    turned_scene = turned(scene, "coronal", 30.0)
    made = drawing(turned_scene, "axial", letters=False)
    assert made.letters == ("RS", "LI", "A", "P") and made.mm_per_pixel == 1.0
    assert made.pixels.shape[1] > 40 and not made.pixels[0, 0].any(), "beside the scan it is black"
    row, col = made.place
    assert tuple(made.pixels[round(row), round(col)]) == tuple(
        drawing(scene, "axial", letters=False).pixels[tuple(round(p) for p in drawing(scene, "axial").place)]
    ), "the cursor's voxel is the same from every side"
    framed = drawing(turned_scene, "axial", frame=True)
    assert framed.pixels.shape[0] > made.pixels.shape[0]


def test_turned_labels_stay_labels() -> None:
    scene = turned(with_mask(ramp((40, 40, 40))).at_voxel((8, 14, 5)), "sagittal", 25.0)
    for style in ("fill", "outline"):
        pixels = drawn(scene.with_layer(1, style=style), "coronal", letters=False)
        colours = {tuple(int(part) for part in one) for one in pixels.reshape(-1, 3) if one.max() > 0 and np.ptp(one)}
        assert colours <= {RED, GREEN} and colours, "no colour between two labels"


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("how", ["max", "min", "mean"])
def test_a_slab_is_drawn_as_it_is_on_the_screen(plane, how) -> None:
    voxels = np.random.default_rng(0).integers(0, 255, (16, 14, 12)).astype(np.uint8)
    scene = Scene((Layer(volume(voxels), window=255, level=127.5),), smooth=False).at_voxel((8, 7, 6))
    thick = replace(scene, slab=Slab(how, 4.0))
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    middle = (8, 7, 6)[axis]
    joined = {"max": np.max, "min": np.min, "mean": np.mean}[how](
        voxels.take(range(middle - 2, middle + 3), axis), axis
    )
    flat = joined.T[::-1, ::-1]
    assert drawn(thick, plane, letters=False)[..., 0] == pytest.approx(np.rint(flat), abs=1)
    assert not np.array_equal(drawn(thick, plane, letters=False), drawn(scene, plane, letters=False))


def test_a_second_scan_is_mixed_in_by_its_affine() -> None:
    dark, coarse = ramp((40, 40, 40)), volume(np.full((20, 20, 20), 200, np.uint8), np.diag([2.0, 2.0, 2.0, 1.0]))
    layer = Layer(coarse, window=255, level=127.5)
    scene = replace(dark.with_layer(0, level=500.0), second=Second(layer, mix=Mix("blend", 1.0)))
    assert drawn(scene, "axial", letters=False)[20, 20, 0] == 200
    tiles = drawn(replace(scene, second=Second(layer, mix=Mix("tiles", tile_mm=10.0))), "axial", letters=False)
    assert set(np.unique(tiles[2:38, 2:38])) == {0, 200}
    less = drawn(replace(scene, second=Second(layer, mix=Mix("difference"))), "axial", letters=False)
    assert less[20, 20, 0] > less[20, 20, 2], "brighter than the first: red"
