r"""M3DM [Wang et al., CVPR 2023], its point cloud branch, as in the benchmark of Real3D-AD.

Features are those of ``detectors.patchcore_pointmae`` without registration; the bank is a tenth of
them.  As in PatchCore, the object score is the largest distance :math:`s` of a feature :math:`f` to
its nearest row :math:`m^*`, weighted by how isolated that row is in the bank:

.. math:: s \, \Bigl(1 - \frac{e^{s / \sqrt{C}}}
          {\sum_{m \in N(m^*)} e^{\|f - m\| / \sqrt{C}}}\Bigr),

with :math:`N(m^*)` the rows nearest to :math:`m^*`, including :math:`m^*`.

The reference scores centers only; here all points are scored.  The published figures of Real3D-AD
are computed from stored point scores, where an object scores its highest point.
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
    """Return the largest distance, weighted by the rows around its nearest row, a scalar.

    Args:
        features: Features of one cloud, with shape ``(M, C)``.
        rows: Rows of the bank, with shape ``(R, C)``.
        distance: Distance of each feature to its nearest row, with shape ``(M,)``.
        count: Number of rows around the nearest row, including that row; 1 leaves the distance
            unweighted.
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
    """M3DM: Point-MAE or Point-BERT features, a tenth of them as bank, weighted object scores."""

    Config = M3DMConfig
    config: M3DMConfig

    def __init__(self, config: M3DMConfig) -> None:
        super().__init__(config)

    def bank_rows(self, held: int) -> int:
        """Return the number of rows in a bank that is made of a pool of ``held`` rows."""
        return min(self.config.bank_size, max(1, round(self.config.share * held)))

    @torch.no_grad()
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one cloud, ``(N,)``, and the weighted object score."""
        bank = self.banks["feature"]
        assert isinstance(bank, Bank)
        features = self.features(record)["feature"].float()
        distance = k_nearest(features, bank.rows, count=self.config.neighbors).mean(dim=1)
        standard = (distance - bank.mean) / bank.deviation
        highest = reweighted(features, bank.rows, distance=distance, count=self.config.reweight)
        points = interpolate(standard, record.near, weight=record.weight)
        return points, (highest - bank.mean) / bank.deviation
