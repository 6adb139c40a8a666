"""``python -m gmanet.prepare`` on folders of partial views."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmanet import prepare
from gmanet.cloud import Cloud
from gmanet.datasets.loaders.iec3d import IEC3D
from gmanet.formats import read_cloud, write_cloud
from gmanet.turntable import parts
from gmanet.turntable.folders import list_parts
from gmanet.turntable.fusion import Placement

TURN = Rotation.from_euler("z", 90, degrees=True).as_matrix()


def placement(trouble=""):
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, :3, :3] = TURN.T
    return Placement(
        poses=poses.tolist(),
        spacing=0.02,
        noise=0.001,
        rms_before=0.02,
        rms=0.002,
        apart=0.0005,
        overlap=0.9,
        closing=0.0,
        trouble=trouble,
    )


@pytest.fixture
def views(tmp_path, bumped_plate):
    """Three parts of two views each, the second turned by 90 degrees; ``bumped`` is labelled."""
    for seed, part in enumerate(("plain", "bumped", "askew")):
        for view in (2, 10):  # sorted as text, 10 would come first
            cloud = bumped_plate(3000, seed, 0.12 if part == "bumped" else 0.0)
            pos = cloud.pos @ TURN.T.astype(np.float32) if view == 10 else cloud.pos
            label = cloud.label if part == "bumped" else None
            write_cloud(tmp_path / f"views/{part}/view{view}.ply", Cloud(pos, label))
    return tmp_path / "views"


@pytest.fixture
def placed(monkeypatch):
    """Return the calls of registration, which is replaced by the truth, but for ``askew``."""
    calls = []

    def place(clouds, turning, angles=None, markers=None, seed=0):
        calls.append((clouds, turning, angles, markers))
        wrong = not clouds[0].pos[:, 2].max() > 0.1 and len(calls) == 1
        return placement("views view2 and view10 lie 3 apart" if wrong else "")

    monkeypatch.setattr(parts, "register_views", place)
    return calls


@pytest.fixture
def unpainted(monkeypatch):
    """Pictures, which take most of the time here, are left out."""
    monkeypatch.setattr(parts, "save_picture", lambda *_, **__: None)


def table(folder):
    with (folder / "prepare.csv").open(encoding="utf-8", newline="") as file:
        return {row["part"]: row for row in csv.DictReader(file)}


def test_views_become_a_data_set(views, placed, tmp_path, type_in, capsys):
    out = tmp_path / "out/plate"
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, views, "-o", out)
    assert caught.value.code == 1
    said = capsys.readouterr()
    assert "2 of 3 parts written" in said.out
    assert f"failed: {views / 'askew'}: views view2 and view10 lie 3 apart" in said.err
    assert [cloud.name for cloud in placed[0][0]] == ["view2", "view10"]
    lines = table(out)
    assert lines["askew"]["error"] and not lines["askew"]["file"]
    assert [lines[part]["file"] for part in ("plain", "bumped")] == [
        "train/plain.pcd",
        "test/bumped.pcd",
    ]
    assert not list(out.rglob("askew.pcd"))
    assert (out / "pictures/bumped.png").stat().st_size > 1000
    test = IEC3D(out.parent, "plate", split="test")[0]
    line = lines["bumped"]
    assert int(line["labelled_kept"]) == test.label.sum() > 50
    assert int(line["points"]) == 6000
    assert 6000 - int(line["outliers"]) - int(line["thinned"]) == len(test)
    # Both views lie on each other: the second half fills the first one's gaps and turns nothing.
    bump = test.pos[test.label]
    assert np.ptp(bump[:, :2], axis=0).max() < 0.65
    assert len(IEC3D(out.parent, "plate", split="train")) == 1


def test_a_second_run_does_the_rest_only(
    views, placed, unpainted, tmp_path, type_in, monkeypatch, capsys
):
    out = tmp_path / "out"
    for _ in range(2):
        with pytest.raises(SystemExit):
            type_in(prepare.main, views, "-o", out)
    assert len(placed) == 3  # what failed was placed, too: another cleaning may not mend it
    (out / "train/plain.pcd").unlink()
    fused = []
    real = parts.fuse
    monkeypatch.setattr(parts, "fuse", lambda *a, **k: fused.append(a[0][0].name) or real(*a, **k))
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", out)
    assert (len(placed), len(fused)) == (3, 1)
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", out, "cell=0.1")  # cleaned anew, not registered
    assert (len(placed), len(fused)) == (3, 3)
    write_cloud(views / "plain/view10.ply", read_cloud(views / "plain/view2.ply"))
    (out / "poses/bumped.json").write_text("{", encoding="utf-8")
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", out, "cell=0.2")
    assert len(placed) == 5


def test_labels_no_longer_there_leave_the_test_folder(views, placed, unpainted, tmp_path, type_in):
    out = tmp_path / "out"
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", out)
    for path in (views / "bumped").iterdir():
        write_cloud(path, read_cloud(path).replace(label=None))
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", out)
    assert not (out / "test/bumped.pcd").exists()
    assert not (out / "gt/bumped.txt").exists()
    assert (out / "train/bumped.pcd").exists()


def test_a_parts_place_is_kept(views, placed, unpainted, tmp_path, type_in):
    (tmp_path / "views/nut/good").mkdir(parents=True)
    (views / "plain").rename(tmp_path / "views/nut/good/one")
    (views / "bumped").rename(tmp_path / "views/nut/bump")
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", tmp_path / "out")
    assert (tmp_path / "out/nut/good/one.pcd").is_file()
    assert read_cloud(tmp_path / "out/nut/bump.pcd").label.any()


def test_poses_and_markers_are_read(views, placed, unpainted, tmp_path, type_in):
    """A file with poses makes a folder one of views, whatever it is called."""
    (views / "plain/poses.txt").write_text("# degrees\n0\n91.5\n", encoding="utf-8")
    (views / "bumped/poses.txt").write_text("view10 45\nview2, 5\n", encoding="utf-8")
    (views / "bumped/view2.markers").write_text("a 1 2 3\nb 4 5 6\n", encoding="utf-8")
    scans = views.rename(tmp_path / "scans")
    with pytest.raises(SystemExit):
        type_in(prepare.main, scans, "-o", tmp_path / "out", "window=20", "axis=[1,0,0]")
    said = {len(call[0]) and call[2][0] if call[2] else None: call for call in placed}
    assert set(said) == {None, 5.0, 0.0}
    assert said[0.0][2] == [0.0, 91.5]
    assert said[0.0][1].window == 20 and said[0.0][1].axis == (1.0, 0.0, 0.0)
    markers = said[5.0][3]
    assert markers[0]["b"].tolist() == [4, 5, 6] and markers[1] == {}


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("poses.txt", "1\n2\n3\n", "no angle of view view2"),
        ("poses.txt", "view2 1\n", "no angle of view view10"),
        ("poses.txt", "1\nx\n", "wanted a number"),
        ("poses.txt", "1\nnan\n", "wanted finite numbers"),
        ("view2.markers", "a 1 2\n", "wanted lines with a name and x y z"),
        ("view3.ply", "ply\nnonsense", "view3.ply"),
    ],
)
def test_a_wrong_file_fails_its_part_only(
    views, placed, unpainted, tmp_path, type_in, file, text, sentence
):
    (views / "plain" / file).write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, views, "-o", tmp_path / "out")
    assert caught.value.code == 1
    lines = table(tmp_path / "out")
    assert sentence in lines["plain"]["error"]
    assert lines["bumped"]["file"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["widow=3"], "did you mean 'window'?"),
        (["axis=[0,0]"], "wanted three numbers"),
        (["axis=up"], "wanted three numbers"),
        (["views=2"], "wanted true or false"),
        (["seed=1.5"], "wanted an integer"),
        (["window=0"], "wanted degrees"),
    ],
)
def test_a_wrong_word_is_named(views, tmp_path, type_in, capsys, words, sentence):
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, views, "-o", tmp_path / "out", *words)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_words_decide_what_a_folder_holds(views, placed, unpainted, tmp_path, type_in, capsys):
    type_in(prepare.main, views, "-o", tmp_path / "clean", "views=false")
    assert "6 of 6 scans written" in capsys.readouterr().out
    assert not placed
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", tmp_path / "clean")
    assert "is no table of this command" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit):
        type_in(prepare.main, tmp_path / "empty", "-o", tmp_path / "x", "views=true")
    assert "no partial views" in capsys.readouterr().err
    assert [str(part.name) for part in list_parts(views)] == ["askew", "bumped", "plain"]


def test_parts_and_views_that_collide_are_refused(views, plate, tmp_path, type_in, capsys):
    write_cloud(views / "train/plain/view2.ply", plate(500, 0))
    with pytest.raises(SystemExit) as caught:
        type_in(prepare.main, views, "-o", tmp_path / "out")
    assert caught.value.code == 2
    assert "may both be written to train/plain.pcd" in capsys.readouterr().err
    (views / "train/plain/view2.ply").unlink()
    write_cloud(views / "plain/view2.pcd", plate(500, 0))
    with pytest.raises(SystemExit):
        type_in(prepare.main, views, "-o", tmp_path / "out")
    assert "view2.ply: is called like" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_linked_parts_are_seen_and_outputs_are_not(views, plate, tmp_path):
    before = [part.name for part in list_parts(views)]
    write_cloud(tmp_path / "elsewhere/a.ply", plate(500, 0))
    (views / "zlinked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    write_cloud(views / "plain/gmanet-scores/a.scores.ply", plate(500, 0))
    parts_found = list_parts(views)
    assert [str(part.name) for part in parts_found] == [*map(str, before), "zlinked"]
    assert all(len(part.views) <= 2 for part in parts_found)
