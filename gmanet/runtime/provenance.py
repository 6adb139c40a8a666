"""Provenance of a result: versions, commit, machine and command-line overrides."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["provenance", "short_commit"]

PACKAGES = (
    "gmanet",
    "lightning",
    "numpy",
    "scipy",
    "torch",
    "torch-cluster",
    "torch-geometric",
    "torchmetrics",
)
"""Packages whose version may change a result."""


def provenance(overrides: Sequence[str] | None = None) -> dict[str, Any]:
    """Return ``versions``, ``commit``, ``machine``, ``neighbors`` and ``command``, plain values.

    ``neighbors`` is what finds the neighborhoods of PointNet++: ``torch-cluster`` or ``gmanet``.

    Args:
        overrides: Overrides of the command; None reads them from the command line.
    """
    return {
        "versions": {
            "python": platform.python_version(),
            **{key: _version(key) for key in PACKAGES},
        },
        "commit": _commit(Path(__file__).resolve().parents[2]),
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "gpu": _gpu()},
        "neighbors": _neighbors(),
        "command": list(sys.argv[1:] if overrides is None else overrides),
    }


def short_commit(commit: str | None) -> str:
    """Return the first ten characters of a commit, followed by ``-dirty`` if the commit has it."""
    head, dirty, _ = str(commit).partition("-dirty")
    return head[:10] + dirty


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit(checkout: Path) -> str | None:
    """Return the commit, followed by ``-dirty`` if files differ; None outside a checkout."""
    if not (checkout / ".git").exists():  # a parent folder may be another checkout
        return None
    try:
        head, changes = (
            subprocess.run(
                ["git", "-C", str(checkout), *arguments],
                capture_output=True,
                check=True,
                text=True,
                timeout=20,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changes else head


def _processor() -> str:
    """Return the name of the processor, from the kernel or else from the platform module."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _neighbors() -> str | None:
    """Return what PointNet++ takes its neighbors from; None where PyG is not loaded."""
    pyg = sys.modules.get("torch_geometric.typing")
    return None if pyg is None else "torch-cluster" if pyg.WITH_TORCH_CLUSTER else "gmanet"


def _gpu() -> str | None:
    """Return the name of the GPU and the version of CUDA; None if torch is not loaded or no GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
