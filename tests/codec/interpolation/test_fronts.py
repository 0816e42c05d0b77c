"""Blocks that are coded front by front: any shape comes back, and they win where they should."""

from contextlib import suppress

import numpy as np
import pytest

from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.encoding.guaranteed_blocks import guaranteed_block
from narrows.codec.encoding.interpolation import pack_levels
from narrows.codec.interpolation.blocks import unpack_levels
from narrows.codec.interpolation.grid import Lossless, Scaled, Whole
from narrows.codec.interpolation.layout import SWEPT, Plan
from narrows.codec.interpolation.sweep import n_fronts, sides_of
from narrows.errors import FormatError
from readers.python.narrows_reader.levels import read_levels
from tests.helpers.level_models import blobs

RNG = np.random.default_rng(0)
SHAPES = {
    "a row": ((1, 40), 1),
    "rows apart": ((30, 9), 1),
    "a picture": ((1, 12, 17), 2),
    "pictures apart": ((9, 5, 6), 2),
    "rows together": ((14, 11), 2),
    "an array": ((1, 5, 7, 6), 3),
    "arrays apart": ((4, 3, 5, 4), 3),
    "many of two rows": ((200, 2, 5), 2),
    "an axis of one": ((3, 1, 9, 8), 3),
    "one place": ((5, 1, 1), 2),
}


def sheet(shape):
    """Return signals whose differences of differences are noise."""
    x = RNG.normal(size=shape)
    for axis in range(1, len(shape)):
        x = x.cumsum(axis=axis)
    return x * 9


def decoded(payload, x):
    """Decode a block by the package and by the reader, which must agree."""
    ours = unpack_levels(payload, len(x), x.shape[1:], x.dtype)
    theirs = read_levels(payload, x.shape, x.dtype)
    assert ours.tobytes() == theirs.tobytes()
    return ours


@pytest.mark.parametrize("name", SHAPES)
def test_numbers_of_any_shape_come_back_from_both_readers(name):
    shape, axes = SHAPES[name]
    x = np.rint(sheet(shape)).astype(np.int32)
    low = int(x.min())
    plan = Plan(axes, False, (Lossless(low + 2**31),), int(x.max()) - low, is_swept=True)
    payload = pack_levels(x, plan, (x - low).astype(np.int64)).payload(None)
    assert payload[0] == SWEPT
    assert np.array_equal(decoded(payload, x), x)


@pytest.mark.parametrize("name", SHAPES)
def test_floats_come_back_within_half_a_step(name):
    shape, axes = SHAPES[name]
    x = sheet(shape).astype(np.float32)
    grid = Scaled(float(x.min()), 0.5 / 16)
    high = int(np.ptp(x.astype(float)) / grid.unit) + 1
    plan = Plan(axes, False, (grid,), high, is_swept=True)
    packed = pack_levels(x, plan, grid.numbers(x))
    y = decoded(packed.payload(None), x)
    assert y.tobytes() == packed.signals.tobytes()
    assert np.abs(y.astype(float) - x).max() < 0.2501


def test_whole_numbers_come_back_in_steps_and_wild_ones_too():
    x = RNG.integers(0, 2**38, (6, 9, 9)) >> RNG.integers(0, 38, (6, 9, 9))
    plan = Plan(2, False, (Whole(2**63, 7),), int(x.max()), is_swept=True)
    y = decoded(pack_levels(x, plan, x).payload(None), x)
    assert np.abs(y - x).max() <= 7


def test_fronts_take_fewer_bytes_where_differences_are_noise_and_levels_where_not():
    x = sheet((1, 110, 160)).astype(np.float32)
    blocks = [guaranteed_block(x, Guarantee((0.5,)))]
    smooth = blobs((110, 160), 1).reshape(1, 110, 160).astype(np.float32)
    for _ in range(4):
        smooth = (smooth + np.roll(smooth, 1, 1) + np.roll(smooth, 1, 2)) / 3
    blocks.append(guaranteed_block(smooth, Guarantee((4.0,))))
    assert [block.payload[0] for block in blocks] == [SWEPT, 0]


def test_sides_have_all_places_but_the_corner_and_fronts_of_rising_sums():
    shape = (3, 1, 4)
    sides = sides_of(shape)
    near = [side.near(0, side.n_places) for side in sides]
    places = np.concatenate([each.places for each in near])
    assert sorted(places) == list(range(1, 12))
    for side, each in zip(sides, near, strict=True):
        sums = np.sum(np.unravel_index(each.places, shape), axis=0)
        assert (np.diff(sums) >= 0).all()
        before = np.sum(np.unravel_index(each.own, shape), axis=0)
        assert (before < sums).all()
        ends = {side.end_of(start) for start in range(side.n_places)}
        assert ends == {*(np.flatnonzero(np.diff(sums)) + 1), side.n_places}
    assert n_fronts(shape) == 6


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_block_gives_signals_or_an_error(seed):
    x = np.rint(sheet((3, 6, 7))).astype(np.int16)
    low = int(x.min())
    plan = Plan(2, False, (Lossless(low + 2**15),), int(x.max()) - low, is_swept=True)
    payload = bytearray(pack_levels(x, plan, (x - low).astype(np.int64)).payload(None))
    rng = np.random.default_rng(seed)
    payload[rng.integers(len(payload))] ^= 1 << rng.integers(8)
    with suppress(FormatError):
        assert unpack_levels(bytes(payload), 3, (6, 7), x.dtype).shape == x.shape
