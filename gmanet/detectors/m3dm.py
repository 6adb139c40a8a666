r"""M3DM [Wang et al., CVPR 2023], its point cloud branch, as Real3D-AD's benchmark has it.

Features are those of ``detectors.patchcore_pointmae`` in the pose that a cloud has, without
registration; the bank is a tenth of them.  The highest feature :math:`f` of an object, at distance
:math:`s` from its nearest row :math:`m^*`, is weighted by how rare that row is, as PatchCore does:

.. math:: s \, \Bigl(1 - \frac{e^{s / \sqrt{C}}}
          {\sum_{m \in N(m^*)} e^{\|f - m\| / \sqrt{C}}}\Bigr),

with :math:`N(m^*)` the rows nearest to :math:`m^*`, itself among them.

The reference scores its centers only; here all points are scored.  Published figures are measured
from stored point scores, so that there an object scores its highest point.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.detectors.bank import Bank, k_nearest
from gmanet.detectors.patchcore_pointmae import PointMAE
from gmanet.detectors.pointmae_config import M3DMConfig
from gmanet.geometry.neighbors import interpolate

__all__ = ["M3DM", "reweighted"]


def reweighted(features: Tensor, rows: Tensor, *, distance: Tensor, count: int) -> Tensor:
    """Return the highest distance, weighted by the rows around the nearest one, a scalar.

    Args:
        features: With shape ``(M, C)``.
        rows: The bank, with shape ``(R, C)``.
        distance: Of each feature to its nearest row, with shape ``(M,)``.
        count: Rows around the nearest one, itself among them; 1 would weigh by zero and leaves the
            distance as it is.
    """
    highest = distance.argmax()
    count = min(count, len(rows))
    if count < 2:
        return distance[highest]
    reach = (rows - features[highest]).norm(dim=1)
    star = rows[reach.argmin()]
    near = (rows - star).norm(dim=1).topk(count, largest=False).indices  # the nearest row is first
    share = torch.softmax(reach[near] / rows.shape[1] ** 0.5, dim=0)
    return distance[highest] * (1 - share[0])


class M3DM(PointMAE):
    """Point-MAE or Point-BERT features, a tenth of them as bank, re-weighted object scores."""

    Config = M3DMConfig
    config: M3DMConfig

    def __init__(self, config: M3DMConfig) -> None:
        super().__init__(config)

    def bank_rows(self, held: int) -> int:
        """Return how many of the held rows the bank keeps."""
        return min(self.config.bank_size, max(1, round(self.config.share * held)))

    @torch.no_grad()
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one cloud, ``(N,)``, and a re-weighted object score."""
        bank = self.banks["feature"]
        assert isinstance(bank, Bank)
        features = self.features(record)["feature"].float()
        distance = k_nearest(features, bank.rows, count=self.config.neighbors).mean(dim=1)
        standard = (distance - bank.mean) / bank.deviation
        highest = reweighted(features, bank.rows, distance=distance, count=self.config.reweight)
        points = interpolate(standard, record.near, weight=record.weight)
        return points, (highest - bank.mean) / bank.deviation
