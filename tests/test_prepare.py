"""``python -m gmanet.prepare``: a folder of scans becomes a clean one that a run can read."""

from __future__ import annotations

import csv
import dataclasses

import imitations
import pytest

from gmanet import prepare
from gmanet.cleaning import scans as scans_of
from gmanet.cloud import Cloud
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.formats import read_cloud, write_cloud


@pytest.fixture
def scans(tmp_path, plate, bumped_plate):
    for seed in range(6):
        write_cloud(tmp_path / f"scans/good/{seed}.ply", plate(500, seed))
    write_cloud(tmp_path / "scans/bump/a.pcd", bumped_plate(600, 7))
    return tmp_path / "scans"


def table(folder):
    with (folder / "prepare.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_clean_scans_make_a_data_set(scans, tmp_path, type_in, capsys):
    out = tmp_path / "clean"
    type_in(prepare.main, scans, "-o", out, "depth=5")
    assert "7 of 7 scans written" in capsys.readouterr().out
    bump, before = (read_cloud(place / "bump/a.pcd") for place in (out, scans))
    assert 64 <= len(bump) < len(before)
    line = table(out)["bump/a.pcd"]
    assert int(line["labelled_kept"]) == bump.label.sum() > 0
    assert int(line["points"]) - int(line["outliers"]) - int(line["thinned"]) == len(bump)
    config = DataConfig(name="folder", category="", root=str(out))
    assert [len(open_data(config, split)) for split in ("train", "test")] == [5, 2]


def test_a_second_run_does_what_is_missing_or_new(
    scans, tmp_path, type_in, plate, monkeypatch, capsys
):
    out = tmp_path / "clean"
    type_in(prepare.main, scans, "-o", out)
    (out / "good/0.ply").unlink()
    write_cloud(scans / "good/1.ply", plate(700, 9))
    done = []
    real = scans_of.clean
    monkeypatch.setattr(scans_of, "clean", lambda c, how: done.append(c.name) or real(c, how))
    type_in(prepare.main, scans, "-o", out)
    assert done == ["0", "1"]
    type_in(prepare.main, scans, "-o", out, "ratio=1.5")
    assert len(done) == 9
    assert "lost more than 5%" in capsys.readouterr().err


def test_a_broken_scan_is_listed_and_the_others_go_on(scans, tmp_path, type_in, capsys):
    (scans / "good/3.ply").write_bytes(b"ply\nnonsense")
    out = tmp_path / "clean"
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, scans, "-o", out)
    assert caught.value.code == 1
    said = capsys.readouterr()
    assert "6 of 7 scans written" in said.out
    assert said.err.count("failed: ") == 1
    assert "3.ply" in table(out)["good/3.ply"]["error"]
    assert not (out / "good/3.ply").exists()


def test_a_scan_that_is_nothing_but_outliers_is_named(scans, tmp_path, type_in, capsys):
    with pytest.raises(SystemExit):
        type_in(prepare.main, scans, "-o", tmp_path / "clean", "ratio=0.5", "contrast=0")
    said = capsys.readouterr().err
    assert f"failed: {scans / 'good/0.ply'}: " in said
    assert "wanted a surface" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cel=1"], "no key 'cel'"),
        (["depth=2.5"], "wanted an integer"),
        (["cell=wide"], "wanted a number"),
        (["cell=-1"], "cell=-1"),
    ],
)
def test_a_wrong_word_is_named(scans, tmp_path, type_in, capsys, words, sentence):
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, scans, "-o", tmp_path / "clean", *words)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "clean").exists()


def test_folders_that_cannot_be_used(scans, tmp_path, type_in, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn").mkdir()
    head = ",".join(field.name for field in dataclasses.fields(scans_of.Line))
    (tmp_path / "torn/prepare.csv").write_text(f"{head}\na.ply,many\n", encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/prepare.csv").write_text("mine\n", encoding="utf-8")
    for place, sentence in (("torn", "line 2: "), ("other", "is no table of this command")):
        with pytest.raises(SystemExit):
            type_in(prepare.main, scans, "-o", tmp_path / place)
        assert sentence in capsys.readouterr().err
    for words in ([scans, "-o", scans / "out"], [tmp_path / "empty", "-o", "x"], ["no", "-o", "x"]):
        with pytest.raises(SystemExit) as caught:
            type_in(prepare.main, *words)
        assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "lies in" in said and "no scans" in said and "no such folder" in said


def refused(type_in, capsys, *words):
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, *words)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_two_scans_that_would_become_one_are_refused_before_any_work(
    scans, tmp_path, type_in, capsys, monkeypatch
):
    (scans / "good/0.stl").write_bytes(imitations.stl_bytes(imitations.wave(0)))
    said = refused(type_in, capsys, scans, "-o", tmp_path / "clean")
    assert f"{scans / 'good/0.ply'} and {scans / 'good/0.stl'} would both be written" in said
    assert f"{tmp_path / 'clean/good/0.ply'}, wanted another name for one of them" in said
    (scans / "good/0.ply").unlink()
    write_cloud(scans / "good/PART.pcd", Cloud(imitations.wave(1)))
    write_cloud(scans / "good/part.pcd", Cloud(imitations.wave(2)))
    monkeypatch.setattr(scans_of, "_ignores_case", lambda folder: True)
    said = refused(type_in, capsys, scans, "-o", tmp_path / "clean")
    assert "PART.pcd" in said and "part.pcd" in said
    assert not (tmp_path / "clean").exists()
    monkeypatch.undo()
    type_in(prepare.main, scans, "-o", tmp_path / "clean")
    assert "9 of 9 scans written" in capsys.readouterr().out
    assert {"PART.pcd", "part.pcd", "0.ply"} <= {
        one.name for one in (tmp_path / "clean/good").iterdir()
    }


def test_linked_folders_are_prepared_and_loops_end(scans, tmp_path, type_in, plate, capsys):
    write_cloud(tmp_path / "elsewhere/far.ply", plate(500, 3))
    (scans / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (scans / "good/loop").symlink_to(scans, target_is_directory=True)
    type_in(prepare.main, scans, "-o", tmp_path / "clean")
    assert "8 of 8 scans written" in capsys.readouterr().out
    assert (tmp_path / "clean/linked/far.ply").is_file()
    (scans / "clean").symlink_to(tmp_path / "clean", target_is_directory=True)
    assert "lies in" in refused(type_in, capsys, scans, "-o", tmp_path / "clean")


def test_outputs_of_predict_and_other_files_are_passed_over_and_said(
    scans, tmp_path, type_in, plate, capsys
):
    write_cloud(scans / "good/gmanet-scores/0.scores.ply", plate(500, 3))
    write_cloud(scans / "good/0.scores.ply", plate(500, 3))
    for name in ("report.docx", "good/old.zip", "good/x.las", "__MACOSX/._0.ply"):
        (scans / name).parent.mkdir(exist_ok=True)
        (scans / name).write_bytes(b"something else")
    type_in(prepare.main, scans, "-o", tmp_path / "clean")
    said = capsys.readouterr()
    assert "7 of 7 scans written" in said.out
    assert "note: 2 files that gmanet predict wrote are passed over" in said.err
    assert "not read: 1 .zip, 1 .las, 1 .docx; good/old.zip for example" in said.err
    assert len(list((tmp_path / "clean").rglob("*.p??"))) == 7
