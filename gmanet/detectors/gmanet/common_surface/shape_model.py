"""Shape model: what good parts of one kind look like, as mixtures of the normal clouds.

Good parts differ by a handful of causes: a head is thicker, a ring is bent, a hole lies elsewhere.
Each moves many places of the surface together.  So the offsets of a good part are close to a
weighted sum of the offsets of other good parts; those of a defect, which moves few places, are not.
The weights are those of a ridge regression over all places, in which places that do not follow
count less (Tukey's weights).  A small rigid motion is fitted with them, as a registration of parts
of different sizes is a little off.  It is a statistical shape model [Cootes et al., CVIU 1995] in
terms of the parts themselves instead of principal components.

Where a rough skin differs at random, as that of castings does, a mixture of whole parts adds more
skin than it explains sizes.  Then what changes slowly over the surface is mixed alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices

__all__ = ["ShapeModel"]

PLACES = 4096
"""Number of places, the first ones, on which weights are computed."""

RIDGE = 0.03
"""Ridge of the regression, in mean squared lengths of the normal clouds' offsets, and of those of
the rigid motions."""

MOTIONS = 6
"""Number of rigid motions: shifts along the axes and turns about them."""

WORTHWHILE = 0.9
"""Largest quotient of the normal clouds' deviations with and without a mixture of the others, root
mean squares, for which mixtures are used."""

FEWEST = 3
"""Least number of normal clouds."""

ROUNDS = 3
"""Number of regressions, each with weights from the one before."""

REJECTED = 4.0
"""Deviation from which a place does not count, in robust standard deviations (Tukey)."""

LEAST = 1e-4
"""Least such standard deviation, in extents."""

NEAREST = 4
"""Number of places over which the displacement of a point is averaged."""

FACING = 0.5
"""Least cosine of a point's normal, of either sign, and that of a place that moves the point."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ShapeModel:
    """Offsets of ``n`` normal clouds, of which those of other parts are mixtures.

    Args:
        points: Coordinates of the places in extents of the target, with shape ``(M, 3)``.
        normal: Unit normals of the places, with shape ``(M, 3)``.
        offset: Offsets of the normal clouds along the normals, with shape ``(M, n)``, NaN where a
            cloud does not cover a place.
        slow: What is mixed instead of the offsets: the part of them that changes slowly over the
            surface, with shape ``(M, n)``; None to mix the offsets.
    """

    points: Floats
    normal: Floats
    offset: Floats
    slow: Floats | None = None

    @classmethod
    def of(
        cls, points: Floats, normal: Floats, *, offset: Floats, slow: Floats
    ) -> tuple[ShapeModel, Doubles | None]:
        """Return the model of normal clouds, and its mixtures (:meth:`leave_one_out`) if any.

        Args:
            points: As for the class.
            normal: As for the class.
            offset: As for the class.
            slow: What is mixed where mixtures of the offsets are not worthwhile.
        """
        whole = cls(points=points, normal=normal, offset=offset)
        if (weights := whole.leave_one_out()) is not None:
            return whole, weights
        model = cls(points=points, normal=normal, offset=offset, slow=slow)
        return model, model.leave_one_out()

    def expected(self, offset: Floats, *, used: Indices) -> Floats:
        """Return the offsets of the mixture that is closest to a part, with shape ``(M,)``.

        Args:
            offset: Offsets of the part, with shape ``(M,)``, NaN where unknown.
            used: Numbers of the normal clouds that are mixed: not the part itself.
        """
        mean, forms = self._forms(used)
        weights = self._weights(offset, used).astype(np.float32)
        made = mean + forms @ weights[:-MOTIONS] + self._motions @ weights[-MOTIONS:]
        return np.asarray(made, dtype=np.float32)

    def displaced(self, points: Floats, normal: Floats, *, expected: Floats) -> Floats:
        """Return points of a part, moved from the mixture's surface to the mean one, ``(P, 3)``.

        Args:
            points: Coordinates in extents, with shape ``(P, 3)``.
            normal: Unit normals of either sign, with shape ``(P, 3)``.
            expected: The mixture (:meth:`expected`), with shape ``(M,)``.
        """
        near = np.asarray(self._tree.query(points, np.arange(1, NEAREST + 1))[1])
        facing = np.abs(np.einsum("pc,pkc->pk", normal, self.normal[near])) > FACING
        facing |= ~facing.any(axis=1, keepdims=True)
        move = np.einsum("pk,pkc->pc", facing * expected[near], self.normal[near])
        return np.asarray(points - move / facing.sum(axis=1, keepdims=True), dtype=np.float32)

    def leave_one_out(self) -> Doubles | None:
        """Return the weights of all clouds in the mixture for each, ``(n + MOTIONS, n)``.

        A column is a mixture; the cloud itself has weight 0 in it.  The last rows are the rigid
        motions.  None if mixtures of the others come hardly nearer to what is mixed of a cloud than
        the mean does, as with parts that differ at random.
        """
        known = np.flatnonzero(np.isfinite(self.offset).any(axis=0))
        if len(known) < FEWEST:
            return None
        count = self.offset.shape[1]
        weights = np.zeros((count + MOTIONS, count))
        for number in known:
            others = known[known != number]
            rows = [*others, *range(count, count + MOTIONS)]
            weights[rows, number] = self._weights(self.offset[:, number], others)
        mean = self.mixtures(0 * weights)
        left = self._mixed - self._means(self._mixed)
        before, after = (
            np.nanmean((left - (made - mean))[:, known] ** 2)
            for made in (mean, self.mixtures(weights))
        )
        return weights if after < WORTHWHILE**2 * before else None

    def mixtures(self, weights: Doubles) -> Floats:
        """Return the offsets of mixtures of the other clouds, one for each cloud, ``(M, n)``.

        Args:
            weights: Weights of the mixtures (:meth:`leave_one_out`), ``(n + MOTIONS, n)``.
        """
        known = np.isfinite(self.offset)
        mixed, mean = np.where(known, self._mixed, 0), self._means(self._mixed)
        mixing, motions = np.split(weights.astype(np.float32), [-MOTIONS])
        made = self._means(self.offset) + mixed @ mixing
        made -= mean * (known.astype(np.float32) @ mixing)
        made += self._motions @ motions
        return np.asarray(made, dtype=np.float32)

    @property
    def _mixed(self) -> Floats:
        return self.offset if self.slow is None else self.slow

    def _means(self, values: Floats) -> Floats:
        """Return the means of the other clouds, one for each cloud, with shape ``(M, n)``."""
        known = np.isfinite(self.offset)
        values = np.where(known, values, 0)
        counts = known.sum(axis=1, keepdims=True) - known
        return np.asarray((values.sum(axis=1, keepdims=True) - values) / np.maximum(counts, 1))

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.points)

    @cached_property
    def _motions(self) -> Floats:
        """Offsets of a surface that is shifted or turned by 1, with shape ``(M, MOTIONS)``."""
        arm = self.points - self.points.mean(axis=0)
        return np.concatenate([self.normal, np.cross(arm, self.normal)], axis=1)

    @cached_property
    def _kept(self) -> dict[bytes, tuple[Floats, Floats]]:
        return {}

    def _forms(self, used: Indices) -> tuple[Floats, Floats]:
        """Return the mean of some clouds, ``(M,)``, and what is mixed of each, ``(M, k)``.

        That is how what is mixed differs from the mean over these clouds.
        """
        key = used.tobytes()
        if key not in self._kept:
            self._kept.clear()  # of all that are used in turn, only the last is used again
            known = np.isfinite(self.offset[:, used])
            count = np.maximum(known.sum(axis=1), 1)
            mean, middle = (
                (np.where(known, values[:, used], 0).sum(axis=1) / count).astype(np.float32)
                for values in (self.offset, self._mixed)
            )
            forms = np.where(known, self._mixed[:, used] - middle[:, None], np.float32(0))
            self._kept[key] = (mean, forms)
        return self._kept[key]

    def _weights(self, offset: Floats, used: Indices) -> Doubles:
        """Return the weights of the mixture closest to a part, with shape ``(k + MOTIONS,)``."""
        mean, forms = self._forms(used)
        some = np.flatnonzero(np.isfinite(offset[:PLACES]))
        weights: Doubles = np.zeros(len(used) + MOTIONS)
        if len(used) < FEWEST - 1 or len(some) <= len(weights):
            return weights
        wanted = (offset[some] - mean[some]).astype(np.float64)
        chosen = np.concatenate([forms[some], self._motions[some]], axis=1).astype(np.float64)
        trusted: Doubles = np.ones(len(some))
        for _ in range(ROUNDS):
            rows = chosen * trusted[:, None]
            gram = rows.T @ chosen
            for block in (slice(-MOTIONS), slice(-MOTIONS, None)):
                strength = gram.diagonal()[block]
                gram[block, block] += np.diag(RIDGE * strength.mean() + 0 * strength + 1e-12)
            weights = np.asarray(np.linalg.solve(gram, rows.T @ wanted), dtype=np.float64)
            left = np.abs(wanted - chosen @ weights)
            scale = REJECTED * max(1.4826 * float(np.median(left)), LEAST)
            trusted = np.maximum(1 - (left / scale) ** 2, 0) ** 2
        return weights
