"""Partial views: the folders of a folder become whole scans, a part at a time.

A part's place in the data set is that of its folder.  Parts that lie directly in the folder of
views go to ``train/``, or to ``test/`` if a point of theirs is labelled.  In a folder ``test``
labels are written to ``gt/`` beside it, as in IEC3D-AD; elsewhere the cloud itself carries them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from gmanet.cloud import Cloud
from gmanet.data.files import read_cloud, write_cloud
from gmanet.data.files.atomic import replacing
from gmanet.errors import InputError
from gmanet.preparation.layout import PartFolder, list_parts
from gmanet.preparation.picture import save_picture
from gmanet.preparation.table import TABLE, digest, read_table, write_table
from gmanet.preprocess.cleaning import Cleaning
from gmanet.preprocess.fusion import Placement, fuse, joined, place
from gmanet.preprocess.turning import Turning

__all__ = ["PartLine", "fuse_parts", "tell_parts"]

METHOD = 1
"""Changes with whatever changes a result."""

POSES, PICTURES = "poses", "pictures"


@dataclass(frozen=True)
class PartLine:
    """What became of one part, a line of the table; lengths are in the unit of the views.

    Args:
        part: Its folder, below the folder of views.
        file: Its cloud, below the data set.
        views: How many.
        points: Of all views.
        noise: Standard deviation of points about their surface.
        rms_before: Residual between neighboring views after the coarse registration.
        rms_after: The same in the end.
        apart: How far two views' surfaces lie apart at most.
        overlap: Least share of a view that its neighbor shows too.
        closing: How far closing the ring moved points at most.
        outliers: Removed as such.
        thinned: Left out by the octree.
        labelled: Labelled points of the views.
        labelled_kept: Those that are left.
        seconds: It took, pictures included.
        key: Digest of the files' bytes and of the settings.
        error: Why there is no cloud.
    """

    part: str
    file: str = ""
    views: int = 0
    points: int = 0
    noise: float = 0.0
    rms_before: float = 0.0
    rms_after: float = 0.0
    apart: float = 0.0
    overlap: float = 0.0
    closing: float = 0.0
    outliers: int = 0
    thinned: int = 0
    labelled: int = 0
    labelled_kept: int = 0
    seconds: float = 0.0
    key: str = ""
    error: str = ""


def fuse_parts(
    views: Path, folder: Path, turning: Turning, cleaning: Cleaning, seed: int = 0
) -> list[PartLine]:
    """Put all parts together, and return what became of each.

    Args:
        views: The folder of parts.
        folder: Where clouds, pictures and the table go; neither ``views`` nor a folder of it.
        turning: What is known of the turntable.
        cleaning: Of the fused clouds.
        seed: Draws points and bases.

    Raises:
        InputError: There are no parts, or one of the folders cannot be used.
    """
    parts = list_parts(views)
    known = {line.part: line for line in read_table(folder / TABLE, PartLine) if not line.error}
    lines: list[PartLine] = []
    for part in tqdm(parts, "fuse", unit="part"):
        try:
            key = digest((METHOD, turning, cleaning, seed, part.name), part.files)
        except OSError as error:
            problem = f"{views / part.name}: cannot be read ({error.strerror})"
            lines.append(PartLine(str(part.name), error=problem))
            continue
        line = known.get(str(part.name))
        if line is None or line.key != key or not (folder / line.file).is_file():
            _forget(folder, line)
            line = _made(views, part, folder, (turning, cleaning, seed), key)
        lines.append(line)
        write_table(folder / TABLE, lines)
    return lines


def _forget(folder: Path, line: PartLine | None) -> None:
    """Remove what an earlier run made of a part: it no longer holds."""
    if line is not None:
        target = folder / line.file
        target.unlink(missing_ok=True)
        _truth(target).unlink(missing_ok=True)


def _made(
    views: Path, part: PartFolder, folder: Path, how: tuple[Turning, Cleaning, int], key: str
) -> PartLine:
    start = time.perf_counter()
    turning, cleaning, seed = how
    try:
        clouds = [read_cloud(path) for path in part.views]
        placement = _placed(part, clouds, folder, turning, seed)
        if placement.trouble:
            raise InputError(placement.trouble)
        whole = joined(clouds, placement)
        cleaned = fuse(clouds, placement, cleaning)
        target = folder / _place_of(part.name, whole)
        _write(target, cleaned.cloud)
        picture = folder / PICTURES / part.name.parent / f"{part.name.name}.png"
        save_picture(picture, clouds, placement, cleaned.cloud)
    except InputError as error:
        said = str(error)
        where = str(views / part.name)
        return PartLine(
            str(part.name), key=key, error=said if said.startswith(where) else f"{where}: {said}"
        )
    before, after = (
        0 if one.label is None else int(one.label.sum()) for one in (whole, cleaned.cloud)
    )
    lengths = ("noise", "rms_before", "rms", "apart", "overlap", "closing")
    return PartLine(
        str(part.name),
        str(target.relative_to(folder)),
        len(clouds),
        len(whole),
        *(float(f"{getattr(placement, name):.5g}") for name in lengths),
        cleaned.outliers,
        cleaned.thinned,
        before,
        after,
        round(time.perf_counter() - start, 1),
        key,
    )


def _placed(
    part: PartFolder, clouds: Sequence[Cloud], folder: Path, turning: Turning, seed: int
) -> Placement:
    """Return how views lie, perhaps as an earlier run with other cleaning found."""
    key = digest((METHOD, turning, seed), part.files)
    path = folder / POSES / part.name.parent / f"{part.name.name}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.pop("key") == key:
            return Placement(**stored)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # missing, or damaged by something else: found anew
    made = place(clouds, turning, part.angles(), part.reference_points(), seed)
    with replacing(path) as draft:
        draft.write_text(json.dumps({"key": key, **asdict(made)}), encoding="utf-8")
    return made


def _place_of(name: Path, cloud: Cloud) -> Path:
    if len(name.parts) > 1:
        return name.with_name(f"{name.name}.pcd")
    labelled = cloud.label is not None and cloud.label.any()
    return Path("test" if labelled else "train") / f"{name.name}.pcd"


def _write(target: Path, cloud: Cloud) -> None:
    if target.parent.name.lower() != "test":
        write_cloud(target, cloud)
        return
    if cloud.label is not None and cloud.label.any():
        write_cloud(_truth(target), cloud.replace(normal=None))
    write_cloud(target, cloud.replace(label=None))


def _truth(target: Path) -> Path:
    return target.parent.parent / "gt" / f"{target.stem}.txt"


def tell_parts(lines: Sequence[PartLine], folder: Path) -> None:
    """Print what became of the parts."""
    done = [line for line in lines if not line.error]
    views, points = sum(line.views for line in done), sum(line.points for line in done)
    kept = points - sum(line.outliers + line.thinned for line in done)
    sys.stdout.write(
        f"{len(done)} of {len(lines)} parts written to {folder}: {views} views of {points} points "
        f"became {kept} points; {folder / TABLE} and "
        f"{folder / PICTURES} tell more\n"
    )
