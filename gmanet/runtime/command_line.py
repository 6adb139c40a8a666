"""Parser for the arguments of a command."""

from __future__ import annotations

import argparse

__all__ = ["command_parser"]


def command_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a command, without arguments; the command adds these.

    ``parse_intermixed_args`` accepts overrides ``key=value`` before, between and after options.

    Args:
        name: Name of the command, after ``python -m gmanet.``.
        description: Docstring of the command's module, shown unchanged as help.
    """
    return argparse.ArgumentParser(
        prog=f"python -m gmanet.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
