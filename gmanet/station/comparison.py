"""Two detectors on the same scans: where their verdicts agree, and how their p-values lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.inspection.judged import judged, unusable
from gmanet.inspection.record import Inspection
from gmanet.verdict.check import DEFECTIVE, GOOD

if TYPE_CHECKING:
    from gmanet.cloud import Cloud
    from gmanet.detectors.base import Detector

__all__ = ["Pair", "agreement", "compare", "pair_of", "promise", "table"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What two detectors found about one scan.

    Args:
        scan: Name of the scan.
        first: What the first detector found.
        second: What the second detector found.
    """

    scan: str
    first: Inspection
    second: Inspection

    @property
    def agrees(self) -> bool:
        """Whether both verdicts are the same."""
        return self.first.verdict == self.second.verdict

    @property
    def both_judge(self) -> bool:
        """Whether both detectors judge the scan."""
        return {self.first.verdict, self.second.verdict} <= {GOOD, DEFECTIVE}


def compare(first: Detector, second: Detector, *, scans: Iterable[Path]) -> Iterator[Pair]:
    """Yield what two detectors find about each scan; nothing is written.

    A file that is no scan is ``unusable`` for both, and stops no other.

    Args:
        first: A detector.
        second: Another one.
        scans: The files.
    """
    for path in scans:
        try:
            yield pair_of(first, second, cloud=read_cloud(path), scan=str(path))
        except InputError as error:
            refused = unusable(path, error)
            yield Pair(scan=str(path), first=refused, second=refused)


def pair_of(first: Detector, second: Detector, *, cloud: Cloud, scan: str) -> Pair:
    """Return what two detectors find about one scan.

    Args:
        first: A detector.
        second: Another one.
        cloud: The scan.
        scan: Its name.

    Raises:
        InputError: The scan cannot be scored.
    """
    one, other = (judged(detector, cloud, scan=scan)[0] for detector in (first, second))
    return Pair(scan=scan, first=one, second=other)


def table(pairs: Sequence[Pair], names: tuple[str, str]) -> str:
    """Return a Markdown table with a line for each scan.

    Args:
        pairs: What was found.
        names: Names of the detectors.
    """
    head = f"| scan | {names[0]} | p | {names[1]} | p | same |\n|---|---|--:|---|--:|---|"
    lines = [
        f"| {pair.scan} | {pair.first.verdict} | {_number(pair.first.p_value)} "
        f"| {pair.second.verdict} | {_number(pair.second.p_value)} | {_yes(pair.agrees)} |"
        for pair in pairs
    ]
    return "\n".join([head, *lines])


def agreement(pairs: Sequence[Pair], names: tuple[str, str]) -> str:
    """Return sentences on how often the verdicts agree, and where they do not.

    Args:
        pairs: What was found.
        names: Names of the detectors.
    """
    both = [pair for pair in pairs if pair.both_judge]
    same = sum(pair.agrees for pair in both)
    said = [f"{len(both)} of {len(pairs)} scans are judged by both, {same} of these alike"]
    for one, other, verdicts in (
        (names[0], names[1], (DEFECTIVE, GOOD)),
        (names[1], names[0], (GOOD, DEFECTIVE)),
    ):
        count = sum((pair.first.verdict, pair.second.verdict) == verdicts for pair in both)
        said.append(f"{count} defective for {one} only, good for {other}")
    if len(both) > 2:
        said.append(f"rank correlation of the scores {_correlation(both)}")
    return "\n".join(said)


def promise(detector: Detector) -> str:
    """Return the limit of a detector and what it promises, one sentence."""
    return "no limit" if detector.judge is None else detector.judge.sentence()


def _correlation(pairs: Sequence[Pair]) -> str:
    """Return Spearman's rank correlation of the scores as text."""
    from scipy.stats import rankdata

    ranks = [
        rankdata([getattr(pair, side).score for pair in pairs]) for side in ("first", "second")
    ]
    if min(np.ptp(each) for each in ranks) == 0:
        return "unknown: all scores are equal"
    return f"{np.corrcoef(ranks[0], ranks[1])[0, 1]:.3f}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _yes(value: bool) -> str:
    return "yes" if value else "NO"
