"""Formats without a writer of ours, and what holds for every format."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tifffile import imwrite

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats import READERS, WRITERS, list_files, read_cloud, write_cloud

SIDE = 10
N = SIDE**2
RNG = np.random.default_rng(0)
FEW = np.arange(N) < 9
MAP = np.array([4_500_000.0, 5_400_000.0, 500.0])
RGB = RNG.integers(0, 256, (N, 3)).astype(np.float64)


def plane():
    """A wavy square in the order of its rows, ``(N, 3)``; none of its points is 0 0 0."""
    y, x = np.mgrid[1 : 9 : SIDE * 1j, 1 : 9 : SIDE * 1j]
    return np.stack([x, y, 2 + np.sin(x)], axis=2).reshape(-1, 3).astype(np.float32)


POS = plane().astype(np.float64)
NORMAL = POS / np.linalg.norm(POS, axis=1, keepdims=True)
FACES = [
    face
    for i in range(SIDE - 1)
    for j in range(SIDE - 1)
    for a in [i * SIDE + j]
    for face in ((a, a + SIDE, a + 1), (a + SIDE, a + SIDE + 1, a + 1))
]


def lines(table, before=""):
    return "".join(before + " ".join(f"{v:.17g}" for v in row) + "\n" for row in table.tolist())


def obj(pos, normal=None, faces=()):
    text = "# scan\no part\n" + lines(pos, "v ")
    text += "" if normal is None else lines(normal, "vn ")
    slash = "{0}" if normal is None else "{0}//{0}"
    for face in faces:
        text += f"f {' '.join(slash.format(corner + 1) for corner in face)}\n"
    return text.encode()


def off(pos, faces=(), word="OFF"):
    text = f"{word}\n# scan\n{len(pos)} {len(faces)} 0\n{lines(pos)}"
    return (text + "".join(f"3 {a} {b} {c}\n" for a, b, c in faces)).encode()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def tiff(array, **options):
    stream = io.BytesIO()
    imwrite(stream, array, **options)
    return stream.getvalue()


def e57(path, *scans):
    """Write scans of coordinates, of invalid points, and of where they stand."""
    pye57 = pytest.importorskip("pye57")
    with pye57.E57(str(path), mode="w") as file:
        for pos, invalid, motion in scans:
            columns = zip(("cartesianX", "cartesianY", "cartesianZ"), pos.T.copy(), strict=True)
            invalid = {"cartesianInvalidState": invalid.astype(np.int8)}
            file.write_scan_raw({**dict(columns), **invalid}, **motion)


def write(path, pos):
    """Write coordinates as doubles, in any format."""
    ending = path.suffix
    if ending in (".obj", ".off", ".npy"):
        made = {".obj": obj, ".off": off, ".npy": npy}[ending](pos)
        path.write_bytes(made)
    elif ending in (".tiff", ".tif"):
        path.write_bytes(tiff(pos.reshape(SIDE, -1, 3)))
    elif ending == ".e57":
        never = np.isnan(pos).any(axis=1)
        far = MAP if np.nanmax(pos) > 1000 else MAP * 0
        turn = np.array([1.0, 0, 0, 0])
        e57(path, (np.nan_to_num(pos - far), never, {"rotation": turn, "translation": far}))
    elif ending == ".pts":
        path.write_text(f"{len(pos)}\n{lines(pos)}")
    else:
        write_cloud(path, Cloud((pos - MAP).astype(np.float32), origin=tuple(MAP.tolist())))


def read(path, data):
    path.write_bytes(data)
    return read_cloud(path)


ENDINGS = [ending for ending in READERS if ending != ".stl"]  # corners have no order of the file


@pytest.mark.parametrize("ending", ENDINGS)
def test_far_from_the_origin_in_every_format(tmp_path, ending):
    write(tmp_path / f"part{ending}", POS / 64 + MAP)
    cloud = read_cloud(tmp_path / f"part{ending}")
    assert np.abs(cloud.positions() - (POS / 64 + MAP)).max() < 1e-6
    assert any(cloud.origin)
    assert (cloud.label, cloud.normal) == (None, None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_points_never_measured_in_every_format(tmp_path, ending):
    pos = POS + MAP * (ending in WRITERS)
    never = np.arange(N) % 5 == 3
    pos[never] = 0 if ending in (".obj", ".off") else np.nan
    if ending in (".tif", ".npy"):
        pos[never] = -99999
    write(tmp_path / f"part{ending}", pos)
    cloud = read_cloud(tmp_path / f"part{ending}")
    assert np.array_equal(cloud.rows, np.flatnonzero(~never))
    assert cloud.file_points == N
    score = cloud.in_file_order(cloud.positions(), np.nan)
    assert np.isnan(score[never]).all()
    assert np.allclose(score[~never], pos[~never], atol=1e-5)
    assert f"{never.sum()} of 100 points were never measured" in cloud.notes[0]


@pytest.mark.parametrize("ending", READERS)
def test_hidden_files_and_endings_in_capitals(tmp_path, ending):
    for name in (f"a{ending.upper()}", f".b{ending}", f"._c{ending}", f"d.scores{ending}"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "gmanet-scores").mkdir()
    (tmp_path / "gmanet-scores" / f"e{ending}").write_bytes(b"")
    found = [path.name for path in list_files(tmp_path)]
    assert found[0] == f"a{ending.upper()}"
    assert not [name for name in found[1:] if not name.startswith("d.scores")]
    assert list_files(tmp_path / "gmanet-scores") == []


def test_tables_of_ours_are_no_scans(tmp_path):
    (tmp_path / "prepare.csv").write_text("file,points,outliers,thinned\n")
    (tmp_path / "results.csv").write_text("file,verdict,p_value\npart.ply,good,.5\n")
    (tmp_path / "part.csv").write_text("x,y,z\n1,2,3\n")
    assert [path.name for path in list_files(tmp_path)] == ["part.csv"]


@given(
    ending=st.sampled_from(list(READERS)),
    data=st.binary(max_size=300) | st.text(max_size=99).map(str.encode),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_bytes_are_refused(tmp_path, ending, data):
    path = tmp_path / f"part{ending}"
    with pytest.raises(InputError) as caught:
        read(path, data)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


DAMAGED = {
    "a.obj": obj(POS, NORMAL, FACES),
    "a.off": off(POS, FACES),
    "a.npy": npy(POS),
    "a.tiff": tiff(plane().reshape(SIDE, SIDE, 3)),
    "b.tiff": tiff(plane().reshape(SIDE, SIDE, 3), compression="zlib"),
    "a.csv": ("x;y;z\n" + lines(POS).replace(" ", ";").replace(".", ",")).encode(),
    "a.pts": (f"{N}\n" + lines(POS)).encode(),
}


@pytest.mark.parametrize("name", DAMAGED)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_files_are_refused_or_clouds(tmp_path, name, data):
    whole = DAMAGED[name]
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    filler = data.draw(st.binary(max_size=4))
    path = tmp_path / name
    try:
        cloud = read(path, whole[:at] if cut else whole[:at] + filler + whole[at + 2 :])
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
    else:
        assert cloud.checked("") is cloud
        assert len(cloud) <= N


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_truncated_files_are_refused(tmp_path, keep):
    for name, whole in DAMAGED.items():
        if name != "a.csv" and (name, keep) != ("a.obj", 0.9):  # nothing counts rows and faces
            with pytest.raises(InputError):
                read(tmp_path / name, whole[: int(keep * len(whole))])


def test_objects(tmp_path):
    path = tmp_path / "part.obj"
    cloud = read(path, obj(POS, NORMAL, FACES))
    assert np.array_equal(cloud.pos, plane())
    assert np.allclose(cloud.normal, NORMAL, atol=1e-6)
    assert read(path, obj(np.hstack([POS, RGB / 255]))).normal is None
    slashes = obj(POS, faces=[(0, 1, SIDE)]).replace(b"f 1 2 11", b"f 1/7 2/8 -90/9 # last")
    assert len(read(path, slashes + b"vt 0 1 \\\n 0\n")) == N
    for line, message in (
        (b"f 1 2 101\n", "has other corners, wanted vertices 1 to 100"),
        (b"f 1 2\n", "is no face"),
        (b"w 1 2 3\n", r"'w' \(line 103\) begins no line"),
        (b"v 1 2\n", "v line 101 has 2 columns, wanted 3"),
    ):
        with pytest.raises(InputError, match=message):
            read(path, obj(POS) + line)


def test_object_files(tmp_path):
    path = tmp_path / "part.off"
    for word in ("OFF", "off", "COFF", "NOFF", "STOFF"):
        table = np.hstack([POS, NORMAL if word == "NOFF" else RGB])
        cloud = read(path, off(POS if word.upper() == "OFF" else table, FACES, word))
        assert np.array_equal(cloud.pos, plane())
        assert (cloud.normal is not None) == (word == "NOFF")
    joined = off(POS, FACES).replace(b"OFF\n# scan\n", b"OFF")
    assert np.array_equal(read(path, joined).pos, plane())
    for data, message in (
        (off(POS, FACES)[:-5], "3 is|line 26[0-9] is"),
        (off(POS, [(0, 1, 100)]), "line 104 is '3 0 1 100', wanted a face"),
        (off(POS, word="OFF BINARY"), "is binary"),
        (off(POS)[5:], "begins with"),
        (b"OFF\n", "no line with the numbers"),
    ):
        with pytest.raises(InputError, match=message):
            read(path, data)


def box(steps):
    """Corners and triangles of a prism, as CAD programs save them."""
    angle = 2 * np.pi * np.arange(steps) / steps
    ring = np.stack([9 * np.cos(angle), 9 * np.sin(angle), 0 * angle], axis=1)
    i, j = np.arange(steps), (np.arange(steps) + 1) % steps
    faces = [*zip(i, j, i + steps, strict=True), *zip(j, j + steps, i + steps, strict=True)]
    faces += [(0, a, a + 1) for a in range(1, steps - 1)]
    faces += [(steps, steps + a, steps + a + 1) for a in range(1, steps - 1)]
    return np.concatenate([ring, ring + np.array([0, 0, 20])]), [
        tuple(map(int, one)) for one in faces
    ]


@pytest.mark.parametrize("steps", [6, 62, 2000])
def test_a_cad_model_is_no_scan(tmp_path, steps):
    for name, make in (("a.obj", obj), ("a.off", off)):
        pos, faces = box(steps)
        with pytest.raises(InputError, match=rf"data=cad data\.root={tmp_path / name}"):
            read(tmp_path / name, make(pos, faces=faces))


def test_arrays(tmp_path):
    path = tmp_path / "part.npy"
    names = [("y", "<f8"), ("x", "<f8"), ("z", "<f4"), ("Label", "u1"), ("color", "u1", 3)]
    records = np.zeros(N, names)
    records["x"], records["y"], records["z"], records["Label"] = *POS.T, FEW
    for array, labeled in (
        (plane(), False),
        (np.asfortranarray(plane()), False),
        (np.column_stack([POS, FEW]), True),
        (np.column_stack([POS, RGB, FEW]), True),
        (plane().reshape(SIDE, SIDE, 3), False),
        (records, True),
    ):
        cloud = read(path, npy(array))
        assert np.array_equal(cloud.pos, plane())
        assert (cloud.label is not None) == labeled
        assert cloud.label is None or np.array_equal(cloud.label, FEW)
    for array, message in (
        (POS.T, r"shape \(3, 100\), wanted \(N, 3\) points"),
        (POS[:, :2], "shape"),
        (POS.reshape(SIDE, SIDE, 3)[..., :2], "wanted"),
        (np.array([{}] * N), "holds object, wanted numbers"),
        (np.zeros(N, [("x", "f4"), ("y", "f4")]), "the columns are x y, wanted x y z"),
    ):
        with pytest.raises(InputError, match=message):
            read(path, npy(array))


LAYOUTS = {
    "plain": {},
    "deflate": {"compression": "zlib"},
    "three planes": {"planarconfig": "separate"},
    "big": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "tiles": {"tile": (16, 16)},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("fill", [0, np.nan])
def test_pictures_of_coordinates(tmp_path, layout, fill):
    never = np.arange(N) % 5 == 3
    pos = plane()
    pos[never] = fill
    cloud = read(tmp_path / "part.tiff", tiff(pos.reshape(SIDE, SIDE, 3), **LAYOUTS[layout]))
    assert np.array_equal(cloud.rows, np.flatnonzero(~never))
    assert np.array_equal(cloud.pos, plane()[~never])


def test_masks_of_pictures(tmp_path):
    valid = np.arange(N) % 5 != 3
    grid = plane().reshape(SIDE, SIDE, 3)
    mask = valid.reshape(SIDE, SIDE)
    path = tmp_path / "part.tif"
    pages, three = tmp_path / "pages.tif", tmp_path / "three.tif"
    imwrite(pages, grid)
    imwrite(pages, mask.astype(np.uint8) * 255, append=True)
    for axis in range(3):
        imwrite(three, np.where(mask, grid[..., axis], np.nan).astype(np.float32), append=axis > 0)
    channel = np.dstack([grid, np.float32(mask)])
    for data in (pages.read_bytes(), three.read_bytes(), tiff(channel)):
        cloud = read(path, data)
        assert np.array_equal(cloud.rows, np.flatnonzero(valid))
        assert np.array_equal(cloud.pos, plane()[valid])
    labels = np.dstack([grid, np.float32(FEW.reshape(SIDE, SIDE))])
    assert np.array_equal(read(path, tiff(labels)).label, FEW)
    alone = grid.copy()
    alone[3, 4] = 0
    assert len(read(path, tiff(alone))) == N - 1


def test_other_pictures_are_refused(tmp_path):
    path = tmp_path / "part.tiff"
    for data, message in (
        (tiff(np.zeros((9, 9, 3), np.uint8)), "a picture of colors or depths is no scan"),
        (tiff(np.ones((9, 9), np.float32)), "a depth map has to be saved as points"),
        (tiff(np.zeros((9, 9), np.uint16)), "is no scan"),
        (b"II*\0", "is no whole TIFF file"),
        (tiff(plane().reshape(SIDE, SIDE, 3))[:300], "bytes of data|whole TIFF"),
        (b"x y z\n", "does not begin like a TIFF file"),
    ):
        with pytest.raises(InputError, match=message):
            read(path, data)


def test_scans_of_an_e57_file(tmp_path):
    path = tmp_path / "part.e57"
    turn = np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])  # w x y z: 90 degrees about z
    there = {"rotation": turn, "translation": np.array([100.0, 0, 0])}
    e57(path, (POS, FEW, {}), (POS, FEW & False, there))
    cloud = read_cloud(path)
    turned = np.stack([100 - POS[:, 1], POS[:, 0], POS[:, 2]], axis=1)
    assert cloud.file_points == 2 * N
    assert np.array_equal(cloud.rows, np.flatnonzero(~np.append(FEW, FEW & False)))
    assert np.allclose(cloud.positions(), np.concatenate([POS[~FEW], turned]), atol=1e-5)
    data = path.read_bytes()
    for damaged in (data[:-99], data[:2000] + b"xxxx" + data[2004:], b"ASTM-E57", data[:3000]):
        with pytest.raises(InputError, match="is no whole E57 file"):
            read(path, damaged)
    with pytest.raises(InputError, match="does not begin like an E57 file"):
        read(path, b"x y z")


def test_e57_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pye57", None)
    with pytest.raises(InputError, match=r'python -m pip install "gmanet\[e57\]"'):
        read(tmp_path / "part.e57", b"ASTM-E57" + bytes(99))
