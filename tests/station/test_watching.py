"""``gmanet watch``: every scan is judged once, whatever happens meanwhile."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gmanet.errors import InputError, OutputError
from gmanet.formats import write_cloud
from gmanet.runtime.locks import hold
from gmanet.station import judging, watching
from gmanet.station.arrivals import Arrivals
from gmanet.station.journal import Journal
from gmanet.station.watching import watch

POINTS = 400


@pytest.fixture
def judged(tmp_path, candidate):
    """Return ``judged(**settings)``: what one round over all files of ``incoming`` finds."""
    (tmp_path / "incoming").mkdir(exist_ok=True)

    def call(**settings):
        settings = {"picture": False, "settle": 0.0, "once": True, **settings}
        return list(
            watch([candidate], tmp_path / "incoming", judged=tmp_path / "judged", **settings)
        )

    return call


@pytest.fixture
def drop(tmp_path, bumped_plate):
    def call(name, seed=0, height=0.0):
        path = tmp_path / "incoming" / name
        write_cloud(path, bumped_plate(POINTS, seed, height).replace(label=None))
        return path

    return call


def record(tmp_path):
    text = (tmp_path / "judged/record.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_scans_are_judged_and_moved(judged, drop, tmp_path):
    drop("a.ply")
    drop("b.xyz", height=0.3)
    (tmp_path / "incoming/c.ply").write_bytes(b"no scan")
    (tmp_path / "incoming/d.txt.part").write_bytes(b"1 2 3")
    found = judged()
    assert {one.scan: one.verdict for one in found} == {
        **{"a.ply": "good", "b.xyz": "defective", "c.ply": "unusable"}
    }
    names = sorted(
        str(path.relative_to(tmp_path / "judged")) for path in (tmp_path / "judged").rglob("*.*")
    )
    endings = ("json", "npz", "ply")
    outputs = [f"gmanet-scores/{one}.scores.{end}" for one in "ab" for end in endings]
    scans = ["good/a.ply", "defective/b.xyz", "unusable/c.ply", "unusable/c.ply.why"]
    assert names == sorted([*outputs, *scans, ".lock", "record.csv", "record.jsonl"])
    assert "c.ply: " in (tmp_path / "judged/unusable/c.ply.why").read_text()
    assert [path.name for path in (tmp_path / "incoming").glob("[!.]*")] == ["d.txt.part"]
    lines = record(tmp_path)
    assert {line["scan"]: line["file"] for line in lines} == {
        **{"a.ply": "good/a.ply", "b.xyz": "defective/b.xyz", "c.ply": "unusable/c.ply"}
    }
    with (tmp_path / "judged/record.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows] == [line["verdict"] for line in lines]
    assert rows[0]["p_value"] == "0.5" and rows[0]["worst_x"] and not rows[2]["worst_x"]


def test_names_that_come_again_get_numbers(judged, drop, tmp_path):
    for seed in range(3):
        drop("a.ply", seed=seed)
        judged()
    drop("a.xyz")
    judged()
    assert [line["file"] for line in record(tmp_path)] == [
        *("good/a.ply", "good/a_2.ply", "good/a_3.ply", "good/a_4.xyz")
    ]
    assert all((tmp_path / "judged" / line["file"]).is_file() for line in record(tmp_path))


def test_a_file_of_the_user_is_not_replaced(judged, drop, tmp_path):
    (tmp_path / "judged/good").mkdir(parents=True)
    (tmp_path / "judged/good/a.ply").write_text("mine")
    drop("a.ply")
    judged()
    assert (tmp_path / "judged/good/a.ply").read_text() == "mine"
    assert record(tmp_path)[0]["file"] == "good/a_2.ply"


def test_scans_that_stay_are_judged_once_until_they_change(judged, drop, tmp_path, detector):
    path = drop("a.ply")
    for _ in range(2):
        judged(leave=True)
    assert detector.scored == ["a"] and path.is_file()
    drop("a.ply", seed=1, height=0.3)
    assert [one.verdict for one in judged(leave=True)] == ["defective"]
    assert len(record(tmp_path)) == 2


def test_a_kill_before_the_move_moves_only(judged, drop, tmp_path, detector, monkeypatch):
    drop("a.ply")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            judged()
    assert len(record(tmp_path)) == 1 and (tmp_path / "incoming/a.ply").is_file()
    assert judged() == []
    assert detector.scored == ["a"] and (tmp_path / "judged/good/a.ply").is_file()
    assert len(record(tmp_path)) == 1


def killed(*_, **__):
    raise KeyboardInterrupt


def test_a_kill_before_the_record_judges_again(judged, drop, tmp_path, detector, monkeypatch):
    drop("a.ply")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", killed)
        patched.setattr(Journal, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            judged()
    assert [one.scan for one in judged()] == ["a.ply"]
    assert len(record(tmp_path)) == 1 and len(list((tmp_path / "judged").rglob("*.npz"))) == 1


def test_half_a_line_of_a_killed_process_is_cut_off(judged, drop, tmp_path, detector):
    drop("a.ply")
    judged()
    with (tmp_path / "judged/record.jsonl").open("a") as file:
        file.write('{"scan": "b.ply", "na')
    drop("b.ply")
    judged()
    assert [line["scan"] for line in record(tmp_path)] == ["a.ply", "b.ply"]


def test_a_full_disk_loses_nothing(judged, drop, candidate, tmp_path, monkeypatch, capsys):
    """The write of the line fails after half of it; the file is as before, then all goes on."""
    drop("a.ply")
    real, left = os.write, [2]

    def full(file, data):
        if left[0] and b'"verdict"' in data:
            left[0] -= 1
            real(file, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(watching, "RETRY", 0.0)
    with pytest.raises(OSError, match="No space"):
        judged()
    assert record(tmp_path) == []
    folders = (tmp_path / "incoming", tmp_path / "judged")
    rounds = watch([candidate], folders[0], judged=folders[1], picture=False, settle=0.0)
    assert next(rounds).scan == "a.ply"
    rounds.close()
    assert capsys.readouterr().err.count("nothing is lost") == 1
    assert [line["file"] for line in record(tmp_path)] == ["good/a.ply"]


def test_outputs_that_cannot_be_written_are_tried_again(judged, drop, tmp_path, monkeypatch):
    drop("a.ply")

    def refuse(*_, **__):
        raise OutputError("a: cannot be written (No space left on device)")

    with monkeypatch.context() as patched:
        patched.setattr(judging, "write_outputs", refuse)
        with pytest.raises(OutputError):
            judged()
    assert record(tmp_path) == [] and (tmp_path / "incoming/a.ply").is_file()
    assert len(judged()) == 1


def test_what_no_code_expects_is_unusable(judged, drop, tmp_path, detector, monkeypatch):
    drop("a.ply")
    drop("b.ply", height=0.3)
    real = judging.judged

    def fail(detector, cloud, *, scan):
        if scan == "a.ply":
            raise IndexError("no such\nrow")
        return real(detector, cloud, scan=scan)

    monkeypatch.setattr(judging, "judged", fail)
    found = {one.scan: one for one in judged()}
    assert found["b.ply"].verdict == "defective"
    assert found["a.ply"].verdict == "unusable"
    assert "cannot be judged (IndexError: no such row)" in found["a.ply"].reason


def test_a_file_that_changes_while_it_is_judged_waits(judged, drop, tmp_path, monkeypatch):
    drop("a.ply")
    real = watching.judge_safely

    def change(candidates, path, *, scan):
        made = real(candidates, path, scan=scan)
        if not list((tmp_path / "judged").glob("good")):
            monkeypatch.setattr(watching, "judge_safely", real)
            drop("a.ply", seed=5, height=0.3)
        return made

    monkeypatch.setattr(watching, "judge_safely", change)
    assert [one.verdict for one in judged()] == ["defective"]
    assert len(record(tmp_path)) == 1


def test_a_file_is_complete_when_nobody_writes(tmp_path):
    now = [0.0]
    arrivals = Arrivals(tmp_path, settle=2.0, clock=lambda: now[0])

    def complete():
        return [each.path.name for each in arrivals.complete()]

    (tmp_path / ".hidden.ply").write_text("x")
    (tmp_path / "empty.ply").touch()
    (tmp_path / "a.ply").write_text("x")
    assert complete() == []
    now[0] = 1.9
    assert complete() == []
    (tmp_path / "a.ply").write_text("xy")
    now[0] = 2.1
    assert complete() == []
    now[0] = 4.2
    assert complete() == ["a.ply"]
    if Path("/proc/self/fdinfo").is_dir():
        with (tmp_path / "a.ply").open("ab"):
            assert complete() == []
        with (tmp_path / "a.ply").open("rb"):
            assert complete() == ["a.ply"]
    (tmp_path / "a.ply").unlink()
    assert complete() == []


def test_a_slow_writer_has_time(tmp_path, candidate):
    """A file that is no scan yet is looked at again before it is called unusable."""
    now = [0.0]
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming/a.ply").write_bytes(b"ply\n")
    arrivals = Arrivals(tmp_path / "incoming", settle=2.0, clock=lambda: now[0])
    shelves = watching.Shelves(tmp_path / "judged", tmp_path / "incoming")
    made = watching.Watch(candidates=[candidate], arrivals=arrivals, shelves=shelves)
    for now[0], verdicts in ((0, []), (3, []), (9, []), (10, ["unusable"]), (11, [])):
        assert [found.verdict for found in made.round()] == verdicts


def test_folders_that_cannot_be_used_are_one_sentence(judged, tmp_path):
    with hold(tmp_path / "judged/.lock"), pytest.raises(InputError, match="works in it"):
        judged()
    (tmp_path / "judged/record.jsonl").write_text("a letter\n")
    with pytest.raises(InputError, match="line 1 is no entry of a journal"):
        judged()
    (tmp_path / "incoming").rename(tmp_path / "away")
    with pytest.raises(InputError, match="no such folder"):
        judged()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 160 KiB, which is another one than that of ``incoming``."""
    folder = tmp_path / "judged"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("wants the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full_and_on_another_device_loses_nothing(
    judged, drop, candidate, tmp_path, small_disk, monkeypatch, capsys
):
    names = [f"{seed}.xyz" for seed in range(12)]
    for seed, name in enumerate(names):
        drop(name, seed=seed)
    contents = {name: (tmp_path / "incoming" / name).read_bytes() for name in names}
    monkeypatch.setattr(watching, "RETRY", 0.01)
    waits = []

    def make_room(seconds):
        """What the user does when the station waits: some space is freed, each time a little."""
        waits.append(seconds)
        for one in small_disk.glob("gmanet-scores/*"):
            one.unlink()
        for one in small_disk.glob("good/*"):
            moved.append(one.name)
            assert one.read_bytes() == contents[one.name]
            one.unlink()

    moved = []
    monkeypatch.setattr(watching.time, "sleep", make_room)
    found = []
    for one in watch(
        [candidate], tmp_path / "incoming", judged=small_disk, settle=0.0, picture=False
    ):
        found.append(one.scan)
        if len(found) == len(names):
            break
    assert len(waits) > 1 and sorted(found) == sorted(names)
    assert "No space left" in capsys.readouterr().err
    lines = (small_disk / "record.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["scan"] for line in lines) == sorted(names)
    kept = [path.name for path in small_disk.glob("good/*")]
    left = [path.name for path in (tmp_path / "incoming").glob("[!.]*")]
    assert sorted([*kept, *moved, *left]) == sorted(names) and len(left) <= 1
