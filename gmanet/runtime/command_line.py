"""The parser of every command: its name, its module's docstring as help, overrides in any place."""

from __future__ import annotations

import argparse

__all__ = ["command_parser"]


def command_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a command, to which it adds its arguments.

    Overrides ``key=value`` may stand before, between and behind options:
    ``parse_intermixed_args`` reads them.

    Args:
        name: What follows ``python -m gmanet.``.
        description: Docstring of the command's module, shown as it is.
    """
    return argparse.ArgumentParser(
        prog=f"python -m gmanet.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
