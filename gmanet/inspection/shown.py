"""A scan of the report: its points in few bytes, and pictures from the side of the worst place."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Doubles, Floats, Indices, robust_size
from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.record import Inspection
from gmanet.view.colors import Bytes, score_colors, score_limits
from gmanet.view.facing import Sides, sides, view_from
from gmanet.view.render import render
from gmanet.view.verdict_colors import limit_colors, saturation

__all__ = ["Shown", "shown"]

PICTURE, THUMBNAIL = 320, 88
"""Width and height of the pictures, in pixels."""

NEIGHBORS = 12
"""Number of points of the plane that gives a normal."""

DEFECTIVE = 0.5
"""Largest share of the points that are shown for the defects alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """What the page shows of a scan.

    Args:
        data: Values for the script of the page.
        picture: JPEG from the side of the worst place.
        thumbnail: The same, small.
        whole: Whether all points are shown.
    """

    data: dict[str, Any]
    picture: bytes
    thumbnail: bytes
    whole: bool


def shown(found: Inspection, scan: ScanFile, *, points: int) -> Shown:
    """Return what the page shows of a scan.

    Args:
        found: What was found about it.
        scan: The scan and the path of its outputs.
        points: Largest number of points.

    Raises:
        InputError: The scan or its outputs are no longer there, or belong to different files.
    """
    cloud = read_cloud(scan.path)
    stored = _stored(scan, cloud)
    score, region = stored["score"].astype(np.float32), stored["defect_number"]
    rows = _thinned(region, points)
    pos = cloud.pos[rows]
    middle = np.median(cloud.pos, axis=0).astype(np.float64)
    radius = _radius(cloud.pos, middle)
    normal, spacing = _normals(pos)
    limit = found.point_limit
    low, high = score_limits(score) if np.isnan(limit) else (limit, saturation(limit))
    colors = _colors(score[rows], found)
    around = sides(cloud.pos)
    first = region == 1 if (region == 1).any() else score >= score.max()
    view = view_from(around.facing(cloud.pos[first]), cloud.pos)
    deviation = stored.get("deviation")
    largest = 0.0 if deviation is None else _largest(deviation)
    data = {
        "count": len(rows),
        "radius": radius,
        "spacing": spacing,
        "pos": _packed((pos - middle) / radius * 32767, np.int16),
        "normal": _packed(127 * normal, np.int8),
        "score": _packed(_scaled(score[rows], low, high=high), np.uint8),
        "deviation": None
        if deviation is None
        else _packed(127 * deviation[rows] / largest, np.int8),
        "largest": f"{largest:.3g}",
        "limit": f"{low:.3g}",
        "most": f"{high:.3g}",
        "view": {"facing": view[2].tolist(), "up": view[1].tolist()},
        "defects": [
            _seen(cloud, region == number + 1, around=around, place=one.place, middle=middle)
            for number, one in enumerate(found.defects)
        ],
    }
    picture = _drawn(pos, colors, view=view, size=PICTURE)
    small = _drawn(pos, colors, view=view, size=THUMBNAIL)
    return Shown(data=data, picture=picture, thumbnail=small, whole=len(rows) == len(cloud))


def _stored(scan: ScanFile, cloud: Cloud) -> dict[str, npt.NDArray[Any]]:
    """Return the outputs of a scan at its measured points."""
    path = scan.output(".npz")
    try:
        with np.load(path) as file:
            names = {"score", "defect_number", "deviation"} & set(file.files)
            stored = {name: file[name] for name in names}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}), wanted outputs of predict") from None
    if cloud.rows is not None:
        stored = {name: values[cloud.rows] for name, values in stored.items()}
    if any(len(values) != len(cloud) for values in stored.values()):
        raise InputError(f"{path}: is no output of {scan.path}, wanted that of the same file")
    return stored


def _thinned(region: npt.NDArray[Any], points: int) -> Indices:
    """Return indices of points all over the scan, those of defects first."""
    if len(region) <= points:
        return np.arange(len(region))
    rng = np.random.default_rng(0)
    inside, outside = (rng.permutation(np.flatnonzero(part)) for part in (region > 0, region <= 0))
    some = inside[: int(points * DEFECTIVE)]
    return np.sort(np.concatenate([some, outside[: points - len(some)]]))


def _radius(pos: Floats, middle: Doubles) -> float:
    """Return the distance from the middle that holds the part but not its farthest outliers."""
    distance = np.linalg.norm(pos - middle, axis=1)
    return float(min(distance.max(), robust_size(pos)))


def _normals(pos: Floats) -> tuple[Floats, float]:
    """Return unit normals of either sign, ``(N, 3)``, and the usual distance of neighbors."""
    distance, index = nearest(pos, pos, count=min(NEIGHBORS, len(pos)))
    normal = principal_axes(pos, pos, neighbors=index)[1][:, :, 0]
    return np.asarray(normal, dtype=np.float32), float(np.median(distance[:, 3]))


def _seen(
    cloud: Cloud,
    inside: npt.NDArray[np.bool_],
    *,
    around: Sides,
    place: tuple[float, float, float],
    middle: Doubles,
) -> dict[str, Any]:
    """Return from where a defect is looked at, and its place about the middle of the part."""
    at = np.subtract(place, cloud.origin)
    here = cloud.pos[inside] if inside.any() else at[None]
    view = view_from(around.facing(here), cloud.pos)
    return {
        "facing": view[2].tolist(),
        "up": view[1].tolist(),
        "at": (at - middle).tolist(),
    }


def _largest(deviation: Floats) -> float:
    return max(float(np.quantile(np.abs(deviation), 0.999)), 1e-12)


def _scaled(score: Floats, low: float, *, high: float) -> Floats:
    """Return scores from 0 to 255; the limit is at 127.5, where the first red begins."""
    share = (score - low) / max(high - low, 1e-12)
    return np.where(score > low, 128 + 127 * np.clip(share, 0, 1), 127).astype(np.float32)


def _packed(values: npt.NDArray[Any], kind: type[np.generic]) -> str:
    """Return whole numbers as base64, limited to the range of their type."""
    info = np.iinfo(kind)  # type: ignore[type-var]
    whole = np.clip(np.rint(values), max(info.min, -info.max), info.max).astype(kind)
    return base64.b64encode(whole.tobytes()).decode()


def _colors(score: Floats, found: Inspection) -> Bytes:
    if np.isnan(found.point_limit):
        low, high = score_limits(score)
        return score_colors(score, low, high=high)
    return limit_colors(score, found.point_limit)


def _drawn(pos: Floats, colors: Bytes, *, view: Doubles, size: int) -> bytes:
    """Return a picture as JPEG."""
    from PIL import Image

    image = render(pos, None, rgb=colors, view=view, size=size)[0]
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=82)
    return file.getvalue()
