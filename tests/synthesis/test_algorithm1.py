import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.open3d import load_open3d
from gmanet.synthesis.algorithm1 import add_points, paper_twin, remove_points
from gmanet.synthesis.gma import analyze

strengths = st.floats(0, 1)


def capsule(count=4000, seed=0):
    """A closed part: a ball stretched along x, without noise, with true outward normals."""
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=(count, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    normal = unit / [3, 1, 1]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    pos = unit * [30, 10, 10]
    return Cloud(pos.astype(np.float32), normal=normal.astype(np.float32), defect="good")


def twin(cloud, strength, add, seed=0, **words):
    return paper_twin(
        cloud, np.random.default_rng(seed), strength=strength, add=add, curvature="local", **words
    )


@given(strengths, st.booleans(), st.integers(0, 2**32 - 1), st.sampled_from([0.005, 0.015, 0.1]))
@settings(max_examples=25, deadline=None)
def test_counts_labels_and_unlabelled_points(strength, add, seed, ratio):
    cloud = capsule(1500)
    count = int(1500 * ratio)
    made = twin(cloud, strength, add, seed, ratio=ratio).checked("twin")
    assert len(made) == 1500 + (count if add else -count)
    assert made.label.sum() == count and made.abnormal
    rows = {row.tobytes(): index for index, row in enumerate(cloud.pos)}
    kept = [rows[row.tobytes()] for row in made.pos[~made.label]]  # KeyError: a point has moved
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize("add", [True, False])
def test_same_generator_same_twin(add):
    cloud = capsule()
    one, same, other = (twin(cloud, 0.6, add, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pos, same.pos)
    np.testing.assert_array_equal(one.label, same.label)
    assert not np.array_equal(one.pos, other.pos)


@pytest.mark.parametrize("add", [True, False])
def test_the_input_stays_as_it_was(add):
    cloud = capsule()
    before = cloud.pos.copy(), cloud.normal.copy()
    twin(cloud, 1.0, add)
    np.testing.assert_array_equal(cloud.pos, before[0])
    np.testing.assert_array_equal(cloud.normal, before[1])
    assert cloud.label is None and cloud.defect == "good"


@pytest.mark.parametrize("supplied", [True, False])
def test_added_points_form_a_cap_outside_the_region(supplied):
    cloud = capsule()
    region = analyze(cloud, "local").best()
    cloud = cloud if supplied else cloud.replace(normal=None)
    made = add_points(cloud, region, count=60, strength=1.0, rng=np.random.default_rng(0))
    added = made.pos[made.label]
    depth = np.sqrt(((added / [30, 10, 10]) ** 2).sum(axis=1))  # 1 on the surface
    assert np.mean(depth > 1) > 0.9
    height = cKDTree(cloud.pos).query(added)[0].max()
    assert 0.01 < height / cloud.diameter < 0.03
    center = cloud.pos[region].mean(axis=0)
    reach = np.linalg.norm(cloud.pos[region] - center, axis=1).max()
    assert np.linalg.norm(added - center, axis=1).max() < reach + 0.03 * cloud.diameter
    assert made.normal is None


def test_strength_scales_the_height_of_the_cap():
    cloud = capsule()
    region = analyze(cloud, "local").best()
    flat, half, full = (
        add_points(cloud, region, count=60, strength=strength, rng=np.random.default_rng(0)).pos[
            len(cloud) :
        ]
        for strength in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(full - flat, 2 * (half - flat), atol=1e-4)
    assert np.linalg.norm(full - flat, axis=1).max() < 0.02 * cloud.diameter + 1e-4
    assert cKDTree(cloud.pos).query(flat)[0].max() < 0.01 * cloud.diameter


def test_more_points_than_the_region_has_use_each_alike():
    cloud = capsule()
    region = farthest_points(cloud.pos, 10)
    added = add_points(cloud, region, count=25, strength=0.0, rng=np.random.default_rng(0)).pos[
        len(cloud) :
    ]
    assert len(np.unique(added, axis=0)) == 25
    uses = np.bincount(cKDTree(cloud.pos[region]).query(added)[1], minlength=10)
    assert sorted(uses.tolist()) == [2] * 5 + [3] * 5


def test_full_strength_removes_exactly_the_points_nearest_to_the_center():
    cloud = capsule()
    region = analyze(cloud, "local").best()
    made = remove_points(cloud, region, count=60, strength=1.0, rng=np.random.default_rng(0))
    distance = np.linalg.norm(cloud.pos - cloud.pos[region].mean(axis=0), axis=1)
    expected = cloud.pos[np.sort(np.argsort(distance)[60:])]
    np.testing.assert_array_equal(made.pos, expected)
    np.testing.assert_array_equal(made.normal, cloud.normal[np.sort(np.argsort(distance)[60:])])


def test_rim_of_a_hole_is_labelled():
    cloud = capsule()
    region = analyze(cloud, "local").best()
    made = remove_points(cloud, region, count=60, strength=1.0, rng=np.random.default_rng(0))
    rows = {row.tobytes() for row in made.pos}
    gone = np.array([row for row in cloud.pos if row.tobytes() not in rows])
    distance = cKDTree(gone).query(made.pos)[0]
    assert distance[made.label].max() <= distance[~made.label].min()


def test_weak_removal_thins_a_wider_area():
    cloud = capsule()
    region = analyze(cloud, "local").best()
    center = cloud.pos[region].mean(axis=0)
    order = np.argsort(np.linalg.norm(cloud.pos - center, axis=1))
    for strength, pool in ((1.0, 60), (0.5, 120), (0.25, 240), (0.0, 240)):
        made = remove_points(
            cloud, region, count=60, strength=strength, rng=np.random.default_rng(0)
        )
        rows = {row.tobytes() for row in made.pos}
        ranks = [rank for rank, row in enumerate(cloud.pos[order]) if row.tobytes() not in rows]
        assert pool * 0.9 - 1 < max(ranks) + 1 <= pool


def test_literal_twin_by_poisson():
    try:
        load_open3d()
    except InputError as error:
        pytest.skip(str(error))
    cloud = capsule(256)
    made = paper_twin(cloud, np.random.default_rng(0), strength=0.5, add=True)
    assert len(made) == 259 and made.label.sum() == 3
    # the tips are both the farthest and the most curved places
    assert np.abs(made.pos[made.label, 0]).min() > 15


@pytest.mark.parametrize(
    ("strength", "ratio", "words"),
    [
        (1.5, 0.015, "strength 1.5"),
        (np.nan, 0.015, "strength nan"),
        (0.5, 0.6, "ratio 0.6"),
        (0.5, 0.0, "ratio 0.0"),
        (0.5, 1e-4, "less than one"),
    ],
)
def test_impossible_wishes_are_refused(strength, ratio, words):
    with pytest.raises(InputError, match=words):
        twin(capsule(), strength, True, ratio=ratio)
