"""Result page of a script: a description, the provenance and a table."""

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
        about: Description of the table.
        table: Lines of the table.
        made: Result of :func:`gmanet.runtime.provenance.provenance` at the script's start.
        also: Further remark on the machine or on libraries.
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
