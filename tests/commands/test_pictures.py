"""From a folder of colour pictures with masks to labels on a new picture, by the command line alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medviz.__main__ import main
from tests.data.laid import beside, picture, png


def test_what_was_taught_on_pictures_labels_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, run = beside(tmp_path / "set"), tmp_path / "run"
    tiny = ["network.width=4", "network.depth=2", "steps=30", "batch=4", "patch=16", "augment=0", "learning_rate=0.02"]
    sets = [word for one in tiny for word in ("--set", one)]
    assert main(["train", "segmentation", "--data", str(folder), "--out", str(run), *sets, "--quiet"]) == 0
    told = json.loads((run / "model.json").read_text())
    assert told["preparation"]["picture"] and told["preparation"]["channels"] == 3
    split = json.loads((run / "split.json").read_text())
    assert len(split["training"]) == 5 and len(split["validation"]) == 1 and "patient_" not in json.dumps(split)
    capsys.readouterr()

    colours, mask = picture(3, colour=True)
    for name, pixels in (("colour.png", colours), ("grey.png", colours[..., 0])):
        new = png(tmp_path / name, pixels)
        assert main(["predict", str(new), "--model", str(run), "--out", str(tmp_path / f"label_{name}"), "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert [one["name"] for one in said["labels"]] == ["foreground"]
    found = np.asarray(Image.open(tmp_path / "label_colour.png")) > 0
    assert found.shape == mask.shape, "a picture as large as the one it is of"
    dice = 2 * (found & (mask > 0)).sum() / (found.sum() + (mask > 0).sum())
    assert dice > 0.8, "and the right way round: the box lies to one side"
