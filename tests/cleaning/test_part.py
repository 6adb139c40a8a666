"""The part of a scan without table and pieces beside it; scans of the part alone stay."""

from __future__ import annotations

import csv
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gmanet.cleaning.clean import Cleaning, clean
from gmanet.cleaning.part import keep_part
from gmanet.cleaning.pieces import largest_piece
from gmanet.cloud import Cloud
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.formats import read_cloud, write_cloud
from gmanet.geometry.visibility import visible
from gmanet.prepare import prepare

UP = np.array([0.0, 0, 1])


@lru_cache
def part(name, views=0, index=0, split="train"):
    return open_data(DataConfig(name="procedural", category=name, views=views), split)[index].pos


def scene(pos, seed=0, table=2.5, blobs=3, flying=4, side="above"):
    """A part, upright on a table, with blobs beside it and clusters of points near it.

    Returns the points in a random pose, and what each is: 0 part, 1 table, 2 beside.
    """
    rng = np.random.default_rng(seed)
    pos = pos.astype(np.float64) - pos.mean(axis=0)
    pos = pos @ np.linalg.svd(pos, full_matrices=False)[2].T  # lies on its largest side
    size = np.ptp(pos, axis=0).max()
    pos[:, 2] -= pos[:, 2].min()
    if table and side == "all":
        pos = pos[pos[:, 2] > 0.03 * size]  # the lower side lies on the table
    groups = [pos]
    spacing = np.sqrt(3 * size**2 / len(pos))
    if table:
        steps = np.arange(-table / 2, table / 2, spacing / size) * size
        flat = np.stack([*map(np.ravel, np.meshgrid(steps, steps)), np.zeros(len(steps) ** 2)], 1)
        flat[:, :2] += rng.normal(0, spacing / 4, (len(flat), 2))
        flat[:, 2] += rng.normal(0, 0.001 * size, len(flat))
        groups.append(flat)
    away = rng.normal(size=(blobs, 3))
    away[:, 2] = np.abs(away[:, 2])
    away *= rng.uniform(0.8, 1.1, (blobs, 1)) * size / np.linalg.norm(away, axis=1, keepdims=True)
    balls = [one + rng.normal(0, 0.04 * size, (150, 3)) + [0, 0, 0.3 * size] for one in away]
    near = pos[rng.integers(len(pos), size=flying)] + [0, 0, 0.25 * size]
    near[:, 2] += size * 0.4
    balls += [one + rng.normal(0, spacing / 3, (12, 3)) for one in near]
    groups.append(np.concatenate(balls) if balls else np.zeros((0, 3)))
    every = np.concatenate(groups)
    kinds = [0, 1, 2] if table else [0, 2]
    what = np.repeat(kinds, [len(one) for one in groups])
    if side == "above":
        seen = visible(every, np.array([0.1, 0.2, 0.97]) / np.linalg.norm([0.1, 0.2, 0.97]))
        every, what = every[seen], what[seen]
    order = rng.permutation(len(every))
    turned = every[order] @ Rotation.random(rng=rng).as_matrix().T + rng.normal(size=3) * size
    return turned.astype(np.float32), what[order]


@pytest.mark.parametrize(
    ("name", "side"),
    [("hexagonal_nut", "all"), ("washer", "above"), ("t_screw", "above"), ("t_screw", "all")],
)
def test_the_part_on_a_table(name, side):
    pos, what = scene(part(name), side=side)
    kept = keep_part(pos)
    assert kept.part[what == 0].mean() > 0.93  # the lowest rim is as low as the table is thick
    assert not kept.part[what == 1].any()
    assert kept.part[what == 2].mean() < 0.1
    assert kept.table[what == 1].mean() > 0.99


@pytest.mark.parametrize(("seed", "side"), [(0, "all"), (1, "all"), (2, "above")])
def test_pieces_beside_the_part(seed, side):
    pos, what = scene(part("hexagonal_nut"), seed, table=0, side=side)
    kept = keep_part(pos)
    assert kept.part[what == 0].all()
    assert not kept.table.any()
    assert kept.part[what == 2].mean() < 0.1


ALONE = ["jointing_stud", "pulling_nut"]
MORE = ["fender_ring", "k_nut", "hexagonal_bolt", "engraved_tag", "one_sided_cover", "phase_stud"]


@pytest.mark.parametrize("name", [*ALONE, *(pytest.param(n, marks=pytest.mark.slow) for n in MORE)])
def test_a_scan_of_the_part_alone_stays(name):
    assert keep_part(part(name)).part.all()
    for index in range(3):
        view = part(name, 3, index) if "one_sided" not in name else part(name, index=index)
        kept = keep_part(view)
        assert not kept.table.any()
        assert kept.part.mean() > 0.99


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=5, deadline=None)
def test_pose_order_and_unit_change_nothing(seed):
    rng = np.random.default_rng(seed)
    pos, what = scene(part("washer")[::3], seed=3)
    kept = keep_part(pos)
    assert not kept.part[what == 1].any()
    again = keep_part(pos)
    assert np.array_equal(kept.part, again.part)
    order = rng.permutation(len(pos))
    turned = pos[order] @ Rotation.random(rng=rng).as_matrix().T.astype(np.float32) * 25.4
    moved = keep_part(turned.astype(np.float32))
    assert (moved.part == kept.part[order]).mean() > 0.98


@pytest.mark.parametrize("count", [600, 3000, 20_000])
@pytest.mark.parametrize("height", [0.02, 0.06, 0.12])
def test_a_bump_on_a_plate_stays(bumped_plate, count, height):
    for seed in range(3):
        assert keep_part(bumped_plate(count, seed, height).pos).part.all()


def test_tiny_and_flat_clouds_stay():
    rng = np.random.default_rng(0)
    flat = np.c_[rng.uniform(0, 9, (500, 2)), np.zeros(500)].astype(np.float32)
    line = np.c_[np.arange(90.0), np.zeros((90, 2))].astype(np.float32)
    same = np.zeros((70, 3), np.float32)
    same[0] = 1
    for pos in (flat, line, same, flat[:64]):
        assert not keep_part(pos).table.any()
        assert keep_part(pos).part.sum() >= len(pos) - 1


def test_largest_piece():
    pos = np.arange(30.0)[:, None] * [1, 0, 0]
    pos[12:] += 5
    assert largest_piece(pos, 1.5).tolist() == list(range(12, 30))


def test_settings_keep_table_and_pieces():
    pos, what = scene(part("hexagonal_nut")[::3], side="all")
    cloud = Cloud(pos, what == 2)
    done = clean(cloud, Cleaning())
    assert len(done.cloud) == len(cloud) - done.outliers - done.table - done.pieces
    assert done.table > 1000 and done.pieces > 100
    assert np.array_equal(done.cloud.pos, pos[done.kept])
    assert done.cloud.label.mean() < 0.01
    both = clean(cloud, Cleaning(table=False, pieces=False))
    assert (both.table, both.pieces) == (0, 0)
    fused = clean(cloud, Cleaning(), fused=True)
    assert (fused.table, fused.pieces) == (0, 0)
    assert clean(cloud, Cleaning(pieces=False)).pieces == 0


@pytest.mark.slow
def test_prepare_shows_what_it_took_away(tmp_path, capsys):
    pos, what = scene(part("washer")[::4], side="all")
    write_cloud(tmp_path / "raw/good/1.ply", Cloud(pos))
    write_cloud(tmp_path / "raw/good/2.ply", Cloud(part("washer")[::4]))
    assert prepare(tmp_path / "raw", tmp_path / "data") == []
    out, err = capsys.readouterr()
    assert "a table" in out and "beside the part" in out
    pictures = tmp_path / "data/pictures"
    assert f"1 scans lost a table and 1 scans pieces beside the part: look at {pictures}" in err
    assert [path.name for path in pictures.iterdir()] == ["good_1.ply.png"]
    with (tmp_path / "data/prepare.csv").open() as file:
        first, second = csv.DictReader(file)
    assert int(first["table"]) > 500
    assert (second["table"], second["pieces"]) == ("0", "0")
    kept = read_cloud(tmp_path / "data/good/1.ply")
    assert abs(len(kept) - (what == 0).sum()) < 0.05 * len(kept)
