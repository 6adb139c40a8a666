"""The paper's figures stand beside runs on the paper's data alone."""

from __future__ import annotations

import pytest

from gmanet.datasets.config import DataConfig
from gmanet.evaluation.paper_figures import published


def data(category, name="iec3d"):
    return DataConfig(name=name, category=category, root="somewhere")


def test_rows_are_found_in_any_spelling():
    wanted = {
        "object_auroc": 0.592,
        "object_aupr": 0.591,
        "point_auroc": 0.63,
        "point_aupr": 0.012,
    }
    for row in ("M3DM PointMAE", "M3DM (PointMAE)", "m3dm point-mae"):
        assert published(row, data("FenderRing")) == wanted


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("GMANet", data("CableGland")),
        ("GMANet", data("hexagonal_nut")),
        ("GMANet", data("HexagonalNut", "procedural")),
        ("w/o SPCG", data("HexagonalNut")),
    ],
)
def test_nothing_else_has_figures(row, where):
    assert published(row, where) == {}


def test_damaged_cells_are_empty_and_gmanet_has_all():
    assert set(published("BTF Raw", data("Washer"))) == {"object_auroc", "object_aupr"}
    assert published("GMANet", data("Washer"))["point_aupr"] == 0.2981
    names = "FenderRing Washer ButterflyNut ButterflyBolt JointingStud SlipknotBolt KNut "
    names += "HoleRetainingRing HexagonalNut HexagonalBolt PullingNail DoubleEndStud "
    names += "SquareWeldedNut TScrew RoundNut"
    rows = [published("GMANet", data(name)) for name in names.split()]
    means = {figure: sum(row[figure] for row in rows) / 15 for figure in rows[0]}
    assert means["object_aupr"] == pytest.approx(0.8612, abs=6e-5)  # as Table IV prints it
    assert means["point_auroc"] == pytest.approx(0.7252, abs=6e-5)
    assert means["point_aupr"] == pytest.approx(0.1089, abs=6e-5)
