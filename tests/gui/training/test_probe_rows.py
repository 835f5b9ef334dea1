"""How the figures of a round lie beside each other, for every kind of task."""

import numpy as np
import pytest

from medviz.figures import Bars, Curves, Figure, Heatmap, Line, Picture
from medviz.gui.training.history import History
from medviz.gui.training.probe_rows import NARROWEST_PX, WRONG, found_in, laid_out
from medviz.messages import Scalar


def picture(name: str, title: str = "") -> Picture:
    return Picture(name, np.zeros((8, 8)), title or name, labels=np.ones((8, 8), int), label_names=("a",))


def segmentation(count: int) -> tuple[Figure, ...]:
    kinds = ("prediction", "reference", "error", "certainty")
    return tuple(picture(f"probe {number} {kind}") for number in range(1, count + 1) for kind in kinds)


def classification(count: int) -> tuple[Figure, ...]:
    made: list[Figure] = [
        one
        for number in range(1, count + 1)
        for one in (picture(f"probe {number}", f"probe {number}: 0 84%, is 0"),
                    Bars(f"probe {number} shares", ("0", "1"), np.ones(2)))
    ]  # fmt: skip
    return (*made, Heatmap("confusion", np.eye(2)), Curves("ROC", (Line("a", np.arange(2.0), np.arange(2.0)),)))


def names(rows: list[list[Figure]]) -> list[list[str]]:
    return [[one.name for one in row] for row in rows]


def test_a_probe_with_a_prediction_begins_with_the_image_and_errors_have_a_colour_of_their_own() -> None:
    found = found_in(segmentation(1))
    row = found.rows["probe 1"]
    assert list(row) == ["image", "reference", "prediction", "error", "certainty"]
    error = row["error"]
    assert isinstance(error, Picture) and error.labels is not None and error.labels.max() == WRONG
    assert [name for name in found.names() if found.at_first(name)] == ["image", "reference", "prediction", "error"]


def test_probes_of_a_segmentation_stand_in_rows() -> None:
    lay = laid_out(found_in(segmentation(2)), {"certainty"}, 600, 600)
    assert names(lay.rows)[0] == ["probe 1 image", "probe 1 reference", "probe 1 prediction", "probe 1 error"]
    assert len(lay.rows) == 2 and lay.most_px < 600


def test_pictures_of_a_classification_flow_and_what_is_about_all_stands_below() -> None:
    found = found_in(classification(10))
    hidden = {name for name in found.names() if not found.at_first(name)}
    assert hidden == {"shares"}
    lay = laid_out(found, hidden, 500, 560)
    assert names(lay.rows)[-1] == ["confusion", "ROC"]
    assert [len(row) for row in lay.rows] == [5, 5, 2]
    assert lay.rows[0][0].title == "0 84%, is 0"
    assert len(lay.heights) == 3


def test_in_a_low_window_what_is_about_all_keeps_its_room() -> None:
    found = found_in(classification(10))
    lay = laid_out(found, {"shares"}, 300, 420)
    assert names(lay.rows)[-1] == ["confusion", "ROC"]
    assert [len(row) for row in lay.rows] == [3, 3, 2]


@pytest.mark.parametrize("wide", [200, 300, 500, 900])
@pytest.mark.parametrize("count", [1, 4, 10])
def test_no_picture_is_narrower_than_can_be_seen(wide: int, count: int) -> None:
    for figures in (segmentation(count), classification(count)):
        lay = laid_out(found_in(figures), set(), wide, 600)
        assert max(map(len, lay.rows)) * NARROWEST_PX <= max(wide, 2 * NARROWEST_PX)
        shown = [name for row in names(lay.rows) for name in row]
        assert len(shown) == len(set(shown))


def test_one_thing_to_see_offers_no_choice() -> None:
    assert found_in((picture("probe 1"), picture("probe 2"))).names() == ()


def test_the_measure_that_decides_is_the_tasks_own() -> None:
    heard = History()
    heard.hear([Scalar("validation/AUC", 1, 0.95), Scalar("validation/balanced accuracy", 1, 0.7)], 0.0)
    assert heard.judge() == ("validation/balanced accuracy", True)  # guessed, of a run whose task is not known
    heard.judged = ("validation/AUC", True)
    assert heard.best() == ("validation/AUC", 0.95, 1)
    assert heard.names("measures")[0] == "validation/AUC"


def test_measures_of_many_classes_do_not_crowd_the_curves() -> None:
    heard = History()
    classes = [Scalar(f"validation/recall/{name}", 1, 0.5) for name in range(10)]
    heard.hear([Scalar("validation/accuracy", 1, 0.7), *classes], 0.0)
    assert heard.few("measures", 8) == ["validation/accuracy"]
    assert len(heard.few("measures", 20)) == 11
