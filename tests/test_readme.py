"""What the pages show is what is stored: tables, figures in paragraphs, links and the index."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gmanet import report
from gmanet.errors import InputError
from gmanet.evaluation.stored_results import read_table
from gmanet.evaluation.tables import TITLES
from gmanet.runs import index

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results"
GMANET = "data.category=washer seed=0"
"""Overrides of a run of GMANet in the main table."""
PAGES = ["README.md", "experiments/README.md"]
PAGES += sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
NUMBER = re.compile(r"(?<![\w.])(\d*\.\d+)(?![\w.]*\w)( ?%)?")


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


def links(text):
    return re.findall(r"\]\(([^)#:]+)\)", text)


def cited(page):
    """Yield each paragraph or list of a page that cites stored pages, and the text of these."""
    for paragraph in re.split(r"\n\s*\n", page.read_text("utf-8")):
        stored = [(page.parent / link).resolve() for link in links(paragraph)]
        stored = [path for path in stored if path.is_relative_to(RESULTS) and path.suffix == ".md"]
        if stored and not paragraph.startswith("|"):
            yield paragraph, "\n".join(path.read_text("utf-8") for path in stored)


def unknown(paragraph, stored):
    """Return the decimal figures of a paragraph that are no rounded figures of the stored text.

    Figures of a single category count only where the paragraph names it.
    """
    lines = [line for line in stored.splitlines() if _concerns(line, paragraph.lower())]
    values = [float(value) for value in re.findall(r"\d*\.?\d+(?:e-?\d+)?", "\n".join(lines))]
    shown = re.sub(r"\]\([^)]*\)|`[^`]*`", "", paragraph)
    return [
        figure
        for figure, percent in NUMBER.findall(shown)
        if not any(_rounds(value * (100 if percent else 1), figure) for value in values)
        and not any(_rounds(value, figure) for value in values)
    ]


def _concerns(line, paragraph):
    category = re.match(r"\| ([a-z_]+)(?:, seed \d)? \|.* / ", line)
    if not category or category[1] == "mean":
        return True
    return category[1] in paragraph or category[1].replace("_", " ") in paragraph


def _rounds(value, figure):
    digits = len(figure.partition(".")[2])
    return abs(value - float(figure)) <= 0.5 * 10**-digits + 1e-9


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    found = links((ROOT / page).read_text("utf-8"))
    missing = [link for link in found if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


def test_figures_in_tables_are_stored_ones():
    stored = [row for page in RESULTS.rglob("*.md") for row in means(page)]
    runs = [result.figures for result in read_table(RESULTS / "main.csv").values()]
    stored += [{title: f"{run[name]:.3f}" for name, title in TITLES.items()} for run in runs]
    shown = [row for page in PAGES if page != "experiments/README.md" for row in means(ROOT / page)]
    assert len(shown) > 100
    for row in shown:
        assert any(row.items() <= kept.items() for kept in stored), row


@pytest.mark.parametrize("page", PAGES)
def test_figures_in_paragraphs_are_stored_ones(page):
    wrong = {text[:60]: unknown(text, stored) for text, stored in cited(ROOT / page)}
    assert not {start: figures for start, figures in wrong.items() if figures}


OLD = re.compile(r"\b(old|older|before)\b", re.IGNORECASE)


def unsaid(page, older):
    """Return the paragraphs with figures of an older GMANet that do not say so."""
    found = []
    for paragraph in re.split(r"\n\s*\n", page.read_text("utf-8")):
        cites = {(page.parent / link).resolve() for link in links(paragraph)} & older
        cites = {path for path in cites if "GMANet" in paragraph or _of_a_script(path)}
        shown = re.sub(r"\]\([^)]*\)|`[^`]*`", "", paragraph)
        if cites and re.search(r"\d", shown) and not OLD.search(shown):
            found.append(paragraph)
    return [text for text in found if not text.startswith("|")]


def _of_a_script(page):
    return not page.with_suffix(".csv").is_file()


def older_pages():
    """Return the stored pages whose figures of GMANet are all of an older version."""
    entries = index.read_stored(ROOT / "experiments")
    return {
        (ROOT / "experiments" / entry.page).resolve()
        for entry in entries
        if entry.page and entry.stale
    }


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/results.md"])
def test_paragraphs_say_which_figures_are_of_an_older_gmanet(page):
    assert not [text[:80] for text in unsaid(ROOT / page, older_pages())]


def test_a_paragraph_that_hides_the_age_of_a_figure_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "GMANet reaches .993 ([main](main.md)).\n\nIt finds 12 of 15, GMANet ([main](main.md)).\n"
    )
    assert len(unsaid(page, {(tmp_path / "main.md").resolve()})) == 2
    assert not unsaid(page, set())


def test_a_commit_of_today_makes_a_table_current(checkout):
    file = checkout / "experiments/results/current.yaml"
    text = file.read_text("utf-8")

    def stale(commits):
        chosen = f"commits: [{', '.join(sorted(commits))}]\n"
        file.write_text(re.sub(r"^commits:\n.*", chosen, text, flags=re.M | re.S), "utf-8")
        return {entry.page: entry for entry in index.read_stored(checkout / "experiments")}

    found = stale([])
    names = ("few_threads", "main", "verdicts", "controls")
    assert [found[f"results/{name}.md"].stale for name in names] == ["GMANet"] * 4
    others = ("fricp", "paper", "turntable_poses", "supervised")
    assert not any(found[f"results/{name}.md"].stale for name in others)
    commits = {run.commit for run in read_table(RESULTS / "few_threads.csv").values()}
    commits |= {read_table(RESULTS / "main.csv")[GMANET].commit}
    commits |= set(re.findall(r"commit (\w+)", (RESULTS / "verdicts.md").read_text("utf-8")))
    found = stale(commits)
    assert not any(found[f"results/{name}.md"].stale for name in names[:3])
    assert found["results/controls.md"].stale
    assert found["results/main.md"].older == ("GMANet (paper's SPCG)",)
    file.unlink()
    with pytest.raises(InputError, match="wanted method, detectors and commits"):
        index.read_stored(checkout / "experiments")


def test_a_wrong_figure_in_a_paragraph_is_found():
    paragraphs = list(cited(ROOT / "docs/findings.md"))
    assert len(paragraphs) > 15
    paragraph, stored = paragraphs[1]
    assert ".993" in paragraph
    assert unknown(paragraph.replace(".993", ".123"), stored) == [".123"]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 8192


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the pages and of what the overviews are written from."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_the_overviews_are_written_by_report(checkout, type_in, monkeypatch):
    monkeypatch.chdir(checkout)
    page = checkout / "experiments" / "README.md"
    before, _, rest = page.read_text("utf-8").partition(index.BEGIN)
    after = rest.partition(index.END)[2]
    page.write_text(f"{before}{index.BEGIN}{index.END}{after}", "utf-8")
    type_in(report.main, "--index")
    for name in ("docs/results.md", "experiments/README.md"):
        assert (checkout / name).read_text("utf-8") == (ROOT / name).read_text("utf-8"), (
            f"{name}: run python -m gmanet.report --index"
        )


@pytest.mark.parametrize("missing", ["main", "30k/efficiency", "nothing"])
def test_every_experiment_and_every_stored_page_is_listed(checkout, missing):
    file = checkout / "experiments/results/index.yaml"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    rest = [line for line in lines if not line.startswith(f"{missing}:")]
    added = ["nothing: {title: Nothing}\n"] if missing == "nothing" else []
    file.write_text("".join(rest + added), "utf-8")
    with pytest.raises(InputError, match=f"{missing} is"):
        index.write_index(checkout)
    assert not list((checkout / "docs").iterdir())


@pytest.mark.parametrize(
    "line", ["main: 3\n", "main: {cost: 3 minutes}\n", "main: {titel: Main}\n"]
)
def test_a_line_of_the_index_without_a_title_is_refused(checkout, line):
    file = checkout / "experiments/results/index.yaml"
    file.write_text(re.sub(r"^main: .*\n", line, file.read_text("utf-8"), flags=re.M), "utf-8")
    with pytest.raises(InputError, match=r"main: .*wanted a title"):
        index.write_index(checkout)


def test_report_wants_a_file_or_the_index(type_in, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        type_in(report.main)
    with pytest.raises(SystemExit):
        type_in(report.main, "--index", "experiments/main.yaml")
    with pytest.raises(InputError, match=r"index\.yaml: no such file"):
        index.read_stored(Path("experiments"))
