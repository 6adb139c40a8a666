"""Reconstruction of all parts from folders of partial views.

The fused cloud of a part has the same relative path in the data set as the folder of its views.
Parts directly in the folder of views are written to ``train/``, or to ``test/`` if any of their
points is labeled.  Labels of clouds in a folder ``test`` are written to the folder ``gt`` next to
``test``, as in IEC3D-AD; other clouds contain their labels.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from gmanet.cleaning.clean import Cleaning
from gmanet.cleaning.scans import print_notes, unmeasured
from gmanet.cloud import Cloud
from gmanet.errors import InputError, OutputError, note
from gmanet.formats import read_cloud, write_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.outputs import output_stem
from gmanet.formats.unread import unread
from gmanet.runtime.atomic import replacing
from gmanet.runtime.progress_table import TABLE, digest, read_table, write_table
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.folders import PartFolder, list_parts
from gmanet.turntable.fusion import Placement, about_one_origin, fuse, joined, register_views
from gmanet.turntable.holes import unseen_share
from gmanet.turntable.picture import save_picture
from gmanet.turntable.report import PICTURES, PartLine

__all__ = ["fuse_parts"]

METHOD = 3
"""Version of the algorithms, part of the cache key; raised when a result changes."""

POSES = "poses"


def fuse_parts(
    views: Path,
    folder: Path,
    *,
    turntable: TurntableConfig,
    cleaning: Cleaning,
    seed: int = 0,
    label_value: float = LABEL_VALUE,
) -> list[PartLine]:
    """Reconstruct all parts, and return a line of the table for each.

    Args:
        views: Folder of parts.
        folder: Folder for clouds, pictures and the table, outside of ``views``.
        turntable: Settings of the turntable.
        cleaning: Settings of cleaning for the fused clouds.
        seed: Seed of the random points and bases.
        label_value: Label of abnormal points in the files.

    Raises:
        InputError: There are no parts, or a folder cannot be used.
    """
    parts = list_parts(views)
    for sentence in unread(views, [path for part in parts for path in part.files]):
        note(sentence)
    known = {line.part: line for line in read_table(folder / TABLE, PartLine) if not line.error}
    lines: list[PartLine] = []
    for part in tqdm(parts, "fuse", unit="part"):
        try:
            key = digest((METHOD, turntable, cleaning, seed, label_value, part.name), part.files)
        except OSError as error:
            problem = f"{views / part.name}: cannot be read ({error.strerror})"
            lines.append(PartLine(part=str(part.name), error=problem))
            continue
        line = known.get(str(part.name))
        if line is None or line.key != key or not (folder / line.file).is_file():
            _forget(folder, line)
            line = _made(
                views, part, folder=folder, how=(turntable, cleaning, seed, label_value), key=key
            )
        lines.append(line)
        write_table(folder / TABLE, lines)
    return lines


def _forget(folder: Path, line: PartLine | None) -> None:
    """Remove the outdated results of an earlier run for a part."""
    if line is not None:
        target = folder / line.file
        target.unlink(missing_ok=True)
        _truth(target).unlink(missing_ok=True)


def _made(
    views: Path,
    part: PartFolder,
    *,
    folder: Path,
    how: tuple[TurntableConfig, Cleaning, int, float],
    key: str,
) -> PartLine:
    start = time.perf_counter()
    turntable, cleaning, seed, label_value = how
    try:
        clouds, lost = _read_views(part, label_value)
        placement = _placed(part, clouds, folder=folder, turntable=turntable, seed=seed)
        if placement.trouble:
            raise InputError(placement.trouble)
        whole = joined(clouds, placement)
        cleaned = fuse(clouds, placement, cleaning=cleaning)
        target = folder / _folder_of(part.name, whole)
        _write(target, cleaned.cloud)
        if placement.backward:
            note(
                f"{views / part.name}: the table turns the other way round than the order of the "
                "views says: step and axis belong together"
            )
        picture = folder / PICTURES / part.name.parent / f"{output_stem(part.name.name)}.png"
        save_picture(picture, clouds, placement=placement, fused=cleaned.cloud)
    except OutputError:
        raise  # not caused by the scan
    except InputError as error:
        said, where = str(error), str(views / part.name)
        named = said if said.startswith(where) else f"{where}: {said}"
        return PartLine(part=str(part.name), key=key, error=named)
    before, after = (
        0 if one.label is None else int(one.label.sum()) for one in (whole, cleaned.cloud)
    )
    names = ("noise", "systematic", "rms", "rms_before", "apart", "overlap", "closing")
    short = {name: float(f"{getattr(placement, name):.5g}") for name in names}
    return PartLine(
        part=str(part.name),
        file=str(target.relative_to(folder)),
        views=len(clouds),
        points=len(whole),
        backward=placement.backward,
        holes=round(unseen_share(cleaned.cloud.pos), 4),
        rms_after=short.pop("rms"),
        **short,  # type: ignore[arg-type]
        outliers=cleaned.outliers,
        thinned=cleaned.thinned,
        labelled=before,
        labelled_kept=after,
        unmeasured=lost,
        seconds=round(time.perf_counter() - start, 1),
        key=key,
    )


def _read_views(part: PartFolder, label_value: float) -> tuple[list[Cloud], int]:
    """Return a part's views with a common origin, and the number of unmeasured points."""
    clouds = [read_cloud(path, label_value) for path in part.views]
    for cloud in clouds:
        print_notes(cloud)
    return about_one_origin(clouds), sum(map(unmeasured, clouds))


def _placed(
    part: PartFolder,
    clouds: Sequence[Cloud],
    *,
    folder: Path,
    turntable: TurntableConfig,
    seed: int,
) -> Placement:
    """Return the placement of the views, from a file if only the cleaning has changed."""
    key = digest((METHOD, turntable, seed), part.files)
    path = folder / POSES / part.name.parent / f"{output_stem(part.name.name)}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.pop("key") == key:
            return Placement(**stored)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # missing or damaged: computed again
    made = register_views(
        clouds, turntable, angles=part.angles(), markers=part.reference_points(), seed=seed
    )
    with replacing(path) as draft:
        draft.write_text(json.dumps({"key": key, **asdict(made)}), encoding="utf-8")
    return made


def _folder_of(name: Path, cloud: Cloud) -> Path:
    if len(name.parts) > 1:
        return name.with_name(f"{output_stem(name.name)}.pcd")
    labelled = cloud.label is not None and cloud.label.any()
    return Path("test" if labelled else "train") / f"{output_stem(name.name)}.pcd"


def _write(target: Path, cloud: Cloud) -> None:
    if target.parent.name.lower() != "test":
        write_cloud(target, cloud)
        return
    if cloud.label is not None and cloud.label.any():
        write_cloud(_truth(target), cloud.replace(normal=None))
    write_cloud(target, cloud.replace(label=None))


def _truth(target: Path) -> Path:
    return target.parent.parent / "gt" / f"{target.stem}.txt"
