"""Signs of normals: outside is where a part is seen from, or where a one-sided scan bulges to."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gmanet.geometry.orientation import outward


def turned(seed):
    return Rotation.random(random_state=seed).as_matrix()


@given(st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_normals_of_a_ring_point_out_of_it(seed):
    """Those of its inner side point to the axis."""
    rng = np.random.default_rng(seed)
    angle, across = rng.uniform(0, 2 * np.pi, (2, 1500))
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(1500)], axis=1)
    normal = ring * np.cos(across)[:, None] + np.array([0, 0, 1]) * np.sin(across)[:, None]
    motion = turned(seed)
    pos, normal = (3 * ring + normal) @ motion.T, normal @ motion.T
    flip = np.where(rng.random(1500) < 0.5, -1, 1)[:, None]
    made = outward(pos, normal * flip)
    assert (np.einsum("nk,nk->n", made, normal) > 0).mean() > 0.99


@given(st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_normals_of_a_one_sided_scan_point_to_the_scanner(seed):
    rng = np.random.default_rng(seed)
    pos = rng.normal(size=(4000, 3))
    pos /= np.linalg.norm(pos, axis=1, keepdims=True)
    pos = pos[pos[:, 2] > 0.4]
    motion = turned(seed)
    flip = np.where(rng.random(len(pos)) < 0.5, -1, 1)[:, None]
    made = outward(pos @ motion.T, (pos * flip) @ motion.T)
    assert (np.einsum("nk,nk->n", made @ motion, pos) > 0).mean() > 0.99
