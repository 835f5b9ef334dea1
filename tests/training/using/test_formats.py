"""A model made elsewhere is read, never run to be read; what it does not say is asked for; what is bad is refused."""

import io
import json
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from medviz.data.needs import Needs
from medviz.imaging.readers import read
from medviz.messages import finished
from medviz.networks.unet import UNet
from medviz.refused import Refused
from medviz.training.using.formats import FORMATS, load
from medviz.training.using.formats.bundle import NETS
from medviz.training.using.formats.form import Asks
from medviz.training.using.inference import label_map
from medviz.training.using.running import probabilities
from medviz.training.using.shelf import keep_card
from medviz.training.using.trust import UNKNOWN
from tests.training import foreign
from tests.training.using.test_inference import CPU, picture, volume

PLAIN = Needs(scale="none", labels="one,two")


@pytest.fixture(autouse=True)
def no_cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDVIZ_MODELS", str(tmp_path / "cards"))


def test_each_format_has_a_title_and_knows_its_own() -> None:
    for name, entry in FORMATS.entries.items():
        assert entry.title and entry.summary
        assert not FORMATS[name].recognises("") and not FORMATS[name].recognises("no such thing")


class TestTorchScript:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return foreign.torchscript(tmp_path / "net.pt", foreign.network())

    def test_it_asks_for_what_it_cannot_know(self, path: Path) -> None:
        with pytest.raises(Asks, match="does not say what input it needs") as asked:
            load(str(path))
        assert (asked.value.proposal.dimensions, asked.value.proposal.channels) == (3, 1)

    def test_told_what_it_needs_it_answers_as_the_network_it_was(self, path: Path) -> None:
        made, scan = load(str(path), PLAIN), volume(picture(20, 24, 16) / 100)
        assert made.labels == ("one", "two") and made.output == "scores"
        found = finished(label_map(made, scan, CPU)).frame()
        with torch.no_grad():
            direct = foreign.network()(torch.from_numpy(scan.voxels)[None])[0].argmax(0).numpy()
        assert np.array_equal(found, direct)

    def test_a_card_beside_it_or_kept_of_it_spares_the_question(self, path: Path) -> None:
        card = {"title": "A net", "licence": "MIT", "needs": PLAIN.plain(), "fingerprint": {"spacing_mm": [[1, 1]] * 3}}
        path.with_name("net.pt.card.json").write_text(json.dumps(card))
        made = load(str(path))
        assert made.trust.title == "A net" and made.trust.licence == "MIT"
        assert dict(made.trust.facts())["training spacing"] == "1 × 1 × 1 mm"
        assert dict(made.trust.facts())["trained on"] == UNKNOWN and "trained on" in made.trust.plain()["unknown"]
        path.with_name("net.pt.card.json").unlink()
        keep_card(made.sha256, card)
        assert load(str(shutil.copy(path, path.with_name("copy.ts")))).trust.title == "A net"

    def test_two_dimensions_and_three_channels_are_found_out(self, tmp_path: Path) -> None:
        path = foreign.torchscript(tmp_path / "flat.ts", foreign.network(3, 2, 2), 3, 2)
        with pytest.raises(Asks) as asked:
            load(str(path))
        assert (asked.value.proposal.dimensions, asked.value.proposal.channels) == (2, 3)

    def test_the_multiple_that_sides_must_have_is_tried_out(self, tmp_path: Path) -> None:
        class Skips(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.down = nn.Conv3d(1, 4, 4, stride=4)
                self.up = nn.ConvTranspose3d(4, 2, 4, stride=4)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.up(self.down(x)) + x

        made = load(str(foreign.torchscript(tmp_path / "skips.pt", Skips())), Needs(scale="none"))
        assert made.preparation.multiple == 4
        assert finished(label_map(made, volume(picture(21, 30, 9)), CPU)).shape == (21, 30, 9)

    @pytest.mark.parametrize(
        ("tail", "output", "count"),
        [
            (nn.Softmax(1), "shares", 2),
            (nn.Sigmoid(), "chances", 3),
            (nn.Identity(), "scores", 2),
        ],
    )
    def test_what_it_answers_is_found_by_a_trial_and_said(
        self, tmp_path: Path, tail: nn.Module, output: str, count: int
    ) -> None:
        made = load(str(foreign.torchscript(tmp_path / "net.pt", nn.Sequential(foreign.network(), tail))), Needs())
        assert made.output == output and len(made.labels) == count
        assert made.trust.output.endswith(")"), "it says why"

    def test_labels_of_another_number_are_refused(self, path: Path) -> None:
        with pytest.raises(Refused, match="2 labels and 3 are named"):
            load(str(path), Needs(labels="a,b,c"))

    def test_wrong_channels_are_refused_in_one_sentence(self, path: Path) -> None:
        with pytest.raises(Refused, match="does not take") as refusal:
            load(str(path), Needs(channels=2))
        assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400

    def test_pickled_python_is_refused_unread(self, tmp_path: Path) -> None:
        class Harm:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (Path.touch, (Path(str(tmp_path / "harmed")),))  # type: ignore[return-value]

        torch.save({"model": Harm()}, tmp_path / "harm.pt")
        with pytest.raises(Refused, match="pickled Python"):
            load(str(tmp_path / "harm.pt"))
        assert not (tmp_path / "harmed").exists()

    @pytest.mark.parametrize("kind", [foreign.Writes, foreign.Maps])
    def test_code_that_reaches_for_files_is_refused_before_it_is_loaded(
        self, tmp_path: Path, kind: type[nn.Module]
    ) -> None:
        """TorchScript can save and map files, in a forward pass and even while it is loaded."""
        with pytest.raises(Refused, match="does more than compute"):
            load(str(foreign.scripted(tmp_path / "harm.pt", kind())), PLAIN)
        assert {path.name for path in tmp_path.iterdir()} == {"harm.pt"}

    def test_what_is_no_model_is_refused(self, tmp_path: Path, path: Path) -> None:
        cases = {
            "text.pt": b"hello",
            "empty.pt": b"",
            "cut.pt": path.read_bytes()[: path.stat().st_size // 2],
            "zip.pt": zipped({"a/readme": b"x"}),
        }
        for name, data in cases.items():
            (tmp_path / name).write_bytes(data)
            with pytest.raises(Refused):
                load(str(tmp_path / name), PLAIN)

    def test_an_archive_that_swells_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "bomb.pt").write_bytes(zipped({"a/code/x.py": b"\0" * 50_000_000, "a/version": b"3"}))
        with pytest.raises(Refused, match="swell"):
            load(str(tmp_path / "bomb.pt"), PLAIN)


def zipped(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return held.getvalue()


class TestExported:
    def test_it_plays_what_was_exported_at_any_size(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        network = UNet(1, 3, 3, 4, 2).eval()
        made = load(str(foreign.exported(tmp_path / "unet.pt2", network)), PLAIN)
        x = torch.randn(1, 1, 48, 40, 36)
        with torch.no_grad():
            assert torch.allclose(made.network(x), network(x), atol=1e-5)
        assert made.trust.format == "torch.export" and made.preparation.multiple <= 2

    def test_one_that_takes_a_single_size_is_given_tiles_of_it(self, tmp_path: Path) -> None:
        path = foreign.exported(tmp_path / "fixed.pt2", UNet(1, 2, 3, 4, 2).eval(), side=32, any_size=False)
        with pytest.raises(Asks) as asked:
            load(str(path))
        assert (asked.value.proposal.tile, asked.value.proposal.multiple) == (32, 32)
        made = load(str(path), asked.value.proposal)
        assert finished(label_map(made, volume(picture(40, 20, 33)), CPU)).shape == (40, 20, 33)

    @pytest.mark.parametrize(
        "change",
        [
            lambda graph: graph["graph_module"]["graph"]["nodes"][0].update(target="os.system"),
            lambda graph: graph["graph_module"]["graph"]["nodes"][0].update(target="torch.ops.aten.from_file.default"),
            lambda graph: graph["graph_module"]["graph"]["nodes"][0].update(target="torch.ops.higher_order.cond"),
            lambda graph: graph["graph_module"]["signature"]["input_specs"].pop(0),
            lambda graph: graph.pop("graph_module"),
        ],
    )
    def test_a_graph_that_calls_anything_else_is_refused(self, tmp_path: Path, change: object) -> None:
        path = foreign.exported(tmp_path / "net.pt2", foreign.network())
        graph = json.loads(foreign.member(path, "models/model.json"))
        change(graph)  # type: ignore[operator]
        foreign.replaced(path, "models/model.json", json.dumps(graph).encode())
        with pytest.raises(Refused):
            load(str(path), PLAIN)

    def test_pickled_weights_are_refused_unread(self, tmp_path: Path) -> None:
        path = foreign.exported(tmp_path / "net.pt2", foreign.network())
        name = "weights/model_weights_config.json"
        config = json.loads(foreign.member(path, name))
        next(iter(config["config"].values()))["use_pickle"] = True
        foreign.replaced(path, name, json.dumps(config).encode())
        with pytest.raises(Refused, match="pickled"):
            load(str(path), PLAIN)

    def test_a_weight_that_reaches_beyond_its_memory_is_refused(self, tmp_path: Path) -> None:
        path = foreign.exported(tmp_path / "net.pt2", foreign.network())
        name = "weights/model_weights_config.json"
        config = json.loads(foreign.member(path, name))
        next(iter(config["config"].values()))["tensor_meta"]["sizes"][0]["as_int"] = 10_000
        foreign.replaced(path, name, json.dumps(config).encode())
        with pytest.raises(Refused, match="cut short"):
            load(str(path), PLAIN)


def layers(said: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = said["modelTopology"]["model_config"]["config"]["layers"]
    return found


class TestLayers:
    WEIGHTS = tuple(np.random.default_rng(0).normal(size=size) for size in ((3, 3, 3, 1, 4), (1, 1, 1, 4, 3)))

    @pytest.mark.parametrize("quantised", [False, True])
    def test_a_folder_of_layers_is_the_network_it_describes(self, tmp_path: Path, quantised: bool) -> None:
        made = load(str(foreign.layers_folder(tmp_path / "net", list(self.WEIGHTS), quantised)))
        assert made.labels == ("region 1", "region 2")
        x = torch.randn(1, 1, 12, 10, 8)
        first, second = (torch.from_numpy(one.transpose(4, 3, 0, 1, 2)).float() for one in self.WEIGHTS)
        y = nn.functional.conv3d(x, first, torch.linspace(-1, 1, 4), padding=2, dilation=2).relu()
        y = nn.functional.conv3d(y, second, torch.linspace(-1, 1, 3))
        with torch.no_grad():
            assert torch.allclose(made.network(x), y, atol=0.3 if quantised else 1e-4)

    def test_its_model_json_will_do_and_labels_without_names_are_numbered(self, tmp_path: Path) -> None:
        folder = foreign.layers_folder(tmp_path / "net", list(self.WEIGHTS), names=False)
        made = load(str(folder / "model.json"))
        assert made.labels == ("label 1", "label 2") and dict(made.trust.facts())["labels"] == UNKNOWN

    @pytest.mark.parametrize(
        "change",
        [
            lambda said: said["weightsManifest"][0].update(paths=["../../etc/passwd"]),
            lambda said: said["weightsManifest"][0].update(paths=["group1-shard1of2.bin"]),
            lambda said: said["weightsManifest"][0]["weights"][0].update(shape=[3, 3, 3, 1, 5]),
            lambda said: said["weightsManifest"][0]["weights"][0].update(dtype="string"),
            lambda said: layers(said)[1].update(class_name="Lambda"),
            lambda said: said["modelTopology"]["model_config"]["config"]["layers"][1]["config"].update(
                strides=[2, 2, 2]
            ),
            lambda said: layers(said).pop(2),
            lambda said: said.pop("weightsManifest"),
        ],
    )
    def test_what_it_does_not_know_is_refused(self, tmp_path: Path, change: object) -> None:
        folder = foreign.layers_folder(tmp_path / "net", list(self.WEIGHTS))
        said = json.loads((folder / "model.json").read_text())
        change(said)  # type: ignore[operator]
        (folder / "model.json").write_text(json.dumps(said))
        with pytest.raises(Refused):
            load(str(folder))


class TestBundle:
    def test_its_configuration_says_what_it_needs(self, tmp_path: Path) -> None:
        made = load(str(foreign.bundle(tmp_path / "liver")))
        assert made.labels == ("liver", "tumour") and made.output == "scores"
        needs = made.preparation
        assert isinstance(needs, Needs)
        assert (needs.axes, needs.spacing_mm, needs.tile) == ("LPS", (1.5, 1.5, 2.0), 96)
        assert (needs.clip, needs.low, needs.high, needs.scale) == ("values", -57, 164, "unit")
        assert "Lambda" in made.trust.limits, "what is not done here is said"
        assert made.trust.licence == "Apache-2.0" and dict(made.trust.metrics) == {"mean_dice": 0.95}

    def test_one_whose_preparation_cannot_be_read_asks(self, tmp_path: Path) -> None:
        """A configuration in YAML, say: nothing is guessed."""
        folder = foreign.bundle(tmp_path / "liver")
        (folder / "configs" / "inference.json").rename(folder / "configs" / "inference.yaml")
        with pytest.raises(Asks) as asked:
            load(str(folder))
        assert asked.value.proposal.names == ("liver", "tumour")

    def test_a_zip_of_it_is_the_same(self, tmp_path: Path) -> None:
        foreign.bundle(tmp_path / "liver")
        path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "liver"))
        assert load(str(path)).labels == ("liver", "tumour")

    def test_a_network_of_the_list_is_built_with_plain_settings(self, tmp_path: Path) -> None:
        settings = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
        folder = foreign.bundle(tmp_path / "net", False, _target_="UNet", **settings)
        torch.save(NETS["UNet"](**settings).state_dict(), folder / "models" / "model.pt")
        assert load(str(folder)).labels == ("liver", "tumour")

    @pytest.mark.parametrize(
        "network_def",
        [
            {"_target_": "os.system", "command": "true"},
            {"_target_": "monai.networks.nets.unet.os.system"},
            {"_target_": "monai.bundle.scripts.run"},
            {"_target_": "UNet", "spatial_dims": "$__import__('os').system('true')"},
            {"_target_": "UNet", "act": {"_target_": "os.system"}},
            {"_target_": "UNet", "spatial_dims": 3},
            {},
        ],
    )
    def test_nothing_it_says_is_run(self, tmp_path: Path, network_def: dict[str, object]) -> None:
        folder = foreign.bundle(tmp_path / "net", False, **network_def)
        torch.save({}, folder / "models" / "model.pt")
        with pytest.raises(Refused):
            load(str(folder))

    def test_pickled_weights_are_refused_unread(self, tmp_path: Path) -> None:
        class Harm:
            def __reduce__(self) -> tuple[object, tuple[Path]]:
                return (Path.touch, (tmp_path / "harmed",))

        settings = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
        folder = foreign.bundle(tmp_path / "net", False, _target_="UNet", **settings)
        torch.save({"model": Harm()}, folder / "models" / "model.pt")
        with pytest.raises(Refused, match="weights cannot be used"):
            load(str(folder))
        assert not (tmp_path / "harmed").exists()


@pytest.mark.trap("T25")
@pytest.mark.parametrize("kind", ["torchscript", "exported", "zip", "layers"])
def test_a_damaged_file_is_refused_in_one_sentence_and_nothing_else(tmp_path: Path, kind: str) -> None:
    """Cut short and with bytes changed, forty times: it loads or it is refused."""
    weights = [np.ones((3, 3, 3, 1, 4)), np.ones((1, 1, 1, 4, 3))]
    foreign.bundle(tmp_path / "liver")
    good = {
        "torchscript": lambda: foreign.torchscript(tmp_path / "a.pt", foreign.network()),
        "exported": lambda: foreign.exported(tmp_path / "a.pt2", foreign.network()),
        "zip": lambda: Path(shutil.make_archive(str(tmp_path / "b"), "zip", tmp_path, "liver")),
        "layers": lambda: foreign.layers_folder(tmp_path / "net", weights) / "model.json",
    }[kind]()
    data, chance, refused = good.read_bytes(), random.Random(0), 0
    for number in range(40):
        bad = bytearray(data)
        if number % 3 == 0:
            del bad[chance.randrange(len(bad)) :]
        for _ in range(number % 3 * 10):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        good.write_bytes(bytes(bad))
        try:
            load(str(good), PLAIN)
        except Refused as refusal:
            refused += 1
            assert "\n" not in str(refusal)
    assert refused > 10


@pytest.mark.data
class TestRealModels:
    def test_a_brain_mask_of_deepbet_has_the_size_of_a_brain(self, data: Path) -> None:
        """Its own program says 1,575 ml with both of its steps; this is the first, on 128³ voxels."""
        made = load(str(data / "weights" / "deepbet" / "bbox_model.pt"))
        assert made.trust.licence.startswith("MIT") and made.labels == ("brain",)
        scan = finished(read(data / "weights" / "brainchop" / "t1_crop.nii.gz"))
        found = finished(label_map(made, scan, CPU))
        assert found.same_grid(scan)
        assert float(found.frame().sum()) * scan.voxel_ml == pytest.approx(1575, rel=0.03)
        tissue = finished(read(data / "weights" / "brainchop" / "t1_crop_expected_model5_gw_ae.nii.gz")).frame() > 0
        assert (found.frame() > 0)[tissue].mean() > 0.97, "what brainchop calls tissue lies in it"

    def test_brainchop_gives_its_own_answer_on_a_slab(self, data: Path) -> None:
        """A slab of 60 mm, and its middle beyond the reach of the network: there each voxel is as in the whole head."""
        folder = data / "weights" / "brainchop"
        made = load(str(folder / "model5_gw_ae"))
        assert made.labels == ("White Matter", "Grey Matter") and made.trust.licence.startswith("MIT")
        scan = finished(read(folder / "t1_crop.nii.gz"))
        want = finished(read(folder / "t1_crop_expected_model5_gw_ae.nii.gz")).frame()
        x, y = slice(84, 180), slice(84, 180)
        image = made.preparation.prepared(scan)[:, x, y, 90:186]
        found = finished(probabilities(made, image, CPU)).argmax(0).numpy()
        middle = (slice(46, 50), slice(46, 50), slice(46, 50))
        assert np.array_equal(found[middle], want[x, y, 90:186][middle])
        assert len(np.unique(want[x, y, 90:186][middle])) > 1
