"""Labels: the one rule that says which numbers of a file are labels of its points.

A scan's labels are a field that is *called* one: ``label``, ``labels``, ``gt``, ``ground_truth``,
``defect``, ``anomaly`` or ``anomalous``, in any case, perhaps after CloudCompare's ``scalar_``.  In
text a first line ``//X Y Z label`` (or ``# x y z label``) names the columns; without one the fourth
of four and the seventh of seven columns are looked at.

Its values are 0 (normal) and 1 (abnormal), or booleans; or 0 and one other value, if the user says
which (``label_value``).  Anything else is *no label* and is said in a note of the cloud: gray
values, numbers of segments, NaN.  Nor is it a label if more than half of the points are marked:
then it is a segmentation, or marks what is good.

In label files (``gmanet.datasets.loaders.truth``, and what was marked in CloudCompare) labels are
all that there is: a value other than 0 and 1 is an error there.
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
"""What a field of labels is called, without ``scalar_``; the first that a file has is taken."""
UNCLEAR = ("scalar_field", "classification", "class")
"""Names of what may be anything in a scan: not read, and said."""
LABEL_VALUE = 1.0
"""What marks an abnormal point where nothing else is said."""
MOST = 0.5
"""Share of abnormal points above which a field is no label."""


def plain_name(name: str) -> str:
    """Return ``scalar_field`` for ``Scalar field`` and ``scalar_Scalar_field``."""
    words = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    return words.removeprefix("scalar_") if words != "scalar_field" else words


def find_label(names: Iterable[str], wanted: Iterable[str] = NAMES) -> str | None:
    """Return the field that is called a label; None if there is none.

    Args:
        names: Of all fields.
        wanted: Plain names; the first one that is there is taken.
    """
    plain = {plain_name(name): name for name in reversed(list(names))}
    return next((plain[name] for name in wanted if name in plain), None)


def unread(field: str) -> str:
    """Return a sentence on a field that is not called a label."""
    return f"the field {field} is not read as labels: wanted one called label"


def wrong_values(values: npt.NDArray[np.generic], value: float = LABEL_VALUE) -> Labels:
    """Return True where a value is neither 0 nor that of abnormal points, with shape ``(N,)``.

    Args:
        values: Numbers or booleans, with shape ``(N,)``.
        value: Of abnormal points.
    """
    return np.asarray((values != 0) & (values != value))


def no_label(
    values: npt.NDArray[np.generic], field: str = "label", *, value: float = LABEL_VALUE
) -> str:
    """Return why a scan's values are no labels, as a sentence; empty if they are.

    Args:
        values: Numbers or booleans, with shape ``(N,)``.
        field: What they are called in the sentence, ``the fourth column``.
        value: Of abnormal points.
    """
    wanted = f"wanted 0 (normal) and {value:g} (abnormal)"
    if wrong_values(values, value).any():
        finite = np.unique(values[np.isfinite(values)]).astype(np.float64)
        held = f"{finite[0]:.12g} to {finite[-1]:.12g}" if len(finite) else "no number"
        held += " and NaN" if len(finite) > 0 and not np.isfinite(values).all() else ""
        others = finite[finite != 0]
        single = len(others) == 1 and np.isfinite(values).all()
        how = f"data.label_value={others[0]:.12g} takes {others[0]:.12g} as" if single else ""
        hint = f"; {how} abnormal" if how else ""
        return f"{field} holds {held} and is not read as labels: {wanted}{hint}"
    share = float(np.mean(values == value)) if len(values) else 0.0
    if share > MOST:
        return (
            f"{field} marks {share:.0%} of the points as abnormal and is not read as labels: "
            f"wanted at most {MOST:.0%}"
        )
    return ""
