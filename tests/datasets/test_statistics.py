"""Counting data sets: the tables by hand, and the command on tiny data."""

from __future__ import annotations

import imitations
import numpy as np
import pytest

from gmanet import statistics
from gmanet.cloud import Cloud
from gmanet.datasets import catalog, statistics_page
from gmanet.datasets.procedural import CATEGORIES
from gmanet.datasets.sizes import Size, StoredSizes, size_of, write_sizes
from gmanet.datasets.statistics import PAPER, compared, table_2, table_3
from gmanet.errors import InputError

SIZES = [
    Size(
        data="a", category="washer", split="train", name="1", defect="good", points=1000, marked=0
    ),
    Size(data="a", category="washer", split="test", name="2", defect="good", points=3000, marked=0),
    Size(
        data="a", category="washer", split="test", name="3", defect="dent", points=2000, marked=20
    ),
    Size(
        data="a", category="washer", split="test", name="4", defect="scar", points=4000, marked=120
    ),
    Size(
        data="a", category="k_nut", split="test", name="5", defect="dent", points=500, marked=None
    ),
    Size(
        data="b", category="bolt", split="train", name="6", defect="good", points=123456, marked=0
    ),
]


def test_table_2_by_hand():
    lines = table_2(SIZES[:5], paper=True).splitlines()
    assert lines[2] == (
        "| washer | 2 | 2.00 | 3.00 | 1.00 | 2 | 3.00 | 4.00 | 2.00 | 4 | 2.00 | 1.00 to 3.00 |"
    )
    assert lines[3].startswith("| *paper* | 100 | 56.63 | 87.11 | 43.56 | 60 | 58.08 |")
    assert lines[4] == "| k_nut | 0 | - | - | - | 1 | 0.50 | 0.50 | 0.50 | 1 | - | - |"
    assert lines[6].startswith("| all | 2 | 2.00 | 3.00 | 1.00 | 3 | 2.17 |")
    assert len(table_2(SIZES[5:]).splitlines()) == 3
    assert all(line.count("|") == lines[0].count("|") for line in lines)


def test_table_3_by_hand():
    assert table_3(SIZES).splitlines()[2:] == [
        "| a | 2 | 5 | 2 | 500 | 4,000 | 10,500 |",
        "| b | 1 | 1 | 0 | 123,456 | 123,456 | 123,456 |",
    ]


def test_sizes_of_clouds():
    pos, label = np.zeros((10, 3), np.float32), np.arange(10) < 3
    assert size_of("a", "test", cloud=Cloud(pos, label, defect="dent")).ratio == 0.3
    assert size_of("a", "test", cloud=Cloud(pos, label & False, defect="good")).ratio is None
    assert size_of("a", "test", cloud=Cloud(pos, None, defect="dent")).ratio is None
    kinds = [Cloud(pos), Cloud(pos, label), Cloud(pos, label & False)]
    assert [size_of("a", "test", cloud=one).defect for one in kinds] == [
        "unknown",
        "abnormal",
        "good",
    ]


def test_the_papers_mean_row():
    assert list(PAPER) == list(CATEGORIES)
    mean = np.mean(list(PAPER.values()), axis=0)
    assert np.allclose(mean, [160.65, 269.49, 122.73, 159.74, 191.42, 132.65, 1.35], atol=0.08)
    for name, part in CATEGORIES.items():
        assert PAPER[name][6] / 100 == pytest.approx(part.ratio)


def test_the_command_counts_several_data_sets(type_in, tmp_path, capsys):
    for name in ("iec3d", "mulsen"):
        imitations.WRITERS[name](tmp_path / name)
    out = tmp_path / "out"
    words = ["data=iec3d", f"data.root={tmp_path / 'iec3d'}", "--", "data=mulsen"]
    words += [f"data.root={tmp_path / 'mulsen'}", "-o", out]
    words += ["--", "data.profile=tiny", "data.category=washer,fender_ring"]
    type_in(statistics.main, *words)
    text = (out / "statistics.md").read_text()
    assert capsys.readouterr().out == text
    assert "| k_nut | 3 | 0.14 | 0.14 | 0.14 | 1 |" in text
    assert "| capsule | 4 |" in text
    assert "| procedural | 2 | 22 | 5 |" in text
    rows = (out / "statistics.csv").read_text().splitlines()
    assert rows[0] == "data,category,split,name,defect,points,marked"
    assert len(rows) == 1 + 4 + 5 + 22
    assert (out / "distributions.png").read_bytes().startswith(b"\x89PNG")


def test_a_commit_with_other_files_stays_marked(type_in, tmp_path, monkeypatch):
    words = ["data.profile=tiny", "data.category=washer", "-o", tmp_path]
    for commit, shown in (("a" * 40 + "-dirty", "aaaaaaaaaa-dirty"), ("b" * 40, "bbbbbbbbbb")):
        monkeypatch.setattr(statistics, "provenance", lambda commit=commit: {"commit": commit})
        type_in(statistics.main, *words)
        text = (tmp_path / "statistics.md").read_text(encoding="utf-8")
        assert f", commit {shown}." in text


def test_an_interrupted_count_goes_on(type_in, tmp_path, monkeypatch):
    words = ["data.profile=tiny", "data.category=washer,fender_ring", "-o", tmp_path]
    type_in(statistics.main, *words)
    whole = (tmp_path / "statistics.csv").read_text()
    opened = []

    def open_data(config, split):
        if len(opened) == 3:
            raise KeyboardInterrupt
        opened.append(config.category)
        return catalog.open_data(config, split)

    with monkeypatch.context() as patched:
        patched.setattr(statistics_page, "open_data", open_data)
        with pytest.raises(SystemExit) as left:
            type_in(statistics.main, *words)
    assert left.value.code == 130
    assert len((tmp_path / "unfinished.csv").read_text().splitlines()) == 2 + 11 + 3
    counted = []

    def count(data, split, *, cloud):
        counted.append(cloud.name)
        return size_of(data, split, cloud=cloud)

    monkeypatch.setattr(statistics_page, "size_of", count)
    type_in(statistics.main, *words)
    assert len(counted) == 22 - 14
    assert (tmp_path / "statistics.csv").read_text() == whole
    assert not (tmp_path / "unfinished.csv").exists()


def test_what_other_words_counted_does_not_matter(tmp_path):
    path = tmp_path / "unfinished.csv"
    write_sizes(path, SIZES, about="a b")
    assert StoredSizes(path, "a c").of("a", "washer", "train") == []
    assert StoredSizes(path, "a b").of("a", "washer", "test") == SIZES[1:4]
    assert StoredSizes(path, "a b").of("a", "k_nut", "test") == SIZES[4:5]
    path.write_text(path.read_text().replace("2000", "many"))
    with pytest.raises(InputError, match="is damaged, wanted it removed"):
        StoredSizes(path, "a b")


def test_the_difference_to_the_paper_by_hand():
    half = [
        Size(
            data="a",
            category="washer",
            split="train",
            name="1",
            defect="good",
            points=56_630,
            marked=0,
        )
    ]
    half += [
        Size(
            data="a",
            category="washer",
            split="test",
            name="2",
            defect="dent",
            points=58_080,
            marked=697,
        )
    ]
    assert compared(half) == (
        "Greatest difference to the paper in one category: average points 0.0 %, most 35.0 %, "
        "fewest 30.0 %; anomaly ratio 25.0 % of the paper's.  Mean ratios lie between 1.20 and "
        "1.20 %, the paper's between 0.96 and 0.96 %."
    )
    assert compared(SIZES[5:]) == ""


def test_the_same_data_set_twice_has_two_titles(type_in, tmp_path):
    words = ["data.profile=tiny", "data.category=washer"]
    type_in(statistics.main, *words, "--", *words, "data.seed=1", "--", *words, "-o", tmp_path)
    text = (tmp_path / "statistics.md").read_text()
    for title in ("procedural", "procedural tiny", "procedural tiny 3"):
        assert f"| {title} | 1 | 11 |" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o"], "expected one argument"),
        (["data=iec3d", "data.root=gone"], "gone: no such folder, wanted <Category>/train"),
        (["data.category=wosher"], "did you mean 'washer'?"),
    ],
)
def test_mistakes(type_in, capsys, words, message):
    with pytest.raises(SystemExit):
        type_in(statistics.main, *words)
    assert message in capsys.readouterr().err
