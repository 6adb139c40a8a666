"""Which stored figures of the project's own method are of the method as it is today."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gmanet.config.overrides import load
from gmanet.errors import InputError
from gmanet.evaluation.results import Result

__all__ = ["Current"]

CHOICE = re.compile(r"\bdetector=(\w+)")
"""Override that chooses another detector than the default."""


@dataclass(frozen=True, kw_only=True)
class Current:
    """What ``results/current.yaml`` says: which figures of the own method are of today.

    Args:
        method: Name of the method in sentences.
        detectors: Detectors whose figures change with it.
        commits: Commits that give today's figures.
    """

    method: str
    detectors: frozenset[str]
    commits: frozenset[str]

    @classmethod
    def read(cls, file: Path) -> Current:
        """Return the content of a file.

        Raises:
            InputError: The file is missing or lacks a key.
        """
        found = load(file) if file.is_file() else {}
        try:
            return cls(
                method=str(found["method"]),
                detectors=frozenset(map(str, found["detectors"])),
                commits=frozenset(map(str, found["commits"])),
            )
        except (KeyError, TypeError):
            raise InputError(f"{file}: wanted method, detectors and commits") from None

    def concerns(self, result: Result) -> bool:
        """Return whether a run is one of the default detector, or of another of these."""
        choice = CHOICE.search(result.overrides)
        return not choice or choice[1] in self.detectors
