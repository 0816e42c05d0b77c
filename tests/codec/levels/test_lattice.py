"""The lattice of values that networks give back under a bound."""

import numpy as np
import pytest

from narrows.codec.levels.byte_heads import ByteScale
from narrows.codec.levels.kinds import check_levels
from narrows.codec.levels.lattice import LARGEST, Lattice
from narrows.codec.levels.passes import PassOrder
from narrows.element_types import ends_of
from narrows.errors import FormatError
from tests.helpers.level_models import random_levels, random_number_levels

ORDER = PassOrder((4,), start_stride=4)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint64"])
def test_whole_values_come_back_within_the_bound_and_within_their_type(dtype):
    low, high = ends_of(np.dtype(dtype))
    x = np.array([low, low + 9, 3, 10, 11, 100, 119, high - 9, high], dtype)
    lattice = Lattice(3, 21)
    numbers = lattice.in_units(x)
    assert np.abs(numbers).max() <= LARGEST
    near = np.abs(numbers) < LARGEST
    for off in (0, 10, -10):
        y = lattice.from_units(numbers + off, x.dtype)
        assert all(abs(int(a) - int(b)) <= 10 for a, b in zip(x[near], y[near], strict=True))


def test_floats_come_from_one_product_and_one_sum_rounded_once():
    lattice, numbers = Lattice(0.1, 0.7), np.array([-(2**40), -3, 0, 3, 2**40])
    expected = np.array([float(i) * (0.7 / 16) + 0.1 for i in numbers.tolist()])
    assert lattice.from_units(numbers, np.dtype("float64")).tolist() == expected.tolist()
    assert (lattice.from_units(numbers, np.dtype("float32")) == expected.astype(np.float32)).all()
    wild = np.array([np.nan, np.inf, -np.inf, 1e300])
    assert lattice.in_units(wild).tolist() == [0, LARGEST, -LARGEST, LARGEST]
    assert lattice.in_units(np.array([0.1 + 0.7 * 5])) == pytest.approx(80)


@pytest.mark.parametrize("lattice", [Lattice(0, 21), Lattice(-10, 21), Lattice(7, 15)], ids=str)
def test_the_bytes_between_two_edges_are_those_of_one_number(lattice):
    scale, values = ByteScale((0,), lattice), np.arange(256)
    numbers = lattice.numbers(values.astype(np.uint8))
    assert (scale.edges[numbers] <= values).all()
    assert (values < scale.edges[numbers + 1]).all()
    assert np.abs(scale.values[numbers].astype(int) - values).max() <= lattice.bound


@pytest.mark.parametrize("lattice", [Lattice(-3, 21), Lattice(-0.25, 1e-3)], ids=str)
def test_a_lattice_is_built_again_from_what_it_says(lattice):
    assert Lattice.build(lattice.settings()) == lattice


@pytest.mark.parametrize(("offset", "step"), [
    (0, 4), (0, 1), (0, 2**21 + 3), (2**53 + 1, 3), (0.0, 0.0), (0.0, float("nan")),
    (float("inf"), 1.0), (0, 1.0), (0.0, 3), (0, True),
])  # fmt: skip
def test_what_is_no_lattice_is_refused(offset, step):
    with pytest.raises(FormatError, match="levels"):
        Lattice(offset, step)


@pytest.mark.parametrize(("dtype", "lattice"), [
    ("float32", None), ("float32", Lattice(0, 3)), ("int16", Lattice(0.0, 3.0)), ("bool", None),
    ("uint8", None),
])  # fmt: skip
def test_levels_of_values_of_another_kind_are_refused(dtype, lattice):
    with pytest.raises(FormatError, match="levels of"):
        check_levels(random_number_levels(ORDER, lattice=lattice), (4,), np.dtype(dtype))


def test_levels_that_fit_their_frames_are_not():
    check_levels(random_levels(ORDER, lattice=Lattice(1, 3)), (4,), np.dtype("uint8"))
    check_levels(random_number_levels(ORDER, lattice=Lattice(0.0, 0.5)), (4,), np.dtype("float16"))
