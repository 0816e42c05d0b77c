"""Coding tables in compiled code: frequencies and packets of numpy, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import SymbolCosts
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.native.tables import CompiledTables, description, fits
from narrows.codec.entropy.packet_payloads import decode_payload
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import FixedTables, TablesInTurn
from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.native.extension import extension, levels
from narrows.errors import FormatError
from tests.helpers.compiled_tables import compiled, large_tables
from tests.helpers.context_models import (
    all_frequencies,
    all_tables,
    row_of,
    symbols_of,
    tables_and_symbols,
    tables_of,
)
from tests.helpers.packets import MODEL_ID, TINY_ROWS, any_tables_and_symbols, codec_and_packets
from tests.helpers.tiny_models import INT32, examples, random_context, rng_of, tiny_model

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")
each_level = pytest.mark.parametrize("level", levels())


def coder_of(tables, level):
    own = compiled(tables, level)
    return PacketCoder(MODEL_ID, {1: tables}, lambda quality: own)


def in_python(tables):
    return PacketCoder(MODEL_ID, {1: tables})


def same_frequencies(tables, symbols):
    expected = all_frequencies(symbols, tables)
    for level in levels():
        found = list(compiled(tables, level).frequencies(symbols))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def same_packets(tables, symbols):
    """Encode on every level, hold the packets against Python's, and decode them."""
    expected = in_python(tables).encode_all(symbols, 1)
    for level in levels():
        ours = coder_of(tables, level)
        assert ours.encode_all(symbols, 1) == expected
        longer = 1 + max(map(len, expected), default=1)
        assert ours.encode_to(symbols, 1, longer) == in_python(tables).encode_to(symbols, 1, longer)
        padded = [each for each in ours.encode_to(symbols, 1, longer) if each]
        assert all(compiled(tables, level).unpack(MODEL_ID, padded)[1])
        assert [each.tolist() for each, _ in ours.decode_all(expected)] == symbols.tolist()
    return expected


# ---------------------------------------------------------------- frequencies


@given(tables_and_symbols(min_n=1).filter(lambda case: fits(case[0])))
@examples(100)
def test_frequencies_are_those_of_numpy(case):
    same_frequencies(*case)


@pytest.mark.parametrize(
    ("k", "units", "outputs"), [(2, 1, 1), (17, 33, 3), (40, 37, 5), (9, 70, 32)]
)
def test_frequencies_of_models_of_many_vectors_are_those_of_numpy(k, units, outputs):
    tables = large_tables(k, units, outputs)
    same_frequencies(tables, symbols_of(tables.row, 12))


def test_fixed_tables_may_stand_before_and_behind_a_context_and_leave_latents_out():
    row = row_of(1, 3)
    tables = TablesInTurn([FixedTables(row, [2, 0]), tables_of(3, 4), FixedTables(row, [1])])
    symbols = symbols_of(tables.row, 20)
    same_frequencies(tables, symbols)
    symbols[:, [1, 7, 9]] = 0
    same_packets(tables, symbols)


def test_sums_at_the_ends_of_int32_are_exact_and_one_more_is_left_to_numpy():
    row = row_of(5, 3)
    context = random_context(rng_of(5), row, 2, 1)
    room = 2**31 - 1 - replace(context, hidden_bias=np.zeros(4, np.int32)).peaks[0]
    for bias, expected in ((room, True), (room + 1, False)):
        own = replace(context, hidden_bias=np.full(4, bias, np.int32))
        own = replace(own, hidden_limit=2**15 - 1, hidden_shift=16)
        own = replace(own, output_weight=np.zeros_like(own.output_weight))
        tables = ContextTables(row, own)
        assert fits(tables) is expected
        if expected:
            same_frequencies(tables, symbols_of(row, 10))
        else:
            with pytest.raises(ValueError, match="sums beyond int32"):
                CompiledTables(tables, native, "plain")


@pytest.mark.parametrize(
    ("changed", "accepted"),
    [
        ({"hidden_limit": 2**15}, False),
        ({"hidden_limit": 2**24, "hidden_shift": 20}, True),
        ({"output_limit": 2**15}, False),
        ({"row_shift": 19}, False),
        ({"hidden_shift": 40, "output_shift": 40}, True),
        ({"base": 2**30}, False),
    ],
)
def test_what_does_not_fit_is_left_to_numpy(changed, accepted):
    row = row_of(2, 4)
    context = random_context(rng_of(2), row, 3, 2)
    changed = dict(changed)
    if "base" in changed:
        changed["base"] = np.full_like(context.base, changed["base"])
    if "output_limit" in changed:
        changed["basis"] = np.ones_like(context.basis)
    large = {"hidden_bias": np.full_like(context.hidden_bias, 2**16), "hidden_shift": 0}
    large |= {"output_bias": np.full_like(context.output_bias, 2**20), "output_shift": 0}
    tables = ContextTables(row, replace(context, **large | changed))
    assert fits(tables) is accepted
    engine = NativeEngine(levels()[0])
    assert (engine.compile_tables(tables) is not None) is accepted
    if accepted:
        same_frequencies(tables, symbols_of(row, 10))


def test_more_latents_than_compiled_code_takes_are_left_to_numpy(monkeypatch):
    row, (table,) = row_of(1, 3), row_of(1, 1)
    for number, accepted in ((2**20, True), (2**20 + 1, False)):
        tables = FixedTables([table] * number)
        assert fits(tables) is accepted
        assert (NativeEngine("plain").compile_tables(tables) is not None) is accepted
    assert fits(tables_of(2, 4))
    monkeypatch.setattr("narrows.codec.entropy.native.tables.MAX_CONTEXTS", 3)
    assert not fits(tables_of(2, 4))
    assert fits(FixedTables(row))


def test_two_context_models_are_left_to_numpy():
    assert not fits(TablesInTurn([tables_of(3, 4), tables_of(1, 2)]))


# ---------------------------------------------------------------- costs


def same_costs(tables, symbols):
    expected = SymbolCosts(tables)
    bits, change = expected.beside(symbols)
    for level in levels():
        ours = SymbolCosts(tables, compiled(tables, level))
        np.testing.assert_array_equal(ours.bits(symbols), bits)
        for mine, theirs in zip(ours.beside(symbols), (bits, change), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@given(tables_and_symbols(min_n=1).filter(lambda case: fits(case[0])))
@examples(60)
def test_costs_are_those_of_numpy(case):
    same_costs(*case)


def test_costs_of_rare_and_of_sure_symbols_are_those_of_numpy():
    for row in TINY_ROWS:
        symbols = [(first, second) for first in range(-3, 7) for second in range(-3, 7)]
        same_costs(FixedTables(row), np.array(symbols, np.int32)[:, : len(row)])
    tables = large_tables()
    same_costs(tables, symbols_of(tables.row, 20))


# ---------------------------------------------------------------- packets


@given(any_tables_and_symbols.filter(lambda case: fits(case[0])))
@examples(120)
def test_packets_are_those_of_python(case):
    tables, symbols = case
    same_packets(tables, symbols[None])


@given(
    st.binary(max_size=30),
    st.sampled_from(TINY_ROWS).map(FixedTables) | all_tables.filter(fits),
    st.integers(0, 1),
)
@examples(300)
def test_any_bytes_are_refused_where_python_refuses_them(payload, tables, escapes):
    assert refused_alike(tables, escapes, payload) in {0, 1}


@pytest.mark.parametrize("escapes", [False, True])
def test_damaged_packets_are_refused_where_python_refuses_them(escapes):
    rng, passed = np.random.default_rng(1), 0
    for tables in (
        large_tables(12, 9, 3),
        FixedTables(row_of(2, 5)),
        large_tables(9, 3, 1, seed=2),
    ):
        packets = same_packets(tables, symbols_of(tables.row, 20, escapes=escapes))
        for _ in range(50):
            packet = bytearray(packets[rng.integers(20)])
            packet[rng.integers(1, len(packet))] ^= 1 << rng.integers(8)
            end = len(packet) - rng.integers(6) // 5
            passed += refused_alike(tables, packet[0] >> 4, bytes(packet[1:end]))
    assert passed > 0


def test_payloads_beside_those_of_packets_are_refused_where_python_refuses_them():
    rng, passed = np.random.default_rng(2), 0
    for k in (1, 3, 30, 90):
        tables = FixedTables(row_of(k, k))
        for symbols in symbols_of(tables.row, 12):
            shortest = len(in_python(tables).encode(symbols, 1))
            size = shortest + int(rng.integers(5))
            (packet,) = in_python(tables).encode_to(symbols[None], 1, size)
            if packet is not None and size > 1:
                for step in (-1, 0, 1):
                    last = bytes([(packet[-1] + step) % 256])
                    passed += refused_alike(tables, packet[0] >> 4, packet[1:-1] + last)
    assert passed > 30


def refused_alike(tables, escapes, payload):
    """Decode a payload behind all check bits in both ways; return how many packets pass."""
    packets = [bytes([escapes << 4 | check]) + payload for check in range(16)]
    try:
        symbols = decode_payload(payload, tables, bool(escapes))
        (own,) = in_python(tables).encode_to(symbols[None], 1, 1 + len(payload))
        expected = [packet == own for packet in packets]
    except FormatError:
        expected = [False] * 16
    for level in levels():
        found, is_ours = compiled(tables, level).unpack(MODEL_ID, packets)
        assert is_ours.tolist() == expected, (level, packets)
        assert all(each.tolist() == symbols.tolist() for each in found[is_ours])
    return sum(expected)


@pytest.mark.parametrize("row", TINY_ROWS)
def test_packets_of_the_ends_of_int32_and_of_nothing(row):
    ends = [INT32.min, INT32.min + 1, -1, 0, 1, 2, INT32.max - 1, INT32.max]
    symbols = np.array([[a, b][: len(row)] for a in ends for b in ends], np.int32)
    same_packets(FixedTables(row), symbols)
    assert same_packets(FixedTables(row), symbols[:0]) == []
    assert not compiled(FixedTables(row), "plain").unpack(MODEL_ID, [b""])[1][0]


def test_a_thousand_latents_take_whole_numbers_of_thousands_of_bits():
    row = row_of(0, 5)[1:3] * 500
    packets = same_packets(FixedTables(row), symbols_of(row, 3))
    assert min(map(len, packets)) > 200


# ---------------------------------------------------------------- codecs


def test_a_list_of_packets_tells_the_same_as_one_by_one():
    codec, packets = codec_and_packets()
    packets = [each if i % 9 else each[:-1] + b"\1" for i, each in enumerate(packets * 3)]
    told, found = [], []

    def tell(number, error):
        told.append((number, str(error)))

    frames = codec.decoder.decompress_packets(packets, on_error=tell)
    expected = []
    for number, packet in enumerate(packets):
        try:
            found.append(codec.decompress_packet(packet))
        except FormatError as error:
            expected.append((number, str(error)))
    assert told == expected
    assert len(told) > 5
    np.testing.assert_array_equal(frames, found)


def test_many_packets_one_by_one_take_no_more_memory():
    """Whatever the compiled part takes it gives back."""
    import resource

    codec = Codec(tiny_model("int16", (3, 2), latent_size=4, contexts=(1,)))
    packet = codec.compress_packet(np.zeros((3, 2), np.int16), effort=0)

    def peak(n):
        for _ in range(n):
            codec.decompress_packet(packet)
            codec.decoder.packets.encode(np.zeros(4, np.int32), 1)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = peak(2000)
    assert peak(8000) - before < 512  # kilobytes


# ---------------------------------------------------------------- hostile descriptions


@each_level
def test_no_damaged_description_reaches_other_memory(level):
    """All end in ValueError, or run; `scripts.sanitized` sees what memory they touch."""
    rng, refused = np.random.default_rng(0), 0
    row = row_of(1, 3)
    tables = TablesInTurn([FixedTables(row, [2, 0]), tables_of(2, 3)])
    fields, *rest = description(tables)
    symbols = symbols_of(tables.row, 2)
    for _ in range(3000):
        damage = fields.copy()
        for _ in range(rng.integers(1, 3)):
            near = damage[(at := rng.integers(len(fields)))] + rng.integers(-3, 4)
            damage[at] = rng.choice([near, near, -1, 2**31, 2**62, rng.integers(60)])
        weights, numbers = (each[: len(each) - rng.integers(20) // 19] for each in rest)
        try:
            made = native.make_tables(level, damage, weights, numbers)
            flat = np.zeros(2 * sum(tables.row[j].weights.size for j in tables.order), np.int32)
            native.frequencies(made, symbols, flat)
            each = [native.pack(made, MODEL_ID, 1, symbols, size) for size in (2**62, 40, 9, 0)]
            packets = [packet or b"" for packet in each[rng.integers(2, 4)]]
            native.unpack(made, MODEL_ID, tuple(packets), symbols.copy(), np.zeros(2, np.bool_))
            change, logs = np.zeros((2, 6, 2)), np.zeros(2**11, np.int32)
            native.lengths(made, logs, symbols, np.zeros(2), change)
            words, bits = native.push(made, symbols)
            assert native.pop(made, words, bits, symbols.copy())
            native.pop(made, rng.bytes(40), rng.bytes(9), symbols.copy())
        except ValueError:
            refused += 1
    assert 1000 < refused < 3000


def test_arguments_that_do_not_fit_are_refused():
    tables = tables_of(2, 3)
    made = native.make_tables("plain", *description(tables))
    symbols, found = np.zeros((2, 3), np.int32), np.zeros(2, np.bool_)
    flat = np.zeros(2 * sum(tables.context.sizes), np.int32)
    for arguments in [
        (MODEL_ID[:-1], (b"", b""), symbols, found),
        (MODEL_ID, (b"",), symbols, found),
        (MODEL_ID, (b"", b""), symbols[:, :2].copy(), found),
        (MODEL_ID, (b"", b""), symbols, found[:1].copy()),
    ]:
        with pytest.raises(ValueError, match="do not fit"):
            native.unpack(made, *arguments)
    with pytest.raises(ValueError, match="do not fit"):
        native.push(made, symbols[0, :2].copy())
    for words, to in ((b"abc", symbols), (b"", symbols[0, :2].copy())):
        with pytest.raises(ValueError, match="do not fit"):
            native.pop(made, words, b"", to)
    with pytest.raises(TypeError):
        native.unpack(made, MODEL_ID, ("", b""), symbols, found)
    with pytest.raises(SystemError):
        native.unpack(made, MODEL_ID, [b"", b""], symbols, found)
    for quality, size in ((0, 0), (9, 0), (1, -1)):
        with pytest.raises(ValueError, match="do not fit"):
            native.pack(made, MODEL_ID, quality, symbols, size)
    logs, total = np.zeros(2**11, np.int32), np.zeros(2)
    for change, own in ((np.zeros(11), logs), (np.zeros(0), logs[:-1].copy())):
        with pytest.raises(ValueError, match="do not fit"):
            native.lengths(made, own, symbols, total, change)
    with pytest.raises(ValueError, match="do not fit"):
        native.frequencies(made, symbols, flat[:-1].copy())
    with pytest.raises(ValueError, match="8 bytes a number; expected 4"):
        native.frequencies(made, symbols.astype(np.int64), flat)
