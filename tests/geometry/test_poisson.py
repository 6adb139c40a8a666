import importlib
import sys

import numpy as np
import pytest

from gmanet.errors import InputError
from gmanet.geometry.curvature import mean_curvature
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.open3d import load_open3d
from gmanet.geometry.poisson import poisson_mesh


@pytest.fixture
def open3d():
    try:
        return load_open3d()
    except InputError as error:
        pytest.skip(str(error))


def sphere(count, radius=1.0, least_z=-1.0):
    """Evenly spread points of a sphere (golden spiral) above a height."""
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    turn = index * np.pi * (1 + 5**0.5)
    flat = np.sqrt(1 - z * z)
    unit = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], 1)
    unit = unit[z > least_z].astype(np.float32)
    return unit * np.float32(radius), unit


def test_open3d_is_quiet(open3d):
    quiet = open3d.utility.VerbosityLevel.Error
    assert open3d.utility.get_verbosity_level() == quiet


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (ModuleNotFoundError("No module named 'open3d'"), "pip install"),
        (ImportError("libusb-1.0.so.0: cannot open"), "apt-get install libusb-1.0-0"),
    ],
)
def test_missing_open3d_says_what_to_install(monkeypatch, failure, words):
    def refuse(name):
        raise failure

    monkeypatch.setitem(sys.modules, "open3d", None)
    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(InputError, match=words):
        load_open3d()


def test_mesh_of_a_sphere_has_its_radius_and_curvature(open3d):
    pos, normal = sphere(1500, radius=4.0)
    vertices, faces = poisson_mesh(pos + np.float32(100), normal)
    np.testing.assert_allclose(np.linalg.norm(vertices - 100, axis=1), 4.0, rtol=0.02)
    assert faces.min() == 0 and faces.max() == len(vertices) - 1
    assert np.nanmedian(mean_curvature(vertices, faces)) == pytest.approx(0.25, rel=0.1)


def test_mesh_of_an_open_cap_is_trimmed(open3d):
    pos, normal = sphere(1500, least_z=0.5)
    vertices, faces = poisson_mesh(pos, normal)
    spacing = np.median(nearest(pos, pos, count=2)[0][:, 1])
    assert nearest(pos, vertices.astype(np.float32), count=1)[0].max() <= 3.01 * spacing
    assert vertices[:, 2].min() > 0.5 - 3.01 * spacing
    curvature = mean_curvature(vertices, faces)
    assert np.isnan(curvature).any()  # its rim
    assert np.nanmedian(curvature) == pytest.approx(1.0, rel=0.15)


def test_same_points_same_mesh(open3d):
    pos, normal = sphere(300)
    one, other = poisson_mesh(pos, normal), poisson_mesh(pos, normal)
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("pos", [np.zeros((40, 3)), np.ones((1, 3)), np.eye(3)])
def test_too_few_distinct_points_have_no_mesh(open3d, pos):
    vertices, faces = poisson_mesh(
        pos.astype(np.float32), np.tile(np.float32([0, 0, 1]), (len(pos), 1))
    )
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


@pytest.mark.parametrize("seed", range(3))
def test_the_curvature_of_a_noisy_cylinder_is_half(open3d, seed):
    rng = np.random.default_rng(seed)
    angle, along = rng.uniform(-0.5, 0.5, (2, 230))
    normal = np.stack([np.sin(angle), np.zeros(230), np.cos(angle)], axis=1)
    pos = normal * (1 + rng.normal(scale=0.003, size=(230, 1)))
    pos[:, 1] = along
    mesh = poisson_mesh(pos.astype(np.float32), normal.astype(np.float32))
    assert np.nanmedian(mean_curvature(*mesh)) == pytest.approx(0.5, abs=0.08)
