"""The benchmark of six kinds of signals: sources apart, frames in order, figures by hand."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")
pytest.importorskip("matplotlib", reason="pictures need matplotlib; extra report")

from benchmarks import kinds


@pytest.mark.parametrize("sources", [kinds.PICTURES, kinds.VOICES])
def test_nothing_is_tested_on_that_was_trained_on(sources):
    learnt, others = map(set, sources)
    assert learnt
    assert others
    assert not learnt & others


def test_the_table_is_cut_in_hours_in_their_order():
    kind = kinds.sensors(None)
    x = kinds.frames_of(kind, kind.test)
    assert x.shape == (28 * 24, 60, 4)
    assert np.array_equal(x.reshape(-1, 4), kind.test)


def test_an_error_of_a_tenth_of_the_deviation_is_20_db_in_any_unit():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 60, 4)) * [1.0, 9.0, 0.1, 70.0] + [3.0, 0.0, 8.0, 1e4]).astype("f4")
    scale = kinds.standardised(x)
    assert scale(x).std(axis=(0, 1)) == pytest.approx(np.ones(4), abs=1e-3)
    noisy = scale(x) + 0.1 * rng.normal(size=x.shape)
    assert kinds.snr(scale(x), noisy) == pytest.approx(20.0, abs=0.1)
