"""Few labelled pictures: classes in turn, always the same ones, and those held out stay."""

from pathlib import Path

from medviz.data.class_folders import ClassFolders
from tests.data.laid import picture, png


def test_of_few_labelled_pictures_the_classes_come_in_turn_and_the_held_out_ones_stay(tmp_path: Path) -> None:
    for number in range(30):
        png(tmp_path / ("sound" if number % 3 else "ill") / f"{number}.png", picture(number)[0])
    all_of_them = ClassFolders(str(tmp_path)).training(2, 16)
    chosen = {}
    for labelled in (2, 6, 1000):
        data = ClassFolders(str(tmp_path), labelled=labelled)
        learnt = data.training(2, 16)
        chosen[labelled] = set(learnt.chosen)
        assert len(learnt) == min(labelled, len(all_of_them))
        assert data.validation(2, 16).chosen == ClassFolders(str(tmp_path)).validation(2, 16).chosen
    assert chosen[2] < chosen[6] < chosen[1000] == set(all_of_them.chosen)
    assert sorted(ClassFolders(str(tmp_path), labelled=6).training(2, 16).kinds) == [0, 0, 0, 1, 1, 1]
