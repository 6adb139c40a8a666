"""The division of defective clouds: 8:2, by part and kind, another one for every seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmanet.config.compose import compose
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.labeled import LabeledClouds, draw_test
from gmanet.datasets.procedural import CATEGORIES, DEFECTS
from gmanet.errors import InputError

TWO = {"task": "supervised", "category": "washer, hexagonal_nut"}


def both(**settings):
    config = DataConfig(**{**TWO, **settings})
    return open_data(config, "train"), open_data(config, "test")


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.integers(0, 2**31))
def test_a_fifth_of_every_kind_is_drawn(kinds, seed):
    chosen = draw_test(kinds, np.random.default_rng(seed))
    assert chosen == sorted(set(chosen))
    assert len(chosen) == round(0.2 * len(kinds))
    drawn = Counter(kinds[at] for at in chosen)
    for kind, count in Counter(kinds).items():
        assert abs(drawn[kind] - 0.2 * count) < 1


def test_splits_share_no_cloud_and_hold_all_defective_ones():
    train, test = both()
    assert len(train) == 48 and len(test) == 12
    assert not set(train.names) & set(test.names)
    names = {*train.names, *test.names}
    wanted = {
        f"{part}/{kind}_{i:03d}"
        for part in ("washer", "hexagonal_nut")
        for kind in DEFECTS
        for i in range(6)
    }
    assert names == wanted
    for data in (train, test):
        for name, kind in zip(data.names, data.defects, strict=True):
            assert name.partition("/")[2].startswith(kind)
    cloud = test[3]
    assert cloud.name == test.names[3] and cloud.defect == test.defects[3]
    assert cloud.label.any() and cloud.category == cloud.name.partition("/")[0]
    assert test.unit == "mm" and test.files == [] and test.notes == []


def test_another_seed_divides_otherwise_and_the_same_one_alike():
    first, again, other = (both(split_seed=seed)[1].names for seed in (1, 1, 2))
    assert first == again != other


def test_an_unseen_kind_is_the_test_split():
    train, test = both(unseen="scar")
    assert set(test.defects) == {"scar"} and len(test) == 12
    assert set(train.defects) == {*DEFECTS} - {"scar"} and len(train) == 48


def test_all_parts_may_be_named_at_once():
    config = DataConfig(task="supervised", category="all")
    assert len(open_data(config, "train")) == 24 * len(CATEGORIES)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"unseen": "scra"}, r"data\.unseen=scra: no such kind .*scratch"),
        ({"category": "washr"}, "unknown category 'washr'"),
        ({"task": "both"}, "data.task='both', wanted one of unsupervised, supervised"),
        ({"views": 2}, "data.views=2 with data.task=supervised"),
        ({"task": "unsupervised", "unseen": "scar"}, "data.unseen=scar, wanted data.task"),
        ({"split_seed": -1}, "data.split_seed=-1, wanted 0 or more"),
    ],
)
def test_a_mistake_is_one_sentence(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        both(**settings)


def test_good_clouds_alone_are_refused(given_clouds, bumped_plate):
    with pytest.raises(InputError, match="no defective clouds of plate for the train split"):
        LabeledClouds([given_clouds([bumped_plate(100, height=0)], "test")], "train")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data=iec3d", "detector=spunet"], "detector=spunet learns from labeled defective clouds"),
        (
            ["data.task=supervised"],
            "detector=gmanet learns from normal clouds",
        ),
    ],
)
def test_a_detector_that_cannot_learn_from_them_is_refused(overrides, sentence):
    with pytest.raises(InputError, match=sentence):
        compose(overrides)


def test_the_split_follows_the_seed_of_the_run():
    config = compose(["detector=spunet", "seed=3"])
    assert config.data.supervised and config.data.split_seed == 3
