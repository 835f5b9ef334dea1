import numpy as np
import pytest

from medviz.imaging.judging.counts import confusion, dice_of
from medviz.refused import Refused
from tests.imaging.judging.maps import blobs


def test_the_table_of_all_labels_is_that_of_a_loop() -> None:
    one, other = blobs(5), blobs(6)
    values, table = confusion(one, other)
    for i, first in enumerate(values):
        for j, second in enumerate(values):
            assert table[i, j] == ((one == first) & (other == second)).sum()
    assert set(dice_of(one, other)) == {1, 2}


def test_few_labels_of_large_value_take_no_large_table() -> None:
    one = np.array([[[0, 40000, 65535]]], np.uint16)
    values, table = confusion(one, one)
    assert values.tolist() == [0, 40000, 65535]
    assert table.tolist() == np.eye(3, dtype=int).tolist()


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_neither_type_nor_order_in_memory_changes_a_count(kind: type, order: str) -> None:
    one, other = blobs(7), blobs(8)
    values, table = confusion(one, other)
    stored = np.asarray(other.astype(kind), order=order)[::-1]
    again = confusion(np.ascontiguousarray(one[::-1]), stored)
    np.testing.assert_array_equal(again[0], values)
    np.testing.assert_array_equal(again[1], table)


def test_negative_and_large_values_are_labels_like_any() -> None:
    one = np.array([[[-3, 0, 2_000_000]]], np.int32)
    values, table = confusion(one, np.array([[[-3, 2_000_000, 2_000_000]]], np.int32))
    assert values.tolist() == [-3, 0, 2_000_000]
    assert table.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]


def test_maps_of_other_shapes_and_of_too_many_values_are_not_counted() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        confusion(np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8))
    many = np.arange(20 * 20 * 20, dtype=np.int32).reshape(20, 20, 20)
    with pytest.raises(Refused, match="8000 values"):
        confusion(many, many)
