"""Earlier names of configuration keys, as in files and command lines of older versions.

The functions below translate whatever is read; files are written with present keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gmanet.detectors import aliases as detectors

__all__ = ["ALIASES", "current", "current_key", "current_override", "current_text"]

ALIASES = {f"detector.{old}": f"detector.{new}" for old, new in detectors.ALIASES.items()}
"""Earlier full key -> present full key, in the same section."""

REFERENCE = re.compile(r"(?<=\$\{)\s*[\w.]+\s*(?=\})")
"""Pattern of the full key in ``${section.key}``."""

OVERRIDE = re.compile(r"(?<![\w.])[\w.]+(?==)")
"""Pattern of the full key of an override in a text."""


def current_key(key: str) -> str:
    """Return the present name of a full key; unknown keys are returned unchanged."""
    return ALIASES.get(key, key)


def current(values: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Return a nested configuration with present keys, also in references ``${section.key}``.

    Args:
        values: Nested configuration; if it has two names of one key, the later one counts.
        section: Full key of the mapping; empty for a whole configuration.
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        key = current_key(f"{section}.{name}" if section else str(name))
        inner = current(value, key) if isinstance(value, Mapping) else _referring(value)
        result[key.rpartition(".")[2] if section else name] = inner
    return result


def _referring(value: Any) -> Any:
    """Return a value with present keys in its references."""
    if isinstance(value, list):
        return [_referring(item) for item in value]
    if not isinstance(value, str):
        return value
    return REFERENCE.sub(lambda found: current_key(found[0].strip()), value)


def current_override(override: str) -> str:
    """Return an override ``key=value`` with its present key."""
    key, equals, value = override.partition("=")
    return f"{current_key(key)}{equals}{value}"


def current_text(text: str) -> str:
    """Return a text, such as a row of stored results, with present keys in its overrides."""
    return OVERRIDE.sub(lambda found: current_key(found[0]), text)
