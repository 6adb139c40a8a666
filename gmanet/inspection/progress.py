"""A bar over scans on a terminal, which makes way for the lines that are printed meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

__all__ = ["with_bar"]

Item = TypeVar("Item")


def with_bar(items: Iterable[Item], count: int) -> Iterator[Item]:
    """Yield items below a bar on standard error; there is none for one item, or in a file.

    Args:
        items: The items, made while they are asked for.
        count: Number of items.
    """
    quiet = count < 2 or not sys.stderr.isatty()
    with tqdm(total=count, unit="scan", disable=quiet, leave=False) as bar:
        for item in items:
            bar.clear()
            yield item
            bar.update()
