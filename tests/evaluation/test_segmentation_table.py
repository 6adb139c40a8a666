"""Table X: means over seeds, above the figures of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.evaluation.measure import measure
from gmanet.evaluation.paper_figures import published_segmentation
from gmanet.evaluation.predictions import Prediction
from gmanet.evaluation.results import Result
from gmanet.evaluation.segmentation_table import segmentation_table
from gmanet.evaluation.stored_results import csv_table, read_table
from gmanet.evaluation.tables import figures_table
from gmanet.metrics.segmentation import SEGMENTATION


def result(row, seed, iou, **more):
    figures = dict.fromkeys(SEGMENTATION, 0.5) | {"iou_abnormal": iou}
    figures["defects"] = {"scar": {"iou_abnormal": iou / 2}}
    return Result(**{"row": row, "category": "all", "seed": seed, "figures": figures, **more})


def test_rows_stand_above_those_of_the_paper(tmp_path):
    runs = [
        result("SpUNet", 0, 0.6, overrides="a"),
        result("SpUNet", 1, 0.8, overrides="b"),
        result("Mine", 0, 0.9, overrides="c"),
    ]
    first, second = segmentation_table(runs).split("\n\n")
    lines = first.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "SpUNet",
        "SpUNet, the paper on IEC3D-AD",
        "Mine",
    ]
    assert "0.700 ± 0.141" in lines[2] and "0.768 | 0.817" in lines[3] and "**0.900**" in lines[4]
    assert "| SpUNet | 0.350 ± 0.071 |" in second
    path = tmp_path / "runs.csv"
    path.write_text(csv_table(runs), encoding="utf-8")
    assert segmentation_table(list(read_table(path).values())) == segmentation_table(runs)


def test_other_runs_have_no_such_table():
    plain = Result(row="a", category="nut", seed=0, figures={"object_auroc": 0.5})
    assert segmentation_table([plain]) == ""
    assert "iou_abnormal" not in csv_table([plain])


def test_figures_of_the_paper_are_consistent():
    """Means over the classes are those of the two classes, but for rounding and one misprint."""
    for name in ("PointNet++ SSG", "PointNet++ MSG", "SpUNet", "PTv1", "OctFormer", "OA-CNNs"):
        paper = published_segmentation(f"{name} (small)")
        both = (paper["iou_normal"] + paper["iou_abnormal"]) / 2
        assert paper["miou"] == pytest.approx(both, abs=2e-4), name
    assert published_segmentation("BTF") == {}


def test_points_above_a_half_are_abnormal():
    score = np.float32([0.1, 0.5, 0.6, 0.9])
    label = np.array([False, True, True, False])
    cloud = Prediction(
        name="a", score=score, label=label, region=np.array([-1, 0, 0, -1]), defect="scar"
    )
    found = measure([cloud], "top", segmented=True)
    assert found["iou_abnormal"] == pytest.approx(1 / 3)
    assert found["defects"]["scar"]["accuracy_normal"] == 0.5
    assert "abnormal IoU" in figures_table(found)
    assert "miou" not in measure([cloud], "top")
