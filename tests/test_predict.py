"""``python -m gmanet.predict``: where outputs go, and that nothing takes them for scans."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gmanet import predict, prepare, show
from gmanet.config.compose import compose
from gmanet.datasets.folder import Folder
from gmanet.detectors.base import Scores
from gmanet.errors import InputError
from gmanet.formats import READERS, read_cloud, write_cloud
from gmanet.inspection.finding import find_scans
from gmanet.inspection.judged import earlier
from gmanet.inspection.record import Inspection, exit_code
from gmanet.runs import scoring
from gmanet.runs.folder import Run
from gmanet.station.choosing import Candidate
from gmanet.verdict.check import Check
from gmanet.view import inspection_picture


@pytest.fixture
def run(type_in, monkeypatch):
    """A run whose detector finds heights; ``type_in`` says where runs lie."""
    detector = SimpleNamespace(
        fitted_on=frozenset(),
        judge=None,
        score=lambda cloud: Scores(cloud.pos[:, 2].copy(), 0.5, verdict="good", p_value=0.25),
    )
    one = Candidate(name="a", path=Path("a"), detector=detector, identity="heights")
    monkeypatch.setattr(scoring, "open_detectors", lambda places: [one])
    monkeypatch.setattr(scoring, "read_identity", lambda file: "heights")
    made = Run.create(compose(["name=a"]))
    made.detector_file.write_bytes(b"heights")
    return made.folder


@pytest.fixture
def scans(tmp_path, bumped_plate):
    for seed in range(6):
        write_cloud(tmp_path / f"scans/good/{seed}.ply", bumped_plate(300, seed, height=0))
    write_cloud(tmp_path / "scans/bump/0.ply", bumped_plate(300, 9))
    return tmp_path / "scans"


@pytest.fixture
def refused(type_in, capsys):
    def call(main, *words):
        with pytest.raises(SystemExit) as caught:
            type_in(main, *words)
        assert caught.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
        return said.err

    return call


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_outputs_have_a_folder_of_their_own(run, scans, type_in, tmp_path):
    type_in(predict.main, run, scans / "good/0.ply")
    names = [f"0.scores.{ending}" for ending in ("json", "npz", "ply", "png")]
    assert everything(scans / "good/gmanet-scores") == names
    type_in(predict.main, run, scans / "good/0.ply", "-o", tmp_path / "out")
    assert everything(tmp_path / "out") == names


@pytest.fixture
def small_pictures(monkeypatch):
    """Pictures of 60 pixels, for tests that write dozens."""
    monkeypatch.setattr(inspection_picture, "LARGE", 60)
    monkeypatch.setattr(inspection_picture, "SMALL", 20)


def test_no_command_takes_outputs_for_scans(run, scans, type_in, tmp_path, capsys, small_pictures):
    splits = [Folder(scans, "", split=split).names for split in ("train", "test")]
    files = sorted(scans.rglob("*.ply"))
    for words in ([], ["-o", scans / "good"], ["-o", scans / "scored"], ["-o", scans]):
        type_in(predict.main, run, *files[1:], *words)
    assert [Folder(scans, "", split=split).names for split in ("train", "test")] == splits
    assert "passed over" in Folder(scans, "", split="test").notes[0]
    type_in(prepare.main, scans, "-o", tmp_path / "clean")
    said = capsys.readouterr()
    assert "7 of 7 scans written" in said.out
    assert "gmanet predict wrote are passed over" in said.err
    before = everything(scans)
    # What a shell makes of *.ply and *: outputs of older versions, and their folder, among them.
    folder = scans / "good/gmanet-scores"
    type_in(predict.main, run, folder, *sorted((scans / "good").glob("*.ply")))
    said = capsys.readouterr()
    assert said.out.count("object score") == 6
    assert said.err == (
        f"note: 6 files that gmanet predict wrote are passed over, "
        f"{scans / 'good/0.scores.ply'} for example\n6 scans: 6 good\n"
    )
    assert everything(scans) == before


def test_an_output_is_refused_wherever_it_lies_and_whatever_it_is_called(
    run, scans, refused, type_in, tmp_path, capsys
):
    type_in(predict.main, run, scans / "good/0.ply")
    capsys.readouterr()
    made = scans / "good/gmanet-scores"
    assert "was written by gmanet predict" in refused(predict.main, run, *made.iterdir())
    assert "was written by gmanet predict" in refused(predict.main, run, made)
    for ending in ("ply", "npz"):
        sentence = refused(predict.main, run, made / f"0.scores.{ending}")
        assert f"{made}/0.scores.{ending}: was written by gmanet predict" in sentence
        other = scans / f"crack/part.{ending}"
        other.parent.mkdir(exist_ok=True)
        (made / f"0.scores.{ending}").rename(other)
        wanted = f"{other}: was written by gmanet predict, wanted a scan"
        assert refused(predict.main, run, other) == f"error: {wanted}\n"
        assert refused(show.main, other) == f"error: {wanted}\n"
        with pytest.raises(InputError, match=wanted):
            read_cloud(other)
        assert not (scans / "crack/gmanet-scores").exists()


def test_inputs_of_one_output_are_refused_before_any_work(
    run, scans, refused, tmp_path, bumped_plate
):
    write_cloud(scans / "good/0.pcd", bumped_plate(300, 3))
    other = scans / "bump/0.ply"
    for words in (
        [scans / "good/0.ply", scans / "good/0.pcd"],
        [scans / "good/0.ply", other, "-o", tmp_path / "out"],
        [other, scans / "good/../bump/0.ply"],
    ):
        sentence = refused(predict.main, run, *words)
        assert f"{words[0]} and {words[1]}: wanted distinct names" in sentence
    assert not (tmp_path / "out").exists()
    assert "gmanet-scores" not in " ".join(everything(scans))


def test_show_finds_the_scores(run, scans, refused, type_in, capsys):
    def height():
        type_in(show.main, scans / "good/0.ply")
        with Image.open(scans / "good/0.views.png") as image:
            return image.size[1]

    cloud = read_cloud(scans / "good/0.ply")
    write_cloud(scans / "good/0.ply", cloud.replace(label=cloud.pos[:, 0] > 0.5))
    plain = height()
    type_in(predict.main, run, scans / "good/0.ply")
    assert height() > plain
    capsys.readouterr()
    np.savez(scans / "good/gmanet-scores/0.scores.npz", score=np.zeros(7, dtype=np.float32))
    assert "7 scores for the 300 points" in refused(show.main, scans / "good/0.ply")


def test_a_folder_is_no_scan_to_show(scans, refused):
    assert "is a folder without a run.yaml" in refused(show.main, scans)


def test_every_ending_is_named(type_in, capsys):
    with pytest.raises(SystemExit):
        type_in(predict.main, "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert all(ending in said for ending in READERS)


def test_what_a_scan_lacks_is_said(run, scans, type_in, monkeypatch, capsys):
    read = scoring.read_cloud
    monkeypatch.setattr(scoring, "read_cloud", lambda path: read(path).replace(notes=("is odd",)))
    type_in(predict.main, run, scans / "good/0.ply")
    assert capsys.readouterr().err == "note: is odd\n"


def test_a_folder_stands_for_the_scans_below_it(
    run, scans, type_in, tmp_path, capsys, small_pictures
):
    (scans / "gt").mkdir()
    for odd in ("gt/0.ply", "good/.hidden.ply", "good/notes.md"):
        (scans / odd).write_text("no scan")
    assert type_in(predict.main, run, scans, scans / "bump/0.ply", "-o", tmp_path / "a") == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    made = everything(tmp_path / "a")
    assert "good/5.scores.npz" in made and "bump/0.scores.npz" in made and "0.scores.npz" in made
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no scan, wanted files that end in"):
        find_scans([tmp_path / "none"])


def test_a_broken_file_stops_no_other(run, scans, type_in, capsys, small_pictures):
    (scans / "good/3.ply").write_text("ply nonsense")
    with pytest.raises(SystemExit) as left:
        type_in(predict.main, run, scans / "good", scans / "absent.ply")
    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out.count(": good (p = 0.25), object score 0.5000, worst place (") == 5
    assert f"error: {scans / 'good/3.ply'}: " in said.err
    assert f"error: {scans / 'absent.ply'}: no such file\n7 scans: 2 unusable, 5 good" in said.err


def test_tables_of_all_scans(run, scans, type_in, tmp_path, small_pictures):
    (scans / "good/3.ply").write_text("ply nonsense")
    table, whole = tmp_path / "a/t.csv", tmp_path / "a/t.json"
    with pytest.raises(SystemExit):
        type_in(predict.main, run, scans / "good", "--csv", table, "--json", whole)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    objects = json.loads(whole.read_text())
    assert [row["verdict"] for row in rows] == [one["verdict"] for one in objects]
    assert [row["verdict"] for row in rows] == ["good"] * 3 + ["unusable"] + ["good"] * 2
    assert rows[3]["score"] == "" and objects[3]["score"] is None
    cloud = read_cloud(scans / "good/1.ply")
    worst = [float(rows[1][f"worst_{axis}"]) for axis in "xyz"]
    assert worst == objects[1]["worst"] == [float(x) for x in cloud.pos[cloud.pos[:, 2].argmax()]]
    stored = json.loads((scans / "good/gmanet-scores/1.scores.json").read_text())
    assert {**stored, "scan": ""} == {**objects[1], "scan": ""}
    before = table.read_bytes()
    with pytest.raises(SystemExit):
        type_in(predict.main, run, scans / "good", "--csv", scans / "good/1.ply")
    assert read_cloud(scans / "good/1.ply") is not None and table.read_bytes() == before


def test_what_was_judged_is_not_judged_again(run, scans, type_in, capsys, monkeypatch):
    def typed(*words):
        code = type_in(predict.main, run, scans / "good/0.ply", *words)
        return code, capsys.readouterr().out

    first = typed("--no-picture")[1]
    monkeypatch.setattr(scoring, "open_detectors", lambda places: pytest.fail("judged again"))
    code, again = typed("--no-picture")
    assert code == 0 and again.startswith(first.rpartition(",")[0]) and "judged before" in again
    scan = find_scans([scans / "good/0.ply"])[0]
    identity = ["heights"]
    assert earlier(scan, identities=identity, picture=False) is not None
    assert earlier(scan, identities=identity) is None  # there is no picture
    assert earlier(scan, identities=["other"], picture=False) is None
    made, scan_bytes = scan.output(".json").read_text(), scan.path.read_bytes()
    for path, content in (
        (scan.output(".json"), b"{}"),
        (scan.output(".json"), b"\xff"),
        (scan.path, (scans / "good/1.ply").read_bytes()),
    ):
        path.write_bytes(content)
        assert earlier(scan, identities=identity, picture=False) is None
        scan.output(".json").write_text(made)
        scan.path.write_bytes(scan_bytes)
    scan.output(".npz").unlink()
    assert earlier(scan, identities=identity, picture=False) is None


def test_exit_codes():
    found = {
        verdict: Inspection(scan="a", verdict=verdict, reason="")
        for verdict in ("good", "defective", "not judged", "unusable")
    }
    assert [exit_code([one]) for one in found.values()] == [0, 1, 3, 2]
    assert exit_code(found.values()) == 1
    assert exit_code([found["good"], found["not judged"], found["unusable"]]) == 2
    assert exit_code([]) == 0


def test_a_record_is_stored_whole():
    checks = (Check(name="points", value=9.0, lowest=1.0, highest=float("inf"), sentence="few"),)
    found = Inspection(
        scan="ä.ply",
        verdict="not judged",
        reason="few",
        worst=(1.0, 2.0, 3.0),
        checks=checks,
        notes=("ä.ply: odd",),
    )
    stored = json.loads(json.dumps(found.state(), allow_nan=False))
    assert repr(Inspection.from_state(stored)) == repr(found)


def test_several_detectors_stand_before_two_hyphens(run, scans, type_in, capsys, monkeypatch):
    def gated(name, size):
        def gate(cloud):
            sentence = "" if len(cloud) == size else f"is no {name}"
            return (Check(name="size", value=1.0, lowest=0, highest=2, sentence=sentence),)

        detector = SimpleNamespace(
            fitted_on=frozenset(),
            judge=SimpleNamespace(gate=gate, calibration=None, points=None, sentence=str),
            score=lambda cloud: Scores(cloud.pos[:, 2].copy(), 0.5, verdict="good", p_value=0.25),
        )
        return Candidate(name=name, path=Path(name), detector=detector, identity=name)

    seen = []

    def opened(places):
        seen.extend(places)
        return [gated("plate", 300), gated("ball", 200)]

    monkeypatch.setattr(scoring, "open_detectors", opened)
    cloud = read_cloud(scans / "good/0.ply")
    write_cloud(scans / "good/none.ply", cloud.replace(pos=cloud.pos[:250], label=None))
    table = scans.parent / "table.csv"
    code = type_in(predict.main, run, run, "--csv", table, "--no-picture", "--", scans / "good")
    assert code == 3 and seen == [run, run]
    rows = list(csv.DictReader(table.open()))
    assert [row["verdict"] for row in rows] == ["good"] * 6 + ["not judged"]
    assert {row["detector"] for row in rows[:6]} == {"plate"}
    assert "none of 2 detectors takes the scan" in capsys.readouterr().out
