"""Two quantisers in turn whose frequencies a context model makes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import narrows
from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import SymbolCosts
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.context_trellis import ContextTrellis
from narrows.codec.entropy.learned import LearnedCoder
from narrows.codec.entropy.native.tables import fits
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.stacks import PlainStack
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables
from narrows.codec.networks.native.extension import extension, levels
from narrows.errors import FormatError
from tests.helpers.altered_models import for_trellis, in_context_trellis, in_trellis
from tests.helpers.compiled_tables import compiled
from tests.helpers.context_models import (
    all_frequencies,
    context_trellis_of,
    row_of,
    slow_frequencies,
    symbols_of,
)
from tests.helpers.tiny_models import (
    examples,
    random_context,
    right_answers,
    rng_of,
    searching,
    tiny_model,
    typical_frames,
)

all_tables = st.builds(context_trellis_of, st.integers(0, 40), st.integers(2, 9), st.booleans())


def of_quantiser(context, number):
    """Return the context model with the bases of one quantiser alone."""
    bases = [both[number] for both in context.bases]
    basis, base = (
        np.concatenate([each.ravel() for each in part]) for part in zip(*bases, strict=True)
    )
    return replace(context, basis=basis, base=base)


@examples(20)
@given(all_tables, st.integers(1, 12))
def test_frequencies_are_those_of_the_context_and_of_the_quantiser_that_parities_lead_to(tables, n):
    symbols = symbols_of(tables.row, n)
    found, known = all_frequencies(symbols, tables), TrellisPass(tables, n)
    entries = np.stack([t.indices(s) for t, s in zip(tables.row, symbols.T, strict=True)], axis=1)
    both = [of_quantiser(tables.context, number) for number in range(2)]
    slow = [[slow_frequencies(each, row) for row in entries.tolist()] for each in both]
    for j in range(len(tables.row)):
        for i, quantiser in enumerate(known.quantiser.tolist()):
            assert found[j][i].tolist() == slow[quantiser][i][j]
        known.advance(entries[:, j])


@examples(30)
@given(all_tables, st.integers(0, 99), st.integers(0, 40))
def test_symbols_come_back_and_compiled_code_writes_the_same_bytes(tables, seed, n):
    symbols = symbols_of(tables.row, max(n, 1), seed)[:n]
    coder = SymbolCoder(tables, PlainStack)
    payload = coder.encode(symbols)
    assert np.array_equal(coder.decode(payload, n), symbols)
    packets = PacketCoder(bytes(16), {1: tables}).encode_all(symbols[:5], 1)
    if extension()[0] is None or not fits(tables):
        return
    for level in levels():
        own = compiled(tables, level)
        other = SymbolCoder(tables, compiled=own)
        assert other.encode(symbols) == payload
        assert np.array_equal(other.decode(payload, n), symbols)
        single = PacketCoder(bytes(16), {1: tables}, lambda quality, own=own: own)
        assert single.encode_all(symbols[:5], 1) == packets
        assert [each.tolist() for each, _ in single.decode_all(packets)] == symbols[:5].tolist()
        assert np.array_equal(own.levels(symbols), tables.levels(symbols))
        if not n:
            continue
        both = own.frequencies(symbols), all_frequencies(symbols, tables)
        assert all(np.array_equal(*each) for each in zip(*both, strict=True))
        costs = SymbolCosts(tables), SymbolCosts(tables, own)
        assert np.array_equal(*(each.bits(symbols) for each in costs))
        assert np.array_equal(*(each.beside(symbols)[1] for each in costs))


@examples(10)
@given(all_tables)
def test_tables_that_learn_begin_with_those_of_the_model(tables):
    symbols = symbols_of(tables.row, 90)
    payload = LearnedCoder(tables).encode(symbols)
    assert payload == LearnedCoder(TrellisTables(tables.row, tables.second)).encode(symbols)
    assert np.array_equal(LearnedCoder(tables).decode(payload, 90), symbols)


def test_a_context_of_another_kind_is_refused():
    row = row_of(3, 4)
    own = random_context(rng_of(3), row)
    with pytest.raises(FormatError, match="1 quantiser"):
        ContextTrellis(row, row, replace(own, order=np.arange(4, dtype=np.int32)))
    two = for_trellis(own, row, row)
    with pytest.raises(FormatError, match="in the order of latents"):
        ContextTrellis(row, row, replace(two, order=np.array([1, 0, 2, 3], np.int32)))


def test_a_context_of_two_quantisers_needs_a_trellis():
    model = in_context_trellis(tiny_model("int16", (6,), 3, n_qualities=2))
    with pytest.raises(FormatError, match="without a trellis"):
        replace(model, trellis=[])


def test_models_with_both_are_saved_and_code_archives_and_packets_at_all_qualities(tmp_path):
    model = in_context_trellis(searching(tiny_model("int16", (9, 2), 4, n_qualities=2)))
    codec = Codec(replace(model, known_answers=right_answers(model)))
    codec.save(tmp_path / "both.narrows")
    other, x = narrows.load(tmp_path / "both.narrows"), typical_frames(model, 70)
    assert other.model_id == codec.model_id
    for quality in (1, 2):
        assert isinstance(other.model.quality(quality).tables, ContextTrellis) is (quality == 1)
        symbols = codec.encode(x, quality)
        blob = codec.compress(x, quality)
        assert np.array_equal(other.decompress(blob), codec.decode(symbols, quality))
        packet = codec.compress_packet(x[3], quality)
        assert np.array_equal(other.decompress_packet(packet), codec.decode(symbols, quality)[3])


def test_known_answers_hold_the_frequencies_of_the_context():
    model = in_context_trellis(tiny_model("int16", (6,), 3, n_qualities=1))
    other = in_trellis(tiny_model("int16", (6,), 3, n_qualities=1))
    assert right_answers(model).sha256 != right_answers(other).sha256
