"""MVTec 3D-AD (Bergmann et al., VISAPP 2022): ten objects, scanned from one side on a table.

``<category>/train/good/xyz/*.tiff`` and ``test/good`` are normal; other folders of ``test`` are
kinds of defects, with masks ``test/<defect>/gt/<stem>.png`` (abnormal above 0, with varying
values).  ``validation`` and ``rgb`` are not read.  A ``.tiff`` holds three floats per pixel, in
meters; an unmeasured pixel is ``0 0 0``.

The table is removed (``gmanet.cleaning.tabletop``), because the number of measured pixels would
reveal the label; the part's lowest two or three millimeters are removed as well.  Points are in the
order of the pixels, row by row.
"""

from __future__ import annotations

import numpy as np

from gmanet.cleaning.tabletop import part_on_table
from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published, defect_folders
from gmanet.datasets.loaders.truth import pixel_labels
from gmanet.formats import list_files
from gmanet.formats.centering import centered
from gmanet.formats.tiff import read_grid
from gmanet.formats.unmeasured import measured_pixels

__all__ = ["MVTec3D"]


class MVTec3D(Published):
    """One split of one category; the name of a cloud is ``<defect>_<stem>``."""

    unit = "m"
    layout = (
        "<category>/train/good/xyz/*.tiff, <category>/test/<defect>/xyz/*.tiff and "
        "<category>/test/<defect>/gt/*.png"
    )
    source = "MVTec 3D-AD, Bergmann et al. 2022: the data sets on the site of MVTec"
    marker = "train/good/xyz"

    def listed(self) -> list[Item]:
        """Return the normal scans, then the others by kind of defect."""
        folder = self.folder / self.split
        kinds = [folder / "good", *(defect_folders(folder) if self.split == "test" else [])]
        return [
            Item(
                name=f"{kind.name}_{path.stem}",
                defect=kind.name.lower(),
                path=path,
                truth=None if kind.name == "good" else kind / "gt" / f"{path.stem}.png",
            )
            for kind in kinds
            for path in list_files(kind / "xyz", (".tiff", ".tif"))
        ]

    def read(self, item: Item) -> Cloud:
        """Return the part without the table, with the labels of its pixels."""
        grid = read_grid(item.path)
        valid = measured_pixels(grid)
        Cloud(grid[valid]).checked(str(item.path))
        kept = part_on_table(grid, valid)
        pos, origin = centered(grid[kept].astype(np.float64))
        cloud = Cloud(pos, origin=origin).checked(f"{item.path} without the table")
        if item.truth is None:
            return cloud
        return cloud.replace(label=pixel_labels(item.truth, item.path, kept=kept))
