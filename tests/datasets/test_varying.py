"""Procedural parts whose good ones differ: by how much and where; all else is as for others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from gmanet.datasets.catalog import categories, open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.procedural import CATEGORIES, DEFECTS, VARYING, Procedural
from gmanet.datasets.procedural.engraving import DEPTH, STROKES, engraved_tag, groove
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.one_sided import GRAZING, seen
from gmanet.datasets.procedural.phases import screw
from gmanet.datasets.procedural.relief import ROUGHNESS, WARP, roughened, warped
from gmanet.datasets.procedural.shapes import box, pillow
from gmanet.datasets.procedural.surface import scatter
from gmanet.errors import InputError

OPEN = ("one_sided_cover", "one_sided_block")
CLOSED = [name for name in VARYING if name not in OPEN]


def turns(mesh, place):
    """Return how often a mesh goes round a place: 1 inside, 0 outside (solid angles)."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces] - place, 1, 0)
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    top = np.einsum("ij,ij->i", a, np.cross(b, c))
    ab, bc, ca = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
    return np.arctan2(top, la * lb * lc + ab * lc + bc * la + ca * lb).sum() / (2 * np.pi)


@pytest.mark.parametrize("category", CLOSED)
def test_the_surface_is_closed_and_faces_outward(category):
    mesh = VARYING[category].build(np.random.default_rng(5))
    spots = scatter(mesh, 6, rng=np.random.default_rng(6))
    for place, away in zip(spots.place, 0.001 * mesh.diagonal * spots.normal, strict=True):
        assert turns(mesh, place + away) == pytest.approx(0, abs=0.02)
        assert turns(mesh, place - away) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("category", VARYING)
def test_clouds_are_valid_and_good_ones_differ(category):
    test = Procedural(category, "test")
    good, other = test[0].checked("test"), Procedural(category, "test")[0]
    assert np.array_equal(good.pos, other.pos)
    assert 20 < good.diameter < 62
    kinds = set()
    for index in (20, 26, 32, 38, 44):
        cloud = test[index].checked("test")
        kinds.add(cloud.defect)
        assert 12_000 <= len(cloud) <= 20_000
        assert 0.003 <= cloud.label.mean() <= 0.045
    assert kinds == set(DEFECTS)
    one, two = (VARYING[category].build(np.random.default_rng(seed)) for seed in (0, 1))
    apart = cKDTree(one.vertices).query(two.vertices)[0]
    assert apart.max() > 0.002 * one.diagonal


def test_the_fifteen_stay_fifteen():
    assert len(CATEGORIES) == 15
    assert len(VARYING) == 10
    assert not set(CATEGORIES) & set(VARYING)
    assert categories(DataConfig()) == list(CATEGORIES)
    assert len(open_data(DataConfig(category="engraved_tag"), "train")) == 20
    with pytest.raises(InputError, match=r"did you mean 'warped_ring'.*round_nut, rough_casting"):
        Procedural("warpedring", "test")


def test_the_full_profile_has_points_for_parts_that_table_two_does_not_list():
    assert 30_000 <= len(Procedural("warped_ring", "train", profile="full")[0]) <= 60_000


def test_a_skin_is_as_rough_as_said_and_another_one_each_time():
    ball = pillow(np.full(3, 10.0), (2.0, 2.0), step=0.4)
    heights = []
    for seed in range(4):
        rough = roughened(ball, np.random.default_rng(seed))
        heights.append(np.linalg.norm(rough.vertices, axis=1) - 10.0)
    rms = np.std(heights, axis=1).mean() / ball.diagonal
    assert rms == pytest.approx(ROUGHNESS, rel=0.15)
    assert np.abs(np.corrcoef(heights)[np.triu_indices(4, 1)]).max() < 0.5


def test_a_plate_is_bent_within_limits():
    plate = box(np.array([10.0, 8.0, 1.0]), 0.2, step=0.4)
    for seed in range(20):
        bent = warped(plate, np.random.default_rng(seed))
        moved = bent.vertices - plate.vertices
        assert np.array_equal(moved[:, :2], np.zeros_like(moved[:, :2]))
        most = np.abs(moved[:, 2] - moved[:, 2].mean()).max() / plate.diagonal
        assert WARP[0] <= most <= WARP[1]


def test_numbers_are_grooves_along_their_strokes():
    u, v = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 12, 140), np.linspace(-1, 5, 70)))
    deep = {d: groove(u, v, np.array([d]), breadth=2.0, stroke=0.5) for d in range(10)}
    assert len(STROKES) == 10
    for digit, depth in deep.items():
        assert depth.min() == 0 and depth.max() == 1
        inside = depth > 0
        assert u[inside].min() > -0.3 and u[inside].max() < 2.3
        assert v[inside].min() > -0.3 and v[inside].max() < 4.3
        assert all((depth != deep[other]).any() for other in deep if other != digit)
    both = groove(u, v, np.array([1, 7]), breadth=2.0, stroke=0.5)
    shifted = groove(u - 3.4, v, np.array([7]), breadth=2.0, stroke=0.5)
    assert both == pytest.approx(np.maximum(deep[1], shifted))


def test_a_number_is_engraved_on_one_side_alone():
    mesh = engraved_tag(np.random.default_rng(0))
    top = mesh.vertices[:, 2].max()
    lower = mesh.vertices[mesh.vertices[:, 2] < 0]
    low = mesh.vertices[(np.abs(mesh.vertices[:, 2] - top + DEPTH * mesh.diagonal) < 0.02)]
    assert len(low) > 100
    assert np.unique(np.round(lower[:, 2].min() - lower[:, 2], 6)).max() == 0


def test_two_threads_begin_at_any_angle():
    theta, height = np.linspace(0, 6, 7), np.linspace(0, 9, 40)
    said = {"pitch": 3.0, "starts": 2, "depth": 1.0}
    cut = screw(theta, height, phase=0.1, **said)
    assert (cut.min(), cut.max()) == (0, 1)
    assert screw(theta + 0.5, height + 3 / np.pi, phase=0.1, **said) != pytest.approx(cut)
    rise = 2 * 3.0 * 0.5 / (2 * np.pi)  # two starts rise by twice the pitch a turn
    assert screw(theta + 0.5, height + rise, phase=0.1, **said) == pytest.approx(cut)
    turned = screw(theta - 2 * np.pi * 0.2, height, phase=0.3, **said)
    assert turned == pytest.approx(cut)


def test_what_is_seen_faces_the_scanner_and_is_the_front():
    direction = np.array([0.0, 0.6, 0.8])
    ball = pillow(np.full(3, 10.0), (2.0, 2.0), step=0.3)
    front = seen(ball, direction)
    crosses = front.crosses()
    length = np.linalg.norm(crosses, axis=1)
    assert (crosses @ direction > GRAZING * length).all()
    share = length.sum() / np.linalg.norm(ball.crosses(), axis=1).sum()
    assert share == pytest.approx((1 - GRAZING) / 2, abs=0.02)
    behind = ball.moved(ball.vertices - 40 * direction)
    both = Mesh(
        np.concatenate([ball.vertices, behind.vertices]),
        np.concatenate([ball.faces, behind.faces + len(ball.vertices)]),
    )
    nearer = seen(both, direction).vertices @ direction > -20
    assert nearer.mean() > 0.99
