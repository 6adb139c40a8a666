"""Regions that do not count, or count more: they move with the part, and are stored with it."""

from __future__ import annotations

import numpy as np
import pytest

import gmanet
from gmanet.cloud import Cloud
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.errors import InputError
from gmanet.formats import write_cloud
from gmanet.registration.target import Target
from gmanet.verdict.config import VerdictConfig
from gmanet.verdict.regions import STRICTER, Regions, read_drawn

NORMALS = 6


def test_a_region_moves_with_the_part(moved):
    part = Procedural("t_screw", "train", profile="many")
    drawn, other = part[0], part[1]
    target = Target.of(drawn.pos)
    height = (drawn.pos - drawn.pos.mean(axis=0)) @ np.linalg.svd(
        drawn.pos - drawn.pos.mean(axis=0), full_matrices=False
    )[2][0].astype(np.float32)
    head = drawn.replace(label=height * np.sign(-np.median(height)) > 0.25 * np.ptp(height))
    made = Regions.of([(0.0, head), (STRICTER, head.replace(label=~head.label))], target)
    turned = moved(drawn.pos, 1)
    np.testing.assert_allclose(made.factors(drawn.pos), made.factors(turned), atol=1e-6)
    agree = made.factors(drawn.pos) == np.where(head.label, 0.0, STRICTER)
    assert agree.mean() > 0.99 and 0.02 < head.label.mean() < 0.6
    share = (made.factors(other.pos) == 0).mean()
    assert share == pytest.approx(head.label.mean(), abs=0.05)
    again = Regions.from_state(made.state(), target=target)
    np.testing.assert_array_equal(again.factors(other.pos), made.factors(other.pos))
    assert Regions.of([], target) is None


@pytest.mark.slow
def test_a_bump_where_nothing_counts_is_not_found(bumped_plate, tmp_path):
    normals = [bumped_plate(3000, seed, height=0) for seed in range(NORMALS)]
    middle = np.linalg.norm(normals[0].pos[:, :2], axis=1) < 0.75
    drawn, file = tmp_path / "drawn.ply", tmp_path / "plate.gmanet"
    write_cloud(drawn, normals[0].replace(label=middle))
    plate = bumped_plate(3000, 99, height=0)
    far = np.linalg.norm(plate.pos[:, :2], axis=1, keepdims=True)
    cap = 0.1 * np.clip(1 - (far / 0.2) ** 2, 0, 1) ** 2
    bumped = plate.replace(pos=(plate.pos + cap * [0, 0, 1]).astype(np.float32), label=None)

    def scored(*words):
        gmanet.fit(normals, detector="btf", overrides=words, progress=False).save(file)
        return [gmanet.load(file).score(cloud) for cloud in (bumped, plate)]

    (usual, _), (strict, _) = scored(), scored(f"verdict.strict={drawn}")
    ignored, flat = scored(f"verdict.ignore={drawn}")
    assert usual.verdict == strict.verdict == "defective"
    assert ignored.verdict == flat.verdict
    assert ignored.object < usual.object / 3
    near = far[:, 0] < 0.5
    assert (ignored.points[near] == 0).all()
    np.testing.assert_allclose(strict.points[near], STRICTER * usual.points[near], rtol=1e-5)


def test_a_file_that_draws_no_region_is_refused(bumped_plate, sphere, tmp_path):
    plate = bumped_plate(1000, 0, height=0)
    write_cloud(tmp_path / "plain.ply", plate.replace(label=None))
    with pytest.raises(InputError, match=r"verdict\.strict=.*plain\.ply: has no labeled point"):
        read_drawn(VerdictConfig(strict=str(tmp_path / "plain.ply")))
    assert read_drawn(VerdictConfig()) == []
    ball = Cloud(sphere(1000).pos, label=np.ones(1000, dtype=bool), name="verdict.ignore=ball.ply")
    with pytest.raises(InputError, match=r"ball\.ply: \d+ % of the points lie on the normal"):
        Regions.of([(0.0, ball)], Target.of(plate.pos))
