"""The part that nothing was tuned on: a closed surface of its own topology, written as IEC3D-AD."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.procedural import CATEGORIES, DEFECTS, PROFILES, Profile
from gmanet.datasets.procedural.surface import scatter

SCRIPT = Path(__file__).parents[2] / "experiments" / "unseen_part.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def solid_angle(mesh, place):
    """Return how often a mesh goes round a place: 1 inside, 0 outside (van Oosterom, Strackee)."""
    corner = mesh.vertices[mesh.faces] - place
    length = np.linalg.norm(corner, axis=2)
    top = np.linalg.det(corner)
    bottom = length.prod(axis=1)
    for k in range(3):
        bottom += (corner[:, k] * corner[:, k - 1]).sum(axis=1) * length[:, k - 2]
    return np.arctan2(top, bottom).sum() / (2 * np.pi)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_surface_is_closed_and_has_nothing_inside(script, seed):
    mesh = script["strut_bracket"](np.random.default_rng(seed))
    spots = scatter(mesh, 24, rng=np.random.default_rng(seed))
    step = 0.001 * mesh.diagonal * spots.normal
    for place, away in zip(spots.place, step, strict=True):
        assert solid_angle(mesh, place + away) == pytest.approx(0, abs=0.02)
        assert solid_angle(mesh, place - away) == pytest.approx(1, abs=0.02)


def test_it_has_a_window_and_three_bores(script):
    mesh = script["strut_bracket"](np.random.default_rng(0))
    open_places = ([10, 6, 2], [10, -6, 2], [-15, 0, 21], [-11, 0, 6])
    solid = ([0, 0, 2], [-15, 8, 20], [-8.5, 0, 8.5], [-15, 0, 13])
    for place in open_places:
        assert solid_angle(mesh, np.array(place)) == pytest.approx(0, abs=0.02)
    for place in solid:
        assert solid_angle(mesh, np.array(place)) == pytest.approx(1, abs=0.02)


def test_it_is_written_as_iec3d_lays_out_its_folders(script, tmp_path, monkeypatch):
    monkeypatch.setitem(
        PROFILES, "tiny", Profile(points=(600, 800), train=2, test_good=2, test_per_defect=1)
    )
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path), "--profile", "tiny"])
    before = set(CATEGORIES)
    script["main"]()
    del CATEGORIES["strut_bracket"]
    assert set(CATEGORIES) == before
    config = DataConfig(name="iec3d", root=str(tmp_path), category="StrutBracket")
    assert len(open_data(config, "train")) == 2
    test = list(open_data(config, "test"))
    assert sorted({cloud.defect for cloud in test}) == sorted(["good", *DEFECTS])
    assert all(
        cloud.abnormal == bool(cloud.label is not None and cloud.label.any()) for cloud in test
    )
    first = (tmp_path / "StrutBracket/test/scar_000.pcd").read_bytes()
    script["main"]()
    del CATEGORIES["strut_bracket"]
    assert (tmp_path / "StrutBracket/test/scar_000.pcd").read_bytes() == first
