"""Tables that learn from the symbols of a block: smaller where a source has other frequencies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Block, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.learned_blocks import LEAST_SIGNALS, with_learned_tables
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.learned import LearnedCoder, LearnedTable, parts_of
from narrows.codec.entropy.tables import TOTAL, FixedTables
from narrows.errors import FormatError
from readers.python.narrows_reader import read_archive
from tests.helpers.archives import written
from tests.helpers.context_models import row_of, symbols_of
from tests.helpers.tiny_models import blocks_of, examples, tiny_codec, tiny_model, typical_frames


def unusual(model, n):
    """Signals whose latents lie to one side of the model's tables."""
    x = typical_frames(model, n).astype(np.float64)
    return np.clip(x + 1.5 * x.std(axis=0), -(2**15), 2**15 - 1).astype("int16")


@examples(30)
@given(st.integers(0, 99), st.integers(1, 9), st.integers(0, 200))
def test_symbols_come_back_from_tables_that_learn(seed, k, n):
    row = row_of(seed, k)
    symbols = np.repeat(symbols_of(row, max(n, 1), seed, escapes=True), 2, axis=0)[:n]
    coder = LearnedCoder(FixedTables(row))
    assert np.array_equal(coder.decode(coder.encode(symbols), n), symbols)


def test_tables_come_near_to_what_is_seen_and_stay_tables():
    (first,) = row_of(3, 1)
    learned = LearnedTable(first)
    learned.learn(np.full(100_000, first.low, np.int32))
    weights = learned.table.weights
    assert weights.sum() == TOTAL
    assert weights.min() >= 1
    assert weights[0] > 0.99 * TOTAL


@pytest.mark.parametrize("n", [1, 16, 17, 1000, 131_071])
def test_parts_are_all_signals_once_and_few(n):
    parts = list(parts_of(n))
    assert [part.start for part in parts] == [0, *[part.stop for part in parts[:-1]]]
    assert parts[-1].stop == n
    assert len(parts) < 50


@pytest.mark.parametrize("contexts", [(), (1,)], ids=["tables", "context model"])
def test_a_source_unlike_the_training_takes_fewer_bytes_and_the_reader_agrees(contexts):
    codec = tiny_codec("int16", (6,), 3, n_qualities=2, contexts=contexts)
    x = unusual(codec.model, 400)
    blob = codec.compress(x)
    (block,) = blocks_of(blob)
    assert block.mode is Mode.LEARNED
    symbols = codec.decoder.blocks.unpack(block).values
    static = SymbolCoder(codec.model.quality(1).tables).encode(symbols)
    assert len(block.payload) < 0.9 * len(static)
    decoded = codec.decompress(blob)
    assert np.array_equal(decoded, codec.decode(codec.encode(x)))
    assert np.array_equal(read_archive(blob, codec.model_bytes), decoded)
    assert codec.compress(x, jobs=2) == blob


def test_blocks_of_few_signals_keep_the_tables_of_the_model():
    codec = Codec(tiny_model("int16", (6,), 3))
    x = unusual(codec.model, LEAST_SIGNALS - 1)
    assert [block.mode for block in blocks_of(codec.compress(x))] == [Mode.CODED]


def test_symbols_as_likely_as_the_tables_say_keep_them():
    row = row_of(3, 4)
    tables, symbols = FixedTables(row), symbols_of(row, 400, escapes=False)
    block = Block(Mode.CODED, 1, 400, SymbolCoder(tables).encode(symbols))
    assert with_learned_tables(block, symbols, tables) is block


@pytest.mark.parametrize("quality", [0, 3])
def test_blocks_that_cannot_learn_are_refused(quality):
    codec = tiny_codec("int16", (6,), 3, n_qualities=2)
    blob = written(codec.encoder.header(), [Block(Mode.LEARNED, quality, 5, b"\0")])
    with pytest.raises(FormatError, match="block of quality"):
        codec.decompress(blob)
