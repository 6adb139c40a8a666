"""What goes wrong because of input or machine: a sentence and an exit code, never a traceback."""

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
    """Input that cannot be used; the message says what was found, where, and what was wanted."""


class OutputError(InputError):
    """A file that the file system refuses to write; further files will hardly fare better."""


def note(sentence: str) -> None:
    """Tell the person at the terminal something that stops nothing."""
    sys.stderr.write(f"note: {sentence}\n")


def hint(name: str, known: Iterable[str], *, shown: Mapping[str, str] | None = None) -> str:
    """Return `` (did you mean 'washer'?)`` with the known name nearest to a wrong one, or nothing.

    Of full keys ``section.key`` only the last part counts, unless no known key shares the section.

    Args:
        name: The wrong name.
        known: The names there are.
        shown: Known name -> its spelling in the sentence; None: as it is.
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
    """Run a command's ``main``; what input or machine did wrong ends in one sentence.

    Exit codes: 2 for an :class:`InputError` and for what the operating system refuses, 130 after
    Ctrl-C, 141 where the reader of a pipe has left.  Any other exception is a fault of the
    program's and keeps its traceback.
    """
    _print_any_name()
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        # A data worker's error arrives as its whole traceback; the sentence stands at its end.
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
    """Return a sentence on what the operating system refused."""
    place = "the machine" if error.filename is None else error.filename
    return f"{place}: {error.strerror or error}; wanted files and folders that can be used"


def _print_any_name() -> None:
    """Let names and signs that the terminal's encoding lacks be printed as their codes."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _close_output() -> None:
    """Turn a standard output that fails away, or Python fails on it once more when it ends."""
    try:
        sys.stdout.flush()
        return
    except (AttributeError, ValueError, OSError):
        pass
    with suppress(AttributeError, ValueError, OSError):
        empty = os.open(os.devnull, os.O_WRONLY)
        os.dup2(empty, sys.stdout.fileno())
        os.close(empty)
