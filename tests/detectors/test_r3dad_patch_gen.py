"""Patch-Gen moves one patch, by as much as the paper says, and labels it."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.detectors.r3dad.patch_gen import REACH, VIEWS, patch_gen


def test_there_are_26_views():
    assert len(np.unique(VIEWS, axis=0)) == 26
    assert set(np.abs(VIEWS).max(axis=1)) == {2.0}


@pytest.mark.parametrize("count", [5, 512, 2048])
@pytest.mark.parametrize("seed", range(4))
def test_exactly_the_chosen_points_move_and_are_labelled(count, seed):
    pos = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    before = pos.copy()
    moved, label = patch_gen(pos, np.random.default_rng(seed))
    assert label.sum() == max(1, round(count / 16))
    assert np.array_equal(pos, before)
    assert np.array_equal(moved[~label], pos[~label])
    length = np.linalg.norm(moved - pos, axis=1)
    assert (length[label] > 0).all()
    assert length.max() <= REACH * 1.001
    again = patch_gen(pos, np.random.default_rng(seed))
    assert np.array_equal(again[0], moved)


def test_a_patch_bulges_along_the_view():
    pos = np.random.default_rng(0).normal(size=(2048, 3)).astype(np.float32)
    moved, label = patch_gen(pos, np.random.default_rng(1))
    view = next(  # the only view whose nearest points are those that moved
        view
        for view in VIEWS
        if set(np.argsort(np.linalg.norm(pos - view, axis=1))[:128]) == set(np.flatnonzero(label))
    )
    away, shift = pos[label] - view, (moved - pos)[label]
    distance, length = np.linalg.norm(away, axis=1), np.linalg.norm(shift, axis=1)
    cosine = np.einsum("nc,nc->n", away, shift) / distance / length
    assert np.ptp(np.sign(cosine)) == 0
    assert (np.abs(cosine)[length > 1e-3] > 0.999).all()
    assert (np.diff(length[np.argsort(distance)]) <= 1e-6).all()
