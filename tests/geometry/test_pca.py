"""Principal axes of shapes whose axes are known."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import EIGEN, eigen_features, principal_axes


def test_normals_of_a_plane(plate, moved):
    pos = plate(500).pos
    normal = moved(np.array([[0, 0, 1.0]]), 5) - moved(np.zeros((1, 3)), 5)
    pos = moved(pos, 5)
    values, axes = principal_axes(pos, pos, neighbors=nearest(pos, pos, count=12)[1])
    np.testing.assert_allclose(np.abs(axes[:, :, 0] @ normal[0]), 1, atol=1e-5)
    assert (values[:, 0] <= 1e-5 * values[:, 2]).all()
    assert (np.diff(values, axis=1) >= 0).all()


def test_normals_of_a_sphere_and_a_cylinder(sphere, cylinder):
    for cloud in (sphere(4000), cylinder(4000)):
        axes = principal_axes(
            cloud.pos, cloud.pos, neighbors=nearest(cloud.pos, cloud.pos, count=16)[1]
        )[1]
        cosine = np.abs(np.einsum("nc,nc->n", axes[:, :, 0], cloud.normal))
        assert np.quantile(cosine, 0.05) > 0.99


@given(st.integers(0, 2**32 - 1), st.integers(3, 30))
@settings(max_examples=30, deadline=None)
def test_axes_are_those_of_the_covariance(seed, count):
    pos = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    values, axes = principal_axes(pos, pos[:1], neighbors=np.arange(count)[None])
    covariance = np.cov(pos.T.astype(np.float64), bias=True)
    np.testing.assert_allclose(values[0], np.linalg.eigvalsh(covariance), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(axes[0] @ np.diag(values[0]) @ axes[0].T, covariance, atol=1e-5)
    np.testing.assert_allclose(axes[0].T @ axes[0], np.eye(3), atol=1e-5)


def test_far_from_the_origin_nothing_is_lost(sphere):
    pos = (sphere(500).pos * 64).round().astype(np.float32) / 64  # exact in float32 after the shift
    index = nearest(pos, pos, count=12)[1]
    there = principal_axes(pos + np.float32(1024), pos + np.float32(1024), neighbors=index)[0]
    np.testing.assert_allclose(
        there, principal_axes(pos, pos, neighbors=index)[0], rtol=1e-5, atol=1e-9
    )


def test_eigen_features_by_hand():
    values = np.array([[0, 0, 4], [0, 4, 4], [4, 4, 4], [1, 4, 9], [0, 0, 0]], np.float32)
    planarity, linearity, variation = eigen_features(values).T
    np.testing.assert_allclose(planarity, [0, 1 / 2, 0, 1 / 6, 0], atol=1e-6)
    np.testing.assert_allclose(linearity, [1, 0, 0, 1 / 6, 0], atol=1e-6)
    np.testing.assert_allclose(variation, [0, 0, 1 / 3, 1 / 6, 0], atol=1e-6)
    assert eigen_features(values).shape == (5, EIGEN)
