"""Text in pictures: names of clouds as they are, whatever signs they hold."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """Return text of one line that every font can be asked for; other signs become their codes."""
    line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")
