"""Meshes of CAD files, signed distances from them, and scans registered on them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gmanet.errors import InputError
from gmanet.geometry.se3 import moved, rigid
from gmanet.nominal.deviation import deviation_from_mesh, open_note
from gmanet.nominal.mesh import TriangleMesh
from gmanet.nominal.pose import MeshTarget
from gmanet.nominal.reading import read_mesh
from gmanet.nominal.sampling import facing, sample_mesh, seen_from_somewhere

HALF = np.array([4.0, 3.0, 2.0])
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TRIANGLES = np.array([t for a, b, c, d in SIDES for t in ((a, b, c), (a, c, d))])
EVERY = st.integers(0, 2**32 - 1)


def box(half=HALF, center=(0.0, 0.0, 0.0), faces=TRIANGLES):
    return TriangleMesh.of(CORNERS * half + np.array(center), faces)


def from_box(pos, half=HALF):
    """Return the signed distance from a box, by its formula."""
    away = np.abs(pos) - half
    outside = np.linalg.norm(np.maximum(away, 0), axis=1)
    return outside + np.minimum(away.max(axis=1), 0)


def stl(path, mesh):
    lines = ["solid part"]
    for face in mesh.faces:
        corners = "".join(f"vertex {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in mesh.vertices[face])
        lines.append(f"facet normal 0 0 0\nouter loop\n{corners}endloop\nendfacet")
    path.write_text("\n".join([*lines, "endsolid part\n"]))
    return path


@settings(max_examples=20, deadline=None)
@given(seed=EVERY, far=st.sampled_from([0.0, 1e5]))
def test_deviations_are_signed_distances(seed, far):
    rng = np.random.default_rng(seed)
    center = far * np.array([1.0, -2.0, 0.5])
    mesh = box(center=center)
    pos = rng.uniform(-6, 6, (400, 3))
    pos[::4] = rng.choice(CORNERS, 100) * HALF + rng.normal(0, 0.05, (100, 3))  # near corners
    found = deviation_from_mesh(mesh, pos + center)
    assert np.abs(found - from_box(pos)).max() < 1e-5


@settings(max_examples=10, deadline=None)
@given(seed=EVERY)
def test_deviations_do_not_depend_on_the_order_of_corners(seed):
    rng = np.random.default_rng(seed)
    turned = np.where(rng.random((len(TRIANGLES), 1)) < 0.5, TRIANGLES[:, ::-1], TRIANGLES)
    pos = rng.uniform(-5, 5, (200, 3))
    for faces in (TRIANGLES[:, ::-1], turned):
        found = deviation_from_mesh(box(faces=faces), pos)
        assert np.abs(found - from_box(pos)).max() < 1e-5


def test_a_cavity_is_outside():
    shell = box()
    inner = box(half=HALF / 2)
    both = TriangleMesh.of(
        np.concatenate([shell.vertices, inner.vertices]),
        np.concatenate([shell.faces, inner.faces + len(shell.vertices)]),
    )
    middle, wall = np.zeros((1, 3)), np.array([[3.0, 0.0, 0.0]])
    assert deviation_from_mesh(both, middle) > 0.9
    assert deviation_from_mesh(both, wall) < -0.9
    rng = np.random.default_rng(0)
    pos, _ = sample_mesh(both, 4000, rng=rng)
    inside = np.all(np.abs(pos) < 0.6 * HALF, axis=1)
    assert inside.sum() > 500
    np.testing.assert_array_equal(seen_from_somewhere(both, pos, rng=rng), ~inside)


def test_an_open_mesh_says_so():
    lid = box(faces=TRIANGLES[2:])
    assert not lid.closed
    assert lid.oriented
    assert "open" in open_note(lid)
    assert open_note(box()) == ""
    assert deviation_from_mesh(lid, np.array([[0, 0, 2.5], [0, 0, 1.5]])) == pytest.approx(
        [0.5, -0.5]
    )
    mixed = np.concatenate([TRIANGLES[2:3, ::-1], TRIANGLES[3:]])
    unsigned = box(faces=mixed)
    assert "no sign" in open_note(unsigned)
    assert deviation_from_mesh(unsigned, np.array([[0, 0, 1.5]])) == pytest.approx([0.5])


def test_points_are_even_over_the_area():
    pos, normal = sample_mesh(box(), 5200, rng=np.random.default_rng(0))
    assert np.abs(from_box(pos)).max() < 1e-9
    on_x = np.abs(normal[:, 0]) > 0.9
    assert on_x.mean() == pytest.approx(2 * 24 / 208, abs=0.002)
    up = facing(box(), pos, normal=normal, direction=np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(up, normal[:, 2] > 0.9)


def stepped(rng, count=12_000, noise=0.01):
    """Return a mesh without symmetries, and a scan of it in another pose with that motion."""
    parts = [
        box(),
        box(half=HALF / 3, center=(1.5, 1.0, 2.4)),
        box(half=HALF / 5, center=(-3, 2, 2.2)),
    ]
    shift = np.cumsum([0, *(len(part.vertices) for part in parts)])
    mesh = TriangleMesh.of(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + s for part, s in zip(parts, shift, strict=False)]),
    )
    pos, _ = sample_mesh(mesh, count, rng=rng)
    pos = pos[seen_from_somewhere(mesh, pos, rng=rng)] + rng.normal(0, noise, (1, 3))
    pos = pos + rng.normal(0, noise, pos.shape)
    motion = rigid(Rotation.random(random_state=rng).as_matrix(), rng.uniform(-20, 20, 3))
    return mesh, pos, moved(motion, pos).astype(np.float32)


def test_a_scan_is_registered_on_the_triangles():
    noise = 0.01
    mesh, pos, scan = stepped(np.random.default_rng(1), noise=noise)
    motion, found = MeshTarget(mesh=mesh).register(scan)
    assert found.overlap > 0.95
    placed = moved(motion, scan)
    assert np.abs((placed - pos).mean(axis=0)).max() < 0.02
    error = deviation_from_mesh(mesh, placed)
    assert np.median(np.abs(error)) < noise


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "off"])
def test_meshes_are_read(tmp_path, ending):
    from gmanet.geometry.open3d import load_open3d

    open3d, mesh = load_open3d(), box(center=(100, 0, 0))
    path = tmp_path / f"Part.{ending}"
    made = open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(mesh.vertices), open3d.utility.Vector3iVector(mesh.faces)
    )
    made.compute_triangle_normals()
    assert open3d.io.write_triangle_mesh(str(path), made)
    found = read_mesh(path)
    assert len(found.vertices) == 8
    assert found.closed
    assert found.oriented
    assert found.areas.sum() == pytest.approx(208)


CASES = {
    "empty.stl": (b"", "empty"),
    "cut.stl": (b"solid part\nfacet normal 0 0 0\n", "wanted a mesh"),
    "noise.stl": (bytes(range(256)) * 3, "wanted a mesh"),
    "points.ply": (
        b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\n"
        b"property float z\nend_header\n0 0 0\n1 1 1\n",
        "no triangle",
    ),
    "nan.obj": (b"v 0 0 0\nv 1 0 0\nv nan 1 0\nf 1 2 3\n", "corner"),
    "flat.obj": (b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "has an area"),
    "beyond.off": (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "wanted"),
    "part.step": (b"ISO-10303-21;", "ending '.step'"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_mesh_is_refused_in_one_sentence(tmp_path, name):
    content, said = CASES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_mesh(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.stl", tmp_path):
        with pytest.raises(InputError, match=r"wanted|no such"):
            read_mesh(path)


@settings(max_examples=25, deadline=None)
@given(content=st.binary(max_size=300), ending=st.sampled_from(["stl", "obj", "off", "ply"]))
def test_random_bytes_raise_no_other_error(tmp_path_factory, content, ending):
    path = tmp_path_factory.getbasetemp() / f"random.{ending}"
    path.write_bytes(content)
    try:
        read_mesh(path)
    except InputError as error:
        assert "\n" not in str(error)


def test_a_mesh_goes_to_other_processes():
    mesh = box()
    assert deviation_from_mesh(mesh, np.zeros((1, 3))) == pytest.approx([-2])
    other = pickle.loads(pickle.dumps(mesh))
    assert deviation_from_mesh(other, np.zeros((1, 3))) == pytest.approx([-2])
