"""Predicted windows in compiled code: decoded and searched as by numpy, at each level."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding import native_windows
from narrows.codec.encoding.native_windows import CompiledSearch, window_search
from narrows.codec.encoding.window_search import WindowSearch
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.layers import LeakyReLU
from narrows.codec.networks.native.extension import extension, levels
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.native.windows import CompiledWindows, fits
from narrows.codec.prediction.prediction import MERGE, NEW, NONE
from narrows.codec.prediction.windows import rebuild
from tests.helpers.predicting import repeating, tiny_predicting
from tests.helpers.random_windows import (
    DECIDED,
    drawn_base,
    drawn_recording,
    drawn_windows,
    random_prediction,
)

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")
each_level = pytest.mark.parametrize("level", levels())

MODEL = tiny_predicting()
OWN = MODEL.prediction


def searches(own, level):
    """Return the search in numpy, and that of a level."""
    plain = WindowSearch(own)
    return plain, WindowSearch(own, CompiledSearch(plain, CompiledWindows(own, native, level)))


def assert_decided_alike(pair, *given, **options):
    one, other = (each.encode(*given, **options) for each in pair)
    for name in DECIDED:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    return one


@each_level
@pytest.mark.parametrize("seed", range(25))
def test_windows_are_decoded_as_by_numpy(level, seed):
    rng = np.random.default_rng(seed)
    own = random_prediction(rng)
    windows = drawn_windows(rng, int(rng.integers(0, 40)), own)
    base, quality = drawn_base(rng, windows, own), int(rng.integers(1, len(own.step) + 1))
    expected = rebuild(windows, base, own, quality)
    found = rebuild(windows, base, own, quality, CompiledWindows(own, native, level))
    assert found.tobytes() == expected.tobytes()


@each_level
@pytest.mark.parametrize("seed", range(25))
def test_windows_are_searched_as_by_numpy(level, seed):
    rng = np.random.default_rng(seed)
    own = random_prediction(rng)
    pair, modes = searches(own, level), set()
    for effort in (0, 2, int(rng.integers(10))):
        given = drawn_recording(rng, int(rng.integers(1, 25)), own)
        known = None if rng.random() < 0.5 else rng.random(given.x.shape) < 0.8
        found = assert_decided_alike(pair, *given, effort, known=known, thrift=rng.random() + 0.5)
        modes |= set(found.modes.reshape(-1).tolist())
    assert modes <= {NONE, NEW, MERGE}


def test_all_ways_to_code_a_window_are_found():
    pair = searches(OWN, levels()[0])
    modes = np.concatenate([
        assert_decided_alike(pair, *drawn_recording(np.random.default_rng(seed), 60, OWN), 2).modes
        for seed in range(12)
    ])  # fmt: skip
    assert np.bincount(modes.reshape(-1), minlength=3).min() > 10


def test_archives_are_those_of_numpy():
    x = repeating(MODEL, 150)
    for effort in (0, 2, 4):
        codecs = Codec(MODEL), Codec(MODEL, backend=NUMPY)
        assert codecs[0].decoder.blocks.predicted.compiled is not None
        assert codecs[1].decoder.blocks.predicted.compiled is None
        one, other = (each.compress(x, quality=1, effort=effort) for each in codecs)
        assert one == other
        assert np.array_equal(codecs[0].decompress(one), codecs[1].decompress(one))


# ---------------------------------------------------------------- what is left to numpy


def test_recordings_whose_sums_may_not_be_exact_are_left_to_numpy(monkeypatch):
    pair, refused = searches(OWN, levels()[0]), []
    given = drawn_recording(np.random.default_rng(1), 12, OWN)
    huge = given._replace(x=given.x + 2**29, base=given.base + 2**29)
    searched = CompiledSearch.searched

    def told(self, *arguments):
        refused.append(not searched(self, *arguments))
        return not refused[-1]

    monkeypatch.setattr(CompiledSearch, "searched", told)
    assert_decided_alike(pair, *given, 2)
    assert_decided_alike(pair, *huge, 2)
    assert refused == [False, True]


def test_recordings_side_by_side_and_what_training_keeps_are_left_to_numpy(monkeypatch):
    pair = searches(OWN, levels()[0])
    monkeypatch.setattr(CompiledSearch, "searched", lambda *_: pytest.fail("compiled"))
    given = drawn_recording(np.random.default_rng(2), 9, OWN)
    kept = assert_decided_alike(pair, *given, 2, keep=True)
    assert kept.unmatched is not None
    both = [np.concatenate([each, each]) for each in given]
    assert_decided_alike(pair, *both, 2)


def test_predictions_of_other_networks_are_left_to_numpy():
    layer, shape = OWN.border.layers
    for layers in ([replace(layer, limit=2**30), shape], [layer, LeakyReLU(), shape]):
        other = IntegerNetwork(layers, OWN.border.input_shape, OWN.border.input_limit)
        changed = replace(OWN, border=other)
        assert not fits(changed)
        assert NativeEngine(levels()[0]).compile_windows(changed) is None
    assert fits(OWN)


def test_code_that_decodes_something_else_is_not_used(monkeypatch):
    model = CompiledWindows.model
    monkeypatch.setattr(
        CompiledWindows, "model", lambda self, quality: (*model(self, quality)[:-1], BIAS)
    )
    with pytest.warns(RuntimeWarning, match="does not decode predicted windows as numpy does"):
        assert NativeEngine(levels()[0]).compile_windows(OWN) is None


BIAS = np.full(OWN.length * OWN.n_channels, 7.0)


def test_code_that_searches_otherwise_is_not_used(monkeypatch):
    compiled = NativeEngine(levels()[0]).compile_windows(OWN)
    assert window_search(OWN, compiled).compiled is not None
    assert window_search(OWN, None).compiled is None
    monkeypatch.setattr(native_windows, "unit_of", lambda largest: np.float64(2.0**20))
    with pytest.warns(RuntimeWarning, match="does not search predicted windows as numpy does"):
        assert window_search(OWN, compiled).compiled is None


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize("wrong", ["lag before the first", "lag within the window", "fewer symbols",
                                   "fewer without", "fewer gains"])  # fmt: skip
def test_windows_that_do_not_fit_are_refused(wrong):
    rng, compiled = np.random.default_rng(3), CompiledWindows(OWN, native, levels()[0])
    windows = drawn_windows(rng, 20, OWN)
    base, at = drawn_base(rng, windows, OWN), int(np.flatnonzero(windows.modes != NONE)[0])
    lags = windows.lags.copy()
    if wrong.startswith("lag"):
        lags[at] = OWN.length - 1 if "within" in wrong else (at + 1) * OWN.length
        windows = replace(windows, lags=lags)
    elif "symbols" in wrong:
        windows = replace(windows, residuals=windows.residuals[:-1])
    elif "gains" in wrong:
        windows = replace(windows, gains=windows.gains[:-1])
    else:
        base = base[:-1]
    with pytest.raises(ValueError, match="do not fit"):
        compiled.rebuild(windows, base, 1)


def test_models_and_costs_that_do_not_fit_are_refused():
    rng = np.random.default_rng(4)
    pair, given = searches(OWN, levels()[0]), drawn_recording(rng, 5, OWN)
    compiled = CompiledWindows(OWN, native, levels()[0])
    model = compiled.model(1)
    windows = (np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((0, 2), np.int64),
               np.zeros((0, 5), np.int32), np.zeros(0), np.zeros(0))  # fmt: skip
    native.rebuild_windows(levels()[0], model, windows)
    for i in range(len(model)):
        cut = (*model[:i], model[i].reshape(-1)[:-1], *model[i + 1 :])
        with pytest.raises(ValueError, match="do not fit"):
            native.rebuild_windows(levels()[0], cut, windows)
    with pytest.raises(ValueError, match="another number of arrays"):
        native.rebuild_windows(levels()[0], model[:-1], windows)
    costs = pair[1].compiled._costs(0)
    for i in range(len(costs)):
        changed = (*costs[:i], costs[i].reshape(-1)[:-1], *costs[i + 1 :])
        pair[1].compiled._costs = lambda quality, changed=changed: changed
        with pytest.raises(ValueError, match="do not fit"):
            pair[1].encode(*given, 2)
