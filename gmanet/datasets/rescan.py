"""Test clouds scanned again: what a further scan of the same part may differ in without a defect.

``data.rescan=[clean,noise2,half]`` puts every test cloud into the test split once per kind.  The
kinds are benign: a detector that is to be used on more than one scanner setting keeps its verdict.
Each is deterministic by the seed of the data set, the name of the cloud and the kind.  Labels stay
with the points, and all kinds but ``pose`` keep the coordinate frame.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud, Floats, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.errors import InputError, hint
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.se3 import moved, rigid, rotated

__all__ = ["KINDS", "Rescanned", "kind_of", "noise_of", "rescan"]

Doubles = npt.NDArray[np.float64]

NOISE = 2.0
"""Noise of a ``noise2`` cloud, in units of the noise of the cloud itself."""
OUTLIERS = 0.005
"""Number of flying points of an ``outliers`` cloud, as a share of the points."""
REACH = 0.6
"""Radius of the ball of flying points about the middle of the part, as a share of the diameter."""
SPARSEST = 0.15
"""Share of the points that are left at the sparse end of a ``density`` cloud."""
HOLE = 0.1
"""Share of the points within the ball that a ``hole`` cloud lacks."""
SIDE = 0.25
"""Share of the points, all on one side, that a ``side`` cloud lacks."""
STEP = 0.0005
"""Step of the coordinates of a ``quantized`` cloud, as a share of the diameter."""
SHIFT = 0.5
"""Largest shift of a ``pose`` cloud along each axis, as a share of the diameter."""
SEEN = 0.1
"""Least share of the abnormal points that is measured: a defect that nobody can see is none."""
DRAWS = 20
"""Draws after which half of the abnormal points are kept in any case."""
NEIGHBORS = 12
"""Points that a local plane is fitted to."""
PROBES = 2048
"""Points over whose local planes the noise is measured, at most."""


def noise_of(pos: Floats) -> float:
    r"""Return the standard deviation of the heights of points over local planes.

    The least eigenvalue of the covariance of ``k`` neighbors on a plane is :math:`\sigma^2 / k`
    times chi-squared with ``k - 3`` degrees of freedom.  The tenth part of the neighborhoods with
    the least eigenvalues decides: it lies where the surface is flat, also on parts that are
    threaded nearly everywhere, whose median would be several times the noise.

    Args:
        pos: Points, with shape ``(N, 3)``.
    """
    rows = np.linspace(0, len(pos) - 1, min(len(pos), PROBES)).astype(np.int64)
    around = nearest(pos, pos[rows], NEIGHBORS)[1]
    least = principal_axes(pos, pos[rows], around)[0][:, 0].astype(np.float64)
    part = 2 / (9 * (NEIGHBORS - 3))  # Wilson and Hilferty's quantile of chi-squared
    expected = (NEIGHBORS - 3) * (1 - part - 1.2816 * np.sqrt(part)) ** 3
    return float(np.sqrt(np.quantile(least, 0.1) * NEIGHBORS / expected))


def _clean(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    return cloud


def _noise(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Add isotropic noise, so that the height over local planes has ``NOISE`` times its own."""
    added = np.sqrt(NOISE**2 - 1) * noise_of(cloud.pos)
    return _at(cloud, cloud.pos + rng.normal(0.0, added, cloud.pos.shape))


def _outliers(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Insert normal points, uniform in a ball about the part, at random rows."""
    count = max(1, round(OUTLIERS * len(cloud)))
    away = _directions(rng, count)
    radius = REACH * cloud.diameter * np.cbrt(rng.random((count, 1)))
    middle = (cloud.pos.min(axis=0) + cloud.pos.max(axis=0)).astype(np.float64) / 2
    flying, rows = middle + radius * away, rng.integers(0, len(cloud) + 1, count)
    label, normal = cloud.label, cloud.normal
    return cloud.replace(
        pos=np.insert(cloud.pos, rows, flying.astype(np.float32), axis=0),
        label=None if label is None else np.insert(label, rows, False),
        normal=None if normal is None else np.insert(normal, rows, away, axis=0),
    )


def _quantized(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Round the coordinates to ``STEP`` of the diameter: 50 µm where that is 100 mm."""
    step = STEP * cloud.diameter
    return _at(cloud, np.rint(cloud.pos / step) * step)


def _pose(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Rotate the cloud about its centroid, uniformly in SO(3), and shift it."""
    center = cloud.pos.mean(axis=0, dtype=np.float64)
    motion = rigid(Rotation.from_quat(rng.normal(size=4)).as_matrix(), center)
    motion[:3, 3] += rng.uniform(-SHIFT, SHIFT, 3) * cloud.diameter
    turned = _at(cloud, moved(motion, cloud.pos - center))
    if cloud.normal is None:
        return turned
    return turned.replace(normal=rotated(motion, cloud.normal).astype(np.float32))


def _at(cloud: Cloud, pos: Doubles) -> Cloud:
    """Return the cloud with other coordinates for its points."""
    return cloud.replace(pos=pos.astype(np.float32))


def _half(pos: Floats, rng: np.random.Generator) -> Labels:
    return _share(len(pos), 1 / 2, rng)


def _fifth(pos: Floats, rng: np.random.Generator) -> Labels:
    return _share(len(pos), 1 / 5, rng)


def _share(count: int, share: float, rng: np.random.Generator) -> Labels:
    kept = np.zeros(count, np.bool_)
    kept[rng.choice(count, round(share * count), replace=False)] = True
    return kept


def _density(pos: Floats, rng: np.random.Generator) -> Labels:
    """Thin out along a random axis, linearly from all points to ``SPARSEST`` of them."""
    along = pos @ _directions(rng, 1)[0]
    part = (along - along.min()) / np.ptp(along)
    return np.asarray(rng.random(len(pos)) < 1 - (1 - SPARSEST) * part)


def _hole(pos: Floats, rng: np.random.Generator) -> Labels:
    """Leave out the points of a ball about a random one."""
    away = np.linalg.norm(pos - pos[rng.integers(len(pos))], axis=1)
    return _without_first(away, HOLE)


def _side(pos: Floats, rng: np.random.Generator) -> Labels:
    """Leave out the points that are farthest in a random direction."""
    return _without_first(pos @ _directions(rng, 1)[0], SIDE)


def _without_first(value: npt.NDArray[np.floating], share: float) -> Labels:
    kept = np.ones(len(value), np.bool_)
    kept[np.argsort(value, kind="stable")[: round(share * len(value))]] = False
    return kept


def _directions(rng: np.random.Generator, count: int) -> Doubles:
    """Return random unit vectors, with shape ``(count, 3)``."""
    found = rng.normal(size=(count, 3))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


CHANGES: dict[str, Callable[[Cloud, np.random.Generator], Cloud]] = {
    "clean": _clean,
    "noise2": _noise,
    "outliers": _outliers,
    "quantized": _quantized,
    "pose": _pose,
}
"""Kind -> function of a cloud that keeps all points of it."""

REMOVALS: dict[str, Callable[[Floats, np.random.Generator], Labels]] = {
    "half": _half,
    "fifth": _fifth,
    "density": _density,
    "hole": _hole,
    "side": _side,
}
"""Kind -> function of the coordinates ``(N, 3)`` that tells which points are measured, ``(N,)``."""

KINDS = (
    *("clean", "noise2", "half", "fifth", "outliers", "density", "hole", "side", "quantized"),
    "pose",
)
"""All kinds, in the order in which tables show them."""


def rescan(cloud: Cloud, kind: str, rng: np.random.Generator) -> Cloud:
    """Return a cloud as another scan of the same part.

    Where points are left out, a defect never is as a whole: the place is drawn again while less
    than ``SEEN`` of the abnormal points are left, and ``Cloud.notes`` says how often.

    Args:
        cloud: The scan.
        kind: One of ``KINDS``.
        rng: Draws everything.
    """
    return CHANGES[kind](cloud, rng) if kind in CHANGES else _measured(cloud, kind, rng)


def _measured(cloud: Cloud, kind: str, rng: np.random.Generator) -> Cloud:
    """Return the points of a cloud that a removal leaves, in their order."""
    abnormal = np.flatnonzero(cloud.label) if cloud.label is not None else np.empty(0, np.int64)
    kept, failed, notes = REMOVALS[kind](cloud.pos, rng), 0, cloud.notes
    while len(abnormal) and kept[abnormal].mean() < SEEN:
        failed += 1
        if failed < DRAWS:
            kept = REMOVALS[kind](cloud.pos, rng)
        else:
            kept[rng.choice(abnormal, (len(abnormal) + 1) // 2, replace=False)] = True
    if failed:
        notes += (f"{cloud.name}: {kind}: drawn anew, {failed} times the defect was missed",)
    return cloud.replace(
        pos=cloud.pos[kept],
        label=None if cloud.label is None else cloud.label[kept],
        normal=None if cloud.normal is None else cloud.normal[kept],
        notes=notes,
    )


def kind_of(name: str, kinds: Iterable[str] = KINDS) -> str:
    """Return the kind that the name of a rescanned cloud tells; empty for other names."""
    ending = name.rpartition(".")[2]
    return ending if ending != name and ending in kinds else ""


class Rescanned(CloudDataset):
    """Every cloud of another data set once per kind, named ``concave_003.half``.

    Args:
        whole: The clouds.
        kinds: Some of ``KINDS``; a second time of one counts for nothing.
        seed: Another seed gives other scans.

    Raises:
        InputError: An unknown kind.
    """

    def __init__(self, whole: CloudDataset, kinds: Sequence[str], *, seed: int = 0) -> None:
        super().__init__(whole.category, whole.split)
        for kind in kinds:
            if kind not in KINDS:
                there = ", ".join(KINDS)
                found = f"no kind {kind!r}{hint(kind, KINDS)}"
                raise InputError(f"data.rescan: {found}; there are: {there}")
        self.whole, self.kinds, self.seed = whole, list(dict.fromkeys(kinds)), seed
        self.unit = whole.unit

    @property
    def names(self) -> list[str]:
        """Return each cloud's name with each kind."""
        return [f"{name}.{kind}" for name in self.whole.names for kind in self.kinds]

    @property
    def notes(self) -> Sequence[str]:
        """Return the notes of the whole data set."""
        return self.whole.notes

    def __getitem__(self, index: int) -> Cloud:
        """Return a cloud as scanned again.

        Raises:
            InputError: The cloud cannot be read, or too few points are left.
        """
        index = range(len(self))[index]
        name, kind = self.names[index], self.kinds[index % len(self.kinds)]
        key = zlib.crc32(name.encode("utf-8", "surrogateescape"))
        cloud = self.whole[index // len(self.kinds)]
        again = rescan(cloud, kind, np.random.default_rng([self.seed, key]))
        return again.replace(name=name).checked(name)
