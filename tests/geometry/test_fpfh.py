import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.cloud import extent
from gmanet.errors import InputError
from gmanet.geometry.fpfh import FPFH, fpfh, part_fpfh
from gmanet.geometry.open3d import load_open3d
from gmanet.geometry.pca import pca_normals


def bumpy(count=400, seed=0):
    """A wavy sheet, points at random."""
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(-1, 1, (2, count))
    return np.stack([u, v, 0.2 * np.sin(4 * u) * np.cos(3 * v)], 1).astype(np.float32)


def random_normals(count, seed=0):
    normal = np.random.default_rng(seed).normal(size=(count, 3))
    return (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32)


def open3d_fpfh(pos, normal, count, radius):
    try:
        open3d = load_open3d()
    except InputError as error:
        pytest.skip(str(error))
    vector = open3d.utility.Vector3dVector
    cloud = open3d.geometry.PointCloud(vector(pos.astype(np.float64)))
    cloud.normals = vector(normal.astype(np.float64))
    if np.isfinite(radius):
        search = open3d.geometry.KDTreeSearchParamHybrid(radius, count)
    else:
        search = open3d.geometry.KDTreeSearchParamKNN(count)
    return np.asarray(open3d.pipelines.registration.compute_fpfh_feature(cloud, search).data).T


@pytest.mark.parametrize("normals", ["surface", "random"])
@pytest.mark.parametrize(
    ("count", "radius"), [(2, np.inf), (40, np.inf), (100, 0.3), (100, 0.08), (30, 0.5)]
)
def test_equals_open3d(count, radius, normals):
    pos = bumpy()
    normal = pca_normals(pos, 12) if normals == "surface" else random_normals(len(pos))
    expected = open3d_fpfh(pos, normal, count, radius)
    found = fpfh(pos, normal, counts=[count], radius=radius)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_equals_open3d_on_more_points_than_one_block():
    pos = bumpy(3000)
    normal = pca_normals(pos, 12)
    expected = open3d_fpfh(pos, normal, 50, np.inf)
    np.testing.assert_allclose(fpfh(pos, normal, counts=[50]), expected, rtol=1e-3, atol=1e-3)


def test_sizes_share_a_call_and_histograms_sum_to_200():
    pos = bumpy()
    normal = random_normals(len(pos))
    together = fpfh(pos, normal, counts=[10, 20, 30])
    alone = np.concatenate([fpfh(pos, normal, counts=[count]) for count in (10, 20, 30)], axis=1)
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(together.reshape(len(pos), 9, 11).sum(axis=2), 200, rtol=1e-5)


def test_on_a_plane_all_angles_are_zero():
    pos = bumpy()
    pos[:, 2] = 0
    histogram = fpfh(pos, np.tile(np.float32([0, 0, 1]), (len(pos), 1)), counts=[20])
    expected = np.zeros(FPFH)
    expected[[5, 16, 27]] = 200  # the middle bin of each
    np.testing.assert_allclose(histogram, np.tile(expected, (len(pos), 1)), rtol=1e-5)


def test_a_pair_by_hand():
    pos = np.float32([[0, 0, 0], [1, 0, 0]])
    half = np.sqrt(0.5)
    normal = np.float32([[half, 0, half], [0, 0, 1]])
    # the first normal is closer to the line x: u = (h, 0, h), phi = u x = h, v = x × u / h = -y,
    # alpha = v z = 0, w = u × v = (h, 0, -h), theta = atan2(w z, u z) = -pi / 4
    bins = [int(11 * (0.5 - 1 / 8)), 5 + 11, int(11 * (half + 1) / 2) + 22]
    expected = np.zeros(FPFH)
    expected[bins] = 200
    np.testing.assert_allclose(fpfh(pos, normal, counts=[2]), [expected, expected], rtol=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_chosen_rows_are_those_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    pos = bumpy(seed=seed)
    normal = random_normals(len(pos), seed)
    rows = rng.choice(len(pos), 7, replace=False)
    radius = rng.choice([0.2, np.inf])
    whole = fpfh(pos, normal, counts=[15, 25], radius=radius)
    np.testing.assert_allclose(
        fpfh(pos, normal, counts=[15, 25], radius=radius, query=rows), whole[rows], rtol=1e-6
    )


@given(st.integers(0, 2**32 - 1), st.integers(-6, 6))
@settings(max_examples=10, deadline=None)
def test_a_moved_and_shuffled_part_of_another_size_looks_the_same(seed, power):
    rng = np.random.default_rng(seed)
    pos = bumpy(600)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    order = rng.permutation(len(pos))
    moved = ((pos @ turn.T + rng.normal(size=3)) * 2.0**power)[order].astype(np.float32)
    one, other = part_fpfh(pos)[order], part_fpfh(moved)
    assert extent(moved) == pytest.approx(extent(pos) * 2.0**power, rel=1e-4)
    # rounding moves single pairs to the next bin, and a few normals lie across the centroid
    assert np.median(np.abs(one - other).max(axis=1)) < 1


def test_few_points_far_away_and_twice():
    pos = np.repeat(bumpy(40), 2, axis=0) + np.float32(50)
    normal = pca_normals(pos, 30)
    for radius in (np.inf, 1e-6, 0.1):
        found = fpfh(pos, normal, counts=[60, 500], radius=radius)
        assert found.shape == (80, 66) and np.isfinite(found).all()


def test_normals_of_a_sphere_point_outward():
    pos = random_normals(2000) * 3 + np.float32([1, 2, 3])
    normal = pca_normals(pos, 20, radius=0.5)
    outward = (pos - [1, 2, 3]) / 3
    assert np.einsum("nc,nc->n", normal, outward).min() > 0.97


def test_the_radius_of_a_normal_cuts_off_another_sheet():
    rng = np.random.default_rng(0)
    pos = np.concatenate([bumpy(900) * [1, 1, 0], bumpy(900, 1) * [1, 1, 0] + [0, 0, 0.25]])
    pos = np.float32(pos[rng.permutation(len(pos))])
    upright = np.abs(pca_normals(pos, 400, radius=0.2)[:, 2])
    assert upright.min() > 0.99
