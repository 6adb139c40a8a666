"""Several detectors: the one whose gate a scan passes judges it; two detectors compared."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gmanet
from gmanet import compare
from gmanet.detectors.stored import read_identity
from gmanet.errors import InputError
from gmanet.formats import write_cloud
from gmanet.inspection.record import Inspection
from gmanet.station.choosing import Candidate, choose, open_detectors
from gmanet.station.comparison import Pair, agreement, table
from gmanet.verdict.check import Check


@pytest.fixture(scope="module")
def files(tmp_path_factory, bumped_plate):
    """Two detectors of plates that differ in the name of the part alone, as files in a folder."""
    folder = tmp_path_factory.mktemp("detectors")
    normals = [bumped_plate(600, seed, height=0) for seed in range(3)]
    detector = gmanet.fit(normals, detector="btf", progress=False)
    for detector.part in ("ball", "plate"):
        detector.save(folder / f"{detector.part}.gmanet")
    return folder


def gated(name, passes):
    """Return a candidate whose gate lets through the clouds with a name."""

    def gate(cloud):
        sentence = "" if cloud.name in passes else f"is no {name}"
        return (Check(name="size", value=1.0, lowest=0.0, highest=2.0, sentence=sentence),)

    detector = SimpleNamespace(judge=SimpleNamespace(gate=gate))
    return Candidate(name=name, path=Path(name), detector=detector, identity=name)


def test_the_one_that_takes_a_scan_judges_it(bumped_plate):
    both = [gated("nut", ["nut", "washer"]), gated("bolt", ["bolt", "washer"])]

    def chosen(name):
        return choose(both, bumped_plate(100).replace(name=name))

    assert chosen("nut").candidate is both[0] and chosen("bolt").candidate is both[1]
    none, two = chosen("ball"), chosen("washer")
    assert none.candidate is None and two.candidate is None
    assert none.sentence == (
        "none of 2 detectors takes the scan (nut: is no nut; bolt: is no bolt)"
    )
    assert two.sentence == (
        "2 of 2 detectors take the scan (nut, bolt): say which of them is to judge"
    )
    assert choose(both[:1], bumped_plate(100)).candidate is both[0]
    both.append(gated("old", []))
    both[2].detector.judge = None
    assert "old: stored without" in chosen("ball").sentence


def test_files_and_folders_stand_for_detectors(files, bumped_plate, tmp_path):
    both = open_detectors([files])
    assert [one.name for one in both] == ["ball", "plate"]
    assert [one.identity for one in both] == [read_identity(one.path) for one in both]
    cloud = bumped_plate(600, 9, height=0)
    assert choose(both, cloud.replace(pos=cloud.pos * np.float32(500))).candidate is None
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        content = (files / "plate.gmanet").read_bytes()
        (tmp_path / name / "detector.ckpt").write_bytes(content)
    assert [one.name for one in open_detectors([tmp_path / "a"])] == ["a"]
    with pytest.raises(InputError, match="holds the same detector as"):
        open_detectors([tmp_path])


def test_paths_that_stand_for_no_detector_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="holds no detector"):
        open_detectors([tmp_path])
    with pytest.raises(InputError, match="no such file"):
        open_detectors([tmp_path / "none.gmanet"])
    (tmp_path / "run.yaml").touch()
    with pytest.raises(InputError, match=r"holds no detector\.ckpt"):
        open_detectors([tmp_path])


def test_two_detectors_are_compared(files, bumped_plate, tmp_path, type_in, capsys):
    write_cloud(tmp_path / "scans/8.ply", bumped_plate(600, 8, 0.12))
    (tmp_path / "scans/bad.ply").write_bytes(b"none")
    type_in(compare.main, files / "plate.gmanet", files / "ball.gmanet", tmp_path / "scans")
    said = capsys.readouterr().out
    assert "| scan | plate | p | ball | p | same |" in said
    assert "bad.ply | unusable |  | unusable |  | yes |" in said
    assert "1 of 2 scans are judged by both, 1 of these alike" in said
    assert said.count("limit ") == 2


def test_verdicts_that_differ_are_counted():
    def found(verdict, score):
        return Inspection(scan="a", verdict=verdict, reason="", score=score)

    kinds = ("good", "defective", "not judged")
    pairs = [
        Pair(scan=f"{one} {other}", first=found(one, i), second=found(other, 9.0 - j))
        for i, one in enumerate(kinds)
        for j, other in enumerate(kinds)
    ]
    said = agreement(pairs, ("A", "B")).splitlines()
    assert said[0] == "4 of 9 scans are judged by both, 2 of these alike"
    assert said[1] == "1 defective for A only, good for B"
    assert said[2] == "1 defective for B only, good for A"
    assert said[3] == "rank correlation of the scores 0.000"
    assert table(pairs, ("A", "B")).count("| NO |") == 6
