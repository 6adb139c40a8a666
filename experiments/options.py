"""What processes and speed options change in the figures: ``python experiments/options.py``.

Every row fits GMANet on the same small procedural clouds with one word changed, in processes of its
own; other seeds show what chance does.  Writes ``experiments/results/options.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CATEGORY = "washer"
POINTS, TRAIN, GOOD, EACH = (3000, 3500), 8, 15, 5
"""Points of a cloud; train clouds; normal test clouds; test clouds of each kind of defect."""
WORDS = (
    *("data=folder", "synthesis.twins=16", "detector.steps=300", "detector.points=2048"),
    *("detector.centers=512", "train.pictures=0", "train.checkpoint_every=1000"),
    *("wandb.mode=disabled", "train.workers=0"),
)
ROWS = {
    "one process": (),
    "two processes": ("train.devices=2",),
    "four processes": ("train.devices=4",),
    "train.accumulate=2": ("train.accumulate=2",),
    "train.precision=bf16-mixed": ("train.precision=bf16-mixed",),
    "train.compile=true": ("train.compile=true",),
    "seed=1": ("seed=1",),
    "seed=2": ("seed=2",),
}
FIGURES = ("object_auroc", "point_auroc", "point_aupr", "point_aupro")


def write_clouds(folder: Path) -> None:
    """Write the clouds, smaller than any profile, as files."""
    from gmanet.data.files import write_cloud
    from gmanet.data.procedural.dataset import PROFILES, Procedural, Profile

    PROFILES["options"] = Profile(POINTS, TRAIN, GOOD, EACH)
    for split in ("train", "test"):
        for cloud in Procedural(CATEGORY, split, "options"):
            kind = "good" if split == "train" else str(cloud.defect)
            write_cloud(folder / split / kind / f"{cloud.name}.ply", cloud)


def fit(name: str, words: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Return the figures of a run."""
    environment = {**os.environ, "GMANET_RUNS": str(folder / "runs"), "OMP_NUM_THREADS": "1"}
    typed = [sys.executable, "-m", "gmanet.fit", *WORDS, f"data.root={folder}", *words]
    subprocess.run([*typed, f"name={name}"], env=environment, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((folder / "runs" / name / "scores.json").read_text())
    return found


def main() -> None:
    """Measure and write the table."""
    import torch  # noqa: F401  so that a GPU is named
    from page import write_page

    from gmanet.provenance import provenance

    made = provenance()
    lines = [
        "| | object AUROC | point AUROC | point AUPR | point AUPRO | greatest change |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    first: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        write_clouds(Path(place))
        for number, (title, words) in enumerate(ROWS.items()):
            found = fit(f"row{number}", words, Path(place))
            first = first or found
            apart = max(abs(found[name] - first[name]) for name in FIGURES)
            cells = [f"{found[name]:.4f}" for name in FIGURES]
            lines.append(f"| {title} | {' | '.join(cells)} | {apart:.4f} |")
            sys.stderr.write(lines[-1] + "\n")
    about = (
        f"GMANet on a procedural {CATEGORY} of {POINTS[0]} to {POINTS[1]} points, {TRAIN} train "
        f"and {GOOD + 5 * EACH} test clouds, one thread a process: "
        f"`python -m gmanet.fit {' '.join(WORDS)}` with the word of the row.  The last "
        "column is the greatest change of a figure against one process."
    )
    write_page(about, lines, made)


if __name__ == "__main__":
    main()
