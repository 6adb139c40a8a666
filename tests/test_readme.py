"""What the two READMEs show is what is stored: tables row by row, and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gmanet.evaluation.kept import read_table
from gmanet.evaluation.tables import TITLES

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "experiments/README.md")


def tables(text):
    """Yield the header of each Markdown table and its rows, as lists of cells."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [line.strip("|").split("|") for line in block.splitlines()]
        yield [cell.strip() for cell in head], [[cell.strip() for cell in row] for row in rows]


def means(path):
    """Yield the figures of each row of a page's tables of means: name of the figure to its cell."""
    for head, rows in tables(path.read_text("utf-8")):
        wanted = [column for column, name in enumerate(head) if name in TITLES.values()]
        for row in rows:
            if any(row[column] for column in wanted):
                yield {head[column]: row[column].replace("**", "") for column in wanted}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8"))
    assert links
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


def test_figures_in_tables_are_stored_ones():
    folder = ROOT / "experiments" / "results"
    stored = [row for page in folder.rglob("*.md") for row in means(page)]
    runs = [result.figures for result in read_table(folder / "main.csv").values()]
    stored += [{title: f"{run[name]:.3f}" for name, title in TITLES.items()} for run in runs]
    shown = list(means(ROOT / "README.md"))
    assert len(shown) > 20
    for row in shown:
        assert any(row.items() <= kept.items() for kept in stored), row


def test_every_experiment_and_every_stored_page_is_listed():
    listed = (ROOT / "experiments" / "README.md").read_text("utf-8")
    files = {path.name for path in (ROOT / "experiments").glob("*.yaml")}
    pages = (ROOT / "experiments" / "results").rglob("*.md")
    files |= {str(page.relative_to(ROOT / "experiments")) for page in pages}
    assert not sorted(name for name in files if f"({name})" not in listed)
