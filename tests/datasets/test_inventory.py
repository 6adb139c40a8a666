"""What is read before the first step: every file, its size and what is to be said of it."""

from __future__ import annotations

import dataclasses
from importlib import import_module

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.datasets import inventory as module
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.inventory import entry_of, grouped, inventory, take_inventory
from gmanet.datasets.single_view import SingleView
from gmanet.datasets.units import check_sizes, foreign_sizes, robust_size
from gmanet.errors import InputError
from gmanet.formats import write_cloud

fit = import_module("gmanet.fit")


@pytest.fixture
def scans(tmp_path, bumped_plate):
    """Twelve good and two bumped scans; ``data.root``."""
    for seed in range(12):
        write_cloud(tmp_path / f"scans/good/{seed:02}.ply", bumped_plate(300, seed, height=0))
    for seed in range(2):
        write_cloud(tmp_path / f"scans/bump/{seed}.ply", bumped_plate(300, seed))
    return tmp_path / "scans"


def scaled(path, plate, factor, seed=50):
    cloud = plate(300, seed, height=0)
    write_cloud(path, cloud.replace(pos=cloud.pos * np.float32(factor), label=None))


def opened(root, **more):
    config = DataConfig(name="folder", category="", root=str(root), **more)
    return config, open_data(config, "train"), open_data(config, "test")


def inventory_of(root):
    config, train, test = opened(root)
    return inventory(config, train, test=test)


def test_every_scan_of_both_splits_has_an_entry(scans, capsys):
    config, train, test = opened(scans)
    found = inventory(config, train, test=test)
    assert [[one.name for one in found[split]] for split in ("train", "test")] == [
        train.names,
        test.names,
    ]
    assert found["train"][3] == entry_of(train[3])
    assert capsys.readouterr().err.count("note:") == 0


def test_procedural_clouds_and_other_processes_read_nothing(scans, monkeypatch):
    monkeypatch.setattr(module, "entry_of", None)
    procedural = DataConfig(name="procedural")
    train, test = (open_data(procedural, split) for split in ("train", "test"))
    assert inventory(procedural, train, test=test) == {"train": [], "test": []}
    monkeypatch.setenv("RANK", "1")
    assert inventory_of(scans) == {"train": [], "test": []}


def test_workers_that_join_late_change_nothing(scans, monkeypatch):
    _, train, _ = opened(scans)
    wanted = take_inventory(train)
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    assert take_inventory(train, processes=2) == wanted


@pytest.mark.parametrize("processes", [0, 2])
def test_a_scan_that_is_none_ends_it_in_a_sentence(scans, monkeypatch, processes):
    _, train, _ = opened(scans)
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    train.files[5].write_bytes(b"ply\nnonsense")
    with pytest.raises(InputError, match=f"{train.files[5]}: "):
        take_inventory(train, processes=processes)


def test_views_are_not_made_but_the_scans_read(scans):
    config, train, test = opened(scans, views=2)
    assert isinstance(train, SingleView)
    assert len(inventory(config, train, test=test)["train"]) == 10 == len(train) // 2


def words(root, *more):
    small = ("synthesis.twins=4", "detector.points=256", "detector.centers=64", "detector.steps=2")
    quiet = ("train.workers=0", "train.pictures=0", "wandb.mode=disabled", "name=a")
    return ("data=folder", f"data.root={root}", *small, *quiet, *more)


def refused(type_in, capsys, root):
    with pytest.raises(SystemExit) as caught:
        type_in(fit.main, *words(root))
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("file", ["bump/1.ply", "good/05.ply", "good/07.ply"])
def test_a_bad_file_is_refused_before_the_run_has_a_folder(scans, type_in, capsys, tmp_path, file):
    (scans / file).write_text("no scan at all")
    assert f"error: {scans / file}: " in refused(type_in, capsys, scans)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("factor", "units"), [(0.001, "meters"), (25.4, "inches"), (1000, "meters")]
)
def test_train_scans_in_two_units_are_refused(
    scans, type_in, capsys, bumped_plate, factor, units, tmp_path
):
    for seed in (0, 2, 6):
        scaled(scans / f"good/{seed:02}.ply", bumped_plate, factor, seed)
    said = refused(type_in, capsys, scans)
    assert "3 of 10 train scans are" in said
    assert units in said
    for seed in (0, 2, 6):
        assert f"good/{seed:02}.ply (" in said
    assert "good/01.ply" not in said
    assert not (tmp_path / "runs").exists()


def test_a_test_scan_in_another_unit_is_said(scans, bumped_plate, capsys):
    scaled(scans / "bump/0.ply", bumped_plate, 0.001)
    scaled(scans / "good/04.ply", bumped_plate, 1000)
    inventory_of(scans)
    small, large = capsys.readouterr().err.splitlines()
    assert small.startswith("note: 1 of 4 test scans are ") and "smaller" in small
    assert str(scans / "bump/0.ply") in small and "millimeters and meters" in small
    assert "larger" in large and str(scans / "good/04.ply") in large


def test_what_is_not_read_is_said_once(scans, capsys):
    (scans / "bump/a.las").write_bytes(b"something else")
    inventory_of(scans)
    assert capsys.readouterr().err.count("1 .las; bump/a.las for example") == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_size_does_not_depend_on_flying_points_or_the_pose(bumped_plate, moved, seed):
    pos = bumped_plate(2000, seed).pos
    size = robust_size(pos)
    assert robust_size(moved(pos, seed)) == pytest.approx(size, rel=0.05)
    flying = pos.copy()
    flying[np.random.default_rng(seed).permutation(2000)[:100]] *= 1e4
    assert robust_size(flying) == pytest.approx(size, rel=0.1)
    assert robust_size(pos[pos[:, 0] > np.median(pos[:, 0])]) > size / 3  # a partial view
    assert 0.5 < size / Cloud(pos).diameter < 1.1


def test_sizes_of_a_family_are_benign():
    names = [f"{number}.ply" for number in range(6)]
    check_sizes([], [])
    check_sizes([3.0], names[:1])
    check_sizes([10, 12, 14, 30, 31, 33], names)
    check_sizes([10, 30, 90, 270, 0, 0], names)  # a family of many sizes
    with pytest.raises(InputError, match=r"^3 of 6 .* 1000 times smaller .*: 1\.ply \(0\.03\), "):
        check_sizes([30, 0.03, 30, 0.03, 0.03, 30], names)
    with pytest.raises(InputError, match=r"^1 of 6 .* larger .*: 2\.ply \(999\); wanted all scans"):
        check_sizes([30, 30, 999, 30, 30, 30], names)
    assert foreign_sizes([], [1.0], places=["a"]) == []
    assert foreign_sizes([30, 90], [7, 400, 0], places=["a", "b", "c"]) == []
    assert len(foreign_sizes([30, 90], [3, 4000], places=["a", "b"])) == 2


def test_notes_of_many_scans_become_few(scans):
    _, train, _ = opened(scans)
    entries = [
        dataclasses.replace(entry, notes=(f"{number}.ply: {number + 3} points were not measured",))
        for number, entry in enumerate(take_inventory(train))
    ]
    assert grouped(entries) == ["10 scans, for example 0.ply: 3 points were not measured"]
    assert grouped(entries[:1]) == ["0.ply: 3 points were not measured"]
    many = [dataclasses.replace(entries[0], notes=tuple("abcdefghij"))]
    assert len(grouped(many)) == module.NOTES
    assert grouped(many)[-1] == "5 notes on other scans are left out here"


def test_all_broken_scans_are_named_at_once(scans):
    broken = [scans / "good" / f"{seed:02}.ply" for seed in range(1, 4)]
    for path in broken[:2]:
        path.write_bytes(b"ply\nnonsense")
    data = open_data(DataConfig(name="folder", category="", root=str(scans)), "train")
    with pytest.raises(InputError) as caught:
        take_inventory(data)
    said = str(caught.value)
    assert said.startswith(f"{broken[0]}: no line end_header")
    assert said.endswith(f"; neither can be used: {broken[1]}")
