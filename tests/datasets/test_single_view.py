"""Whole clouds as views from one side."""

from __future__ import annotations

import imitations
import numpy as np
import pytest

from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.single_view import SingleView
from gmanet.geometry.visibility import directions


@pytest.fixture
def spheres(sphere, given_clouds):
    clouds = [sphere(3000, seed) for seed in (0, 1)]
    return given_clouds([c.replace(label=c.pos[:, 0] > 0) for c in clouds], "train")


def test_views_are_halves_in_the_order_of_the_points(spheres):
    views = SingleView(spheres, 3)
    assert views.names == [f"sphere{s}_view{v}" for s in (0, 1) for v in range(3)]
    assert [cloud.name for cloud in views] == views.names
    for index, cloud in enumerate(views):
        whole, eye = spheres[index // 3], directions(3)[index % 3]
        assert 0.4 < len(cloud) / 3000 < 0.56
        assert (cloud.pos @ eye).min() > -0.3
        assert np.array_equal(cloud.label, cloud.pos[:, 0] > 0)
        assert np.array_equal(cloud.normal, cloud.pos)
        assert cloud.defect == "good"
        where = {row.tobytes(): place for place, row in enumerate(whole.pos)}
        places = [where[row.tobytes()] for row in cloud.pos]
        assert places == sorted(places)
    assert np.array_equal(views[-1].pos, views[5].pos)
    with pytest.raises(IndexError):
        views[6]


def test_views_are_of_train_clouds_only(tmp_path):
    category, _ = imitations.real3d(tmp_path)
    config = DataConfig(name="real3d", category=category, root=str(tmp_path), views=2)
    train = open_data(config, "train")
    assert len(train) == 4
    assert train.unit == "mm"
    assert len(open_data(config, "test")) == 2
    few = DataConfig(name="real3d", category=category, root=str(tmp_path), views=2, train_clouds=1)
    assert open_data(few, "train").names == train.names[:2]
