"""Data set of normal clouds that are in memory already."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.errors import InputError
from gmanet.formats.arrays import as_cloud

__all__ = ["NormalClouds"]


class NormalClouds(CloudDataset):
    """Train split of normal clouds from a list.

    Args:
        clouds: Clouds, or arrays of coordinates with shape ``(N, 3)``, all in the same unit.

    Raises:
        InputError: The list is empty, or a cloud cannot be used or is marked as defective.
    """

    def __init__(self, clouds: Iterable[Cloud | npt.ArrayLike]) -> None:
        super().__init__("", "train")
        self.clouds: list[Cloud] = []
        seen: set[str] = set()
        for index, given in enumerate(clouds):
            source = f"good_clouds[{index}]"
            cloud = as_cloud(given, source)
            if cloud.abnormal:
                raise InputError(
                    f"{source}: {cloud.name} is marked as defective, wanted normal ones"
                )
            name = cloud.name if cloud.name not in seen else f"{cloud.name}_{index}"
            seen.add(name)
            normal = np.zeros(len(cloud), np.bool_)
            self.clouds.append(cloud.replace(name=name, label=normal, defect="good"))
        if not self.clouds:
            raise InputError("good_clouds: is empty, wanted several normal clouds of one part")

    @property
    def names(self) -> list[str]:
        """Return the clouds' names, in order."""
        return [cloud.name for cloud in self.clouds]

    def __getitem__(self, index: int) -> Cloud:
        return self.clouds[index]
