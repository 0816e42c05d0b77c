"""Blocks of symbols in compiled code: the bytes of a plain stack, and its refusals."""

import numpy as np
import pytest
from hypothesis import given

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.native.tables import fits
from narrows.codec.entropy.stacks import PlainStack
from narrows.codec.entropy.tables import FixedTables, TablesInTurn
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.native.extension import extension, levels
from narrows.errors import FormatError
from narrows.processes import Workers
from tests.helpers.compiled_tables import compiled, large_tables
from tests.helpers.context_models import row_of, symbols_of, tables_and_symbols, tables_of
from tests.helpers.packets import TINY_ROWS
from tests.helpers.tiny_models import INT32, examples, tiny_model, typical_frames

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")


def same_blocks(tables, symbols):
    """Encode a block on every level, hold it against that in Python, and decode it."""
    expected = SymbolCoder(tables, PlainStack).encode(symbols)
    for level in levels():
        ours = SymbolCoder(tables, refused, compiled(tables, level))
        assert ours.encode(symbols) == expected
        assert ours.decode(expected, len(symbols)).tolist() == symbols.tolist()
    return expected


def refused(words):
    """Take the place of a stack that must not be asked for."""
    raise AssertionError(words)


@given(tables_and_symbols().filter(lambda case: fits(case[0])))
@examples(100)
def test_blocks_are_those_of_a_plain_stack(case):
    same_blocks(*case)


@pytest.mark.parametrize("escapes", [False, True])
def test_blocks_of_models_of_many_vectors_are_those_of_a_plain_stack(escapes):
    for tables in (large_tables(), large_tables(9, 70, 32), FixedTables(row_of(2, 5))):
        same_blocks(tables, symbols_of(tables.row, 40, escapes=escapes))


def test_a_block_may_have_latents_without_a_place():
    row = row_of(1, 3)
    tables = TablesInTurn([tables_of(3, 4), FixedTables(row, [2, 0])])
    symbols = symbols_of(tables.row, 20)
    symbols[:, 5] = 0
    same_blocks(tables, symbols)


@pytest.mark.parametrize("row", TINY_ROWS)
def test_blocks_of_the_ends_of_int32_and_of_nothing(row):
    ends = [INT32.min, INT32.min + 1, -1, 0, 1, 2, INT32.max - 1, INT32.max]
    symbols = np.array([[a, b][: len(row)] for a in ends for b in ends], np.int32)
    same_blocks(FixedTables(row), symbols)
    assert same_blocks(FixedTables(row), symbols[:0]) == b"\0"


def outcome_of(coder, payload, n):
    try:
        return coder.decode(payload, n).tolist()
    except FormatError as error:
        return str(error)


@pytest.mark.parametrize("escapes", [False, True])
def test_damaged_blocks_end_as_in_python(escapes):
    rng, refusals = np.random.default_rng(1), 0
    for tables in (large_tables(6, 3, 1), FixedTables(row_of(2, 5))):
        payload = same_blocks(tables, symbols_of(tables.row, 20, escapes=escapes))
        plain = SymbolCoder(tables, PlainStack)
        for _ in range(100):
            damage = bytearray(payload)
            damage[rng.integers(len(damage))] ^= 1 << rng.integers(8)
            damage = bytes(damage[: len(damage) - rng.integers(6) // 5]) + bytes(
                rng.integers(9) // 8
            )
            expected = outcome_of(plain, damage, 20)
            refusals += isinstance(expected, str)
            for level in levels():
                ours = SymbolCoder(tables, PlainStack, compiled(tables, level))
                assert outcome_of(ours, damage, 20) == expected
    assert refusals > 100


@pytest.mark.parametrize("jobs", [2, 3])
def test_threads_share_what_compiled_code_does_and_give_the_same_bytes(jobs, monkeypatch):
    """No process starts: neither to decompress, nor at effort 0."""
    codec = Codec(tiny_model("int16", (6, 8), 4, 3, contexts=(2,)))
    codec_in_numpy = Codec(codec.model, NUMPY)
    x = typical_frames(codec.model, 60)
    own = {"quality": 2, "effort": 0, "block_signals": 7}
    blob = codec_in_numpy.compress(x, **own)
    decoded = codec_in_numpy.decompress(blob)

    def called(*given):
        raise AssertionError(given)

    monkeypatch.setattr(Workers, "_call", called)
    assert codec.compress(x, **own, jobs=jobs) == blob
    np.testing.assert_array_equal(codec.decompress(blob, jobs=jobs), decoded)
    with pytest.raises(AssertionError):
        codec_in_numpy.decompress(blob, jobs=jobs)
    lossless = codec.compress(x, lossless=True, block_signals=20)
    np.testing.assert_array_equal(codec.decompress(lossless, jobs=jobs), x)
    monkeypatch.setenv("NARROWS_ENGINE", "numpy")
    with pytest.raises(AssertionError):
        codec.decompress(lossless, jobs=jobs)


@pytest.mark.parametrize("payload", [b"", b"\5", b"\1\0\0\0\0", b"\0\0", b"\0\200", b"\x80"])
def test_payloads_of_other_lengths_end_as_in_python(payload):
    for tables in (FixedTables(row_of(2, 5)), large_tables(6, 3, 1)):
        plain = SymbolCoder(tables, PlainStack)
        for n in (0, 1, 3):
            ours = SymbolCoder(tables, PlainStack, compiled(tables, "plain"))
            assert outcome_of(ours, payload, n) == outcome_of(plain, payload, n)
