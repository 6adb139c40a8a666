"""Text in pictures, such as names of clouds with any characters."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """Return the text on one line, with unprintable characters as escapes."""
    line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")
