"""Synthetic point cloud generation (SPCG, Section IV.B): labeled abnormal twins of normal clouds.

``surface``, the default kind, keeps every point: row ``i`` of the twin is row ``i`` of the normal
cloud, displaced if it is labeled.  Half of the defects' positions are drawn with probabilities by
GMA's score (the maximum, as in Algorithm 1, would put every defect at the same position); the other
half are uniformly random.  ``paper`` is Algorithm 1.  ``noise`` is the ablation without
SPCG: points of a random patch are shifted in random directions under a common L2 budget, as in the
paper's reference [46] but without its gradient; ``synthesis.attacks.table`` has the perturbations
of all four references.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.algorithm1 import add_points, remove_points
from gmanet.synthesis.attacks.change import relocated
from gmanet.synthesis.attacks.patches import attacked
from gmanet.synthesis.attacks.table import ATTACKS
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.deform import Surface, deform, relabel
from gmanet.synthesis.gma import Region, analyze

__all__ = ["Generator"]

BROAD = {"bend": 2.5, "shift": 1.2}
"""Family -> factor by which the radius of its defects exceeds the configured radius."""


class Generator:
    """A generator of twins, with a cache of GMA's result for each normal cloud, by name.

    Args:
        config: Settings of the twins.
        regions: Results of GMA that are known, by the name of the normal cloud.
    """

    def __init__(
        self, config: SynthesisConfig, regions: Mapping[str, Region] | None = None
    ) -> None:
        self.config = config
        self._regions: dict[str, Region] = dict(regions or {})

    def twin(self, cloud: Cloud, rng: np.random.Generator) -> Cloud:
        """Return the abnormal twin of a normal cloud, with labels.

        Args:
            cloud: A normal cloud.
            rng: Random generator; the same state gives the same twin.
        """
        if self.config.kind == "paper":
            made = self._literal(cloud, rng)
        elif self.config.kind == "noise":
            made = _shifted(cloud, self.config, rng=rng)
        elif self.config.kind in ATTACKS:
            made = self._attacked(cloud, rng)
        else:
            made = self._deformed(cloud, rng)
        return made.replace(name=f"{cloud.name}_twin", defect="synthetic", normal=None)

    def regions(self, cloud: Cloud) -> Region:
        """Return the clusters and scores of GMA for a cloud, with the configured curvature."""
        if cloud.name not in self._regions:
            config = self.config
            kind = config.curvature or ("poisson" if config.kind == "paper" else "local")
            self._regions[cloud.name] = analyze(
                cloud, kind, threshold=config.threshold, score=config.score
            )
        return self._regions[cloud.name]

    def _literal(self, cloud: Cloud, rng: np.random.Generator) -> Cloud:
        """Return the twin of Algorithm 1, lines 14 to 19, with random strength and mode."""
        count = max(1, int(len(cloud) * self.config.ratio))
        change = add_points if rng.random() < 0.5 else remove_points
        return change(cloud, self.regions(cloud).best(), count, float(rng.random()), rng)

    def _attacked(self, cloud: Cloud, rng: np.random.Generator) -> Cloud:
        """Return the cloud with patches perturbed as in the paper's references."""
        config, diameter = self.config, cloud.diameter
        patches = int(rng.integers(config.fewest, config.most, endpoint=True))
        count = int(len(cloud) * config.ratio)

        def depth() -> float:
            return _log_uniform(rng, config.depth) * diameter

        return attacked(
            cloud, ATTACKS[config.kind], patches=patches, count=count, depth=depth, rng=rng
        )

    def _deformed(self, cloud: Cloud, rng: np.random.Generator) -> Cloud:
        """Return the cloud with several deformations that do not overlap."""
        diameter = cloud.diameter
        center = cloud.pos.mean(axis=0, dtype=np.float64)
        pos = ((cloud.pos - center) / diameter).astype(np.float32)
        surface = Surface(pos)
        moved, label = pos.copy(), np.zeros(len(pos), dtype=bool)
        touched = np.zeros(len(pos), dtype=bool)
        for _ in range(rng.integers(self.config.fewest, self.config.most, endpoint=True)):
            seed = self._seed(cloud, rng)
            family, radius, depth = self._defect(rng)
            index, shift, abnormal = deform(
                surface, seed, family=family, radius=radius, depth=depth, rng=rng
            )
            free = ~touched[index]
            abnormal = relabel(
                shift, abnormal, free=free, depth=depth, shallowest=self.config.depth[0]
            )
            moved[index[free]] += shift[free]
            label[index[free]] = abnormal[free]
            touched[index] = True
        result = cloud.pos.copy()
        result[touched] = (moved[touched] * diameter + center).astype(np.float32)
        return cloud.replace(pos=result, label=label & relocated(cloud.pos, result))

    def _seed(self, cloud: Cloud, rng: np.random.Generator) -> int:
        """Return the index of a seed point: of a cluster drawn by GMA's score, or of any point."""
        if rng.random() < self.config.guided:
            return int(rng.choice(self.regions(cloud).draw(rng)))
        return int(rng.integers(len(cloud)))

    def _defect(self, rng: np.random.Generator) -> tuple[str, float, float]:
        """Return family, radius and depth of a defect; the depth is at most half the radius."""
        names = list(self.config.families)
        share = np.array([self.config.families[name] for name in names], dtype=np.float64)
        family = str(rng.choice(names, p=share / share.sum()))
        radius = _log_uniform(rng, self.config.radius) * BROAD.get(family, 1.0)
        return family, radius, min(_log_uniform(rng, self.config.depth), radius / 2)


def _shifted(cloud: Cloud, config: SynthesisConfig, *, rng: np.random.Generator) -> Cloud:
    """Return the cloud with patches of points shifted in random directions.

    All displaced points are labeled (:mod:`gmanet.synthesis.attacks.change`).
    """
    count = max(1, int(len(cloud) * config.ratio))
    pos, touched = cloud.pos.astype(np.float64), np.zeros(len(cloud), dtype=bool)
    for _ in range(rng.integers(config.fewest, config.most, endpoint=True)):
        index = _ball(cloud.pos, int(rng.integers(len(cloud))), count=count)
        index = index[~touched[index]]
        direction = rng.normal(size=(len(index), 3))
        budget = _log_uniform(rng, config.depth) * cloud.diameter * np.sqrt(len(index))
        pos[index] += direction * budget / max(np.linalg.norm(direction), 1e-12)
        touched[index] = True
    return cloud.replace(pos=pos.astype(np.float32), label=relocated(cloud.pos, pos))


def _ball(pos: Floats, seed: int, *, count: int) -> Indices:
    return np.asarray(nearest(pos, pos[seed : seed + 1], count=count)[1][0])


def _log_uniform(rng: np.random.Generator, limits: list[float]) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))
