"""A check of a scan, and the names of the verdicts: plain values, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFECTIVE", "GOOD", "NOT_JUDGED", "Check"]

GOOD, DEFECTIVE, NOT_JUDGED = "good", "defective", "not judged"
"""The verdicts."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One measure of a scan beside its range.

    Args:
        name: Name, one of ``gate.ORDER``.
        value: The measure.
        lowest: Lowest value that is accepted.
        highest: Highest value that is accepted.
        sentence: What is wrong and what to do; empty if the value lies within the range.
    """

    name: str
    value: float
    lowest: float
    highest: float
    sentence: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value lies within the range."""
        return not self.sentence
