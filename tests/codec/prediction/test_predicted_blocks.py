"""Blocks of predicted windows: gaps, windows unlike the training's, and targets."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import ArchiveReader
from narrows.codec.codec import Codec
from narrows.codec.model.tradeoff import Fit
from narrows.codec.sequence import Archive
from narrows.errors import DataError, SettingError
from readers.python.narrows_reader import read_archive
from tests.helpers.predicting import predicting, repeating, tiny_predicting
from tests.helpers.tiny_models import examples, searching, tiny_linear_model

MODEL = tiny_predicting("float32", n_qualities=3)
X = repeating(MODEL, 200)


def blocks_of(blob):
    return list(ArchiveReader(io.BytesIO(blob)))


def mse(codec, blob, x=X):
    return float(np.square(codec.decompress(blob).astype(float) - x).mean())


def gappy():
    x = X.copy()
    x[[50, 51, 90], [0, 8, 3], [0, 1, 1]] = np.nan
    x[120:124] = np.nan
    x[150, 2:5] = np.inf
    return x


def test_gaps_come_back_exactly_and_cost_their_block_no_prediction():
    codec, x = Codec(MODEL), gappy()
    blob, whole = codec.compress(x, quality=2), codec.compress(X, quality=2)
    (block,) = blocks_of(blob)
    assert block.kind == "predicted_patched"
    decoded, known = codec.decompress(blob), np.isfinite(x)
    assert np.array_equal(decoded[~known], x[~known], equal_nan=True)
    assert np.square(decoded[known] - x[known]).mean() < 1.2 * mse(codec, whole)
    assert len(blob) < 1.2 * len(whole) + 150
    alone = Codec(replace(MODEL, prediction=None))
    without = alone.decompress(alone.compress(x, quality=2))
    errors = [np.square(each[known] - x[known]).mean() for each in (decoded, without)]
    assert errors[0] < 0.7 * errors[1]


def test_archives_with_gaps_are_read_at_random():
    codec, x = Codec(MODEL), gappy()
    blob = codec.compress(x, quality=2, block_signals=64)
    assert [b.kind for b in blocks_of(blob)] == [
        "predicted_patched", "predicted_patched", "predicted_patched", "predicted",
    ]  # fmt: skip
    decoded = codec.decompress(blob)
    with Archive(io.BytesIO(blob), codec.decoder) as archive:
        assert np.array_equal(archive[118:126], decoded[118:126], equal_nan=True)


def test_windows_of_nothing_but_gaps_are_raw():
    (block,) = blocks_of(Codec(MODEL).compress(np.full_like(X[:20], np.nan)))
    assert block.mode.is_raw


@pytest.mark.parametrize("gaps", [False, True])
def test_a_window_unlike_the_training_is_kept_exactly_and_the_others_are_predicted(gaps):
    model = replace(MODEL, fit=Fit((), (1e-9,) * 3))
    x = gappy() if gaps else X.copy()
    codec = Codec(model)
    blob = codec.compress(x, quality=1)
    decoded = codec.decompress(blob)
    assert blocks_of(blob)[0].kind == "predicted_patched"
    kept = (decoded == x) | np.isnan(x)
    whole = kept.all(axis=(1, 2))
    assert 0 < whole.sum() < len(x)
    error = np.square(np.where(kept, 0, decoded - X)).sum(axis=(1, 2))
    assert (error <= 0.51 * np.square(X - X.mean()).sum(axis=(1, 2))).all()
    with pytest.raises(DataError, match="strict"):
        codec.compress(gappy(), quality=2, strict=True)


def test_a_target_that_no_quality_reaches_is_refused_with_advice():
    with pytest.raises(SettingError, match=r"block of 200 .* can have .* dB at most; give less"):
        Codec(MODEL).compress(X, target_psnr=200.0)
    with pytest.raises(SettingError, match=r"block of 200 .* takes .* bytes a signal at least"):
        Codec(MODEL).compress(X, target_bytes=0.001)


@pytest.mark.parametrize("gaps", [False, True])
def test_windows_that_do_not_repeat_have_axes_of_their_own_and_targets_lose_nothing(gaps):
    model = predicting(searching(tiny_linear_model("float32", (9, 2), 4)))
    codec, rng = Codec(model), np.random.default_rng(1)
    latents = rng.normal(size=(300, 1)) * 12 + rng.normal(size=(300, 4))
    x = codec.decode(np.rint(latents).astype(np.int32))
    x += x.std() / 30 * rng.normal(size=x.shape).astype(np.float32)
    known = np.ones(x.shape, dtype=bool)
    if gaps:
        known[[3, 9], 1, 0] = known[40] = False
        x[~known] = np.nan
    filled = np.where(known, x, np.float32(model.normaliser.offset))
    made = codec.encoder._ordered._coder(filled, known, 1, 2, 1.0)

    def error_of(decoded):
        return np.square(decoded[known].astype(float) - x[known]).mean()

    (block,) = blocks_of(codec.compress(x))
    assert block.kind == ("rotated_patched" if gaps else "rotated")
    assert len(block.payload) < 0.8 * len(made.block.payload)
    predicted = error_of(made.decode())
    psnr = 10 * np.log10(model.peak**2 / predicted) - 1e-9
    blob = codec.compress(x, target_psnr=psnr)
    assert error_of(codec.decompress(blob)) <= predicted * 1.000001
    assert len(blob) < len(made.block.payload) + 200
    if not gaps:  # what is kept exactly has no place in a target of bytes
        blob = codec.compress(x, target_bytes=len(made.block.payload) / 300)
        assert error_of(codec.decompress(blob)) <= predicted * 1.000001


def test_targets_hold_beside_gaps():
    codec, x = Codec(MODEL), gappy()
    blob = codec.compress(x, target_psnr=10.0)
    assert blocks_of(blob)[0].kind == "predicted_patched"
    known = np.isfinite(x)
    error = np.square(codec.decompress(blob)[known].astype(float) - x[known]).mean()
    assert 10 * np.log10(MODEL.peak**2 / error) >= 10.0
    assert np.array_equal(blob, codec.compress(x, target_psnr=10.0, jobs=2))


@examples(40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 50),
    size=st.sampled_from([0.0, 1.0, 1e3, 1e30]),
    gaps=st.sampled_from([0.0, 0.01, 0.6]),
    quality=st.integers(1, 3),
    effort=st.sampled_from([0, 2, 3]),
)
def test_any_windows_come_back_as_both_readers_say(seed, n, size, gaps, quality, effort):
    rng, codec = np.random.default_rng(seed), Codec(MODEL)
    x = X[:n] + np.float32(size) * rng.normal(size=(n, 9, 2)).astype(np.float32)
    x[rng.random(x.shape) < gaps] = np.nan
    blob = codec.compress(x, quality=quality, effort=effort)
    decoded = codec.decompress(blob)
    assert decoded.tobytes() == read_archive(blob, codec.model_bytes).tobytes()
    assert np.array_equal(np.isnan(decoded), np.isnan(x))
    assert len(blob) <= x.nbytes + 64 + 16 * len(blocks_of(blob))
