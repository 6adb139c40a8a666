"""The shapes of PointNet++: levels, radii and widths; single-scale and multi-scale grouping.

Both are the segmentation networks of the reference: a quarter of the points is kept from one level
to the next.  Radii are in the unit of the coordinates that the hierarchy is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LAYOUTS", "MSG", "SSG", "Layout", "Scale"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One neighborhood size of a level.

    Args:
        radius: Radius of the ball, in the unit of the coordinates.
        neighbors: Number of neighbors in the ball, spread evenly over it.
        widths: Output channels of the layers of the shared MLP.
    """

    radius: float
    neighbors: int
    widths: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The shape of a PointNet++.

    Args:
        levels: Scales of each set abstraction, the finest level first; several scales are
            multi-scale grouping (MSG).
        propagation: Output channels of the layers of each feature propagation, the coarsest first.
        stride: Quotient of the numbers of points of two levels.
    """

    levels: tuple[tuple[Scale, ...], ...]
    propagation: tuple[tuple[int, ...], ...]
    stride: int = 4

    @property
    def features(self) -> int:
        """Number of output channels at every point."""
        return self.propagation[-1][-1]

    def scaled(self, *, width: float = 1.0, radius: float = 1.0) -> Layout:
        """Return the layout with all widths, and all radii, multiplied by a factor."""
        levels = tuple(
            tuple(
                Scale(
                    radius=scale.radius * radius,
                    neighbors=scale.neighbors,
                    widths=_scaled(scale.widths, width),
                )
                for scale in level
            )
            for level in self.levels
        )
        propagation = tuple(_scaled(widths, width) for widths in self.propagation)
        return Layout(levels=levels, propagation=propagation, stride=self.stride)

    def finest(self, levels: int) -> Layout:
        """Return the layout of the finest levels alone, with the last propagations."""
        return Layout(
            levels=self.levels[:levels],
            propagation=self.propagation[-levels:],
            stride=self.stride,
        )


def _scaled(widths: Sequence[int], factor: float) -> tuple[int, ...]:
    return tuple(max(1, round(width * factor)) for width in widths)


SSG = Layout(
    levels=(
        (Scale(radius=0.1, neighbors=32, widths=(32, 32, 64)),),
        (Scale(radius=0.2, neighbors=32, widths=(64, 64, 128)),),
        (Scale(radius=0.4, neighbors=32, widths=(128, 128, 256)),),
        (Scale(radius=0.8, neighbors=32, widths=(256, 256, 512)),),
    ),
    propagation=((256, 256), (256, 256), (256, 128), (128, 128, 128)),
)
"""Single-scale grouping."""

MSG = Layout(
    levels=(
        (
            Scale(radius=0.1, neighbors=16, widths=(16, 16, 32)),
            Scale(radius=0.2, neighbors=32, widths=(32, 32, 64)),
        ),
        (
            Scale(radius=0.2, neighbors=16, widths=(64, 64, 128)),
            Scale(radius=0.4, neighbors=32, widths=(64, 96, 128)),
        ),
        (
            Scale(radius=0.4, neighbors=16, widths=(128, 196, 256)),
            Scale(radius=0.8, neighbors=32, widths=(128, 196, 256)),
        ),
        (
            Scale(radius=0.8, neighbors=16, widths=(256, 256, 512)),
            Scale(radius=1.6, neighbors=32, widths=(256, 384, 512)),
        ),
    ),
    propagation=((512, 512), (512, 512), (256, 256), (128, 128)),
)
"""Multi-scale grouping: two radii at every level."""

LAYOUTS = {"ssg": SSG, "msg": MSG}
"""Name -> layout."""
