"""The report: one page that holds everything, drawn by a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from gmanet.detectors.base import Scores
from gmanet.formats import write_cloud
from gmanet.inspection.defects import find_defects
from gmanet.inspection.finding import find_scans
from gmanet.inspection.outputs import write_outputs
from gmanet.inspection.record import Inspection
from gmanet.inspection.report import _number, write_report
from gmanet.verdict.check import Check

LIMIT = 0.05


@pytest.fixture(scope="module")
def batch(tmp_path_factory, bumped_plate):
    """A good and a bumped plate with their outputs, and a file that is no scan."""
    folder = tmp_path_factory.mktemp("batch")
    for seed, height in ((0, 0.12), (1, 0)):
        write_cloud(folder / f"{seed}.ply", bumped_plate(3000, seed, height=height))
    (folder / "2<b>.ply").write_text("ply nonsense")
    scans = find_scans([folder])
    checks = (Check(name="points", value=3000.0, lowest=450.0, highest=float("inf")),)
    made = []
    for scan, verdict in zip(scans[:2], ("defective", "good"), strict=True):
        cloud = bumped_plate(3000, int(scan.path.stem), height=0.12 if verdict != "good" else 0)
        height = cloud.pos[:, 2].copy()
        found = find_defects(cloud, np.abs(height), limit=LIMIT, deviation=height)
        made.append(
            Inspection(
                scan=str(scan.path),
                verdict=verdict,
                reason="a reason",
                p_value=0.125,
                score=0.3,
                limit=0.1,
                worst=(0.0, 0.0, 0.0),
                points=3000,
                sha256="ab" * 32,
                checks=checks,
                point_limit=LIMIT,
                defects=found.found if verdict == "defective" else (),
                promise="a promise",
            )
        )
        write_outputs(
            scan,
            cloud,
            scores=Scores(np.abs(height), 0.3),
            found=made[-1],
            defects=found,
            limits=None,
            picture=False,
        )
    made.append(Inspection(scan=str(scans[2].path), verdict="unusable", reason="no scan <b>"))
    return scans, made, folder


@pytest.fixture(scope="module")
def page(batch):
    scans, made, folder = batch
    write_report(folder / "page.html", made, scans=scans)
    return folder / "page.html"


def test_the_page_needs_nothing_else(page):
    text = page.read_text("utf-8")
    assert page.stat().st_size < 1_500_000
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text.partition('id="data"')[0])
    assert "default-src 'none'" in text
    for said in ("a reason", "a promise", "raised", "unusable", "ab" * 32, "450", "0.125"):
        assert said in text
    assert "no scan &lt;b&gt;" in text and "2<b>" not in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert [part.get("count") for part in data["parts"]] == [3000, 3000, None]
    assert data["first"] == 0 and len(data["parts"][0]["defects"]) == 1


def test_a_printed_page_shows_pictures_instead_of_the_cloud(page):
    """The drawing's own style shows it, and it is larger than the picture on paper."""
    rules = page.read_text("utf-8").partition("@media print")[2].partition("</style>")[0]
    assert ".view canvas { display: none !important; }" in rules


@pytest.mark.parametrize(
    ("value", "text"),
    [(12335.0, "12,335"), (1809.0, "1809"), (0.0031737, "0.003174"), (float("inf"), "∞")],
)
def test_counts_are_written_in_full(value, text):
    assert _number(value, 4) == text


def test_the_side_of_the_defect_is_shown(page):
    """A plate is seen from above or below; a bump is seen from its own side or the other."""
    text = page.read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    facing = np.array(data["parts"][0]["defects"][0]["facing"])
    assert abs(facing[2]) > 0.7 and np.linalg.norm(facing) == pytest.approx(1)


FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--hide-scrollbars", "--window-size=1200,1400", "--virtual-time-budget=8000"),
)


def browse(page, home, *words):
    """Return what a browser prints of a page."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    typed = [program, *FLAGS, f"--user-data-dir={home}", *words, page]
    done = subprocess.run(typed, capture_output=True, text=True, timeout=240, check=False)
    return done.stdout


def state(text):
    """Return what the script wrote on the body of the page."""
    return dict(re.findall(r'data-(\w+)="([^"]*)"', re.search(r"<body[^>]*>", text)[0]))


@pytest.mark.slow
def test_a_browser_draws_it(page, tmp_path):
    found = state(browse(page.as_uri(), tmp_path / "a", "--dump-dom"))
    assert "error" not in found and "webgl" not in found, found
    assert int(found["drawn"]) == 3000 and found["active"] == "0"
    before = found["facing"]
    # A click on the defect turns to it.
    clicked = page.with_name("clicked.html")
    click = '<script>document.querySelector("a.defect").click()</script></body>'
    clicked.write_text(page.read_text("utf-8").replace("</body>", click), "utf-8")
    found = state(browse(clicked.as_uri(), tmp_path / "b", "--dump-dom"))
    assert "error" not in found and found["defect"] == "1"
    text = page.read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    wanted = data["parts"][0]["defects"][0]["facing"]
    np.testing.assert_allclose([float(x) for x in found["facing"].split()], wanted, atol=1e-3)
    assert before  # the first view is that of the worst place
    # The other part becomes the one that is drawn.
    assert state(browse(f"{page.as_uri()}#p1", tmp_path / "c", "--dump-dom"))["active"] == "1"
    shot = tmp_path / "shot.png"
    browse(page.as_uri(), tmp_path / "d", f"--screenshot={shot}")
    with Image.open(shot) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 110) & (pixels[..., 1] < 120) & (pixels[..., 2] < 110)
    assert red.sum() > 300  # the defect, beside the badges
