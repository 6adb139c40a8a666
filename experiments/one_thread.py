"""Run a script's measurement on one thread, whatever the machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

__all__ = ["on_one_thread"]


def on_one_thread(main: Callable[[], None]) -> None:
    """Call ``main``, in a new process where libraries may have read another number of threads."""
    one = {"OMP_NUM_THREADS": "1"}  # read when libraries load
    if os.environ.get("OMP_NUM_THREADS") != "1":
        again = [sys.executable, *sys.argv]
        raise SystemExit(subprocess.run(again, env={**os.environ, **one}, check=False).returncode)
    main()
