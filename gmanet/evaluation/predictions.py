"""One cloud's stored scores: pass 1 writes them, pass 2 measures them.

There is one ``.npz`` per cloud.  File names are percent-encoded, so that a cloud's name may hold
slashes, comes back as it was, and never shares a file with another.  Of a name too long for a file
the beginning is left, with a digest, and the file itself holds the name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from gmanet.cloud import Cloud, Floats, Indices, Labels
from gmanet.errors import InputError
from gmanet.metrics.functional import regions
from gmanet.runtime.atomic import replacing
from gmanet.runtime.progress_table import NAMES

__all__ = ["Prediction", "file_stem", "load_predictions", "predict_cloud"]

LONGEST = 220
"""Bytes of a file's name without ending; file systems allow 255."""

CUT = "+"
"""Stands before the digest of a shortened name; percent-encoding never makes one."""

PER_POINT = {"score": "f", "label": "b", "region": "i"}
"""Arrays with shape ``(N,)`` and NumPy's letter for their type; the others are single values."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """Scores of one cloud in the order of its file, with the truth where it is known.

    Args:
        name: The cloud's name.
        score: Of each point, with shape ``(N,)``.
        label: True where a point is abnormal, with shape ``(N,)``; None where nobody knows.
        region: Number of each point's defect region, -1 on normal points, with shape ``(N,)``.
        defect: Kind of defect, ``good``, or empty where nobody knows.
        seconds: From loaded points to scores.
        whole: The detector's score of the object; NaN where it is not known.
    """

    name: str
    score: Floats
    label: Labels | None = None
    region: Indices | None = None
    defect: str = ""
    seconds: float = float("nan")
    whole: float = float("nan")

    @property
    def abnormal(self) -> bool | None:
        """Whether the object is defective; None where nobody knows."""
        if self.defect:
            return self.defect != "good"
        return None if self.label is None else bool(self.label.any())

    def save(self, folder: Path) -> Path:
        """Write the prediction's file in one piece and return its path.

        Args:
            folder: Where predictions lie; it is made if it is missing.

        Raises:
            InputError: The file system refuses.
        """
        arrays: dict[str, Any] = {"score": self.score.astype(np.float32)}
        if self.label is not None:
            arrays["label"] = self.label
        if self.region is not None:
            arrays["region"] = self.region.astype(np.int32)
        stem = file_stem(self.name)
        if _shortened(stem):
            arrays["name"] = np.array(self.name)
        path = folder / f"{stem}.npz"
        with replacing(path) as draft:
            np.savez_compressed(
                draft,
                defect=np.array(self.defect),
                seconds=np.array(self.seconds),
                object_score=np.array(self.whole),
                **arrays,
            )
        return path

    @classmethod
    def load(cls, path: Path, *, unmeasured: bool = False) -> Prediction:
        """Return what :meth:`save` wrote.

        Args:
            path: The file.
            unmeasured: Whether a score may be NaN, as ``predict`` writes it for a point that was
                never measured.

        Raises:
            InputError: The file is damaged or is none of ours.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: np.asarray(stored[name]) for name in stored.files}
        except Exception as error:  # zipfile and NumPy raise a dozen kinds on damaged archives
            reason = str(error).partition("\n")[0]
            raise InputError(f"{path}: is damaged ({reason}), wanted an array score") from None
        _check(path, arrays, unmeasured=unmeasured)
        return cls(
            name=str(arrays.get("name", unquote(path.stem, errors=NAMES))),
            score=arrays["score"].astype(np.float32, copy=False),
            label=arrays.get("label"),
            region=arrays.get("region"),
            defect=str(arrays.get("defect", "")),
            seconds=float(arrays.get("seconds", np.nan)),
            whole=float(arrays.get("object_score", np.nan)),
        )


def file_stem(name: str) -> str:
    """Return a file name for a cloud's, which may hold slashes; no two clouds share one."""
    stem = quote(name, safe="", errors=NAMES)
    stem = f"%2E{stem[1:]}" if stem.startswith(".") else stem  # hidden files are being written
    if len(stem) <= LONGEST:
        return stem
    digest = hashlib.sha256(stem.encode("ascii")).hexdigest()[:32]
    return f"{stem[: LONGEST - 33]}{CUT}{digest}"


def _shortened(stem: str) -> bool:
    return CUT in stem


def _check(path: Path, arrays: Mapping[str, Any], *, unmeasured: bool) -> None:
    """Raise an InputError unless the arrays are a prediction's."""
    score = arrays.get("score")
    if score is None or score.ndim != 1:
        found = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
        raise InputError(f"{path}: holds {found or 'nothing'}, wanted float scores of shape (N,)")
    kinds = {**PER_POINT, "defect": "U", "name": "U", "seconds": "f", "object_score": "f"}
    for name, kind in kinds.items():
        shape = score.shape if name in PER_POINT else ()
        array = arrays.get(name)
        if array is not None and (array.shape != shape or array.dtype.kind != kind):
            wanted = np.dtype({"i": "int32", "f": "float32", "b": "bool", "U": "str"}[kind]).name
            raise InputError(
                f"{path}: {name} is {array.dtype} {array.shape}, wanted {wanted} {shape}"
            )
    wrong = np.isinf(score) if unmeasured else ~np.isfinite(score)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(f"{path}: score {row + 1} is {score[row]}, wanted finite scores")


def predict_cloud(
    cloud: Cloud, score: Floats, *, seconds: float, whole: float = float("nan")
) -> Prediction:
    """Return the prediction of a cloud whose points were scored."""
    region = None if cloud.label is None else regions(cloud.pos, cloud.label)
    return Prediction(
        name=cloud.name,
        score=score,
        label=cloud.label,
        region=region,
        defect=cloud.defect or "",
        seconds=seconds,
        whole=whole,
    )


def load_predictions(folder: Path) -> Iterator[Prediction]:
    """Yield the stored predictions of a folder, sorted by file name, without hidden files.

    Raises:
        InputError: There are none, or one is damaged.
    """
    paths = [path for path in sorted(folder.glob("*.npz")) if not path.name.startswith(".")]
    if not paths:
        raise InputError(f"{folder}: no predictions (*.npz), wanted those of a finished run")
    return (Prediction.load(path) for path in paths)
