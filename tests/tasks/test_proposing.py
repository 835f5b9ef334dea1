"""What tasks propose for themselves: it follows from the data, says why, and trains without being refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medviz.data.checking.checked import checked
from medviz.data.checking.report import ClassCount, Fingerprint, Hardware, Spread
from medviz.data.layouts import recognised
from medviz.messages import finished
from medviz.parameters import Settings, parameters
from medviz.refused import Refused
from medviz.tasks import TASKS
from medviz.tasks.classification import Classification
from medviz.tasks.detection import Detection
from medviz.tasks.segmentation import Segmentation, sides_in
from medviz.training.before.proposing import Proposal, proposal
from medviz.training.task import Task
from medviz.training.trainer import train
from tests.data.checking.damaged import sound
from tests.standard import a_sentence

CPU, GPU = Hardware("cpu", 16 << 30, 4), Hardware("cuda", 24 << 30, 8)


def like(shape: tuple[int, ...], spacing: tuple[float, ...] | None = None, **more: Any) -> Fingerprint:
    classes = more.pop("classes", (("one", 500), ("two", 400)))
    whole = sum(count for _, count in classes)
    counts = tuple(ClassCount(name, 10, count, count / whole) for name, count in classes)
    given = {"cases": 100, "held_out": 20, "hardware": CPU, "foreground": 0.05, **more}
    return Fingerprint(
        dimensions=len(shape),
        shape=Spread.of([shape]),
        spacing_mm=Spread.of([spacing]) if spacing else None,
        classes=counts,
        **given,
    )


def test_patches_are_as_large_as_the_middle_case_along_each_axis() -> None:
    task, lines = Segmentation().proposed(like((35, 51, 35), (1.0, 1.0, 1.0)))
    assert (task.dimensions, task.sides, task.batch) == (3, "32×48×32", 8)
    assert dict(task.network.values)["depth"] == 4
    assert lines[0] == "Patches 32×48×32 because the middle case is 35×51×35 voxels of 1 mm; 4 levels leave 4×6×4"
    assert "80 cases to learn from" in lines[1]


def test_sides_are_read_as_a_person_writes_them_and_others_are_refused() -> None:
    assert sides_in("32×48×32", 3) == sides_in("32x48 X 32", 3) == (32, 48, 32)
    for text in ("32×48", "32×48×", "a×b×c", "4×48×32", "-8×16×16"):
        with pytest.raises(Refused) as refusal:
            sides_in(text, 3)
        a_sentence(refusal.value)


def test_thick_slices_are_learnt_slice_by_slice() -> None:
    task, lines = Segmentation().proposed(like((256, 256, 15), (0.8, 0.8, 6.5)))
    assert (task.dimensions, task.sides) == (2, "256×256")
    assert "slices lie 6.5 mm apart" in lines[0]
    sagittal, _ = Segmentation().proposed(like((12, 240, 200), (6.0, 1.0, 1.0)))
    assert (sagittal.dimensions, sagittal.sides) == (2, "240×192")


def test_a_large_volume_is_cut_to_what_the_device_takes() -> None:
    found = like((512, 512, 300), (0.8, 0.8, 1.0))
    on_cpu, _ = Segmentation().proposed(found)
    on_gpu, _ = Segmentation().proposed(replace(found, hardware=GPU))
    assert on_cpu.sides == "64×64×64" and on_cpu.batch == 2
    assert on_gpu.sides == "128×128×128"
    assert on_gpu.epochs > on_cpu.epochs


def test_something_very_small_asks_for_focal_loss() -> None:
    classes = (("liver", 100_000), ("tumour", 900))
    task, lines = Segmentation().proposed(like((64, 64, 64), (1, 1, 1), classes=classes, foreground=0.05))
    assert task.loss == "dice-focal"
    assert "tumour fills 0.045 % of a scan" in lines[1]


def test_few_cases_ask_for_strong_changes() -> None:
    few, _ = Segmentation().proposed(like((64, 64), cases=6, held_out=1))
    many, lines = Classification().proposed(like((28, 28), cases=20_000, held_out=1000, counted="pictures"))
    assert few.augment == 1.0 and few.batch <= 5
    assert many.augment == 0.3
    assert "19,000 cases" in lines[1]


def test_pictures_keep_their_size_unless_the_processor_would_take_too_long() -> None:
    small, lines = Classification().proposed(like((28, 28), counted="pictures"))
    large, why = Classification().proposed(like((512, 512), counted="pictures"))
    assert (small.side, dict(small.network.values)["thumbnails"]) == (28, True)
    assert (large.side, dict(large.network.values)["thumbnails"]) == (128, False)
    assert lines[0] == "Pictures of 28×28 because the middle one is 28×28"
    assert "16 times as long" in why[0]


def test_classes_out_of_balance_are_weighed_and_that_is_said() -> None:
    classes = (("normal", 100), ("pneumonia", 900))
    task, lines = Classification().proposed(like((28, 28), classes=classes, counted="pictures"))
    assert task.balance
    assert "pneumonia is 9 times normal" in lines[1]


def test_left_and_right_are_not_mirrored() -> None:
    classes = (("kidney left", 500), ("kidney right", 480))
    task, lines = Segmentation().proposed(like((64, 64, 64), (1, 1, 1), classes=classes))
    assert "mirror" in Segmentation().changes and "mirror" not in task.changes
    assert "no mirror images since classes have sides" in lines[1]


def test_small_boxes_ask_for_large_pictures() -> None:
    found = like((640, 480), counted="boxes", boxes=Spread.of([(100, 100)]))
    tiny, _ = Detection().proposed(replace(found, boxes=Spread.of([(24, 24)])))
    usual, lines = Detection().proposed(found)
    assert tiny.side > usual.side
    assert usual.side % 32 == 0
    assert "a middle box of 100×100 is then" in lines[0]


def test_nothing_is_proposed_without_cases() -> None:
    for kind in (Segmentation, Classification, Detection):
        assert kind().proposed(Fingerprint()) == (kind(), ())


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("shape", [(20, 20), (8, 8), (700, 90), (9, 300, 9), (400, 400, 400), (16, 16, 16)])
def test_whatever_the_data_every_value_is_within_its_range(shape: tuple[int, ...], device: str) -> None:
    for kind in (Segmentation, Classification, Detection):
        for cases in (2, 40, 50_000):
            found = like(shape, cases=cases, held_out=1, hardware=Hardware(device), counted="pictures")
            task, lines = kind().proposed(found)
            assert len(lines) == 2
            for one in (one for one in parameters(task) if one.kind != "part"):
                assert one.checked(getattr(task, one.name)) == getattr(task, one.name)


def proposed_for(settings: Settings, name: str) -> Proposal:
    task = replace(TASKS[name](), data=settings)
    if name == "segmentation":
        task = replace(task, network=Settings("unet", (("width", 2),)))
    report = finished(checked(settings, name))
    return finished(proposal(task, report.fingerprint))


def trained(task: Any, folder: Path) -> None:
    small = replace(task, steps=2, epochs=1, probe_every=10_000)
    finished(train(small, folder / "run"))


def test_what_is_proposed_for_a_folder_trains_on_it(tmp_path: Path) -> None:
    sound(tmp_path / "data", 4)
    made = proposed_for(recognised(tmp_path / "data"), "segmentation")
    assert made.task.sides == "32×16×16" or made.task.sides == "16×16×16"
    assert "GB" in made.lines[1] and "epochs" in made.lines[1]
    assert made.plan["fits"]
    trained(made.task, tmp_path)


@pytest.mark.parametrize(("data", "task"), [("shapes", "classification"), ("drawn_boxes", "detection")])
def test_what_is_proposed_for_drawn_data_trains_on_them(data: str, task: str, tmp_path: Path) -> None:
    values = {"shapes": (("cases", 12),), "drawn_boxes": (("cases", 8),)}
    made = proposed_for(Settings(data, values[data]), task)
    assert len(made.lines) == 2
    trained(made.task, tmp_path)


def test_a_run_that_would_take_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(task: Task) -> dict[str, Any]:
        return {"steps": 10 * task.epochs, "seconds": 600.0 * task.epochs, "fits": task.batch <= 2, "memory_mib": 900.0,
                "free_mib": 4096.0}  # fmt: skip

    monkeypatch.setattr("medviz.training.before.proposing.plan", slow)
    made = finished(proposal(Segmentation(), like((64, 64, 64), (1, 1, 1), cases=400)))
    assert made.task.batch == 2, "what does not fit is halved"
    assert made.task.epochs == 5
    assert "about 50 min" in made.lines[1]
    assert "takes 0.9 of 4.0 GB" in made.lines[1]
