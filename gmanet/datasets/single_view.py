"""Whole train clouds as single-sided views, where test clouds are taken from one side.

A detector that has learned whole parts takes the rim of a single-sided scan for a defect.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.geometry.visibility import directions, visible

__all__ = ["SingleView"]


class SingleView(CloudDataset):
    """Every cloud of another data set as seen from several directions, one view after the other.

    The directions are fixed in the frame of the files.  Points keep their order and their labels.

    Args:
        whole: Clouds that were taken all around.
        views: Views of each.
    """

    def __init__(self, whole: CloudDataset, views: int) -> None:
        super().__init__(whole.category, whole.split)
        self.whole, self.views = whole, views
        self.unit = whole.unit

    @property
    def names(self) -> list[str]:
        """Return each cloud's name with the number of the view."""
        return [f"{name}_view{view}" for name in self.whole.names for view in range(self.views)]

    @property
    def scanned(self) -> CloudDataset:
        """Return the clouds that were taken all around."""
        return self.whole

    def __getitem__(self, index: int) -> Cloud:
        """Return a view.

        Raises:
            InputError: The cloud cannot be read, or too little of it is seen.
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
