"""The report of finished runs: tables, labels and a picture that stays below a megabyte."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from gmanet import report
from gmanet.config.compose import compose
from gmanet.datasets.catalog import open_data
from gmanet.evaluation.predictions import Prediction
from gmanet.runs import report as written
from gmanet.runs.experiment import read_experiment
from gmanet.runs.folder import Run
from gmanet.runtime.provenance import provenance

FILE = """
about: A test.
set: {data.profile: tiny, data.category: washer}
rows:
  Truth: [detector=curvature]
  M3DM (PointMAE): [detector=m3dm]
grid: {seed: [0]}
"""


@pytest.fixture
def finished(tmp_path, type_in):
    """Return an experiment file whose two runs look finished."""
    path = tmp_path / "two.yaml"
    path.write_text(FILE, encoding="utf-8")
    for cell in read_experiment(path, Run.root()).cells:
        config = compose(cell.overrides)
        run = Run.create(config, overrides=cell.overrides)
        for cloud in open_data(config.data, "test"):
            score = cloud.label.astype(np.float32)
            Prediction(
                name=cloud.name, score=score, label=cloud.label, region=None, defect=cloud.defect
            ).save(run.predictions)
        run.detector_file.touch()
        defects = {"scar": {"object_auroc": 0.5}}
        run.write_scores({"object_auroc": 0.75, "defects": defects})
    return path


def test_a_report_has_tables_labels_and_a_small_picture(finished, tmp_path, type_in):
    type_in(report.main, finished, "-o", tmp_path / "out")
    page = (tmp_path / "out/two.md").read_text(encoding="utf-8")
    assert "| M3DM (PointMAE, self-pretrained) | **0.750** |" in page
    assert "| object AUROC by defect | scar |" in page
    assert "![](two.png)" in page
    drawn = tmp_path / "out/two.png"
    assert drawn.stat().st_size < 1e6
    image = np.asarray(Image.open(drawn).convert("RGB")).astype(int)
    third = (image.shape[1] - 44 - 110) // 3
    for column in range(3):  # the truth in red, and a dark red where the scores show it
        panel = image[96:, 44 + column * third : 44 + (column + 1) * third]
        assert ((panel[..., 0] - panel[..., 1]) > 60).sum() > 5


def test_scans_of_others_are_drawn_only_where_asked(finished, tmp_path, type_in, monkeypatch):
    drawn = []
    monkeypatch.setattr(written, "draw_grid", lambda path, runs: drawn.append((path, runs)))
    real = written.Scored

    def foreign(row, data, predictions):
        data.name = "folder"
        return real(row=row, data=data, predictions=predictions)

    monkeypatch.setattr(written, "Scored", foreign)
    type_in(report.main, finished, "-o", tmp_path / "out")
    type_in(report.main, finished, "-o", tmp_path / "out", "--pictures", tmp_path / "own")
    assert drawn[0] == (tmp_path / "out/two.png", [])
    assert drawn[1][0] == tmp_path / "own/two.png"
    assert len(drawn[1][1]) == 2


def test_a_commit_with_other_files_stays_marked(finished, tmp_path, type_in):
    commits = ["0123456789abcdef" * 2 + "-dirty", "fedcba9876543210" * 2]
    for cell, commit in zip(read_experiment(finished, Run.root()).cells, commits, strict=True):
        record = yaml.safe_load(cell.run.config_file.read_text(encoding="utf-8"))
        record["commit"] = commit
        cell.run.config_file.write_text(yaml.safe_dump(record), encoding="utf-8")
    type_in(report.main, finished, "-o", tmp_path / "out")
    lines = (tmp_path / "out/two.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[-2] for line in lines[1:]] == ["0123456789-dirty", "fedcba9876"]


def test_the_page_of_a_script_marks_its_commit(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "experiments")
    page = importlib.import_module("page")
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["trial.py"])
    page.write_page("About.", [], provenance([]) | {"commit": "a" * 40 + "-dirty"})
    assert "commit aaaaaaaaaa-dirty." in (tmp_path / "trial.md").read_text(encoding="utf-8")


def test_runs_whose_folders_are_gone_are_kept_where_asked(finished, tmp_path, type_in):
    out = ("-o", tmp_path / "out")
    type_in(report.main, finished, *out)
    before = (tmp_path / "out/two.csv").read_text(encoding="utf-8")
    shutil.rmtree(read_experiment(finished, Run.root()).cells[0].run.folder)
    picture = (tmp_path / "out/two.png").read_bytes()
    type_in(report.main, finished, *out, "--keep")
    assert (tmp_path / "out/two.png").read_bytes() == picture
    page = (tmp_path / "out/two.md").read_text(encoding="utf-8")
    assert (tmp_path / "out/two.csv").read_text(encoding="utf-8") == before
    assert "1 runs are kept from the table before." in page
    assert "- Truth: `data.profile=tiny" in page
    type_in(report.main, finished, *out)
    page = (tmp_path / "out/two.md").read_text(encoding="utf-8")
    assert "Truth" not in page
    assert "**1 of 2 runs are missing.**" in page


def test_stored_lines_of_an_older_version_are_kept(finished, tmp_path, type_in):
    text = finished.read_text(encoding="utf-8")
    extra = "detector=curvature, detector.neighbors=3, detector.bank=900"
    finished.write_text(text.replace("detector=curvature", extra), encoding="utf-8")
    cell = read_experiment(finished, Run.root()).cells[0]
    shutil.rmtree(cell.run.folder)
    run = Run.create(compose(cell.overrides), overrides=cell.overrides)
    run.detector_file.touch()
    run.write_scores({"object_auroc": 0.625})
    out = ("-o", tmp_path / "out")
    type_in(report.main, finished, *out)
    table = tmp_path / "out/two.csv"
    now = table.read_text(encoding="utf-8")
    assert "detector.bank_size=900 detector.neighbors=3" in now
    # an older version sorted by its own names, which may be another order
    before = now.replace("overrides", "words").replace(
        "detector.bank_size=900 detector.neighbors=3", "detector.neighbors=3 detector.bank=900"
    )
    table.write_text(before, encoding="utf-8")
    shutil.rmtree(run.folder)
    type_in(report.main, finished, *out, "--keep")
    assert table.read_text(encoding="utf-8") == now
