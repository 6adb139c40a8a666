import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from gmanet.cloud import Cloud
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.specimen import make
from gmanet.errors import InputError
from gmanet.geometry.open3d import load_open3d
from gmanet.runtime.cache import FOLDER
from gmanet.synthesis import gma
from gmanet.synthesis.gma import (
    Region,
    analyze,
    cluster_curvature,
    kd_clusters,
    outward_normals,
)

BUMP = (7.5, 2.5)


@pytest.fixture
def open3d():
    try:
        return load_open3d()
    except InputError as error:
        pytest.skip(str(error))


def plate(count, height=0.0, seed=0):
    """A square plate of side 20 with a bump of radius 2.5 at BUMP."""
    rng = np.random.default_rng(seed)
    pos = np.zeros((count, 3))
    pos[:, :2] = rng.uniform(-10, 10, (count, 2))
    squared = ((pos[:, :2] - BUMP) ** 2).sum(axis=1) / 2.5**2
    pos[:, 2] = height * np.maximum(1 - squared, 0) ** 2
    return Cloud(pos.astype(np.float32))


def bolt(count, seed=0):
    """A shaft with a coarse thread that tapers into a smooth shank and a ball for a head."""
    rng = np.random.default_rng(seed)
    turn, height = rng.uniform(0, 2 * np.pi, count), rng.uniform(0, 30, count)
    fade = np.clip((20 - height) / 10, 0, 1)
    radius = 3 + 0.5 * fade * np.sin(2 * np.pi * height / 3 + turn)
    shaft = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
    ball = rng.normal(size=(count, 3))
    ball *= 8 / np.linalg.norm(ball, axis=1, keepdims=True)
    ball[:, 2] += 30 + np.sqrt(8**2 - 3**2)
    ball = ball[np.hypot(ball[:, 0], ball[:, 1]) + np.maximum(ball[:, 2] - 32, 0) > 3]
    pos = np.concatenate([shaft, ball])
    pos = pos[rng.permutation(len(pos))[:count]]
    return Cloud((pos + rng.normal(scale=0.01, size=pos.shape)).astype(np.float32))


@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_clusters_partition_the_points(count, leaf, seed, tied):
    pos = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    if tied:
        pos = np.round(pos)
    clusters = kd_clusters(pos, leaf)
    assert np.sort(np.concatenate(clusters)).tolist() == list(range(count))
    sizes = [len(cluster) for cluster in clusters]
    assert max(sizes) <= leaf and min(sizes) >= min(count, (leaf + 1) // 2)
    assert all((np.diff(cluster) > 0).all() for cluster in clusters)


def test_default_leaf_makes_128_clusters_that_do_not_overlap():
    cloud = plate(30_000)
    clusters = kd_clusters(cloud.pos, -(-30_000 // 128))
    assert len(clusters) == len(analyze(cloud, "local").clusters) == 128
    assert {len(rows) for rows in clusters} == {234, 235}
    low = np.array([cloud.pos[rows, :2].min(axis=0) for rows in clusters])
    high = np.array([cloud.pos[rows, :2].max(axis=0) for rows in clusters])
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    overlapping = (shared > 0).all(axis=2)
    assert overlapping.sum() == 128  # each with itself


def test_widest_axis_is_split_first():
    pos = np.array([[0, 0, 0], [0, 1, 9], [1, 0, 8], [1, 1, 1]], dtype=np.float32)
    assert sorted(rows.tolist() for rows in kd_clusters(pos, 2)) == [[0, 3], [1, 2]]


def test_best_cluster_is_the_bump():
    cloud = plate(8000, height=0.8)
    best = cloud.pos[analyze(cloud, "local").best()]
    assert np.hypot(*(best[:, :2] - BUMP).T).max() < 3.5


def test_literal_curvature_finds_the_bump(open3d):
    cloud = plate(3000, height=1.5)
    clusters = kd_clusters(cloud.pos, 3000 // 16)
    bump = [np.hypot(*(cloud.pos[rows, :2].mean(axis=0) - BUMP)) for rows in clusters]
    order = np.argsort(bump)[[0, 5, 10, 15]]
    found = cluster_curvature(cloud, [clusters[index] for index in order], kind="poisson")
    assert found[0] > 2 * found[1:].max()


def test_quick_and_literal_rankings_agree(open3d):
    cloud = bolt(6000)
    clusters = kd_clusters(cloud.pos, 6000 // 24)[::3]
    one, other = (cluster_curvature(cloud, clusters, kind=kind) for kind in ("poisson", "local"))
    assert spearmanr(one, other).statistic >= 0.6


@pytest.mark.parametrize("radius", [0.5, 1.0, 400.0])
def test_curvature_does_not_depend_on_the_unit(radius):
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(8000, 3))
    pos *= radius / np.linalg.norm(pos, axis=1, keepdims=True)
    cloud = Cloud(pos.astype(np.float32))
    clusters = kd_clusters(cloud.pos, 250)
    # a sphere of curvature 1 / r whose box has the diagonal 2 r sqrt(3), told at a diameter of 30
    expected = 2 * np.sqrt(3) / 30
    np.testing.assert_allclose(
        cluster_curvature(cloud, clusters, kind="local"), expected, rtol=0.05
    )


def test_poisson_curvature_of_a_sphere(open3d):
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(3000, 3))
    pos *= 7 / np.linalg.norm(pos, axis=1, keepdims=True)
    cloud = Cloud(pos.astype(np.float32))
    clusters = kd_clusters(cloud.pos, 250)[:4]
    found = cluster_curvature(cloud, clusters, kind="poisson")
    np.testing.assert_allclose(found, 2 * np.sqrt(3) / 30, rtol=0.2)


def test_curvature_of_meshes_is_looked_up_the_second_time(open3d, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    cloud, other = plate(1000, height=0.8), plate(1000, height=0.7)
    clusters = kd_clusters(cloud.pos, 250)
    alone, fewer, second = (
        cluster_curvature(*given, kind="poisson")
        for given in ((cloud, clusters), (cloud, clusters[:2]), (other, clusters))
    )
    np.testing.assert_array_equal(fewer, alone[:2])
    assert not np.array_equal(second, alone)
    assert len(list((tmp_path / "curvature").iterdir())) == 3
    monkeypatch.setattr(gma, "_meshes", None)  # would raise if it were called
    np.testing.assert_array_equal(cluster_curvature(cloud, clusters, kind="poisson"), alone)


def test_score_is_zero_below_the_threshold_and_at_most_two():
    cloud = plate(8000, height=0.8)
    region = analyze(cloud, "local", threshold=0.2)
    curvature, score = cluster_curvature(cloud, region.clusters, kind="local"), region.score
    assert 0 < (curvature > 0.2).sum() < 64
    np.testing.assert_array_equal(score > 0, curvature > 0.2)
    assert score.max() <= 2


def test_score_is_distance_plus_curvature_each_over_its_maximum():
    cloud = bolt(6000)
    region = analyze(cloud, "local", threshold=0.0)
    curvature = cluster_curvature(cloud, region.clusters, kind="local")
    centers = np.array([cloud.pos[rows].mean(axis=0) for rows in region.clusters])
    distance = np.linalg.norm(centers - cloud.pos.mean(axis=0), axis=1)
    expected = distance / distance.max() + curvature / curvature.max()
    np.testing.assert_allclose(region.score, expected, rtol=1e-4)


def test_threshold_is_dropped_where_nothing_exceeds_it():
    cloud = plate(6000)  # flat: no curvature at all, so distance decides
    region = analyze(cloud, "local")
    assert (region.score > 0).all()
    best = np.abs(cloud.pos[region.best(), :2].mean(axis=0))
    assert best.min() > 8


def test_draw_follows_the_score():
    clusters = [np.array([index]) for index in range(3)]
    region = Region(np.array([0.0, 0.5, 1.5]), clusters)
    rng = np.random.default_rng(0)
    drawn = np.bincount([int(region.draw(rng)[0]) for _ in range(4000)], minlength=3) / 4000
    np.testing.assert_allclose(drawn, [0, 0.25, 0.75], atol=0.03)
    assert region.best().tolist() == [2]
    again = [region.draw(np.random.default_rng(7))[0] for _ in range(2)]
    assert again[0] == again[1]


def test_normals_of_the_source_are_used_and_others_point_outward():
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(3000, 3))
    unit = (pos / np.linalg.norm(pos, axis=1, keepdims=True)).astype(np.float32)
    assert (np.einsum("nc,nc->n", outward_normals(Cloud(unit)), unit) > 0.95).all()
    assert outward_normals(Cloud(unit, normal=-unit)) is not None
    np.testing.assert_array_equal(outward_normals(Cloud(unit, normal=-unit)), -unit)


def test_unknown_kind_names_those_that_exist():
    with pytest.raises(InputError, match=r"'mean', wanted one of poisson, local"):
        analyze(plate(500), "mean")


def procedural(part, count):
    """A normal cloud of a procedural part."""
    return make(CATEGORIES[part], "good", points=(count, count), rng=np.random.default_rng(0)).cloud


def printed_region(cloud, kind, threshold=0.2):
    """The region of Algorithm 1, read line by line, at a diameter of 30; None: there is none."""
    pos = cloud.pos.astype(np.float64) * (30 / cloud.diameter)
    center = pos.mean(axis=0)
    best, highest = None, -np.inf
    for rows in kd_clusters(cloud.pos, max(-(-len(cloud) // 128), 64)):
        cluster_center = pos[rows].mean(axis=0)
        curvature = cluster_curvature(cloud, [rows], kind=kind)[0]
        if curvature > threshold:
            score = np.sqrt(((cluster_center - center) ** 2).sum()) + curvature
            if score > highest:
                best, highest = rows, score
    return best


@pytest.mark.parametrize("part", sorted(CATEGORIES))
def test_the_printed_region_is_that_of_a_reading_line_by_line(part):
    cloud = procedural(part, 4000)
    region = printed_region(cloud, "local")
    assert region is not None
    np.testing.assert_array_equal(analyze(cloud, "local", score="printed").best(), region)


@pytest.mark.slow
@pytest.mark.parametrize("part", sorted(CATEGORIES))
def test_the_printed_region_of_meshes(part, open3d):
    cloud = procedural(part, 2000)
    region = printed_region(cloud, "poisson")
    assert region is not None
    np.testing.assert_array_equal(analyze(cloud, "poisson", score="printed").best(), region)


def test_the_printed_sum_is_that_of_lengths_in_any_unit():
    cloud = bolt(6000)
    here = analyze(cloud, "local", score="printed", threshold=0.0)
    small = analyze(cloud.replace(pos=cloud.pos * 1e-3), "local", score="printed", threshold=0.0)
    np.testing.assert_allclose(here.score, small.score, rtol=1e-3)
    distance = np.array([cloud.pos[rows].mean(axis=0) for rows in here.clusters])
    distance = np.linalg.norm(distance - cloud.pos.mean(axis=0), axis=1) * 30 / cloud.diameter
    curvature = cluster_curvature(cloud, here.clusters, kind="local")
    np.testing.assert_allclose(here.score, distance + curvature, rtol=1e-4)
    with pytest.raises(InputError, match="score 'sum', wanted one of balanced, printed"):
        analyze(cloud, "local", score="sum")
