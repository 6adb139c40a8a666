"""Which of several processes of one run this is, as the launchers of Slurm and torch tell it."""

from __future__ import annotations

import os

__all__ = ["rank"]

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables in which launchers number the processes of one run."""


def rank() -> int:
    """Return the number of this process; 0 does what is to be done once."""
    return int(next((os.environ[key] for key in RANKS if os.environ.get(key)), 0))
