"""A white picture to draw on with Pillow alone, for commands that must start quickly."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gmanet.runtime.atomic import replacing
from gmanet.view.colors import Bytes

__all__ = ["PlainCanvas"]

LETTERS = 15
"""Size of the letters in pixels."""

FONT = "mpl-data/fonts/ttf/DejaVuSans.ttf"
"""The font that Matplotlib brings, below its folder."""


class PlainCanvas:
    """A picture; pixels are counted from its upper left corner.

    Args:
        path: File to write, ending in ``.png``.
        width: Width in pixels.
        height: Height in pixels.
    """

    def __init__(self, path: Path, width: int, *, height: int) -> None:
        from PIL import Image, ImageDraw

        self.path = path
        self.image = Image.new("RGB", (width, height), "white")
        self.pen = ImageDraw.ImageDraw(self.image)
        self.font = _font()

    def write(self, text: str, left: int, *, top: int) -> None:
        """Write a line of text, cut at the right border."""
        width = self.image.width - left
        while text and self.pen.textlength(text, font=self.font) > width:
            text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
        self.pen.text((left, top), text, fill="black", font=self.font)

    def draw(self, image: Bytes, left: int, *, top: int) -> None:
        """Draw an image of shape ``(H, W, 3)``."""
        from PIL import Image

        self.image.paste(Image.fromarray(image), (left, top))

    def save(self) -> None:
        """Write the file; the same picture gives the same bytes.

        Raises:
            OutputError: The file cannot be written.
        """
        with replacing(self.path) as draft:
            self.image.save(draft, format="PNG")


def _font() -> Any:
    """Return the letters: DejaVu of Matplotlib's folder, which is not imported, or Pillow's own."""
    from PIL import ImageFont

    found = find_spec("matplotlib")
    for folder in (found.submodule_search_locations or []) if found else []:
        if (file := Path(folder) / FONT).is_file():
            return ImageFont.truetype(file, LETTERS)
    return ImageFont.load_default(LETTERS)
