"""Blocks of several qualities: the inverse, damage, and decoding."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import narrows
from narrows.codec.archive import SEVERAL_QUALITIES, Block, Mode
from narrows.codec.archive.quality_groups import _list_coder
from narrows.codec.codec import Codec
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.sequence import Archive
from narrows.errors import FormatError, SettingError
from tests.helpers.archives import BLOCK_LIMIT, written
from tests.helpers.quality_groups import (
    CODEC,
    MODEL,
    MOST,
    SEVERAL,
    K,
    coder,
    decoded_singly,
    packed,
    typical_symbols,
    unpacked,
)
from tests.helpers.tiny_models import (
    DTYPES,
    any_int32,
    assert_identical,
    assert_one_line,
    blocks_of,
    examples,
    refusing,
    tiny_model,
    typical_frames,
)

FLIPS = [1 << bit for bit in range(8)] + [0xFF]


def refused(payload, n, *words):
    with refusing(FormatError, *words):
        unpacked(payload, n)


# ---------------------------------------------------------------- inverse


@st.composite
def signals(draw):
    """Symbols of any value, at qualities of which there may be any number."""
    n_qualities, n = draw(st.integers(1, MOST)), draw(st.integers(1, 20))
    used = draw(st.lists(st.integers(1, n_qualities), min_size=1, max_size=n_qualities))
    qualities = draw(st.lists(st.sampled_from(used), min_size=n, max_size=n))
    symbols = draw(hnp.arrays(np.int32, (n, K), elements=any_int32))
    return symbols, np.array(qualities), n_qualities


@given(signals())
@examples(60)
def test_symbols_and_qualities_come_back(drawn):
    symbols, qualities, n_qualities = drawn
    payload = packed(symbols, qualities, n_qualities)
    again, found = unpacked(payload, len(symbols), n_qualities)
    assert_identical(again, symbols)
    np.testing.assert_array_equal(found, qualities)
    assert packed(again, found, n_qualities) == payload


@pytest.mark.parametrize("quality", range(1, MOST + 1))
@pytest.mark.parametrize("n", [1, 30])
def test_all_signals_may_have_one_quality(quality, n):
    qualities = np.full(n, quality)
    symbols = typical_symbols(qualities)
    again, found = unpacked(packed(symbols, qualities), n)
    assert_identical(again, symbols)
    np.testing.assert_array_equal(found, qualities)


def test_a_full_block_comes_back():
    n = 16_383
    qualities = np.random.default_rng(0).choice([1, 2, 6], n, p=[0.001, 0.009, 0.99])
    symbols = np.tile(typical_symbols(qualities[:300]), (55, 1))[:n]
    payload = packed(symbols, qualities)
    again, found = unpacked(payload, n)
    assert_identical(again, symbols)
    np.testing.assert_array_equal(found, qualities)


def test_a_payload_is_counts_the_list_of_qualities_and_the_symbols_of_each():
    qualities = np.array([5, 2, 5, 5, 1, 2, 5] * 30)
    symbols = typical_symbols(qualities)
    payload, position, parts = packed(symbols, qualities), MOST, []
    assert list(payload[:MOST]) == [30, 60, 0, 0, 120, 0, 0, 0]
    while position < len(payload):
        size, position = read_varint(payload, position)
        parts.append(payload[position : position + size])
        position += size
    assert position == len(payload)
    assert parts[1:] == [coder(q).encode(symbols[qualities == q]) for q in (1, 2, 5)]
    entropy = -sum(m * np.log2(m / 210) for m in (30, 60, 120))
    assert entropy / 8 < len(parts[0]) < entropy / 8 + 9  # and what a coder begins and ends with


# ---------------------------------------------------------------- damage


@pytest.fixture(scope="module")
def payload():
    """What seven signals of three qualities take; one of them is escaped."""
    qualities = np.array([2, 1, 7, 2, 2, 7, 1])
    return packed(typical_symbols(qualities), qualities)


def check_unpacked(payload, n):
    """Unpack what may be anything: a FormatError, or symbols and qualities as they should be."""
    try:
        symbols, qualities = unpacked(payload, n)
    except FormatError as error:
        assert_one_line(error)
        return False
    assert symbols.dtype == np.int32
    assert symbols.shape == (n, K)
    assert qualities.shape == (n,)
    assert 1 <= qualities.min() <= qualities.max() <= MOST
    return True


def test_every_changed_byte_gives_an_error_or_symbols_of_the_right_shape(payload):
    taken = 0
    for position, flip in np.ndindex(len(payload), len(FLIPS)):
        changed = bytes([payload[position] ^ FLIPS[flip]])
        taken += check_unpacked(payload[:position] + changed + payload[position + 1 :], 7)
    assert 0 < taken < 8 * len(payload)


def test_every_truncation_is_refused(payload):
    for size in range(len(payload)):
        refused(payload[:size], 7)
    refused(payload[:-1], 7, f"go on after its {len(payload) - 1} bytes")


def test_bytes_left_over_are_refused(payload):
    for rest in (b"\0", b"\1", b"\xff", payload):
        refused(payload + rest, 7, "left over")


def test_another_number_of_signals_is_refused(payload):
    for n in (1, 6, 8, 16_383):
        refused(payload, n, f"{n} signals", "7")


def test_any_bytes_are_refused_or_are_symbols(payload):
    rng = np.random.default_rng(0)
    counts = payload[:MOST]
    for size in range(60):
        rest = rng.bytes(size)
        check_unpacked(rest, 1 + size % 9)
        check_unpacked(counts + rest, 7)
        check_unpacked(payload[: MOST + 12] + rest, 7)


@pytest.mark.parametrize("counts", [[0] * 8, [7, 1] + [0] * 6, [2**34] * 8, [0] * 7 + [2**34]])
def test_counts_of_other_than_the_signals_are_refused_before_anything_is_made(payload, counts):
    refused(b"".join(map(write_varint, counts)) + payload[MOST:], 7, "7 signals", str(sum(counts)))


@pytest.mark.parametrize(
    "listed",
    [[2, 1, 7, 2, 2, 7, 7], [1, 1, 1, 1, 1, 1, 1], [2, 1, 7, 2, 2, 7, 3], [2, 1, 7, 2, 2, 7, 0],
     [2, 1, 7, 2, 2, 7, 9], [2, 1, 7, 2, 2, 7, -(2**31)], [2**31 - 1] * 7],
)  # fmt: skip
def test_a_list_that_is_not_as_the_counts_say_is_refused(payload, listed):
    counts = np.array([2, 3, 0, 0, 0, 0, 2, 0])
    column = np.array(listed, np.int32)[:, None]
    part = _list_coder(counts).encode(column)
    size, position = read_varint(payload, MOST)
    changed = payload[:MOST] + write_varint(len(part)) + part + payload[position + size :]
    refused(changed, 7, "qualities that it counts")


# ---------------------------------------------------------------- decoding


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_signals_of_several_qualities_decode_as_each_alone(dtype, batch_size):
    model = tiny_model(dtype, (3, 5), 3, 3)
    codec, rng = Codec(model, batch_size=batch_size), np.random.default_rng(0)
    symbols = rng.integers(-60, 60, (21, 3), dtype=np.int32)
    symbols[5] = [2**31 - 1, -(2**31), 0]
    qualities = rng.integers(1, 4, 21)
    decoded = codec.decode(symbols, qualities)
    assert_identical(decoded, decoded_singly(Codec(model), symbols, qualities))
    for kind in ("int8", "uint8", "int32", "uint64"):
        assert_identical(codec.decode(symbols, qualities.astype(kind)), decoded)
    assert_identical(codec.decode(symbols, np.full(21, 2)), codec.decode(symbols, 2))
    assert_identical(codec.decode(symbols[:0], qualities[:0]), decoded[:0])


def test_torch_decodes_several_qualities_to_the_same_bits(torch_backend):
    qualities = np.random.default_rng(0).integers(1, MOST + 1, 50)
    symbols = typical_symbols(qualities)
    on_torch = Codec(MODEL, torch_backend, batch_size=7)
    assert_identical(on_torch.decode(symbols, qualities), CODEC.decode(symbols, qualities))


@pytest.mark.parametrize(
    "qualities",
    [[1, 2], [1, 2, 3, 1], [[1], [2], [3]], 1, [1, 0, 2], [1, 2, 9], [1.0, 2.0, 3.0],
     [True, True, True]],
    ids=str,
)  # fmt: skip
def test_qualities_that_are_not_one_a_signal_are_refused(qualities):
    with refusing(SettingError, match="qualit"):
        CODEC.decode(np.zeros((3, K), np.int32), np.array(qualities))


def test_archives_made_for_a_target_can_be_opened(tmp_path, monkeypatch):
    frames = typical_frames(MODEL, 40, seed=5)
    monkeypatch.setattr(BLOCK_LIMIT, 15 * frames[0].nbytes)
    blob = CODEC.compress(frames, target_bytes=3, embed_model=True)
    assert [(b.mode, b.quality) for b in blocks_of(blob)] == [SEVERAL] * 3
    path, x = tmp_path / "x.nrw", CODEC.decompress(blob)
    path.write_bytes(blob)
    with narrows.open(path) as opened:
        assert_identical(opened[17], x[17])
        assert_identical(opened[35:3:-4], np.ascontiguousarray(x[35:3:-4]))


def test_a_payload_that_pack_groups_never_wrote_is_refused_whoever_reads(payload):
    blob = written(
        CODEC.encoder.header(), [Block(Mode.CODED, SEVERAL_QUALITIES, 7, payload + b"\0")]
    )
    for read in (CODEC.decompress, lambda blob: Archive(io.BytesIO(blob), CODEC.decoder)[2]):
        with pytest.raises(FormatError, match="left over"):
            read(blob)
