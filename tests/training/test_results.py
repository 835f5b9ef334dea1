"""What a run reaches, case by case: the worst first, with intervals that mean something, and no names."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medviz.data.whole import volume_of
from medviz.figures import Table
from medviz.imaging.readers import read
from medviz.messages import Message, Note, Progress, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.cases import measured
from medviz.tasks.classification import Classification
from medviz.tasks.segmentation import Segmentation
from medviz.training.evaluating import results_of
from medviz.training.results import Interval, Results, judged_rows, read_results, written
from medviz.training.run import Run, weights
from medviz.training.showing import case_files
from tests.data.laid import nifti, scan
from tests.training.toys import Toy, best_digest, taught

SEGMENTATION = Segmentation(
    data=Settings("phantoms", (("cases", 8), ("size", 32))),
    network=Settings("unet", (("width", 4), ("depth", 2))),
    epochs=1,
    patch=16,
    device="cpu",
)


def none(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
    return {}


def tables(said: list[Message]) -> list[Table]:
    return [one for one in said if isinstance(one, Table)]


def test_an_interval_holds_the_mean_nineteen_times_of_twenty() -> None:
    held = 0
    for seed in range(60):
        values = np.random.default_rng(seed).normal(0.8, 0.1, 30)
        (found,) = judged_rows("test", [{"dice": float(value)} for value in values], none).measures.values()
        assert found.value == pytest.approx(values.mean())
        held += found.low <= 0.8 <= found.high
        width = 2 * 1.96 * values.std(ddof=1) / np.sqrt(30)
        assert found.high - found.low == pytest.approx(width, rel=0.25)
    assert 51 <= held <= 60


def test_cases_without_a_number_do_not_count_and_no_zero_is_made_of_them() -> None:
    rows = [{"dice": 0.5, "HD95 (mm)": 2.0}, {"dice": None, "HD95 (mm)": float("nan")}, {"dice": 0.7}]
    found = judged_rows("validation", rows, none)
    assert found.measures["dice"].value == pytest.approx(0.6)
    assert found.measures["dice"].count == 2
    assert found.measures["HD95 (mm)"] == Interval(2.0, 2.0, 2.0, 1)
    table = found.table("dice", higher=True)
    assert [row[0] for row in table.rows] == ["validation 0", "validation 2", "validation 1"], "the unknown come last"
    assert table.columns == ("case", "dice", "HD95")
    assert table.units == ("", "", "mm")
    assert table.rows[2][1:] == (None, None)


def test_the_worst_come_first_whichever_way_is_better() -> None:
    rows = [{"loss": 0.1}, {"loss": 0.9}, {"loss": 0.5}]
    found = judged_rows("test", rows, none)
    assert [row[1] for row in found.table("loss", higher=False).rows] == [0.9, 0.5, 0.1]
    assert [row[1] for row in found.table("loss", higher=True).rows] == [0.1, 0.5, 0.9]
    assert found.table("loss", higher=False).title.startswith("3 cases of test, the worst first: loss 0.500 (")


def test_what_needs_all_cases_has_an_interval_too() -> None:
    def largest(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
        return {"largest": max(row["_x"] for row in rows)}

    found = judged_rows("test", [{"_x": float(k), "right": 1.0} for k in range(40)], largest)
    assert found.measures["largest"].value == 39
    assert 30 < found.measures["largest"].low < 39
    assert "_x" not in found.measures
    assert "_x" not in found.table().columns


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    one = judged_rows("validation", [{"dice": 0.5, "said": "a,b", "_at": 4}, {"dice": float("nan")}], none)
    document, sheet = written([one], "abc", 12)
    (tmp_path / "results.json").write_text(document)
    digest, (again,) = read_results(tmp_path)
    assert digest == "abc"
    assert again.measures == one.measures
    assert again.rows[0] == one.rows[0]
    assert again.table("dice").rows == one.table("dice").rows
    assert list(csv.reader(sheet.splitlines())) == [
        ["set", "case", "dice", "said"],
        ["validation", "0", "0.5", "a,b"],
        ["validation", "1", "", ""],
    ]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"weights": 1, "sets": {"a": {}}}'])
def test_damaged_results_are_as_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    assert read_results(tmp_path) == ("", ())


def test_a_run_ends_with_its_best_weights_measured_case_by_case(tmp_path: Path) -> None:
    said = taught(Toy(epochs=3), tmp_path / "run")
    (table,) = tables(said)
    assert table.name == "results/validation"
    assert len(table.rows) == 6
    losses = [row[1] for row in table.rows]
    assert losses == sorted(losses, reverse=True), "by the loss, the worst first"
    assert read_results(tmp_path / "run")[0] == best_digest(tmp_path / "run")
    mean = weights(tmp_path / "run")[1]["measures"]["validation/loss"]
    assert read_results(tmp_path / "run")[1][0].measures["loss"].value == pytest.approx(mean, abs=1e-4)
    card = (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert "### validation, 6 cases" in card
    assert "chosen on the validation cases" in card
    assert not tables(taught(Toy(epochs=3), tmp_path / "run", resume=True)), "what is known is not measured again"
    assert tables(taught(Toy(epochs=5), tmp_path / "run", resume=True)), "other weights are"


def test_a_run_closed_while_it_is_measured_measures_when_it_is_resumed(tmp_path: Path) -> None:
    from medviz.training.trainer import train

    work = train(Toy(epochs=1), tmp_path / "run")
    for message in work:
        if isinstance(message, Progress) and "cases measured" in message.what:
            break
    work.close()
    assert not (tmp_path / "run" / "results.json").exists()
    assert tables(taught(Toy(epochs=1), tmp_path / "run", resume=True))


def test_a_table_is_made_for_a_run_that_has_none(tmp_path: Path) -> None:
    taught(SEGMENTATION, tmp_path / "run")
    before = json.loads((tmp_path / "run" / "results.json").read_text())
    (tmp_path / "run" / "results.json").unlink()
    table = finished(results_of(tmp_path / "run", TASKS))
    assert table.columns[:2] == ("case", "dice/mean")
    assert json.loads((tmp_path / "run" / "results.json").read_text()) == before, "the same numbers again"


def test_a_case_opens_as_scan_prediction_and_reference(tmp_path: Path) -> None:
    taught(SEGMENTATION, tmp_path / "run")
    table = finished(results_of(tmp_path / "run", TASKS))
    files = finished(case_files(tmp_path / "run", str(table.rows[0][0]), TASKS))
    assert [path.name for path in files] == ["scan.nii.gz", "prediction.nii.gz", "reference.nii.gz"]
    scan, prediction, reference = (finished(read(path)) for path in files)
    assert scan.same_grid(prediction)
    row = measured(prediction.frame(), reference.frame(), reference, ("ball", "box", "shell"))
    assert row["dice/mean"] == pytest.approx(table.rows[0][1], abs=1e-6)
    for name in ("validation 99", "validation x", "test 0", "", "Jane Roe"):
        with pytest.raises(Refused, match="no such case"):
            finished(case_files(tmp_path / "run", name, TASKS))
    for path in files:
        path.unlink()
    files[0].parent.rmdir()


def test_pictures_are_named_with_their_probability_and_summed_up_over_all(tmp_path: Path) -> None:
    task = Classification(network=Settings("lenet"), epochs=1, device="cpu")
    taught(task, tmp_path / "run")
    table = finished(results_of(tmp_path / "run", TASKS))
    assert table.columns[0] == "case"
    assert {"class", "taken for", "accuracy"} < set(table.columns)
    assert table.title.count("(") >= 2
    kept = weights(tmp_path / "run")[1]["measures"]
    found = read_results(tmp_path / "run")[1][0].measures
    for name in ("balanced accuracy", "accuracy"):
        assert found[name].value == pytest.approx(kept[f"validation/{name}"])
        assert found[name].low <= found[name].value <= found[name].high


def test_two_maps_are_compared_in_mm() -> None:
    meant = np.zeros((12, 12, 12), np.uint8)
    meant[2:8, 2:8, 2:8] = 1
    found = np.roll(meant, 1, axis=0)
    grid = volume_of(meant[None], (3.0, 1.0, 1.0))
    row = measured(found, meant, grid, ("organ", "absent"))
    assert row["dice/organ"] == pytest.approx(5 / 6)
    assert row["HD95 organ (mm)"] == pytest.approx(3.0)
    assert 0 < row["NSD organ"] < 1
    assert "dice/absent" not in row, "a class that the reference has not got has no number"
    assert row["dice/mean"] == row["dice/organ"]
    missed = measured(np.zeros_like(meant), meant, grid, ("organ",))
    assert (missed["dice/organ"], missed["NSD organ"], "HD95 organ (mm)" in missed) == (0.0, 0.0, False)


def test_what_cannot_be_measured_costs_a_note_and_not_the_run(tmp_path: Path) -> None:
    class Unmeasurable(Toy):
        def evaluated(self, *given: Any) -> Any:
            yield Progress(0, 1, "")
            raise Refused("case 7", "it is damaged", "restore it")

    said = taught(Unmeasurable(epochs=1), tmp_path / "run")
    warned = [one.text for one in said if isinstance(one, Note) and one.level == "warning"]
    assert warned == ["The cases cannot be measured: case 7: it is damaged"]
    assert Run(tmp_path / "run").best.exists()
    assert Results("a", ()).measures == {}


def test_cases_that_the_data_keep_for_a_test_are_measured_apart_once_at_the_end(tmp_path: Path) -> None:
    rows = ["image,mask,split"]
    for number in range(6):
        image, label = scan(number)
        nifti(tmp_path / "data" / f"scan{number}.nii.gz", image)
        nifti(tmp_path / "data" / f"mask{number}.nii.gz", label)
        side = "test" if number > 3 else "val" if number == 3 else "train"
        rows.append(f"scan{number}.nii.gz,mask{number}.nii.gz,{side}")
    (tmp_path / "data" / "cases.csv").write_text("\n".join(rows) + "\n")
    data = Settings("mask_table", (("file", str(tmp_path / "data" / "cases.csv")),))
    task = Segmentation(data=data, network=SEGMENTATION.network, dimensions=3, epochs=1, patch=16, device="cpu")
    said = taught(task, tmp_path / "run")
    assert [(one.name, len(one.rows)) for one in tables(said)] == [("results/validation", 1), ("results/test", 2)]
    held, test = tables(said)
    assert {row[0] for row in test.rows} == {"test 0", "test 1"}
    assert "HD95 1" in " ".join(held.columns) or "dice/mean" in held.columns
    assert finished(results_of(tmp_path / "run", TASKS)).name == "results/test"
    files = finished(case_files(tmp_path / "run", "test 1", TASKS))
    shown = finished(read(files[0]))
    assert shown.shape == (14, 16, 8), "on its own grid"
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert (len(split["training"]), len(split["validation"])) == (3, 1), (
        "nothing is learnt from a test, or chosen by it"
    )
    card = (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert "### test, 2 cases" in card
