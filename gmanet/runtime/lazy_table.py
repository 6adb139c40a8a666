"""Table of classes and functions that are imported at their first lookup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar

__all__ = ["LazyTable"]

Found = TypeVar("Found", covariant=True)


class LazyTable(Mapping[str, Found]):
    """Mapping whose keys are known at once and whose values are imported at a lookup.

    Args:
        places: Key -> ``module:attribute``, with the full name of the module.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> Found:
        module, _, attribute = self._places[name].partition(":")
        found: Found = getattr(import_module(module), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
