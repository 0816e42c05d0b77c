"""Context models of magnitudes: kept where they pay, alike in floats and in integers."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

import narrows
from narrows.codec.entropy.ans import SymbolCoder, ideal_bits
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.context_trellis import ContextTrellis
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables
from narrows.codec.entropy.trellis import TrellisTables
from narrows.training.freeze.magnitude_contexts import Coded, can_learn, fit_magnitudes
from narrows.training.freeze.with_magnitudes import made_louder

K = 12


def loud_and_quiet(n, seed=0, quieter=1.0):
    """Draw symbols that are all small or all large in a signal, of signs that nothing tells."""
    rng = np.random.default_rng(seed)
    sizes = quieter * np.exp(rng.normal(size=(n, 1))) * np.linspace(1.5, 0.5, K)
    return np.round(rng.normal(size=(n, K)) * sizes).astype(np.int32)


def rows_of(symbols, n_quantisers=1):
    return [[count_table(column) for column in symbols.T]] * n_quantisers


def fitted(train, rows):
    network = fit_magnitudes(train, rows)
    return network, network.frozen(Coded.of(train, rows).entries)


def test_signals_that_are_loud_or_quiet_take_fewer_bits():
    train, unseen = loud_and_quiet(4000), loud_and_quiet(2000, 1)
    rows = rows_of(train)
    _, context = fitted(train, rows)
    before = ideal_bits(unseen, FixedTables(rows[0])).mean()
    after = ideal_bits(unseen, ContextTables(rows[0], context)).mean()
    assert after < 0.95 * before
    other = loud_and_quiet(1000, 2, quieter=0.3)
    before = ideal_bits(other, FixedTables(rows[0])).mean()
    assert ideal_bits(other, ContextTables(rows[0], context)).mean() < 0.85 * before


def test_integers_take_as_many_bits_as_floats():
    train, unseen = loud_and_quiet(4000), loud_and_quiet(2000, 1)
    rows = rows_of(train)
    network, context = fitted(train, rows)
    coded = Coded.of(unseen, rows)
    nats = float(network(*coded, np.arange(K)).detach()) * K
    bits = ideal_bits(np.clip(unseen, *ends_of(rows[0])), ContextTables(rows[0], context)).mean()
    assert bits == pytest.approx(nats / np.log(2), rel=0.01)


def ends_of(row):
    return [np.array([getattr(table, end) for table in row]) for end in ("low", "high")]


def test_a_context_of_both_quantisers_codes_all_symbols_of_a_trellis():
    train = loud_and_quiet(3000)
    rows = rows_of(train, 2)
    _, context = fitted(train, rows)
    tables = ContextTrellis(*rows, context)
    symbols = loud_and_quiet(300, 1) * 3  # some outside of the tables
    coder = SymbolCoder(tables)
    assert np.array_equal(coder.decode(coder.encode(symbols), 300), symbols)
    unseen = loud_and_quiet(1000, 2)
    before = ideal_bits(unseen, TrellisTables(*rows)).mean()
    assert ideal_bits(unseen, tables).mean() < 0.95 * before


def test_fitting_twice_gives_the_same_integers():
    train = loud_and_quiet(2000)
    first, second = (fitted(train, rows_of(train))[1].tensors() for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_single_latent_and_tables_of_thousands_are_left_alone():
    wide = [count_table(np.arange(-1500, 1500, dtype=np.int32))] * 2
    assert not can_learn([wide])
    assert not can_learn(rows_of(loud_and_quiet(50)[:, :1]))
    assert can_learn(rows_of(loud_and_quiet(50)[:, :2]))


def test_louder_signals_keep_their_type_and_their_mean():
    x = np.random.default_rng(0).normal(100, 30, (500, 4)).astype(np.int16)
    louder = made_louder(x)
    assert (louder.dtype, louder.shape) == (x.dtype, x.shape)
    assert louder.mean() == pytest.approx(x.mean(), abs=3)
    assert louder.std() > 1.1 * x.std()
    extreme = np.array([[-(2**15), 2**15 - 1]] * 20, np.int16) * np.array([[1], [-1]] * 10)
    assert np.abs(made_louder(extreme.astype(np.int16)).astype(int)).max() <= 2**15


def waves(n, seed, loud):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, 16)) @ np.linalg.qr(rng.normal(size=(16, 16)))[0]
    sizes = np.exp(rng.normal(size=(n, 1))) if loud else 1.0
    return (noise * sizes * np.linspace(300, 50, 16)).astype(np.int16)


@pytest.mark.parametrize("loud", [True, False])
def test_linear_models_have_them_where_they_pay(loud):
    x = waves(3000, 0, loud)
    codec = narrows.train(x, architecture="linear", latent_size=16, bits_per_latent=2.0)
    assert any(codec.model.contexts) is loud
    symbols = codec.encode(x[:200])
    assert np.array_equal(codec.decompress(codec.compress(x[:200])), codec.decode(symbols))
    packet = codec.compress_packet(x[7])
    assert np.array_equal(codec.decompress_packet(packet), codec.decode(symbols)[7])


@pytest.mark.parametrize("aim", [{"latent_size": 8, "bits_per_latent": 2.0}, {"aim": "snr:12"}])
def test_dense_models_have_them_too_where_other_context_models_take_too_much(aim):
    x = waves(2000, 0, True)
    settings = {"architecture": "dense", "epochs": 2, "expected_signals": 10**6}
    codec = narrows.train(x, **settings, **aim)
    (context,) = codec.model.contexts
    assert context is not None
    assert context.k == codec.model.groups["encoded"]
    symbols = codec.encode(x[:80])
    assert np.array_equal(codec.decompress(codec.compress(x[:80])), codec.decode(symbols))
