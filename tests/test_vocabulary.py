"""The words that every room uses: parameters, figures, messages, catalogs, refusals."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from medviz import figures, shipped
from medviz.catalog import Catalog, Entry
from medviz.messages import Message, Note, Progress, Scalar, Work, finished
from medviz.parameters import (
    MISSING,
    Choice,
    File,
    Group,
    Input,
    Matrix,
    Part,
    Pick,
    Range,
    Settings,
    Size,
    Step,
    Ticks,
    When,
    built,
    changed,
    parameter,
    parameters,
    plain,
    turned,
)
from medviz.refused import Refused


class Net:
    """Stands for a network: a constructor with annotated keyword arguments."""

    def __init__(
        self, channels: int = 1, width: Annotated[int, Range(1, 64, unit="channels"), "First stage"] = 16
    ) -> None:
        self.channels, self.width = channels, width


class Deep:
    """Another network, with another parameter."""

    def __init__(self, depth: Annotated[int, Range(1, 5)] = 3) -> None:
        self.depth = depth


CATALOGS = {"networks": {"net": Net, "deep": Deep}}
NET = Settings("net")


@dataclass(frozen=True)
class Thing:
    """One field of each kind."""

    stride: Annotated[int, Range(1, 4, unit="px"), "How far the window moves"] = 1
    rate_hz: Annotated[float, Range(1e-6, 1.0, unit="hz", log=True)] = 1e-3
    padding: Annotated[str, Choice(("valid", "same"), ("None", "Half the kernel"))] = "valid"
    mode: Literal["plain", "flipped"] = "plain"
    fast: bool = False
    words: str = ""
    kernel: Annotated[Matrix, Size(3, 3)] = ((1.0, 0.0), (0.0, 1.0))
    seed: Annotated[int | None, Range(0, 9)] = None
    cell: Annotated[tuple[int, int], Pick("output", "input")] = (0, 0)
    layer: Annotated[int, Pick("layers"), Range(0, 9)] = 0
    step: Annotated[int, Step(), Range(0, 9)] = 0
    folder: Annotated[str, File(folder=True), Group("Data", advanced=True), When("fast", True)] = ""
    image: Annotated[Any, Input("slice")] = None
    network: Annotated[Settings, Part("networks")] = NET
    changes: Annotated[tuple[str, ...], Ticks(("turn", "mirror", "noise"))] = ("turn",)
    blocks: Annotated[tuple[str, ...], Ticks()] = ()


def said(refusal: pytest.ExceptionInfo[Refused]) -> str:
    """Return the sentence, having checked that it is one."""
    sentence = str(refusal.value)
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert "\n" not in sentence
    assert len(sentence) < 250
    return sentence


class TestRefused:
    def test_a_refusal_is_one_sentence_with_thing_fault_and_remedy(self) -> None:
        refusal = Refused(Path("a.nii"), "it is cut off after 12 bytes", "copy it again")
        assert str(refusal) == "a.nii: it is cut off after 12 bytes; copy it again."
        assert (refusal.thing, refusal.fault, refusal.remedy) == (
            "a.nii",
            "it is cut off after 12 bytes",
            "copy it again",
        )

    def test_what_is_long_or_has_several_lines_still_makes_one_sentence(self) -> None:
        assert "\n" not in str(Refused("a\nb", "it is bad"))
        sentence = str(Refused("/scans/" + "x" * 999 + "/t1.nii", "it is bad"))
        assert len(sentence) < 250
        assert sentence.startswith("/scans/xx")
        assert "t1.nii: it is bad." in sentence

    def test_a_refusal_without_remedy_is_still_a_sentence(self) -> None:
        assert str(Refused("x", "it is empty")) == "x: it is empty."


class TestParameters:
    def test_each_kind_is_read_off_the_annotation(self) -> None:
        kinds = {one.name: one.kind for one in parameters(Thing)}
        assert kinds == {
            "stride": "int",
            "rate_hz": "float",
            "padding": "choice",
            "mode": "choice",
            "fast": "bool",
            "words": "text",
            "kernel": "matrix",
            "seed": "int",
            "cell": "cell",
            "layer": "int",
            "step": "int",
            "folder": "file",
            "image": "input",
            "network": "part",
            "changes": "ticks",
            "blocks": "ticks",
        }

    def test_a_value_has_the_parameters_of_its_class(self) -> None:
        assert parameters(Thing()) == parameters(Thing)

    def test_help_unit_and_label_are_what_a_person_reads(self) -> None:
        stride, rate = parameter(Thing, "stride"), parameter(Thing, "rate_hz")
        assert (stride.help, stride.unit, stride.default) == ("How far the window moves", "px", 1)
        assert (rate.label, rate.unit) == ("rate", "hz")

    def test_marks_are_found_by_kind(self) -> None:
        folder = parameter(Thing, "folder")
        assert folder.mark(File) == File(folder=True)
        assert folder.mark(Group) == Group("Data", advanced=True)
        assert folder.mark(When) == When("fast", True)
        assert folder.mark(Range) is None
        assert parameter(Thing, "cell").mark(Pick) == Pick("output", "input")

    def test_a_literal_is_a_choice(self) -> None:
        assert parameter(Thing, "mode").options == ("plain", "flipped")

    def test_constructor_arguments_are_parameters(self) -> None:
        assert [(one.name, one.default) for one in parameters(Net)] == [("channels", 1), ("width", 16)]

    def test_function_arguments_are_parameters_and_may_lack_a_default(self) -> None:
        def blur(radius_mm: Annotated[float, Range(0, 9, unit="mm")], *rest: int, **more: int) -> None: ...

        (radius,) = parameters(blur)
        assert (radius.name, radius.default, radius.label) == ("radius_mm", MISSING, "radius")

    def test_a_field_that_cannot_be_turned_is_a_fault_of_the_programmer(self) -> None:
        @dataclass
        class Bad:
            values: list[int]

        with pytest.raises(TypeError, match="give it a mark"):
            parameters(Bad)

    def test_an_unknown_name_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(Refused) as refusal:
            parameter(Thing, "strid")
        assert "did you mean stride?" in said(refusal)

    def test_an_unknown_name_that_is_near_to_none_lists_all(self) -> None:
        with pytest.raises(Refused) as refusal:
            parameter(Net, "qqqqqq")
        assert "there are channels, width" in said(refusal)


class TestChecking:
    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("stride", 0, "give 1 to 4 px"),
            ("stride", 5, "give 1 to 4 px"),
            ("stride", 1.5, "whole number"),
            ("stride", "two", "not a number"),
            ("stride", None, "not a number"),
            ("stride", [1], "not a number"),
            ("stride", 10**400, "not a number"),
            ("stride", float("nan"), "finite"),
            ("stride", float("inf"), "finite"),
            ("rate_hz", 0.0, "give 1e-06 to 1 hz"),
            ("rate_hz", 2, "out of range"),
            ("padding", "full", "take one of valid, same"),
            ("padding", None, "no such choice"),
            ("mode", "", "take one of plain, flipped"),
            ("fast", "maybe", "write true or false"),
            ("fast", 2, "neither true nor false"),
            ("kernel", 5, "not a number"),
            ("kernel", [[1, 2], [3]], "differ in length"),
            ("kernel", [], "empty"),
            ("kernel", [[]], "empty"),
            ("kernel", [[float("nan")]], "not finite"),
            ("kernel", [["a"]], "not a number"),
            ("kernel", [[0.0] * 4] * 3, "at most 3×3"),
            ("seed", 10, "out of range"),
            ("cell", (1, -1), "not a cell"),
            ("cell", (1, float("inf")), "not a cell"),
            ("cell", 3, "not a cell"),
            ("network", {"width": 3}, 'give it a "name"'),
            ("changes", ["turn", "jump"], "take some of turn, mirror, noise"),
            ("changes", 3, "no list of names"),
        ],
    )
    def test_bad_values_are_refused_in_one_sentence(self, name: str, value: Any, words: str) -> None:
        with pytest.raises(Refused) as refusal:
            changed(Thing(), **{name: value})
        assert words in said(refusal)

    @pytest.mark.parametrize(
        ("name", "value", "kept"),
        [
            ("stride", 4, 4),
            ("stride", 2.0, 2),
            ("stride", "3", 3),
            ("rate_hz", "1e-4", 1e-4),
            ("padding", "same", "same"),
            ("fast", "yes", True),
            ("fast", "off", False),
            ("fast", True, True),
            ("kernel", [[1, 2, 3]], ((1.0, 2.0, 3.0),)),
            ("seed", None, None),
            ("seed", 9, 9),
            ("network", {"name": "deep", "depth": 5}, Settings("deep", (("depth", 5),))),
            ("network", "deep", Settings("deep")),
        ],
    )
    def test_good_values_are_kept_in_their_own_type(self, name: str, value: Any, kept: Any) -> None:
        now = getattr(changed(Thing(), **{name: value}), name)
        assert now == kept
        assert type(now) is type(kept)

    def test_changing_leaves_the_old_value_alone(self) -> None:
        old = Thing()
        assert changed(old, stride=3).stride == 3
        assert old.stride == 1

    @given(some.integers() | some.floats(allow_nan=True) | some.text() | some.none() | some.binary())
    def test_whatever_comes_a_number_is_in_range_or_refused(self, value: Any) -> None:
        try:
            stride = changed(Thing(), stride=value).stride
        except Refused:
            return
        assert stride in (1, 2, 3, 4)

    @given(some.text())
    def test_whatever_is_typed_each_parameter_is_set_or_refused(self, text: str) -> None:
        for one in parameters(Thing):
            if one.kind == "input":
                continue
            try:
                value = one.parsed(text)
            except Refused:
                continue
            assert one.checked(value) == value


class TestCommandLine:
    @pytest.mark.parametrize(
        ("path", "text", "value"),
        [
            ("stride", "2", 2),
            ("kernel", "[[1,0,-1],[1,0,-1]]", ((1.0, 0.0, -1.0), (1.0, 0.0, -1.0))),
            ("seed", "auto", None),
            ("seed", "none", None),
            ("seed", "3", 3),
            ("fast", "true", True),
            ("network", "deep", Settings("deep")),
            ("network.width", "32", Settings("net", (("width", 32),))),
        ],
    )
    def test_a_field_is_turned_by_name_and_text(self, path: str, text: str, value: Any) -> None:
        thing = turned(Thing(), path, text, CATALOGS)
        assert getattr(thing, path.partition(".")[0]) == value

    @pytest.mark.parametrize(
        ("path", "text", "words"),
        [
            ("strides", "2", "did you mean stride?"),
            ("kernel", "[[1,", "write [[1,0],[0,1]]"),
            ("kernel", "7", "not a number"),
            ("network", "resnet", "take one of net, deep"),
            ("network.with", "3", "did you mean width?"),
            ("network.width", "1000", "give 1 to 64 channels"),
        ],
    )
    def test_what_cannot_be_turned_is_refused(self, path: str, text: str, words: str) -> None:
        with pytest.raises(Refused) as refusal:
            turned(Thing(), path, text, CATALOGS)
        assert words in said(refusal)

    @pytest.mark.parametrize("text", ["[1", "left", "", "7", '{"row": 1}', "[1, 2, 3]", "[0.5, 1]", '["a", "b"]'])
    def test_a_cell_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(Refused) as refusal:
            turned(Thing(), "cell", text, CATALOGS)
        said(refusal)

    def test_a_cell_is_two_whole_numbers(self) -> None:
        assert turned(Thing(), "cell", "[2, 3]", CATALOGS).cell == (2, 3)

    def test_inside_of_what_is_no_part_there_is_nothing(self) -> None:
        with pytest.raises(Refused) as refusal:
            turned(Thing(), "stride.width", "2", CATALOGS)
        said(refusal)

    def test_turning_one_value_of_a_part_keeps_the_others(self) -> None:
        thing = turned(Thing(), "network.width", "32", CATALOGS)
        assert dict(turned(thing, "network.channels", "2", CATALOGS).network.values) == {"width": 32, "channels": 2}


class TestParts:
    def test_a_part_is_built_with_its_values_and_what_is_given(self) -> None:
        net = Settings("net", (("width", 8),)).build(CATALOGS["networks"], channels=3, classes=4)
        assert (net.width, net.channels) == (8, 3)

    def test_a_persons_value_wins_over_what_is_given(self) -> None:
        assert Settings("net", (("channels", 5),)).build(CATALOGS["networks"], channels=3).channels == 5

    def test_a_part_with_a_bad_value_is_refused(self) -> None:
        with pytest.raises(Refused) as refusal:
            Settings("net", (("width", 0),)).build(CATALOGS["networks"])
        assert "give 1 to 64 channels" in said(refusal)

    def test_building_checks_names_and_values(self) -> None:
        assert built(Net, {"width": "8"}).width == 8
        with pytest.raises(Refused):
            built(Net, {"wide": 8})


class TestPlain:
    def test_plain_values_survive_json_and_come_back_the_same(self) -> None:
        thing = Thing(stride=3, seed=7, kernel=((2.0,),), network=Settings("net", (("width", 8),)), cell=(1, 2))
        values = json.loads(json.dumps(plain(thing)))
        assert built(Thing, values) == thing

    def test_inputs_and_nones_are_left_out(self) -> None:
        assert not {"image", "seed"} & set(plain(Thing(image=object())))


class TestMessages:
    def test_finished_hears_every_message_and_returns_what_was_made(self) -> None:
        def work() -> Work[int]:
            yield Scalar("train/loss", 0, 1.0)
            yield Note("half")
            return 7

        heard: list[Message] = []
        assert finished(work(), heard.append) == 7
        assert heard == [Scalar("train/loss", 0, 1.0), Note("half")]

    def test_stopped_work_saves_in_its_finally(self) -> None:
        saved = []

        def work() -> Work[None]:
            try:
                for step in range(9):
                    yield Progress(step, 9)
            finally:
                saved.append("weights")

        going = work()
        next(going)
        going.close()
        assert saved == ["weights"]

    def test_a_refusal_comes_through(self) -> None:
        def work() -> Work[None]:
            yield Progress(0, 1)
            raise Refused("x", "it is bad")

        with pytest.raises(Refused):
            finished(work())

    def test_messages_are_values(self) -> None:
        for message, field in ((Scalar("a", 1, 2.0), "value"), (Progress(1, 2), "done"), (Note("x"), "text")):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(message, field, 1)


class TestFigures:
    @pytest.mark.parametrize("kind", figures.Figure.__args__, ids=lambda kind: kind.__name__)
    def test_a_figure_is_frozen_and_has_name_title_and_weight(self, kind: type) -> None:
        fields = {field.name: field for field in dataclasses.fields(kind)}
        assert {"name", "title", "weight"} <= set(fields)
        assert next(iter(fields)) == "name"
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]

    def test_the_numbers_of_a_figure_are_found(self) -> None:
        pixels = np.eye(3)
        assert figures.array_of(figures.Picture("a", pixels)) is pixels
        assert figures.array_of(figures.Gallery("a", pixels[None])) is not None
        assert figures.array_of(figures.Heatmap("a", pixels)) is pixels
        assert figures.array_of(figures.Points("a", pixels)) is pixels
        assert figures.array_of(figures.Bars("a", ("x",), np.ones(1))) is not None
        assert figures.array_of(figures.Text("a", "words")) is None
        assert figures.array_of(figures.Table("a", ("x",), ((1,),))) is None


class TestCatalog:
    ENTRIES: ClassVar[dict[str, Entry]] = {
        "json": Entry("json:JSONDecoder", "JSON"),
        "gone": Entry("medviz.no_such_room:Thing"),
    }

    def catalog(self) -> Catalog[Any]:
        return Catalog("lab", "medviz.tests.nothing", self.ENTRIES)

    def test_asking_for_names_imports_nothing(self) -> None:
        names = list(self.catalog())
        assert names == ["json", "gone"]
        assert len(self.catalog()) == 2
        assert "gone" in self.catalog()
        assert "medviz.no_such_room" not in sys.modules

    def test_a_thing_is_imported_when_asked_for(self) -> None:
        assert self.catalog()["json"] is json.JSONDecoder

    def test_an_unknown_name_is_refused_with_what_there_is(self) -> None:
        with pytest.raises(Refused) as refusal:
            self.catalog()["jason"]
        assert "there are json, gone" in said(refusal)

    def test_the_name_of_a_thing_is_found_by_where_it_lives(self) -> None:
        catalog: Catalog[Any] = Catalog("x", "medviz.tests.nothing", {"volume": Entry("medviz.refused:Refused")})
        assert catalog.name_of(Refused) == "volume"
        assert catalog.name_of(Refused("a", "b")) == "volume"
        assert catalog.name_of(dict) == "dict"

    @pytest.fixture
    def plugin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """Install another package that brings a lab, as pip would leave it."""
        (tmp_path / "fake_plugin.py").write_text("class Spectrum:\n    TITLE = 'Spectrum'\n")
        info = tmp_path / "fake_plugin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-plugin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[medviz.tests.labs]\nspectrum = fake_plugin:Spectrum\njson = fake_plugin:Nothing\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        yield info
        sys.modules.pop("fake_plugin", None)

    def test_another_package_adds_a_thing_by_an_entry_point(self, plugin: Path) -> None:
        assert PathDistribution(plugin).version == "1.0"
        catalog: Catalog[Any] = Catalog("lab", "medviz.tests.labs", self.ENTRIES)
        assert list(catalog) == ["spectrum", "json", "gone"]
        assert "fake_plugin" not in sys.modules
        assert catalog["spectrum"].TITLE == "Spectrum"

    def test_another_package_cannot_replace_a_thing_of_ours(self, plugin: Path) -> None:
        catalog: Catalog[Any] = Catalog("lab", "medviz.tests.labs", self.ENTRIES)
        assert catalog["json"] is json.JSONDecoder


class TestShipped:
    def test_resources_are_found_in_the_checkout(self, root: Path) -> None:
        assert shipped.shipped("licences") == root / "resources" / "licences"

    def test_resources_of_an_installed_wheel_go_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "resources").mkdir()
        monkeypatch.setattr(shipped, "_PACKAGE", tmp_path)
        assert shipped.shipped("models", "a") == tmp_path / "resources" / "models" / "a"

    @pytest.mark.parametrize("kind", ["t1", "gm", "wm"])
    def test_the_sample_is_there_without_importing_nilearn(self, kind: str) -> None:
        assert shipped.sample_scan(kind).is_file()

    def test_without_nilearn_the_sample_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shipped, "find_spec", lambda name: None)
        with pytest.raises(Refused) as refusal:
            shipped.sample_scan()
        assert "install nilearn" in said(refusal)
        monkeypatch.setattr(shipped, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=None))
        with pytest.raises(Refused):
            shipped.sample_scan()


def test_settings_written_whole_outlive_a_change_of_defaults() -> None:
    def thing(
        width: Annotated[int, Range(1, 64)] = 16, *, deep: bool = True, channels: int = 1
    ) -> tuple[int, bool, int]:
        return width, deep, channels

    def later(
        width: Annotated[int, Range(1, 64)] = 8, *, deep: bool = False, channels: int = 1
    ) -> tuple[int, bool, int]:
        return width, deep, channels

    whole = Settings("thing", (("width", 4),)).whole({"thing": thing}, "channels")
    assert dict(whole.values) == {"width": 4, "deep": True}
    assert whole.build({"thing": later}, channels=3) == (4, True, 3)


class TestTicks:
    def test_they_come_in_the_order_of_the_options_and_once_each(self) -> None:
        one = parameter(Thing, "changes")
        assert one.checked(["noise", "turn", "noise"]) == ("turn", "noise")
        assert one.parsed("noise, turn") == ("turn", "noise")
        assert one.parsed("") == ()

    def test_without_options_every_name_is_taken_as_it_comes(self) -> None:
        assert parameter(Thing, "blocks").parsed("up, down") == ("up", "down")

    def test_they_survive_a_recipe(self) -> None:
        thing = changed(Thing(), changes=("mirror", "noise"), blocks=())
        assert plain(thing)["changes"] == ["mirror", "noise"]
        assert built(Thing, plain(thing)) == thing
