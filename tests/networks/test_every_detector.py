"""Every network that finds boxes keeps to the interface in `medviz.networks.detector`, whatever it is built of."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medviz.networks import NETWORKS
from medviz.networks.detector import LEAST, MOST, Detector, Found, shared
from medviz.parameters import Settings, parameters
from tests.standard import ends

DETECTORS = [name for name, entry in NETWORKS.entries.items() if entry.theme == "detection"]
SMALL = {"width": 8, "depth": 1}
EACH = [
    (name, dimensions)
    for name in DETECTORS
    for dimensions in ((2, 3) if any(one.name == "dimensions" for one in parameters(NETWORKS[name])) else (2,))
]


def built(name: str, dimensions: int, **more: Any) -> Any:
    torch.manual_seed(0)
    known = {one.name for one in parameters(NETWORKS[name])}
    values = {key: value for key, value in {**SMALL, **more}.items() if key in known}
    made: nn.Module = Settings(name, tuple(values.items())).build(
        NETWORKS, channels=1, classes=3, dimensions=dimensions
    )
    return made


def lesson(dimensions: int, side: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Two pictures: one with two bright boxes and a row of padding, one with nothing."""
    image = torch.zeros(2, 1, *[side] * dimensions)
    ends = [([8] * dimensions, [28] * dimensions), ([32] * dimensions, [60] * dimensions)]
    for low, high in ends:
        image[(0, 0, *[slice(a, b) for a, b in zip(low, high, strict=True)])] = 2.0
    image += 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    boxes = torch.zeros(2, 3, 2 * dimensions)
    boxes[0, :2] = torch.tensor([[*low, *high] for low, high in ends], dtype=torch.float32)
    return image, boxes, torch.tensor([[0, 2, -1], [-1, -1, -1]])


@pytest.mark.parametrize(("name", "dimensions"), EACH)
class TestEachDetector:
    def test_it_learns_boxes_and_then_finds_them(self, name: str, dimensions: int) -> None:
        network, lot = built(name, dimensions), lesson(dimensions)
        assert isinstance(network, Detector)
        steps = torch.optim.AdamW(network.parameters(), 2e-3)
        for _ in range(30):
            terms = network.losses(*lot)
            assert len(terms) >= 2 and all(one.ndim == 0 for one in terms.values())
            steps.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            dead = [key for key, one in network.named_parameters() if one.grad is None]
            assert not dead, f"no gradient: {dead}"
            steps.step()
        with torch.no_grad():
            found = network.detect(lot[0])[0]
        both = shared(lot[1][0, :2], found.boxes)
        right = both.where(found.classes[None] == lot[2][0, :2, None], torch.zeros(()))
        assert float(right.amax(1).min()) > 0.5, "each of the two is found, by its class"

    def test_what_it_finds_lies_in_the_picture_the_surest_first(self, name: str, dimensions: int) -> None:
        network, (image, _, _) = built(name, dimensions).eval(), lesson(dimensions)
        oblong = image.narrow(2, 0, 32)
        with torch.no_grad():
            told = network.detect(oblong)
            again = network.detect(oblong)
        assert len(told) == 2
        for found, same in zip(told, again, strict=True):
            assert isinstance(found, Found) and len(found) <= MOST
            assert found.boxes.shape == (len(found), 2 * dimensions) and found.classes.dtype == torch.int64
            assert torch.equal(found.boxes, same.boxes)
            assert bool((found.scores[:-1] >= found.scores[1:]).all()) and bool((found.scores >= LEAST).all())
            assert bool((found.boxes >= 0).all())
            high = found.boxes[:, dimensions:]
            assert bool((high <= torch.tensor(oblong.shape[2:])).all())
            assert bool((found.classes >= 0).all()) and bool((found.classes < 3).all())

    def test_rows_of_padding_teach_nothing(self, name: str, dimensions: int) -> None:
        image, boxes, classes = lesson(dimensions)
        network = built(name, dimensions).eval()
        more = torch.cat([boxes, torch.rand(2, 2, 2 * dimensions) * 60], 1)
        padded = torch.cat([classes, torch.full((2, 2), -1)], 1)
        lessons = []
        with torch.no_grad():
            for some, kinds in ((boxes, classes), (more, padded)):
                torch.manual_seed(5)  # which of many candidates are learnt from may be chance
                lessons.append(network.losses(image, some, kinds))
        one, other = lessons
        assert all(torch.allclose(one[term], other[term], atol=1e-5) for term in one)

    def test_pictures_without_boxes_teach_too(self, name: str, dimensions: int) -> None:
        image, boxes, classes = lesson(dimensions)
        network = built(name, dimensions)
        terms = network.losses(image[1:].repeat(2, *[1] * (dimensions + 1)), boxes, torch.full_like(classes, -1))
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        assert bool(torch.isfinite(total))

    def test_its_weights_travel(self, name: str, dimensions: int) -> None:
        image, _, _ = lesson(dimensions)
        one, other = built(name, dimensions), built(name, dimensions)
        with torch.no_grad():
            for parameter in one.parameters():
                parameter.mul_(1.1)
        other.load_state_dict(one.state_dict())
        with torch.no_grad():
            left, right = one.eval().detect(image)[0], other.eval().detect(image)[0]
        assert torch.equal(left.boxes, right.boxes) and torch.equal(left.scores, right.scores)


ENDS = [
    pytest.param(name, one.name, value, id=f"{name}-{one.name}-{value}")
    for name in DETECTORS
    for one in parameters(NETWORKS[name])
    for value in ends(one)
    if one.name not in ("dimensions", "width")
]


@pytest.mark.parametrize(("name", "field", "value"), ENDS)
def test_at_the_end_of_a_parameter_it_still_learns(name: str, field: str, value: Any) -> None:
    network = built(name, 2, **{field: value})
    terms = network.losses(*lesson(2))
    torch.stack(list(terms.values())).sum().backward()
    assert all(bool(torch.isfinite(one)) for one in terms.values())


def test_a_loss_that_is_no_number_is_told_and_not_thrown() -> None:
    image, boxes, classes = lesson(2)
    terms = built("retinanet", 2).losses(image * torch.nan, boxes, classes)
    assert not bool(torch.isfinite(torch.stack(list(terms.values())).sum()))
