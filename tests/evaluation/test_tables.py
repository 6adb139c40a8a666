"""Tables: means over categories, then deviation over seeds; the best is bold."""

import math

from gmanet.evaluation.tables import Result, csv_table, figures_table, markdown_table


def results():
    values = {
        ("a", "nut", 0): 0.9,
        ("a", "nut", 1): 0.7,
        ("a", "ring", 0): 0.5,
        ("a", "ring", 1): 0.7,
        ("b", "nut", 0): 0.6,
        ("b", "ring", 0): 0.4,
    }
    return [Result(*key, {"object_auroc": value}) for key, value in values.items()]


def test_the_mean_is_over_categories_first_and_the_best_is_bold():
    table = markdown_table(results(), ["object_auroc"])
    assert "| a | **0.700 ± 0.000** |" in table
    assert "| b | 0.500 |" in table  # one seed: no deviation is claimed
    assert "| nut | **0.800** | 0.600 |" in table


def test_csv_has_a_line_per_run_and_leaves_unknown_figures_empty():
    lines = csv_table(results()).splitlines()
    assert len(lines) == 7
    assert lines[1].startswith('"a",nut,0,0.9,,')


def test_the_printed_table_shows_unknown_figures_as_dashes():
    figures = {"n_clouds": 2, "object_auroc": 0.5, "point_auroc": math.nan, "defects": {}}
    last = figures_table(figures).splitlines()[-1]
    assert last.split() == ["all", "2", "0.500", "-", "-", "-", "-"]
