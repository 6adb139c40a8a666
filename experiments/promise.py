"""Whether the promised false-alarm rate is kept: ``python experiments/promise.py DETECTOR ...``.

Every detector is fitted on 20 normal clouds of each part of the procedural data set and seed, with
its limit as a fit measures it, and then scores fresh good clouds of the same part.  Counted are
those called defective, those that the gate would not judge, and the defective test clouds found.
What was counted stays in ``results/promise.json``: the same command goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from page import write_page

PARTS = ("hexagonal_nut", "washer", "t_screw")
TRAIN, FRESH, DEFECTIVE = 20, 30, 10
"""Clouds a detector is fitted on, fresh good clouds, defective clouds."""
KEPT = Path(__file__).parent / "results" / "promise.json"
NOT_RAISED = "gmanet, not raised"
"""Name of GMANet's fits before scores of normal clouds were raised, of commit 9295776."""


def count(detector: str, part: str, *, seed: int, keys: Sequence[str]) -> dict[str, Any]:
    """Return the counts of one fit.

    Args:
        detector: Name of the detector.
        part: Part of the procedural data set.
        seed: Seed of the data and of the fit.
        keys: Further overrides, ``key=value``.
    """
    import gmanet
    from gmanet.datasets.procedural.dataset import Procedural
    from gmanet.datasets.subset import Subset

    good = Procedural(part, "train", profile="many", seed=seed)
    train = Subset(good, good.names[:TRAIN])
    fitted = gmanet.fit(train, detector=detector, seed=seed, overrides=keys, progress=False)
    judge = fitted.judge
    assert judge is not None and judge.calibration is not None
    fresh = [fitted.score(good[TRAIN + number]) for number in range(FRESH)]
    test = Procedural(part, "test", profile="many", seed=seed)
    bad = [index for index, name in enumerate(test.names) if not name.startswith("good")]
    found = [fitted.score(test[index]) for index in bad[:: max(1, len(bad) // DEFECTIVE)]]
    return {
        "detector": detector,
        "part": part,
        "seed": seed,
        "limit": judge.calibration.limit,
        "held_out": judge.calibration.scores[:, 0].tolist(),
        "fresh": [scores.object for scores in fresh],
        "defective": [scores.object for scores in found],
        "gate": [
            [sum(not check.passed for check in scores.checks) > 0 for scores in group]
            for group in (fresh, found)
        ],
    }


def read_counts() -> list[dict[str, Any]]:
    """Return what was counted so far."""
    return json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else []


def rows(counts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the page's table."""
    yield "| detector | fits | fresh good | called defective | worst fit | not judged | found |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name in dict.fromkeys(one["detector"] for one in counts):
        mine = [one for one in counts if one["detector"] == name]
        alarms = [np.mean(np.array(one["fresh"]) > one["limit"]) for one in mine]
        found = [np.mean(np.array(one["defective"]) > one["limit"]) for one in mine]
        odd = np.concatenate([np.array(one["gate"][0]) for one in mine])
        shares = (np.mean(alarms), np.max(alarms), odd.mean(), np.mean(found))
        fresh = sum(len(one["fresh"]) for one in mine)
        cells = [name, str(len(mine)), str(fresh), *(f"{100 * share:.1f} %" for share in shares)]
        yield f"| {' | '.join(cells)} |"


def fits(counts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table of all fits."""
    yield "| detector | part | seed | highest held-out scores | limit | called defective | found |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for one in sorted(counts, key=lambda one: (one["detector"], one["part"], one["seed"])):
        highest = ", ".join(f"{score:.3g}" for score in sorted(one["held_out"])[:-3:-1])
        shown = [
            f"{sum(score > one['limit'] for score in one[group])} of {len(one[group])}"
            for group in ("fresh", "defective")
        ]
        cells = [one["detector"], one["part"], str(one["seed"]), highest, f"{one['limit']:.3g}"]
        yield f"| {' | '.join([*cells, *shown])} |"


def shares(counts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table: scores that were not raised, raised by several shares."""
    import torch

    from gmanet.detectors.gmanet.held_out import as_if_new
    from gmanet.verdict.calibration import Calibration
    from gmanet.verdict.config import VerdictConfig

    settings = VerdictConfig()
    yield "| raised by | called defective | worst fit | found |"
    yield "|--:|--:|--:|--:|"
    for share in (0, 0.05, 0.1, 0.15, 0.2):
        alarms, found = [], []
        for one in (one for one in counts if one["detector"] == NOT_RAISED):
            scores = torch.tensor(one["held_out"], dtype=torch.float64)
            limit = Calibration(
                scores=as_if_new(scores, share).numpy(),
                false_alarms=settings.false_alarms,
                confidence=settings.confidence,
            ).limit
            alarms.append(np.mean(np.array(one["fresh"]) > limit))
            found.append(np.mean(np.array(one["defective"]) > limit))
        cells = (np.mean(alarms), max(alarms), np.mean(found))
        yield f"| {share:g} | {' | '.join(f'{100 * cell:.1f} %' for cell in cells)} |"


def main() -> None:
    """Count, store, and write the page."""
    from gmanet.runtime.provenance import provenance

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detectors", nargs="+")
    parser.add_argument("--parts", nargs="+", default=PARTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--keys", nargs="*", default=[], metavar="KEY=VALUE")
    said = parser.parse_args()
    made = provenance()
    counts = read_counts()
    done = {(one["detector"], one["part"], one["seed"]) for one in counts}
    for seed in said.seeds:
        for part in said.parts:
            for name in said.detectors:
                if (name, part, seed) in done:
                    continue
                found = count(name, part, seed=seed, keys=said.keys)
                counts = [*read_counts(), found]  # another process may have counted meanwhile
                KEPT.write_text(json.dumps(counts) + "\n", encoding="utf-8")
                print(*list(rows(counts[-1:]))[2:], flush=True)
    write_page(
        f"False alarms at a promised 5 %, from {TRAIN} normal clouds of each part: means of all "
        "fits, what the limits of the fits that are not raised would do if the scores of their "
        "normal clouds were raised by a share of what they lack to 2, and each fit.  The seed "
        "draws the normal clouds, too.",
        [*rows(counts), "", *shares(counts), "", *fits(counts)],
        made,
    )


if __name__ == "__main__":
    main()
