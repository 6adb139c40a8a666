"""Data sets made of other data sets: what is known of the whole passes through."""

from __future__ import annotations

import pytest

from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.single_view import SingleView
from gmanet.datasets.subset import Subset

WRAPPERS = {
    "single-sided": lambda whole: SingleView(whole, 2),
    "subset": lambda whole: Subset(whole, whole.names[1:]),
}


@pytest.fixture
def whole(bumped_plate, given_clouds):
    return given_clouds([bumped_plate(300, seed, height=0) for seed in range(4)], "train")


@pytest.mark.parametrize("name", WRAPPERS)
def test_unit_category_and_split_pass_through(whole, name):
    whole.unit, whole.category = "inch", "plate"
    made = WRAPPERS[name](whole)
    assert (made.unit, made.category, made.split) == ("inch", "plate", "train")


def test_a_subset_has_the_order_of_the_whole(whole):
    some = Subset(whole, [whole.names[3], whole.names[1], "unknown"])
    assert some.names == [whole.names[1], whole.names[3]]
    assert [cloud.name for cloud in some] == some.names
    assert some[-1] is whole[3]
    assert some.files == []
    with pytest.raises(IndexError):
        some[2]


def test_the_first_train_clouds_alone_are_opened(tmp_path, bumped_plate):
    folder = tmp_path / "plate/good"
    folder.mkdir(parents=True)
    for seed in range(6):
        (folder / f"plate{seed}.xyz").write_text(
            "\n".join(" ".join(map(str, row)) for row in bumped_plate(100, seed, height=0).pos)
        )
    (folder / "notes.odt").write_text("no scan")
    config = DataConfig(name="folder", category="plate", root=str(tmp_path))
    every = open_data(config, "train")
    config.train_clouds = 2
    first = open_data(config, "train")
    assert (len(every), first.names) == (5, every.names[:2])
    assert list(first.files) == list(every.files[:2])
    assert first.notes == every.notes
