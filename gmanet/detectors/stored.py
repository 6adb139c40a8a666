"""Fitted detectors as files: settings, weights and fingerprints of the train clouds, without code.

``Detector.save`` and the ``detector.ckpt`` of a run have the same layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmanet import __version__
from gmanet.detectors.aliases import ALIASES
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector

__all__ = ["FORMAT", "load", "load_detector", "save_detector"]

FORMAT = 1
"""Version number of the file's layout; files of other versions are refused."""


def load(path: Path | str) -> Detector:
    """Return a detector that ``Detector.save`` or a run stored, ready to score.

    Args:
        path: The file; the ``detector.ckpt`` of a run is one, too.

    Raises:
        InputError: There is no such file, it is damaged, has another format, or holds a detector
            that this version does not have.
    """
    path = Path(path)
    whole = load_detector(path)
    name = whole["detector"]
    if not isinstance(name, str) or name not in DETECTORS:
        raise InputError(f"{path}: holds a detector {name!r}, wanted one of {', '.join(DETECTORS)}")
    kind = DETECTORS[name]
    try:
        settings = {ALIASES.get(key, key): value for key, value in whole["config"].items()}
        detector = kind(kind.Config(**{"name": name, **settings}))
        detector.load_state_dict(whole["state"])
        detector.fitted_on = frozenset(whole.get("train", ()))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(
            f"{path}: written by gmanet {whole.get('gmanet')}, does not fit gmanet {__version__} "
            f"({lines[-1].strip()}); wanted a detector of this version, fit it anew"
        ) from None
    return detector.eval()


def save_detector(
    path: Path,
    name: str,
    config: Mapping[str, Any],
    state: Mapping[str, Any],
    train: Iterable[str] = (),
) -> None:
    """Write a detector into a file that can be loaded without running code from the file.

    Args:
        path: The file; a missing folder is made.
        name: Key of ``gmanet.detectors.DETECTORS``.
        config: The detector's settings as plain values.
        state: The detector's ``state_dict``.
        train: Fingerprints of the clouds that the detector was fitted on.
    """
    from gmanet.runtime.tensors import write_tensors

    whole = {"format": FORMAT, "gmanet": __version__, "detector": name}
    write_tensors(
        path, {**whole, "config": dict(config), "state": dict(state), "train": sorted(train)}
    )


def load_detector(path: Path) -> dict[str, Any]:
    """Return the contents of a detector's file, with tensors on the CPU.

    Args:
        path: The file.

    Returns:
        ``format``, ``gmanet`` (version), ``detector`` (name), ``config``, ``state`` and, except in
        older files, ``train`` (fingerprints of the train clouds).

    Raises:
        InputError: There is no such file, it is damaged, or has another format.
    """
    import torch

    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle and zipfile raise a dozen kinds
        raise unreadable(path, error, "a file of detector.save or gmanet.fit") from None
    if not isinstance(whole, dict) or not {"detector", "config", "state"} <= set(whole):
        raise InputError(f"{path}: is no detector, wanted a file of detector.save or gmanet.fit")
    if whole.get("format") != FORMAT:
        raise InputError(
            f"{path}: written by gmanet {whole.get('gmanet')} in format {whole.get('format')}, "
            f"wanted format {FORMAT}"
        )
    return whole


def unreadable(path: Path, error: Exception, wanted: str) -> InputError:
    """Return the error for a file that is missing or damaged.

    Args:
        path: The file.
        error: The error of reading it.
        wanted: Description of the file that was wanted.
    """
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file, wanted {wanted}")
    reason = str(error).partition("\n")[0][:120]
    return InputError(f"{path}: cannot be read ({reason}), wanted {wanted}")
