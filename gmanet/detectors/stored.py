"""Fitted detectors as files: settings, weights, limit, fingerprints of train clouds, no code.

``Detector.save`` and the ``detector.ckpt`` of a run have the same layout
(``gmanet.detectors.archive``).  Files of format 1, which ``torch.save`` wrote, are still read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmanet import __version__
from gmanet.detectors.aliases import ALIASES
from gmanet.detectors.archive import digest, is_archive, read_archive, read_content, write_archive
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector
    from gmanet.verdict.judge import Judge

__all__ = [
    *(
        "DETECTOR_FILE",
        "FORMAT",
        "adopt",
        "identity",
        "load",
        "load_detector",
        "read_identity",
        "save_detector",
    ),
    *("stored_judge", "unreadable"),
]

FORMAT = 2
"""Version number of the file's layout; files of later versions are refused."""

DETECTOR_FILE = "detector.ckpt"
"""Name of the detector's file in the folder of a run."""

WANTED = "a file of detector.save or gmanet.fit"
"""Description of a detector's file."""


def load(path: Path | str) -> Detector:
    """Return a detector that ``Detector.save`` or a run stored, ready to score.

    Args:
        path: The file, or the folder of a run, whose ``detector.ckpt`` it is.

    Raises:
        InputError: There is no such file, it is damaged, has another format, or holds a detector
            that this version does not have.
    """
    path = Path(path)
    if path.is_dir():
        path = path / DETECTOR_FILE
    whole = load_detector(path)
    name = whole["detector"]
    if not isinstance(name, str) or name not in DETECTORS:
        raise InputError(f"{path}: holds a detector {name!r}, wanted one of {', '.join(DETECTORS)}")
    kind = DETECTORS[name]
    try:
        settings = {ALIASES.get(key, key): value for key, value in whole["config"].items()}
        detector = kind(kind.Config(**{"name": name, **settings}))
        detector.load_state_dict(whole["state"])
        adopt(detector, whole)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(
            f"{path}: written by gmanet {whole.get('gmanet')}, does not fit gmanet {__version__} "
            f"({lines[-1].strip()}); wanted a detector of this version, fit it anew"
        ) from None
    return detector.eval()


def adopt(detector: Detector, whole: Mapping[str, Any]) -> None:
    """Set what a detector's file says beside the weights: train clouds, limit, part and unit.

    Args:
        detector: The detector.
        whole: Contents of its file.
    """
    detector.fitted_on = frozenset(whole.get("train", ()))
    detector.judge = stored_judge(whole)
    detector.detection = tuple(map(str, whole.get("detection", ())))
    if (mesh := whole.get("mesh")) is not None:
        from gmanet.nominal.pose import MeshTarget

        detector.nominal = MeshTarget.from_state(mesh)
    if (regions := whole.get("regions")) is not None and detector.judge is not None:
        from gmanet.verdict.regions import Regions

        detector.regions = Regions.from_state(regions, target=detector.judge.gate.target)
    detector.part, detector.unit = str(whole.get("part", "")), str(whole.get("unit", ""))


def save_detector(path: Path, detector: Detector) -> None:
    """Write a detector into a file that can be loaded without running code from the file.

    Args:
        path: The file; a missing folder is made.
        detector: A fitted detector.

    Raises:
        OutputError: The file cannot be written.
    """
    from gmanet.detectors.model_card import model_card

    content = _content(detector)
    found = digest(content)
    head: dict[str, Any] = {"format": FORMAT, "gmanet": __version__, "identity": found}
    if detector.detection:  # measured by the detector, no part of what it is
        head["detection"] = list(detector.detection)
    card = model_card(detector, version=__version__, identity=found)
    write_archive(path, {**head, **content}, readme=card)


def identity(detector: Detector) -> str:
    """Return a hash of a detector's content, 32 hexadecimal digits.

    Detectors of the same identity are the same: one, and those loaded from its file or from copies
    of the file.  With the same version of gmanet and its libraries on the same kind of processor
    they give the same scores and verdicts, bit for bit.

    Args:
        detector: A fitted detector.
    """
    return digest(_content(detector))


def read_identity(path: Path) -> str:
    """Return the identity of the detector in a file, without its tensors where the file says it.

    Raises:
        InputError: There is no such file, or it is no detector.
    """
    try:
        content = read_content(path) if is_archive(path) else {}
    except Exception as error:  # zipfile and json raise a dozen kinds
        raise unreadable(path, error, wanted=WANTED) from None
    found = content.get("identity")
    return found if isinstance(found, str) else identity(load(path))


def _content(detector: Detector) -> dict[str, Any]:
    """Return all that is stored of a detector, as plain values and tensors."""
    judge = detector.judge
    mesh = {} if detector.nominal is None else {"mesh": detector.nominal.state()}
    regions = {} if detector.regions is None else {"regions": detector.regions.state()}
    return {
        **mesh,
        **regions,
        "detector": detector.config.name,
        "part": detector.part,
        "unit": detector.unit,
        "config": asdict(detector.config),
        "train": sorted(detector.fitted_on),
        "judge": None if judge is None else judge.state(),
        "state": dict(detector.state_dict()),
    }


def stored_judge(whole: Mapping[str, Any]) -> Judge | None:
    """Return what makes a verdict of the detector's scores; None in files of older versions.

    Args:
        whole: Contents of a detector's file.
    """
    from gmanet.verdict.judge import Judge

    state = whole.get("judge")
    return None if state is None else Judge.from_state(state)


def load_detector(path: Path) -> dict[str, Any]:
    """Return the contents of a detector's file, with tensors on the CPU.

    Args:
        path: The file.

    Returns:
        ``format``, ``gmanet`` (version), ``detector`` (name), ``config``, ``state`` and, except in
        older files, ``train`` (fingerprints of the train clouds), ``judge``, ``identity``, ``part``
        and ``unit``; ``mesh``, ``regions`` and ``detection`` where there are any.

    Raises:
        InputError: There is no such file, it is damaged, or has another format.
    """
    try:
        whole = read_archive(path) if is_archive(path) else _of_format_1(path)
    except Exception as error:  # torch, pickle, zipfile and safetensors raise a dozen kinds
        raise unreadable(path, error, wanted=WANTED) from None
    if not isinstance(whole, dict) or not {"detector", "config", "state"} <= set(whole):
        raise InputError(f"{path}: is no detector, wanted {WANTED}")
    if whole.get("format") not in (1, FORMAT):
        raise InputError(
            f"{path}: written by gmanet {whole.get('gmanet')} in format {whole.get('format')}, "
            f"wanted format {FORMAT} or an earlier one"
        )
    return whole


def _of_format_1(path: Path) -> Any:
    """Return the contents of a file of ``torch.save``; no code of the file runs.

    Raises:
        ValueError: The file is a part of an archive.
    """
    import torch

    with path.open("rb") as file:
        begins = file.read(2)
        if begins == b"PK" and not zipfile.is_zipfile(file):
            raise ValueError("the end of the file is missing")
    return torch.load(path, map_location="cpu", weights_only=True)


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
