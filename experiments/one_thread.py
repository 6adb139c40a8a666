"""Measurements on one thread, so that timings do not depend on the number of cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

__all__ = ["on_one_thread"]


def on_one_thread(main: Callable[[], None]) -> None:
    """Call ``main`` on one thread, in a new process if libraries may already use more threads."""
    one = {"OMP_NUM_THREADS": "1"}  # read when libraries load
    if os.environ.get("OMP_NUM_THREADS") != "1":
        again = [sys.executable, *sys.argv]
        raise SystemExit(subprocess.run(again, env={**os.environ, **one}, check=False).returncode)
    main()
