"""The page of an experiment that is a script: its table, what it shows, and what made it."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gmanet.runtime.atomic import replacing
from gmanet.runtime.provenance import short_commit

__all__ = ["write_page"]

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("python", "numpy", "scipy", "torch", "lightning")


def write_page(about: str, table: Sequence[str], made: Mapping[str, Any], also: str = "") -> None:
    """Write ``results/<script>.md``.

    Args:
        about: What the table shows.
        table: Its lines.
        made: What :func:`gmanet.runtime.provenance.provenance` told when the script began.
        also: What else to say of the machine or of libraries.
    """
    script = Path(sys.argv[0])
    machine, versions = made["machine"], made["versions"]
    by = (
        f"`python experiments/{' '.join([script.name, *sys.argv[1:]])}`",
        datetime.date.today().isoformat(),
        f"{machine['cores']} cores of {machine['processor']}",
        *([machine["gpu"]] if machine["gpu"] else []),
        *([also] if also else []),
        *(f"{name} {versions[name]}" for name in LIBRARIES),
        f"commit {short_commit(made['commit'])}",
    )
    text = "\n".join([f"# {script.stem}\n", f"{about}\n", f"{', '.join(by)}.\n", *table]) + "\n"
    with replacing(RESULTS / f"{script.stem}.md") as draft:
        draft.write_text(text, encoding="utf-8")
