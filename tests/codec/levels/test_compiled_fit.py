"""Last layers fitted in compiled code: the changes that numpy finds, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.encoding.level_fit import fit_last_layers
from narrows.codec.encoding.level_payloads import encode_numbers
from narrows.codec.encoding.level_sums import CompiledEquations, NumpyEquations
from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.native.engine import NativeLevels
from narrows.codec.levels.number_payload import decode_numbers
from narrows.codec.levels.passes import PassOrder
from narrows.codec.networks.native.extension import extension, levels
from tests.helpers.level_models import random_number_levels, waves

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")

SERIES = PassOrder((40,), n_channels=2, start_stride=64)
ORDERS = (SERIES, PassOrder((9, 14), start_stride=4), PassOrder((6, 5, 7), 3, 8))


def changes_of(networks, frames):
    return [each.tolist() for each in fit_last_layers(networks, frames.T.copy())]


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scale", [1, 30, 1 << 20])
def test_changes_are_those_of_numpy(level, order, scale):
    networks = random_number_levels(order, units=7, seed=scale)
    frames = waves(order, 300) * scale
    own = replace(networks, engine=NativeLevels(level))
    assert own.compiled is not None
    found = changes_of(own, frames)
    assert any(np.any(each) for each in found)
    assert found == changes_of(networks, frames)


@pytest.mark.parametrize("lattice", [Lattice(0, 9), Lattice(0.0, 1.0)])
def test_payloads_in_steps_are_those_of_numpy(lattice):
    networks = random_number_levels(SERIES, units=8, lattice=lattice)
    frames = waves(SERIES, 500) if lattice.is_whole else waves(SERIES, 500) * 2.7
    payload = encode_numbers(networks, frames)
    for level in levels():
        own = replace(networks, engine=NativeLevels(level))
        assert encode_numbers(own, frames) == payload
        found = decode_numbers(own, payload, 500)
        assert np.array_equal(found, decode_numbers(networks, payload, 500))


def test_equations_are_solved_by_the_same_operations():
    rng = np.random.default_rng(0)
    for n in (1, 2, 29, 65):
        square = rng.normal(size=(n, 3 * n))
        square, right = square @ square.T, rng.normal(size=n)
        expected = NumpyEquations(square).solved(right)
        assert np.array_equal(CompiledEquations(square, native).solved(right), expected)
        assert np.allclose(square @ expected, right, atol=0.3)


def test_arrays_that_do_not_fit_are_refused():
    seen = [np.zeros((3, 5), np.int16), *(np.zeros(5, np.int64) for _ in range(3))]
    given = [*seen, np.zeros((2, 4)), np.zeros(48), np.zeros(32769, np.int32)]
    sums = np.zeros((4, 4)), np.zeros((2, 4))
    level = levels()[-1]
    native.add_fit(level, 1, tuple(given), sums)
    for i in range(len(given)):
        wrong = [*given[:i], given[i][:-1].copy(), *given[i + 1 :]]
        with pytest.raises(ValueError, match="do not fit the networks of levels"):
            native.add_fit(level, 1, tuple(wrong), sums)
    with pytest.raises(ValueError, match="do not fit the networks of levels"):
        native.add_fit(level, 4, tuple(given), sums)
    with pytest.raises(ValueError, match="do not fit the networks of levels"):
        native.solve_equations(np.zeros(3))
    with pytest.raises(ValueError, match="no level"):
        native.add_fit("fast", 1, tuple(given), sums)
