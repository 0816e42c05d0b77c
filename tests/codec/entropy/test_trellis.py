"""Two quantisers in turn: levels, states and tables, coded alike by compiled code and by numpy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.counting import count_table, count_tables
from narrows.codec.entropy.learned import LearnedCoder
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.stacks import PlainStack
from narrows.codec.entropy.tables import FrequencyTable, frequencies_of
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables
from narrows.codec.networks.engines import NativeEngine, engine_for
from narrows.errors import FormatError
from tests.helpers.altered_models import in_trellis, random_table
from tests.helpers.context_models import row_of, symbols_of
from tests.helpers.tiny_models import (
    examples,
    random_context,
    right_answers,
    searching,
    tiny_model,
    typical_frames,
)


def tables_of(seed, k):
    row, rng = row_of(seed, k), np.random.default_rng(seed)
    return TrellisTables(row, [random_table(rng, table) for table in row])


def wide_tables(k):
    """Tables of the symbols from -8 to 8, alike for all."""
    table = count_table(np.arange(-8, 9).repeat(1000).astype(np.int32))
    return TrellisTables([table] * k, [table] * k)


def test_symbols_stand_for_the_levels_that_the_document_says():
    symbols = np.array([[1, 1, 2, 0, -3], [0, 0, 5, 0, 7], [2, 3, 4, -1, -1]], np.int32)
    levels = [[2, 1, 3, 0, -5], [0, 0, 10, 0, 14], [4, 6, 7, -2, -2]]
    assert wide_tables(5).levels(symbols).tolist() == levels


def test_an_escaped_symbol_counts_as_even():
    tables = wide_tables(3)
    even, odd = (tables.levels(np.array([[k, 1, 1]], np.int32))[0, 1:] for k in (1000, 1001))
    assert even.tolist() == odd.tolist() == [2, 1]
    assert tables.levels(np.array([[1, 1, 1]], np.int32))[0, 1:].tolist() == [1, 1]


@examples(20)
@given(st.integers(0, 99), st.integers(1, 9), st.integers(0, 60))
def test_symbols_come_back_and_compiled_code_writes_the_same_bytes(seed, k, n):
    tables = tables_of(seed, k)
    symbols = symbols_of(tables.row, max(n, 1), seed, escapes=True)[:n]
    coder = SymbolCoder(tables, PlainStack)
    payload = coder.encode(symbols)
    assert np.array_equal(coder.decode(payload, n), symbols)
    learned = LearnedCoder(tables)
    assert np.array_equal(learned.decode(learned.encode(symbols), n), symbols)
    engine = engine_for(None)
    if not isinstance(engine, NativeEngine):
        return
    compiled = engine.compile_tables(tables)
    assert compiled is not None
    other = SymbolCoder(tables, compiled=compiled)
    assert other.encode(symbols) == payload
    assert np.array_equal(other.decode(payload, n), symbols)
    if n:
        both = compiled.frequencies(symbols), frequencies_of(symbols, tables)
        assert all(np.array_equal(*each) for each in zip(*both, strict=True))
    packets = PacketCoder(bytes(16), {1: tables}).encode_all(symbols[:4], 1)
    own = PacketCoder(bytes(16), {1: tables}, lambda quality: compiled)
    assert own.encode_all(symbols[:4], 1) == packets
    for packet, row in zip(packets, symbols, strict=False):
        assert np.array_equal(own.decode(packet)[0], row)


@examples(20)
@given(st.integers(0, 99), st.integers(1, 9))
def test_levels_that_symbols_can_have_are_rounded_to_themselves(seed, k):
    tables = tables_of(seed, k)
    levels = tables.levels(symbols_of(tables.row, 30, seed))
    assert np.array_equal(tables.levels(tables.nearest(levels.astype(float))), levels)


def test_frequencies_are_those_of_the_quantiser_that_symbols_before_lead_to():
    tables = tables_of(5, 2)
    known = TrellisPass(tables, 4)
    symbols = np.array([0, 1, 2, 3], np.int32)
    known.advance(np.where(symbols % 2 == 1, 1, 0) - np.int32(tables.row[0].low))
    assert known.quantiser.tolist() == [0, 1, 0, 1]
    rows = known.frequencies(1, slice(1, 3))
    assert rows[0].tolist() == tables.second[1].weights.tolist()
    assert rows[1].tolist() == tables.row[1].weights.tolist()


def test_quantisers_of_other_symbols_are_refused():
    (table,) = row_of(0, 1)
    with pytest.raises(FormatError, match="other symbols"):
        TrellisTables([table], [FrequencyTable(table.low + 1, table.weights)])
    with pytest.raises(FormatError, match="other symbols"):
        TrellisTables([table], [])


def test_a_trellis_beside_a_context_model_of_one_quantiser_is_refused():
    model = in_trellis(searching(tiny_model("int16", (6,), 3)))
    context = random_context(np.random.default_rng(0), model.tables[0])
    with pytest.raises(FormatError, match="context model of 1 quantiser"):
        replace(model, contexts=[context])
    with pytest.raises(FormatError, match="other latents or qualities"):
        replace(model, trellis=model.trellis * 2)


def test_signals_of_several_qualities_are_decoded_together():
    model = in_trellis(searching(tiny_model("float32", (4, 3), 4, n_qualities=2)))
    codec = Codec(replace(model, known_answers=right_answers(model)))
    x = typical_frames(model, 6)
    each = [codec.decode(codec.encode(x, quality), quality) for quality in (1, 2)]
    qualities = np.array([1, 2, 1, 2, 2, 1])
    symbols = np.where(qualities[:, None] == 1, codec.encode(x, 1), codec.encode(x, 2))
    expected = np.where(qualities[:, None, None] == 1, *each)
    assert codec.decode(symbols, qualities).tobytes() == expected.tobytes()


def test_tables_of_groups_have_the_same_symbols():
    symbols = np.array([-4, 0, 1, 1, 2, 9, 0, 0], np.int32)
    both = count_tables(symbols, np.array([0, 0, 0, 0, 0, 1, 1, 1]), 2)
    assert len({(table.low, table.weights.size) for table in both}) == 1
    nine = 9 - both[0].low
    assert both[1].weights[nine] > 10 * both[0].weights[nine]
    (only, same) = count_tables(symbols, np.zeros(8, int), 2)
    assert np.array_equal(only.weights, count_table(symbols).weights)
    assert np.array_equal(same.weights, only.weights)
