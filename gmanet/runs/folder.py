"""The folder of a run, through which the commands exchange data.

``run.yaml`` contains configuration, versions and machine, ``detector.ckpt`` the fitted detector,
``predictions/`` the point scores of every cloud, and ``scores.json`` the figures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from gmanet.config.overrides import load
from gmanet.config.schema import RunConfig, from_resolved, resolved, text_keys
from gmanet.detectors.stored import DETECTOR_FILE, adopt, load_detector
from gmanet.errors import InputError, note
from gmanet.runs.changes import changed_keys, changes, read_entries, write_entries
from gmanet.runs.files import load_checkpoint, read_scores, write_scores
from gmanet.runtime.atomic import replacing
from gmanet.runtime.locks import hold, holder
from gmanet.runtime.provenance import provenance
from gmanet.runtime.rank import rank

if TYPE_CHECKING:
    from gmanet.datasets.inventory import Entry
    from gmanet.detectors.base import Detector

__all__ = ["Run"]


class Run:
    """The folder of a run: paths of the files, and methods that read and write them.

    Args:
        folder: The folder, which is neither read nor made here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_file = folder / "run.yaml"
        self.detector_file = folder / DETECTOR_FILE
        self.inventory_file = folder / "inventory.json"
        self.scores_file = folder / "scores.json"
        self.checkpoints = folder / "checkpoints"
        self.predictions = folder / "predictions"
        self.pictures = folder / "pictures"
        self.wandb = folder / "wandb"
        self.lock_file = folder / ".lock"

    @staticmethod
    def root() -> Path:
        """Return the folder of all runs: the environment variable ``GMANET_RUNS``, or ``runs``."""
        return Path(os.environ.get("GMANET_RUNS") or "runs")

    @classmethod
    def create(
        cls,
        config: RunConfig,
        overwrite: bool = False,
        *,
        overrides: Sequence[str] | None = None,
        data: Mapping[str, Sequence[Entry]] | None = None,
    ) -> Run:
        """Return the run of a configuration: a new run, or an existing one to resume.

        The folder is ``config.name`` in the folder of all runs (:meth:`root`).  Of several
        processes, only the first reads and writes it.  A job that Slurm restarts overwrites
        nothing.

        Args:
            config: Configuration of the run.
            overwrite: Whether to delete an existing run first.
            overrides: Overrides for the record; None for those of the command line.
            data: Split -> inventory of the scans, which is stored with a new run and compared with
                that of an existing one; None if unknown.

        Raises:
            InputError: The folder is no run, or a run with another configuration or other data.
        """
        run = cls(cls.root() / config.name)
        if rank() > 0:
            return run
        run._refuse_folder()
        if run.config_file.exists():
            if not overwrite or int(os.environ.get("SLURM_RESTART_COUNT") or 0):
                run._refuse_another(config)
                run._refuse_other_data(data or {})
                return run
            run._empty()
        record = {"config": resolved(config), **provenance(overrides)}
        with replacing(run.config_file) as draft:
            draft.write_text(OmegaConf.to_yaml(OmegaConf.create(record)), encoding="utf-8")
        run._refuse_other_data(data or {})
        return run

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """Return the run in a folder.

        Raises:
            InputError: There is no such folder, or it is no run.
        """
        run = cls(Path(folder))
        if not run.folder.is_dir():
            raise InputError(f"{folder}: no such folder, wanted the folder of a run")
        if not run.config_file.is_file():
            raise InputError(f"{folder}: holds no run.yaml, wanted the folder of a run")
        _ = run.config  # a damaged file is refused here
        return run

    @property
    def config(self) -> RunConfig:
        """Configuration of the run.

        Raises:
            InputError: ``run.yaml`` is damaged, or of another version of the package.
        """
        return from_resolved(self._recorded(), str(self.config_file))

    @property
    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint, or None."""
        return next(iter(self.all_checkpoints), None)

    @property
    def all_checkpoints(self) -> list[Path]:
        """The checkpoints, the newest first, without unfinished files."""
        found = self.checkpoints.glob("[!.]*.ckpt")
        return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)

    @property
    def finished(self) -> bool:
        """Whether the run is fitted and measured."""
        return self.scores_file.is_file() and self.detector_file.is_file()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the folder within the block, so that no second command writes to it.

        Of several processes of one run only the first locks it.

        Raises:
            InputError: Another command has locked the folder, or it cannot be that of a run.
        """
        if rank() > 0:
            yield
            return
        self._refuse_folder()
        with hold(self.lock_file):
            yield

    def held(self) -> bool:
        """Return whether a command has locked the folder."""
        return holder(self.lock_file) is not None

    def write_scores(self, scores: Mapping[str, Any]) -> None:
        """Write ``scores.json``, with null for numbers that are not finite."""
        write_scores(self.scores_file, scores)

    def read_scores(self) -> dict[str, Any]:
        """Return the content of ``scores.json``."""
        return read_scores(self.scores_file)

    def restore(self, detector: Detector, checkpoint: Path | None = None) -> None:
        """Load the stored state of a detector.

        Args:
            detector: A detector with the settings of this run.
            checkpoint: Checkpoint of an interrupted run; None for ``detector.ckpt``.

        Raises:
            InputError: The file is missing, damaged, or does not fit the settings.
        """
        if checkpoint is None:
            whole = load_detector(self.detector_file)
            state = whole["state"]
            adopt(detector, whole)
        else:
            state = load_checkpoint(checkpoint)
        try:
            detector.load_state_dict(state)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            place = checkpoint or self.detector_file
            raise InputError(
                f"{place}: does not fit its run.yaml ({reason}), wanted the files of one run, or "
                "--overwrite to fit it anew"
            ) from None

    def _recorded(self) -> dict[str, Any]:
        """Return the configuration in ``run.yaml`` as nested mappings."""
        texts = {f"config.{key}": kind for key, kind in text_keys().items()}
        config = load(self.config_file, texts).get("config")
        if not isinstance(config, dict):
            raise InputError(f"{self.config_file}: holds no config, wanted the file of a run")
        return config

    def _refuse_folder(self) -> None:
        """Raise an error if the folder is within a run, or exists and is no run."""
        for parent in self.folder.parents:
            if parent.is_relative_to(self.root()) and (parent / "run.yaml").exists():
                wanted = "wanted another name"
                raise InputError(f"{self.folder}: lies within the run {parent}, {wanted}")
        if self.config_file.exists() or not self.folder.exists():
            return
        # Hidden files are the lock and unfinished files of a killed process.
        if not self.folder.is_dir() or any(self.folder.glob("[!.]*")):
            raise InputError(f"{self.folder}: exists and is no run, wanted another name")

    def _empty(self) -> None:
        """Delete all files but the lock; ``run.yaml`` is last, so that the folder stays a run."""
        try:
            for path in sorted(self.folder.iterdir(), key=self.config_file.__eq__):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path != self.lock_file:
                    path.unlink()
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be deleted ({error.strerror})") from None

    def _refuse_other_data(self, data: Mapping[str, Sequence[Entry]]) -> None:
        """Raise an error if scans changed since the run began; store the inventory of a new run."""
        if not any(data.values()):
            return
        if self.inventory_file.is_file():
            if differ := changes(read_entries(self.inventory_file), data):
                raise InputError(
                    f"{self.folder}: {differ} since this run was fitted; wanted the same data, "
                    "another name=..., or --overwrite to fit it anew"
                )
        elif self.detector_file.is_file() or self.last_checkpoint is not None:
            note(
                f"{self.folder}: an older run without inventory.json, so that nobody can tell "
                "whether its data are still the same"
            )
        else:
            write_entries(self.inventory_file, data)

    def _refuse_another(self, config: RunConfig) -> None:
        """Raise an error if the run in the folder has another configuration."""
        differ = changed_keys(resolved(self.config), resolved(config))
        if differ:
            shown = "; ".join(differ[:5]) + ("; …" if len(differ) > 5 else "")
            wanted = "wanted another name=..., or --overwrite to delete it"
            raise InputError(f"{self.folder}: a run of another configuration: {shown}; {wanted}")
