import json
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from medviz.data.needs import Needs
from medviz.data.preparation import Preparation
from medviz.figures import Gallery
from medviz.imaging.frames import Pending
from medviz.imaging.readers import read, write
from medviz.imaging.volume import Stored, Volume
from medviz.messages import Message, Note, Progress, Work, finished
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training.using import running
from medviz.training.using.estimating import memory_bytes
from medviz.training.using.formats import load
from medviz.training.using.formats.own import built
from medviz.training.using.inference import Wishes, label_map, most_likely, predict, predicted
from medviz.training.using.model import Model, Prepares
from medviz.training.using.running import probabilities

CPU = torch.device("cpu")


def volume(voxels: np.ndarray, affine: np.ndarray | None = None, name: str = "scan") -> Volume:
    placed = np.eye(4) if affine is None else affine
    return Volume(voxels[None], placed, Stored("test", voxels.shape, "RAS", placed, voxels.dtype), name=name)


def picture(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)


def model(dimensions: int = 2, norm: str = "instance", **preparation: object) -> Model:
    torch.manual_seed(0)
    network = UNet(1, 3, dimensions, 4, 3, norm).eval()  # type: ignore[arg-type]
    return Model("test", network, Preparation(dimensions, **preparation), ("one", "two"))  # type: ignore[arg-type]


class Thresholds(nn.Module):
    """Class by brightness alone: 0 below 0, 1 up to 1, 2 above; what it says of a voxel does not hang on its place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 20 * torch.cat([-x, 1 - 2 * (x - 0.5).abs(), x - 1], 1)


def by_brightness(**preparation: object) -> Model:
    return Model("brightness", Thresholds(), Preparation(**preparation), ("one", "two"))  # type: ignore[arg-type]


def test_slices_come_out_as_if_the_network_had_seen_each_alone() -> None:
    made, image = model(), picture(40, 33, 5)[None]
    found = finished(probabilities(made, image, CPU))
    for k in range(5):
        with torch.no_grad():
            direct = made.network(torch.from_numpy(image[None, ..., k]))[0].softmax(0)
        assert torch.equal(found[..., k], direct)


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_slices_run_across_the_axis_the_network_was_trained_on(normal: int) -> None:
    made, image = model(normal=normal), picture(20, 24, 28)[None]
    found = finished(probabilities(made, image, CPU))
    with torch.no_grad():
        direct = made.network(torch.from_numpy(np.take(image, [7], axis=normal + 1)).squeeze(normal + 1)[None])
    assert torch.equal(found.select(normal + 1, 7), direct[0].softmax(0))


def test_a_volume_that_fits_one_tile_is_a_plain_forward_pass() -> None:
    made, image = model(3), picture(20, 17, 12)[None]
    with torch.no_grad():
        direct = made.network(torch.from_numpy(image)[None])[0].softmax(0)
    assert torch.equal(finished(probabilities(made, image, CPU)), direct)


def test_overlapping_tiles_agree_with_the_whole_where_the_network_sees_little() -> None:
    """For a network that looks at single voxels tiles must be invisible."""
    made = by_brightness(dimensions=3, patch=(32, 32, 32))
    image = picture(70, 50, 40)[None] / 100 - 0.5
    found = finished(probabilities(made, image, CPU))
    assert found == pytest.approx(Thresholds()(torch.from_numpy(image)[None])[0].softmax(0), abs=1e-5)
    assert found.sum(0) == pytest.approx(1, abs=1e-5)


def test_tiles_cover_everything_and_the_window_hears_of_each() -> None:
    said: list[Message] = []
    made = by_brightness(dimensions=3, patch=(32, 32, 32))
    finished(probabilities(made, picture(70, 50, 40)[None], CPU), said.append)
    counts = [(one.done, one.total) for one in said if isinstance(one, Progress)]
    assert counts == [(k + 1, len(counts)) for k in range(len(counts))]
    assert len(counts) == 3 * 2 * 2
    assert all(one.left_s is not None for one in said if isinstance(one, Progress))


def test_slices_of_air_cost_nothing_and_are_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "memory_bytes", lambda made, window: 0)  # it would count as one more slice

    class Counting(Thresholds):
        seen = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Counting.seen += len(x)
            return super().forward(x)

    voxels = np.zeros((20, 20, 10), np.float32)
    voxels[4:16, 4:16, 3:6] = picture(12, 12, 3)
    made = Model("counting", Counting(), Preparation(), ("one", "two"))
    found = finished(label_map(made, volume(voxels), CPU))
    assert Counting.seen == 3
    assert not found.frame()[..., :3].any()
    assert found.frame()[..., 3:6].any()


@pytest.mark.trap("T7")
def test_the_result_lies_on_the_scans_own_grid() -> None:
    affine = np.array([[0.5, 0.1, 0, -20], [-0.1, 0.6, 0, 11], [0, 0, 2.5, 3], [0, 0, 0, 1.0]])
    scan = volume(picture(30, 26, 8).astype(np.int16), affine)
    said: list[Message] = []
    made = model(spacing_mm=(1.0, 1.0, 1.0))
    found = finished(label_map(made, scan, CPU), said.append)
    assert found.same_grid(scan)
    assert np.array_equal(found.affine, scan.affine)
    assert found.voxels.dtype == np.uint8
    assert any(isinstance(one, Note) and "resampled" in one.text for one in said)


@pytest.mark.trap("T7")
def test_what_was_resampled_for_the_network_comes_back_to_its_place() -> None:
    """A bright box on a fine grid is found where it is, though the network sees voxels of three times the size."""
    voxels = np.full((60, 60, 24), 100, np.float32)
    voxels[21:42, 9:33, 6:18] = 200
    voxels[0, 0, 0] = 0
    made = by_brightness(dimensions=3, spacing_mm=(1.0, 1.0, 1.0), patch=(64, 64, 64))
    found = finished(label_map(made, volume(voxels, np.diag([1 / 3, 1 / 3, 1.0, 1.0])), CPU)).frame() > 0
    meant = voxels > 150
    assert 2 * (found & meant).sum() / (found.sum() + meant.sum()) > 0.97


@pytest.mark.trap("T1", "T7")
@pytest.mark.parametrize(
    "preparation",
    [
        Preparation(3, spacing_mm=(1.0, 1.0, 1.0)),
        Preparation(2, spacing_mm=(1.0, 1.0, 1.0)),
        Needs(axes="LIA", spacing="1,1,1", fit="conform", size="40,40,40", scale="foreground"),
    ],
    ids=["volumes", "slices", "conformed"],
)
def test_in_all_48_orders_a_file_may_have_the_labels_lie_on_the_thing(preparation: Prepares, tmp_path: Path) -> None:
    """Written to disk in each order, read, labelled, written and read again: the label lies on what is bright."""
    import nibabel

    voxels = np.full((20, 24, 14), 100, np.int16)
    voxels[4:14, 5:9, 3:6], voxels[4:7, 5:20, 3:6], voxels[4:7, 5:9, 3:13] = 200, 200, 200
    voxels[0, 0, 0] = 0
    affine = np.array([[1, 0.05, 0, -8], [-0.05, 1, 0, 5], [0, 0, 1.5, 2], [0, 0, 0, 1.0]])
    image = nibabel.Nifti1Image(voxels, affine)
    made = Model("brightness", Thresholds(), preparation, ("one", "two"))
    start = nibabel.orientations.axcodes2ornt("RAS")
    for axes in ("".join(one) for order in permutations(("RL", "AP", "SI")) for one in product(*order)):
        turned = image.as_reoriented(
            nibabel.orientations.ornt_transform(start, nibabel.orientations.axcodes2ornt(tuple(axes)))
        )
        turned.to_filename(tmp_path / "scan.nii")
        stored = nibabel.load(tmp_path / "scan.nii")
        found = finished(label_map(made, finished(read(tmp_path / "scan.nii")), CPU))
        write(found, tmp_path / "found.nii")
        back = nibabel.load(tmp_path / "found.nii")
        assert np.array_equal(back.affine, stored.affine) and back.shape == stored.shape
        labels, meant = np.asarray(back.dataobj) == 2, np.asarray(turned.dataobj) > 150
        assert 2 * (labels & meant).sum() / (labels.sum() + meant.sum()) > 0.93, axes


@pytest.mark.trap("T1", "T7")
@pytest.mark.data
def test_one_brain_stored_in_three_orders_is_labelled_the_same(data: Path) -> None:
    scans = [finished(read(data / "volumes" / "orientations" / f"{order}.nii.gz")) for order in ("RAS", "LPS", "PIL")]
    assert len({scan.stored.axes for scan in scans}) == 3
    made = model(norm="batch")
    first, *others = [finished(label_map(made, scan, CPU)) for scan in scans]
    assert len(np.unique(first.frame())) > 1, "the network says something"
    for scan, found in zip(scans[1:], others, strict=True):
        assert found.same_grid(scan)
        assert np.array_equal(found.frame(), first.frame())


def test_closing_it_leaves_no_file_and_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = by_brightness(dimensions=3, patch=(32, 32, 32))
    grad = torch.is_grad_enabled()
    for after in range(1, 8):
        work = label_map(made, volume(picture(70, 50, 40)), CPU)
        for _ in range(after):
            next(work)
        assert torch.is_grad_enabled() == grad, "whoever pulls the work is not put into inference mode"
        assert not torch.is_inference_mode_enabled()
        work.close()
    assert not list(tmp_path.iterdir())


def test_the_air_round_the_body_is_not_looked_at() -> None:
    class Watching(Thresholds):
        sizes: ClassVar[set[tuple[int, ...]]] = set()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            Watching.sizes.add(tuple(x.shape[2:]))
            return super().forward(x)

    voxels = np.zeros((60, 60, 4), np.float32)
    voxels[20:40, 10:50] = picture(20, 40, 4)
    made = Model("watching", Watching(), Preparation(), ("one", "two"))
    found = finished(probabilities(made, made.preparation.prepared(volume(voxels)), CPU))
    assert (28, 48) in Watching.sizes, "the body and four voxels round it"
    assert (60, 60) not in Watching.sizes
    assert torch.all(found[0, :10] == 1)
    assert found.sum(0) == pytest.approx(1, abs=1e-5)


def test_what_was_found_so_far_is_shown_on_the_scans_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PARTIAL_S", 0.0)
    made = by_brightness(spacing_mm=(1.0, 1.0, 1.0))
    scan = volume(picture(20, 24, 6), np.diag([0.5, 0.5, 3.0, 1.0]))
    said: list[Message] = []
    whole = finished(label_map(made, scan, CPU), said.append).frame()
    parts = [one.tiles for one in said if isinstance(one, Gallery) and one.name == "partial"]
    assert len(parts) == 5, "one after each slice but the last"
    for number, part in enumerate(parts, start=1):
        assert part.shape == scan.shape
        assert not part[..., number:].any(), "slices to come are empty"
        assert (part[..., :number] == whole[..., :number]).mean() > 0.6, "nearest neighbour, but in its place"


def test_out_of_memory_goes_to_smaller_tiles_and_says_so() -> None:
    class Greedy(Thresholds):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x[0, 0].numel() > 40**3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    made = Model("greedy", Greedy(), Preparation(3, patch=(64, 64, 64)), ("one", "two"))
    said: list[Message] = []
    image = picture(64, 64, 64)[None]
    found = finished(probabilities(made, image, CPU), said.append)
    assert found == pytest.approx(Thresholds()(torch.from_numpy(image)[None])[0].softmax(0), abs=1e-5)
    assert any(isinstance(one, Note) and "Memory ran out" in one.text for one in said)


def test_where_not_even_the_smallest_tile_fits_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "memory_bytes", lambda made, window: 0)

    class Bottomless(Thresholds):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    made = Model("bottomless", Bottomless(), Preparation(3), ("one", "two"))
    with pytest.raises(Refused, match="memory"):
        finished(probabilities(made, picture(70, 70, 70)[None], CPU))


@pytest.mark.trap("T27")
def test_what_would_not_fit_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    made, image = model(3, patch=(64, 64, 64)), picture(64, 64, 64)[None]
    largest = memory_bytes(made, (64, 64, 64))
    assert memory_bytes(made, (32, 64, 64)) == pytest.approx(largest / 2, rel=0.2)
    monkeypatch.setattr(running, "free_bytes", lambda where: largest)
    said: list[Message] = []
    finished(probabilities(made, image, CPU), said.append)
    assert max(one.total for one in said if isinstance(one, Progress)) > 1, "it went straight to smaller tiles"
    assert not [one for one in said if isinstance(one, Note)]


def test_probabilities_are_interpolated_and_not_labels() -> None:
    shares = torch.zeros(2, 4, 4, 4)
    shares[1, 2:] = 1
    shares[0] = 1 - shares[1]
    made = by_brightness(dimensions=3, spacing_mm=(4.0, 4.0, 4.0))
    fine = most_likely(made, shares, volume(picture(16, 16, 16)))
    assert np.array_equal(fine[:, 8, 8], [0] * 8 + [1] * 8)
    same = volume(picture(4, 4, 4), np.diag([4.0, 4.0, 4.0, 1.0]))
    assert np.array_equal(most_likely(made, shares, same), shares.argmax(0).numpy())


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    for where in ("no such model", str(tmp_path), "../models", ""):
        with pytest.raises(Refused):
            finished(predict(where, volume(picture(4, 4, 4))))


def test_a_run_of_another_kind_is_refused_in_one_sentence() -> None:
    with pytest.raises(Refused, match="labels no voxels"):
        built("run", {}, {"task": "classification"}, "")
    with pytest.raises(Refused, match="how its network is built"):
        built("run", {}, {"task": "segmentation"}, "")
    about = {"network": {"name": "unet", "width": 4, "depth": 2}, "classes": ["one"], "preparation": {"dimensions": 2}}
    with pytest.raises(Refused, match="do not fit"):
        built("run", {"head.weight": torch.zeros(1)}, json.loads(json.dumps(about)), "")


@pytest.mark.data
class TestShippedModel:
    @pytest.fixture
    def crop(self, data: Path) -> Volume:
        """A slab of the T1 of another head."""
        scan = finished(read(data / "weights" / "brainchop" / "t1_crop.nii.gz"))
        voxels = np.ascontiguousarray(scan.frame()[48:208:2, 30:230:2, 110:128:3])
        affine = scan.affine @ np.diag([2.0, 2.0, 3.0, 1.0])
        affine[:3, 3] = scan.to_mm((48, 30, 110))
        return volume(voxels, affine)

    def test_the_order_in_which_voxels_are_stored_makes_no_difference(self, crop: Volume, tmp_path: Path) -> None:
        import nibabel

        made, found = load("mni152_tissue"), []
        image = nibabel.Nifti1Image(crop.frame(), crop.affine)
        for axes in ("RAS", "LPS", "PIL"):
            turn = nibabel.orientations.ornt_transform(
                nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes)
            )
            path = tmp_path / f"{axes}.nii.gz"
            image.as_reoriented(turn).to_filename(path)
            scan = finished(read(path))
            assert scan.stored.axes == axes
            found.append(finished(label_map(made, scan, CPU)))
        assert set(np.unique(found[0].frame())) == {0, 1, 2, 3}
        assert np.array_equal(found[0].frame(), found[1].frame())
        assert np.array_equal(found[0].frame(), found[2].frame())


def test_of_a_series_the_frame_that_was_asked_for_is_labelled() -> None:
    voxels = np.full((3, 16, 16, 4), 100, np.float32)
    voxels[2, 4:8, 4:8] = 200
    voxels[:, 0, 0, 0] = 0
    series = Volume(voxels, np.eye(4), Stored("test", (16, 16, 4, 3), "RAS", np.eye(4), voxels.dtype), "s", "frames")
    made, said = by_brightness(), []
    found = finished(predicted(made, series, CPU, Wishes(frame=2)), said.append).labels
    assert (found.frame()[4:8, 4:8] == 2).all() and found.voxels.shape == (1, 16, 16, 4)
    assert any(isinstance(one, Note) and "frame 3 is labelled" in one.text for one in said)
    plain = finished(label_map(made, series, CPU)).frame()
    assert np.array_equal(plain[4:8, 4:8], plain[8:12, 8:12]), "the first one has no box"


@pytest.mark.trap("T17")
def test_frames_that_were_not_read_yet_are_read_before_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "memory_bytes", lambda made, window: 0)  # it would try a tile of nothing
    voxels = np.zeros((2, 8, 8, 4), np.float32)
    loaded: list[int] = []

    def fill(number: int) -> Work[None]:
        yield Progress(0, 1)
        loaded.append(number)
        voxels[number] = picture(8, 8, 4, seed=number)

    series = Volume(voxels, np.eye(4), Stored("test", (8, 8, 4, 2), "RAS", np.eye(4), voxels.dtype), "s", "frames")
    series = replace(series, pending=Pending(2, fill))

    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x[:, 1].any(), "the second frame is there"
            return torch.cat([x, x[:, :1]], 1)

    finished(label_map(Model("two", Two(), Needs(channels=2), ("one", "two")), series, CPU))
    assert loaded == [0, 1]
