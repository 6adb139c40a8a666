"""A white picture to draw on: images, text and color bars at pixels, and the PNG file.

Every picture with panels is drawn on it, so that letters, color bars and files agree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gmanet.errors import InputError
from gmanet.runtime.atomic import replacing
from gmanet.view.colors import SCORE_MAP, Bytes

__all__ = ["Canvas"]

DPI = 200


class Canvas:
    """A picture; pixels are counted from its lower left corner.

    Args:
        path: File to write, ending in ``.png``.
        width: Width in pixels.
        height: Height in pixels.

    Raises:
        InputError: The path does not end in ``.png``.
    """

    def __init__(self, path: Path, width: int, *, height: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        if path.suffix != ".png":
            raise InputError(f"{path}: pictures are PNG files, wanted a name that ends in .png")
        self.path, self.width, self.height = path, width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        self.pixels = FigureCanvasAgg(self.figure)

    def write(self, text: str, x: float, *, y: float, size: float, **style: Any) -> None:
        """Write text about a pixel, centered unless the style says otherwise.

        Args:
            text: One or several lines.
            x: Pixels from the left.
            y: Pixels from below.
            size: Size of the letters in points.
            style: Further properties of Matplotlib's text.
        """
        style = {"family": "DejaVu Sans", "fontsize": size, "ha": "center", "va": "center", **style}
        self.figure.text(x / self.width, y / self.height, text, parse_math=False, **style)

    def draw(self, image: Bytes, left: int, *, bottom: int) -> None:
        """Draw an image of shape ``(H, W, 3)``, its first row on top."""
        self.figure.figimage(image, left, bottom, origin="upper")

    def bar(self, left: int, *, bottom: int, length: int, width: int) -> None:
        """Draw an upright color bar of scores, the highest on top."""
        steps = np.linspace(255, 0, length).astype(np.int64)
        self.draw(np.repeat(SCORE_MAP[steps, None], width, axis=1), left, bottom=bottom)

    def save(self, small: bool = False) -> None:
        """Write the file; the same picture gives the same bytes.

        Args:
            small: Whether to take longer for a smaller file.

        Raises:
            InputError: The file cannot be written.
        """
        with replacing(self.path) as draft:
            if not small:
                self.figure.savefig(draft, format="png", dpi=DPI, metadata={"Software": None})
                return
            from PIL import Image

            self.pixels.draw()
            opaque = Image.fromarray(np.asarray(self.pixels.buffer_rgba())[:, :, :3])
            opaque.save(draft, format="png", optimize=True)
