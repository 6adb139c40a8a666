"""The script that measures what the answers of an expert depend on."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet_paper.detector import GMANetPaper, PaperConfig
from gmanet.errors import InputError

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "experiments" / "expert_answers.py"))
FEATURES = 32


def compared(monkeypatch, cloud, expert):
    """Distances for an expert that is a function of places, and an apprentice that equals it."""

    def answers(_, scan):
        places = torch.from_numpy(scan.pos)
        features = expert(places)
        return SCRIPT["Answers"](places, features, features)

    monkeypatch.setitem(SCRIPT["compare"].__globals__, "answers", answers)
    return dict(zip(SCRIPT["COLUMNS"], SCRIPT["compare"](None, cloud), strict=True))


def test_answers_that_depend_on_the_place_agree_between_two_scans(monkeypatch, bumped_plate):
    weights = torch.randn(3, FEATURES, generator=torch.Generator().manual_seed(0))
    found = compared(
        monkeypatch, bumped_plate(4000), lambda places: torch.sin(4 * places @ weights)
    )
    same, following, unrelated, apprentice = found.values()
    assert same < 0.3 and following < 0.3
    assert unrelated == pytest.approx(2**0.5, abs=0.1)
    assert apprentice == pytest.approx(0, abs=1e-3)


def test_answers_that_depend_on_the_scan_are_unrelated_between_two(monkeypatch, bumped_plate):
    generator = torch.Generator().manual_seed(0)
    found = compared(
        monkeypatch,
        bumped_plate(4000),
        lambda places: torch.randn(len(places), FEATURES, generator=generator),
    )
    assert found["the same place, other points"] == pytest.approx(2**0.5, abs=0.05)


def test_features_are_read_where_the_network_answers(bumped_plate):
    cloud = bumped_plate(600)
    detector = GMANetPaper(PaperConfig(points=256, experts=2)).eval()
    found = SCRIPT["answers"](detector, Cloud(cloud.pos))
    assert found.places.shape == (256, 3)
    assert found.expert.shape == found.apprentice.shape == (256, 128)
    assert not torch.equal(found.expert, found.apprentice)


def test_a_detector_without_an_expert_is_refused(bumped_plate):
    other = SimpleNamespace(config=SimpleNamespace(name="simple3d"))
    with pytest.raises(InputError, match="a run of simple3d, wanted gmanet or gmanet_paper"):
        SCRIPT["answers"](other, bumped_plate(600))
