"""The motion from a procedural scan to the frame of the part, which the data set knows."""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles
from gmanet.datasets.procedural.specimen import Specimen
from gmanet.geometry.se3 import rigid

__all__ = ["true_motion"]


def true_motion(made: Specimen) -> Doubles:
    """Return the motion from a scan to the frame of the part, ``(4, 4)``, by least squares.

    Args:
        made: The scan and the points before noise.
    """
    pos = made.cloud.pos.astype(np.float64)
    center, middle = pos.mean(axis=0), made.clean.mean(axis=0)
    left, _, right = np.linalg.svd((made.clean - middle).T @ (pos - center))
    flip = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
    turn = left @ flip @ right
    return rigid(turn, middle - turn @ center)
