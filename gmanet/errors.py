"""Errors of input or machine: a sentence and an exit code for the user, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches

__all__ = ["InputError", "OutputError", "command", "hint", "note"]

INTERRUPTED = 130
CLOSED_PIPE = 141
"""Exit codes of a shell after SIGINT and SIGPIPE."""


class InputError(ValueError):
    """Invalid input; the message names the file or setting, what was found and what is wanted."""


class OutputError(InputError):
    """A file that cannot be written; writing further files would fail as well."""


def note(sentence: str) -> None:
    """Print a note on standard error; the program continues."""
    sys.stderr.write(f"note: {sentence}\n")


def hint(name: str, known: Iterable[str], *, shown: Mapping[str, str] | None = None) -> str:
    """Return a hint such as `` (did you mean 'washer'?)``; empty if no known name is similar.

    A key ``section.key`` is first compared by its last part with all known keys, and with the keys
    of the same section.

    Args:
        name: The wrong name.
        known: All valid names.
        shown: Spelling of known names in the hint; None shows the names themselves.
    """
    section, _, last = name.rpartition(".")
    known = list(known)
    same = [other for other in known if other.rpartition(".")[2] == last]
    inside = {
        other.rpartition(".")[2]: other for other in known if other.rpartition(".")[0] == section
    }
    close = same or [inside[part] for part in get_close_matches(last, inside, 1)]
    close = close or get_close_matches(name, known, 1, cutoff=0.8)
    return f" (did you mean {(shown or {}).get(close[0], close[0])!r}?)" if close else ""


def command(main: Callable[[], None]) -> None:
    """Run a command's ``main``; errors of input or machine end in one sentence.

    Exit codes: 2 for an :class:`InputError` and for an ``OSError``, 130 after Ctrl-C, 141 if the
    reader of a pipe has closed it.  Any other exception is a fault of the program and keeps its
    traceback.
    """
    _print_any_name()
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        # A data worker's error contains the worker's traceback; the sentence is at the end.
        _leave(str(error).rsplit(f"{InputError.__name__}: ", 1)[-1].strip(), 2)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED, kind="")
    except BrokenPipeError:
        _close_output()
        raise SystemExit(CLOSED_PIPE) from None
    except OSError as error:
        _close_output()
        _leave(_refusal(error), 2)


def _leave(sentence: str, code: int, *, kind: str = "error: ") -> None:
    with suppress(OSError):
        sys.stderr.write(f"{kind}{sentence}\n")
    raise SystemExit(code) from None


def _refusal(error: OSError) -> str:
    """Return the error sentence for an error of the operating system."""
    place = "the machine" if error.filename is None else error.filename
    return f"{place}: {error.strerror or error}; wanted files and folders that can be used"


def _print_any_name() -> None:
    """Print characters that the terminal's encoding lacks as backslash escapes."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _close_output() -> None:
    """Redirect a broken standard output to the null device; Python would fail on it at exit."""
    try:
        sys.stdout.flush()
        return
    except (AttributeError, ValueError, OSError):
        pass
    with suppress(AttributeError, ValueError, OSError):
        empty = os.open(os.devnull, os.O_WRONLY)
        os.dup2(empty, sys.stdout.fileno())
        os.close(empty)
