"""Tables: means over categories, then deviation over seeds; the best is bold."""

import math

from gmanet.evaluation.results import Result
from gmanet.evaluation.tables import (
    defect_table,
    figures_table,
    group_table,
    markdown_table,
)


def result(row, category, seed, figures, paper=()):
    return Result(row=row, category=category, seed=seed, figures=figures, published=dict(paper))


def results():
    values = {
        ("a", "nut", 0): 0.9,
        ("a", "nut", 1): 0.7,
        ("a", "ring", 0): 0.5,
        ("a", "ring", 1): 0.7,
        ("b", "nut", 0): 0.6,
        ("b", "ring", 0): 0.4,
    }
    return [result(*key, {"object_auroc": value}) for key, value in values.items()]


def test_the_mean_is_over_categories_first_and_the_best_is_bold():
    table = markdown_table(results(), ["object_auroc"])
    assert "| a | **0.700 ± 0.000** |" in table
    assert "| b | 0.500 |" in table  # one seed: no deviation is claimed
    assert "| nut | **0.800 ± 0.141** / - | 0.600 / - |" in table
    assert "| mean | **0.700 ± 0.000** / - | 0.500 / - |" in table


def test_the_paper_stands_beside_ours_and_a_partial_mean_is_never_best():
    def run(row, category, auroc, aupr, paper=()):
        names = ("object_auroc", "object_aupr")
        figures = dict(zip(names, (auroc, aupr), strict=True))
        return result(row, category, 0, figures, dict(zip(names, paper, strict=False)))

    table = markdown_table(
        [
            run("a", "KNut", 0.9, 0.3, (0.7942, 0.676)),
            run("a", "Washer", 0.7, 0.9, (0.9511,)),
            run("b", "KNut", 0.95, 0.2),
        ],
        ["object_auroc"],
    )
    assert "| KNut | 0.900 / **0.300** (paper: 0.794 / 0.676) | **0.950** / 0.200 |" in table
    assert (
        "| mean | **0.800** / **0.600** (paper: 0.873 / -) | 0.950 (some) / 0.200 (some) |" in table
    )
    assert "| b | 0.950 (some) |" in table
    assert "some categories are missing" in table


def test_defects_are_averaged_over_the_categories_that_have_them():
    def run(row, category, **kinds):
        defects = {kind: {"object_auroc": value} for kind, value in kinds.items()}
        return result(row, category, 0, {"defects": defects})

    runs = [
        run("a", "nut", dent=0.5, scar=1.0),
        run("a", "ring", dent=0.7),
        run("b", "nut", dent=1),
    ]
    lines = defect_table([*runs, run("b", "ring", dent=0.2)]).splitlines()
    assert lines[0] == "| object AUROC by defect | dent | scar |"
    assert lines[2:] == ["| a | **0.600** | **1.000** |", "| b | **0.600** | - |"]
    assert defect_table([result("a", "nut", 0, {})]) == ""


def test_the_printed_table_shows_unknown_figures_as_dashes():
    figures = {"n_clouds": 2, "object_auroc": 0.5, "point_auroc": math.nan, "defects": {}}
    last = figures_table(figures).splitlines()[-1]
    assert last.split() == ["all", "2", "0.500", "-", "-", "-", "-"]


def test_similar_and_other_kinds_are_averaged_over_the_categories_that_have_them():
    def run(category, whole, **groups):
        figures = {name: {"object_auroc": value} for name, value in groups.items()}
        return result("a", category, 0, {"object_auroc": whole, "groups": figures})

    lines = group_table([run("cup", 0.6, similar=0.5, other=0.7), run("cap", 0.8, similar=0.9)])
    assert lines.splitlines()[2:] == [
        "| a, similar kinds | 0.700 | - | - | - |",
        "| a, other kinds | 0.700 | - | - | - |",
        "| a, all kinds | 0.700 | - | - | - |",
    ]
    assert group_table(results()) == ""
