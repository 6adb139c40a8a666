"""Labels: the rule that decides which numbers of a file are labels of the points.

The field of labels has one of the names ``label``, ``labels``, ``gt``, ``ground_truth``,
``defect``, ``anomaly`` or ``anomalous``, in any case, with or without CloudCompare's prefix
``scalar_``.  In text a first line ``//X Y Z label`` (or ``# x y z label``) names the columns;
without such a line the last column is the candidate (``gmanet.formats.roles``).

Valid values are 0 (normal) and 1 (abnormal), booleans, or 0 and the ``label_value`` that the user
names.  A field with other values (gray values, segment numbers, NaN) is not read, and a note of the
cloud says so.  The same holds if more than half of the points are marked: the field is then a
segmentation, or marks the normal points.

In label files (``gmanet.datasets.loaders.truth``, and annotations from CloudCompare) a value other
than 0 and 1 is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Labels

__all__ = [
    "LABEL_VALUE",
    "NAMES",
    "UNCLEAR",
    "find_label",
    "no_label",
    "plain_name",
    "unread",
    "wrong_values",
]

NAMES = ("label", "labels", "gt", "ground_truth", "defect", "anomaly", "anomalous")
"""Names of a field of labels, without ``scalar_``; the first name that a file has is used."""
UNCLEAR = ("scalar_field", "classification", "class")
"""Ambiguous names of fields: such a field is not read, and a note says so."""
LABEL_VALUE = 1.0
"""Default label of abnormal points."""
MOST = 0.5
"""Share of marked points above which a field is not taken as labels."""


def plain_name(name: str) -> str:
    """Return a field's normalized name, ``scalar_field`` for ``scalar_Scalar field``."""
    words = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    return words.removeprefix("scalar_") if words != "scalar_field" else words


def find_label(names: Iterable[str], wanted: Iterable[str] = NAMES) -> str | None:
    """Return the name of the field of labels; None if there is none.

    Args:
        names: Names of all fields.
        wanted: Normalized names of labels; the first one among the fields is used.
    """
    plain = {plain_name(name): name for name in reversed(list(names))}
    return next((plain[name] for name in wanted if name in plain), None)


def unread(field: str) -> str:
    """Return a sentence about an ambiguous field that is not read as labels."""
    return f"the field {field} is not read as labels: wanted one called label"


def wrong_values(values: npt.NDArray[np.generic], value: float = LABEL_VALUE) -> Labels:
    """Return True where a value is neither 0 nor ``value``, with shape ``(N,)``.

    Args:
        values: Numbers or booleans, with shape ``(N,)``.
        value: Label of abnormal points.
    """
    return np.asarray((values != 0) & (values != value))


def no_label(
    values: npt.NDArray[np.generic], field: str = "label", *, value: float = LABEL_VALUE
) -> str:
    """Return a sentence on why a scan's values are no valid labels; empty if they are valid.

    Args:
        values: Numbers or booleans, with shape ``(N,)``.
        field: Name of the values in the sentence, such as ``the fourth column``.
        value: Label of abnormal points.
    """
    wanted = f"wanted 0 (normal) and {value:g} (abnormal)"
    if wrong_values(values, value).any():
        finite = np.unique(values[np.isfinite(values)]).astype(np.float64)
        held = f"{finite[0]:.12g} to {finite[-1]:.12g}" if len(finite) else "no number"
        held += " and NaN" if len(finite) > 0 and not np.isfinite(values).all() else ""
        nonzero = finite[finite != 0]
        single = len(nonzero) == 1 and np.isfinite(values).all()
        how = f"data.label_value={nonzero[0]:.12g} takes {nonzero[0]:.12g} as" if single else ""
        hint = f"; {how} abnormal" if how else ""
        return f"{field} holds {held} and is not read as labels: {wanted}{hint}"
    share = float(np.mean(values == value)) if len(values) else 0.0
    if share > MOST:
        return (
            f"{field} marks {share:.0%} of the points as abnormal and is not read as labels: "
            f"wanted at most {MOST:.0%}"
        )
    return ""
