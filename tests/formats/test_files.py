"""Cloud files: round trips, known bytes, and every kind of damage."""

from __future__ import annotations

import io
import os
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats import WRITERS, list_files, read_cloud, write_cloud
from gmanet.formats.lzf import decompress
from gmanet.formats.pcd import count_points
from gmanet.geometry.open3d import load_open3d
from gmanet.runtime.atomic import replacing

N = 70
PCD = """# .PCD v.7 - Point Cloud Data file format
VERSION {version}
FIELDS {fields}
SIZE {size}
TYPE {type}
COUNT {count}
WIDTH {points}
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS {points}
DATA {data}
"""
TEXTS = (".xyz", ".txt", ".asc", ".csv")
BYTES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def points(seed=0, count=N):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def pcd_head(data, count=N, fields="x y z", size="4 4 4", type="F F F", n="1 1 1", version=".7"):
    head = PCD.format(
        version=version, fields=fields, size=size, type=type, count=n, points=count, data=data
    )
    return head.encode()


def rows(pos):
    return "".join(f"{x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in pos.tolist()).encode()


def literal_runs(data):
    chunks = [data[at : at + 32] for at in range(0, len(data), 32)]
    return b"".join(bytes([len(chunk) - 1]) + chunk for chunk in chunks)


def packed(data):
    """Greedy LZF by brute force: as short as can be seen at a glance to be right."""
    out, at = bytearray(), 0
    while at < len(data):
        for length in range(min(264, len(data) - at), 2, -1):
            found = data.rfind(data[at : at + length], max(0, at - 8192), at + length - 1)
            if found >= 0:
                break
        else:
            out += bytes([0, data[at]])
            at += 1
            continue
        distance, rest = at - found - 1, length - 2
        out.append(min(rest, 7) << 5 | distance >> 8)
        out += bytes([rest - 7] if rest >= 7 else []) + bytes([distance & 255])
        at += length
    return bytes(out)


def compressed(columns, pack=literal_runs):
    squeezed = pack(columns)
    return struct.pack("<II", len(squeezed), len(columns)) + squeezed


def ply_head(kind, count=N, before="", after="", properties="float x,float y,float z"):
    names = "".join(f"property {one}\n" for one in properties.split(","))
    head = f"ply\nformat {kind} 1.0\ncomment made by hand\n{before}element vertex {count}\n{names}"
    return f"{head}{after}end_header\n".encode()


def npz_bytes(save=np.savez, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


def npy_promise(shape, descr="<f4", body=b""):
    """An archive whose array promises more than it holds."""
    stream, archive = io.BytesIO(), io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pos.npy", stream.getvalue() + body)
    return archive.getvalue()


POS = points()
LITTLE, BIG = POS.tobytes(), POS.astype(">f4").tobytes()
GOOD = {
    "ascii.pcd": pcd_head("ascii") + rows(POS),
    "binary.pcd": pcd_head("binary") + LITTLE,
    "literal.pcd": pcd_head("binary_compressed") + compressed(POS.T.tobytes()),
    "packed.pcd": pcd_head("binary_compressed") + compressed(POS.T.tobytes(), packed),
    "ascii.ply": ply_head("ascii") + rows(POS),
    "little.ply": ply_head("binary_little_endian") + LITTLE,
    "big.ply": ply_head("binary_big_endian") + BIG,
    "table.txt": rows(POS),
    "table.xyz": rows(POS).replace(b" ", b","),
    "arrays.npz": npz_bytes(pos=POS),
    "squeezed.npz": npz_bytes(np.savez_compressed, pos=POS, label=np.arange(N) < 0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


def given_file(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def refusal(path):
    """The one sentence with which a file is refused."""
    with pytest.raises(InputError) as caught:
        read_cloud(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", GOOD)
def test_every_encoding_gives_the_same_points(folder, name):
    cloud = read_cloud(given_file(folder, name, GOOD[name]))
    assert np.array_equal(cloud.pos, POS)
    assert cloud.pos.dtype == np.float32
    assert cloud.label is None or not cloud.label.any()
    assert (cloud.normal, cloud.name) == (None, name[:-4])


@st.composite
def clouds(draw):
    count = draw(st.integers(64, 80))
    pos = points(draw(st.integers(0, 99)), count) * np.float32(10.0 ** draw(st.integers(-6, 6)))
    some = st.sampled_from([*np.ravel(pos).tolist(), 0.0, -0.0])
    pos[:9, 0] = draw(hnp.arrays(np.float32, 9, elements=some, fill=st.nothing()))
    label = draw(st.none() | hnp.arrays(np.bool_, count))
    if label is not None:
        label[: (count + 1) // 2] = False  # a scan's labels mark no more than half of the points
    normal = None
    if draw(st.booleans()):
        normal = points(draw(st.integers(0, 99)), count)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return Cloud(pos, label, normal=normal, name="part")


@pytest.mark.parametrize("ending", WRITERS)
@given(cloud=clouds())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_written_is_read_again(folder, ending, cloud):
    path = folder / f"part{ending}"
    write_cloud(path, cloud)
    again = read_cloud(path)
    assert again.pos.tobytes() == cloud.pos.tobytes()
    assert (again.label is None) == (cloud.label is None)
    assert cloud.label is None or np.array_equal(again.label, cloud.label)
    if ending in TEXTS or cloud.normal is None:
        assert again.normal is None
    else:
        assert np.array_equal(again.normal, cloud.normal)


def test_upper_case_endings_are_read(folder):
    assert len(read_cloud(given_file(folder, "A.PLY", GOOD["big.ply"]))) == N


def test_written_header_counts_points(folder):
    write_cloud(folder / "count.pcd", Cloud(points(count=91)))
    assert count_points(folder / "count.pcd") == 91


def test_colors_stand_in_the_ply(folder):
    color = np.arange(3 * N, dtype=np.uint8).reshape(N, 3)
    path = folder / "color.ply"
    write_cloud(path, Cloud(POS), color=color)
    head, _, body = path.read_bytes().partition(b"end_header\n")
    assert b"property uchar red\nproperty uchar green\nproperty uchar blue\n" in head
    assert body[12:15] == bytes([0, 1, 2])
    assert np.array_equal(read_cloud(path).pos, POS)
    with pytest.raises(InputError, match="without colors"):
        write_cloud(folder / "color.pcd", Cloud(POS), color=color)


def test_open3d_agrees(folder):
    try:
        open3d = load_open3d()
    except InputError as error:
        pytest.skip(str(error))
    for ending in (".pcd", ".ply"):
        write_cloud(folder / f"ours{ending}", Cloud(POS, np.arange(N) > 9))
        theirs = open3d.io.read_point_cloud(str(folder / f"ours{ending}"))
        assert np.array_equal(np.asarray(theirs.points, np.float32), POS)
        smooth = np.round(POS, 1).astype(np.float64)  # compresses, with references back
        theirs = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(smooth))
        for ascii, squeezed in ((True, False), (False, False), (False, True)):
            path = folder / f"theirs{ending}"
            assert open3d.io.write_point_cloud(str(path), theirs, "auto", ascii, squeezed)
            assert np.allclose(read_cloud(path).pos, smooth, atol=1e-6)


def test_lzf_known_answers():
    assert decompress(b"\x02abc", 3) == b"abc"
    assert decompress(b"\x02abc" + bytes([4 << 5, 2]), 9) == b"abcabcabc"
    assert decompress(b"\x00a" + bytes([7 << 5, 1, 0]), 11) == b"a" * 11
    far = bytes(range(256)) * 2
    runs = literal_runs(far) + bytes([1 << 5 | 1, 255])
    assert decompress(runs, 515) == far + far[:3]


@given(st.binary(max_size=200) | st.text("ab", max_size=400).map(str.encode))
@BYTES
def test_lzf_undoes_packing(data):
    assert decompress(packed(data), len(data)) == data
    assert decompress(literal_runs(data), len(data)) == data


@pytest.mark.parametrize(
    ("data", "size", "message"),
    [
        (b"\x05abc", 6, "end inside of the run at byte 0"),
        (b"\x00a\x20", 4, "end inside of the run at byte 2"),
        (b"\x00a\xe0\x01", 12, "end inside of the run at byte 2"),
        (b"\x00a\x20\x01", 4, "at byte 2 refer to 1 bytes before the start"),
        (b"\x02abc", 4, "yield 3 bytes or more, wanted 4"),
        (b"\x02abc", 2, "yield 3 bytes or more, wanted 2"),
    ],
)
def test_lzf_damage(data, size, message):
    with pytest.raises(ValueError, match=message):
        decompress(data, size)


def test_pcd_fields_in_any_order_and_size(folder):
    kind = [("_", "u1", 3), ("z", "<f8"), ("label", "<u4"), ("y", "<f4"), ("rgb", "<f4")]
    kind += [("x", "<i2"), ("normal_x", "<f4"), ("normal_y", "<f4"), ("normal_z", "<f4")]
    data = np.zeros(N, kind)
    data["x"], data["y"], data["z"] = np.arange(N), POS[:, 1], POS[:, 2]
    data["label"][5], data["normal_z"] = 1, 2
    words = {
        "fields": "_ z label y rgb x normal_x normal_y normal_z",
        "size": "1 8 4 4 4 2 4 4 4",
        "type": "U F U F F I F F F",
        "n": "3 1 1 1 1 1 1 1 1",
    }
    wanted = np.column_stack((np.arange(N), POS[:, 1:])).astype(np.float32)
    names = data.dtype.names
    columns = b"".join(np.ascontiguousarray(data[name]).tobytes() for name in names)
    lines = [np.concatenate([np.ravel(row[name]) for name in names]) for row in data]
    bodies = {
        "binary": data.tobytes(),
        "binary_compressed": compressed(columns),
        "ascii": "\n".join(" ".join(f"{v:.9g}" for v in line) for line in lines).encode(),
    }
    for version in (".5", "0.6", "0.7"):
        for encoding, body in bodies.items():
            head = pcd_head(encoding, version=version, **words)
            cloud = read_cloud(given_file(folder, "fields.pcd", head + body))
            assert np.array_equal(cloud.pos, wanted)
            assert np.flatnonzero(cloud.label).tolist() == [5]
            assert np.array_equal(cloud.normal, np.tile(np.float32([0, 0, 1]), (N, 1)))


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("lengths", [(3, 3, 3), (3, 4, 5, 0), ()])
def test_ply_vertices_between_other_elements(folder, kind, lengths):
    order = ">" if "big" in kind else "<"
    faces = f"element face {len(lengths)}\nproperty list uchar int vertex_indices\n"
    edges = "element edge 2\nproperty short a\nproperty list ushort double w\n"
    names = "double x,float nx,float ny,float nz,double y,double z,uchar scalar_Label"
    kinds = [f"{order}{one}" for one in ("f8", "f4", "f4", "f4", "f8", "f8", "u1")]
    table = np.zeros(N, ",".join(kinds))
    table["f0"], table["f4"], table["f5"] = POS.T
    table["f1"], table["f6"] = -1, np.arange(N) % 2
    if kind == "ascii":
        face = "".join(f"{n} {'7 ' * n}\n" for n in lengths)
        vertex = "".join(" ".join(f"{v:.9g}" for v in row) + "\n" for row in table.tolist())
        body = f"{face}\n{vertex}\n1 2 .5 .5\n1 0\n".encode()
    else:
        face = b"".join(struct.pack(f"{order}B{n}i", n, *[7] * n) for n in lengths)
        edge = struct.pack(f"{order}hHdd", 1, 2, 0.5, 0.5) + struct.pack(f"{order}hH", 1, 0)
        body = face + table.tobytes() + edge
    head = ply_head(kind, before=faces, after=edges, properties=names)
    cloud = read_cloud(given_file(folder, "faces.ply", head + body))
    assert np.array_equal(cloud.pos, POS)
    assert np.array_equal(cloud.label, np.arange(N) % 2 == 1)
    assert (cloud.normal == [-1, 0, 0]).all()
    assert "rows of edge" in refusal(given_file(folder, "short.ply", head + body[:-4]))
    extra = given_file(folder, "long.ply", head + body + b"1 2\n")
    assert re.search("bytes more|rows of data", refusal(extra))


def test_text_layouts(folder):
    normal = POS / np.linalg.norm(POS, axis=1, keepdims=True)
    label = (np.arange(N) % 3 == 0).astype(np.float32)[:, None]
    for parts in ((POS,), (POS, label), (POS, normal), (POS, normal, label)):
        table = np.hstack(parts)
        for delimiter, start in ((" ", "# x y z\n"), (", ", "//X,Y,Z\n\n"), ("\t", "\ufeff")):
            lines = [delimiter.join(f"{v:.9g}" for v in row) for row in table]
            text = start + "\r\n".join(lines) + " # end\r\n\r\n"
            cloud = read_cloud(given_file(folder, "layout.xyz", text.encode()))
            assert np.array_equal(cloud.pos, POS)
            assert (cloud.label is None) == (parts[-1] is not label)
            assert cloud.label is None or np.array_equal(cloud.label, label[:, 0] == 1)
            assert (cloud.normal is None) == (len(table[0]) < 6)
            assert cloud.normal is None or np.allclose(cloud.normal, normal, atol=1e-6)


def test_npz_keys(folder):
    label = np.arange(N) % 2
    data = npz_bytes(points=POS.astype(np.float64), label=label, score=np.zeros(3))
    cloud = read_cloud(given_file(folder, "keys.npz", data))
    assert np.array_equal(cloud.pos, POS)
    assert np.array_equal(cloud.label, label == 1)
    fortran = npz_bytes(pos=np.asfortranarray(POS))
    assert np.array_equal(read_cloud(given_file(folder, "keys.npz", fortran)).pos, POS)


def test_normals_without_direction_are_left_out(folder):
    normal = np.tile(np.float32([0, 3, 0]), (N, 1))
    path = given_file(folder, "normal.npz", npz_bytes(pos=POS, normal=normal))
    assert (read_cloud(path).normal == [0, 1, 0]).all()
    normal[7] = np.nan
    path = given_file(folder, "normal.npz", npz_bytes(pos=POS, normal=normal))
    assert read_cloud(path).normal is None


LINES = rows(POS)
REFUSED = {
    "none at all": (
        "a.las",
        b"x",
        "ending '.las', wanted one of .pcd, .ply, .xyz, .txt, .asc, .csv",
    ),
    "empty": ("a.ply", b"", "is empty"),
    "ply as pcd": ("a.pcd", GOOD["big.ply"], "begins like a .ply file, wanted a .pcd file"),
    "pcd as ply": ("a.ply", GOOD["ascii.pcd"], "begins like a .pcd file"),
    "pcd as text": ("a.txt", GOOD["ascii.pcd"], "begins like a .pcd file"),
    "npz as text": ("a.xyz", GOOD["arrays.npz"], "begins like a .npz file"),
    "text as npz": ("a.npz", LINES, "is no whole .npz archive"),
    "text as pcd": ("a.pcd", LINES, "line 1 is"),
    "text as ply": ("a.ply", LINES, "no line end_header"),
    "too few measured": (
        "a.xyz",
        rows(POS[:63]) + b"nan nan nan\n" + b"-99999 -99999 -99999\n" * 9,
        "63 points, wanted at least 64; 10 of 73 points were never measured (NaN, -99999",
    ),
    "few": ("a.xyz", rows(POS[:63]), "63 points, wanted at least 64"),
    "too large": ("a.npz", npz_bytes(pos=POS * 1e13), "wanted finite coordinates below 1e+12"),
    "identical": ("a.npz", npz_bytes(pos=np.ones((N, 3))), "all 70 points are identical"),
    "text: word": (
        "a.txt",
        b"# x\n1 2 3\n\n1 2 x3\n" + LINES,
        "line 4 holds 'x3', wanted a number",
    ),
    "text: row": ("a.txt", b"1 2 3\n1 2\n" + LINES, "line 2 has 2 columns, wanted 3"),
    "text: width": ("a.txt", b"1 2\n3 4\n" * N, "2 columns, wanted x y z"),
    "text: commas": ("a.csv", b"1,5,2,5,3,05\n" * N, "commas in '1,5,2,5,3,05' both separate"),
    "text: normals first": ("a.txt", b"0 0 1 1.5 2 3\n" * N, "columns 1 to 3 hold unit vectors"),
    "text: colors first": ("a.txt", b"9 0 1 1.5 2 3\n" * N, "columns 1 to 3 hold whole numbers"),
    "text: names": ("a.csv", b"a,b,c,d\n" + b"1,2,3,4\n" * N, "the columns are 'a b c d'"),
    "text: empty field": ("a.csv", b"1,2,3\n1,,3\n", "line 2 has an empty field"),
    "text: count": ("a.pts", b"71\n" + LINES, "promises 71 points, found 70"),
    "text: grid": ("a.asc", b"ncols 4\nnrows 9\n1 2 3 4\n", "is a grid of heights"),
    "text: nothing": ("a.txt", b"# a\n// b\n\n", "no numbers from line 1 on"),
    "text: binary": ("a.txt", b"1 2 3\n1 2 \0\0\n", "line 2 holds a zero byte"),
    "pcd: cut": ("a.pcd", GOOD["binary.pcd"][:-5], "promises 70 points, found 69"),
    "pcd: more": ("a.pcd", GOOD["binary.pcd"] + b"12345", "promises 70 points, found 70 and 5"),
    "pcd: rows": ("a.pcd", GOOD["ascii.pcd"] + b"1 2 3\n", "promises 70 points, found 71"),
    "pcd: word": ("a.pcd", pcd_head("ascii") + b"1 2 3\n4 5 e\n" + LINES, "line 13 holds 'e'"),
    "pcd: columns": ("a.pcd", pcd_head("ascii") + b"1 2\n" + LINES, "line 12 has 2 columns"),
    "pcd: header": ("a.pcd", pcd_head("ascii")[:60], "no DATA line"),
    "pcd: version": ("a.pcd", pcd_head("ascii", version="0.9"), "VERSION is '0.9'"),
    "pcd: encoding": ("a.pcd", pcd_head("big"), "DATA is 'big', wanted one of ascii"),
    "pcd: fields": ("a.pcd", pcd_head("ascii", fields="x y"), "SIZE has 3 entries for 2 FIELDS"),
    "pcd: no z": ("a.pcd", pcd_head("ascii", fields="x y w"), "wanted one x, y and z"),
    "pcd: type": ("a.pcd", pcd_head("ascii", size="4 2 4"), "'y' has TYPE F of SIZE 2"),
    "pcd: count": ("a.pcd", pcd_head("ascii", n="1 0 1"), "'y' has COUNT 0"),
    "pcd: none": ("a.pcd", pcd_head("ascii", count=0), "promises 0 points"),
    "pcd: half": ("a.pcd", pcd_head("ascii", count=1.5), "WIDTH is '1.5', wanted a whole number"),
    "pcd: grid": (
        "a.pcd",
        GOOD["binary.pcd"].replace(b"HEIGHT 1", b"HEIGHT 2"),
        "WIDTH x HEIGHT is 140, but POINTS is 70",
    ),
    "pcd: twice": ("a.pcd", b"VERSION .7\nVERSION .7\n", "line 2 is a second VERSION"),
    "pcd: packed": ("a.pcd", GOOD["packed.pcd"][:-1], "packed bytes promised, found"),
    "pcd: sizes": ("a.pcd", pcd_head("binary_compressed") + b"abc", "packed bytes promised"),
    "pcd: other size": (
        "a.pcd",
        pcd_head("binary_compressed") + compressed(LITTLE[:-12]),
        "promises 70 points, found data for 69",
    ),
    "pcd: run": (
        "a.pcd",
        pcd_head("binary_compressed") + struct.pack("<II", 20, 840) + b"\xff" * 20,
        "packed data at byte 0 refer to",
    ),
    "ply: cut": ("a.ply", GOOD["little.ply"][:-1], "promises 70 points, found 69"),
    "ply: more": ("a.ply", GOOD["little.ply"] + LITTLE, "840 bytes more than the header"),
    "ply: rows": ("a.ply", GOOD["ascii.ply"] + b"1 2 3\n", "promises 70 rows of data, found 71"),
    "ply: comment": ("a.ply", GOOD["ascii.ply"].replace(b"er\n", b"er\n#"), "points, found 69"),
    "ply: word": ("a.ply", ply_head("ascii", count=2) + b"1 2 3\n\n1 ? 3\n", "line 11 holds '?'"),
    "ply: order": ("a.ply", ply_head("binary_big_endian") + LITTLE, "in another order"),
    "ply: format": ("a.ply", ply_head("binary_middle_endian") + LITTLE, "line 2 is"),
    "ply: line": ("a.ply", GOOD["big.ply"].replace(b"comment", b"remark"), "line 3 is 'remark"),
    "ply: no y": ("a.ply", ply_head("ascii", properties="float x"), "wanted x y z, each once"),
    "ply: no vertex": ("a.ply", b"ply\nformat ascii 1.0\nend_header\n", "0 elements called vertex"),
    "ply: none": ("a.ply", ply_head("ascii", count=0), "promises 0 points"),
    "ply: list": (
        "a.ply",
        ply_head("ascii", properties="float x,float y,list int int z"),
        "wanted x y z, each once",
    ),
    "ply: list in text": (
        "a.ply",
        ply_head("ascii", properties="list int int w,float x,float y,float z", count=1)
        + b"2 9 1 2\n",
        "line 10 has 4 values, wanted 6",
    ),
    "ply: negative": (
        "a.ply",
        ply_head("binary_little_endian", before="element f 2\nproperty list char int v\n")
        + b"\0\xff"
        + LITTLE,
        "holds a list of -1 values",
    ),
    "npz: key": ("a.npz", npz_bytes(score=POS), "holds score, wanted an array pos"),
    "npz: shape": ("a.npz", npz_bytes(pos=POS.T), "pos has shape (3, 70), wanted (N, 3)"),
    "npz: labels": ("a.npz", npz_bytes(pos=POS, label=np.ones(9)), "label has shape (9,)"),
    "npz: words": ("a.npz", npz_bytes(pos=np.array(["a"])), "wanted numbers"),
    "npz: object": ("a.npz", npz_bytes(pos=np.array([{}])), "holds object, wanted numbers"),
    "npz: cut": ("a.npz", GOOD["arrays.npz"][:-30], "is no whole .npz archive"),
    "npz: flipped": ("a.npz", GOOD["arrays.npz"].replace(LITTLE[:9], b"?" * 9), "is damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_was_found(folder, case):
    name, data, message = REFUSED[case]
    assert message in refusal(given_file(folder, name, data))


def test_missing_files_and_folders(folder):
    assert refusal(folder / "gone.ply") == "no such file"
    (folder / "folder.ply").mkdir()
    assert refusal(folder / "folder.ply") == "is no regular file, wanted a .ply file"


def test_pipes_are_refused_at_once(folder):
    os.mkfifo(folder / "pipe.txt")
    assert refusal(folder / "pipe.txt") == "is no regular file, wanted a .txt file"


HUGE = 10**14
PROMISES = {
    "a.pcd": pcd_head("ascii", count=HUGE) + LINES,
    "b.pcd": pcd_head("binary", count=HUGE) + LITTLE,
    "c.pcd": pcd_head("binary_compressed", count=HUGE) + compressed(LITTLE),
    "d.pcd": pcd_head("binary_compressed", count=2**28) + struct.pack("<II", 9, 3 * 2**30) + LITTLE,
    "e.pcd": pcd_head("ascii", n=f"1 1 1 {HUGE}", fields="x y z w", size="4 4 4 4", type="F F F F"),
    "a.ply": ply_head("ascii", count=HUGE) + LINES,
    "b.ply": ply_head("binary_little_endian", count=HUGE) + LITTLE,
    "c.ply": ply_head("binary_big_endian", before=f"element f {HUGE}\nproperty list int int v\n")
    + b"\0" * 999,
    "d.ply": ply_head("binary_big_endian", before="element f 9\nproperty list uint int v\n")
    + b"\xff" * 999,
    "a.npz": npy_promise((HUGE, 3), body=LITTLE),
    "b.npz": npy_promise((N, 3), descr="<U99999999", body=LITTLE),
    "c.npz": npy_promise((-1, -3), body=LITTLE),
}


@pytest.mark.parametrize("name", PROMISES)
def test_promises_are_not_believed(folder, name):
    path = given_file(folder, name, PROMISES[name])
    tracemalloc.start()
    try:
        refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_archive_bombs_are_not_unpacked(folder):
    path = folder / "bomb.npz"
    with path.open("wb") as file:
        np.savez_compressed(file, pos=np.zeros((2_000_000, 3), np.float32))
    assert "promises 24000128 bytes" in refusal(path)


@st.composite
def damage(draw):
    """One way to damage a file, as a function of its bytes."""
    kind = draw(st.sampled_from(["cut", "flip", "count", "word", "huge", "order", "double"]))
    share, value = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 255))
    picks = draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255))))

    def change(data):
        at = int(share * len(data))
        if kind == "cut":
            return data[:at]
        if kind == "flip":
            out = bytearray(data)
            for where, bits in picks if data else []:
                out[int(where * len(out))] ^= bits
            return bytes(out)
        if kind in ("count", "huge"):
            return data.replace(b"70", b"%d" % (10**value if kind == "huge" else value))
        if kind == "word":
            return data[:at] + b"\xc2\xb5x" + data[at + 3 :]
        if kind == "order":
            swap = {b"little": b"big", b"big": b"little"}
            return re.sub(b"little|big", lambda found: swap[found[0]], data)
        return data[:at] + data[at // 2 :]

    return change


@pytest.mark.parametrize("name", GOOD)
@given(changes=st.lists(damage(), min_size=1, max_size=3))
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_files_are_refused_or_clouds(folder, name, changes):
    data = GOOD[name]
    for change in changes:
        data = change(data)
    path = given_file(folder, f"damaged_{name}", data)
    try:
        cloud = read_cloud(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
    else:
        assert cloud.checked("") is cloud
        assert len(cloud) <= len(data)


def test_replacing_leaves_the_old_file_after_an_error(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as draft:
        draft.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_unwritable_places_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "a.ply"
    with pytest.raises(InputError, match=r"a\.ply: cannot be written"):
        write_cloud(path, Cloud(POS))
    with pytest.raises(InputError, match=r"ending '.obj', wanted one of"):
        write_cloud(tmp_path / "a.obj", Cloud(POS))


def test_list_files_is_sorted_and_skips_hidden(tmp_path):
    for name in ("b.ply", "a.PCD", ".c.ply", "d.md", "._a.pcd"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.ply").mkdir()
    assert [path.name for path in list_files(tmp_path)] == ["a.PCD", "b.ply"]
    assert list_files(tmp_path / "gone") == []
