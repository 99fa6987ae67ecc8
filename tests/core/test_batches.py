"""Batches hold every item once, in order, and take no more than they need."""

from __future__ import annotations

from itertools import count, islice

from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.batches import batched


@given(st.lists(st.integers()), st.integers(1, 7))
def test_every_item_comes_once_in_order(items, size):
    batches = list(batched(iter(items), size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)


def test_nothing_is_taken_ahead():
    source = count()
    assert list(islice(batched(source, 3), 2)) == [[0, 1, 2], [3, 4, 5]]
    assert next(source) == 6
