"""Signals coded to a budget: kept to, between qualities, at the first and the last point."""

import math
from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.archive import Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.budget_search import BudgetSearch
from narrows.codec.encoding.costs import squared_errors
from narrows.codec.encoding.operating_points import power_of_two
from narrows.codec.encoding.requests import Budget
from narrows.errors import SettingError
from tests.helpers.budgets import (
    CLOSE,
    QUALITIES,
    TARGETS,
    N,
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
from tests.helpers.tiny_models import assert_identical, blocks_of

# ---------------------------------------------------------------- budgets are kept to


@each_kind
def test_no_signal_takes_more_than_its_bytes(dtype, contexts, searches):
    codec = codec_of(dtype, contexts, searches)
    x = signals_of(codec)
    for target in within_reach(codec, x, "target_bytes"):
        for effort in efforts_of(codec):
            blob = codec.compress(x, effort=effort, target_bytes=target)
            symbols, qualities = symbols_in(codec, blob)
            assert (bits_of(codec, symbols, qualities) <= 8 * target + K * CLOSE).all()
            assert_identical(codec.decompress(blob), codec.decode(symbols, qualities))


@pytest.mark.parametrize("kind", [("int16", ()), ("float32", (1, 3))], ids=str)
def test_the_bits_of_escaped_symbols_count(kind):
    codec = codec_of(*kind)
    x = 16 * (signals_of(codec) - codec.model.normaliser.offset).astype(kind[0])
    target = within_reach(codec, x, "target_bytes")[2]
    for effort in (0, 2):
        symbols, qualities = BudgetSearch(
            codec.encoder.symbol_encoder, Budget(target), effort
        ).encode(x)
        assert (bits_of(codec, symbols, qualities) <= 8 * target + K * CLOSE).all()
        nearer = symbols.clip(-100, 100)  # outside the tables too, by less
        assert (bits_of(codec, symbols, qualities) > bits_of(codec, nearer, qualities) + 4).any()
        for signal in x[:4]:
            size = math.ceil(target) + 2  # an escape makes all symbols of a packet cost more
            packet = codec.compress_packet(signal, effort=effort, target_bytes=size)
            assert len(packet) <= size


@each_kind
def test_no_signal_is_worse_than_its_psnr(dtype, contexts, searches):
    codec = codec_of(dtype, contexts, searches)
    x = signals_of(codec)
    for target in within_reach(codec, x, "target_psnr"):
        for effort in efforts_of(codec):
            blob = codec.compress(x, effort=effort, target_psnr=target)
            assert psnr_of(codec, codec.decompress(blob), x).min() >= target - 1e-9
            symbols, qualities = symbols_in(codec, blob)
            assert_identical(codec.decompress(blob), codec.decode(symbols, qualities))


@each_kind
@pytest.mark.parametrize("checksum", [False, True])
def test_no_packet_is_longer_than_its_bytes(dtype, contexts, searches, checksum):
    codec = codec_of(dtype, contexts, searches)
    for signal in signals_of(codec)[2:6]:
        rounded = [
            len(codec.compress_packet(signal, quality, 0, checksum=checksum))
            for quality in QUALITIES
        ]
        for target in (min(rounded), min(rounded) + 1.5, max(rounded)):
            for effort in efforts_of(codec):
                packet = codec.compress_packet(
                    signal, effort=effort, target_bytes=target, checksum=checksum
                )
                assert len(packet) <= target
                again = codec.decompress_packet(packet, checksum=checksum)
                assert again.shape == signal.shape


@each_kind
def test_no_packet_is_worse_than_its_psnr(dtype, contexts, searches):
    codec = codec_of(dtype, contexts, searches)
    x = signals_of(codec)[2:6]
    for target in within_reach(codec, x, "target_psnr"):
        for effort in efforts_of(codec):
            packets = [codec.compress_packet(s, effort=effort, target_psnr=target) for s in x]
            again = np.stack([codec.decompress_packet(packet) for packet in packets])
            assert psnr_of(codec, again, x).min() >= target - 1e-9


@each_kind
@each_target
def test_without_a_search_each_signal_has_the_best_quality_that_keeps(
    dtype, contexts, searches, name
):
    codec = codec_of(dtype, contexts, searches)
    x = signals_of(codec)
    bits, psnr = what_could_be_had(codec, x)
    seen = set()
    for target in within_reach(codec, x, name):
        blob = codec.compress(x, effort=0, **{name: target})
        symbols, qualities = symbols_in(codec, blob)
        if name == "target_bytes":
            expected = np.where(bits <= 8 * target, psnr, -np.inf).argmax(axis=0) + 1
        else:
            expected = np.where(psnr >= target, bits, np.inf).argmin(axis=0) + 1
        np.testing.assert_array_equal(qualities, expected)
        at_all = codec.encoder.encode_at_all_qualities(x)
        for i, quality in enumerate(qualities.tolist()):
            assert_identical(symbols[i], at_all[quality][i])
        seen |= set(qualities.tolist())
    assert len(seen) > 1


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_a_search_makes_more_of_the_same_bytes_and_takes_fewer_for_the_same_psnr(dtype):
    codec = codec_of(dtype)
    x = signals_of(codec, 60)
    (_, some, _), (_, good, _) = (within_reach(codec, x, name) for name in TARGETS)
    by_bytes = [codec.compress(x, effort=effort, target_bytes=some) for effort in (0, 2)]
    errors = [squared_errors(codec.decompress(blob), x).mean() for blob in by_bytes]
    assert errors[1] < errors[0]
    by_psnr = [codec.compress(x, effort=effort, target_psnr=good) for effort in (0, 2)]
    bits = [bits_of(codec, *symbols_in(codec, blob)).mean() for blob in by_psnr]
    assert bits[1] < bits[0]


@each_target
@pytest.mark.parametrize("effort", [1, 2])
def test_a_search_is_no_worse_than_any_rounding_that_keeps(name, effort):
    """Points are searched in their order, but a signal gets the best of all that was tried."""
    codec = codec_of("uint8")
    x = signals_of(codec, 60)
    bits, psnr = what_could_be_had(codec, x)
    for target in within_reach(codec, x, name):
        blob = codec.compress(x, effort=effort, **{name: target})
        if name == "target_bytes":
            best = np.where(bits <= 8 * target, psnr, -np.inf).max(axis=0)
            assert (psnr_of(codec, codec.decompress(blob), x) >= best - 1e-9).all()
        else:
            best = np.where(psnr >= target, bits, np.inf).min(axis=0)
            assert (bits_of(codec, *symbols_in(codec, blob)) <= best + 1e-6).all()


# ---------------------------------------------------------------- between qualities


@pytest.mark.parametrize("kind", [("uint8", ()), ("int32", (1, 3)), ("float32", ())], ids=str)
def test_the_more_errors_weigh_the_fewer_they_are_and_the_more_bits(kind):
    codec = codec_of(*kind)
    x, quality = signals_of(codec, 60), np.full(60, 2)
    rounded, found = codec.encode(x, 2, 0), []
    for weight in (2.0**-8, 2.0**-4, 1.0, 2.0**6):
        symbols = codec.encoder.symbol_encoder.improve(
            x, rounded, 2, 2, np.full(60, weight)
        ).symbols
        error = squared_errors(codec.decode(symbols, 2), x).mean()
        found.append((bits_of(codec, symbols, quality).mean(), error))
    bits, errors = (list(column) for column in zip(*found, strict=True))
    assert bits == sorted(bits)
    assert errors == sorted(errors, reverse=True)
    assert bits[0] < bits[2]
    assert errors[0] > errors[2]
    assert_identical(
        codec.encoder.symbol_encoder.improve(x, rounded, 2, 2).symbols,
        codec.encoder.symbol_encoder.improve(x, rounded, 2, 2, np.ones(60)).symbols,
    )


@pytest.mark.parametrize("effort", [1, 2, 8])
def test_each_signal_has_a_weight_of_its_own(effort):
    codec = codec_of("float32", (1, 3))
    x, weight = signals_of(codec), 2.0 ** np.random.default_rng(0).uniform(-8, 6, N)
    rounded = codec.encode(x, 3, 0)
    together = codec.encoder.symbol_encoder.improve(x, rounded, 3, effort, weight).symbols
    rows = [slice(i, i + 1) for i in range(N)]
    alone = [
        codec.encoder.symbol_encoder.improve(x[i], rounded[i], 3, effort, weight[i]).symbols
        for i in rows
    ]
    assert_identical(together, np.concatenate(alone))


@each_target
def test_a_model_of_one_quality_keeps_to_what_rounding_does_not(name):
    codec = codec_of("float32", n_qualities=1)
    x = signals_of(codec)
    target = {name: within_reach(codec, x, name)[0] * (0.8 if name == "target_bytes" else 1.005)}
    with pytest.raises(SettingError, match="out of reach"):
        codec.compress(x, effort=0, **target)
    symbols, _ = symbols_in(codec, codec.compress(x, effort=2, **target))
    assert (symbols != codec.encode(x, effort=0)).any()


# ---------------------------------------------------------------- the first and the last point


def at_the_end(codec, x, quality, effort, weights):
    """Improve what is rounded with one weight after the other."""
    symbols = codec.encode(x, quality, 0)
    for weight in weights:
        symbols = codec.encoder.symbol_encoder.improve(
            x, symbols, quality, effort, np.full(len(x), weight)
        ).symbols
    return symbols


@pytest.mark.parametrize(("dtype", "contexts"), [("uint8", ()), ("float32", (1, 3))])
@pytest.mark.parametrize("effort", [0, 2])
def test_a_target_above_all_that_is_needed_is_no_worse_than_the_last_point(dtype, contexts, effort):
    codec = codec_of(dtype, contexts)
    x = signals_of(codec)
    eighths = [0, 1, 3, 7, 15, 31, 47] if effort else []
    highest = at_the_end(codec, x, 4, effort, [power_of_two(each) for each in eighths])
    at_points = [squared_errors(codec.decode(highest, 4), x)]
    at_points += [squared_errors(codec.decode(codec.encode(x, q, 0), q), x) for q in QUALITIES]
    for target in (1000, 1e300):
        blob = codec.compress(x, effort=effort, target_bytes=target)
        symbols, qualities = symbols_in(codec, blob)
        errors = squared_errors(codec.decompress(blob), x)
        assert (errors <= np.min(at_points, axis=0)).all()
        at_the_highest = (errors == at_points[0]) & (qualities == 4)
        assert at_the_highest.any()
        assert_identical(symbols[at_the_highest], highest[at_the_highest])


@pytest.mark.parametrize(("dtype", "contexts"), [("uint8", ()), ("float32", (1, 3))])
@pytest.mark.parametrize("effort", [0, 2])
def test_a_psnr_below_all_that_is_had_gives_the_first_point(dtype, contexts, effort):
    codec = codec_of(dtype, contexts)
    codec = Codec(replace(codec.model, peak=1e9))  # even the worst is better than 1 dB then
    x = signals_of(codec)
    eighths = [0, -1, -3, -7, -15, -31, -63, -64] if effort else []
    expected = at_the_end(codec, x, 1, effort, [power_of_two(each) for each in eighths])
    for target in (1, 1e-300):
        symbols, qualities = symbols_in(codec, codec.compress(x, effort=effort, target_psnr=target))
        assert (qualities == 1).all()
        assert_identical(symbols, expected)


@each_target
def test_signals_of_one_quality_make_an_ordinary_block(name):
    codec = codec_of()
    codec = Codec(replace(codec.model, peak=1e9))
    x = signals_of(codec)
    quality, target = (4, 1000) if name == "target_bytes" else (1, 1)
    for effort in (0, 2):
        _, qualities = symbols_in(codec, codec.compress(x, effort=effort, **{name: target}))
        x = x[qualities == quality]
    assert len(x) > 2
    blob = codec.compress(x, effort=0, **{name: target})
    assert blob == codec.compress(x, quality, 0)
    blob = codec.compress(x, effort=2, **{name: target})
    assert [(block.mode, block.quality) for block in blocks_of(blob)] == [(Mode.CODED, quality)]


def test_a_model_of_one_quality_makes_ordinary_blocks():
    codec = codec_of("int16", n_qualities=1)
    x = signals_of(codec)
    for name in TARGETS:
        for target in within_reach(codec, x, name):
            for effort in (0, 2):
                (block,) = blocks_of(codec.compress(x, effort=effort, **{name: target}))
                assert (block.mode, block.quality) == (Mode.CODED, 1)
