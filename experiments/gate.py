"""What the gate lets pass: ``python experiments/gate.py``.

On every part of the procedural data set the gate is measured on 20 normal clouds.  Then fresh good
clouds come, as they are and scanned another way, defective clouds, and scans of something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from page import write_page

from gmanet.cloud import Cloud
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.subset import Subset
from gmanet.runtime.provenance import provenance
from gmanet.verdict.gate import Gate
from gmanet.verdict.measures import measure_scan

TRAIN, FRESH, DEFECTIVE = 20, 8, 10
"""Train clouds, fresh good clouds, defective clouds of each part."""

Change = Callable[[Cloud, np.random.Generator], Cloud]


def some(cloud: Cloud, keep: np.ndarray) -> Cloud:
    """Return a cloud of some points."""
    return cloud.replace(pos=cloud.pos[keep], label=None)


def along(cloud: Cloud, rng: np.random.Generator) -> np.ndarray:
    """Return coordinates along a random direction, with shape ``(N,)``."""
    vector = rng.normal(size=3)
    return np.asarray(cloud.pos @ (vector / np.linalg.norm(vector)).astype(np.float32))


def noisier(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Return a cloud with twice the noise."""
    own = measure_scan(cloud.pos).noise * (12 / 4.17) ** 0.5  # lowest tenth of a chi-square of 9
    pos = cloud.pos + rng.normal(scale=3**0.5 * own, size=cloud.pos.shape)
    return cloud.replace(pos=pos.astype(np.float32))


def with_flying(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Return a cloud with .5 % flying points."""
    count = len(cloud) // 200
    start, away = cloud.pos[rng.integers(len(cloud), size=count)], rng.normal(size=(count, 3))
    reach = np.ptp(cloud.pos, axis=0).max() * np.exp(rng.uniform(np.log(0.01), np.log(0.3), count))
    away *= (reach / np.linalg.norm(away, axis=1))[:, None]
    return cloud.replace(pos=np.concatenate([cloud.pos, start + away]).astype(np.float32))


def sparser(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Return a cloud whose density falls to 15 % along a direction."""
    place = along(cloud, rng)
    return some(cloud, rng.random(len(cloud)) < 1 - 0.85 * (place - place.min()) / np.ptp(place))


def with_hole(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Return a cloud without the ball of 10 % of the points."""
    distance = np.linalg.norm(cloud.pos - cloud.pos[rng.integers(len(cloud))], axis=1)
    return some(cloud, distance > np.quantile(distance, 0.1))


def cut(share: float) -> Change:
    """Return a function that cuts a share of the points off."""

    def change(cloud: Cloud, rng: np.random.Generator) -> Cloud:
        place = along(cloud, rng)
        return some(cloud, place <= np.quantile(place, 1 - share))

    return change


def kept(share: float) -> Change:
    """Return a function that keeps a random share of the points."""
    return lambda cloud, rng: some(cloud, rng.random(len(cloud)) < share)


def scaled(factor: float) -> Change:
    """Return a function that changes the unit."""
    return lambda cloud, rng: cloud.replace(pos=cloud.pos * np.float32(factor))


def on_table(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Return a cloud with the table that it lies on, a third of the points."""
    low, size = cloud.pos.min(axis=0), np.ptp(cloud.pos, axis=0)
    flat = rng.uniform(-0.3, 1.3, (len(cloud) // 2, 3)) * size + low
    flat[:, 2] = low[2]
    return cloud.replace(pos=np.concatenate([cloud.pos, flat]).astype(np.float32))


def sphere(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Return a sphere of the size of a cloud."""
    pos = rng.normal(size=cloud.pos.shape)
    pos *= np.ptp(cloud.pos, axis=0).max() / 2 / np.linalg.norm(pos, axis=1, keepdims=True)
    return cloud.replace(pos=pos.astype(np.float32))


GOOD: dict[str, Change] = {
    "good, as it is": lambda cloud, rng: cloud,
    "good, noise x 2": noisier,
    "good, half of the points": kept(0.5),
    "good, a fifth of the points": kept(0.2),
    "good, .5 % flying points": with_flying,
    "good, rounded to .05 mm": lambda cloud, rng: cloud.replace(
        pos=(np.round(cloud.pos / 0.05) * 0.05).astype(np.float32)
    ),
    "good, density from 15 to 100 %": sparser,
    "good, a hole of 10 %": with_hole,
    "good, a quarter cut off": cut(0.25),
}
WRONG: dict[str, Change] = {
    "half a part": cut(0.5),
    "meters": scaled(1e-3),
    "inches": scaled(1 / 25.4),
    "micrometers": scaled(1e3),
    "a table left in": on_table,
    "a sphere": sphere,
    "100 points": lambda cloud, rng: some(cloud, np.arange(len(cloud)) < 100),
}


def scans(part: str) -> Iterator[tuple[str, Cloud]]:
    """Yield the scans of a part that the gate is asked about, and what they are."""
    clouds = Procedural(part, "train", profile="many")
    for kind, change in {**GOOD, **WRONG}.items():
        for number in range(FRESH if kind in GOOD else 2):
            made = change(clouds[TRAIN + number], np.random.default_rng([number, len(kind)]))
            yield kind, made.replace(label=None)
    test = Procedural(part, "test", profile="many")
    for index in range(20, len(test), max(1, (len(test) - 20) // DEFECTIVE)):
        yield "defective", test[index]
    for other in CATEGORIES:
        if other != part:
            yield "another part", Procedural(other, "train", profile="many")[TRAIN]


def main() -> None:
    """Count, and write the page."""
    made, asked = provenance(), Counter[str]()
    reasons: dict[str, Counter[str]] = {}
    for part in CATEGORIES:
        clouds = Procedural(part, "train", profile="many")
        gate = Gate.of(Subset(clouds, clouds.names[:TRAIN]))
        for kind, cloud in scans(part):
            failed = [check.name for check in gate(cloud) if not check.passed]
            asked[kind] += 1
            reasons.setdefault(kind, Counter()).update(failed[:1])
        print(part, {kind: dict(found) for kind, found in reasons.items()}, flush=True)
    table = ["| scan | scans | judged | reasons of the others |", "|---|--:|--:|---|"]
    for kind, count in asked.items():
        why = ", ".join(f"{name} {times}" for name, times in reasons[kind].most_common())
        judged = 100 * (1 - sum(reasons[kind].values()) / count)
        table.append(f"| {kind} | {count} | {judged:.1f} % | {why} |")
    write_page(f"The gate of {TRAIN} normal clouds on the {len(CATEGORIES)} parts.", table, made)


if __name__ == "__main__":
    main()
