"""Whether scans are registered in their best pose: ``python experiments/registration.py RUN ...``.

Each run is one of GMANet on the procedural data set.  Its detector registers good clouds that it
never saw.  As the true pose of every cloud is known, the best pose is the one that the same
refinement reaches from the truth.  Measured are the turn and the shift between the pose found and
the best pose; for parts with symmetries, where several poses are as good, how far the points in the
pose found lie off the cloud's own true surface in the best pose, less the noise that they have
there.  Where the pose found fits the normal clouds better than the pose from the truth does, as a
flipped ring may that is dished the other way, it is the best pose.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept import measured
from page import write_page
from truth import true_motion

from gmanet.cloud import Cloud, Doubles, Floats, extent
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.detectors.base import Detector
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.geometry.se3 import moved, rigid
from gmanet.nominal.deviation import deviation_from_mesh
from gmanet.nominal.mesh import TriangleMesh
from gmanet.registration.cached import register_cached, register_solid
from gmanet.registration.icp import Registration
from gmanet.registration.refine import misfit, refined
from gmanet.registration.target import Target, canonical_order, subsample
from gmanet.runs.folder import Run
from gmanet.runs.scoring import load_detector
from gmanet.runtime.provenance import provenance

TRAIN, FRESH = 20, 40
"""Clouds of the profile ``many`` that are train clouds of the profile ``small``; scans judged."""
TURN, SHIFT = 0.3, 0.002
"""Largest turn, in degrees, and largest distance, in diameters of the part, of a right pose."""
POINTS, SURFACE = 2048, 16384
"""Points of a scan and of the normal clouds that are compared."""
KEPT = Path("runs/registration.json")
"""Errors of the parts that are measured already."""


def turn_of(motion: Doubles) -> float:
    """Return the angle of a motion's rotation, in degrees."""
    skew = motion[:3, :3] - motion[:3, :3].T
    sine = np.linalg.norm([skew[2, 1], skew[0, 2], skew[1, 0]]) / 2
    return float(np.degrees(np.arctan2(sine, (np.trace(motion[:3, :3]) - 1) / 2)))


def measure(run: Run) -> dict[str, Any]:
    """Return turn, shift and distance of each scan from its best pose."""
    detector, data = load_detector(run), run.config.data
    part, many = str(data.category), Procedural(str(data.category), "train", profile="many")
    find, target, compared = registered(detector)
    first = many.specimen(0)
    frame = find(first.cloud).T_target_source @ np.linalg.inv(true_motion(first))
    scans = []
    for number in range(FRESH):
        one = many.specimen(TRAIN + number)
        found, home = find(one.cloud), true_motion(one)
        best = register_cached(one.cloud.pos, target, start=frame @ home)
        off = found.T_target_source @ np.linalg.inv(best.T_target_source)
        size = extent(one.cloud.pos)
        home = home @ np.linalg.inv(best.T_target_source)
        middle = moved(best.T_target_source, one.cloud.pos.mean(axis=0, keepdims=True))
        mesh = TriangleMesh.of(one.mesh.vertices, one.mesh.faces)
        off_own, noise = (
            rms(deviation_from_mesh(mesh, moved(home @ pose, one.cloud.pos)))
            for pose in (found.T_target_source, best.T_target_source)
        )
        scans.append(
            {
                "turn": turn_of(off),
                "shift": float(np.linalg.norm(moved(off, middle) - middle)) / size,
                "distance": float(np.sqrt(max(off_own**2 - noise**2, 0.0))) / size,
                "overlap": found.overlap,
                "better": misfits(one.cloud.pos, [found, best], target)[0],
            }
        )
    return {"part": part, "compared": compared, "scans": scans}


def misfits(pos: Floats, found: Sequence[Registration], target: Target) -> list[bool]:
    """Return which of some registrations fit the target best (``registration.refine.misfit``)."""
    moving, centroid = subsample(canonical_order(pos, "scan"), target.length, count=POINTS)
    surface, ranks = target.surface(SURFACE), []
    for one in found:
        shift = one.translation + one.rotation @ centroid - target.centroid
        pose = rigid(one.rotation, shift / target.length)[None]
        distance = refined(pose, moving.points, target=surface, steps=0)[1]
        ranks.append(misfit(distance, pose, points=moving.points, target=surface)[0])
    return [bool(rank <= min(ranks)) for rank in ranks]


def registered(detector: Detector) -> tuple[Callable[[Cloud], Registration], Target, bool]:
    """Return how a detector registers a cloud, the target, and whether scores depend on the pose.

    They do not without stored normal clouds, as where their faces shift against one another; the
    registration is then that of the gate.
    """
    assert isinstance(detector, GMANet) and detector.atlas is not None
    assert detector.judge is not None
    if (aligner := detector.atlas.aligner) is not None:
        return aligner.register, aligner.common, True
    target = detector.judge.gate.target
    return lambda cloud: register_solid(cloud.pos, target), target, False


def rms(values: Doubles) -> float:
    """Return the root mean square."""
    return float(np.sqrt((np.asarray(values) ** 2).mean()))


def rows(parts: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines of the page's table."""
    lines = [
        "| part | compared | scans | in the best pose | in one as good | in a better one | off "
        "| largest distance |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for one in parts:
        same = [each["turn"] <= TURN and each["shift"] <= SHIFT for each in one["scans"]]
        near = [each["distance"] <= SHIFT for each in one["scans"]]
        good = sum(not exact and close for exact, close in zip(same, near, strict=True))
        left = [
            each["better"]
            for each, exact, close in zip(one["scans"], same, near, strict=True)
            if not exact and not close
        ]
        worst = 100 * max((each["distance"] for each in one["scans"]), default=float("nan"))
        counts = (len(same), sum(same), good, sum(left), len(left) - sum(left))
        cells = (one["part"], "yes" if one["compared"] else "no", *counts)
        lines.append(f"| {' | '.join(map(str, cells))} | {worst:.2f} % |")
    return lines


def main() -> None:
    """Measure the runs that are not measured yet, and write the page."""
    origin = provenance()
    parts = measured(KEPT, sys.argv[1:], measure=measure, show=lambda one: rows([one])[-1])
    count = sum(len(one["scans"]) for one in parts)
    write_page(
        f"Registration of {count} fresh good scans on the normal clouds of {len(parts)} parts. In "
        f"the best pose: at most {TURN}° and {100 * SHIFT} % of the diameter away from the pose "
        "that the refinement reaches from the truth. In one as good, as a symmetric part has: the "
        f"points lie at most {100 * SHIFT} % of the diameter off the true surface in the best "
        "pose, in the root mean square, noise aside. In a better one: farther, with less misfit to "
        "the normal clouds.  Compared: whether distances to the normal "
        "clouds are measured; where not, as their faces shift against one another, no score "
        "depends on the pose but that of missing surface.",
        rows(parts),
        origin,
    )


if __name__ == "__main__":
    main()
