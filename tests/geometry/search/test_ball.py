"""Balls are those of brute force, in the order of the points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.search.ball import first_within


@given(st.integers(1, 200), st.integers(1, 40), st.floats(1e-3, 2), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_the_first_points_of_a_ball(size, count, radius, seed):
    pos = np.random.default_rng(seed).random((size, 3), dtype=np.float32)
    found = first_within(pos, pos, radius=radius, count=count)
    limit = np.float32(radius) * np.float32(radius)
    for row, point in enumerate(pos):
        x, y, z = (pos - point).T
        inside = np.flatnonzero(x * x + y * y + z * z <= limit)[:count].tolist()
        assert found[row].tolist() == inside + inside[:1] * (count - len(inside))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_threads_does_not_matter(workers):
    pos = np.random.default_rng(0).random((700, 3), dtype=np.float32)
    one = first_within(pos, pos[:90], radius=0.3, count=12)
    np.testing.assert_array_equal(
        first_within(pos, pos[:90], radius=0.3, count=12, workers=workers), one
    )
