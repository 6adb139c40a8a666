"""An error for want of memory names the settings that save some."""

import numpy as np
import pytest
import torch

from gmanet.errors import InputError
from gmanet.training.out_of_memory import advice


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), r"GPU's memory.*train\.accumulate"),
        (MemoryError(), r"memory is short \(no details\); wanted fewer train\.workers than 6"),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
            r"a data worker was killed.*such as train\.workers=3",
        ),
    ],
)
def test_shortage_is_a_sentence(error, sentence):
    with pytest.raises(InputError, match=sentence), advice(6):
        raise error


def test_real_shortage_of_numpy_and_torch():
    with pytest.raises(InputError, match="memory is short"), advice(0):
        np.empty(2**48)
    with pytest.raises(InputError, match="memory is short"), advice(0):
        torch.empty(2**50)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="other"), advice(0):
        raise RuntimeError("other")
    with advice(0):
        pass
