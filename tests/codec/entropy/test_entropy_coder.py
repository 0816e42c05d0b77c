"""Symbols <-> payloads, with constriction's coder and with the plain one."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy import stacks as entropy
from narrows.codec.entropy.ans import SymbolCoder, fold_escape, ideal_bits, unfold_escape
from narrows.codec.entropy.bits import BitWriter, read_varint, write_varint
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.stacks import PlainStack, best_stack
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable
from narrows.errors import FormatError
from tests.helpers import context_models
from tests.helpers.context_models import STACKS
from tests.helpers.tiny_models import INT32, any_int32, assert_identical, assert_one_line, examples


def coder_of(kind, row):
    return context_models.coder_of(kind, FixedTables(row))


@cache
def row_of(seed, k):
    """Make k tables: narrow and wide ones, and one that begins at an end of int32."""
    rng = np.random.default_rng(seed)
    tables = []
    for j in range(k):
        match (seed + j) % 4:
            case 0:
                symbols = np.round(rng.laplace(size=300) * 3).astype(np.int32)
            case 1:
                symbols = rng.integers(-1500, 1500, 4000).astype(np.int32)
            case 2:
                symbols = np.full(10**5, int(rng.integers(-5, 5)), np.int32)
            case _:
                symbols = np.array([INT32.max, INT32.max - 2, INT32.max - 2], np.int32)
        tables.append(count_table(symbols))
    return tuple(tables)


rows = st.builds(row_of, st.integers(0, 30), st.integers(1, 4))
any_tables = rows.map(FixedTables) | context_models.all_tables


@st.composite
def tables_and_symbols(draw, max_n=12):
    """Tables alone, or with a context model, and `(n, k)` symbols, some of them outside."""
    return draw(context_models.tables_and_symbols(max_n=max_n, tables=any_tables))


@pytest.fixture(params=STACKS)
def kind(request):
    return request.param


# ---------------------------------------------------------------- inverse


@pytest.mark.parametrize("kind", STACKS)
@given(tables_and_symbols())
@examples(100)
def test_any_int32_symbols_are_decoded_as_they_were_coded(kind, case):
    tables, symbols = case
    coder = context_models.coder_of(kind, tables)
    assert_identical(coder.decode(coder.encode(symbols), len(symbols)), symbols)


@given(tables_and_symbols())
@examples(100)
def test_all_coders_write_the_same_payload(case):
    tables, symbols = case
    payloads = {context_models.coder_of(kind, tables).encode(symbols) for kind in STACKS}
    assert len(payloads) == 1


@pytest.mark.parametrize("kind", STACKS)
def test_many_symbols_are_decoded_as_they_were_coded(kind):
    rng = np.random.default_rng(0)
    symbols = np.round(rng.laplace(size=(4000, 5)) * np.arange(5)).astype(np.int32)
    symbols[::1000] = INT32.min
    symbols[1::1000] = INT32.max
    row = [count_table(column[:3000]) for column in symbols.T]
    coder = coder_of(kind, row)
    payload = coder.encode(symbols)
    assert_identical(coder.decode(payload, len(symbols)), symbols)
    assert payload == coder_of("plain", row).encode(symbols)
    bound = ideal_bits(symbols, FixedTables(row)).sum() / 8
    assert bound < len(payload) < 1.001 * bound + 12


def test_escapes_alone_are_decoded_as_they_were_coded(kind):
    row = [count_table(np.zeros(1000, np.int32))]
    symbols = np.array([[INT32.min], [-1], [1], [2], [-2], [INT32.max]], np.int32)
    coder = coder_of(kind, row)
    assert_identical(coder.decode(coder.encode(symbols), 6), symbols)


@pytest.mark.parametrize("end", [INT32.min, INT32.max])
def test_tables_at_the_ends_of_int32_code_every_symbol(kind, end):
    coder = coder_of(kind, [count_table(np.full(9, end, np.int32))])
    symbols = np.array([[INT32.min], [INT32.min + 1], [0], [INT32.max - 1], [INT32.max]], np.int32)
    assert_identical(coder.decode(coder.encode(symbols), 5), symbols)


@pytest.mark.parametrize("tables", [FixedTables(row_of(0, 3)), context_models.tables_of(0, 3)])
def test_no_signals_take_one_byte(kind, tables):
    coder = context_models.coder_of(kind, tables)
    assert coder.encode(np.empty((0, 3), np.int32)) == b"\x00"
    assert coder.decode(b"\x00", 0).shape == (0, 3)


def test_the_words_of_one_small_case_are_those_worked_out_by_hand(kind):
    # Entries of 1/2, 1/4 and 1/4; pushed last first: 1, then 0.
    # 0 -> push 1: 0 // 2**22 * 2**24 + 0 + 2**23 = 2**23
    # 2**23 -> push 0: 2**23 // 2**23 * 2**24 + 0 + 0 = 2**24
    row = [FrequencyTable(-3, np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4]))]
    coder = coder_of(kind, row)
    assert coder.encode(np.array([[-3], [-2]], np.int32)) == b"\x01\x00\x00\x00\x01"


def test_an_escape_follows_the_words_as_bits(kind):
    row = [FrequencyTable(-3, np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4]))]
    # The escape starts at 3 * 2**22; the first symbol above the table, -1, is number 0: bit 1.
    payload = coder_of(kind, row).encode(np.array([[-1]], np.int32))
    assert payload == b"\x01" + (3 << 22).to_bytes(4, "little") + b"\x80"


def test_symbols_in_any_memory_order_give_the_same_payload(kind):
    row = row_of(1, 3)
    symbols = np.random.default_rng(0).integers(-9, 9, (20, 3)).astype(np.int32)
    padded = np.zeros((40, 6), np.int32)
    padded[::2, ::2] = symbols
    coder = coder_of(kind, row)
    payload = coder.encode(symbols)
    assert coder.encode(np.asfortranarray(symbols)) == payload
    assert coder.encode(padded[::2, ::2]) == payload


def test_the_plain_coder_serves_where_constriction_is_missing(monkeypatch):
    def missing(words):
        raise ImportError

    row, symbols = row_of(0, 2), np.array([[1, 2], [3, -4]], np.int32)
    payload = SymbolCoder(FixedTables(row)).encode(symbols)
    monkeypatch.setattr(entropy, "ConstrictionStack", missing)
    monkeypatch.setenv("NARROWS_ENGINE", "numpy")
    assert isinstance(best_stack(), PlainStack)
    coder = SymbolCoder(FixedTables(row))
    assert coder.encode(symbols) == payload
    assert_identical(coder.decode(payload, 2), symbols)


@given(any_int32, rows)
@examples(80)
def test_escape_numbers_are_the_inverse_of_escaped_symbols(symbol, row):
    for table in row:
        if not table.low <= symbol <= table.high:
            number = fold_escape(symbol, table)
            assert number >= 0
            assert unfold_escape(number, table) == symbol


@pytest.mark.parametrize("distance", [0, 1, 2, 50])
def test_escape_numbers_count_outwards_on_both_sides(distance):
    table = count_table(np.arange(-3, 4, dtype=np.int32))
    assert fold_escape(table.high + 1 + distance, table) == 2 * distance
    assert fold_escape(table.low - 1 - distance, table) == 2 * distance + 1


@given(tables_and_symbols())
@examples(100)
def test_coding_takes_the_ideal_bits_and_less_than_nine_bytes(case):
    tables, symbols = case
    bits = ideal_bits(symbols, tables)
    assert bits.shape == (len(symbols),)
    payload = context_models.coder_of("plain", tables).encode(symbols)
    # The first symbol takes up to 24 bits; then the last word, the count, the last byte.
    assert 8 * len(payload) <= bits.sum() + 24 + 31 + 8 + 7


# ---------------------------------------------------------------- damage


def decoded(coder, payload, n):
    """Decode; None where it is refused. Anything but FormatError is an error of the test."""
    try:
        symbols = coder.decode(payload, n)
    except FormatError as error:
        assert_one_line(error)
        return None
    assert symbols.shape == (n, len(coder.tables.row))
    assert symbols.dtype == np.int32
    return symbols.tolist()


def assert_safe(tables, payload, n):
    """All coders refuse it, or all decode it to the same symbols."""
    plain, *others = (decoded(context_models.coder_of(kind, tables), payload, n) for kind in STACKS)
    assert all(other == plain for other in others)
    return plain


@given(tables_and_symbols(), st.data())
@examples(130)
def test_a_flipped_payload_gives_an_error_or_some_symbols(case, data):
    tables, symbols = case
    payload = bytearray(context_models.coder_of("plain", tables).encode(symbols))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    assert_safe(tables, bytes(payload), len(symbols))


@given(tables_and_symbols(), st.data())
@examples(100)
def test_a_truncated_payload_gives_an_error_or_some_symbols(case, data):
    tables, symbols = case
    payload = context_models.coder_of("plain", tables).encode(symbols)
    kept = data.draw(st.integers(0, len(payload) - 1))
    assert_safe(tables, payload[:kept], len(symbols))


@given(tables_and_symbols(), st.binary(min_size=1, max_size=9))
@examples(100)
def test_an_extended_payload_is_refused(case, rest):
    tables, symbols = case
    payload = context_models.coder_of("plain", tables).encode(symbols) + rest
    assert assert_safe(tables, payload, len(symbols)) is None


@given(any_tables, st.binary(max_size=60), st.integers(0, 20))
@examples(200)
def test_random_payloads_give_an_error_or_some_symbols(tables, payload, n):
    assert_safe(tables, payload, n)


@given(any_tables, st.lists(st.integers(0, 2**32 - 1), max_size=8), st.binary(max_size=20),
       st.integers(0, 12))  # fmt: skip
@examples(200)
def test_random_words_and_escapes_give_an_error_or_some_symbols(tables, words, escapes, n):
    payload = write_varint(len(words)) + np.array(words, "<u4").tobytes() + escapes
    assert_safe(tables, payload, n)


@given(tables_and_symbols(), st.integers(0, 15))
@examples(100)
def test_another_number_of_signals_gives_an_error_or_some_symbols(case, n):
    tables, symbols = case
    assert_safe(tables, context_models.coder_of("plain", tables).encode(symbols), n)


def test_what_decodes_is_what_would_be_coded(kind):
    row = row_of(4, 2)
    coder = coder_of(kind, row)
    rng = np.random.default_rng(0)
    for _ in range(200):
        payload = b"\x01" + rng.bytes(4)
        symbols = decoded(coder, payload, 2)
        if symbols is not None:
            assert coder.encode(np.array(symbols, np.int32)) == payload


def test_many_signals_out_of_an_empty_payload_end_quickly(kind):
    assert decoded(coder_of(kind, row_of(0, 4)), b"\x00", 16_383) is not None


def test_a_last_word_of_zero_is_refused(kind):
    assert decoded(coder_of(kind, row_of(0, 1)), b"\x01\x00\x00\x00\x00", 1) is None
    assert decoded(coder_of(kind, row_of(0, 1)), b"\x02\x01\x00\x00\x00\x00\x00\x00\x00", 1) is None


@pytest.mark.parametrize("n_words", [1, 2**20, 2**35 - 1])
def test_more_words_than_there_are_bytes_are_refused(kind, n_words):
    coder = coder_of(kind, row_of(0, 2))
    with pytest.raises(FormatError, match="announces"):
        coder.decode(write_varint(n_words) + b"\x01\x02\x03", 1)


@pytest.mark.parametrize("n_bits", [32, 33, 64, 20_000, 200_000])
def test_an_escaped_symbol_far_outside_int32_is_refused(kind, n_bits):
    row = [count_table(np.zeros(9, np.int32))]
    payload = coder_of("plain", row).encode(np.array([[7]], np.int32))
    n_words, start = read_varint(payload, 0)
    writer = BitWriter()
    writer.write_exp_golomb(1 << n_bits)
    with pytest.raises(FormatError, match="int32"):
        coder_of(kind, row).decode(payload[: start + 4 * n_words] + writer.to_bytes(), 1)


@pytest.mark.parametrize("beyond", [0, 1])
def test_escaped_symbols_one_beyond_int32_are_refused(beyond):
    table = count_table(np.zeros(9, np.int32))
    last = {0: fold_escape(INT32.max, table), 1: fold_escape(INT32.min, table)}[beyond]
    assert unfold_escape(last, table) in (INT32.max, INT32.min)
    with pytest.raises(FormatError, match="outside int32"):
        unfold_escape(last + 2, table)
