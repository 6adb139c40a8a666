"""Measures of several runs that are kept in a file, so that an interrupted script goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing

__all__ = ["measured"]


def measured(
    kept: Path,
    folders: Sequence[str],
    *,
    measure: Callable[[Run], dict[str, Any]],
    show: Callable[[dict[str, Any]], str] | None = None,
) -> list[dict[str, Any]]:
    """Return the measures of all runs in a file, after those that it lacks are added.

    Args:
        kept: The file; each run has its folder under ``run``.
        folders: Folders of runs.
        measure: Function from a run to its measures.
        show: Function from the measures of a run to the line that is printed; None for none.
    """
    parts: list[dict[str, Any]] = json.loads(kept.read_text("utf-8")) if kept.is_file() else []
    done = {one["run"] for one in parts}
    for folder in map(Path, folders):
        if str(folder) in done:
            continue
        parts.append({"run": str(folder), **measure(Run.open(folder))})
        if show is not None:
            print(show(parts[-1]), flush=True)
        kept.parent.mkdir(exist_ok=True)
        with replacing(kept) as draft:
            draft.write_text(json.dumps(parts) + "\n", encoding="utf-8")
    return parts
