"""The overviews say how many runs of an experiment are stored."""

from __future__ import annotations

from gmanet.evaluation.overview import Stored, index_table, overview_page
from gmanet.evaluation.results import Result


def entry(results):
    return Stored(
        title="Two parts",
        source="two.yaml",
        command="python -m gmanet.benchmark experiments/two.yaml",
        page="results/two.md",
        runs=2,
        results=results,
    )


def result(category):
    figures = {"object_auroc": 0.5, "point_aupr": 0.25}
    return Result(row="a", category=category, seed=0, figures=figures)


def test_an_experiment_whose_runs_are_not_all_stored_says_so():
    some, whole = entry([result("nut")]), entry([result("nut"), result("bolt")])
    assert "| 1 of 2 |" in index_table([some]) and "| 2 |" in index_table([whole])
    assert "**Stored: 1 of 2 runs.**" in overview_page([some])
    assert "**Stored:" not in overview_page([whole])
