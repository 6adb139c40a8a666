"""Tiny data sets in the true layouts of the published ones.

All show the same: a wavy square whose points with ``x > EDGE * z`` are abnormal in a defective
cloud, so that a label that has come to another point is found out.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from gmanet.cloud import Cloud
from gmanet.formats import write_cloud

SIDE = 12
EDGE = 0.008
DEPTH = 50.0


def truth(cloud):
    """What the labels of a defective cloud have to be."""
    pos = cloud.positions()
    return pos[:, 0] > EDGE * pos[:, 2]


def wave(seed):
    """``(SIDE**2, 3)`` points of a square of side 2 about 50 away from the origin."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    z = DEPTH + 0.1 * np.sin(3 * x + seed) + 0.05 * y
    pos = np.stack([x, y, z], axis=2).reshape(-1, 3).astype(np.float32)
    return np.random.default_rng(seed).permutation(pos)


def _write_truth(path, pos, separator, order):
    path.parent.mkdir(parents=True, exist_ok=True)
    label = pos[:, 0] > EDGE * pos[:, 2]
    rows = zip(pos[order].tolist(), label[order].tolist(), strict=True)
    text = "".join(separator.join(f"{v:.9g}" for v in (*p, one)) + "\n" for p, one in rows)
    path.write_text(text)


def _pcds(root, train, test, labels, separator=" "):
    """Write ``.pcd`` clouds, and labels of some with the points in another order."""
    for seed, stem in enumerate([*(f"train/{one}" for one in train), *(f"test/{o}" for o in test)]):
        pos = wave(seed)
        write_cloud(root / f"{stem}.pcd", Cloud(pos))
        if Path(stem).name in labels:
            order = np.random.default_rng(99).permutation(len(pos))
            _write_truth(root / labels[Path(stem).name], pos, separator, order)


def iec3d(root):
    labels = {"Scratch_001": "gt/Scratch_001.txt"}
    _pcds(root / "KNut", ["b_2", "b_10"], ["good_001", "Scratch_001"], labels)
    return "KNut", {"good_001": "good", "Scratch_001": "scratch"}


def real3d(root):
    train = ["airplane_template1", "airplane_prototype2", "airplane_cut"]
    test = ["1_good", "23_bulge_cut", "5_temp"]
    _pcds(root / "airplane", train, test, {"23_bulge_cut": "gt/23_bulge_cut.txt"})
    return "airplane", {"1_good": "good", "23_bulge_cut": "bulge"}


def shapenet(root):
    train = ["desk0_template0", "desk0_template1"]
    labels = {
        "desk0_bulge0": "GT/desk0_bulge0.txt",
        "desk0_crack1": "GT/desk0_crack1.txt",
        "desk0_sink3": "GT/desk_sink3.txt",
    }
    test = ["desk0_positive0", *labels]
    _pcds(root / "pcd" / "desk0", train, test, labels, ",")
    kinds = {name: name[6:-1] for name in labels}
    return "desk0", {**kinds, "desk0_positive0": "good"}


def open_industry(root):
    labels = {"circlip_Dent_4": "gt/circlip_Dent_4.txt"}
    _pcds(root / "circlip", ["circlip_1", "circlip_2"], ["circlip_03", "circlip_Dent_4"], labels)
    return "circlip", {"circlip_03": "good", "circlip_Dent_4": "dent"}


def minishift(root):
    folder = root / "bottle_0"
    for seed, stem in enumerate(
        ["train/good/0", "train/good/1", "test/good/0", "test/dent/hard/7"]
    ):
        path, pos = folder / f"{stem}.txt", wave(seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(path, pos, "%.9g")
    path = folder / "gt/dent/hard/7.txt"
    path.parent.mkdir(parents=True)
    np.savetxt(path, pos[:, 0] > EDGE * pos[:, 2], "%d")
    return "bottle_0", {"good_0": "good", "dent_hard_7": "dent"}


def stl_bytes(pos):
    """Two triangles for each square of a grid of points."""
    grid = pos.reshape(SIDE, SIDE, 3)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[:-1, 1:], grid[1:, 1:]
    corners = np.stack([np.stack(one, axis=2) for one in ((a, b, c), (b, d, c))]).reshape(-1, 3, 3)
    records = np.zeros(len(corners), [("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    records["v"] = corners
    return b"made by hand".ljust(80) + struct.pack("<I", len(corners)) + records.tobytes()


def mulsen(root):
    folder = root / "capsule"
    clouds = folder / "Pointcloud"
    stems = ["train/0", "train/1", "test/good/0", "test/crack/2", "test/crack/10"]
    for seed, stem in enumerate(stems):
        pos = wave(seed)[np.lexsort(wave(seed).T[[0, 1]])]
        path = clouds / f"{stem}.stl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stl_bytes(pos))
    abnormal = pos[pos[:, 0] > EDGE * pos[:, 2]]
    path = clouds / "GT/crack/10.txt"
    path.parent.mkdir(parents=True)
    np.savetxt(path, abnormal, "%.6f", delimiter=",")
    table = folder / "RGB/GT/crack/data.csv"
    table.parent.mkdir(parents=True)
    table.write_text("object,label1,label2,label3\n2,1,0,0\n10,1,1,1\n")
    return "capsule", {"good_0": "good", "crack_2": "good", "crack_10": "crack"}


def tiff_bytes(grid, order="<"):
    """A picture of three floats a pixel, a strip for each row."""
    height, width = grid.shape[:2]
    data = grid.astype(f"{order}f4").tobytes()
    at, lists = 8 + len(data), b""
    entries = []
    for tag, kind, values in (
        (256, 3, [width]),
        (257, 3, [height]),
        (258, 3, [32] * 3),
        (259, 3, [1]),
        (273, 4, [8 + 12 * width * row for row in range(height)]),
        (277, 3, [3]),
        (278, 3, [1]),
        (279, 4, [12 * width] * height),
        (284, 3, [1]),
        (339, 3, [3] * 3),
    ):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", at + len(lists))
            lists += packed
        else:
            place = packed.ljust(4, b"\0")
        entries.append(struct.pack(f"{order}HHI", tag, kind, len(values)) + place)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at + len(lists))
    count = struct.pack(f"{order}H", len(entries))
    return head + data + lists + count + b"".join(entries) + bytes(4)


def png_bytes(values):
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def folder(root):
    """A user's own scans, one in each format, the labels beside the points."""
    for seed, ending in enumerate([".pcd", ".ply", ".xyz", ".txt", ".npz"]):
        pos = wave(seed)
        write_cloud(root / f"part/good/good_{seed}{ending}", Cloud(pos))
        label = pos[:, 0] > EDGE * pos[:, 2]
        write_cloud(root / f"part/dent/dent_{seed}{ending}", Cloud(pos, label))
    (root / "part/good/good_5.stl").write_bytes(stl_bytes(wave(5)))
    kinds = {"good_4": "good", **{f"dent_{seed}": "dent" for seed in range(5)}}
    return "part", kinds


PIXELS = 40
FOCAL = 711.11


def scan(seed, table=60.0, high=10.0):
    """Depths of a tilted table with a wavy square of 16 x 16 pixels on it, ``(PIXELS, PIXELS)``."""
    rows, columns = np.indices((PIXELS, PIXELS))
    noise = np.random.default_rng(seed).normal(0, 0.002, rows.shape)
    depth = table + 0.02 * rows + noise
    part = (abs(rows - PIXELS // 2) <= 8) & (abs(columns - PIXELS // 2) <= 8)
    depth[part] -= high + 0.1 * np.sin(columns[part] / 3 + seed)
    return depth


def seen(depth, scale):
    """Coordinates of a pinhole camera's pixels."""
    rows, columns = np.indices(depth.shape) - PIXELS / 2
    return np.stack([columns * depth / FOCAL, rows * depth / FOCAL, depth], axis=2) * scale


def mask():
    """The pixels with ``x > EDGE * z``, on the table too."""
    columns = np.indices((PIXELS, PIXELS))[1] - PIXELS / 2
    return np.where(columns / FOCAL > EDGE, 251, 0).astype(np.uint8)


def mvtec3d(root):
    folder = root / "cable_gland"
    for seed, kind in enumerate(["train/good", "train/good", "test/good", "test/cut"]):
        grid = seen(scan(seed), 0.01)
        grid[3, seed] = 0
        for name, data in (("xyz", tiff_bytes(grid)), ("rgb", b"not read")):
            path = folder / kind / name / f"00{seed}.{'tiff' if name == 'xyz' else 'png'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    path = folder / "test/cut/gt/003.png"
    path.parent.mkdir()
    path.write_bytes(png_bytes(mask()))
    return "cable_gland", {"good_002": "good", "cut_003": "cut"}


def eyecandies(root):
    folder = root / "CandyCane"
    for seed, stem in enumerate(["train/data/000", "train/data/001", "test_public/data/00"]):
        _candy(folder / stem, seed, False)
    _candy(folder / "test_public/data/01", 3, True)
    return "CandyCane", {"00": "good", "01": "bumps_dents"}


def _candy(stem, seed, bad):
    stem.parent.mkdir(parents=True, exist_ok=True)
    depth, low, high = scan(seed) / 50, 0.9, 1.4
    value = np.rint((depth - low) / (high - low) * 65535).astype(np.uint16)
    name = f"{stem}_"
    Path(f"{name}depth.png").write_bytes(png_bytes(value))
    Path(f"{name}info_depth.yaml").write_text(f"normalization:\n  max: {high}\n  min: {low}\n")
    Path(f"{name}mask.png").write_bytes(png_bytes(mask() * bad))
    flags = f"anomalous: {int(bad)}\nbumps: {int(bad)}\ncolors: 0\ndents: {int(bad)}\n"
    Path(f"{name}metadata.yaml").write_text(flags)


WRITERS = {
    "iec3d": iec3d,
    "real3d": real3d,
    "shapenet": shapenet,
    "mvtec3d": mvtec3d,
    "eyecandies": eyecandies,
    "mulsen": mulsen,
    "minishift": minishift,
    "open_industry": open_industry,
    "folder": folder,
}
"""Name of a data set -> writes it and returns its category and the test names with their kinds."""
