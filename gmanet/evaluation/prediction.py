"""One cloud's stored scores: pass 1 writes them, pass 2 measures them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gmanet.cloud import Cloud, Floats, Indices, Labels
from gmanet.data.files.atomic import replacing
from gmanet.errors import InputError
from gmanet.metrics.functional import regions

__all__ = ["Prediction", "load_predictions", "predict_cloud"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Scores of one cloud in the order of its file, with the truth where it is known.

    Args:
        name: The cloud's name.
        score: Of each point, with shape ``(N,)``.
        label: True where a point is abnormal, with shape ``(N,)``; None where nobody knows.
        region: Number of each point's defect region, -1 on normal points, with shape ``(N,)``.
        defect: Kind of defect, ``good``, or empty where nobody knows.
        seconds: From loaded points to scores.
    """

    name: str
    score: Floats
    label: Labels | None = None
    region: Indices | None = None
    defect: str = ""
    seconds: float = float("nan")

    @property
    def abnormal(self) -> bool | None:
        """Whether the object is defective; None where nobody knows."""
        if self.defect:
            return self.defect != "good"
        return None if self.label is None else bool(self.label.any())

    def save(self, folder: Path) -> Path:
        """Write ``<folder>/<name>.npz`` in one piece and return its path."""
        path = folder / f"{self.name.replace('/', '__')}.npz"
        truth: dict[str, Any] = {} if self.label is None else {"label": self.label}
        if self.region is not None:
            truth["region"] = self.region.astype(np.int32)
        with replacing(path) as draft:
            np.savez_compressed(
                draft,
                name=np.array(self.name),
                score=self.score.astype(np.float32),
                defect=np.array(self.defect),
                seconds=np.array(self.seconds),
                **truth,
            )
        return path

    @classmethod
    def load(cls, path: Path) -> Prediction:
        """Return what :meth:`save` wrote.

        Raises:
            InputError: The file is damaged or is none of ours.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                label, region = stored.get("label"), stored.get("region")
                prediction = cls(
                    name=str(stored["name"]),
                    score=stored["score"],
                    label=label,
                    region=region,
                    defect=str(stored["defect"]),
                    seconds=float(stored["seconds"]),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: not a stored prediction ({error})") from None
        for name, part in (("labels", prediction.label), ("regions", prediction.region)):
            if part is not None and len(part) != len(prediction.score):
                raise InputError(f"{path}: {len(part)} {name} for {len(prediction.score)} scores")
        return prediction


def predict_cloud(cloud: Cloud, score: Floats, seconds: float) -> Prediction:
    """Return the prediction of a cloud whose points were scored."""
    region = None if cloud.label is None else regions(cloud.pos, cloud.label)
    return Prediction(cloud.name, score, cloud.label, region, cloud.defect or "", seconds)


def load_predictions(folder: Path) -> Iterator[Prediction]:
    """Yield the stored predictions of a folder, sorted by file name.

    Raises:
        InputError: There are none.
    """
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise InputError(f"{folder}: no predictions (*.npz), wanted those of a finished run")
    return (Prediction.load(path) for path in paths)
