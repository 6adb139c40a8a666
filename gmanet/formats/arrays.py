"""Clouds from coordinates in memory, by the same rules as for files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import assemble

__all__ = ["as_cloud"]


def as_cloud(cloud: Cloud | npt.ArrayLike, name: str = "array") -> Cloud:
    """Return the checked cloud of an array of coordinates, or a given cloud after the check.

    Unmeasured points are left out, and coordinates far from the origin are centered.

    Args:
        cloud: A cloud, or coordinates with shape ``(N, 3)``.
        name: Name of the new cloud; error messages begin with it.

    Raises:
        InputError: The array has another shape or no numbers, or the cloud cannot be scored.
    """
    if isinstance(cloud, Cloud):
        return cloud.checked(cloud.name)
    try:
        pos: npt.NDArray[Any] = np.asarray(cloud, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name}: {type(cloud).__name__}, wanted coordinates (N, 3)") from None
    if pos.ndim != 2 or pos.shape[1] != 3:
        raise InputError(f"{name}: coordinates of shape {pos.shape}, wanted (N, 3)")
    with np.errstate(over="ignore", invalid="ignore"):
        return assemble(Path(name), pos).replace(name=name).checked(name)
