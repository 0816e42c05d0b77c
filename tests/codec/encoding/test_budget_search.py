"""Signals coded to a budget: kept to, exact, and each signal's own affair."""

import io
import math
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import IndexedArchive, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.budget import Budget, _power_of_two, squared_errors
from narrows.codec.encoding.budget_search import BudgetSearch
from narrows.codec.entropy.ans import ideal_bits
from narrows.errors import DataError, NarrowsError, SettingError
from narrows.evaluation.metrics import evaluate
from tests.helpers.archives import BLOCK_LIMIT
from tests.helpers.faithful_models import K, faithful_model, spread_frames
from tests.helpers.tiny_models import (
    DTYPES,
    FLOAT_DTYPES,
    assert_identical,
    assert_one_line,
    blocks_of,
    exact_errors,
    examples,
    searching,
    tiny_model,
    typical_frames,
)

CLOSE = 2.0**-10  # bits of a symbol, by which costs are off its ideal length
N = 20
QUALITIES = range(1, 5)
TARGETS = ("target_bytes", "target_psnr")
each_target = pytest.mark.parametrize("name", TARGETS)


@cache
def codec_of(dtype="uint8", contexts=(), searches=True, n_qualities=4):
    return Codec(faithful_model(dtype, n_qualities, contexts, searches))


@cache
def signals_of(codec, n=N):
    x = spread_frames(codec.model, n)
    x.setflags(write=False)
    return x


KINDS = [
    *((dtype, (1, 3), True) for dtype in DTYPES),
    ("int16", (), True), ("float64", (), True), ("uint8", (), False), ("float32", (1, 3), False),
]  # fmt: skip
each_kind = pytest.mark.parametrize(
    ("dtype", "contexts", "searches"), KINDS,
    ids=[f"{d}{'-search' * s}{'-contexts' * bool(c)}" for d, c, s in KINDS],
)  # fmt: skip


def bits_of(codec, symbols, qualities):
    """Give the ideal length of each signal's symbols at its quality."""
    tables = codec.model.coding_tables
    each = [ideal_bits(s[None], tables[q - 1])[0] for s, q in zip(symbols, qualities, strict=True)]
    return np.array(each)


def psnr_of(codec, decoded, x):
    """Give each signal's PSNR in dB; infinite where it is exact."""
    count = x[0].size * Fraction(codec.model.peak) ** 2
    return np.array([
        10 * math.log10(count / e) if e else math.inf for e in exact_errors(decoded, x)
    ])  # fmt: skip


def what_could_be_had(codec, x):
    """Give bits and PSNR of each signal rounded at each quality, both `(n_qualities, n)`."""
    at_all = codec.encode_at_all_qualities(x)
    found = []
    for number, symbols in enumerate(at_all):
        quality = np.full(len(x), number + 1)
        decoded = codec.decode(symbols, quality)
        found.append((bits_of(codec, symbols, quality), psnr_of(codec, decoded, x)))
    bits, psnr = zip(*found, strict=True)
    return np.array(bits), np.array(psnr)


def within_reach(codec, x, name):
    """Give three targets that all signals can keep to: a strict one, one between, a loose one."""
    bits, psnr = what_could_be_had(codec, x)
    if name == "target_bytes":
        strict, loose = bits.min(axis=0).max() / 8 + CLOSE, bits.max() / 8 + CLOSE
    else:
        strict, loose = psnr.max(axis=0).min() - 0.01, psnr.min() - 0.01
    return float(strict), float(strict + (loose - strict) / 4), float(loose)


def symbols_in(codec, blob):
    """Give the symbols and the qualities that an archive holds."""
    parts = [codec.blocks.unpack(block) for block in blocks_of(blob)]
    assert all(part.qualities is not None for part in parts)
    return (
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.qualities for part in parts]),
    )


def efforts_of(codec):
    return (0, 2) if codec.model.exchange else (0,)


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
        symbols, qualities = BudgetSearch(codec, Budget(target), effort).encode(x)
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
        at_all = codec.encode_at_all_qualities(x)
        assert_identical(symbols, at_all[qualities - 1, np.arange(len(x))])
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
    """Rungs are climbed one by one, but a signal gets the best of all that was tried."""
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
        symbols = codec.improve(x, rounded, 2, 2, np.full(60, weight))
        error = squared_errors(codec.decode(symbols, 2), x).mean()
        found.append((bits_of(codec, symbols, quality).mean(), error))
    bits, errors = (list(column) for column in zip(*found, strict=True))
    assert bits == sorted(bits)
    assert errors == sorted(errors, reverse=True)
    assert bits[0] < bits[2]
    assert errors[0] > errors[2]
    assert_identical(codec.improve(x, rounded, 2, 2), codec.improve(x, rounded, 2, 2, np.ones(60)))


@pytest.mark.parametrize("effort", [1, 2, 8])
def test_each_signal_has_a_weight_of_its_own(effort):
    codec = codec_of("float32", (1, 3))
    x, weight = signals_of(codec), 2.0 ** np.random.default_rng(0).uniform(-8, 6, N)
    rounded = codec.encode(x, 3, 0)
    together = codec.improve(x, rounded, 3, effort, weight)
    rows = [slice(i, i + 1) for i in range(N)]
    alone = [codec.improve(x[i], rounded[i], 3, effort, weight[i]) for i in rows]
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


# ---------------------------------------------------------------- the ends of the ladder


def at_the_end(codec, x, quality, effort, weights):
    """Improve what is rounded with one weight after the other."""
    symbols = codec.encode(x, quality, 0)
    for weight in weights:
        symbols = codec.improve(x, symbols, quality, effort, np.full(len(x), weight))
    return symbols


@pytest.mark.parametrize(("dtype", "contexts"), [("uint8", ()), ("float32", (1, 3))])
@pytest.mark.parametrize("effort", [0, 2])
def test_a_target_above_all_that_is_needed_is_no_worse_than_the_highest_rung(
    dtype, contexts, effort
):
    codec = codec_of(dtype, contexts)
    x = signals_of(codec)
    eighths = [0, 1, 3, 7, 15, 31, 47] if effort else []
    highest = at_the_end(codec, x, 4, effort, [_power_of_two(each) for each in eighths])
    rungs = [squared_errors(codec.decode(highest, 4), x)]
    rungs += [squared_errors(codec.decode(codec.encode(x, q, 0), q), x) for q in QUALITIES]
    for target in (1000, 1e300):
        blob = codec.compress(x, effort=effort, target_bytes=target)
        symbols, qualities = symbols_in(codec, blob)
        errors = squared_errors(codec.decompress(blob), x)
        assert (errors <= np.min(rungs, axis=0)).all()
        at_the_highest = (errors == rungs[0]) & (qualities == 4)
        assert at_the_highest.any()
        assert_identical(symbols[at_the_highest], highest[at_the_highest])


@pytest.mark.parametrize(("dtype", "contexts"), [("uint8", ()), ("float32", (1, 3))])
@pytest.mark.parametrize("effort", [0, 2])
def test_a_psnr_below_all_that_is_had_gives_the_lowest_rung(dtype, contexts, effort):
    codec = codec_of(dtype, contexts)
    codec = Codec(replace(codec.model, peak=1e9))  # even the worst is better than 1 dB then
    x = signals_of(codec)
    eighths = [0, -1, -3, -7, -15, -31, -63, -64] if effort else []
    expected = at_the_end(codec, x, 1, effort, [_power_of_two(each) for each in eighths])
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


# ---------------------------------------------------------------- each signal's own affair


@cache
def whole(dtype, contexts, name, effort):
    """Give signals, a target, and the symbols and qualities that they have together."""
    codec = codec_of(dtype, contexts)
    x = signals_of(codec)
    target = within_reach(codec, x, name)[1]
    return x, target, *BudgetSearch(codec, Budget(**{name: target}), effort).encode(x)


@given(
    st.sampled_from([("uint8", ()), ("int32", ()), ("float32", (1, 3))]),
    st.sampled_from(TARGETS), st.sampled_from([0, 2]), st.data(),
)  # fmt: skip
@examples(20)
def test_a_signal_has_the_same_symbols_in_every_company(kind, name, effort, data):
    x, target, symbols, qualities = whole(*kind, name, effort)
    chosen = data.draw(st.lists(st.integers(0, N - 1), min_size=1, max_size=12))
    codec = Codec(codec_of(*kind).model, batch_size=data.draw(st.sampled_from([1, 3, 256])))
    again = BudgetSearch(codec, Budget(**{name: target}), effort).encode(x[chosen])
    assert_identical(again[0], symbols[chosen])
    np.testing.assert_array_equal(again[1], qualities[chosen])


@each_target
def test_the_batch_size_changes_no_byte(name, monkeypatch):
    for kind in (("uint8", ()), ("float32", (1, 3))):
        x, target, *_ = whole(*kind, name, 2)
        blob = codec_of(*kind).compress(x, effort=2, **{name: target})
        monkeypatch.setattr("narrows.codec.encoding.symbol_search.BATCH_SIGNALS", 3)
        for batch_size in (1, 7):
            other = Codec(codec_of(*kind).model, batch_size=batch_size)
            assert other.compress(x, effort=2, **{name: target}) == blob
        monkeypatch.undo()


@each_target
def test_a_signal_alone_decompresses_to_what_it_is_among_others(name):
    for kind in (("int16", ()), ("float32", (1, 3))):
        codec, (x, target, symbols, qualities) = codec_of(*kind), whole(*kind, name, 2)
        together = codec.decompress(codec.compress(x, **{name: target}))
        assert_identical(together, codec.decode(symbols, qualities))
        for i in (0, 4, N - 1):
            blob = codec.compress(x[i : i + 1], **{name: target})
            assert_identical(codec.decompress(blob), together[i : i + 1])


@each_target
def test_blocks_and_streams_change_no_signal(name, monkeypatch):
    codec, (x, target, *_) = codec_of("int16"), whole("int16", (), name, 2)
    together = codec.decompress(codec.compress(x, **{name: target}))
    monkeypatch.setattr(BLOCK_LIMIT, 6 * x[0].nbytes)
    blob, stream = codec.compress(x, **{name: target}), io.BytesIO()
    assert len(blocks_of(blob)) == 4
    assert_identical(codec.decompress(blob), together)
    codec.compress_to(stream, iter([x[:6], x[6:12], x[12:]]), **{name: target})
    assert stream.getvalue() == blob


@each_target
def test_torch_chooses_what_numpy_chooses(torch_backend, name):
    for kind in (("uint8", ()), ("float32", (1, 3))):
        x, target, *_ = whole(*kind, name, 2)
        here = codec_of(*kind)
        on_torch = Codec(here.model, torch_backend)
        assert on_torch.compress(x, **{name: target}) == here.compress(x, **{name: target})


def test_memory_order_byte_order_and_read_only_signals_change_no_byte():
    codec, (x, target, *_) = codec_of("int32"), whole("int32", (), "target_bytes", 2)
    blob = codec.compress(x, target_bytes=target)
    for other in (np.asfortranarray(x), x.astype(">i4"), np.flip(np.flip(x).copy())):
        assert codec.compress(other, target_bytes=target) == blob


# ---------------------------------------------------------------- out of reach


def told(codec, x, compress, **target):
    """Give what the error says could be had."""
    (name,) = target
    with pytest.raises(SettingError) as caught:
        compress(x, **target)
    assert_one_line(caught.value, f"{name} {target[name]:g} is out of reach")
    return float(re.search(r"(?:takes|can have) (-?[\d.]+) (?:bytes|dB)", str(caught.value))[1])


@each_kind
@each_target
def test_what_an_error_says_could_be_had_can_be_had(dtype, contexts, searches, name):
    codec = codec_of(dtype, contexts, searches)
    x = signals_of(codec)
    for effort in efforts_of(codec):

        def compress(x, effort=effort, **target):
            return codec.compress(x, effort=effort, **target)

        value = told(codec, x, compress, **{name: 0.01 if name == "target_bytes" else 2000})
        blob = compress(x, **{name: value})
        symbols, qualities = symbols_in(codec, blob)
        if name == "target_bytes":
            assert (bits_of(codec, symbols, qualities) <= 8 * value + K * CLOSE).all()
        else:
            assert psnr_of(codec, codec.decompress(blob), x).min() >= value - 1e-9


@each_kind
@pytest.mark.parametrize("checksum", [False, True])
def test_what_an_error_says_a_packet_could_have_can_be_had(dtype, contexts, searches, checksum):
    codec = codec_of(dtype, contexts, searches)

    def compress(x, **target):
        return codec.compress_packet(x, checksum=checksum, **target)

    for signal in signals_of(codec)[3:5]:
        value = told(codec, signal, compress, target_bytes=0.5)
        assert value == int(value)
        assert len(compress(signal, target_bytes=value)) <= value
        psnr = told(codec, signal, compress, target_psnr=2000)
        again = codec.decompress_packet(compress(signal, target_psnr=psnr), checksum=checksum)
        assert psnr_of(codec, again[None], signal[None])[0] >= psnr - 1e-9


@each_target
def test_an_error_proposes_only_what_there_is(name):
    target = {name: 0.01 if name == "target_bytes" else 2000}
    for searches, effort, words in (
        (False, 0, "another model"), (True, 0, "a higher effort"), (True, 2, "a higher effort"),
        (True, 9, "another model"),
    ):  # fmt: skip
        codec = codec_of("uint8", (), searches)
        with pytest.raises(SettingError) as caught:
            codec.compress(signals_of(codec)[:2], effort=effort, **target)
        assert_one_line(caught.value, f"at effort {effort}", words)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("effort", [1, 2])
def test_no_effort_refuses_bytes_that_rounding_keeps_to(dtype, effort):
    """A search may end with more bits than it began with: errors have a weight as well."""
    codec = Codec(searching(tiny_model(dtype, (5, 4), K, 3)))
    x = typical_frames(codec.model, 12)
    least = what_could_be_had(codec, x)[0].min(axis=0) / 8
    for i, target in enumerate(least + CLOSE):
        search = BudgetSearch(codec, Budget(target), effort)
        symbols, qualities = search.encode(x[i : i + 1])
        assert bits_of(codec, symbols, qualities)[0] <= 8 * target + K * CLOSE


@pytest.mark.parametrize("searches", [False, True])
def test_errors_beyond_float64_are_out_of_reach_and_no_crash(searches):
    codec = codec_of("float64", (), searches)
    x = np.full((2, 5, 4), 1.5e308)
    x[1, ::2] *= -1
    with pytest.raises(SettingError, match=r"-inf dB") as caught:
        codec.compress(x, target_psnr=3)
    assert_one_line(caught.value, "out of reach")
    huge = Codec(replace(codec.model, peak=1e300))
    x = signals_of(huge)
    assert huge.decompress(huge.compress(x, target_psnr=3)).shape == x.shape
    with pytest.raises(SettingError, match=r"have [56]\d\d\d\.\d dB"):
        huge.compress(x, target_psnr=1e6)


# ---------------------------------------------------------------- what is refused


def refusals(codec, x):
    """Give every way to ask for a target."""
    archive = IndexedArchive(io.BytesIO(codec.compress(x)))
    streams = [io.BytesIO(), io.BytesIO()]
    ways = [
        lambda *a, **k: codec.compress(x, *a, **k),
        lambda *a, **k: codec.compress_packet(x[0], *a, **k),
        lambda *a, **k: codec.compress_to(streams[0], x, *a, **k),
        lambda *a, **k: codec.append_to(streams[1], archive, x, *a, **k),
        lambda *a, **k: evaluate(codec, x, *a, **k),
    ]
    return ways, streams


@each_target
def test_a_quality_and_a_target_exclude_each_other(name):
    codec = codec_of()
    ways, streams = refusals(codec, signals_of(codec))
    for way in ways:
        with pytest.raises(SettingError) as caught:
            way(2, **{name: 30})
        assert_one_line(caught.value, "quality 2", f"{name} 30", "one of the two")
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
        with pytest.raises(SettingError) as caught:
            way(**options)
        assert_one_line(caught.value)
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
        with pytest.raises(NarrowsError, match="no encoder") as caught:
            codec.compress(signals_of(codec_of()), **{name: 30})
        assert_one_line(caught.value)


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
    assert_identical(again[5:10], x[5:10])
    others = np.r_[0:5, 10:20]
    expected = codec.decompress(codec.compress(x[others], target_psnr=target))
    assert_identical(again[others], expected)
    with pytest.raises(SettingError) as caught:
        codec.compress(x, target_bytes=1000)
    assert_one_line(caught.value, "NaN or infinity", "target_bytes 1000")
    for name in TARGETS:
        with pytest.raises(DataError, match="NaN or infinity"):
            codec.compress_packet(x[7], **{name: 30})


def test_no_signals_keep_to_anything():
    codec = codec_of()
    x = signals_of(codec)[:0]
    for name in TARGETS:
        assert codec.compress(x, **{name: 1e-9}) == codec.compress(x)
        symbols, qualities = BudgetSearch(codec, Budget(**{name: 5}), 2).encode(x)
        assert (symbols.shape, qualities.shape) == ((0, K), (0,))


@each_target
def test_a_measurement_is_of_the_target_that_it_is_given(name):
    codec = codec_of("uint8")
    x = signals_of(codec)
    for target in within_reach(codec, x, name)[:2]:
        measured = evaluate(codec, x, effort=2, **{name: target})
        blob = codec.compress(x, effort=2, **{name: target})
        assert measured.compressed_bytes == len(blob)
        mean = squared_errors(codec.decompress(blob), x).sum() / x.size / codec.model.peak**2
        assert measured.mse == pytest.approx(mean)
