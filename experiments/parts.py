"""The fifteen parts with their kinds of defects, as in Fig. 2: ``python experiments/parts.py``.

The picture is ``docs/parts.png``: a row for each part of the procedural data set, with a good cloud
and the most visible cloud of each kind of defect, labeled points in color.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from gmanet.cloud import Cloud
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.view.sheet import Panel, save_row

KINDS = ("convex", "concave", "scratch", "scar", "deformation")
PARTS = 15
"""Parts of the paper, the first of the procedural ones."""
SIZE = 290
"""Pixels of a panel before the picture is halved."""
PICTURE = Path(__file__).parent.parent / "docs" / "parts.png"


def shown(test: Procedural) -> Iterator[Cloud]:
    """Yield a good cloud, and of each kind the cloud with the largest share of labeled points."""
    for kind in ("good", *KINDS):
        clouds = [test[row] for row, name in enumerate(test.names) if name.startswith(kind)]
        yield max(clouds, key=lambda cloud: float(cloud.label.mean()))


def main() -> None:
    """Draw the picture."""
    rows = []
    for part in list(CATEGORIES)[:PARTS]:
        titles = (part.replace("_", " "), *KINDS)
        clouds = zip(titles, shown(Procedural(part, "test")), strict=True)
        rows.append(
            [Panel(title=title, pos=cloud.pos, label=cloud.label) for title, cloud in clouds]
        )
        print(part, flush=True)
    save_row(PICTURE, rows, size=SIZE, own_views=True, unit="mm")
    picture = Image.open(PICTURE).convert("RGB").reduce(2)
    picture.quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
