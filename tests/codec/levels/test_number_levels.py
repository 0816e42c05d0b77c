"""Whole numbers through random networks come back, whatever they are and whoever decodes."""

from contextlib import suppress

import numpy as np
import pytest

from narrows.codec.encoding.level_fit import fit_last_layers, with_changes
from narrows.codec.encoding.level_payloads import encode_numbers
from narrows.codec.entropy.stacks import PlainStack
from narrows.codec.entropy.tables import TOTAL
from narrows.codec.levels.number_levels import NumberLevels
from narrows.codec.levels.number_payload import (
    Starts,
    decode_numbers,
    pack_changes,
    pack_starts,
    unpack_changes,
    unpack_starts,
)
from narrows.codec.levels.number_tables import N_CLASSES, N_FRACTIONS, logistic_table
from narrows.codec.levels.passes import PassOrder
from narrows.errors import FormatError
from tests.helpers.level_models import random_number_levels, waves

ORDERS = {
    "a series": PassOrder((33,), start_stride=64),
    "two leads": PassOrder((32,), n_channels=2, start_stride=32),
    "three leads": PassOrder((9,), n_channels=3, start_stride=8),
    "a picture": PassOrder((7, 6), start_stride=8),
    "colours": PassOrder((5, 4), n_channels=3, start_stride=4),
    "an array": PassOrder((3, 5, 4), start_stride=4),
}
PAIR = ORDERS["two leads"]


@pytest.mark.parametrize("kind", ORDERS)
def test_numbers_come_back(kind):
    order = ORDERS[kind]
    levels, rng = random_number_levels(order), np.random.default_rng(2)
    wild = rng.integers(-(2**38), 2**38, (1, order.size)) >> rng.integers(0, 38, (1, order.size))
    for frames in (waves(order, 3), wild, np.zeros((2, order.size), np.int64), wild[:0]):
        payload = encode_numbers(levels, frames)
        assert np.array_equal(decode_numbers(levels, payload, len(frames)), frames)


def test_the_plain_coder_writes_and_reads_the_same(monkeypatch):
    levels, frames = random_number_levels(PAIR), waves(PAIR, 2)
    payload = encode_numbers(levels, frames)
    for module in ("levels.decisions", "encoding.level_payloads"):
        monkeypatch.setattr(f"narrows.codec.{module}.best_stack", PlainStack)
    assert encode_numbers(levels, frames) == payload
    assert np.array_equal(decode_numbers(levels, payload, 2), frames)


def test_levels_are_built_again_from_what_they_say():
    levels, frames = random_number_levels(PAIR), waves(PAIR, 3)
    again = NumberLevels.build(levels.settings(), levels.tensors())
    assert encode_numbers(again, frames) == encode_numbers(levels, frames)


def test_a_last_layer_of_its_own_saves_bytes_and_comes_back(monkeypatch):
    monkeypatch.setattr("narrows.codec.encoding.level_fit.LEAST_ROWS", 64)
    levels, frames = random_number_levels(PAIR), waves(PAIR, 120)
    changes = fit_last_layers(levels, frames.T)
    assert sum(each.any() for each in changes) > 6
    payload = encode_numbers(levels, frames)
    assert np.array_equal(decode_numbers(levels, payload, 120), frames)
    monkeypatch.setattr("narrows.codec.encoding.level_fit.LEAST_ROWS", 1 << 40)
    assert len(payload) < 0.8 * len(encode_numbers(levels, frames))


def test_changes_are_read_as_they_were_written():
    levels, rng = random_number_levels(PAIR), np.random.default_rng(0)
    changes = [rng.integers(-300, 300, (2, 4)) * (i % 3 > 0) for i in range(len(levels.networks))]
    head = pack_starts(Starts((3, 9))) + pack_changes(changes)
    own, end = unpack_changes(head, levels, 2)
    assert (unpack_starts(head, levels).classes, end) == ((3, 9), len(head))
    for one, two in zip(own.networks, with_changes(levels, changes).networks, strict=True):
        assert np.array_equal(one.second, two.second)
        assert np.array_equal(one.second_bias, two.second_bias)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_payload_gives_frames_or_an_error(seed):
    rng = np.random.default_rng(seed)
    levels, frames = random_number_levels(PAIR), waves(PAIR, 4)
    payload = bytearray(encode_numbers(levels, frames))
    payload[rng.integers(len(payload))] ^= 1 << rng.integers(8)
    with suppress(FormatError):
        assert decode_numbers(levels, bytes(payload), 4).shape == frames.shape


@pytest.mark.parametrize("left", [0, 1, 2, 5, 9, 16])
def test_a_payload_that_ends_early_is_refused(left):
    levels, frames = random_number_levels(PAIR), waves(PAIR, 4)
    with pytest.raises(FormatError):
        decode_numbers(levels, encode_numbers(levels, frames)[:left], 4)


def test_frequencies_of_all_classes_are_those_of_logistics():
    for number in range(N_CLASSES):
        for fraction in range(N_FRACTIONS):
            table = logistic_table(number, fraction)
            assert table.min() >= 1
            assert table.sum() == TOTAL
    below = np.cumsum(logistic_table(17, 4))[:-1] / TOTAL  # of scale 2, half a step to the right
    expected = 1 / (1 + np.exp(-(np.arange(-180, 181)) / 2))
    assert np.abs(below - expected).max() < 0.001


def test_networks_of_other_passes_are_refused():
    with pytest.raises(FormatError, match="networks"):
        NumberLevels(PAIR, random_number_levels(PAIR).networks[1:])
    with pytest.raises(FormatError, match="network of a pass"):
        NumberLevels(PAIR, random_number_levels(ORDERS["a series"]).networks[:5] * 2)
