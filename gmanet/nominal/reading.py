"""Triangle meshes of CAD files, read with Open3D."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmanet.errors import InputError
from gmanet.formats.source import read_bytes
from gmanet.geometry.open3d import load_open3d
from gmanet.nominal.mesh import TriangleMesh

__all__ = ["ENDINGS", "read_mesh"]

ENDINGS = (".stl", ".obj", ".ply", ".off")
"""Extensions of the files that are read as meshes."""


def read_mesh(path: Path | str) -> TriangleMesh:
    """Return the mesh of a file, facing outward if it is closed.

    Args:
        path: A ``.stl``, ``.obj``, ``.ply`` or ``.off`` file; its unit is that of the part.

    Raises:
        InputError: The file is missing, empty, damaged, of another extension or a point cloud, or
            has a coordinate that is not finite, or no triangle with an area.
    """
    path = Path(path)
    ending = path.suffix.lower()
    wanted = "wanted a mesh of triangles as CAD exports it (.stl, .obj, .ply, .off)"
    if path.is_dir():
        raise InputError(f"{path}: is a folder, {wanted}: data.root=part.stl")
    if ending not in ENDINGS:
        raise InputError(f"{path}: ending {ending!r}, {wanted}")
    read_bytes(path, ending)
    open3d = load_open3d()
    with open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error):
        try:
            found = open3d.io.read_triangle_mesh(str(path))
        except RuntimeError as error:
            reason = (str(error).splitlines() or ["damaged"])[0]
            raise InputError(f"{path}: cannot be read ({reason}), {wanted}") from None
    vertices, faces = np.asarray(found.vertices), np.asarray(found.triangles, dtype=np.int64)
    if not len(faces):
        held = f"holds {len(vertices):,} points and no triangle" if len(vertices) else "is damaged"
        raise InputError(f"{path}: {held}, {wanted}; a folder of scans is data=folder")
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
    if len(bad):
        values = " ".join(f"{value:.9g}" for value in vertices[bad[0]])
        raise InputError(f"{path}: corner {bad[0] + 1} is {values}, wanted finite coordinates")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(f"{path}: a triangle has a corner that is not in the file, {wanted}")
    mesh = TriangleMesh.of(vertices.astype(np.float64), faces)
    if not len(mesh.faces):
        raise InputError(f"{path}: no triangle of {len(faces)} has an area, {wanted}")
    return mesh
