"""The CSV file of an experiment's runs gives back what was put in."""

from __future__ import annotations

import pytest

from gmanet.errors import InputError
from gmanet.evaluation.results import Result
from gmanet.evaluation.stored_results import csv_table, read_table
from gmanet.evaluation.tables import defect_table, markdown_table


def result(row, seed, figures, **more):
    return Result(row=row, category="nut", seed=seed, figures=figures, **more)


def runs():
    scar = {"scar": {"object_auroc": 0.25}}
    first = {"object_auroc": 0.5, "point_aupr": 0.125, "n_clouds": 50, "defects": scar}
    return [
        result("a, b", 0, first, commit="c0", overrides="detector=a data.category=nut"),
        result("b", 1, {"object_auroc": 0.75}, commit="c1", overrides="detector=b seed=1"),
    ]


def test_a_run_is_a_line_and_unknown_figures_are_empty():
    lines = csv_table(runs()).splitlines()
    assert len(lines) == 3
    assert lines[1].startswith('"a, b",nut,0,0.5,,')
    assert lines[1].endswith("0.25,c0,detector=a data.category=nut")


def test_a_table_read_again_makes_the_same_pages(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(csv_table(runs()), encoding="utf-8")
    again = read_table(path)
    assert list(again) == [run.overrides for run in runs()]
    back = list(again.values())
    assert csv_table(back) == csv_table(runs())
    assert markdown_table(back) == markdown_table(runs())
    assert defect_table(back) == defect_table(runs())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("commit", "comment"), "no column 'commit'"),
        (lambda text: text.replace("0.125", "good"), "line 2: .*wanted numbers"),
        (lambda text: "", "no column"),
    ],
)
def test_another_file_is_named(tmp_path, change, sentence):
    path = tmp_path / "runs.csv"
    path.write_text(change(csv_table(runs())), encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        read_table(path)
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "other.csv")
