"""Surface that is missing: ``python experiments/missing.py --parts PART ...``.

``--parts``: the search for missing surface is fitted on 20 normal clouds of each part of the
procedural data set, beside a detector that is blind, its scores exponentially distributed at
random; the limit of both promises 5 %.  Then come fresh good clouds as they are, balls of 8, 12 and
20 % of the diameter cut from them, and fresh good clouds scanned another way.

``--data KEY=VALUE ...``: GMANet is fitted on a data set, and its test clouds are scored with and
without the search; with ``--alone`` there is no GMANet, and the emptiness is the score.

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
from gmanet.registration.cached import register_cached
from gmanet.registration.target import Target
from gmanet.runtime.atomic import replacing
from gmanet.runtime.provenance import provenance
from gmanet.verdict.check import DEFECTIVE, NOT_JUDGED
from gmanet.verdict.judge import Judge
from gmanet.verdict.missing import Missing
from gmanet.verdict.reference import common_reference

PARTS = ("hexagonal_nut", "washer", "t_screw", "double_end_stud")
TRAIN = 20
"""Clouds of the fit."""
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


def changed(cloud: Cloud, number: int) -> Iterator[tuple[str, Cloud]]:
    """Yield what is made of a fresh good cloud, with the kind."""
    rng = np.random.default_rng([number, 7])
    for ball in BALLS:
        yield f"ball {ball:.2f}", without_ball(cloud, ball, rng)
    for kind in RESCANS:
        yield kind, again(cloud, kind, rng)


def count_part(part: str, *, seed: int, fresh: int, cut: int) -> Count:
    """Return the verdicts of the search alone on one part.

    Args:
        part: Part of the procedural data set.
        seed: Seed of the data.
        fresh: Number of fresh good clouds.
        cut: Number of these that balls are cut from and that are scanned another way.
    """
    clouds = Procedural(part, "train", profile="many", seed=seed)
    rng = np.random.default_rng(seed)  # a detector that sees nothing scores at random
    train = Subset(clouds, clouds.names[:TRAIN])
    judge = Judge.of(train, rng.exponential(size=(TRAIN, 1)), false_alarms=0.05, search=True)
    tails = None if judge.tails is None else judge.tails.state()
    made: Count = {"part": part, "seed": seed, "tails": tails, "scans": []}
    for number in range(fresh):
        good = clouds[TRAIN + number]
        more = changed(good, number) if number < cut else ()
        for kind, cloud in [("good", good), *more]:
            said, found = judge.judge(cloud, float(rng.exponential()))
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


def count_alone(data: Sequence[str], seed: int) -> Count:
    """Return the emptiness of a data set's test clouds."""
    import gmanet
    from gmanet.config.compose import compose

    config = compose([*data])
    train, test = (gmanet.open_data(config.data, split) for split in ("train", "test"))
    target, poses = common_reference(train, count=len(train))
    searched = Missing.of(train, target, found=poses)
    assert searched is not None
    missing, normal = searched
    first = Target.of(train[0].pos)
    made: Count = {
        "alone": " ".join(data),
        "seed": seed,
        "overlaps": [round(pose.overlap, 3) for pose in poses],
        "first": [round(register_cached(cloud.pos, first).overlap, 3) for cloud in train],
        "normal": [round(float(value), 3) for value in normal],
        "scans": [],
    }
    for cloud in test:
        found = missing(cloud, register_cached(cloud.pos, target))
        made["scans"].append([cloud.defect, round(found.emptiness, 3), len(found.gaps)])
    return made


def alone_rows(counts: Sequence[Count]) -> Iterator[str]:
    """Yield the lines of the table of the search alone."""
    from gmanet.metrics.functional import auroc

    yield "| data | least overlap with the first scan, with the reference | kind | clouds | AUROC |"
    yield "|---|--:|---|--:|--:|"
    for one in counts:
        overlaps = f"{min(one['first']):.2f}, {min(one['overlaps']):.2f}"
        for kind in sorted({row[0] for row in one["scans"]} - {"good"}):
            rows = [row for row in one["scans"] if row[0] in (kind, "good")]
            bad = np.array([row[0] != "good" for row in rows])
            found = auroc(np.array([row[1] for row in rows]), bad)
            yield f"| {one['alone']} | {overlaps} | {kind} | {bad.sum()} | {found:.3f} |"


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


def name_of(made: Count) -> tuple[str, str, int]:
    """Return what a count is of: its kind, part or data, and seed."""
    kind = next(kind for kind in ("part", "data", "alone") if kind in made)
    return kind, made[kind], made["seed"]


def keep(made: Count) -> None:
    """Add a count to the stored ones, in the place of a smaller one of the same."""
    others = [one for one in read_counts() if name_of(one) != name_of(made)]
    with replacing(KEPT) as draft:
        draft.write_text(json.dumps([*others, made]) + "\n", encoding="utf-8")


def main() -> None:
    """Count, store, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="*", default=[])
    parser.add_argument("--fresh", type=int, default=50, help="fresh good clouds of each part")
    parser.add_argument("--cut", type=int, default=20, help="clouds of these that are changed")
    parser.add_argument("--data", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--alone", action="store_true", help="without GMANet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keys", nargs="*", default=[], metavar="KEY=VALUE")
    said = parser.parse_args()
    made = provenance()
    done = {name_of(one): sum(row[0] == "good" for row in one["scans"]) for one in read_counts()}
    for part in said.parts:
        if done.get(("part", part, said.seed), 0) < said.fresh:
            keep(count_part(part, seed=said.seed, fresh=said.fresh, cut=said.cut))
    data = " ".join(said.data)
    if data and said.alone and ("alone", data, said.seed) not in done:
        keep(count_alone(said.data, said.seed))
    if data and not said.alone and ("data", data, said.seed) not in done:
        keep(count_data(said.data, seed=said.seed, keys=said.keys))
    counts = read_counts()
    table: list[str] = []
    for kind, rows in (("part", part_rows), ("data", data_rows), ("alone", alone_rows)):
        if mine := [one for one in counts if kind in one]:
            table += [*([""] if table else []), *rows(mine)]
    named = ", ".join(f"{one['part']} {one['seed']}" for one in counts if "part" in one)
    write_page(f"The search for missing surface. Parts and seeds: {named}.", table, made)


if __name__ == "__main__":
    main()
