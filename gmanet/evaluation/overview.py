"""Overview of stored results: a page with a section and a table with a line per experiment."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gmanet.evaluation.results import Result, mean_figure
from gmanet.evaluation.segmentation_table import segmentation_table
from gmanet.evaluation.tables import markdown_table

__all__ = ["Stored", "index_table", "overview_page"]

WRITTEN = "<!-- written by python -m gmanet.report --index -->"
HEAD = ("experiment", "content", "runs", "cost on 2 cores", "object AUROC", "point AUPR", "tables")
FIGURES = ("object_auroc", "point_aupr")
INTRODUCTION = """\
# Stored results

The tables below are written by `python -m gmanet.report --index` from the files in
`experiments/results`. Each figure is a mean over categories; ± is the standard deviation over
seeds. [Findings](findings.md) discusses the figures."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Stored results of an experiment, a script or a command.

    Args:
        title: Content of the tables.
        cost: Time on two cores; may be empty.
        source: File in ``experiments`` that makes the results; empty for a command.
        command: Command that makes the results.
        about: Description of the experiment; empty where the stored page is shown.
        page: Stored page, relative to ``experiments``; empty without results.
        body: Text of the stored page without its title; empty for an experiment.
        runs: Number of runs of an experiment; 0 for scripts and commands.
        results: Stored figures of an experiment, one per run.
        highlight: Name of the row that is compared with all others; empty for none.
        older: Rows of the project's own method that an older version of it gave.
        stale: Name of the method if all of its figures are of an older version; else empty.
    """

    title: str
    cost: str = ""
    source: str = ""
    command: str
    about: str = ""
    page: str = ""
    body: str = ""
    runs: int = 0
    results: Sequence[Result] = field(default=())
    highlight: str = ""
    older: Sequence[str] = ()
    stale: str = ""


def overview_page(entries: Sequence[Stored]) -> str:
    """Return the Markdown page with a section per entry, for a folder next to ``experiments``."""
    return "\n\n".join([WRITTEN, INTRODUCTION, *map(_section, entries)]) + "\n"


def _section(entry: Stored) -> str:
    return "\n\n".join(part for part in (f"## {entry.title}", *_parts(entry)) if part)


def _parts(entry: Stored) -> tuple[str, ...]:
    cost = f" ({entry.cost})" if entry.cost else ""
    if entry.body:
        folder = f"../experiments/{entry.page.rpartition('/')[0]}"
        demoted = re.sub(r"^#", "##", entry.body, flags=re.MULTILINE)
        shown = re.sub(r"(!\[[^\]]*\]\()", rf"\1{folder}/", demoted)
        return (shown.strip(), _age(entry), f"Cost on two cores: {entry.cost}." if cost else "")
    made = f"{entry.runs} runs{cost}: `{entry.command}`."
    if not entry.results:
        return (entry.about, f"{made} **No results are stored.**")
    means = (segmentation_table(entry.results) or markdown_table(entry.results)).split("\n\n")[0]
    link = f"Tables by category: [{entry.page.rpartition('/')[2]}](../experiments/{entry.page})."
    some = f" **Stored: {len(entry.results)} of {entry.runs} runs.**" if _incomplete(entry) else ""
    return (entry.about, means, _age(entry), f"{made}{some} {link}")


def _age(entry: Stored) -> str:
    """Return a sentence that names the rows of an older version; nothing if there are none."""
    if entry.stale:
        return f"**The figures of {entry.stale} are of an older version.**"
    rows = ", ".join(entry.older)
    return f"**Measured with an older version of the method: {rows}.**" if rows else ""


def index_table(entries: Sequence[Stored]) -> str:
    """Return the Markdown table with a line per entry, for a page in ``experiments``."""
    lines = [" | ".join(HEAD), " | ".join(["---"] * len(HEAD)), *map(_line, entries)]
    return "\n".join(f"| {line} |" for line in lines)


def _line(entry: Stored) -> str:
    source = f"[{entry.source}]({entry.source})" if entry.source else f"`{entry.command}`"
    page = f"[tables]({entry.page})" if entry.page else "not run"
    page += f", older {entry.stale}" if entry.stale else ""
    stored = f"{len(entry.results)} of " if _incomplete(entry) else ""
    runs = f"{stored}{entry.runs}" if entry.runs else ""
    ranges = [_range(entry, figure) for figure in FIGURES]
    return " | ".join([source, entry.title, runs, entry.cost, *ranges, page])


def _incomplete(entry: Stored) -> bool:
    """Return whether some runs of an experiment, but not all, are stored."""
    return 0 < len(entry.results) < entry.runs


def _range(entry: Stored, figure: str) -> str:
    """Return the mean of the highlighted row and the range of the means of all others."""
    count = len({result.category for result in entry.results})
    rows: dict[str, list[Result]] = {}
    for result in entry.results:
        rows.setdefault(result.row, []).append(result)
    means = {row: mean_figure(runs, figure, count=count) for row, runs in rows.items()}
    known = {row: one for row, one in means.items() if not math.isnan(one.value)}
    highlight = known.pop(entry.highlight, None)
    parts = [f"{entry.highlight} {highlight.text([highlight])}"] if highlight else []
    values = sorted(one.value for one in known.values())
    if values:
        ends = dict.fromkeys(f"{value:.3f}" for value in (values[0], values[-1]))
        parts.append(f"{'others ' if highlight else ''}{' to '.join(ends)}")
    return ", ".join(parts)
