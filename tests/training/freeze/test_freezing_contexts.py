"""Context models fitted to symbols: kept where they pay, and as good as their float network."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from narrows.codec.entropy.ans import SymbolCoder, ideal_bits
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables
from narrows.training.freeze import context
from narrows.training.freeze.context import fit_contexts


def dependent_symbols(n, seed=0):
    """Draw symbols of which the second and third follow the first, and the last has its sign."""
    rng = np.random.default_rng(seed)
    a = np.round(rng.normal(size=n) * 6)
    b = a + np.round(rng.normal(size=n))
    c = np.round(np.abs(a) / 2 + rng.normal(size=n))
    d = np.where(a > 0, 1, -1) * np.round(np.abs(rng.normal(size=n)) * 4 + 1)
    e = np.round(rng.normal(size=n) * 2)
    return np.stack([e, c, a, d, b], axis=1).astype(np.int32)


def row_of(symbols):
    return [count_table(column) for column in symbols.T]


def fit_context(train, held_out, row):
    """Fit one for the only quality that there is."""
    (fitted,) = fit_contexts(train[None], held_out[None], [row])
    return fitted


def test_dependent_symbols_take_far_fewer_bits():
    train, held_out, unseen = (dependent_symbols(n, s) for n, s in ((8000, 0), (800, 1), (900, 2)))
    row = row_of(train)
    context = fit_context(train, held_out, row)
    before = ideal_bits(unseen, FixedTables(row)).mean()
    after = ideal_bits(unseen, ContextTables(row, context)).mean()
    # b costs about 2 bits instead of 4.7, and the sign of d nothing.
    assert after < before - 2.5


def test_a_fitted_context_codes_every_symbol():
    train = dependent_symbols(8000)
    row = row_of(train)
    coder = SymbolCoder(ContextTables(row, fit_context(train, dependent_symbols(500, 1), row)))
    unseen = dependent_symbols(300, 2) * 3  # many of them outside of the tables
    np.testing.assert_array_equal(coder.decode(coder.encode(unseen), 300), unseen)


def test_the_latents_of_most_bits_come_first():
    train = dependent_symbols(8000)
    order = fit_context(train, dependent_symbols(500, 1), row_of(train)).order.tolist()
    assert set(order[:2]) == {2, 4}  # a and b, of 4.6 bits; then d, of 4; c and e of 3
    assert order[2] == 3


def test_fitting_the_same_symbols_twice_gives_the_same_model():
    train, held_out = dependent_symbols(6000), dependent_symbols(500, 1)
    first, second = (fit_context(train, held_out, row_of(train)) for _ in range(2))
    for name, tensor in first.tensors().items():
        np.testing.assert_array_equal(tensor, second.tensors()[name])
    assert first.settings() == second.settings()


def test_lower_qualities_go_on_from_what_the_highest_learned():
    train, held_out, unseen = (
        np.stack([np.round(dependent_symbols(n, seed) / wide) for wide in (3, 2, 1)]).astype(
            np.int32
        )
        for n, seed in ((8000, 0), (800, 1), (900, 2))
    )  # (3 qualities, n, 5)
    rows = [row_of(of_quality) for of_quality in train]
    together = fit_contexts(train, held_out, rows)
    for q, row in enumerate(rows):
        alone = ideal_bits(unseen[q], ContextTables(row, fit_context(train[q], held_out[q], row)))
        bits = ideal_bits(unseen[q], ContextTables(row, together[q]))
        assert bits.mean() < 1.03 * alone.mean()
        assert bits.mean() < ideal_bits(unseen[q], FixedTables(row)).mean() - 0.5


@pytest.mark.parametrize(
    "train",
    [
        np.round(np.random.default_rng(0).normal(size=(4000, 4)) * 5).astype(np.int32),
        dependent_symbols(60),
        dependent_symbols(4000)[:, :1],
        np.zeros((4000, 3), np.int32),
    ],
    ids=["independent", "too few signals", "one latent", "constant"],
)
def test_what_does_not_pay_is_left_out(train):
    assert fit_context(train, train[:500], row_of(train)) is None


def test_latents_that_never_change_take_no_bytes_in_the_model():
    train, held_out = dependent_symbols(8000), dependent_symbols(800, 1)

    def with_still_ones(symbols):
        still = np.zeros((len(symbols), 5), dtype=np.int32)
        still[0] = 1  # not quite
        return np.concatenate([symbols, still], axis=1)

    alone = fit_context(train, held_out, row_of(train))
    row = row_of(with_still_ones(train))
    among = fit_context(with_still_ones(train), with_still_ones(held_out), row)
    assert set(among.order[:5].tolist()) == set(range(5))
    weights = [np.count_nonzero(c.hidden_weight) for c in (alone, among)]
    assert weights[1] <= weights[0] * 1.1
    unseen = dependent_symbols(900, 2)
    bits = [
        ideal_bits(unseen, ContextTables(row_of(train), alone)).mean(),
        ideal_bits(with_still_ones(unseen), ContextTables(row, among)).mean(),
    ]
    assert bits[1] < bits[0] + 0.1


def test_symbols_that_never_change_have_no_context_model():
    still = np.zeros((8000, 5), dtype=np.int32)
    assert fit_context(still, still[:500], row_of(still)) is None


def test_finer_weights_are_taken_where_they_save_more_than_they_take(monkeypatch):
    train, held_out = dependent_symbols(8000), dependent_symbols(800, 1)
    row = row_of(train)
    bits, largest = [], []
    for tried in ((0.5,), (0.5, 6.0), (6.0, 1000.0)):
        monkeypatch.setattr(context, "WEIGHT_RMS", tried)
        fitted = fit_context(train, held_out, row)
        bits.append(ideal_bits(held_out, ContextTables(row, fitted)).mean())
        largest.append(np.abs(fitted.hidden_weight).max())
    assert bits[1] < bits[0] - 0.1
    assert largest[2] == largest[1]  # the finest ones take more than they save
