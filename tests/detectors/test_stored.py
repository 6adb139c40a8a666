"""The file of a detector: what goes in comes out, no code runs, foreign files are one sentence."""

from __future__ import annotations

import json
import math
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gmanet
from gmanet.detectors import archive
from gmanet.detectors.archive import digest, read_archive, write_archive
from gmanet.detectors.stored import DETECTOR_FILE, identity, load_detector, read_identity
from gmanet.errors import InputError, OutputError


@pytest.fixture(scope="module")
def bank(bumped_plate):
    clouds = [bumped_plate(1500, seed, height=0) for seed in range(3)]
    return gmanet.fit(clouds, detector="btf", progress=False)


@pytest.fixture
def file(bank, tmp_path):
    bank.save(tmp_path / "plate.gmanet")
    return tmp_path / "plate.gmanet"


def same(one, other):
    """Return whether nested values are equal, NaN to NaN, and lists to tuples."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (math.isnan(one) and math.isnan(other))


tensors = st.sampled_from(
    [
        *(torch.arange(6.0).reshape(2, 3).T, torch.tensor(True), torch.empty(0, 3)),
        *(torch.tensor([1, -2]), torch.tensor(0.1, dtype=torch.float64), torch.ones(2, 2).half()),
        *(
            torch.zeros(3, 16, dtype=torch.uint8),
            torch.tensor(5).expand(1),
            torch.ones(1).expand(4),
        ),
    ]
)
keys = st.text("ab./~0")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | tensors,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab./~0"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(content=st.dictionaries(st.sampled_from("abc"), values))
def test_what_goes_in_comes_out(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("a") / "a.gmanet"
    write_archive(path, content, readme="words")
    again = read_archive(path)
    assert same(content, again)
    assert digest(content) == digest(again)
    first = path.read_bytes()
    write_archive(path, again, readme="words")
    assert path.read_bytes() == first


def test_the_file_says_what_it_is_in_words(bank, file):
    with zipfile.ZipFile(file) as found:
        assert found.namelist() == ["README.txt", "content.json", "tensors.safetensors"]
        card = found.read("README.txt").decode()
        content = json.loads(found.read("content.json"))
    assert "Fitted on: 3 normal scans" in card and "Limit " in card and "1500 points" in card
    assert identity(bank) in card
    assert content["format"] == 2 and content["gmanet"] == gmanet.__version__
    assert content["train"] == sorted(bank.fitted_on)


def test_the_identity_is_that_of_the_content(bank, file, tmp_path):
    again = gmanet.load(file)
    assert identity(again) == identity(bank) == read_identity(file)
    again.part = "plate"
    assert identity(again) != identity(bank)
    other = gmanet.load(file)
    name, weights = next(
        (name, part) for name, part in other.state_dict().items() if part.dtype == torch.float32
    )
    weights.reshape(-1)[0] += 1e-3
    assert identity(other) != identity(bank), name


def test_files_of_format_1_are_read(bank, file, tmp_path, bumped_plate):
    whole = {**load_detector(file), "format": 1}
    for key in ("part", "unit", "identity"):
        del whole[key]
    torch.save(whole, tmp_path / "old.gmanet")
    old, cloud = gmanet.load(tmp_path / "old.gmanet"), bumped_plate(1500, 9)
    assert (old.score(cloud).points == bank.score(cloud).points).all()
    assert old.score(cloud).p_value == bank.score(cloud).p_value
    assert read_identity(tmp_path / "old.gmanet") == identity(bank)


def test_the_folder_of_a_run_is_read(bank, tmp_path):
    bank.save(tmp_path / DETECTOR_FILE)
    assert same(gmanet.load(tmp_path).state_dict(), bank.state_dict())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"empty/{DETECTOR_FILE}: no such file, wanted"):
        gmanet.load(tmp_path / "empty")


def test_damage_is_one_sentence(file, tmp_path):
    """A file that is cut anywhere, or in which a byte differs, is refused, or is the same."""
    data, broken = file.read_bytes(), tmp_path / "broken.gmanet"
    whole = load_detector(file)
    for place in range(0, len(data), max(1, len(data) // 60)):
        for content in (data[:place], data[:place] + bytes([data[place] ^ 85]) + data[place + 1 :]):
            broken.write_bytes(content)
            try:
                assert same(load_detector(broken), whole)  # such as a byte of README.txt
            except InputError as error:
                assert str(error).startswith(f"{broken}: ") and "\n" not in str(error)


def test_foreign_archives_are_one_sentence(file, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "zip.gmanet", "w") as made:
        made.writestr("letter.txt", "words")
    with pytest.raises(InputError, match="cannot be read"):
        gmanet.load(tmp_path / "zip.gmanet")
    write_archive(tmp_path / "none.gmanet", {"weights": 1}, readme="")
    with pytest.raises(InputError, match="is no detector"):
        gmanet.load(tmp_path / "none.gmanet")
    write_archive(tmp_path / "new.gmanet", {**load_detector(file), "format": 9}, readme="")
    with pytest.raises(InputError, match="in format 9, wanted format 2"):
        gmanet.load(tmp_path / "new.gmanet")
    monkeypatch.setitem(archive.LARGEST, "tensors.safetensors", 100)
    with pytest.raises(InputError, match="unpacks to more than 100 bytes"):
        gmanet.load(file)


def test_a_file_that_cannot_be_written_is_one_sentence(bank, tmp_path):
    (tmp_path / "a").write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written"):
        bank.save(tmp_path / "a/plate.gmanet")
