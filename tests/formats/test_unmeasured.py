"""Points that were never measured are left out and counted; real points stay."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.formats import read_cloud, write_cloud
from gmanet.formats.unmeasured import measured, measured_pixels
from gmanet.prepare import prepare

RNG = np.random.default_rng(0)
PART = RNG.uniform(0, 1, (900, 3)) * (40, 24, 8) + (3, 2, 1)
GRID = np.stack([*np.meshgrid(np.arange(40.0), np.arange(25.0)), np.zeros((25, 40))], axis=2)
MAP = np.array([4.5e6, 5.4e6, 500.0])


def with_rows(*rows, count=1, pos=PART):
    """The cloud with further rows among its own, and which ones these are."""
    added = np.repeat(np.array(rows, np.float64), count, axis=0)
    mixed = np.concatenate([pos, added])
    order = np.random.default_rng(1).permutation(len(mixed))
    return mixed[order], order >= len(pos)


def in_z(value, count, pos=PART):
    pos = pos.copy()
    pos[:count, 2] = value
    return pos, np.arange(len(pos)) < count


NEVER = {
    "nan": with_rows([np.nan] * 3, count=50),
    "infinite": with_rows([np.inf, 1, 2], [3, -np.inf, 4]),
    "one is nan": with_rows([1, 2, np.nan]),
    "zeros": with_rows([0, 0, 0], count=300),
    "more zeros than points": with_rows([0, 0, 0], count=5000),
    "two zeros": with_rows([0, 0, 0], count=2),
    "minus zero": with_rows([0, -0.0, 0], count=9),
    "one zero far away": with_rows([0, 0, 0], pos=PART + 5000),
    "-99999": with_rows([-99999] * 3, count=250),
    "more sentinels than points": with_rows([-99999] * 3, count=4000),
    "1e30": with_rows([1e30] * 3, count=9),
    "one 1e30": with_rows([1e30] * 3),
    "one -99999": with_rows([-99999] * 3),
    "-32768": with_rows([-32768] * 3, count=2),
    "65535": with_rows([65535] * 3, count=20),
    "-999": with_rows([-999] * 3, count=20),
    "unusual": with_rows([-7777.5, 12, 3], count=20),
    "1e300": with_rows([1e300] * 3, count=3),
    "float32 max": with_rows([np.finfo(np.float32).max] * 3, count=3),
    "of two kinds": with_rows([-99999] * 3, [99999, 0, 0], count=40),
    "of every kind": with_rows([np.nan] * 3, [0, 0, 0], [-9999] * 3, [1e10] * 3, count=30),
    "z of some": in_z(-9999, 100),
    "z of most": in_z(-32768, 800),
    "z of a grid": in_z(-1000, 300, GRID.reshape(-1, 3) + np.array([0, 0, 5])),
    "map coordinates": with_rows([0, 0, 0], count=40, pos=PART + MAP),
    "map, nodata": with_rows([-99999] * 3, count=40, pos=PART + MAP),
    "small part": with_rows([-1, -1, -1], count=40, pos=PART / 1000),
}
BALL = RNG.normal(size=(600, 3))
BALL /= np.linalg.norm(BALL, axis=1, keepdims=True)
REAL = {
    "as it is": PART,
    "about the origin": PART - PART.mean(axis=0),
    "one point at the origin": np.concatenate([PART - 5, [[0, 0, 0]]]),
    "flying outliers": np.concatenate([PART, PART[:5] * 20, PART[:3] * -8]),
    "every point twice": np.repeat(PART, 2, axis=0),
    "some twice": np.concatenate([PART, PART[:99]]),
    "one often": np.concatenate([PART, np.repeat(PART[:1], 50, axis=0)]),
    "corners of triangles, one at the origin": np.repeat(
        np.concatenate([PART - 5, [[0, 0, 0]]]), 6, axis=0
    ),
    "a flat grid": GRID.reshape(-1, 3)[1:],
    "faces of a box": np.concatenate([PART * (1, 1, 0), PART * (1, 0, 1) + (0, 90, 0)]),
    "a ball on a long pin": np.concatenate([BALL, BALL[:40] * (0.05, 0.05, 0) + (0, 0, 20)]),
    "map coordinates": PART + MAP,
    "tiny": PART * 1e-6,
}


@pytest.mark.parametrize("case", NEVER)
def test_never_measured(case):
    pos, never = NEVER[case]
    assert np.array_equal(measured(pos).mask, ~never)
    with np.errstate(over="ignore"):
        single = pos.astype(np.float32).astype(np.float64)
    assert np.array_equal(measured(single).mask, ~never)


@pytest.mark.parametrize("case", REAL)
def test_real_points_stay(case):
    for scale in (1, -1):
        assert measured(REAL[case] * scale).mask.all()


@pytest.mark.parametrize("ending", [".ply", ".pcd", ".txt", ".xyz", ".npz"])
def test_labels_and_normals_keep_their_rows(tmp_path, ending):
    pos, never = with_rows([0, 0, 0], [-99999] * 3, count=30)
    label = pos[:, 0] > 30
    normal = np.where(never[:, None], 0, [0.0, 0, 1]) + np.array([0, 0, 1])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    path = tmp_path / f"part{ending}"
    write_cloud(path, Cloud(pos.astype(np.float32), label, normal=normal.astype(np.float32)))
    cloud = read_cloud(path)
    assert np.array_equal(cloud.pos, pos[~never].astype(np.float32))
    assert np.array_equal(cloud.label, label[~never])
    assert np.array_equal(cloud.rows, np.flatnonzero(~never))
    assert cloud.file_points == 960
    found = "60 of 960 points were never measured (0 0 0, -99999 -99999 -99999) and are left out"
    assert cloud.notes == (f"{path}: {found}",)
    score = cloud.in_file_order(cloud.pos[:, 0], np.nan)
    assert np.isnan(score[never]).all()
    assert np.array_equal(score[~never], cloud.pos[:, 0])


def test_a_whole_file_is_in_its_own_order(tmp_path):
    write_cloud(tmp_path / "a.ply", Cloud(PART.astype(np.float32)))
    cloud = read_cloud(tmp_path / "a.ply")
    assert cloud.rows is None
    assert not cloud.notes
    assert np.array_equal(cloud.in_file_order(cloud.pos, np.nan), cloud.pos)
    assert cloud.replace(pos=cloud.pos[:70]).rows is None


def test_pixels():
    grid = (GRID + 500).astype(np.float32)
    grid[3, 4], grid[5, 6], grid[7, 8:12] = 0, np.nan, -99999
    valid = measured_pixels(grid)
    assert np.argwhere(~valid).tolist() == [[3, 4], [5, 6], [7, 8], [7, 9], [7, 10], [7, 11]]


def test_prepare_counts_them(tmp_path, capsys):
    pos = with_rows([np.nan] * 3, [0, 0, 0], count=30)[0]
    write_cloud(tmp_path / "raw" / "part.ply", Cloud(pos.astype(np.float32)))
    assert prepare(tmp_path / "raw", tmp_path / "data") == []
    out, err = capsys.readouterr()
    assert "60 others were never measured" in out
    assert "part.ply: 60 of 960 points were never measured (NaN, 0 0 0)" in err
    head, line = (tmp_path / "data" / "prepare.csv").read_text().splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["unmeasured"] == "60"
    assert np.abs(read_cloud(tmp_path / "data" / "part.ply").pos).max() < 50
