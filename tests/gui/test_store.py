"""One frozen state behind one door."""

from dataclasses import dataclass

import pytest

from medviz.gui.store import Store


@dataclass(frozen=True)
class Width:
    width: int = 1


def test_each_listener_is_told_old_and_new():
    store, told = Store(Width()), []
    store.listen(lambda old, new: told.append((old.width, new.width)))
    store.listen(lambda old, new: told.append(("too", new.width)))
    store.update(width=2)
    assert told == [(1, 2), ("too", 2)]
    assert store.state == Width(2)


def test_the_same_value_tells_nobody():
    store, told = Store(Width()), []
    store.listen(lambda old, new: told.append(new))
    store.put(store.state)
    assert told == []


def test_an_equal_but_other_value_is_told():
    """Equality of a scene would compare its voxels; identity is what tells a change."""
    store, told = Store(Width()), []
    store.listen(lambda old, new: told.append(new))
    store.put(Width())
    assert len(told) == 1


def test_a_listener_that_changes_the_state_is_stopped():
    store = Store(Width())
    store.listen(lambda old, new: store.update(width=new.width + 1))
    with pytest.raises(RuntimeError, match="while being told"):
        store.update(width=2)


def test_after_a_listener_broke_the_door_opens_again():
    store, told = Store(Width()), []

    def breaks(old, new):
        raise ValueError("a view broke")

    leave = store.listen(breaks)
    with pytest.raises(ValueError, match="a view broke"):
        store.update(width=2)
    leave()
    store.listen(lambda old, new: told.append(new.width))
    store.update(width=3)
    assert told == [3]


def test_who_left_is_told_no_more_and_may_leave_twice():
    store, told = Store(Width()), []
    leave = store.listen(lambda old, new: told.append(new))
    leave()
    leave()
    store.update(width=2)
    assert told == []


def test_who_leaves_while_being_told_does_not_rob_the_next_of_the_news():
    store, told = Store(Width()), []
    leave = store.listen(lambda old, new: leave())
    store.listen(lambda old, new: told.append(new.width))
    store.update(width=2)
    store.update(width=3)
    assert told == [2, 3]
