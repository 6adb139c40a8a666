"""Colors: a map for scores, a color for abnormal points, and the light that falls on both.

The score map runs from light gray (normal) over yellow and orange to dark red (abnormal).  It is
built in CIELAB: equal steps of score are equal steps of perceived color, and lightness decreases
monotonically, so that the map is readable with color blindness and in gray print.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from gmanet.cloud import Floats, Labels

__all__ = [
    *("LABEL_COLOR", "SCORE_MAP", "SURFACE_COLOR", "Bytes", "Limits"),
    *("label_colors", "score_colors", "score_limits"),
]

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.floating[Any]]
Limits = tuple[float, float]
"""Scores that get the first and the last color."""

SURFACE_COLOR: Bytes = np.array([203, 208, 214], dtype=np.uint8)
"""Color of normal points and of points without labels: bare metal."""

LABEL_COLOR: Bytes = np.array([196, 34, 45], dtype=np.uint8)
"""Color of points that are labeled as abnormal."""

LIGHT = np.array([-0.45, 0.6, 0.66]) / np.linalg.norm([-0.45, 0.6, 0.66])
"""Unit vector toward the light: left, up, and toward the viewer."""

AMBIENT, MATTE, GLOSS = 0.45, 0.6, 0.15
"""Weights of ambient, diffuse and specular light."""
CREASES = ((0.006, 0.35), (0.02, 0.35))
"""Radius of blur, in widths of the picture, and strength, for each of two layers of shade."""
GRAIN = 0.08
"""Largest depth of a pixel behind its surroundings without shade, in radii of blur.

The threshold suppresses shade from the noise of a scan.
"""

LAB_STOPS = [(86, -1, -2), (83, 4, 42), (72, 26, 66), (55, 54, 54), (40, 56, 38), (27, 42, 22)]
"""CIELAB colors (lightness, green-red, blue-yellow) that the score map interpolates."""


def score_colors(score: npt.ArrayLike, low: float, *, high: float) -> Bytes:
    """Return each score's color, with shape ``(N, 3)``.

    Args:
        score: Any finite values, with shape ``(N,)``; those outside the range get its end colors.
        low: The score that gets the first color.
        high: The score that gets the last color; not below ``low``.

    Raises:
        ValueError: The range is reversed, or a score is not finite.
    """
    values = np.asarray(score, dtype=np.float64)
    if not low <= high:
        raise ValueError(f"colors from {low} to {high}, wanted a rising range")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return SCORE_MAP[np.rint(255 * np.clip(share, 0, 1)).astype(np.int64)]


def score_limits(*scores: npt.ArrayLike) -> Limits:
    """Return the median and the 99.9th percentile of all scores, made distinct if equal.

    With these limits half of the points have the first color, and a few high scores do not wash out
    the others.

    Args:
        scores: Finite scores of one or several clouds, each with shape ``(N,)``.
    """
    low, high = np.percentile(np.concatenate([np.asarray(one) for one in scores]), (50, 99.9))
    return float(low), float(max(high, low + 1e-9))


def label_colors(label: npt.ArrayLike) -> Bytes:
    """Return the label color for abnormal points and the surface color for others, ``(N, 3)``."""
    return np.where(np.asarray(label, dtype=bool)[:, None], LABEL_COLOR, SURFACE_COLOR)


def lit(layer: Floats, mask: Labels, *, width: int) -> Floats:
    """Return the colors of the masked pixels under a light from the upper left, ``(M, 3)``.

    The shading consists of ambient light, Lambert's diffuse and Blinn's specular reflection.
    Pixels behind their surroundings are darkened, which emphasizes threads and rims (Luft et al.,
    Image enhancement by unsharp masking the depth buffer, 2006).

    Args:
        layer: Each pixel's surface color from 0 to 255, normal of any length that faces the
            viewer (right, up, out) and depth toward the viewer in pixels, ``(H, W, 7)``.
        mask: True where the part is, with shape ``(H, W)``.
        width: Width of the picture in pixels, to which the radius of the shade is relative.
    """
    rgb, normal = layer[mask, :3], layer[mask, 3:6]
    unit = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    halfway = LIGHT + np.array([0, 0, 1])
    matte = AMBIENT + MATTE * np.clip(unit @ LIGHT, 0, 1)
    gloss = GLOSS * np.clip(unit @ halfway / np.linalg.norm(halfway), 0, 1) ** 30
    shade = _crease_shade(layer[..., 6] * mask, mask, width=width)[mask]
    color = (rgb * matte[:, None] + 255 * gloss[:, None]) * shade[:, None]
    return np.asarray(np.clip(color, 0, 255), dtype=np.float32)


def _crease_shade(depth: Floats, mask: Labels, *, width: int) -> Floats:
    shade = np.ones_like(depth)
    for blur, strength in CREASES:
        reach = blur * width
        weight = gaussian_filter(mask.astype(np.float32), reach, truncate=3)
        around = gaussian_filter(depth, reach, truncate=3) / np.maximum(weight, 1e-6)
        shade -= strength * np.clip((around - depth) / reach - GRAIN, 0, 0.9)
    return np.maximum(shade, 0.35)


def _lab_to_srgb(lab: Numbers) -> Bytes:
    """Return sRGB bytes of CIELAB colors under daylight (D65), with shape ``(M, 3)``."""
    y = (lab[:, 0] + 16) / 116
    root = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    xyz = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
    matrix = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    linear = np.clip(xyz * [0.9505, 1.0, 1.0890] @ np.array(matrix).T, 0, 1)
    bent = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.asarray(np.rint(255 * bent), dtype=np.uint8)


def _score_map() -> Bytes:
    """Return 256 colors at equal perceived distances on the curve through the stops."""
    stops = np.array(LAB_STOPS, dtype=np.float64)
    fine = np.linspace(0, len(stops) - 1, 2001)
    curve = np.stack([np.interp(fine, np.arange(len(stops)), column) for column in stops.T], axis=1)
    walked = np.append(0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))
    regular = np.linspace(0, walked[-1], 256)
    return _lab_to_srgb(
        np.stack([np.interp(regular, walked, column) for column in curve.T], axis=1)
    )


SCORE_MAP: Bytes = _score_map()
"""The map's 256 colors from low to high, with shape ``(256, 3)``."""
