"""Data sets made of other data sets: what is known of the whole passes through."""

from __future__ import annotations

import pytest

from gmanet.datasets.catalog import First
from gmanet.datasets.single_view import SingleSided
from gmanet.datasets.subset import Remaining

WRAPPERS = {
    "first": lambda whole: First(whole, 1),
    "single-sided": lambda whole: SingleSided(whole, 2),
    "remaining": lambda whole: Remaining(whole, whole.names[1:]),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_unit_category_and_split_pass_through(bumped_plate, given_clouds, name):
    whole = given_clouds([bumped_plate(300, seed, height=0) for seed in range(2)], "train")
    whole.unit, whole.category = "inch", "plate"
    made = WRAPPERS[name](whole)
    assert (made.unit, made.category, made.split) == ("inch", "plate", "train")
