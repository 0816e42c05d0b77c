"""Budgets that are out of reach, what is refused, and bytes that nothing can use."""

import io
import logging
import math
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from narrows.codec.archive import IndexedArchive
from narrows.codec.codec import Codec
from narrows.codec.encoding.budget_search import BudgetSearch, _tell_once
from narrows.codec.encoding.costs import squared_errors
from narrows.codec.encoding.requests import Budget, Request
from narrows.errors import DataError, NarrowsError, SettingError
from narrows.evaluation.metrics import evaluate
from tests.helpers.archives import BLOCK_LIMIT
from tests.helpers.budgets import (
    CLOSE,
    TARGETS,
    bits_of,
    codec_of,
    each_kind,
    each_target,
    efforts_of,
    psnr_of,
    signals_of,
    symbols_in,
    what_could_be_had,
    within_reach,
)
from tests.helpers.faithful_models import K
from tests.helpers.tiny_models import (
    FLOAT_DTYPES,
    assert_identical,
    assert_one_line,
    refusing,
    searching,
    tiny_model,
    typical_frames,
)

# ---------------------------------------------------------------- out of reach


def told(codec, x, compress, **target):
    """Return what the error says could be had."""
    (name,) = target
    with pytest.raises(SettingError) as caught:
        compress(x, **target)
    assert_one_line(caught.value, f"{name} {target[name]:g} is out of reach")
    return float(re.search(r"(?:takes|can have) (-?[\d.]+) (?:bytes|dB)", str(caught.value))[1])


@each_kind
@each_target
def test_what_an_error_says_could_be_had_can_be_had(dtype, contexts, searches, name):
    codec = codec_of(dtype, contexts, searches)
    x = signals_of(codec)[:2]  # a few: the error looks for what effort 9 could do
    for effort in efforts_of(codec):

        def compress(x, effort=effort, **target):
            return codec.compress(x, effort=effort, **target)

        least = 1e-9 if dtype == "bool" else 0.01  # truth values may take next to nothing
        value = told(codec, x, compress, **{name: least if name == "target_bytes" else 2000})
        blob = compress(x, **{name: value})
        symbols, qualities = symbols_in(codec, blob)
        if name == "target_bytes":
            assert (bits_of(codec, symbols, qualities) <= 8 * value + K * CLOSE).all()
        else:
            assert psnr_of(codec, codec.decompress(blob), x).min() >= value - 1e-9


@each_kind
def test_what_an_error_says_a_packet_could_have_can_be_had(dtype, contexts, searches):
    codec, checksum = codec_of(dtype, contexts, searches), dtype.startswith(("u", "f"))

    def compress(x, **target):
        return codec.compress_packet(x, checksum=checksum, **target)

    for signal in signals_of(codec)[3:4]:
        value = told(codec, signal, compress, target_bytes=0.5)
        assert value == int(value)
        assert len(compress(signal, target_bytes=value)) <= value
        psnr = told(codec, signal, compress, target_psnr=2000)
        again = codec.decompress_packet(compress(signal, target_psnr=psnr), checksum=checksum)
        assert psnr_of(codec, again[None], signal[None])[0] >= psnr - 1e-9


@each_target
def test_where_no_effort_reaches_a_target_another_model_is_proposed(name):
    target = {name: 0.01 if name == "target_bytes" else 2000}
    for searches, effort in ((False, 0), (True, 0), (True, 2), (True, 9)):
        codec = codec_of("uint8", (), searches)
        with pytest.raises(SettingError) as caught:
            codec.compress(signals_of(codec)[:2], effort=effort, **target)
        words = "another model: one trained with", f"--aim {name.split('_')[1]}:{target[name]:g}"
        assert_one_line(caught.value, f"at effort {effort}", *words)


@each_target
def test_the_highest_effort_is_proposed_only_where_it_reaches_the_target(name):
    codec, proposed = codec_of("uint8", (), True), 0
    for signal in signals_of(codec)[:3, None]:
        unreachable = {name: 0.01 if name == "target_bytes" else 2000}
        value = told(codec, signal, partial(codec.compress, effort=0), **unreachable)
        for target in (value * 0.97, value * 1.01):
            try:
                codec.compress(signal, effort=0, **{name: target})
            except SettingError as error:
                if "effort 9, which reaches it" in str(error):
                    codec.compress(signal, effort=9, **{name: target})
                    proposed += 1
                else:
                    with pytest.raises(SettingError, match="another model"):
                        codec.compress(signal, effort=9, **{name: target})
    assert proposed


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("effort", [1, 2])
def test_no_effort_refuses_bytes_that_rounding_keeps_to(dtype, effort):
    """A search may end with more bits than it began with: errors have a weight as well."""
    codec = Codec(searching(tiny_model(dtype, (5, 4), K, 3)))
    x = typical_frames(codec.model, 12)
    least = what_could_be_had(codec, x)[0].min(axis=0) / 8
    for i, target in enumerate(least + CLOSE):
        search = BudgetSearch(codec.encoder.symbol_encoder, Budget(target), effort)
        symbols, qualities = search.encode(x[i : i + 1])
        assert bits_of(codec, symbols, qualities)[0] <= 8 * target + K * CLOSE


@pytest.mark.parametrize("searches", [False, True])
def test_errors_beyond_float64_are_out_of_reach_and_no_crash(searches):
    model = codec_of("float64", (), searches).model
    # A model for such numbers: others keep them exactly.
    codec = Codec(replace(model, normaliser=replace(model.normaliser, scale=2.0**-1012)))
    x = np.full((2, 5, 4), 1.5e308)
    x[1, ::2] *= -1
    with refusing(SettingError, "out of reach", match=r"-inf dB"):
        codec.compress(x, target_psnr=3)
    huge = Codec(replace(model, peak=1e300))
    x = signals_of(huge)
    assert huge.decompress(huge.compress(x, target_psnr=3)).shape == x.shape
    with pytest.raises(SettingError, match=r"have [56]\d\d\d\.\d dB"):
        huge.compress(x, target_psnr=1e6)


# ---------------------------------------------------------------- what is refused


def refusals(codec, x):
    """Return every way to ask for a target."""
    archive = IndexedArchive(io.BytesIO(codec.compress(x)))
    streams = [io.BytesIO(), io.BytesIO()]
    ways = [
        lambda *a, **k: codec.compress(x, *a, **k),
        lambda *a, **k: codec.compress_packet(x[0], *a, **k),
        lambda *a, **k: codec.encoder.compress_to(
            streams[0], codec.encoder.header(), x, Request(*a, **k)
        ),
        lambda *a, **k: codec.encoder.append_to(streams[1], archive, x, Request(*a, **k)),
        lambda *a, **k: evaluate(codec, x, Request(*a, **k)),
    ]
    return ways, streams


@each_target
def test_a_quality_and_a_target_exclude_each_other(name):
    codec = codec_of()
    ways, streams = refusals(codec, signals_of(codec))
    for way in ways:
        with refusing(SettingError, "quality 2", f"{name} 30", "one of the two"):
            way(2, **{name: 30})
    assert all(stream.getvalue() == b"" for stream in streams)


@pytest.mark.parametrize(
    "options",
    [{"target_bytes": 0}, {"target_bytes": math.nan}, {"target_psnr": -3}, {"target_psnr": "40"},
     {"target_bytes": 30, "target_psnr": 30}, {"target_bytes": 30, "effort": 10},
     {"target_psnr": 30, "effort": -1}, {"quality": 9, "target_psnr": 30}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_before_anything_is_written(options):
    codec = codec_of()
    ways, streams = refusals(codec, signals_of(codec))
    for way in ways:
        with refusing(SettingError):
            way(**options)
    assert all(stream.getvalue() == b"" for stream in streams)


def test_a_model_without_a_search_takes_targets_at_effort_0_alone():
    codec = codec_of("uint8", (), searches=False)
    x = signals_of(codec)
    with pytest.raises(SettingError, match="nothing to search by"):
        codec.compress(x, effort=1, target_bytes=50)
    assert codec.compress(x, target_bytes=50) == codec.compress(x, effort=0, target_bytes=50)


def test_a_model_without_an_encoder_cannot_keep_to_anything():
    codec = codec_of().without_encoder()
    for name in TARGETS:
        with refusing(NarrowsError, match="no encoder"):
            codec.compress(signals_of(codec_of()), **{name: 30})


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_signals_with_nan_keep_to_a_psnr_and_not_to_bytes(dtype, value, monkeypatch):
    codec = codec_of(dtype)
    x = signals_of(codec).copy()
    monkeypatch.setattr(BLOCK_LIMIT, 5 * x[0].nbytes)
    x[7, 1, 2] = value
    target = within_reach(codec, np.delete(x, 7, axis=0), "target_psnr")[1]
    blob = codec.compress(x, target_psnr=target)
    again = codec.decompress(blob)
    assert again[7, 1, 2].tobytes() == x[7, 1, 2].tobytes()
    known = np.isfinite(x[7])
    known = np.square(again[7][known].astype(float) - x[7][known])
    assert known.mean() <= codec.model.peak**2 * 10 ** (-target / 10)
    others = np.delete(np.arange(20), 7)
    expected = codec.decompress(codec.compress(x[others], target_psnr=target))
    assert_identical(again[others], expected)
    with refusing(SettingError, "NaN, infinity", "target_bytes 1000"):
        codec.compress(x, target_bytes=1000)
    for name in TARGETS:
        with pytest.raises(DataError, match="NaN or infinity"):
            codec.compress_packet(x[7], **{name: 30})


def test_no_signals_keep_to_anything():
    codec = codec_of()
    x = signals_of(codec)[:0]
    for name in TARGETS:
        assert codec.compress(x, **{name: 1e-9}) == codec.compress(x)
        symbols, qualities = BudgetSearch(
            codec.encoder.symbol_encoder, Budget(**{name: 5}), 2
        ).encode(x)
        assert (symbols.shape, qualities.shape) == ((0, K), (0,))


@each_target
def test_a_measurement_is_of_the_target_that_it_is_given(name):
    codec = codec_of("uint8")
    x = signals_of(codec)
    for target in within_reach(codec, x, name)[:2]:
        measured = evaluate(codec, x, Request(effort=2, **{name: target}))
        blob = codec.compress(x, effort=2, **{name: target})
        assert measured.compressed_bytes == len(blob)
        mean = squared_errors(codec.decompress(blob), x).sum() / x.size / codec.model.peak**2
        assert measured.mse == pytest.approx(mean)


PLAIN = tiny_model(frame_shape=(28, 28), latent_size=16)
X = typical_frames(PLAIN, 30)


@pytest.fixture
def said(caplog):
    _tell_once.cache_clear()
    caplog.set_level(logging.WARNING, logger="narrows")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("method", ["compress", "compress_packets"])
def test_a_target_beyond_what_a_model_can_use_is_said_once(said, method):
    codec = Codec(searching(PLAIN))
    compress = getattr(codec, method)
    assert compress(X, target_bytes=5000) == compress(X, target_bytes=9000)
    compress(X, target_bytes=9000)
    messages = said()
    assert len(messages) == 2
    for target, message in zip((5000, 9000), messages, strict=True):
        assert f"target_bytes {target} is more than model {codec.model_id[:8]} can use" in message
        assert "a model trained with more --qualities" in message
        assert "an effort" not in message


def test_where_a_search_would_use_the_bytes_it_is_named(said):
    codec = Codec(searching(PLAIN))
    codec.compress(X, effort=0, target_bytes=5000)
    assert "an effort of 1 or more" in said()[0]
    codec = Codec(PLAIN)  # which has nothing to search by
    codec.compress(X[:29], target_bytes=5000)
    assert len(said()) == 1 or "an effort" not in said()[1]


def test_a_target_that_is_used_is_kept_without_a_word(said):
    codec = Codec(searching(PLAIN))
    packets = codec.compress_packets(X)
    codec.compress_packets(X, target_bytes=max(map(len, packets)))
    assert said() == []
