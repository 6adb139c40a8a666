"""Results of the last inputs are remembered, others are computed."""

from __future__ import annotations

import numpy as np

from gmanet.cleaning import outliers
from gmanet.runtime.recent import Recent


def test_the_last_results_are_remembered():
    made: list[int] = []
    recent: Recent[int] = Recent(2)

    def ask(number, dtype="int64"):
        return recent([np.array([number], dtype=dtype)], lambda: made.append(number) or number)

    assert [ask(1), ask(2), ask(1), ask(2)] == [1, 2, 1, 2]
    assert made == [1, 2]
    ask(3)
    ask(1)
    assert made == [1, 2, 3, 1]
    assert len(recent.results) == 2
    ask(1, "float64")
    assert made == [1, 2, 3, 1, 1], "the same bytes of another type are another input"


def test_flying_points_of_one_scan_are_searched_once(monkeypatch):
    calls = []
    search = outliers.grid_nearest
    monkeypatch.setattr(
        outliers, "grid_nearest", lambda *args, **words: calls.append(0) or search(*args, **words)
    )
    pos = np.random.default_rng(7).random((500, 3)).astype(np.float32)
    first = outliers.flying(pos)
    np.testing.assert_array_equal(outliers.flying(pos.copy()), first)
    assert len(calls) == 1
    moved = pos.copy()
    moved[3] = 40
    assert outliers.flying(moved)[3]
    assert len(calls) == 2
