"""Where windows repeat is found, at all widths, as far back as lags reach."""

from itertools import pairwise

import numpy as np
import pytest

from narrows.codec.encoding.lag_search import WIDTHS, LagSearch, Told, Width, fewer_samples
from narrows.codec.prediction.prediction import MAX_GAIN, NEAR
from tests.helpers.predicting import tiny_predicting

LENGTH, MEMORY = 48, 480
PREDICTION = tiny_predicting("int16", (LENGTH, 2), memory=MEMORY).prediction
SMOOTH = np.hanning(25) / np.hanning(25).sum()


def smooth_noise(n_windows, seed):
    """Return `(1, n_windows, 2, length)` whole numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2e6, (2, n_windows * LENGTH + 24))
    x = np.array([np.convolve(row, SMOOTH, "valid") for row in x])
    return np.rint(x).reshape(1, 2, n_windows, LENGTH).swapaxes(1, 2)


def told(last=0):
    """Return costs of nothing."""
    return Told(
        np.array([last]), np.zeros((1, 2 * NEAR + 1)), np.zeros((1, MEMORY + 1)),
        np.zeros((1, 2, MAX_GAIN + 1)), np.zeros(1),
    )  # fmt: skip


@pytest.mark.parametrize("lag", [LENGTH, LENGTH + 1, 137, 301, MEMORY])
@pytest.mark.parametrize("fewer", [1, 2, 4])
@pytest.mark.parametrize("n_windows", [12, 150])
def test_what_was_there_before_is_found_to_the_sample(lag, fewer, n_windows):
    past = smooth_noise(n_windows, seed=3)
    search = LagSearch(PREDICTION, np.abs(past).max(axis=(1, 2, 3)), Width(2, 4, fewer), fewer)
    for i in range(n_windows):
        search.append(past[:, i])
    samples = past.swapaxes(1, 2).reshape(1, 2, -1)
    end = n_windows * LENGTH - lag
    window = samples[:, :, end : end + LENGTH]
    gains = np.array([[6, 9]])
    scaled = np.rint(window * gains[:, :, None] / 8) + 1000
    first = search.best(scaled, told())
    assert first.lags[0].tolist() == [lag]
    assert first.gains[0].tolist() == gains.tolist()


def test_lags_near_the_last_one_are_looked_at_where_fourier_transforms_find_others():
    past = smooth_noise(10, seed=0)
    search = LagSearch(PREDICTION, np.abs(past).max(axis=(1, 2, 3)), Width(1, 1, 4), 4)
    for i in range(10):
        search.append(past[:, i])
    window = smooth_noise(1, seed=9)[:, 0]
    free = Told(*told(last=200)[:1], *told()[1:])
    dear = free._replace(far=np.full((1, MEMORY + 1), 100.0), price=np.array([1e12]))
    assert abs(int(search.best(window, dear).lags[0, 0]) - 200) <= NEAR


def test_few_samples_stand_for_smooth_signals_alone():
    width, rng = WIDTHS[0], np.random.default_rng(0)
    assert fewer_samples(smooth_noise(40, 1), width) == 4
    assert fewer_samples(np.rint(rng.normal(0, 1e6, (1, 40, 2, LENGTH))), width) == 1
    assert fewer_samples(smooth_noise(40, 1)[..., :47], width) == 1
    assert fewer_samples(smooth_noise(40, 1), WIDTHS[9]) == 1


def test_a_wider_search_looks_at_more():
    for narrow, wide in pairwise(WIDTHS):
        assert narrow.judged <= wide.judged
        assert narrow.found <= wide.found
        assert narrow.fewer >= wide.fewer
