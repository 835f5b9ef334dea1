"""Classification: what it measures agrees with scikit-learn, it learns, and it says what it cannot do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, roc_auc_score, roc_curve

from medviz.figures import Bars, Curves, Heatmap, Picture
from medviz.messages import Message, Scalar, finished
from medviz.parameters import Settings
from medviz.refused import Refused
from medviz.tasks.classification import Classification
from medviz.tasks.scoring import roc, scores_of
from medviz.training.trainer import train
from medviz.training.using.formats import load


@pytest.mark.parametrize("seed", range(5))
def test_what_is_measured_agrees_with_scikit_learn(seed: int) -> None:
    chance = np.random.default_rng(seed)
    meant = np.concatenate([np.arange(4), chance.integers(0, 4, 60)])
    shares = np.round(chance.dirichlet(np.ones(4), 64), 1)  # rounded, so that many scores are equal
    shares /= shares.sum(axis=1, keepdims=True)
    found = scores_of(shares, meant)
    taken = shares.argmax(axis=1)
    assert np.array_equal(found.confusion, confusion_matrix(meant, taken, labels=range(4)))
    assert found.accuracy == pytest.approx(np.mean(taken == meant))
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(meant, taken))
    for kind in range(4):
        wrong, right, area = found.curves[kind]
        assert area == pytest.approx(roc_auc_score(meant == kind, shares[:, kind]))
        theirs = roc_curve(meant == kind, shares[:, kind], drop_intermediate=False)
        assert np.allclose(wrong, theirs[0]) and np.allclose(right, theirs[1])


def test_a_class_that_never_occurs_has_no_number() -> None:
    found = scores_of(np.full((3, 2), 0.5), np.zeros(3, int))
    assert found.recalls == (1.0, None) and found.area is None
    assert roc(np.arange(3.0), np.ones(3, bool))[2] is None


def test_it_learns_to_tell_a_ball_from_a_box_from_a_shell(tmp_path: Path) -> None:
    network = Settings("resnet", (("width", 8), ("thumbnails", True)))
    data = Settings("shapes", (("cases", 300), ("noise", 0.1)))
    task = Classification(data=data, network=network, augment=0.0, epochs=6, learning_rate=4e-3, device="cpu")
    said: list[Message] = []
    finished(train(task, tmp_path / "run"), said.append)
    last = {one.name: one.value for one in said if isinstance(one, Scalar)}
    assert last["validation/balanced accuracy"] > 0.85, "chance is a third"
    assert {type(one) for one in said} >= {Picture, Bars, Heatmap, Curves}


def test_volumes_are_named_too_by_a_network_that_knows_them(tmp_path: Path) -> None:
    network = Settings("resnet", (("width", 4), ("thumbnails", True)))
    data = Settings("shapes", (("cases", 6), ("size", 16)))
    task = Classification(data=data, network=network, dimensions=3, side=16, steps=2, epochs=1, batch=2, device="cpu")
    assert finished(train(task, tmp_path / "run")).is_dir()
    with pytest.raises(Refused, match="knows no volumes"):
        Classification(data=data, network=Settings("vgg"), dimensions=3, side=16).build(task.data_set())


def test_digits_are_pictures_only() -> None:
    with pytest.raises(Refused, match="cannot be learnt from in 3-D"):
        Classification(data=Settings("digits"), dimensions=3).data_set()


@pytest.mark.parametrize("loss", ["cross-entropy", "focal", "hinge"])
def test_every_loss_is_small_when_right_and_weighs_rare_classes(loss: str) -> None:
    task = Classification(loss=loss)
    right = torch.tensor([[9.0, 0.0], [0.0, 9.0]])
    label, weight = torch.tensor([0, 1]), torch.tensor([0.5, 1.5])
    good, bad = (float(task._loss(scores, label, weight)) for scores in (right, right.flip(1)))
    assert good < 0.01 < bad
    one_wrong = torch.tensor([[9.0, 0.0], [9.0, 0.0]])  # the rare one is wrong
    assert task._loss(one_wrong, label, weight) > Classification(loss=loss, balance=False)._loss(
        one_wrong, label, weight
    )


def test_focal_loss_without_gamma_is_cross_entropy() -> None:
    scores, label = torch.randn(8, 3), torch.randint(0, 3, (8,))
    plain = Classification()._loss(scores, label, None)
    assert torch.allclose(Classification(loss="focal", gamma=0.0)._loss(scores, label, None), plain)


def test_real_pictures_of_tumours_are_found_in_train_and_val(data: Path) -> None:
    folder = data / "classification" / "brain_tumor_mri"
    task = Classification(data=Settings("class_folders", (("folder", str(folder)),)), side=32)
    found = task.data_set()
    assert found.classes == ("glioma", "meningioma", "pituitary") and found.channels == 1
    assert (len(task.training(found)), len(task.validation(found))) == (450, 90)
    assert task.validation(found)[0]["image"].shape == (1, 32, 32)


def test_a_run_that_names_pictures_is_not_taken_for_one_that_labels_voxels(tmp_path: Path) -> None:
    network = Settings("resnet", (("width", 4), ("thumbnails", True)))
    task = Classification(network=network, steps=1, epochs=1, batch=2, device="cpu")
    folder = finished(train(task, tmp_path / "run"))
    with pytest.raises(Refused, match="labels no voxels"):
        load(str(folder))
