"""Numbers that never change: what vectors have where a feature is always the same."""

import numpy as np
import pytest

import narrows

N, RANK, SIZE = 3000, 8, 24


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    return (rng.standard_normal((N, RANK)) @ rng.standard_normal((RANK, SIZE))).astype("float32")


@pytest.mark.parametrize("constant", [0.0, 3.7])
def test_numbers_that_never_change_cost_nothing_and_come_back(x, constant):
    at = np.sort(np.random.default_rng(1).choice(SIZE + 8, 8, replace=False))
    wider = np.insert(x, at - np.arange(8), np.float32(constant), axis=1)
    assert (wider[:, at] == np.float32(constant)).all()
    how = {"architecture": "linear", "aim": "bytes:5"}
    codec, other = (narrows.train(each, **how) for each in (x, wider))
    blob, longer = codec.compress(x), other.compress(wider)
    assert len(longer) <= 1.01 * len(blob)
    assert len(other.model_bytes) <= 1.05 * len(codec.model_bytes)
    back = other.decompress(longer)
    assert np.abs(back[:, at] - constant).max() <= 1e-3 * x.std()
    errors = [np.square(a - b).sum() for a, b in ((codec.decompress(blob), x), (back, wider))]
    assert errors[1] <= 1.02 * errors[0]
