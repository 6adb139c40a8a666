"""A run on more good scans: those of an earlier run are kept, both detectors judge the same scans.

A data set may hold other scans out for the test once new ones are there; scans that the earlier
detector was fitted on stay train scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmanet.cloud import Cloud
from gmanet.config.compose import compose
from gmanet.config.overrides import load as load_yaml
from gmanet.config.schema import RunConfig, resolved
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import open_data
from gmanet.datasets.inventory import take_inventory
from gmanet.datasets.joined import Joined
from gmanet.datasets.subset import Subset
from gmanet.detectors.base import Detector
from gmanet.detectors.stored import load, load_detector
from gmanet.errors import InputError
from gmanet.inspection.judged import judged
from gmanet.runs.changes import changed_keys, read_entries
from gmanet.runs.folder import Run
from gmanet.station.comparison import Pair, agreement, pair_of, promise
from gmanet.verdict.check import DEFECTIVE, NOT_JUDGED

__all__ = ["Extension", "describe_both", "plan_extension"]

NAMED = 5
"""Largest number of scans that a sentence names."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Extension:
    """A fit on the scans of an earlier run and on new ones.

    Args:
        earlier: The earlier run.
        config: Configuration of the new run.
        overrides: Its overrides, those of the earlier run among them.
        train: Normal clouds, of the earlier run and new ones.
        test: Clouds to score.
        new: Names of the new normal clouds.
    """

    earlier: Run
    config: RunConfig
    overrides: list[str]
    train: CloudDataset
    test: CloudDataset
    new: list[str]

    @property
    def sentence(self) -> str:
        """Number of the kept and of the new scans."""
        names = ", ".join(self.new[:NAMED]) + (", …" if len(self.new) > NAMED else "")
        kept = len(self.train) - len(self.new)
        return f"{kept} scans of {self.earlier.folder} are kept, {len(self.new)} are new ({names})"


def plan_extension(folder: Path, typed: Sequence[str]) -> Extension:
    """Return the fit on more scans than those of an earlier run.

    Args:
        folder: Folder of the earlier run, which was fitted.
        typed: Overrides of the new run; without ``name``, it is called ``<earlier>_extended``.

    Raises:
        InputError: There is no such run, scans that it was fitted on are missing in the data, or
            there are no new ones.
    """
    earlier = Run.open(folder)
    if not earlier.detector_file.is_file():
        raise InputError(f"{folder}: holds no detector.ckpt, wanted a run that was fitted")
    name = f"{earlier.config.name}_extended"
    overrides = [*_overrides_of(earlier), f"name={name}", *typed]
    config = compose(overrides)
    if config.name == earlier.config.name:
        raise InputError(f"name={config.name}: is that of the earlier run, wanted another one")
    train, test = open_data(config.data, "train"), open_data(config.data, "test")
    known = _known(earlier)
    entries = take_inventory(train)
    present = {entry.fingerprint for entry in entries}
    held_out = [entry for entry in take_inventory(test) if entry.fingerprint in known - present]
    missing = known - present - {entry.fingerprint for entry in held_out}
    if missing:
        raise InputError(
            f"{folder}: {len(missing)} of the {len(known)} scans that it was fitted on are not in "
            f"the data, wanted all of them beside the new ones"
        )
    new = [entry.name for entry in entries if entry.fingerprint not in known]
    if not new:
        raise InputError(f"{folder}: was fitted on all {len(entries)} scans, wanted new ones")
    if held_out:
        names = [entry.name for entry in held_out]
        rest = [each for each in test.names if each not in set(names)]
        train, test = Joined([train, Subset(test, names)], "train"), Subset(test, rest)
    return Extension(
        earlier=earlier, config=config, overrides=overrides, train=train, test=test, new=new
    )


def describe_both(extension: Extension, run: Run) -> str:
    """Return how the earlier and the new detector judge the same scans, for people.

    Args:
        extension: What was fitted.
        run: The new run, finished.
    """
    first, second = load(extension.earlier.detector_file), load(run.detector_file)
    names = (str(extension.earlier.folder), str(run.folder))
    clouds = list(extension.test)
    pairs = [pair_of(first, second, cloud=cloud, scan=cloud.name) for cloud in clouds]
    columns = ("limit", "good called defective", "defective called defective", "not judged")
    head = f"| on {len(clouds)} test scans | {' | '.join(columns)} |\n|---|---|--:|--:|--:|"
    rows = [
        _row(name, detector, clouds=clouds, verdicts=verdicts)
        for name, detector, verdicts in (
            (names[0], first, [pair.first.verdict for pair in pairs]),
            (names[1], second, [pair.second.verdict for pair in pairs]),
        )
    ]
    differ = [_difference(pair, names) for pair in pairs if not pair.agrees]
    parts = [extension.sentence, _new_scans(extension, first), "\n".join([head, *rows])]
    return "\n\n".join([*parts, agreement(pairs, names), *differ])


def _overrides_of(run: Run) -> list[str]:
    """Return the overrides that a run was fitted with, without its name.

    Raises:
        InputError: They are not those of its configuration: another command made the run.
    """
    stored: Any = load_yaml(run.config_file).get("command") or []
    found = [text for text in map(str, stored) if "=" in text and not text.startswith("-")]
    found = [text for text in found if not text.startswith("name=")]
    now = compose([*found, f"name={run.config.name}"])
    if differ := changed_keys(resolved(run.config), resolved(now)):
        raise InputError(
            f"{run.config_file}: its command does not give its configuration ({differ[0]}), wanted "
            "a run of gmanet fit"
        )
    return found


def _known(run: Run) -> set[str]:
    """Return the fingerprints of the scans that a run was fitted on."""
    if run.inventory_file.is_file():
        return {entry.fingerprint for entry in read_entries(run.inventory_file).get("train", [])}
    return set(load_detector(run.detector_file).get("train", ()))


def _new_scans(extension: Extension, detector: Detector) -> str:
    """Return how the earlier detector judges the new good scans, one sentence."""
    clouds = list(Subset(extension.train, extension.new))
    verdicts = [judged(detector, cloud, scan=cloud.name)[0].verdict for cloud in clouds]
    return (
        f"of the {len(clouds)} new good scans, the earlier detector calls "
        f"{verdicts.count(DEFECTIVE)} defective, and does not judge {verdicts.count(NOT_JUDGED)}"
    )


def _row(name: str, detector: Detector, *, clouds: Sequence[Cloud], verdicts: Sequence[str]) -> str:
    """Return the line of a detector in the table."""
    cells = [name, promise(detector)]
    for abnormal in (False, True):
        some = [
            verdict
            for cloud, verdict in zip(clouds, verdicts, strict=True)
            if cloud.abnormal is abnormal
        ]
        cells.append(f"{some.count(DEFECTIVE)} of {len(some)}")
    return f"| {' | '.join([*cells, str(verdicts.count(NOT_JUDGED))])} |"


def _difference(pair: Pair, names: tuple[str, str]) -> str:
    first, second = pair.first, pair.second
    return (
        f"{pair.scan}: {first.verdict} (p = {first.p_value:.3g}) for {names[0]}, "
        f"{second.verdict} (p = {second.p_value:.3g}) for {names[1]}"
    )
