"""Figures of rescans, by hand: AUROC within a kind, and the two rates at the clean limit."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gmanet.evaluation.measure import measure
from gmanet.evaluation.predictions import Prediction
from gmanet.evaluation.rescans import clean_limit
from gmanet.evaluation.results import Result
from gmanet.evaluation.stored_results import csv_table, read_table
from gmanet.evaluation.tables import figures_table, rescan_table
from gmanet.runs.files import read_scores, write_scores

SCORES = {
    "clean": ([0.1, 0.2, 0.4], [0.5, 0.3]),
    "half": ([0.3, 0.5, 0.4], [0.9, 0.41]),
    "noise2": ([2.0, 2.1, 2.2], [2.3, 2.4]),
}
KINDS = list(SCORES)


def scored(name, defect, value):
    score = np.full(8, 0.0, np.float32)
    return Prediction(name=name, score=score, defect=defect, seconds=0.1, whole=value)


def predictions(scores=SCORES):
    return [
        scored(f"{defect}_{index}.{kind}", defect, value)
        for kind, groups in scores.items()
        for defect, values in zip(("good", "dent"), groups, strict=True)
        for index, value in enumerate(values)
    ]


def test_the_limit_is_the_highest_clean_good_score():
    assert clean_limit(np.array([0.1, 0.4, 0.2])) == 0.4
    assert math.isnan(clean_limit(np.array([])))


def test_figures_of_each_kind():
    found = measure(predictions(), "max", rescans=KINDS)["rescans"]
    assert list(found) == KINDS
    counts = {"limit": 0.4, "n_good": 3, "n_defective": 2}
    assert found["clean"] == pytest.approx(
        {"object_auroc": 5 / 6, "false_alarms": 0.0, "finds": 0.5, **counts}
    )
    assert found["half"] == pytest.approx(
        {"object_auroc": 5 / 6, "false_alarms": 1 / 3, "finds": 1.0, **counts}
    )
    assert found["noise2"] == pytest.approx(
        {"object_auroc": 1.0, "false_alarms": 1.0, "finds": 1.0, **counts}
    )


def test_the_figures_of_a_run_with_rescans_are_those_of_the_clean_scans():
    assert measure(predictions(), "max", rescans=["half", "noise2"])["n_clouds"] == 15
    pooled, found = measure(predictions(), "max"), measure(predictions(), "max", rescans=KINDS)
    alone = measure(predictions({"clean": SCORES["clean"]}), "max")
    own = [key for key in alone if key != "objects"]
    assert str({key: found[key] for key in own}) == str({key: alone[key] for key in own})
    assert (found["n_clouds"], found["object_auroc"]) == (5, pytest.approx(5 / 6))
    assert pooled["object_auroc"] != pytest.approx(5 / 6)
    assert found["objects"] == pooled["objects"]
    assert figures_table(found).splitlines()[2].split()[:3] == ["clean", "5", "0.833"]
    assert figures_table(pooled).splitlines()[2].split()[:2] == ["all", "15"]


def test_without_rescans_and_without_clean_scans(tmp_path):
    assert "rescans" not in measure(predictions(), "max")
    only = {kind: SCORES[kind] for kind in ("half", "noise2")}
    figures = measure(predictions(only), "max", rescans=list(only))
    assert figures["rescans"]["half"]["object_auroc"] == pytest.approx(5 / 6)
    assert math.isnan(figures["rescans"]["half"]["false_alarms"])
    write_scores(tmp_path / "scores.json", figures)
    stored = read_scores(tmp_path / "scores.json")["rescans"]["half"]
    assert (stored["limit"], stored["finds"]) == (None, None)
    assert "| a | 0.833 / - / - |" in rescan_table(
        [Result(row="a", category="nut", seed=0, figures={"rescans": {"half": stored}})]
    )


def test_scans_of_unknown_truth_do_not_count():
    unknown = scored("x.half", "", 9.0)
    with_unknown = measure([*predictions(), unknown], "max", rescans=KINDS)
    assert with_unknown["rescans"] == measure(predictions(), "max", rescans=KINDS)["rescans"]


def run(row, category, **kinds):
    names = ("object_auroc", "false_alarms", "finds")
    rescans = {kind: dict(zip(names, values, strict=True)) for kind, values in kinds.items()}
    return Result(
        row=row,
        category=category,
        seed=0,
        figures={"rescans": rescans},
        overrides=f"{row}{category}",
    )


RUNS = [
    run("a", "nut", clean=(0.9, 0.0, 0.5), half=(0.8, 0.5, 1.0)),
    run("a", "ring", clean=(0.7, 0.0, 1.0), half=(0.6, 0.25, 0.5)),
    run("b", "nut", half=(0.7, 1.0, 1.0), clean=(0.9, 0.0, 0.1)),
]


def test_rows_meet_kinds_in_the_table():
    lines = rescan_table(RUNS).splitlines()
    assert lines[0].endswith("finds at the clean limit | clean | half |")
    assert lines[2] == "| a | **0.800** / 0 % / 75 % | **0.700** / 38 % / 75 % |"
    assert lines[3] == "| b | 0.900 (some) / 0 % / 10 % | 0.700 (some) / 100 % / 100 % |"
    assert rescan_table([Result(row="a", category="nut", seed=0, figures={})]) == ""


def test_the_stored_table_keeps_them(tmp_path):
    path = tmp_path / "stored.csv"
    path.write_text(csv_table(RUNS), encoding="utf-8")
    stored = list(read_table(path).values())
    assert [one.figures["rescans"] for one in stored] == [one.figures["rescans"] for one in RUNS]
    assert rescan_table(stored) == rescan_table(RUNS)
    path.write_text(csv_table([Result(row="a", category="nut", seed=0, figures={})]), "utf-8")
    assert "rescan" not in path.read_text(encoding="utf-8")
    assert "rescans" not in next(iter(read_table(path).values())).figures


def test_the_printed_figures_have_a_line_per_kind():
    printed = figures_table(measure(predictions(), "max", rescans=KINDS))
    assert printed.splitlines()[-2].split() == ["half", "5", "0.833", "0.333", "1.000"]
    assert json.loads(json.dumps(measure(predictions(), "max", rescans=KINDS)["rescans"]))
