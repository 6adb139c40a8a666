"""Tables of segmentations, in the form of Table X of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gmanet.evaluation.markdown import table
from gmanet.evaluation.paper_figures import published_segmentation
from gmanet.evaluation.results import Mean, Result, mean, mean_figure
from gmanet.metrics.segmentation import SEGMENTATION

__all__ = ["SEGMENTATION_TITLES", "segmentation_table"]

SEGMENTATION_TITLES = {
    "miou": "mIoU",
    "macc": "mAcc",
    "allacc": "allAcc",
    "iou_normal": "normal IoU",
    "accuracy_normal": "normal accuracy",
    "iou_abnormal": "abnormal IoU",
    "accuracy_abnormal": "abnormal accuracy",
}
"""Figure -> title of its column."""


def segmentation_table(results: Sequence[Result]) -> str:
    """Return Table X, each row above that of the paper, and the IoU by kind; empty without figures.

    The figures of the paper are of IEC3D-AD.  Ours are means over seeds, each with another split.

    Args:
        results: All runs of an experiment.
    """
    own = [result for result in results if SEGMENTATION[0] in result.figures]
    groups = {row: [r for r in own if r.row == row] for row in dict.fromkeys(r.row for r in own)}
    if not groups:
        return ""
    cells = {
        row: [mean_figure(group, name, count=_parts(group)) for name in SEGMENTATION]
        for row, group in groups.items()
    }
    lines: dict[str, Sequence[str]] = {}
    for row, texts in _texts(cells).items():
        lines[row] = texts
        if paper := published_segmentation(row):
            lines[f"{row}, the paper on IEC3D-AD"] = [f"{paper[n]:.3f}" for n in SEGMENTATION]
    first = table("points, pooled", list(SEGMENTATION_TITLES.values()), lines=lines)
    kinds = sorted({kind for result in own for kind in result.figures.get("defects", {})})
    by_kind = {
        row: [mean(group, partial(_iou, kind=kind), count=_parts(group)) for kind in kinds]
        for row, group in groups.items()
    }
    return "\n\n".join([first, table("abnormal IoU by defect", kinds, lines=_texts(by_kind))])


def _parts(results: Sequence[Result]) -> int:
    """Return the number of categories of some runs."""
    return len({result.category for result in results})


def _texts(cells: dict[str, list[Mean]]) -> dict[str, list[str]]:
    """Return the means of each row as text, the best of each column bold."""
    columns = list(zip(*cells.values(), strict=True))
    return {
        row: [value.text(column) for value, column in zip(values, columns, strict=True)]
        for row, values in cells.items()
    }


def _iou(result: Result, kind: str) -> float | None:
    value = result.figures.get("defects", {}).get(kind, {}).get("iou_abnormal")
    return None if value is None else float(value)
