"""Blocks and packets coded with context models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy.ans import fold_escape, ideal_bits
from narrows.codec.entropy.context_tables import exponentials, shared_out
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import FixedTables, frequencies_of
from narrows.errors import FormatError
from tests.helpers.context_models import (
    MODEL_ID,
    STACKS,
    all_tables,
    coder_of,
    symbols_of,
    tables_and_symbols,
    tables_of,
)
from tests.helpers.tiny_models import assert_identical, assert_one_line, examples, rng_of

# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize("kind", STACKS)
@given(tables_and_symbols())
@examples(60)
def test_any_int32_symbols_are_decoded_as_they_were_coded(kind, case):
    tables, symbols = case
    coder = coder_of(kind, tables)
    assert_identical(coder.decode(coder.encode(symbols), len(symbols)), symbols)


@given(tables_and_symbols())
@examples(60)
def test_both_stacks_write_the_same_payload(case):
    tables, symbols = case
    payloads = {coder_of(kind, tables).encode(symbols) for kind in STACKS}
    assert len(payloads) == 1


@pytest.mark.parametrize("kind", STACKS)
def test_many_symbols_take_their_ideal_bits(kind):
    tables = tables_of(0, 5)
    symbols = symbols_of(tables.row, 3000)
    coder = coder_of(kind, tables)
    payload = coder.encode(symbols)
    assert_identical(coder.decode(payload, len(symbols)), symbols)
    bound = ideal_bits(symbols, tables).sum() / 8
    assert bound < len(payload) < 1.001 * bound + 12


@given(tables_and_symbols())
@examples(60)
def test_coding_takes_the_ideal_bits_and_less_than_nine_bytes(case):
    tables, symbols = case
    payload = coder_of("plain", tables).encode(symbols)
    assert 8 * len(payload) <= ideal_bits(symbols, tables).sum() + 24 + 31 + 8 + 7


@given(tables_and_symbols(min_n=1))
@examples(40)
def test_ideal_bits_are_those_of_the_frequencies_and_of_the_escapes(case):
    tables, symbols = case
    expected = np.zeros(len(symbols))
    for j, frequencies in zip(tables.order, frequencies_of(symbols, tables), strict=True):
        table = tables.row[j]
        for i, symbol in enumerate(symbols[:, j].tolist()):
            entry = int(table.indices(np.array(symbol)))
            expected[i] += 24 - np.log2(float(frequencies[i, entry]))
            if entry == table.escape:
                expected[i] += 2 * (fold_escape(symbol, table) + 1).bit_length() - 1
    np.testing.assert_allclose(ideal_bits(symbols, tables), expected)


@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("size", [2, 3, 17, 62, 63, 64, 65, 300, 4097])
def test_a_stack_takes_the_frequencies_of_any_table_as_whole_numbers(kind, size):
    """Float32 of narrow tables, float64 of wide ones, and integers: the same words."""
    coder_of(kind, tables_of(0, 3))
    rng, n = rng_of(size), 40
    logs = rng.integers(-rng.integers(1, 600, n), 1, (size, n)).astype(np.float32)
    logs[:, ::8] = -500
    logs[rng.integers(size, size=5), range(0, n, 8)] = 0  # a sure entry
    frequencies = shared_out(exponentials(logs))
    entries = rng.integers(0, size, n, dtype=np.int32)
    entries[:20] = frequencies[:20].argmax(axis=1)
    words = []
    for number, each in (("plain", frequencies.astype(np.int64)), (kind, frequencies)):
        stack = STACKS[number]()
        stack.push(entries, each)
        words.append(stack.words())
        again = STACKS[number](words[-1].copy())
        assert_identical(again.pop(n, each), entries)
        again.check_empty()
    assert_identical(*words)


@pytest.mark.parametrize("kind", STACKS)
def test_no_signals_take_one_byte(kind):
    coder = coder_of(kind, tables_of(0, 3))
    assert coder.encode(np.empty((0, 3), np.int32)) == b"\x00"
    assert coder.decode(b"\x00", 0).shape == (0, 3)


def decoded(kind, tables, payload, n):
    """Decode; None where it is refused. Anything but FormatError is an error of the test."""
    try:
        symbols = coder_of(kind, tables).decode(payload, n)
    except FormatError as error:
        assert_one_line(error)
        return None
    assert (symbols.shape, symbols.dtype) == ((n, len(tables.row)), np.int32)
    return symbols.tolist()


@given(tables_and_symbols(), st.data())
@examples(100)
def test_a_damaged_payload_gives_an_error_or_the_same_symbols_with_both_stacks(case, data):
    tables, symbols = case
    payload = bytearray(coder_of("plain", tables).encode(symbols))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(0, 255))
    damaged = bytes(payload[: data.draw(st.integers(1, len(payload)))])
    plain, compiled = (decoded(kind, tables, damaged, len(symbols)) for kind in STACKS)
    assert plain == compiled


# ---------------------------------------------------------------- packets


def packet_coder(*tables):
    return PacketCoder(MODEL_ID, dict(enumerate(tables, 1)))


@given(tables_and_symbols(min_n=1, max_n=1), st.booleans())
@examples(100)
def test_any_int32_symbols_come_back_from_a_packet(case, checksum):
    tables, (symbols,) = case
    coder = packet_coder(FixedTables(tables.row), tables)
    packet = coder.encode(symbols, 2, checksum=checksum)
    found, quality = coder.decode(packet, checksum=checksum)
    assert quality == 2
    assert_identical(found, symbols)


@given(tables_and_symbols(min_n=1, max_n=1))
@examples(100)
def test_a_packet_takes_at_most_two_bytes_more_than_the_ideal_bits(case):
    tables, symbols = case
    packet = packet_coder(tables).encode(symbols[0], 1)
    assert len(packet) <= ideal_bits(symbols, tables)[0] / 8 + 2


def test_every_flipped_bit_of_a_packet_gives_an_error_or_the_packet_of_other_symbols():
    refused = others = 0
    for seed in range(5):
        tables = tables_of(seed, 4)
        coder = packet_coder(tables)
        for symbols in symbols_of(tables.row, 8, seed):
            packet = coder.encode(symbols, 1)
            for bit in range(8 * len(packet)):
                hit = (int.from_bytes(packet, "big") ^ 1 << bit).to_bytes(len(packet), "big")
                try:
                    found, quality = coder.decode(hit)
                except FormatError as error:
                    assert_one_line(error)
                    refused += 1
                    continue
                others += 1
                assert found.tolist() != symbols.tolist()
                assert coder.encode(found, quality) == hit
    assert refused > 10 * others > 0


@given(all_tables, st.binary(max_size=30), st.integers(0, 31))
@examples(200)
def test_random_bytes_are_refused_or_the_packet_of_what_they_decode_to(tables, payload, first):
    coder = packet_coder(tables)
    try:
        symbols, quality = coder.decode(bytes([first]) + payload)
    except FormatError as error:
        assert_one_line(error)
        return
    assert coder.encode(symbols, quality) == bytes([first]) + payload
