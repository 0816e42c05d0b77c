"""Signals coded to a budget: the same symbols in every company, on every machine."""

import io
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.encoding.budget_search import BudgetSearch
from narrows.codec.encoding.requests import Budget, Request
from tests.helpers.archives import BLOCK_LIMIT
from tests.helpers.budgets import TARGETS, N, codec_of, each_target, signals_of, within_reach
from tests.helpers.tiny_models import assert_identical, blocks_of, examples


@cache
def whole(dtype, contexts, name, effort):
    """Return signals, a target, and the symbols and qualities that they have together."""
    codec = codec_of(dtype, contexts)
    x = signals_of(codec)
    target = within_reach(codec, x, name)[1]
    return (
        x,
        target,
        *BudgetSearch(codec.encoder.symbol_encoder, Budget(**{name: target}), effort).encode(x),
    )


@given(
    st.sampled_from([("uint8", ()), ("int32", ()), ("float32", (1, 3))]),
    st.sampled_from(TARGETS), st.sampled_from([0, 2]), st.data(),
)  # fmt: skip
@examples(20)
def test_a_signal_has_the_same_symbols_in_every_company(kind, name, effort, data):
    x, target, symbols, qualities = whole(*kind, name, effort)
    chosen = data.draw(st.lists(st.integers(0, N - 1), min_size=1, max_size=12))
    codec = Codec(codec_of(*kind).model, batch_size=data.draw(st.sampled_from([1, 3, 256])))
    again = BudgetSearch(codec.encoder.symbol_encoder, Budget(**{name: target}), effort).encode(
        x[chosen]
    )
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
    parts, request = iter([x[:6], x[6:12], x[12:]]), Request(**{name: target})
    codec.encoder.compress_to(stream, codec.encoder.header(), parts, request)
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
