"""Figures of made-up predictions against scikit-learn and by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from gmanet.evaluation.measure import FIGURES, measure
from gmanet.evaluation.predictions import Prediction
from gmanet.evaluation.tables import figures_table
from gmanet.runs.files import read_scores, write_scores


def made(name, defect, rng, known=True, size=1000, offset=0.0):
    label = np.zeros(size, dtype=bool)
    if defect not in ("good", ""):
        label[: size // 20] = True
    score = (rng.normal(size=size) + 1.5 * label + offset).round(2).astype(np.float32)
    region = np.where(label, 0, -1)
    truth = {"label": label, "region": region} if known else {}
    return Prediction(name=name, score=score, defect=defect, seconds=0.5, **truth)


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    kinds = ["good"] * 6 + ["dent"] * 4 + ["scar"] * 3
    return [
        made(f"{kind}_{i}", kind, rng, size=800 + 50 * i, offset=rng.normal(0, 0.3))
        for i, kind in enumerate(kinds)
    ]


def top(prediction, share):
    return np.sort(prediction.score)[::-1][: max(1, int(len(prediction.score) * share))].mean()


def test_figures_of_all_clouds(predictions):
    found = measure(predictions, "top")
    score = np.concatenate([p.score for p in predictions])
    label = np.concatenate([p.label for p in predictions])
    objects = [top(p, 0.005) for p in predictions]
    truth = [p.defect != "good" for p in predictions]
    assert found["point_auroc"] == pytest.approx(roc_auc_score(label, score))
    assert found["point_aupr"] == pytest.approx(average_precision_score(label, score))
    assert found["object_auroc"] == pytest.approx(roc_auc_score(truth, objects))
    assert found["object_aupr"] == pytest.approx(average_precision_score(truth, objects))
    assert 0.5 < found["point_aupro"] <= 1
    assert (found["n_clouds"], found["n_points"]) == (13, len(score))
    assert found["seconds_per_cloud"] == pytest.approx(0.5)
    assert found["objects"] == {
        p.name: pytest.approx(o, abs=1e-6) for p, o in zip(predictions, objects, strict=True)
    }


@pytest.mark.parametrize(("rule", "share"), [("max", 0.0), ("top", 0.005), ("mean", 0.015)])
def test_every_object_rule_is_stored(predictions, rule, share):
    found = measure(predictions, rule)
    truth = [p.defect != "good" for p in predictions]
    expected = roc_auc_score(truth, [top(p, share) for p in predictions])
    assert found["object_auroc"] == pytest.approx(expected)
    assert set(found["rules"]) == {"max", "top", "mean"}
    assert found["rules"][rule]["object_auroc"] == pytest.approx(expected)
    assert found["rules"] == measure(predictions, "max")["rules"]


def test_figures_of_one_kind(predictions):
    found = measure(predictions, "max")["defects"]
    assert list(found) == ["dent", "scar"]
    for kind, count in (("dent", 4), ("scar", 3)):
        among = [p for p in predictions if p.defect in (kind, "good")]
        own = [p for p in predictions if p.defect == kind]
        label, score = (np.concatenate([getattr(p, f) for p in own]) for f in ("label", "score"))
        expected = roc_auc_score([p.defect == kind for p in among], [p.score.max() for p in among])
        assert found[kind]["n_clouds"] == count
        assert found[kind]["object_auroc"] == pytest.approx(expected)
        assert found[kind]["point_auroc"] == pytest.approx(roc_auc_score(label, score))


def test_clouds_of_unknown_truth_are_scored_but_not_counted(predictions):
    rng = np.random.default_rng(1)
    unknown = made("unknown", "", rng, known=False, offset=9.0)
    without = measure(predictions, "top")
    found = measure([*predictions, unknown], "top")
    for name in FIGURES:
        assert found[name] == without[name]
    assert (found["n_clouds"], "unknown" in found["objects"]) == (14, True)
    assert list(found["defects"]) == ["dent", "scar"]


def test_a_known_kind_without_labels_counts_at_object_level_alone(predictions):
    rng = np.random.default_rng(1)
    without = measure(predictions, "max")
    found = measure([*predictions, made("x", "burr", rng, known=False, offset=-9)], "max")
    for name in FIGURES[2:]:
        assert found[name] == without[name]
    assert found["object_auroc"] < without["object_auroc"]
    assert math.isnan(found["defects"]["burr"]["point_auroc"])


def test_one_class_alone_is_no_number_and_becomes_null(predictions, tmp_path):
    found = measure([p for p in predictions if p.defect == "good"], "top")
    assert all(math.isnan(found[name]) for name in FIGURES)
    write_scores(tmp_path / "scores.json", found)
    assert read_scores(tmp_path / "scores.json")["object_auroc"] is None
    assert "-" in figures_table(read_scores(tmp_path / "scores.json")).splitlines()[2]


def test_figures_do_not_depend_on_the_order(predictions):
    one, other = measure(predictions, "top"), measure(predictions[::-1], "top")
    assert json.dumps(one["defects"]) == json.dumps(other["defects"])
    assert [one[name] for name in FIGURES] == pytest.approx([other[name] for name in FIGURES])


def test_the_table_shows_what_was_measured(predictions):
    found = measure(predictions, "top")
    lines = figures_table(found).splitlines()
    assert lines[2].split() == ["all", "13", *(f"{found[name]:.3f}" for name in FIGURES)]
    assert [line.split()[0] for line in lines[3:]] == ["dent", "scar"]


def test_the_detectors_own_object_score_counts_where_it_is_stored():
    truth = ["good", "good", "dent", "dent"]
    flat = np.zeros(10, dtype=np.float32)
    clouds = [
        Prediction(name=f"{place}", score=flat, defect=kind, whole=float(place))
        for place, kind in enumerate(truth)
    ]
    figures = measure(clouds, "max")
    assert figures["object_auroc"] == 1.0
    assert figures["rules"]["max"]["object_auroc"] == 0.5


def test_similar_kinds_stand_together_and_against_the_good_ones(predictions):
    figures = measure(predictions, "mean", similar=("dent", "bulge"))
    assert figures["groups"] == {
        "similar": figures["defects"]["dent"],
        "other": figures["defects"]["scar"],
    }
    both = measure(predictions, "mean", similar=("dent", "scar"))["groups"]
    assert list(both) == ["similar"]
    assert both["similar"]["n_clouds"] == 7
    for name in ("object_auroc", "object_aupr"):
        assert both["similar"][name] == figures[name]
    assert "groups" not in measure(predictions, "mean")
