import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.consistent_normals import consistent_normals
from gmanet.geometry.neighbors import nearest


def box(size, spacing):
    """Surface points of a box around the origin and their outward normals, no point on an edge."""
    pos, normal = [], []
    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        ticks = [np.arange(spacing / 2, size[a], spacing) - size[a] / 2 for a in (one, two)]
        u, v = np.meshgrid(*ticks)
        for sign in (-1, 1):
            face, away = np.zeros((u.size, 3)), np.zeros((u.size, 3))
            face[:, one], face[:, two], face[:, axis] = u.ravel(), v.ravel(), sign * size[axis] / 2
            away[:, axis] = sign
            pos.append(face)
            normal.append(away)
    return np.concatenate(pos).astype(np.float32), np.concatenate(normal).astype(np.float32)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_any_signs_are_recovered(sphere, seed):
    rng = np.random.default_rng(seed)
    pos = normal = sphere(500).pos
    flipped = normal * rng.choice([-1, 1], len(pos)).astype(np.float32)[:, None]
    found = consistent_normals(
        pos + np.float32([5, -7, 3]), flipped, neighbors=nearest(pos, pos, count=8)[1]
    )
    np.testing.assert_array_equal(found, normal)


def test_the_sides_of_a_thin_sheet_are_kept_apart():
    rng = np.random.default_rng(0)
    pos, normal = box((20.0, 20.0, 1.0), 0.5)  # two spacings thick
    flipped = normal * rng.choice([-1, 1], len(pos)).astype(np.float32)[:, None]
    neighbors = nearest(pos, pos, count=16)[1]
    sides = normal[neighbors] @ np.float32([0, 0, 1]) * normal[:, None, 2]
    assert (sides < -0.9).any()  # neighborhoods do reach through the sheet
    np.testing.assert_array_equal(consistent_normals(pos, flipped, neighbors=neighbors), normal)


def test_separate_pieces_are_treated_alone(sphere):
    pos = normal = sphere(300).pos
    both = np.concatenate([pos, pos + np.float32([10, 0, 0])])
    normals = np.concatenate([normal, normal])
    found = consistent_normals(both, -normals, neighbors=nearest(both, both, count=8)[1])
    np.testing.assert_array_equal(found, normals)
