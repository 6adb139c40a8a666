"""Farthest point sampling by the tree against its definition: the same indices, to the last tie."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gmanet
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.geometry.farthest import LEAF, farthest_from
from gmanet.geometry.neighbors import farthest_points

ROOT = Path(gmanet.__file__).parent.parent


def by_definition(pos, count):
    """Return what ``farthest_points`` is to return, by one pass over all points for each choice."""
    offset = pos - pos.mean(axis=0, dtype=np.float64)
    chosen = [int(np.argmax((offset**2).sum(axis=1)))]
    pos = offset.astype(np.float32)
    distance = np.full(len(pos), np.inf, np.float32)
    for _ in range(1, min(count, len(pos))):
        x, y, z = (pos - pos[chosen[-1]]).T
        np.minimum(distance, x * x + y * y + z * z, out=distance)
        chosen.append(int(np.argmax(distance)))
    return np.array(chosen[:count])


def scattered(rng, count):
    return rng.normal(size=(count, 3))


def surface(rng, count):
    pos = rng.normal(size=(count, 3))
    return pos / np.linalg.norm(pos, axis=1, keepdims=True) * [20, 10, 5]


def clustered(rng, count):
    middle = rng.normal(size=(5, 3)) * 100
    return middle[rng.integers(5, size=count)] + rng.normal(size=(count, 3)) * 0.01


def stray(rng, count):
    pos = rng.normal(size=(count, 3))
    pos[rng.integers(count)] = 1e5
    return pos


def coinciding(rng, count):
    return rng.normal(size=(count // 7 + 1, 3))[rng.integers(count // 7 + 1, size=count)]


def lattice(rng, count):
    """Coplanar points on a square lattice, shuffled: nearly all distances tie."""
    edge = int(np.ceil(np.sqrt(count)))
    row = rng.permutation(edge**2)[:count]
    return np.stack([row % edge, row // edge, np.full(count, 3)], axis=1)


def blocks(rng, count):
    """Corners of a lattice in space, many of them several times."""
    return rng.integers(0, 6, size=(count, 3))


def collinear(rng, count):
    return rng.normal(size=(count, 1)) * [1, 2, -3]


def single(rng, count):
    return np.full((count, 3), 7)


KINDS = [scattered, surface, clustered, stray, coinciding, lattice, blocks, collinear, single]


def cloud(kind, seed, count):
    return kind(np.random.default_rng(seed), count).astype(np.float32)


@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(1, 450))
@settings(max_examples=300, deadline=None)
def test_any_cloud_is_sampled_by_definition(kind, seed, number, count):
    pos = cloud(kind, seed, number)
    chosen = farthest_points(pos, count)
    assert (chosen.dtype, len(chosen)) == (np.int64, min(number, count))
    np.testing.assert_array_equal(chosen, by_definition(pos, count))


coordinates = st.one_of(
    st.integers(-2, 2).map(float),
    st.floats(-1e6, 1e6, width=32),
    st.sampled_from([0.0, -0.0, 1e-30, -1e-30, 1e-45, 1e6, -1e6]),
)


@given(st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=130))
@settings(max_examples=150, deadline=None)
def test_any_coordinates_are_sampled_by_definition(rows):
    pos = np.array(rows, dtype=np.float32)
    np.testing.assert_array_equal(farthest_points(pos, len(pos)), by_definition(pos, len(pos)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("number", "count"), [(1000, 1000), (12_345, 700), (200_000, 60)])
def test_large_clouds_are_sampled_by_definition(kind, number, count):
    pos = cloud(kind, number, number)
    np.testing.assert_array_equal(farthest_points(pos, count), by_definition(pos, count))


@pytest.mark.parametrize("number", [1, 2, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF, 63, 64, 65, 5 * LEAF])
def test_sizes_around_those_of_leaves(number):
    pos = cloud(scattered, number, number)
    for count in {1, number, number + 1, 10 * number}:
        np.testing.assert_array_equal(farthest_points(pos, count), by_definition(pos, count))


@pytest.mark.parametrize("category", CATEGORIES)
def test_parts_are_sampled_by_definition(category):
    pos = Procedural(category, "train")[0].pos
    np.testing.assert_array_equal(farthest_points(pos, 1024), by_definition(pos, 1024))


def test_of_equally_far_points_the_lowest_index_is_chosen():
    square = np.array([[1, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]], np.float32)
    assert farthest_points(np.repeat(square, 20, axis=0), 6).tolist() == [0, 60, 20, 40, 0, 0]


def test_any_start_and_no_choice():
    pos = cloud(scattered, 0, 100)
    assert [farthest_from(pos, 1, start=row)[0].tolist() for row in (0, 99)] == [[0], [99]]
    assert farthest_from(pos, 0, start=3)[0].shape == (0,)
    chosen, spacing = farthest_from(pos, 30, start=3)
    assert np.isinf(spacing[0])
    for count in range(1, 30):
        before = pos[chosen[:count]]
        gap = np.linalg.norm(before - pos[chosen[count]], axis=1).min()
        assert spacing[count] == pytest.approx(gap, rel=1e-5)
    assert (np.diff(spacing[1:]) <= 0).all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_and_precision_change_nothing(order, dtype):
    pos = cloud(surface, 1, 500)
    again = np.array(pos, dtype=dtype, order=order)
    again.flags.writeable = False
    np.testing.assert_array_equal(farthest_points(again, 200), by_definition(pos, 200))
    np.testing.assert_array_equal(again, pos)


@pytest.mark.parametrize("kind", [surface, clustered, coinciding, lattice])
def test_the_tree_is_several_times_faster_than_the_definition(kind):
    pos = cloud(kind, 0, 20_000)
    farthest_points(pos[:100], 10)  # compiles
    seconds = []
    for sample in (farthest_points, by_definition):
        began = time.process_time()
        sample(pos, 2000)
        seconds.append(time.process_time() - began)
    assert seconds[0] * 3 < seconds[1]


def test_no_package_samples_for_us():
    files = [*ROOT.joinpath("gmanet").rglob("*.py"), ROOT / "pyproject.toml"]
    files.append(ROOT / "constraints.txt")
    assert [file.name for file in files if "fpsample" in file.read_text(encoding="utf-8")] == []
