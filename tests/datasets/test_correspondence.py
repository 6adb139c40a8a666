"""Rows of label files and points of scans: each point has its own row, whatever the order."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.datasets.loaders.correspondence import match_rows, rounding
from gmanet.errors import InputError


def points(count=500, seed=0):
    return np.random.default_rng(seed).uniform(-10, 10, (count, 3)).astype(np.float32).astype(float)


@pytest.mark.parametrize("decimals", [2, 3, 6, 9])
def test_every_point_finds_its_row_whatever_the_order(decimals):
    scan, order = points(), np.random.default_rng(1).permutation(500)
    rows = np.round(scan[order], decimals)
    own = match_rows(scan, rows, tolerance=rounding(rows, 30.0))
    assert np.array_equal(order[own], np.arange(500))


def test_points_at_one_place_share_its_rows_one_to_one():
    scan = points(60)[[*range(60), 3, 3, 7]]
    order = np.random.default_rng(2).permutation(63)
    own = match_rows(scan, scan[order], tolerance=1e-6)
    assert sorted(own) == list(range(63))
    assert np.array_equal(scan[order][own], scan)


def test_two_points_that_are_rounded_to_one_place_have_a_row_each():
    scan = np.vstack([points(), points()[:1] + 1e-4])
    rows = np.round(scan, 3)[::-1]
    own = match_rows(scan, rows, tolerance=rounding(rows, 30.0))
    assert sorted(own) == list(range(501))


def test_rows_without_a_point_are_left_over():
    scan = points()
    own = match_rows(scan[10:], scan[::-1], tolerance=1e-6)
    assert np.array_equal(scan[::-1][own], scan[10:])


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (points(499), "1 of 500 points have no row with coordinates"),
        (points(seed=5), "points are in another place"),
        (points()[[0, 0, *range(2, 500)]], "1 of 500 points are in another place, point 2 by"),
        (np.vstack([points()[:1] + 9, points()[1:]]), "1 of 500 points are in another place"),
    ],
)
def test_other_rows_are_refused(rows, found):
    with pytest.raises(InputError, match=found):
        match_rows(points(), rows, tolerance=1e-4)


def test_two_points_never_have_the_same_row():
    scan = np.vstack([points(), points()[:1]])
    rows = np.vstack([points(), [[50, 50, 50]]])
    with pytest.raises(InputError, match="1 of 501 points share a row with another point"):
        match_rows(scan, rows, tolerance=1e-4)


def test_what_rounding_is_granted():
    rows = points()
    assert rounding(np.round(rows, 2), 100.0) == pytest.approx(0.005 + 1e-4, rel=0.05)
    assert rounding(np.round(rows, 1), 100.0) == pytest.approx(0.03 + 1e-4, rel=0.05)
    assert rounding(rows, 100.0) < 2e-4
    assert rounding(np.round(rows) * 1e6, 1.0) == pytest.approx(2.4, rel=0.1)
