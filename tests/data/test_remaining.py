"""Data sets made of other data sets: what is known of the whole passes through."""

from __future__ import annotations

import pytest

from gmanet.data.remaining import Remaining
from gmanet.data.single_sided import SingleSided
from gmanet.data.sources import First

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
