"""A detector of heights, quick and without a fit, as the tests of the station use it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gmanet
from gmanet.station.choosing import Candidate


class Height:
    """A detector that finds heights; it counts what it scored."""

    fitted_on = frozenset()
    judge = None
    part = "plate"
    unit = ""

    def __init__(self):
        self.scored = []

    def score(self, cloud):
        self.scored.append(cloud.name)
        height = float(cloud.pos[:, 2].max())
        verdict = "defective" if height > 0.05 else "good"
        return gmanet.Scores(
            cloud.pos[:, 2].copy(), height, verdict=verdict, reason="heights", p_value=0.5
        )


@pytest.fixture
def detector():
    return Height()


@pytest.fixture
def candidate(detector):
    return Candidate(name="a", path=Path("a"), detector=detector, identity="0" * 32)


@pytest.fixture
def plate_file(tmp_path, bumped_plate):
    """Return ``plate_file(name, seed, height)``: the bytes of a scan in the format of a name."""

    def make(name="a.ply", seed=0, height=0.0, points=400):
        path = tmp_path / "made" / name
        gmanet.formats.write_cloud(path, bumped_plate(points, seed, height).replace(label=None))
        return path.read_bytes()

    return make
