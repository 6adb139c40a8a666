"""Predictions: the scores of one cloud in a file, written when it is scored, and measured later.

There is one ``.npz`` per cloud.  File names are percent-encoded, so that the name of a cloud may
contain slashes, can be decoded, and has a file of its own.  A name that is too long for a file is
cut and gets a digest; the file then contains the full name.
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
"""Largest length of a file name without ending, in bytes; file systems allow 255."""

CUT = "+"
"""Character before the digest of a shortened name; percent-encoding does not produce it."""

PER_POINT = {"score": "f", "label": "b", "region": "i"}
"""Name of each array with shape ``(N,)`` -> NumPy's letter for its type."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """Scores of one cloud in the order of its points, with the ground truth if it is known.

    Args:
        name: The cloud's name.
        score: Scores of the points, with shape ``(N,)``.
        label: Labels of the points, true where abnormal, with shape ``(N,)``; None if unknown.
        region: Number of each point's defect region, -1 on normal points, with shape ``(N,)``;
            None if unknown.
        defect: Kind of defect, ``good``, or empty if unknown.
        seconds: Time from points in memory to scores.
        whole: Score of the object; NaN if unknown.
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
        """Whether the object is defective; None if unknown."""
        if self.defect:
            return self.defect != "good"
        return None if self.label is None else bool(self.label.any())

    def save(self, folder: Path) -> Path:
        """Write the prediction's file atomically and return the path.

        Args:
            folder: Folder of predictions; it is made if it is missing.

        Raises:
            InputError: The file cannot be written.
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
            unmeasured: Whether scores may be NaN, as in files of ``predict`` for points that were
                never measured.

        Raises:
            InputError: The file is damaged or no prediction.
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
    """Return the file name, without ending, for the name of a cloud; it is unique."""
    stem = quote(name, safe="", errors=NAMES)
    stem = f"%2E{stem[1:]}" if stem.startswith(".") else stem  # hidden files are unfinished
    if len(stem) <= LONGEST:
        return stem
    digest = hashlib.sha256(stem.encode("ascii")).hexdigest()[:32]
    return f"{stem[: LONGEST - 33]}{CUT}{digest}"


def _shortened(stem: str) -> bool:
    return CUT in stem


def _check(path: Path, arrays: Mapping[str, Any], *, unmeasured: bool) -> None:
    """Raise an InputError unless the arrays are those of a prediction."""
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
    """Return the prediction of a cloud with its ground truth.

    Args:
        cloud: The cloud.
        score: Scores of the points, with shape ``(N,)``.
        seconds: Time from points in memory to scores.
        whole: Score of the object; NaN if unknown.
    """
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
        InputError: The folder holds no predictions, or a damaged one.
    """
    paths = [path for path in sorted(folder.glob("*.npz")) if not path.name.startswith(".")]
    if not paths:
        raise InputError(f"{folder}: no predictions (*.npz), wanted those of a finished run")
    return (Prediction.load(path) for path in paths)
