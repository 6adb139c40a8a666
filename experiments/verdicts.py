"""Verdicts on fresh scans: ``python experiments/verdicts.py RUN ...``.

Each run is one of the procedural data set.  Its detector, with the limits that the fit measured,
judges good clouds that it never saw and defective test clouds, as they are and scanned again
(``gmanet.datasets.rescan``, which is not the code that training uses).  Counted are those called
defective and those not judged.  What was counted stays in ``results/verdicts.json``: the same
command goes on.
"""

from __future__ import annotations

import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept import measured
from page import write_page

from gmanet.cloud import Cloud
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.rescan import rescan
from gmanet.detectors.base import Detector
from gmanet.runs.folder import Run
from gmanet.runs.scoring import load_detector
from gmanet.runtime.provenance import provenance

KINDS = ("clean", "pose", "noise2", "half", "fifth", "outliers", "quantized", "density", "hole")
FRESH, DEFECTIVE = 30, 20
"""Fresh good and defective clouds of each part as they are."""
GOOD, BAD = 6, 6
"""Fresh good and defective clouds of each part and kind of rescan."""
TRAIN = 20
"""Clouds of the profile ``many`` that are train clouds of the profile ``small``."""
KEPT = Path(__file__).parent / "results" / "verdicts.json"


def scanned(cloud: Cloud, kind: str) -> Cloud:
    """Return a cloud as it is or scanned again."""
    if kind == "clean":
        return cloud
    return rescan(
        cloud, kind, rng=np.random.default_rng(zlib.crc32(f"{cloud.name}{kind}".encode()))
    )


def verdicts(detector: Detector, clouds: Sequence[Cloud], kind: str) -> dict[str, int]:
    """Return the number of each verdict."""
    return dict(Counter(detector.score(scanned(cloud, kind)).verdict for cloud in clouds))


def count(run: Run) -> dict[str, Any]:
    """Return the verdicts of one run's detector by kind, on good and on defective clouds."""
    detector, data = load_detector(run), run.config.data
    part, seed = str(data.category), data.seed
    many, test = (Procedural(part, split, profile="many", seed=seed) for split in ("train", "test"))
    fresh = [many[TRAIN + number] for number in range(FRESH)]
    bad = [number for number, name in enumerate(test.names) if not name.startswith("good")]
    defective = [test[number] for number in bad[:: len(bad) // DEFECTIVE][:DEFECTIVE]]
    assert not detector.fitted_on & {cloud.fingerprint for cloud in fresh}
    assert detector.fitted_on & {many[number].fingerprint for number in range(TRAIN)}
    found: dict[str, Any] = {"part": part, "detector": run.config.detector.name, "kinds": {}}
    for kind in KINDS:
        whole = kind == "clean"
        groups = (fresh, FRESH if whole else GOOD), (defective, DEFECTIVE if whole else BAD)
        found["kinds"][kind] = [
            verdicts(detector, clouds[:: len(clouds) // most][:most], kind)
            for clouds, most in groups
        ]
        print(part, kind, *found["kinds"][kind], flush=True)
    return found


def rows(counts: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the page's table."""
    good, bad = (
        "good | called defective | worst part | not judged",
        "defective | found | not judged",
    )
    yield f"| scan | {good} | {bad} |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for kind in KINDS:
        whole, flawed = ([one["kinds"][kind][side] for one in counts] for side in (0, 1))
        called = [share([part], "defective") for part in whole]
        cells = [
            *(kind, sum(sum(part.values()) for part in whole)),
            *(percent(share(whole, "defective")), percent(max(called))),
            percent(share(whole, "not judged")),
            sum(sum(part.values()) for part in flawed),
            *(percent(share(flawed, verdict)) for verdict in ("defective", "not judged")),
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def share(parts: Sequence[dict[str, int]], verdict: str) -> float:
    """Return the share of a verdict among the scans of some parts."""
    return sum(one.get(verdict, 0) for one in parts) / sum(sum(one.values()) for one in parts)


def percent(value: float) -> str:
    """Return a share for people."""
    return f"{100 * value:.1f} %"


def main() -> None:
    """Count, store, and write the page."""
    made = provenance()
    counts = measured(KEPT, sys.argv[1:], measure=count)
    parts = ", ".join(one["part"] for one in counts)
    write_page(
        f"Verdicts at a promised 5 % from {TRAIN} normal clouds of each part ({parts}) on fresh "
        "scans as they are and scanned again.",
        list(rows(counts)),
        made,
    )


if __name__ == "__main__":
    main()
