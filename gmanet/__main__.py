"""The command line: ``gmanet COMMAND`` is ``python -m gmanet.COMMAND``."""

from __future__ import annotations

import runpy
import sys

from gmanet import __version__
from gmanet.errors import hint

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "fit": "fit a detector on normal clouds, score the test clouds, measure",
    "predict": "judge your own scans with a fitted detector",
    "watch": "judge the scans that arrive in a folder, beside the line",
    "serve": "judge the scans that HTTP clients send",
    "compare": "compare the verdicts of two detectors on the same scans",
    "evaluate": "measure a run again from its stored predictions",
    "show": "draw a scan, or a test cloud of a run, from four sides",
    "prepare": "clean raw scans, or put partial views together, as a data set",
    "synthesize": "write synthetic defective twins of normal clouds to look at",
    "statistics": "count the clouds, points and defects of a data set",
    "annotate": "make label files of what was marked in CloudCompare",
    "benchmark": "do every run of an experiment",
    "sweep": "list the runs of an experiment, and how far each is",
    "report": "make the tables and pictures of experiments",
    "efficiency": "measure time, memory and size of every detector",
}
"""Name of a command -> its purpose."""


def main() -> None:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        lines = "".join(f"  {key:11} {what}\n" for key, what in COMMANDS.items())
        sys.stdout.write(f"usage: gmanet COMMAND [ARGUMENT ...]\n\n{lines}\n")
        sys.stdout.write("gmanet COMMAND --help tells what a command takes; gmanet --version\n")
    elif name in ("-V", "--version"):
        sys.stdout.write(f"gmanet {__version__}\n")
    elif name in COMMANDS:
        del sys.argv[1]
        runpy.run_module(f"gmanet.{name}", run_name="__main__", alter_sys=True)
    else:
        near, there = hint(name, COMMANDS), ", ".join(COMMANDS)
        sys.stderr.write(f"error: no command {name!r}{near}; there are: {there}\n")
        raise SystemExit(2)


if __name__ == "__main__":
    main()
