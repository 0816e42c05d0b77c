"""Context models: their frequencies, bit for bit, and all that is coded with them."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Mode
from narrows.codec.codec import Codec
from narrows.codec.entropy import context_model as context
from narrows.codec.entropy import context_tables
from narrows.codec.entropy.ans import (
    ConstrictionStack,
    PlainStack,
    SymbolCoder,
    fold_escape,
    ideal_bits,
)
from narrows.codec.entropy.context_model import TENSORS, ContextModel
from narrows.codec.entropy.context_tables import ContextTables, exponentials, shared_out
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import (
    TOTAL,
    FixedTables,
    FrequencyTable,
    count_table,
    frequencies_of,
)
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.errors import FormatError, ModelError, UnprovenModelError
from tests.helpers.model_files import forged, opened
from tests.helpers.tiny_models import (
    INT32,
    any_int32,
    assert_identical,
    assert_one_line,
    blocks_of,
    examples,
    noise_frames,
    random_context,
    rng_of,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)

MODEL_ID = bytes(range(16))
STACKS = {"plain": PlainStack, "constriction": ConstrictionStack}
THREE = FrequencyTable(0, np.array([2**23, 2**22, 2**22]))


@cache
def row_of(seed, k):
    """Make k tables, of two entries to some hundreds; one begins at an end of int32."""
    rng, tables = np.random.default_rng(seed), []
    for j in range(k):
        match (seed + j) % 4:
            case 0:
                symbols = np.round(rng.laplace(size=300) * 3)
            case 1:
                symbols = np.round(rng.laplace(size=300) * 0.3)
            case 2:
                symbols = rng.integers(-150, 150, 900)
            case _:
                symbols = np.array([INT32.max])
        tables.append(count_table(symbols.astype(np.int32)))
    return tuple(tables)


@cache
def tables_of(seed, k, wide=False):
    row = row_of(seed, k)
    return ContextTables(row, random_context(rng_of(seed), row, 1 + seed % 4, 1 + seed % 3, wide))


all_tables = st.builds(tables_of, st.integers(0, 12), st.integers(2, 6), st.booleans())


@st.composite
def tables_and_symbols(draw, min_n=0, max_n=8):
    tables, n = draw(all_tables), draw(st.integers(min_n, max_n))
    columns = [
        draw(st.lists(st.integers(t.low, t.high) | any_int32, min_size=n, max_size=n))
        for t in tables.row
    ]
    return tables, np.array(columns, np.int32).reshape(len(tables.row), n).T


def symbols_of(row, n, seed=0, escapes=True):
    """Give `(n, k)` symbols: each entry of the tables as likely as it says, some far outside."""
    rng = rng_of(seed)
    chosen = [t.low + rng.choice(t.escape, n, p=t.weights[:-1] / t.weights[:-1].sum()) for t in row]
    symbols = np.stack(chosen, axis=1).astype(np.int32)
    if escapes:
        symbols[::7, 0], symbols[::5, -1] = INT32.min, INT32.max
    return symbols


def coder_of(kind, tables):
    if kind == "constriction":
        pytest.importorskip("constriction", reason="constriction has no wheel for this platform")
    return SymbolCoder(tables, STACKS[kind])


def all_frequencies(symbols, tables):
    return [np.array(each) for each in frequencies_of(symbols, tables)]


# ---------------------------------------------------------------- the reference


def clip(value, limit):
    return min(max(value, -limit), limit)


def part_of(below):
    """2**(18 - below / 32), on straight lines between powers of two, and 2**5 from 416 on."""
    octave, rest = divmod(max(416 - below, 0), 32)
    return (32 + rest) << octave


def share_out(logs):
    greatest = max(logs)
    parts = [part_of(greatest - log) for log in logs]
    bits = 12 if len(parts) <= 63 else 24
    unit = (TOTAL - len(parts) << bits) // sum(parts)
    weights = [1 + (part * unit >> bits) for part in parts]
    return [*weights[:-1], weights[-1] + TOTAL - sum(weights)]


def slow_frequencies(context, entries):
    """Compute in Python's integers the frequencies of one signal of `(k,)` entries, in order."""
    c = SimpleNamespace(**{name: tensor.tolist() for name, tensor in context.tensors().items()})
    k, sizes = len(c.order), context.sizes
    u, m = len(c.hidden_bias) // (k - 1), len(c.output_bias) // k
    x = [entry - size // 2 for entry, size in zip(entries, sizes, strict=True)]
    sums = [c.output_bias[p * m : (p + 1) * m] for p in range(k)]
    for q in range(1, k):
        first = u * q * (q - 1) // 2  # of W
        first_v = m * u * sum(k - r for r in range(1, q))
        for unit in range(u):
            h = c.hidden_bias[(q - 1) * u + unit]
            h += sum(x[r] * c.hidden_weight[first + r * u + unit] for r in range(q))
            h = clip(h >> context.hidden_shift, context.hidden_limit)
            h = max(h, h >> 3)
            for p in range(q, k):
                for i in range(m):
                    at = first_v + (unit * (k - q) + p - q) * m + i
                    sums[p][i] += h * c.output_weight[at]
    result, first = [], 0
    for p, size in enumerate(sizes):
        outputs = [clip(s >> context.output_shift, context.output_limit) for s in sums[p]]
        logs = [
            c.base[first + e]
            + sum(y * c.basis[m * first + i * size + e] for i, y in enumerate(outputs))
            >> context.row_shift
            for e in range(size)
        ]
        result.append(share_out(logs))
        first += size
    return result


def exponentials_below(*below):
    """The exponentials of logarithms that are so far below the greatest, which is 1000."""
    (values,) = exponentials(1000.0 - np.array([[0, *below]]).T).T.tolist()
    return values[1:]


def test_exponentials_are_powers_of_two_and_straight_lines_between():
    assert exponentials_below(*range(0, 417, 32)) == [2**i for i in range(18, 4, -1)]
    below = np.arange(417)
    values = np.array(exponentials_below(*below))
    assert (values == np.interp(-below, -below[::-32], values[::-32])).all()
    assert values.tolist() == [part_of(d) for d in below]
    too_much = values / 2 ** (18 - below / 32)
    assert too_much.min() == 1
    assert 1.061 < too_much.max() < 1.062


def test_exponentials_fall_from_2_to_the_18_to_2_to_the_5():
    values = exponentials_below(*range(1000))
    assert (np.diff(values) <= 0).all()
    assert (np.diff(values[:417]) < 0).all()
    assert values[0] == 2**18
    assert set(values[416:]) == {2**5}
    assert exponentials_below(10**6, 2**40, 2**52) == 3 * [2**5]


@given(tables_and_symbols(min_n=1, max_n=4))
@examples(60)
def test_frequencies_are_those_of_slow_integers(case):
    tables, symbols = case
    found = all_frequencies(symbols, tables)
    columns = [tables.row[j].indices(symbols[:, j]) for j in tables.order]
    for i, entries in enumerate(np.stack(columns, axis=1).tolist()):
        expected = slow_frequencies(tables.context, entries)
        assert [frequencies[i].tolist() for frequencies in found] == expected


@given(tables_and_symbols())
@examples(60)
def test_frequencies_are_integers_from_1_on_and_sum_to_2_to_the_24(case):
    tables, symbols = case
    for position, frequencies in enumerate(frequencies_of(symbols, tables)):
        assert frequencies.shape == (len(symbols), tables.context.sizes[position])
        assert (frequencies == np.floor(frequencies)).all()
        assert (frequencies >= 1).all()
        assert (frequencies.sum(axis=1) == TOTAL).all()


@st.composite
def logarithms(draw):
    """Draw `(size, n)` logarithms with bits behind the point, how many, and their floating type."""
    dtype, limit, most = draw(st.sampled_from([(np.float32, 2**24, 11), (np.float64, 2**53, 40)]))
    size, n = draw(st.integers(2, 300) | st.sampled_from([62, 63, 64, 65])), draw(st.integers(0, 3))
    shift = draw(st.integers(0, most))
    largest = (limit - 1 - (4640 << shift)) // 2
    rng = rng_of(draw(st.integers(0, 2**32 - 1)))
    spread = min(draw(st.sampled_from([1, 32, 416, 2000, 2**60])) << shift, largest)
    middle = draw(st.sampled_from([0, largest - spread, spread - largest]) | st.integers(-999, 999))
    whole = np.clip(middle + rng.integers(-spread, spread, (size, n), endpoint=True),
                    -largest, largest)  # fmt: skip
    return whole, shift, dtype


@given(logarithms())
@examples(300)
def test_any_logarithms_share_2_to_the_24_out(case):
    whole, shift, dtype = case
    logs = (whole * 2.0**-shift).astype(dtype)
    assert (logs.astype(object) * 2**shift == whole).all()
    columns = (whole >> shift).T.tolist()
    parts = exponentials(logs)
    below = whole.max(axis=0, initial=-(2**53)) // 2**shift - (whole >> shift)
    assert parts.T.tolist() == [[part_of(d) for d in column] for column in below.T.tolist()]
    weights = shared_out(parts)
    assert weights.tolist() == [share_out(column) for column in columns]
    assert weights.shape == whole.T.shape
    assert (weights >= 1).all()
    assert (weights.sum(axis=1) == TOTAL).all()


def shares_of(logs, dtype=np.float32):
    return shared_out(exponentials(np.array(logs, dtype))).tolist()


def test_all_tables_of_two_entries_and_many_of_three_are_exact():
    """Some are not where the quotient is in float32, as of a float64 scalar in numpy 1."""
    pairs = [(log, 0) for log in range(-420, 421)]
    triples = [(0, a, b) for a in range(-416, 1, 7) for b in range(-416, 417, 5)]
    for columns in (pairs, triples):
        expected = [share_out(column) for column in columns]
        for dtype in (np.float32, np.float64):
            assert shares_of(np.transpose(columns), dtype) == expected


@pytest.mark.parametrize("size", [2, 3, 62, 63, 64, 65, 300, 4096, 4097])
def test_tables_of_any_size_are_exact(size):
    """The sum of the parts is 63 * 2**18 where it is greatest in float32, just below 2**24."""
    rng = rng_of(size)
    rest = size - 1
    columns = [size * [0], rest * [0] + [-1], [1] + rest * [0], [0] + rest * [-416],
               rest * [-416] + [0]]  # fmt: skip
    for least in (-32, -450, -5000):
        columns += rng.integers(least, 1, (9, size)).tolist()
    expected = [share_out(column) for column in columns]
    for dtype in (np.float32, np.float64):
        assert shares_of(np.transpose(columns), dtype) == expected


@pytest.mark.parametrize("size", [2, 63, 64])
def test_the_memory_order_of_logarithms_changes_nothing(size):
    columns = rng_of(0).integers(-500, 1, (9, size))
    expected = [share_out(column) for column in columns.tolist()]
    rows = np.array(columns.T, np.float32)
    for logs in (
        rows.copy(), np.asfortranarray(rows), np.repeat(rows, 2, axis=1)[:, ::2],
        np.repeat(rows, 3, axis=0)[::3], np.ascontiguousarray(rows[::-1])[::-1],
    ):  # fmt: skip
        weights = shared_out(exponentials(logs))
        assert weights.tolist() == expected
        assert weights.flags.c_contiguous


def test_frequencies_are_float32_where_it_holds_their_sums():
    for size, dtype in {2: np.float32, 63: np.float32, 64: np.float64, 4097: np.float64}.items():
        assert shared_out(np.full((size, 1), 2**18, np.float32)).dtype == dtype


@pytest.mark.parametrize("size", [2, 3, 62, 63])
def test_equal_logarithms_get_equal_shares_of_64ths_and_the_escape_the_rest(size):
    """The greatest part is 2**18 and a unit has 12 bits behind the point: steps of 2**6."""
    (weights,) = shares_of([[0]] * size)
    assert set(weights[:-1]) == {1 + 64 * ((TOTAL - size) // (64 * size))}
    assert weights[-1] == TOTAL - (size - 1) * weights[0]
    assert 0 <= weights[-1] - weights[0] < 64 * size


@pytest.mark.parametrize("size", [64, 65, 4096, 4097])
def test_equal_logarithms_of_a_wide_table_get_equal_shares_and_the_escape_the_rest(size):
    (weights,) = shares_of([[0]] * size)
    assert set(weights[:-1]) == {TOTAL // size}
    assert weights[-1] == TOTAL - (size - 1) * (TOTAL // size)


def test_a_sure_entry_leaves_an_8192nd_to_each_other():
    """The unit is `(2**24 - 3) * 2**12 // (2**18 + 64) = 262079`: 32 of them are 2047.5."""
    assert shares_of([[-(10**6)], [0], [-(10**6)]]) == [[2048, TOTAL - 4159, 2111]]


# ---------------------------------------------------------------- what they depend on


@given(tables_and_symbols(min_n=1), st.data())
@examples(60)
def test_frequencies_do_not_depend_on_later_latents(case, data):
    tables, symbols = case
    position = data.draw(st.integers(0, len(tables.order) - 1))
    later, other = tables.order[position:], symbols.copy()
    other[:, later] = data.draw(any_int32)
    ours, theirs = all_frequencies(symbols, tables), all_frequencies(other, tables)
    for before in range(position + 1):
        assert_identical(theirs[before], ours[before])


def test_frequencies_depend_on_every_earlier_latent():
    tables = tables_of(3, 4)
    symbols = symbols_of(tables.row, 200, escapes=False)
    ours = all_frequencies(symbols, tables)
    for position, j in enumerate(tables.order[:-1]):
        if tables.row[j].escape == 1:
            continue
        other = symbols.copy()
        other[:, j] = np.where(
            symbols[:, j] == tables.row[j].low, tables.row[j].high, symbols[0, j]
        )
        theirs = all_frequencies(other, tables)
        for later in range(position + 1, len(ours)):
            assert (ours[later] != theirs[later]).any()


@given(tables_and_symbols(min_n=1))
@examples(40)
def test_frequencies_do_not_depend_on_other_signals(case):
    tables, symbols = case
    together = all_frequencies(symbols, tables)
    for i in range(len(symbols)):
        alone = all_frequencies(symbols[i : i + 1], tables)
        for ours, theirs in zip(together, alone, strict=True):
            assert_identical(np.ascontiguousarray(ours[i : i + 1]), theirs)


@given(tables_and_symbols(min_n=1))
@examples(40)
def test_frequencies_are_the_same_after_all_symbols_were_seen(case):
    """The encoder sees all of them first, the decoder only those before."""
    tables, symbols = case
    tables_pass = tables.start(len(symbols))
    for j in tables.order:
        tables_pass.see(tables.row[j].indices(symbols[:, j]))
    for position, frequencies in enumerate(all_frequencies(symbols, tables)):
        again = tables_pass.frequencies(position, slice(0, len(symbols)))
        assert_identical(np.array(again), frequencies)


@pytest.mark.parametrize("entries", [1, 7, 100, 10**9])
@pytest.mark.parametrize("kind", STACKS)
def test_how_signals_are_cut_into_parts_changes_no_byte(kind, entries, monkeypatch):
    tables = tables_of(4, 4)
    symbols = symbols_of(tables.row, 60)
    payload = coder_of(kind, tables).encode(symbols)
    monkeypatch.setattr(context_tables, "PART_ENTRIES", entries)
    parts = tables.start(60).parts(1)
    assert [i for part in parts for i in range(60)[part]] == list(range(60))
    assert (len(parts) == 1) == (entries == 10**9)
    assert coder_of(kind, tables).encode(symbols) == payload
    assert_identical(coder_of(kind, tables).decode(payload, 60), symbols)


def dtypes_of(tables):
    return [each[0][0].dtype for each in (tables.hidden, tables.outputs, tables.rows)]


@pytest.mark.parametrize("seed", range(6))
def test_float32_and_float64_give_the_same_frequencies(seed, monkeypatch):
    row, context = tables_of(seed, 5).row, tables_of(seed, 5).context
    narrow = ContextTables(row, context)
    monkeypatch.setattr(context_tables, "EXACT_FLOAT32", 0)
    wide = ContextTables(row, context)
    assert dtypes_of(narrow) == [np.float32] * 3
    assert dtypes_of(wide) == [np.float64] * 3
    symbols = symbols_of(row, 300)
    ours, theirs = all_frequencies(symbols, narrow), all_frequencies(symbols, wide)
    for a, b in zip(ours, theirs, strict=True):
        assert_identical(a, b)


@pytest.mark.parametrize("seed", range(6))
def test_sums_of_2_to_the_24_and_more_are_computed_in_float64(seed):
    tables = tables_of(seed, 5, wide=True)
    assert all(2**24 <= peak < 2**53 for peak in tables.context.peaks)
    assert dtypes_of(tables) == [np.float64] * 3


def test_the_peaks_are_those_of_the_worst_entries():
    """One unit and one output of the greatest weights, the entries at the end of the tables."""
    worst = {"sizes": (5, 5), "order": [0, 1], "hidden_weight": [-7], "hidden_bias": [-3],
             "output_weight": [-9], "output_bias": [0, -4], "basis": [0] * 5 + [-6] * 5,
             "base": [0] * 5 + [-2] * 5, "hidden_limit": 17, "output_limit": 50}  # fmt: skip
    logs = 50 * 6 + 2
    assert by_hand(**worst).peaks == (2 * 7 + 3, 17 * 9 + 4, 2 * logs + 4640)
    assert by_hand(**worst, row_shift=40).peaks[2] == 2 * logs + 4640 * 2**40


def with_logarithms(largest, row_shift, weight):
    """Make a context model whose second latent has logarithms of +-`largest`, before the shift.

    All 32 outputs are 100 behind entry 0 of the first latent and -100 behind the others.
    """
    rest = largest - 32 * 100 * weight
    parts = {"output_weight": 32 * [-64], "output_bias": 64 * [500], "output_limit": 100,
             "basis": 96 * [0] + 32 * [weight, -weight, weight],
             "base": [0, 0, 0, rest, -rest, 1 - rest]}  # fmt: skip
    return by_hand(**parts, row_shift=row_shift)


@pytest.mark.parametrize("weight", [0, 3, 1000])
@pytest.mark.parametrize("row_shift", [0, 1, 6, 11])
def test_logarithms_are_computed_in_float32_up_to_a_peak_of_2_to_the_24(row_shift, weight):
    last = (2**24 - (4640 << row_shift)) // 2 - 1
    symbols = np.array([[0, 0], [1, 0], [7, 0]], np.int32)
    for largest, dtype in ((last, np.float32), (last + 1, np.float64)):
        context_model = with_logarithms(largest, row_shift, weight)
        assert context_model.peaks[2] == (2**24 - 2 if dtype == np.float32 else 2**24)
        tables = ContextTables([THREE, THREE], context_model)
        assert tables.rows[1].dtype == dtype
        expected = [slow_frequencies(context_model, [entry, 0]) for entry in range(3)]
        for position, frequencies in enumerate(all_frequencies(symbols, tables)):
            assert frequencies.tolist() == [each[position] for each in expected]


@pytest.mark.parametrize("row_shift", [12, 40])
def test_logarithms_of_more_than_11_bits_behind_the_point_are_computed_in_float64(row_shift):
    assert ContextTables([THREE, THREE], by_hand(row_shift=row_shift)).rows[1].dtype == np.float64


# ---------------------------------------------------------------- a case by hand


def by_hand(**parts):
    """Make a context model of lists; by default of two latents with three entries each."""
    settings = {"hidden_shift": 0, "hidden_limit": 2**24, "output_shift": 0,
                "output_limit": 2**24, "row_shift": 0, "sizes": (3, 3)}  # fmt: skip
    tensors = {
        "order": [0, 1], "hidden_weight": [64], "hidden_bias": [32],
        "output_weight": [1], "output_bias": [0, -14],
        "basis": [0, 0, 0, -20, 20, 0], "base": [0, 0, -600, 0, 0, -600],
    }  # fmt: skip
    settings |= {name: value for name, value in parts.items() if name in settings}
    tensors |= {name: value for name, value in parts.items() if name in tensors}
    tensors = {name: np.array(value, TENSORS[name]) for name, value in tensors.items()}
    return ContextModel(**tensors, **settings)


def test_a_latent_that_repeats_the_one_before_takes_almost_no_bits():
    """Entries 0 and 1 are x = -1 and 0; h = 64 x + 32 is -32, then -4, or 32; y = h - 14.

    So y is -18 or 18, and the logarithms of the second latent differ by 18 * 40 / 32 bits: 22.5,
    of which 13 count. Its parts are 2**18, 2**5 and 2**5; those of the first 2**18, 2**18 and 2**5.
    """
    tables = ContextTables([THREE, THREE], by_hand())
    same, other = np.array([[0, 0], [1, 1]], np.int32), np.array([[0, 1], [1, 0]], np.int32)
    half, sure = TOTAL // 2 - 575, TOTAL - 2048 - 2111
    assert all_frequencies(same, tables)[0].tolist() == 2 * [[half, half, 1150]]
    assert all_frequencies(same, tables)[1].tolist() == [[sure, 2048, 2111], [2048, sure, 2111]]
    assert ideal_bits(same, tables).round(3).tolist() == [1, 1]
    assert ideal_bits(other, tables).round(3).tolist() == [14, 14]


def test_the_order_says_which_latent_is_known_first():
    symbols = np.array([[0, 1]], np.int32)
    forwards = ContextTables([THREE, THREE], by_hand())
    backwards = ContextTables([THREE, THREE], by_hand(order=[1, 0]))
    ours, theirs = (
        all_frequencies(symbols, tables)[1].tolist() for tables in (forwards, backwards)
    )
    assert ours == [[TOTAL - 4159, 2048, 2111]]
    assert theirs == [[2048, TOTAL - 4159, 2111]]


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
    return PacketCoder(MODEL_ID, tables)


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


# ---------------------------------------------------------------- parts that do not fit


def parts_of(context):
    return context.tensors(), {**context.settings(), "sizes": context.sizes}


BAD_TENSORS = {
    "a latent twice": {"order": [0, 1, 1, 3]},
    "a latent that is not there": {"order": [0, 1, 2, 4]},
    "a negative latent": {"order": [0, 1, 2, -1]},
    "far latents": {"order": [2**31 - 1, -(2**31), -(2**31), -(2**31)]},
    "fewer latents": {"order": [2, 0, 1]},
    "more latents": {"order": [2, 0, 1, 4, 3]},
    "one latent": {"order": [0]},
    "no latent": {"order": []},
}


@pytest.mark.parametrize("change", BAD_TENSORS)
def test_an_order_that_is_none_is_refused(change):
    tensors, settings = parts_of(tables_of(0, 4).context)
    tensors |= {name: np.array(x, np.int32) for name, x in BAD_TENSORS[change].items()}
    row = tables_of(0, 4).row
    for build in (
        lambda: ContextModel(**tensors, **settings),
        lambda: ContextModel.build(tables_of(0, 4).context.settings(), tensors, row),
    ):
        with pytest.raises(FormatError, match="order") as caught:
            build()
        assert_one_line(caught.value)


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_of_another_size_dtype_or_shape_is_refused(name):
    tensors, settings = parts_of(tables_of(1, 4).context)
    good = tensors[name]
    others = [good.astype(dtype) for dtype in ("uint8", "int16", "int32", "int64", "float64")]
    bad = [good[:-1], np.append(good, good[-1:]), good[:0], good[None], good.reshape(-1, 1)]
    bad += [other for other in others if other.dtype != good.dtype]
    for tensor in bad:
        with pytest.raises(FormatError) as caught:
            ContextModel(**{**tensors, name: tensor}, **settings)
        assert_one_line(caught.value, "context model")


@pytest.mark.parametrize("name", ["hidden_shift", "output_shift", "row_shift"])
@pytest.mark.parametrize("value", [-1, 41, 1.0, "1", None, True])
def test_a_shift_out_of_range_is_refused(name, value):
    with pytest.raises(FormatError) as caught:
        replace(tables_of(1, 4).context, **{name: value})
    assert_one_line(caught.value, name, "0 to 40")


@pytest.mark.parametrize("name", ["hidden_limit", "output_limit"])
@pytest.mark.parametrize("value", [-1, 0, 2**24 + 1, 1.0, "1", None, True])
def test_a_limit_out_of_range_is_refused(name, value):
    with pytest.raises(FormatError) as caught:
        replace(tables_of(1, 4).context, **{name: value})
    assert_one_line(caught.value, name, "1 to 16777216")


@pytest.mark.parametrize("sizes", [(), (3,), (3, 3, 3), (3, 4), (2, 2)])
def test_sizes_of_other_tables_are_refused(sizes):
    with pytest.raises(FormatError) as caught:
        by_hand(sizes=sizes)
    assert_one_line(caught.value, "context model")


def test_no_units_or_outputs_and_too_many_are_refused():
    no_units = {"hidden_weight": [], "hidden_bias": [], "output_weight": []}
    no_outputs = {"output_weight": [], "output_bias": [], "basis": []}
    for parts in (no_units, no_outputs, with_units(1025), with_outputs(33)):
        with pytest.raises(FormatError) as caught:
            by_hand(**parts)
        assert_one_line(caught.value, "context model")
    assert by_hand(**with_units(1024)).n_units == 1024
    assert by_hand(**with_outputs(32)).n_outputs == 32


def with_units(count):
    return dict.fromkeys(("hidden_weight", "hidden_bias", "output_weight"), count * [1])


def with_outputs(count):
    return {"output_weight": count * [1], "output_bias": 2 * count * [1], "basis": 6 * count * [1]}


def test_sums_that_could_reach_2_to_the_53_are_refused():
    """In the last of 17 positions 16 * 1024 units of weight 2**15 and activations of 2**24 meet."""
    pairs = 17 * 16 // 2
    parts = {
        "sizes": 17 * (2,), "order": range(17), "hidden_bias": 1024 * 16 * [0],
        "hidden_weight": np.zeros(1024 * pairs), "basis": 34 * [0], "base": 34 * [0],
    }  # fmt: skip
    weight = np.full(1024 * pairs, -(2**15))
    with pytest.raises(UnprovenModelError) as caught:
        by_hand(output_weight=weight, output_bias=17 * [0], **parts)
    assert_one_line(caught.value, "2**54", "2**53")
    weight[15] += 1  # from the first position's first unit to the last position
    largest = 2**24 - 1
    context = by_hand(output_weight=weight, output_bias=17 * [largest], **parts)
    assert context.peaks[1] == 2**53 - 1
    with pytest.raises(UnprovenModelError):
        by_hand(output_weight=weight, output_bias=[*16 * [0], -largest - 1], **parts)


def test_logarithms_can_never_reach_2_to_the_53():
    """All numbers are at the ends of their ranges: 32 outputs of 2**24 times -2**15, and -2**31."""
    parts = {**with_outputs(32), "basis": np.full(6 * 32, -(2**15)), "base": 6 * [-(2**31)]}
    peak = by_hand(**parts, row_shift=40).peaks[2]
    assert peak == 2 * (2**5 * 2**24 * 2**15 + 2**31) + (4640 << 40)
    assert 2**52 < peak < 2**53


def test_the_proof_holds_each_of_the_three_sums(monkeypatch):
    """The greatest one is that of logarithms here: were float64 narrower, it would be refused."""
    parts = {"hidden_limit": 1, "output_limit": 1, "row_shift": 3}
    peaks = by_hand(**parts).peaks
    assert max(peaks) == peaks[2]
    monkeypatch.setattr(context, "EXACT_FLOAT64", peaks[2] + 1)
    by_hand(**parts)
    monkeypatch.setattr(context, "EXACT_FLOAT64", peaks[2])
    with pytest.raises(UnprovenModelError) as caught:
        by_hand(**parts)
    assert_one_line(caught.value, "2**16", "2**53")


@pytest.mark.parametrize(
    "contexts",
    [[], [None], 4 * [None], 3 * [tables_of(0, 4).context], 3 * [tables_of(0, 3).context]],
)
def test_contexts_of_other_qualities_or_tables_are_refused(contexts):
    with pytest.raises(FormatError, match="context") as caught:
        replace(mixed_model(), contexts=contexts)
    assert_one_line(caught.value)


# ---------------------------------------------------------------- models and their files


@cache
def mixed_model(dtype="int16"):
    """Three qualities: the first has tables alone, the others have a context model."""
    return tiny_model(dtype, (3, 2), 4, 3, contexts=(2, 3))


def assert_same_context(ours, theirs):
    assert theirs.settings() == ours.settings()
    assert theirs.sizes == ours.sizes
    for name, tensor in ours.tensors().items():
        np.testing.assert_array_equal(theirs.tensors()[name], tensor, strict=True)


@pytest.mark.parametrize("contexts", [(1,), (2,), (3,), (1, 3), (2, 3), (1, 2, 3)])
def test_a_model_is_loaded_with_the_contexts_that_it_was_saved_with(contexts):
    model = tiny_model("uint8", (3, 2), 4, 3, contexts=contexts)
    data = pack_model(model)
    again = Codec.from_bytes(data).model
    assert again.model_id == model.model_id
    assert pack_model(again) == data
    for quality, (ours, theirs) in enumerate(zip(model.contexts, again.contexts, strict=True), 1):
        assert (theirs is not None) == (quality in contexts)
        if theirs is not None:
            assert_same_context(ours, theirs)


@pytest.mark.parametrize("seed", range(3))
def test_wide_contexts_are_loaded_as_they_were_saved(seed):
    model = tiny_model("uint8", (3, 2), 4, known_answers=False)
    context = random_context(rng_of(seed), model.tables[0], wide=True)
    model = replace(model, contexts=[context])
    again = unpack_model(pack_model(model))
    assert_same_context(context, again.contexts[0])


def test_a_model_without_its_encoder_keeps_its_contexts():
    codec = Codec(mixed_model())
    light = Codec.from_bytes(codec.without_encoder().model_bytes)
    assert light.model_id == codec.model_id
    assert len(light.model_bytes) < len(codec.model_bytes)
    x = typical_frames(codec.model, 30)
    for quality in (1, 2, 3):
        blob = codec.compress(x, quality)
        assert_identical(light.decompress(blob), codec.decompress(blob))
        packet = codec.compress_packet(x[0], quality)
        assert_identical(light.decompress_packet(packet), codec.decompress_packet(packet))
    half = Codec.from_bytes(codec.model_bytes, decoder_only=True)
    assert half.model_bytes == light.model_bytes


def changed_contexts(context, row):
    """Give models that differ in one number of one tensor, or in one setting."""
    for name, tensor in context.tensors().items():
        for position in {0, tensor.size - 1}:
            other = tensor.copy()
            if name == "order":
                other[[position, 1]] = other[[1, position]]
            else:
                other[position] += 1
            tensors = {**context.tensors(), name: other}
            yield name, ContextModel.build(context.settings(), tensors, row)
    for name, value in context.settings().items():
        yield name, replace(context, **{name: value + 1})


def test_the_id_changes_with_every_number_and_setting_of_a_context():
    model = replace(mixed_model(), known_answers=None)
    ids, names = [model.model_id], set()
    for name, other in changed_contexts(model.contexts[1], model.tables[1]):
        changed = replace(model, contexts=[None, other, model.contexts[2]])
        assert unpack_model(pack_model(changed)).model_id == changed.model_id
        ids.append(changed.model_id)
        names.add(name)
    assert names == {*TENSORS, *model.contexts[1].settings()}
    second, third = model.contexts[1:]
    for pair in ([None, third], [second, None], [None, None]):
        ids.append(replace(model, contexts=[None, *pair]).model_id)
    assert len(set(ids)) == len(ids)


def test_the_same_context_at_another_quality_is_another_model():
    model = tiny_model("int16", (3, 2), 4, 2, known_answers=False)
    model = replace(model, tables=[model.tables[0], model.tables[0]])
    context = random_context(rng_of(0), model.tables[0])
    first, second = (replace(model, contexts=c) for c in ([context, None], [None, context]))
    assert first.model_id != second.model_id


@pytest.mark.parametrize("order", [0, 1])
def test_tensors_in_any_memory_order_make_the_same_model(order):
    model = mixed_model()
    tensors = model.contexts[1].tensors()
    padded = {name: np.repeat(x, 2)[::2] for name, x in tensors.items()}
    backwards = {name: np.ascontiguousarray(x[::-1])[::-1] for name, x in tensors.items()}
    context = replace(model.contexts[1], **[padded, backwards][order])
    other = replace(model, contexts=[None, context, model.contexts[2]])
    assert pack_model(other) == pack_model(model)
    x = typical_frames(model, 50)
    assert Codec(other).compress(x) == Codec(model).compress(x)


def refused(content, tensors):
    with pytest.raises((FormatError, ModelError)) as caught:
        Codec.from_bytes(forged(content, tensors))
    assert_one_line(caught.value)


def with_contexts(change):
    content, tensors = opened(pack_model(replace(mixed_model(), known_answers=None)))
    change(content["decoding"]["contexts"], tensors)
    return content, tensors


HOSTILE = {
    "one context too few": lambda c, t: c.pop(0),
    "one context too many": lambda c, t: c.append(None),
    "one described too many": lambda c, t: c.append(dict(c[1])),
    "a context that is not there": lambda c, t: c.__setitem__(0, dict(c[1])),
    "tensors without a context": lambda c, t: c.__setitem__(1, None),
    "an empty description": lambda c, t: c[1].clear(),
    "a list for a description": lambda c, t: c.__setitem__(1, []),
    "a number for a description": lambda c, t: c.__setitem__(1, 1),
    "false for null": lambda c, t: c.__setitem__(0, False),
    "an unknown setting": lambda c, t: c[1].update(extra=1),
    "a setting called as a tensor": lambda c, t: c[1].update(order=[0, 1, 2, 3]),
    "a setting for the sizes": lambda c, t: c[1].update(sizes=[3, 3, 3, 3]),
    "a missing setting": lambda c, t: c[1].pop("row_shift"),
    "a fraction": lambda c, t: c[1].update(row_shift=1.0),
    "true": lambda c, t: c[1].update(row_shift=True),
    "an unknown tensor": lambda c, t: t.update({"contexts.1.extra": np.zeros(3, np.int16)}),
    "a tensor of a quality that is not there": lambda c, t: t.update(
        {"contexts.3.order": np.zeros(4, np.int32)}
    ),
    "a tensor of no quality": lambda c, t: t.update({"contexts.order": np.zeros(4, np.int32)}),
    "an order of two dimensions": lambda c, t: t.update(
        {"contexts.1.order": t["contexts.1.order"].reshape(2, 2)}
    ),
    "an order without numbers": lambda c, t: t.update({"contexts.1.order": np.zeros(0, np.int32)}),
    "an order of one number": lambda c, t: t.update({"contexts.1.order": np.zeros((), np.int32)}),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_hostile_description_or_tensor_is_refused(fault):
    refused(*with_contexts(HOSTILE[fault]))


@pytest.mark.parametrize("contexts", [None, {}, "", "abc", 0, {"0": None}, [[], [], []]])
def test_contexts_that_are_no_list_are_refused(contexts):
    content, tensors = opened(pack_model(mixed_model()))
    content["decoding"]["contexts"] = contexts
    refused(content, tensors)


@pytest.mark.parametrize("name", TENSORS)
def test_a_missing_or_changed_tensor_of_a_file_is_refused(name):
    content, tensors = opened(pack_model(mixed_model()))
    key = f"contexts.1.{name}"
    for bad in (tensors[key][:-1], tensors[key][None], tensors[key].astype(np.int64)):
        refused(content, {**tensors, key: np.ascontiguousarray(bad)})
    refused(content, {n: t for n, t in tensors.items() if n != key})


def test_a_context_for_one_latent_is_refused():
    model = tiny_model("uint8", (3, 2), 1, known_answers=False)
    content, tensors = opened(pack_model(model))
    content["decoding"]["contexts"] = [mixed_model().contexts[1].settings()]
    size = int(tensors["tables.size"][0, 0])
    sizes = {"order": 1, "hidden_weight": 0, "hidden_bias": 0, "output_weight": 0,
             "output_bias": 1, "basis": size, "base": size}  # fmt: skip
    tensors |= {f"contexts.0.{n}": np.zeros(s, TENSORS[n]) for n, s in sizes.items()}
    refused(content, tensors)


# ---------------------------------------------------------------- known answers


def other_frequencies(model):
    """Change a context so that the known symbols have other frequencies, and nothing else."""
    context = model.contexts[1]
    base = context.base.copy()
    base[0] += 64 << context.row_shift
    return replace(model, contexts=[None, replace(context, base=base), model.contexts[2]])


def test_known_answers_catch_changed_frequencies():
    model = mixed_model()
    Codec(model).check_known_answers()
    other = other_frequencies(model)
    assert Codec(other).answer(model.known_answers.symbols).answers.tolist() == \
        model.known_answers.answers.tolist()  # fmt: skip
    with pytest.raises(ModelError, match="known answers") as caught:
        Codec.from_bytes(pack_model(other))
    assert_one_line(caught.value, other.model_id.hex())
    with pytest.raises(ModelError, match="known answers"):
        Codec.from_bytes(pack_model(other.without_encoder()))


def test_known_answers_are_of_the_default_quality():
    model = mixed_model()
    quality_3 = replace(model.contexts[2], base=model.contexts[2].base + 64)
    other = replace(model, contexts=[*model.contexts[:2], quality_3])
    Codec.from_bytes(pack_model(other))
    plain = tiny_model("int16", (3, 2), 4, 3, contexts=(1, 3))
    assert plain.known_answers.sha256 == tiny_model("int16", (3, 2), 4, 3).known_answers.sha256


WRONG_EXPONENTIALS = {
    "one less": lambda parts: parts - 1,
    "curved": lambda parts: np.floor(
        2 ** np.floor(np.log2(parts)) * 2 ** (parts / 2 ** np.floor(np.log2(parts)) - 1)
    ),
    "a bit less": lambda parts: (parts.view(np.int32) & ~(1 << 18)).view(np.float32),
}


@pytest.mark.parametrize("fault", WRONG_EXPONENTIALS)
def test_a_machine_with_another_exponential_is_refused(fault, monkeypatch):
    data, right, wrong = pack_model(mixed_model()), exponentials, WRONG_EXPONENTIALS[fault]
    Codec.from_bytes(data)
    monkeypatch.setattr(context_tables, "exponentials", lambda logs: wrong(right(logs)))
    with pytest.raises(ModelError, match="not exact"):
        Codec.from_bytes(data)


def test_a_machine_that_loses_bits_is_refused(monkeypatch):
    """Such as one whose products have the eight bits of bfloat16."""

    def in_eight_bits(x, dtype):
        bits = np.ascontiguousarray(x.T, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(dtype)

    model = tiny_model("uint8", (3, 2), 4, known_answers=False)
    context = random_context(rng_of(0), model.tables[0], wide=True)
    model = replace(model, contexts=[context])
    codec = Codec(model)
    answers = codec.answer(codec.encode(typical_frames(model, 3)))
    data = pack_model(replace(model, known_answers=answers))
    Codec.from_bytes(data)
    monkeypatch.setattr(context_tables, "_transposed", in_eight_bits)
    with pytest.raises(ModelError, match="not exact"):
        Codec.from_bytes(data)


# ---------------------------------------------------------------- archives


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
@pytest.mark.parametrize("quality", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 400])
def test_an_archive_comes_back_as_its_latents_say(dtype, quality, n):
    codec = Codec(tiny_model(dtype, (6, 4), 4, 3, contexts=(2, 3)))
    x = typical_frames(codec.model, n)
    blob = codec.compress(x, quality)
    modes = [(block.mode, block.quality) for block in blocks_of(blob)]
    assert modes == [(Mode.CODED, quality)] * (n > 0)
    symbols = codec.encode(x, quality)
    assert_identical(codec.decompress(blob), codec.decode(symbols, quality))
    if n:
        (block,) = blocks_of(blob)
        assert_identical(codec.blocks.unpack(block).values, symbols)


def test_a_context_changes_the_payload_and_not_the_signals():
    model = mixed_model()
    plain = replace(model, contexts=[None] * 3, known_answers=None)
    x = typical_frames(model, 200)
    for quality in (2, 3):
        with_one, without = Codec(model).compress(x, quality), Codec(plain).compress(x, quality)
        assert blocks_of(with_one)[0].payload != blocks_of(without)[0].payload
        assert_identical(Codec(model).decompress(with_one), Codec(plain).decompress(without))
    ours, theirs = (blocks_of(Codec(each).compress(x, 1)) for each in (model, plain))
    assert ours[0].payload == theirs[0].payload


def test_signals_unlike_the_typical_ones_come_back_too():
    codec = Codec(tiny_model("float32", (6, 4), 4, contexts=(1,)))
    x = noise_frames("float32", (40, 6, 4))
    symbols = codec.encode(x)
    coder = SymbolCoder(codec.model.coding_tables[0])
    assert_identical(coder.decode(coder.encode(symbols), 40), symbols)
    for signal, decoded_signal in zip(x, codec.decode(symbols), strict=True):
        packet = codec.compress_packet(signal)
        assert_identical(codec.decompress_packet(packet), decoded_signal)


def test_a_model_of_convolutions_may_have_a_context():
    codec = Codec(tiny_conv_model("uint8", (7, 5), contexts=(1,)))
    x = typical_frames(codec.model, 50)
    again = Codec.from_bytes(codec.model_bytes)
    assert_identical(again.decompress(codec.compress(x)), codec.decode(codec.encode(x)))


def test_info_shows_the_context_model_of_the_default_quality(tmp_path):
    from narrows.cli.looking import describe_model

    codec = Codec(tiny_model(n_qualities=3, latent_size=3, contexts=(2,)))
    codec.save(tmp_path / "m.narrows")
    layers = describe_model(str(tmp_path / "m.narrows"))["layers"]
    (row,) = [row for row in layers if row["layer"] == "context model"]
    assert row["part"] == "bottleneck"
    assert row["parameters"] == sum(t.size for t in codec.model.contexts[1].tensors().values())
