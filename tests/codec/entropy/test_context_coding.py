"""Blocks and packets coded with context models."""

import numpy as np
import pytest
from hypothesis import given

from narrows.codec.entropy.ans import fold_escape, ideal_bits
from narrows.codec.entropy.context_tables import exponentials, shared_out
from narrows.codec.entropy.tables import frequencies_of
from narrows.errors import FormatError
from tests.helpers.context_models import (
    STACKS,
    coder_of,
    symbols_of,
    tables_and_symbols,
    tables_of,
)
from tests.helpers.packets import coder_for
from tests.helpers.tiny_models import assert_identical, assert_one_line, examples, rng_of

# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize("kind", STACKS)
def test_many_symbols_take_their_ideal_bits(kind):
    tables = tables_of(0, 5)
    symbols = symbols_of(tables.row, 3000)
    coder = coder_of(kind, tables)
    payload = coder.encode(symbols)
    assert_identical(coder.decode(payload, len(symbols)), symbols)
    bound = ideal_bits(symbols, tables).sum() / 8
    assert bound < len(payload) < 1.001 * bound + 12


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


# ---------------------------------------------------------------- packets


def test_every_flipped_bit_of_a_packet_gives_an_error_or_the_packet_of_other_symbols():
    refused = others = 0
    for seed in range(5):
        tables = tables_of(seed, 4)
        coder = coder_for(tables)
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
