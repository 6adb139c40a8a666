"""Write SPCG twins as files: ``python -m gmanet.synthesize [key=value ...] [COUNT] -o FOLDER``.

The overrides are those of ``python -m gmanet.fit``; the twins are the first COUNT (4) twins of the
run with these overrides.  The files ``<cloud>_twin_<number>.ply`` have labels and colors;
``twins.png`` shows some of the twins below their normal clouds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.config.compose import compose
from gmanet.datasets.catalog import open_data
from gmanet.errors import InputError, command, note
from gmanet.formats import write_cloud
from gmanet.runtime.command_line import command_parser
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin
from gmanet.view.colors import label_colors
from gmanet.view.sheet import Panel, save_row

__all__ = ["main", "synthesize"]

SHOWN = 5
"""Largest number of twins in the picture."""


def synthesize(overrides: list[str], count: int, *, folder: Path) -> list[Path]:
    """Return the files of twins and of their picture, after writing them.

    Args:
        overrides: Overrides of a run.
        count: Number of twins.
        folder: Folder of the files.

    Raises:
        InputError: An override or the data cannot be used, or a file cannot be written.
    """
    config = compose(overrides)
    train = open_data(config.data, "train")
    generator = Generator(config.synthesis)
    pairs: list[tuple[Cloud, Cloud]] = []
    files = []
    for index in range(count):
        normal, twin = make_twin(generator, train, index=index, seed=config.seed)
        for sentence in normal.notes if index < len(train) else ():
            note(sentence)
        assert twin.label is not None
        files.append(folder / f"{twin.name}_{index:03d}.ply")
        write_cloud(files[-1], twin, color=label_colors(twin.label))
        pairs.append((normal, twin))
    above = [Panel(title=normal.name, pos=normal.pos) for normal, _ in pairs[:SHOWN]]
    below = [Panel(title=twin.name, pos=twin.pos, label=twin.label) for _, twin in pairs[:SHOWN]]
    files.append(folder / "twins.png")
    save_row(files[-1], [above, below], unit=train.unit)
    return files


def main() -> None:
    """Read the command line, write the twins, and print the paths of the files."""
    parser = command_parser("synthesize", __doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_intermixed_args()
    counts = [text for text in arguments.overrides if "=" not in text]
    count = counts[0] if counts else "4"
    if len(counts) > 1 or not count.isdecimal() or int(count) < 1:
        raise InputError(f"{' '.join(counts)}: wanted key=value overrides and one number of twins")
    overrides = [text for text in arguments.overrides if "=" in text]
    for path in synthesize(overrides, int(count), folder=arguments.output):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    command(main)
