"""Batches that a thread takes from the workers are those of a plain loader."""

from __future__ import annotations

from threading import Event

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from gmanet.training.prefetch import PrefetchLoader, _prefetched


class Squares(Dataset):
    """Squares of the first numbers; the last may be missing."""

    def __init__(self, count, broken=False):
        self.count, self.broken = count, broken

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if self.broken and index == self.count - 1:
            raise ValueError("no square of it")
        return torch.tensor(index**2)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("living", [False, True])
def test_batches_are_those_of_a_plain_loader(workers, living):
    words = {"batch_size": 3, "num_workers": workers, "persistent_workers": living and workers > 0}
    loader = PrefetchLoader(Squares(20), **words)
    wanted = [batch.tolist() for batch in DataLoader(Squares(20), batch_size=3)]
    for _ in range(2):
        assert [batch.tolist() for batch in loader] == wanted
    assert len(loader) == 7


def test_one_left_halfway_does_not_take_from_the_next():
    loader = PrefetchLoader(Squares(20), batch_size=1, num_workers=2, persistent_workers=True)
    for stop in (1, 5, 19, 20):
        left = iter(loader)
        assert [int(next(left)) for _ in range(stop)] == [index**2 for index in range(stop)]
    assert [int(batch) for batch in loader] == [index**2 for index in range(20)]


def test_an_error_of_a_worker_is_raised():
    loader = PrefetchLoader(Squares(4, broken=True), num_workers=1)
    with pytest.raises(ValueError, match="no square of it"):
        list(loader)


def test_the_next_batch_is_taken_before_it_is_asked_for():
    taken = Event()

    def batches():
        yield 1
        taken.set()
        yield 2

    ahead = _prefetched(batches())
    assert next(ahead) == 1
    assert taken.wait(10)
    assert list(ahead) == [2]
