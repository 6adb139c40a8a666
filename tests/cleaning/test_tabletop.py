"""The table of an organised scan: found whatever its pose, and only where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmanet.cleaning.tabletop import find_table, part_on_table

SIDE = 60


def scene(tilt=20.0, height=0.03, noise=0.0003, seed=0, rail=False, shift=0):
    """A tilted table 0.6 away with a block of 20 x 20 pixels on it; returns what is block."""
    rows, columns = np.indices((SIDE, SIDE)) - SIDE // 2
    block = (np.abs(rows) < 10) & (np.abs(columns + shift) < 10)
    up = np.where(block, height, 0.0)
    if rail:
        up[:, :3] = 0.05
    up = up + np.random.default_rng(seed).normal(0, noise, up.shape)
    flat = np.stack([columns * 0.001, rows * 0.001, -up], axis=2)
    grid = flat @ Rotation.from_euler("x", tilt, degrees=True).as_matrix().T + [0, 0, 0.6]
    return grid.astype(np.float32), block


@pytest.mark.parametrize("tilt", [-40, 0, 25])
@pytest.mark.parametrize("noise", [0, 0.0003])
def test_the_table_is_found_and_taken_off(tilt, noise):
    grid, block = scene(tilt, noise=noise)
    valid = np.random.default_rng(1).random(block.shape) < 0.95
    table = find_table(grid, valid)
    turn = Rotation.from_euler("x", tilt, degrees=True).as_matrix()
    assert -(table.normal @ turn[:, 2]) > np.cos(np.radians(0.5))
    assert np.abs(table.heights(grid)[block] - 0.03).max() < 0.003
    assert np.array_equal(part_on_table(grid, valid), block & valid)


def test_the_same_scan_gives_the_same_part_in_any_unit():
    grid, block = scene()
    valid = np.ones_like(block)
    kept = part_on_table(grid, valid)
    assert np.array_equal(part_on_table(grid, valid), kept)
    assert np.array_equal(part_on_table(grid * np.float32(1000), valid), kept)


def test_rails_and_specks_go():
    grid, block = scene(rail=True)
    grid[50, 50] -= np.float32([0, 0, 0.02])
    assert np.array_equal(part_on_table(grid, np.ones_like(block)), block)


def test_a_part_that_runs_out_of_the_picture_stays():
    grid, block = scene(shift=25)
    assert block[:, 0].any()
    assert np.array_equal(part_on_table(grid, np.ones_like(block)), block)


def test_without_a_table_everything_stays():
    grid, block = scene()
    assert find_table(grid, block) is None
    assert np.array_equal(part_on_table(grid, block), block)
    wild = np.random.default_rng(0).normal(size=(SIDE, SIDE, 3)).astype(np.float32)
    assert find_table(wild, np.ones_like(block)) is None
