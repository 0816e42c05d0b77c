"""Frames of bytes through random networks come back, whatever they are and whoever decodes."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.encoding.level_payloads import encode_bytes
from narrows.codec.entropy.stacks import PlainStack
from narrows.codec.levels import byte_heads, byte_levels, decisions
from narrows.codec.levels.byte_heads import ByteScale, MixtureMass
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.byte_payload import decode_bytes
from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.passes import PassOrder
from narrows.errors import FormatError, UnprovenModelError
from tests.helpers.level_models import blobs, random_levels

ORDERS = {
    "pictures": PassOrder((9, 6), origin=2),
    "colours": PassOrder((5, 7), n_channels=3, start_stride=4),
    "a series": PassOrder((21,), n_channels=2, start_stride=8),
    "an array": PassOrder((3, 5, 4), start_stride=4),
    "one element": PassOrder((1,)),
}


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("atoms", [(0,), (0, 255), (7, 0, 9, 255)], ids=str)
def test_frames_come_back(kind, atoms):
    order = ORDERS[kind]
    levels = random_levels(order, atoms)
    noise = np.random.default_rng(1).integers(0, 256, (4, order.size)).astype(np.uint8)
    for frames in (blobs((order.size,), 4), noise, noise[:0]):
        payload = encode_bytes(levels, frames)
        assert np.array_equal(decode_bytes(levels, payload, len(frames)), frames)


def test_parts_of_few_rows_come_back_too(monkeypatch):
    monkeypatch.setattr(byte_levels, "ROWS_AT_ONCE", 11)
    monkeypatch.setattr(byte_heads, "ROWS_AT_ONCE", 5)
    levels, frames = random_levels(ORDERS["pictures"]), blobs((9, 6), 5)
    assert np.array_equal(decode_bytes(levels, encode_bytes(levels, frames), 5), frames)


def test_the_plain_coder_writes_and_reads_the_same(monkeypatch):
    levels, frames = random_levels(ORDERS["colours"]), blobs((5, 7, 3), 3)
    payload = encode_bytes(levels, frames)
    for module in ("levels.decisions", "encoding.level_payloads"):
        monkeypatch.setattr(f"narrows.codec.{module}.best_stack", PlainStack)
    assert encode_bytes(levels, frames) == payload
    assert np.array_equal(decode_bytes(levels, payload, 3), frames)


def test_levels_are_built_again_from_what_they_say():
    levels, frames = random_levels(ORDERS["pictures"]), blobs((9, 6), 3)
    again = ByteLevels.build(levels.settings(), levels.tensors())
    assert again.settings() == levels.settings()
    assert encode_bytes(again, frames) == encode_bytes(levels, frames)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_payload_gives_frames_or_an_error(seed):
    rng = np.random.default_rng(seed)
    levels, frames = random_levels(ORDERS["pictures"]), blobs((9, 6), 4)
    payload = bytearray(encode_bytes(levels, frames))
    payload[rng.integers(len(payload))] ^= 1 << rng.integers(8)
    with suppress(FormatError):
        assert decode_bytes(levels, bytes(payload), 4).shape == frames.shape


@pytest.mark.parametrize("left", [3, 4, 12])
def test_a_payload_that_ends_early_is_refused(left):
    levels, frames = random_levels(ORDERS["pictures"]), blobs((9, 6), 4)
    with pytest.raises(FormatError):
        decode_bytes(levels, encode_bytes(levels, frames)[:left], 4)


def test_the_sigmoid_is_the_float_one_rounded():
    table = decisions.sigmoid_table()
    x = np.arange(-16 * 1024, 16 * 1024 + 1) / 1024
    assert np.abs(table - 65536 / (1 + np.exp(-x))).max() <= 0.5 + 1e-6
    assert (table + table[::-1] == 65536).all()


def test_mass_rises_with_every_level_and_stays_exact_in_float32():
    rng = np.random.default_rng(0)
    mixture = rng.integers(-1000, 1000, (9, 300)).astype(np.float32)
    mass = MixtureMass(mixture)
    below = [mass.below(np.full(300, level, np.int32)) for level in range(257)]
    assert (np.diff(below, axis=0) >= byte_heads.FLOOR).all()
    assert max(map(np.max, below)) < 2**24


def test_levels_between_the_atoms_at_both_ends_are_possible():
    assert ByteScale((0, 253, 254, 252, 255)).grey == (1, 251)
    assert ByteScale((128,)).grey == (0, 255)
    assert ByteScale((0,), Lattice(0, 21)).grey == (1, 12)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"atoms": (0, 0)}, "different"),
        ({"atoms": (0, 300, 255)}, "atom"),
        ({"n_neighbours": 7}, "neighbours"),
        ({"networks": []}, "networks"),
        ({"quiet": np.full(54, 200, np.uint8)}, "quiet"),
        ({"quiet": np.zeros(9, np.uint8)}, "quiet"),
        ({"order": PassOrder((6, 9), origin=2)}, "network"),
        ({"lattice": Lattice(-11, 21)}, "begin at the byte 0"),
        ({"lattice": Lattice(0.0, 3.0)}, "begin at the byte 0"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, told):
    with pytest.raises(FormatError, match=told):
        replace(random_levels(ORDERS["pictures"]), **change)


def test_a_network_that_could_leave_the_exact_integers_is_refused():
    network = random_levels(ORDERS["pictures"]).networks[0]
    with pytest.raises(UnprovenModelError, match=r"2\*\*53"):
        replace(network, input_limit=2**45)


def test_float32_and_float64_give_the_same_outputs():
    network = random_levels(ORDERS["pictures"]).networks[3]
    wide = replace(network, input_limit=2**30)
    assert max(network.peaks) < 2**24 < max(wide.peaks)
    n = len(network.bias)
    x = np.random.default_rng(0).integers(-128, 129, (network.first.shape[1], 3 * n))
    counts = np.full(n, 3)
    assert np.array_equal(network(x.astype(float), counts, 0), wide(x.astype(float), counts, 0))
