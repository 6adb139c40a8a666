"""Single-sided views of whole train clouds, for data sets with single-sided test clouds.

A detector that is fitted on whole parts mistakes the rim of a single-sided scan for a defect.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.geometry.visibility import directions, visible

__all__ = ["SingleView"]


class SingleView(CloudDataset):
    """Views of every cloud of another data set from several directions: the visible points.

    The directions are fixed in the frame of the files, and evenly spaced on the sphere.  Points
    keep their order and their labels.

    Args:
        whole: Clouds that were scanned from all sides.
        views: Number of views of each cloud.
    """

    def __init__(self, whole: CloudDataset, views: int) -> None:
        super().__init__(whole.category, whole.split)
        self.whole, self.views = whole, views
        self.unit, self.mesh = whole.unit, whole.mesh

    @property
    def names(self) -> list[str]:
        """Return the names ``<cloud>_view<number>``, all views of a cloud in succession."""
        return [f"{name}_view{view}" for name in self.whole.names for view in range(self.views)]

    @property
    def scanned(self) -> CloudDataset:
        """Return the data set of the whole clouds."""
        return self.whole

    def __getitem__(self, index: int) -> Cloud:
        """Return a view.

        Raises:
            InputError: The cloud cannot be read, or too few of its points are visible.
        """
        index = range(len(self))[index]
        cloud = self.whole[index // self.views]
        seen = visible(cloud.pos, directions(self.views)[index % self.views])
        name = self.names[index]
        view = cloud.replace(
            pos=np.ascontiguousarray(cloud.pos[seen]),
            label=None if cloud.label is None else cloud.label[seen],
            normal=None if cloud.normal is None else cloud.normal[seen],
            name=name,
        )
        return view.checked(name)
