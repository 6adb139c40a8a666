"""Surface that is missing: ``python experiments/missing.py --parts PART ...``.

``--parts``: the search for missing surface alone is fitted on 20 normal clouds of each part of the
procedural data set, with a limit that promises 5 %; then come fresh good clouds as they are, balls
of 8, 12 and 20 % of the diameter cut from them, and fresh good clouds scanned another way.

``--data KEY=VALUE ...``: GMANet is fitted on a data set, and its test clouds are scored with and
without the search.

What was counted stays in ``results/missing.json``: the same command goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from page import write_page

from gmanet.cloud import Cloud
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.rescan_kinds import CHANGES, REMOVALS
from gmanet.datasets.subset import Subset
from gmanet.runtime.atomic import replacing
from gmanet.runtime.provenance import provenance
from gmanet.verdict.check import DEFECTIVE, NOT_JUDGED
from gmanet.verdict.judge import Judge

PARTS = ("hexagonal_nut", "washer", "t_screw", "double_end_stud")
TRAIN, CUT, GOOD = 20, 20, 50
"""Clouds of the fit, fresh clouds that balls are cut from and that are scanned another way, and
fresh clouds that are judged as they are."""
BALLS = (0.08, 0.12, 0.2)
"""Diameters of the balls, in diameters of the part."""
RESCANS = ("half", "noise2", "hole")
KEPT = Path(__file__).parent / "results" / "missing.json"

Count = dict[str, Any]


def without_ball(cloud: Cloud, ball: float, rng: np.random.Generator) -> Cloud:
    """Return a cloud without the points of a ball around one of its points."""
    away = np.linalg.norm(cloud.pos - cloud.pos[rng.integers(len(cloud))], axis=1)
    return cloud.replace(pos=cloud.pos[away > ball / 2 * cloud.diameter], label=None)


def again(cloud: Cloud, kind: str, rng: np.random.Generator) -> Cloud:
    """Return a cloud scanned another way."""
    if kind in CHANGES:
        return CHANGES[kind](cloud, rng).replace(label=None)
    return cloud.replace(pos=cloud.pos[REMOVALS[kind](cloud.pos, rng)], label=None)


def scans(cloud: Cloud, number: int) -> Iterator[tuple[str, Cloud]]:
    """Yield a fresh good cloud and what is made of it, with the kind."""
    rng = np.random.default_rng([number, 7])
    yield "good", cloud
    if number < CUT:
        for ball in BALLS:
            yield f"ball {ball:.2f}", without_ball(cloud, ball, rng)
        for kind in RESCANS:
            yield kind, again(cloud, kind, rng)


def count_part(part: str, seed: int) -> Count:
    """Return the verdicts of the search alone on one part."""
    clouds = Procedural(part, "train", profile="many", seed=seed)
    same = np.linspace(0, 1e-9, TRAIN)[:, None]  # a detector that sees nothing
    train = Subset(clouds, clouds.names[:TRAIN])
    judge = Judge.of(train, same, false_alarms=0.05, search=True)
    tails = None if judge.tails is None else judge.tails.state()
    made: Count = {"part": part, "seed": seed, "tails": tails, "scans": []}
    for number in range(GOOD):
        for kind, cloud in scans(clouds[TRAIN + number], number):
            said, found = judge.judge(cloud, 0.0)
            numbers = (said.p_value, found.emptiness)
            row = [
                kind,
                said.verdict,
                len(said.missing),
                *(round(one, 4) if np.isfinite(one) else None for one in numbers),
            ]
            made["scans"].append(row)
        print(part, number, flush=True)
    return made


def part_rows(counts: Sequence[Count]) -> Iterator[str]:
    """Yield the lines of the table of the parts."""
    kinds = list(dict.fromkeys(row[0] for one in counts for row in one["scans"]))
    yield "| scan | scans | called defective | not judged | with gaps | worst part, defective |"
    yield "|---|--:|--:|--:|--:|--:|"
    for kind in kinds:
        each = [[row for row in one["scans"] if row[0] == kind] for one in counts]
        rows = [row for group in each for row in group]
        called = [np.mean([row[1] == DEFECTIVE for row in group]) for group in each]
        shares = (
            np.mean([row[1] == DEFECTIVE for row in rows]),
            np.mean([row[1] == NOT_JUDGED for row in rows]),
            np.mean([row[2] > 0 for row in rows]),
            min(called) if kind.startswith("ball") else max(called),
        )
        cells = [kind, str(len(rows)), *(f"{100 * share:.1f} %" for share in shares)]
        yield f"| {' | '.join(cells)} |"


def count_data(data: Sequence[str], *, seed: int, keys: Sequence[str]) -> Count:
    """Return the object scores of a data set's test clouds with and without the search."""
    import gmanet
    from gmanet.config.compose import compose

    config = compose([*data])
    train, test = (gmanet.open_data(config.data, split) for split in ("train", "test"))
    fitted = gmanet.fit(train, detector="gmanet", seed=seed, overrides=keys, progress=False)
    judge = fitted.judge
    searched = judge is not None and judge.missing is not None
    made: Count = {"data": " ".join(data), "seed": seed, "searched": searched, "scans": []}
    for cloud in test:
        fitted.judge = None
        alone = fitted.score(cloud).object
        fitted.judge = judge
        scores = fitted.score(cloud)
        row = [cloud.defect, alone, scores.object, scores.verdict, len(scores.missing)]
        made["scans"].append(row)
    return made


def data_rows(counts: Sequence[Count]) -> Iterator[str]:
    """Yield the lines of the table of the data sets."""
    from gmanet.metrics.functional import auroc

    yield "| data | seed | kind | clouds | AUROC without | AUROC with the search |"
    yield "|---|--:|---|--:|--:|--:|"
    for one in counts:
        kinds = sorted({row[0] for row in one["scans"]} - {"good"})
        for kind in [*kinds, "all"]:
            rows = [row for row in one["scans"] if row[0] in (kind, "good") or kind == "all"]
            bad = np.array([row[0] != "good" for row in rows])
            found = [auroc(np.array([row[column] for row in rows]), bad) for column in (1, 2)]
            shown = " | ".join(f"{value:.3f}" for value in found)
            yield f"| {one['data']} | {one['seed']} | {kind} | {bad.sum()} | {shown} |"


def read_counts() -> list[Count]:
    """Return what was counted so far."""
    return json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else []


def keep(made: Count) -> None:
    """Add a count to the stored ones."""
    counts = [*read_counts(), made]  # another process may have counted meanwhile
    with replacing(KEPT) as draft:
        draft.write_text(json.dumps(counts) + "\n", encoding="utf-8")


def main() -> None:
    """Count, store, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="*", default=[])
    parser.add_argument("--data", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keys", nargs="*", default=[], metavar="KEY=VALUE")
    said = parser.parse_args()
    made = provenance()
    done = {(one.get("part", one.get("data")), one["seed"]) for one in read_counts()}
    for part in said.parts:
        if (part, said.seed) not in done:
            keep(count_part(part, said.seed))
    if said.data and (" ".join(said.data), said.seed) not in done:
        keep(count_data(said.data, seed=said.seed, keys=said.keys))
    counts = read_counts()
    parts = [one for one in counts if "part" in one]
    data = [one for one in counts if "data" in one]
    table = [*(part_rows(parts) if parts else []), "", *(data_rows(data) if data else [])]
    names = ", ".join(f"{one['part']} {one['seed']}" for one in parts)
    write_page(f"The search for missing surface. Parts and seeds: {names}.", table, made)


if __name__ == "__main__":
    main()
