"""``medviz explain`` and ``medviz export``: what they write lies where it belongs and answers as the network does."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from medviz.__main__ import main
from medviz.commands.explaining import explained, piece_of
from medviz.data.needs import Needs
from medviz.data.preparation import Preparation
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training.using.model import Model
from tests.training import foreign
from tests.training.using.test_inference import picture, volume


def unet(dimensions: int, preparation: Any) -> Model:
    torch.manual_seed(0)
    return Model("unet", UNet(1, 3, dimensions, 4, 2, "group").eval(), preparation, ("one", "two"))


@pytest.mark.parametrize(
    "preparation",
    [
        Preparation(3),
        Preparation(2, normal=0),
        Preparation(2, normal=2),
        Needs(axes="LIA"),
        Needs(dimensions=2, axes="ASR"),
    ],
)
def test_maps_of_every_kind_lie_on_the_piece_they_are_of(preparation: Any) -> None:
    made = unet(preparation.dimensions, preparation)
    scan = volume(picture(24, 20, 16), np.array([[2, 0.1, 0, -8], [0, 1, 0, 5], [0, 0, 1.5, 2], [0, 0, 0, 1.0]]))
    piece = piece_of(made, scan, (10.0, 12.0, 15.0))
    for what in ("gradcam", "saliency", "occlusion", "gradients"):
        maps, affine = explained(made, piece, what, "down.0.first", 1, 12)
        assert maps.shape[1:] == piece.image.shape[1:] and np.array_equal(affine, piece.affine)
        assert np.isfinite(maps).all() and (maps.any() or what == "gradcam")
    deep, coarse = explained(made, piece, "features", "down.1.first", 1, 8)
    sides = [side if side == 1 else side // 2 for side in piece.image.shape[1:]]
    assert list(deep.shape[1:]) == sides
    fine, rough = ((piece.affine, piece.image.shape[1:]), (coarse, sides))
    ends = [affine @ [*(np.array(size) - 0.5), 1] for affine, size in (fine, rough)]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-9)


@pytest.mark.parametrize("axes", ["RAS", "LIA", "PSR"])
def test_a_feature_map_shows_the_thing_where_it_is(axes: str) -> None:
    """The first layer is made to pass the picture on: its map must be the picture, in RAS order again."""
    made = unet(3, Needs(axes=axes, scale="none"))
    first = made.network.down[0].first
    first.weight.data.zero_()
    first.weight.data[0, 0, 1, 1, 1] = 1.0
    scan = volume(picture(24, 20, 16))
    maps, _ = explained(made, piece_of(made, scan, None), "features", "down.0.first", 1, 8)
    np.testing.assert_allclose(maps[0], scan.frame(), rtol=1e-5)


def test_a_large_scan_is_asked_about_round_a_point() -> None:
    made = unet(3, Preparation(3))
    piece = piece_of(made, volume(picture(200, 20, 16)), (190.0, 10.0, 8.0))
    assert piece.image.shape == (1, 128, 20, 16) and piece.affine[0, 3] == 72
    with pytest.raises(Refused, match="outside"):
        piece_of(made, volume(picture(20, 20, 16)), (190.0, 10.0, 8.0))


def scan_file(path: Path) -> Path:
    voxels = np.random.default_rng(0).normal(100, 20, (40, 36, 6)).astype(np.float32)
    nib.save(nib.Nifti1Image(voxels, np.diag([-1, -1, 4, 1.0])), path)
    return path


def test_explain_writes_a_volume_and_lists_layers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    scan = scan_file(tmp_path / "scan.nii.gz")
    words = ["explain", str(scan), "--model", "mni152_tissue"]
    assert main([*words, "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert "down.0.first" in layers
    out = tmp_path / "map.nii.gz"
    more = [
        "--what",
        "gradcam",
        "--layer",
        "down.1.second",
        "--class",
        "2",
        "--at=-5,-5,8",
        "--out",
        str(out),
        "--json",
    ]
    assert main([*words, *more, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["class"]["name"] == "white matter" and told["figures"]["gradcam down.1.second"]["kind"] == "volume"
    made = nib.load(out)
    assert made.shape[:2] == (40, 36) and np.prod(made.shape[2:]) == 1
    assert made.affine[2, 3] == pytest.approx(8), "the slice through the point"
    assert main([*words, "--what", "gradcam", "--layer", "nope", "--out", str(out)]) == 2
    assert main([*words, "--layer", "down.0.first", "--class", "9", "--out", str(out)]) == 2
    assert main([*words, "--layer", "down.0.first"]) == 2


def test_a_compiled_network_cannot_be_looked_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDVIZ_MODELS", str(tmp_path / "cards"))
    path, scan = foreign.torchscript(tmp_path / "net.pt", foreign.network()), scan_file(tmp_path / "scan.nii.gz")
    assert main(["explain", str(scan), "--model", str(path), "--set", "scale=none"]) == 2
    assert "cannot be looked into" in capsys.readouterr().err


def test_export_tells_the_difference(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "tissue.pt"
    assert main(["export", "mni152_tissue", "--to", "torchscript", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 <= told["max_abs_difference"] < 1e-4 and out.is_file()
    assert json.loads((tmp_path / "tissue.pt.card.json").read_text())["labels"] == [
        "grey matter",
        "white matter",
        "CSF",
    ]
    assert main(["export", "mni152_tissue", "--to", "pt2", "--out", str(tmp_path / "a.pt")]) == 2


@pytest.mark.parametrize("what", ["features", "gradcam"])
def test_maps_lie_right_where_a_network_fills_up_the_far_edges(what: str) -> None:
    """A bright spot near the far corner of a picture whose sides do not fit: the map's peak lies on it in mm."""
    made = unet(2, Preparation(2, normal=2))
    for module in made.network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.weight.data.fill_(1.0)
    first = made.network.down[0].first
    first.weight.data.zero_()
    first.weight.data[:, 0, 1, 1] = 1.0
    values = np.zeros((21, 27, 5), np.float32)
    values[17:20, 22:25, :] = 100.0
    affine = np.array([[3.0, 0, 0, -7], [0, 2.0, 0, 5], [0, 0, 1.0, 2], [0, 0, 0, 1.0]])
    scan = volume(values, affine)
    piece = piece_of(made, scan, None)
    maps, where = explained(made, piece, what, "down.0.first", 1, 8)
    one = np.abs(maps[0, :, :, 0] - np.median(maps[0]))
    if what == "gradcam" and not one.any():
        maps, where = explained(made, piece, what, "down.0.first", 2, 8)
        one = np.abs(maps[0, :, :, 0] - np.median(maps[0]))
    place = np.argwhere(one > one.max() * 0.9).mean(0)
    np.testing.assert_allclose((where @ [*place, 0, 1])[:2], (affine @ [18, 23, 0, 1])[:2], atol=1.5)
