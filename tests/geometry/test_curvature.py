import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.curvature import (
    boundary,
    mean_curvature,
    quadric_curvature,
    surface_variation,
)
from gmanet.geometry.neighbors import nearest


def grid_faces(rows, columns, closed):
    """Triangles of a grid of vertices; `closed` joins the last column to the first."""
    row = np.arange(rows - 1)[:, None]
    column = np.arange(columns if closed else columns - 1)
    a, b = row * columns + column, row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)


def cylinder(radius, rows=9, columns=80):
    turn, height = np.meshgrid(np.arange(columns) * 2 * np.pi / columns, np.linspace(0, 2, rows))
    vertices = np.stack([np.cos(turn), np.sin(turn), height], -1).reshape(-1, 3) * radius
    return vertices, grid_faces(rows, columns, closed=True)


def sphere_cap(radius, rows=20, columns=80):
    """A sphere without its poles."""
    turn, tilt = np.meshgrid(
        np.arange(columns) * 2 * np.pi / columns, np.linspace(0.8, np.pi - 0.8, rows)
    )
    vertices = np.stack(
        [np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], -1
    )
    return vertices.reshape(-1, 3) * radius, grid_faces(rows, columns, closed=True)


def plane(size=8):
    u, v = np.meshgrid(np.arange(size, dtype=float), np.arange(size, dtype=float))
    return np.stack([u, v, 0 * u], -1).reshape(-1, 3), grid_faces(size, size, closed=False)


def around(pos, count=24):
    pos = pos.astype(np.float32)
    return pos, nearest(pos, pos, count=count)[1]


@pytest.mark.parametrize("radius", [0.1, 1.0, 30.0])
@pytest.mark.parametrize(("surface", "factor"), [(sphere_cap, 1.0), (cylinder, 0.5)])
def test_mesh_curvature_of_sphere_and_cylinder(surface, factor, radius):
    vertices, faces = surface(radius)
    curvature = mean_curvature(vertices, faces)
    inner = ~boundary(faces, len(vertices))
    np.testing.assert_allclose(curvature[inner], factor / radius, rtol=0.01)


def test_mesh_curvature_of_a_plane_is_zero():
    vertices, faces = plane()
    inner = ~boundary(faces, len(vertices))
    assert inner.sum() == 36
    np.testing.assert_allclose(mean_curvature(vertices, faces)[inner], 0, atol=1e-12)


def test_boundary_and_unused_vertices_have_no_curvature():
    vertices, faces = cylinder(1.0)
    curvature = mean_curvature(np.vstack([vertices, [[9.0, 9.0, 9.0]]]), faces)
    rim = np.r_[0:80, len(vertices) - 80 : len(vertices)]
    assert np.flatnonzero(boundary(faces, len(vertices))).tolist() == rim.tolist()
    assert np.isnan(curvature).sum() == len(rim) + 1
    assert np.isnan(curvature[rim]).all() and np.isnan(curvature[-1])


def test_closed_mesh_has_no_boundary():
    tetrahedron = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    assert not boundary(tetrahedron, 4).any()


@given(st.integers(-6, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_mesh_curvature_is_an_inverse_length_and_ignores_rotation(power, seed):
    rng = np.random.default_rng(seed)
    vertices, faces = plane()
    vertices += rng.normal(scale=0.2, size=vertices.shape)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    one = mean_curvature(vertices, faces)
    other = mean_curvature(vertices @ turn.T * 2.0**power, faces)
    np.testing.assert_allclose(other * 2.0**power, one, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("surface", "factor"), [(sphere_cap, 1.0), (cylinder, 0.5)])
def test_quadric_curvature_of_sphere_and_cylinder(surface, factor):
    vertices, faces = surface(5.0)
    pos, neighbors = around(vertices, 16)
    inner = ~boundary(faces, len(pos))
    found = quadric_curvature(pos, pos, neighbors=neighbors)[inner]
    np.testing.assert_allclose(found, factor / 5.0, rtol=0.05)


def test_quadric_curvature_of_plane_and_saddle_is_zero():
    vertices, _ = plane(16)
    pos, neighbors = around(vertices)
    np.testing.assert_allclose(quadric_curvature(pos, pos, neighbors=neighbors), 0, atol=1e-5)
    vertices[:, 2] = ((vertices[:, 0] - 7) ** 2 - (vertices[:, 1] - 7) ** 2) * 0.05
    middle = 7 * 16 + 7
    pos, neighbors = around(vertices)
    assert quadric_curvature(pos, pos, neighbors=neighbors)[middle] < 1e-3
    vertices[:, 2] = ((vertices[:, 0] - 7) ** 2 + (vertices[:, 1] - 7) ** 2) * 0.05
    pos, neighbors = around(vertices)
    assert quadric_curvature(pos, pos, neighbors=neighbors)[middle] == pytest.approx(0.1, rel=0.02)


def test_quadric_curvature_survives_degenerate_neighborhoods():
    line = np.linspace(0, 1, 40)[:, None] * np.ones(3)
    for pos, neighbors in (around(line, 12), around(np.zeros((40, 3)), 12)):
        assert np.isfinite(quadric_curvature(pos, pos, neighbors=neighbors)).all()


def test_surface_variation_runs_from_plane_to_ball():
    pos, neighbors = around(plane(12)[0])
    np.testing.assert_allclose(surface_variation(pos, neighbors), 0, atol=1e-6)
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
    every = np.tile(np.arange(8), (8, 1))
    np.testing.assert_allclose(surface_variation(corners, every), 1 / 3, rtol=1e-5)


def test_surface_variation_by_hand():
    # variances 1/6, 4/6 and 9/6 along the axes: the smallest is 1 of 14 parts
    pos = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1.5], [0, 0, 1.5]])
    found = surface_variation(pos.astype(np.float32), np.tile(np.arange(6), (6, 1)))
    np.testing.assert_allclose(found, 1 / 14, rtol=1e-5)


def test_surface_variation_grows_with_curvature():
    means = []
    for radius in (8.0, 4.0, 2.0):
        vertices = sphere_cap(1.0)[0] * radius
        pos = vertices[np.linalg.norm(vertices - vertices[800], axis=1) < 1.5].astype(np.float32)
        means.append(surface_variation(pos, np.tile(np.arange(len(pos)), (1, 1)))[0])
    assert means[0] < means[1] < means[2]
