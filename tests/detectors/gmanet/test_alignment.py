"""The normal clouds of a category, registered on one another."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.descriptors import describe
from gmanet.detectors.gmanet.deviation import CHANNELS, deviation

SIZES = {"points": 1500, "centers": 500}


def wedge(seed, dent=0.0):
    """Return a box without symmetry, with noise and perhaps a dent in its long side."""
    rng = np.random.default_rng(seed)
    pos = rng.random((8000, 3)) * (1.0, 0.6, 0.3)
    side = rng.integers(0, 6, 8000)
    for axis, size in enumerate((1.0, 0.6, 0.3)):
        pos[side == 2 * axis, axis] = 0
        pos[side == 2 * axis + 1, axis] = size
    pos[:, 2] *= 1 - 0.5 * pos[:, 0] * pos[:, 1]
    near = np.exp(-((pos[:, :2] - (0.4, 0.3)) ** 2).sum(axis=1) / 0.01)
    pos[side == 5, 2] -= dent * near[side == 5]
    return (pos + rng.normal(0, 2e-4, pos.shape)).astype(np.float32), near > 0.3


@pytest.fixture(scope="module")
def clouds(given_clouds, moved):
    made = [Cloud(moved(wedge(seed)[0], seed), name=f"{seed}") for seed in range(4)]
    return given_clouds(made, "train")


@pytest.fixture(scope="module")
def atlas(clouds):
    made = Atlas()
    made.fit(clouds, progress=False)
    return made


def deviations(aligner, pos, origin=""):
    cloud = Cloud(pos)
    made = describe(pos, **SIZES)
    registration = aligner.register(cloud, origin)
    aligned = aligner.align(cloud, made, registration=registration, origin=origin)
    values = aligner.distances(aligned, slice(len(made.coarse)))
    return deviation(
        values[: SIZES["centers"]], values, neighbors=made.coarse_neighbors
    ), made.chosen[: SIZES["centers"]]


def test_a_dent_lies_off_the_normal_surfaces(atlas, moved):
    pos, dented = wedge(9, dent=0.04)
    aligner = atlas.aligner
    assert isinstance(aligner, Aligner)
    found, chosen = deviations(aligner, moved(pos, 5))
    smooth = found[:, CHANNELS]
    on_top = dented[chosen] & (pos[chosen, 2] > 0.1)
    assert np.median(smooth[on_top]) > np.quantile(smooth[~dented[chosen]], 0.95)


def test_the_pose_does_not_matter(atlas, moved):
    pos, _ = wedge(8)
    one, _ = deviations(atlas.aligner, pos)
    other, _ = deviations(atlas.aligner, moved(pos, 3))
    assert np.abs(one - other)[:, CHANNELS].mean() < 0.1


def test_a_stored_atlas_measures_alike(atlas):
    again = Atlas()
    again.load_state_dict(atlas.state_dict())
    pos, _ = wedge(7)
    np.testing.assert_array_equal(
        deviations(again.aligner, pos)[0], deviations(atlas.aligner, pos)[0]
    )


def test_clouds_that_do_not_overlap_are_not_registered_on_each_other(given_clouds):
    rng = np.random.default_rng(0)
    balls = [rng.normal(size=(500, 3)) * rng.uniform(0.2, 3, 3) for _ in range(4)]
    made = Atlas()
    different = [Cloud(ball.astype(np.float32), name=f"{i}") for i, ball in enumerate(balls)]
    made.fit(given_clouds(different, "train"), progress=False)
    assert made.aligner is None
    assert not made.state_dict()["points"].numel()


def test_parts_that_differ_much_are_not_registered_on_each_other(given_clouds):
    made = Atlas()
    wide = [
        Cloud(wedge(seed)[0] * np.float32([1, 1 + 0.06 * seed, 1 - 0.08 * seed]), name=f"{seed}")
        for seed in range(4)
    ]
    made.fit(given_clouds(wide, "train"), progress=False)
    assert made.aligner is None


def test_one_normal_cloud_is_too_few(given_clouds):
    made = Atlas()
    made.fit(given_clouds([Cloud(wedge(0)[0], name="0")], "train"), progress=False)
    assert made.aligner is None


def test_a_stored_cloud_is_not_compared_with_itself(atlas, clouds):
    aligner, cloud = atlas.aligner, clouds[2]
    made = describe(cloud.pos, **SIZES)
    registration = aligner.register(cloud)
    assert aligner.align(cloud, made, registration=registration).exclude == 2
    assert aligner.align(cloud.replace(name="copy"), made, registration=registration).exclude == 2
    assert (
        aligner.align(cloud.replace(pos=cloud.pos[::-1]), made, registration=registration).exclude
        == -1
    )


def test_a_state_without_fingerprints_loads(atlas, clouds):
    state = atlas.state_dict()
    del state["prints"]
    older = Atlas()
    older.load_state_dict(state)
    cloud = clouds[2]
    made, registration = (
        describe(cloud.pos, **SIZES),
        older.aligner.register(cloud),
    )
    assert older.aligner.align(cloud, made, registration=registration).exclude == -1


def test_a_loaded_atlas_registers_its_clouds_and_stores_no_others(atlas, clouds, given_clouds):
    again = Atlas()
    again.load_state_dict(atlas.state_dict())
    again.prepare(clouds, progress=False)
    assert again.aligner.owners == atlas.aligner.owners
    for name, registration in atlas.aligner.registrations.items():
        np.testing.assert_array_equal(
            again.aligner.registrations[name].rotation, registration.rotation
        )
    smaller = [cloud.replace(pos=cloud.pos[:3000]) for cloud in clouds]
    again.prepare(given_clouds(smaller, "train"), progress=False)
    np.testing.assert_array_equal(again.points, atlas.points)
    np.testing.assert_array_equal(again.reference.points, atlas.reference.points)
