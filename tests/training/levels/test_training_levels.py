"""Networks of the levels coder, trained for a moment and frozen."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.codec.encoding.level_payloads import encode_bytes, encode_numbers
from narrows.codec.levels.byte_heads import ByteScale
from narrows.codec.levels.byte_payload import decode_bytes
from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.number_payload import decode_numbers
from narrows.codec.levels.passes import PassOrder
from narrows.training.freeze.levels import atoms_of, freeze_bytes, passes_of, train_byte_levels
from narrows.training.freeze.number_levels import train_number_levels
from narrows.training.levels.byte_networks import ByteNetworks, atom_and_grey_bits
from tests.helpers.level_models import blobs, waves

ORDER = PassOrder((8, 8), start_stride=4, origin=1)


def bits_of(networks, frames):
    """Return the bits of frames by float networks, of all their elements."""
    with torch.no_grad():
        return float(networks.bits(torch.from_numpy(frames)))


def test_trained_levels_take_fewer_bytes_than_values_alone_and_lose_nothing():
    frames = np.where(blobs((8, 8), 300) > 90, 255, 0).astype(np.uint8)
    levels = train_byte_levels(frames[:256], ORDER, units=6, epochs=30, seed=0)
    held_out = frames[256:]
    payload = encode_bytes(levels, held_out)
    assert np.array_equal(decode_bytes(levels, payload, len(held_out)), held_out)
    p = np.bincount(frames.reshape(-1), minlength=256) / frames.size
    assert 8 * len(payload) < -0.95 * np.log2(p[held_out]).sum()


def test_the_same_seed_gives_the_same_levels():
    frames = blobs((8, 8), 64)
    one, two = (train_byte_levels(frames, ORDER, units=4, epochs=2, seed=3) for _ in range(2))
    assert one.settings() == two.settings()
    for name, tensor in one.tensors().items():
        assert np.array_equal(tensor, two.tensors()[name]), name


@pytest.mark.parametrize("most", [1, 1 << 11])
def test_freezing_loses_few_bits(most, monkeypatch):
    monkeypatch.setattr("narrows.training.levels.byte_networks.MAX_OWN_BIASES", most)
    frames = np.maximum(blobs((8, 8), 100), 1) + np.arange(64, dtype=np.uint8) % 2
    scale = ByteScale(tuple(atoms_of(frames)))
    networks = ByteNetworks(passes_of(ORDER, scale), 6, 0)  # no row is dead
    floats = bits_of(networks, frames)
    levels = freeze_bytes(networks, frames, ORDER)
    assert 8 * len(encode_bytes(levels, frames)) < 1.01 * floats + 64


def test_values_that_are_common_beside_the_most_common_have_heads():
    frames = np.repeat(np.array([0, 255, 9, 1], np.uint8), [900, 50, 49, 1])[None]
    assert atoms_of(frames) == [0, 255, 9]


@pytest.mark.parametrize(("atoms", "lattice"), [
    ((0,), None), ((0, 255), None), ((3, 0, 255), None),
    ((0,), Lattice(-4, 21)), ((0, 12), Lattice(0, 21)), ((0, 12, 11, 1), Lattice(10, 21)),
], ids=str)  # fmt: skip
def test_the_probabilities_of_all_values_sum_to_one(atoms, lattice):
    scale = ByteScale(atoms, lattice)
    possible = np.flatnonzero(np.diff(scale.edges)).tolist()
    torch.manual_seed(0)
    outputs = torch.randn(1, len(atoms) + 9).double()
    each = [float(atom_and_grey_bits(outputs, torch.tensor([v]), scale)) for v in possible]
    assert sum(2.0**-b for b in each) == pytest.approx(1, abs=1e-4)


def test_trained_numbers_take_fewer_bytes_than_untrained_ones_and_lose_nothing():
    order = PassOrder((32,), n_channels=2, start_stride=32)
    frames = waves(order, 90)
    sizes = []
    for updates in (1, 60):
        levels = train_number_levels(frames[:60], order, units=5, updates=updates, seed=0)
        payload = encode_numbers(levels, frames[60:])
        assert np.array_equal(decode_numbers(levels, payload, 30), frames[60:])
        sizes.append(len(payload))
    assert sizes[1] < 0.95 * sizes[0]
