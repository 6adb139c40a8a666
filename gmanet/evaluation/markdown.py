"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["table"]


def table(first: str, head: Sequence[str], *, lines: Mapping[str, Sequence[str]]) -> str:
    """Return a table whose first column is aligned to the left, and the others to the right.

    Args:
        first: Title of the first column.
        head: Titles of the other columns.
        lines: First cell of each line -> its other cells.
    """
    rule = "|---|" + "--:|" * len(head)
    body = [f"| {' | '.join([name, *cells])} |" for name, cells in lines.items()]
    return "\n".join([f"| {' | '.join([first, *head])} |", rule, *body])
