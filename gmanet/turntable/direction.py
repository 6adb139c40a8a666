"""The direction in which the table turns, found by trying both.

The order of the files does not tell whether the table turns counterclockwise against its axis.
Where hardly any neighboring views agree in the stated direction, the other one is tried, and where
they agree only as far as a scanner has systematic errors: a part that is nearly symmetric may fit
in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gmanet.turntable.loop import Loop

__all__ = ["Directed", "in_either_direction"]

CLEARLY = 0.5
"""Share of neighboring views that agree from which on the direction is right, whatever else is
wrong."""


@dataclass(frozen=True, kw_only=True)
class Directed:
    """Registered views and the direction of the table.

    Args:
        loop: The registered views.
        backward: Whether the table turns the other way round than was assumed.
        trouble: Reason why the views do not fit; empty if they fit.
    """

    loop: Loop
    backward: bool
    trouble: str


def in_either_direction(
    place: Callable[[bool], Loop], names: Sequence[str], *, stated: str
) -> Directed:
    """Return the loop of the direction in which more views agree.

    Args:
        place: Function that registers the views, backward or not.
        names: Names of the views.
        stated: What the user would have to state for the other direction, if a direction was
            stated: it is then said, and not assumed.  Empty if none was stated.
    """
    loop = place(False)
    trouble = loop.trouble(names)
    forward = Directed(loop=loop, backward=False, trouble=trouble)
    if trouble and loop.agreeing >= CLEARLY * len(names):
        return forward
    if not trouble and not loop.scanner.systematic:
        return forward
    back = place(True)
    other = back.trouble(names)
    if _better(loop, back) or (other and (stated or not trouble)):
        return forward
    if not stated:
        return Directed(loop=back, backward=True, trouble=other)
    said = "the views fit better if the table turns the other way round"
    also = f" ({trouble})" if trouble else ""
    return Directed(loop=loop, backward=False, trouble=f"{said}, wanted {stated}{also}")


def _better(one: Loop, other: Loop) -> bool:
    """Return whether more views agree in the first loop, or as many and these more closely."""
    return (one.agreeing, -one.apart) >= (other.agreeing, -other.apart)
