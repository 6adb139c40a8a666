"""Tables in text and meshes as scanners and their software write them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.formats.text import read_sheet

CASES = Path(__file__).parents[2].parent / "shared" / "cases" / "dialects"
N = 90
POS = np.round(np.random.default_rng(0).uniform(-9, 40, (N, 3)), 3)
RGB = np.random.default_rng(1).integers(0, 256, (N, 3))
GRAY = np.random.default_rng(2).integers(0, 256, N)[:, None]
FEW = (np.arange(N) < 9)[:, None]
NORMAL = POS / np.linalg.norm(POS, axis=1, keepdims=True)


def rows(*parts, separator=" ", decimal="."):
    lines = (
        separator.join(f"{value:.9g}".replace(".", decimal) for value in row)
        for row in np.hstack(parts).tolist()
    )
    return "\n".join(lines) + "\n"


def read(tmp_path, text, name="part.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_cloud(path)


DIALECTS = {
    "semicolons": rows(POS, separator=";"),
    "semicolons, commas": rows(POS, separator=";", decimal=","),
    "semicolons at the end": rows(POS, separator=";").replace("\n", ";\r\n"),
    "tabs, commas": rows(POS, separator="\t", decimal=","),
    "spaces, commas": rows(POS, separator="  ", decimal=","),
    "commas, commas": rows(POS, separator=", ", decimal=","),
    "commas": rows(POS, separator=","),
    "commas and spaces": rows(POS, separator=" , "),
    "indented": rows(POS).replace("\n", " \n   "),
    "words": "X Y Z\n" + rows(POS),
    "words between semicolons": "X;Y;Z\n" + rows(POS, separator=";", decimal=","),
    "quoted words": '"X","Y","Z"\n' + rows(POS, separator=","),
    "quoted numbers": '"' + rows(POS, separator='","').replace("\n", '"\n"')[:-1],
    "units": "x [mm];y [mm];z [mm]\n" + rows(POS, separator=";"),
    "units and spaces": "X (mm) Y (mm) Z (mm)\n" + rows(POS),
    "paraview": '"Points:0","Points:1","Points:2"\n' + rows(POS, separator=","),
    "count": f"{N}\n" + rows(POS),
    "names and count": f"//X Y Z\n{N}\n" + rows(POS),
    "count and names": f"{N}\nX Y Z\n" + rows(POS),
    "a title": "Part no. 3, scanned by hand\nunit: mm\n\n" + rows(POS),
    "two comments": "# Exported\n// X Y Z\n" + rows(POS),
    "a comment at the end": rows(POS) + "# end\n",
    "old Mac": rows(POS).replace("\n", "\r"),
    "mark": "\ufeff" + rows(POS),
    "mark and names": "\ufeffX,Y,Z\n" + rows(POS, separator=","),
    "UTF-16": ("X;Y;Z\n" + rows(POS, separator=";")).encode("utf-16"),
    "exponents": "\n".join(" ".join(f"{v:.9E}" for v in row) for row in POS.tolist()),
    "signs": "\n".join(" ".join(f"{v:+.9g}" for v in row) for row in POS.tolist()),
}


@pytest.mark.parametrize("case", DIALECTS)
@pytest.mark.parametrize("ending", ["txt", "xyz", "asc", "csv", "pts", "XYZ"])
def test_dialects_of_tables(tmp_path, case, ending):
    cloud = read(tmp_path, DIALECTS[case], f"part.{ending}")
    assert np.array_equal(cloud.pos, POS.astype(np.float32))
    assert (cloud.label, cloud.normal, cloud.notes) == (None, None, ())


numbers = st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.6g}"))


@given(
    st.lists(st.tuples(numbers, numbers, numbers), min_size=3, max_size=9),
    st.sampled_from([(" ", "."), (";", "."), (";", ","), ("\t", ","), (",", "."), ("  ", ",")]),
    st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_numbers_mean_the_same_in_every_dialect(tmp_path, table, dialect, names):
    separator, decimal = dialect
    table = [*table, (0.5, -0.25, 8.125)]  # a fraction, which tells commas apart
    path = tmp_path / "part.csv"
    path.write_text(
        ("x y z\n" if names else "") + rows(table, separator=separator, decimal=decimal)
    )
    assert np.allclose(read_sheet(path).table, table, rtol=1e-8, atol=0)


COLUMNS = {
    "colors": ([POS, RGB], "x y z red green blue"),
    "colors, label": ([POS, RGB, FEW], "x y z red green blue label"),
    "colors as fractions": ([POS, RGB / 255], "x y z red green blue"),
    "normals": ([POS, NORMAL], "x y z nx ny nz"),
    "normals, label": ([POS, NORMAL, FEW], "x y z nx ny nz label"),
    "colors, normals": ([POS, RGB, NORMAL], "x y z red green blue nx ny nz"),
    "normals, colors, label": ([POS, NORMAL, RGB, FEW], "x y z nx ny nz red green blue label"),
    "intensity, colors": ([POS, GRAY, RGB], "x y z intensity red green blue"),
    "intensity, normals": ([POS, GRAY, NORMAL], "x y z unread nx ny nz"),
    "intensity, label": ([POS, GRAY, FEW], "x y z unread label"),
    "label": ([POS, FEW], "x y z label"),
    "numbers first": ([np.arange(N)[:, None] + 1, POS], "number x y z"),
    "scalars": ([POS, POS * 3], "x y z unread unread unread"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_without_names(tmp_path, case):
    parts, said = COLUMNS[case]
    cloud = read(tmp_path, rows(*parts))
    assert np.array_equal(cloud.pos, POS.astype(np.float32))
    assert (cloud.label is not None) == ("label" in said)
    assert cloud.label is None or np.array_equal(cloud.label, FEW[:, 0])
    assert (cloud.normal is not None) == ("nx" in said)
    assert cloud.normal is None or np.allclose(cloud.normal, NORMAL, atol=1e-6)
    assert f"taken by their values as {said}; a first line such as //X" in cloud.notes[-1]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_names_say_what_columns_are(tmp_path, order):
    parts = [(POS, "X;Y;Z"), (RGB, "R;G;B"), (NORMAL, "Nx;Ny;Nz"), (FEW, "Label")]
    head = ";".join(parts[one][1] for one in order)
    text = rows(*(parts[one][0] for one in order), separator=";", decimal=",")
    cloud = read(tmp_path, f"{head}\n{text}", "part.csv")
    assert np.array_equal(cloud.pos, POS.astype(np.float32))
    assert np.array_equal(cloud.label, FEW[:, 0])
    assert np.allclose(cloud.normal, NORMAL, atol=1e-6)
    assert cloud.notes == ()


def test_an_index_without_a_name(tmp_path):
    text = ",x,y,z,label\n" + rows(np.arange(N)[:, None], POS, FEW, separator=",")
    cloud = read(tmp_path, text, "part.csv")
    assert np.array_equal(cloud.pos, POS.astype(np.float32))
    assert np.array_equal(cloud.label, FEW[:, 0])


@pytest.mark.parametrize("word", ["nan", "NaN", "-nan(ind)", "1.#QNAN", "-1.#IND00", "inf"])
def test_spellings_of_no_number(tmp_path, word):
    cloud = read(tmp_path, rows(POS) + f"{word} {word} {word}\n" * 3)
    assert np.array_equal(cloud.pos, POS.astype(np.float32))
    assert "3 of 93 points were never measured (NaN)" in cloud.notes[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 x3", "line 1 holds 'x3', wanted a number"),
        ("x1 2 3", "line 1 holds 'x1', wanted a number"),
        ("1;2;3 mm", "line 1 holds '3 mm', wanted a number"),
        ("1.234,5;2;3", "line 1 holds '1.234,5', wanted a number"),
    ],
)
def test_a_damaged_first_row_is_no_head(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, f"{line}\n{rows(POS, separator=';' if ';' in line else ' ')}")


def ply(kind, lengths, order="<"):
    """A cloud with a list between the coordinates of its points."""
    head = f"ply\nformat {kind} 1.0\nelement vertex {N}\nproperty float x\n"
    head += "property list uint8 uint32 view_indices\nproperty double y\nproperty float z\n"
    head += "property uchar label\nproperty list ushort float w\nend_header\n"
    body = b""
    for (x, y, z), one, length in zip(POS, FEW[:, 0], lengths, strict=True):
        if kind == "ascii":
            body += f"{x} {length} {'7 ' * length}{y} {z} {one:d} 1 0.5\n".encode()
        else:
            kinds = f"{order}fB{length}IdfBHf"
            body += struct.pack(kinds, x, length, *[7] * length, y, z, int(one), 1, 0.5)
    return head.encode() + body


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("equal", [True, False])
def test_lists_among_the_points(tmp_path, kind, equal):
    lengths = [2] * N if equal else [int(one) % 4 for one in RGB[:, 0]]
    data = ply(kind, lengths, ">" if "big" in kind else "<")
    cloud = read(tmp_path, data, "part.ply")
    assert np.array_equal(cloud.pos, POS.astype(np.float32))
    assert np.array_equal(cloud.label, FEW[:, 0])
    with pytest.raises(InputError, match=r"promises 90|has \d+ values|a list's length"):
        read(tmp_path, data[:-9], "part.ply")


def grid(side=12):
    """Two triangles for each cell of a wavy square, ``(T, 3, 3)``."""
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    pos = np.stack([x, y, np.sin(x)], axis=2).astype(np.float32)
    a, b, c, d = pos[:-1, :-1], pos[1:, :-1], pos[:-1, 1:], pos[1:, 1:]
    return np.stack([np.stack(one, axis=2) for one in ((a, b, c), (b, d, c))]).reshape(-1, 3, 3)


def stl(triangles, count=None):
    records = np.zeros(len(triangles), [("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    records["v"] = triangles
    a, b, c = triangles.swapaxes(0, 1)
    records["n"] = np.cross(b - a, c - a)
    count = len(triangles) if count is None else count
    return b"solid by name".ljust(80) + struct.pack("<I", count) + records.tobytes()


def stl_text(triangles, end="endsolid"):
    corners = [" ".join(f"{value:.6E}" for value in one) for one in triangles.reshape(-1, 3)]
    facets = "".join(
        f"facet normal 0 0 1\nouter loop\nvertex {a}\nvertex {b}\nvertex {c}\nendloop\nendfacet\n"
        for a, b, c in zip(corners[::3], corners[1::3], corners[2::3], strict=True)
    )
    return f"solid part\n{facets}{end} part\n"


MESHES = {
    "binary": stl(grid()),
    "capitals": stl_text(grid()).upper(),
    "end solid": stl_text(grid(), "end solid").replace("endfacet", "end facet"),
    "mark": "\ufeff" + stl_text(grid()),
    "carriage returns": stl_text(grid()).replace("\n", "\r\n"),
    "two solids": stl_text(grid()[:100]) + stl_text(grid()[100:]),
}


@pytest.mark.parametrize("case", MESHES)
@pytest.mark.parametrize("ending", ["stl", "STL"])
def test_dialects_of_triangles(tmp_path, case, ending):
    cloud = read(tmp_path, MESHES[case], f"part.{ending}")
    wanted = np.unique(grid().reshape(-1, 3), axis=0)
    assert np.allclose(np.unique(cloud.pos, axis=0), wanted, atol=1e-6)
    assert cloud.notes == ()


def test_bytes_after_the_triangles(tmp_path):
    for tail in (b"\0\0", b"made by some software"):
        cloud = read(tmp_path, stl(grid()) + tail, "part.stl")
        assert len(cloud) == 144
        assert f"{len(tail)} bytes after the triangles are left out" in cloud.notes[0]
    for wrong in (stl(grid(), count=200), stl(grid(), count=243), stl(grid(), count=0)):
        with pytest.raises(InputError, match="triangles promised, found 242"):
            read(tmp_path, wrong, "part.stl")
    shifted = stl(grid())
    with pytest.raises(InputError, match="do not fit to their corners"):
        read(tmp_path, shifted[:3000] + shifted[2993:], "part.stl")


def washer(steps=31, inner=9.0, outer=17.0, height=2.0):
    """Triangles of a closed ring with ``4 * steps`` corners, as CAD programs save them."""
    angle = 2 * np.pi * np.arange(steps + 1) / steps
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    ring[-1] = ring[0]
    low_in, low_out = ring * [inner, inner, 0], ring * [outer, outer, 0]
    up = np.array([0, 0, height])
    walls = ((low_in, low_out), (low_out, low_out + up), (low_out + up, low_in + up))
    walls += ((low_in + up, low_in),)
    faces = []
    for a, b in walls:
        faces += [np.stack([a[:-1], b[:-1], a[1:]], axis=1)]
        faces += [np.stack([b[:-1], b[1:], a[1:]], axis=1)]
    return np.concatenate(faces)


def mesh_ply(triangles, kind="ascii"):
    pos, which = np.unique(triangles.reshape(-1, 3), axis=0, return_inverse=True)
    faces = which.reshape(-1, 3)
    head = f"ply\nformat {kind} 1.0\nelement vertex {len(pos)}\n"
    head += "property double x\nproperty double y\nproperty double z\n"
    head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    if kind == "ascii":
        lines = [*(f"{x} {y} {z}" for x, y, z in pos), *(f"3 {a} {b} {c}" for a, b, c in faces)]
        return head.encode() + "\n".join(lines).encode()
    body = b"".join(struct.pack("<Biii", 3, *face) for face in faces.tolist())
    return head.encode() + pos.tobytes() + body


def test_a_cad_model_is_no_scan(tmp_path):
    for steps in (31, 5, 300):
        model = washer(steps)
        for data, name in (
            (stl(model), "a.stl"),
            (stl_text(model), "b.stl"),
            (mesh_ply(model), "a.ply"),
            (mesh_ply(model, "binary_little_endian"), "b.ply"),
        ):
            with pytest.raises(InputError, match=f"{4 * steps} corner points of {8 * steps} tri"):
                read(tmp_path, data, name)
    with pytest.raises(InputError, match=r"the reference with data=cad data.root=.*a\.stl$"):
        read(tmp_path, stl(washer()), "a.stl")


@pytest.mark.parametrize("side", [9, 12, 32])
def test_a_scan_with_triangles_is_no_cad_model(tmp_path, side):
    for stretch in (1, 6):  # lines of a scanner are farther apart than the points of a line
        scan = grid(side) * np.float32([1, stretch, 1])
        assert len(read(tmp_path, stl(scan), "a.stl")) == side**2
        assert len(read(tmp_path, mesh_ply(scan), "a.ply")) == side**2
    soup = np.random.default_rng(0).normal(size=(99, 3, 3)).astype(np.float32)
    assert len(read(tmp_path, stl(soup), "a.stl")) == 297


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
def test_shared_cases():
    counts = {path.name: len(read_cloud(path)) for path in sorted(CASES.iterdir())}
    assert counts.pop("upper.stl") == 90
    assert len(counts) == 7
    assert set(counts.values()) == {200}
