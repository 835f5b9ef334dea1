"""Mean average precision agrees with a plain loop and with MONAI's COCO metric."""

import numpy as np
import pytest
import torch

from medviz.networks.detector import Found, shared
from medviz.tasks.finding import OVERLAPS, Finding, drawn, matched, pictured

CLASSES = ("one", "two", "three")
SEED_WITH_ALL = 3


def pictures(seed: int, count: int = 6) -> list[tuple[Found, torch.Tensor, torch.Tensor]]:
    """References, and boxes near some of them, far from all, twice on one, and of a wrong class."""
    random = torch.Generator().manual_seed(seed)
    made = []
    for number in range(count):
        many = int(torch.randint(0, 6, (1,), generator=random))
        low = torch.rand(many, 2, generator=random) * 60
        boxes = torch.cat([low, low + 6 + torch.rand(many, 2, generator=random) * 20], 1)
        kinds = torch.randint(0, 2 if number else 3, (many,), generator=random)
        told = torch.cat([boxes + torch.randn(boxes.shape, generator=random) * 2, boxes[:2] + 1, torch.rand(3, 4) * 9])
        told[:, 2:] = torch.maximum(told[:, 2:], told[:, :2] + 1)
        guess = torch.cat([kinds, kinds[:2], torch.randint(0, 3, (3,), generator=random)])
        scores = (torch.rand(len(told), generator=random) * 8).round() / 8
        order = scores.argsort(descending=True, stable=True)
        made.append((Found(told[order], scores[order], guess[order]), boxes, kinds))
    return made


def measured(lot: list[tuple[Found, torch.Tensor, torch.Tensor]]) -> Finding:
    return Finding([pictured(*one, len(CLASSES)) for one in lot], len(CLASSES))


def precision_by_loop(lot: list[tuple[Found, torch.Tensor, torch.Tensor]], kind: int, least: float) -> float | None:
    """COCO's average precision of one class, counted box by box."""
    told = []
    total = 0
    for number, (found, boxes, kinds) in enumerate(lot):
        total += sum(int(one) == kind for one in kinds)
        mine = [k for k in range(len(found)) if int(found.classes[k]) == kind]
        taken: set[int] = set()
        for k in mine:
            best, which = least, None
            for m in range(len(boxes)):
                if m in taken or int(kinds[m]) != kind:
                    continue
                share = float(shared(found.boxes[k : k + 1], boxes[m : m + 1])[0, 0])
                if share > best or (share == best and which is None):
                    best, which = share, m
            if which is not None:
                taken.add(which)
            told.append((-float(found.scores[k]), number, which is not None))
    if not total:
        return None
    told.sort(key=lambda one: one[0])
    hits, points = 0, []
    for count, (_, _, right) in enumerate(told, start=1):
        hits += right
        points.append((hits / total, hits / count))
    places = [max((p for r, p in points if r >= place - 1e-12), default=0.0) for place in np.linspace(0, 1, 101)]
    return float(np.mean(places))


@pytest.mark.parametrize("seed", range(4))
def test_precision_is_that_of_a_loop(seed: int) -> None:
    lot = pictures(seed)
    found = measured(lot)
    for kind, one in enumerate(found.classes):
        for number, least in enumerate(OVERLAPS):
            expected = precision_by_loop(lot, kind, least)
            assert (one.precisions is None) == (expected is None)
            if one.precisions is not None:
                assert one.precisions[number] == pytest.approx(expected, abs=1e-9)
    there = [p for p in (precision_by_loop(lot, kind, 0.5) for kind in range(3)) if p is not None]
    assert found.map50 == pytest.approx(sum(there) / len(there))


def test_precision_is_that_of_monais_coco_metric() -> None:
    from monai.apps.detection.metrics.coco import COCOMetric
    from monai.apps.detection.metrics.matching import matching_batch
    from monai.data.box_utils import box_iou

    lot = pictures(SEED_WITH_ALL)
    assert all(one.precisions is not None for one in measured(lot).classes), "MONAI counts a class that is absent as -1"
    metric = COCOMetric(classes=list(CLASSES), iou_list=[0.5], iou_range=(0.5, 0.95, 0.05), max_detection=(100,))
    results = matching_batch(
        iou_fn=box_iou,
        iou_thresholds=metric.iou_thresholds,
        pred_boxes=[one.boxes.numpy() for one, _, _ in lot],
        pred_classes=[one.classes.numpy() for one, _, _ in lot],
        pred_scores=[one.scores.numpy() for one, _, _ in lot],
        gt_boxes=[boxes.numpy() for _, boxes, _ in lot],
        gt_classes=[kinds.numpy() for _, _, kinds in lot],
    )
    theirs = metric(results)[0]
    ours = measured(lot)
    assert ours.map50 == pytest.approx(float(theirs["AP_IoU_0.50_MaxDet_100"]), abs=1e-6)
    assert ours.map == pytest.approx(float(theirs["mAP_IoU_0.50_0.95_0.05_MaxDet_100"]), abs=1e-6)


def test_all_found_is_one_and_nothing_found_is_none() -> None:
    lot = [(Found(boxes, torch.ones(len(boxes)), kinds), boxes, kinds) for _, boxes, kinds in pictures(3)]
    found = measured(lot)
    assert found.map50 == found.map == pytest.approx(1.0) and found.share == pytest.approx(1.0)
    nothing = Found(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    empty = measured([(nothing, boxes, kinds) for _, boxes, kinds in lot])
    assert (empty.map50, empty.share, empty.surest, empty.threshold) == (0.0, 0.0, 0.0, 0.5)
    assert list(drawn(empty, CLASSES)) == []


def test_a_reference_counts_once_and_the_better_one_is_taken() -> None:
    both = np.array([[0.6, 0.9], [0.7, 0.8], [0.65, 0.2]])
    assert matched(both, 0.5).tolist() == [True, True, False]
    assert matched(both, 0.85).tolist() == [True, False, False]
    assert matched(np.zeros((2, 0)), 0.5).tolist() == [False, False]


def test_the_least_score_shown_is_where_f1_is_highest() -> None:
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0], [20.0, 20.0, 29.0, 29.0]])
    far = torch.tensor([[50.0, 50.0, 60.0, 60.0]])
    told = Found(torch.cat([boxes, far]), torch.tensor([0.9, 0.6, 0.4]), torch.zeros(3, dtype=torch.int64))
    found = measured([(told, boxes, torch.zeros(2, dtype=torch.int64))])
    assert found.threshold == pytest.approx(0.6)
    figure = next(drawn(found, CLASSES))
    assert [line.name for line in figure.lines] == ["one 1.00"], "classes that never occur have no curve"
