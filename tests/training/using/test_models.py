import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from medviz.data.preparation import Preparation
from medviz.data.samples import HELD_OUT, Mni152Tissue, tissue
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.volume import Stored, Volume
from medviz.messages import finished
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training import checkpoints
from medviz.training.using.formats import load
from medviz.training.using.inference import predict
from medviz.training.using.models import CARD, WEIGHTS, Card, card_of, model, models, write_card

ABOUT = {
    "task": "segmentation",
    "network": {"name": "unet", "dimensions": 2, "width": 2, "depth": 2},
    "classes": ["one"],
    "preparation": Preparation().plain(),
}
SAID = {
    "title": "A test",
    "summary": "Nothing of use",
    "labels": ["one"],
    "trained_on": "nothing",
    "licence": "none",
    "metrics": {"Dice one": 0.5},
    "about": ABOUT,
}


@pytest.fixture
def written(tmp_path: Path) -> Card:
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    halved = {name: one.half() for name, one in UNet(1, 2, width=2, depth=2).state_dict().items()}
    checkpoints.write_weights(folder / WEIGHTS, halved, ABOUT)
    return write_card(folder, SAID, "It is {sha256}")


def test_a_card_is_read_as_it_was_written(written: Card) -> None:
    assert models(written.folder.parent) == (written,)
    assert card_of(written.folder) == written
    assert written.metrics == (("Dice one", 0.5),)
    assert written.sha256 in (written.folder / "README.md").read_text()


def test_weights_that_were_changed_are_refused(written: Card) -> None:
    path = written.folder / WEIGHTS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Refused, match="SHA-256"):
        _ = written.weights
    path.unlink()
    with pytest.raises(Refused, match="cannot be read"):
        _ = written.weights


def test_a_card_that_lacks_something_is_refused_in_one_sentence(written: Card) -> None:
    path = written.folder / CARD
    said = json.loads(path.read_text())
    del said["labels"]
    path.write_text(json.dumps(said))
    with pytest.raises(Refused, match="labels"):
        card_of(written.folder)
    path.write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        models(written.folder.parent)


def test_names_do_not_reach_out_of_the_folder(written: Card) -> None:
    assert model("small", written.folder.parent) is not None
    for name in ("", ".", "..", "../models/small", "nothing"):
        assert model(name, written.folder.parent) is None


def test_listing_models_loads_no_torch(root: Path) -> None:
    line = "import sys; from medviz.training.using.models import models; models(); print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", line], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


class TestShipped:
    def test_it_is_small_and_its_card_is_complete(self) -> None:
        card = model("mni152_tissue")
        assert card is not None
        assert card.weights.stat().st_size < 2_000_000
        assert card.labels == Mni152Tissue.classes
        for field in ("title", "summary", "trained_on", "licence", "limits"):
            assert getattr(card, field)
        assert load("mni152_tissue").labels == card.labels

    def test_it_beats_brightness_alone_on_the_held_out_slices_as_its_card_says(self) -> None:
        card = model("mni152_tissue")
        assert card is not None
        stated = dict(card.metrics)
        whole = tissue()
        slices = [z for slab in HELD_OUT for z in slab]
        voxels = np.zeros_like(whole.t1)
        voxels[:, :, slices] = whole.t1[:, :, slices]  # only these need be labelled: air costs nothing
        voxels[98, 116, ::8] = whole.t1[98, 116, ::8]
        scan = dataclasses.replace(whole.scan, voxels=voxels[None])
        found = finished(predict("mni152_tissue", scan, "cpu")).frame()[:, :, slices]
        dice = dice_of(found, whole.label[:, :, slices])
        for value, name in enumerate(card.labels, start=1):
            assert dice[value] == pytest.approx(stated[f"Dice {name}, held-out slices"], abs=0.01)
            assert dice[value] > stated[f"Dice {name}, held-out slices, brightness alone"]
        assert dice[1] > 0.962

    def test_a_scan_with_other_numbers_in_it_is_labelled_the_same(self) -> None:
        """Twelve bits instead of eight, and an offset: what a scanner calls white matter is no matter."""
        whole = tissue()
        voxels = whole.t1[:, :, 80:82]
        affine = np.eye(4)
        scan = Volume(voxels[None], affine, Stored("test", voxels.shape, "RAS", affine, voxels.dtype), name="scan")
        other = dataclasses.replace(scan, voxels=(voxels.astype(np.int16) * 12 + 300)[None])
        one, two = (finished(predict("mni152_tissue", each, "cpu")).frame() for each in (scan, other))
        assert (one == two).mean() > 0.999


def test_a_model_folder_can_be_copied_anywhere(written: Card, tmp_path: Path) -> None:
    shutil.copytree(written.folder, tmp_path / "elsewhere")
    assert card_of(tmp_path / "elsewhere").weights.is_file()
