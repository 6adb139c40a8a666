"""Table IX's experiment: what has no data is left out in a sentence, and the rest is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from gmanet import benchmark, report
from gmanet.runs import processes
from gmanet.runs.availability import with_data
from gmanet.runs.experiment import read_experiment

FILE = Path(__file__).parents[2] / "experiments" / "other_datasets.yaml"
ROOTS = ("REAL3D_ROOT", "SHAPENET_ROOT")
SHORT = ("detector.steps=2", "detector.points=512", "detector.centers=64")
SHORT += ("synthesis.twins=4", "train.pictures=0")


@pytest.fixture
def nothing_set(monkeypatch, tmp_path):
    """Nobody has said where data sets are, and none is at its usual place."""
    for name in ROOTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(FILE.parents[1]))  # of the runs that are started here


def test_with_no_data_set_one_sentence_says_what_to_set(nothing_set, type_in, capsys):
    with pytest.raises(SystemExit):
        type_in(benchmark.main, FILE)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: none of the data sets is at hand: set REAL3D_ROOT to the folder")
    assert "set SHAPENET_ROOT to the folder of Anomaly-ShapeNet, Li et al. 2024: GitHub" in said


def test_what_has_no_data_is_left_out(nothing_set, monkeypatch, tmp_path):
    cells = read_experiment(FILE, tmp_path).cells
    monkeypatch.setenv("SHAPENET_ROOT", str(tmp_path))
    kept, lacking = with_data(cells, [])
    assert {cell.row for cell in kept} == {"GMANet (Anomaly-ShapeNet)"}
    assert len(kept) == 40
    assert len(lacking) == 1
    assert lacking[0].startswith("set REAL3D_ROOT to the folder of Real3D-AD")
    monkeypatch.setenv("REAL3D_ROOT", str(tmp_path))
    assert with_data(cells, []) == (cells, [])


def test_a_folder_that_was_named_has_to_be_there(
    nothing_set, monkeypatch, tmp_path, type_in, capsys
):
    monkeypatch.setenv("SHAPENET_ROOT", str(tmp_path))
    monkeypatch.setenv("REAL3D_ROOT", str(tmp_path / "gone"))
    with pytest.raises(SystemExit):
        type_in(benchmark.main, FILE)
    assert "gone: no such folder, wanted <category>/train" in capsys.readouterr().err
    monkeypatch.delenv("REAL3D_ROOT")
    with pytest.raises(SystemExit):
        type_in(benchmark.main, FILE, "data.root=away")
    assert "away: no such folder, wanted" in capsys.readouterr().err


def test_real3d_is_cut_into_views_unless_told_otherwise(nothing_set, tmp_path):
    from gmanet.config.compose import compose

    rows = {
        cell.row: compose(cell.overrides).data for cell in read_experiment(FILE, tmp_path).cells
    }
    assert {row: data.views for row, data in rows.items()} == {
        "GMANet (Real3D-AD)": 6,
        "GMANet (Real3D-AD, whole train clouds)": 0,
        "GMANet (Anomaly-ShapeNet)": 0,
    }


@pytest.mark.slow
def test_table_9_of_two_imitations(nothing_set, monkeypatch, tmp_path, type_in):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "datasets")
    imitations = __import__("imitations")
    parts = {}
    for name, variable in zip(("real3d", "shapenet"), ROOTS, strict=True):
        parts[f"data={name}"] = imitations.WRITERS[name](tmp_path / name)[0]
        monkeypatch.setenv(variable, str(tmp_path / name))
    said = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for row in said["rows"].values():
        row["grid"]["data.category"] = [parts[row["overrides"][0]]]
    path = tmp_path / FILE.name
    path.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
    monkeypatch.setattr(processes, "FIT", (sys.executable, "-m", "gmanet.fit"))
    type_in(benchmark.main, path, *SHORT)
    type_in(report.main, path, "-o", tmp_path / "out")
    page = (tmp_path / "out/other_datasets.md").read_text(encoding="utf-8")
    first, _, second = page.partition("## shapenet")
    assert "## real3d" in first
    for row in ("GMANet (Real3D-AD)", "GMANet (Real3D-AD, whole train clouds)"):
        assert f"| {row} | " in first
    for group in ("similar", "other", "all"):
        assert f"| GMANet (Anomaly-ShapeNet), {group} kinds | " in second
    assert "bulge | crack | sink" in second
    assert "(some)" not in page
    assert "missing" not in page.partition("Measured")[2]
