"""The smallest keys against a sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gmanet.geometry.search.smallest import smallest_first


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=300, unique=True), st.data())
def test_equals_a_sort(values, data):
    count = data.draw(st.integers(1, len(values)))
    key = np.array([*values, 0], dtype=np.uint64)  # what lies beyond the length does not count
    smallest_first(key, len(values), count, np.empty(count, dtype=np.uint64))
    assert key[:count].tolist() == sorted(values)[:count]
    assert sorted(key.tolist()) == sorted([*values, 0])
