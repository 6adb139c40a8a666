"""What goes wrong because of the input: one clear sentence and exit code 2, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["InputError", "command", "note"]


class InputError(ValueError):
    """Input that cannot be used; the message says what was found, where, and what was wanted."""


def note(sentence: str) -> None:
    """Tell the person at the terminal something that stops nothing."""
    sys.stderr.write(f"note: {sentence}\n")


def command(main: Callable[[], None]) -> None:
    """Run a command's ``main`` and turn an :class:`InputError` into a sentence and exit code 2."""
    try:
        main()
    except InputError as error:
        # A data worker's error arrives as its whole traceback; the sentence stands at its end.
        sentence = str(error).rsplit(f"{InputError.__name__}: ", 1)[-1].strip()
        sys.stderr.write(f"error: {sentence}\n")
        raise SystemExit(2) from None
