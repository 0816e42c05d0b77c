"""Blocks within a bound, or without loss: no element is ever further off than promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import NO_MODEL, Header, Mode
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.encoding.guaranteed_blocks import guaranteed_block
from narrows.codec.interpolation.blocks import unpack_levels
from narrows.codec.without_model import FreeDecoder
from narrows.errors import FormatError
from readers.python import narrows_reader
from readers.python.narrows_reader.levels import read_levels
from tests.helpers.hostile_signals import hostile_signals
from tests.helpers.tiny_models import examples, rng_of

INTEGERS = tuple(map(np.dtype, ("uint8", "int8", "uint16", "int16", "int32", "uint32", "int64")))
FLOATS = tuple(map(np.dtype, ("float16", "float32", "float64")))


def back(block, x):
    """Decode a block of signals like x."""
    return FreeDecoder(Header(NO_MODEL, x.dtype, x.shape[1:])).blocks.decode(block)


def waves(dtype, *shape):
    """Smooth signals with a little noise."""
    grid = np.meshgrid(*(np.arange(n) / 5 for n in shape), indexing="ij")
    noise = rng_of(3).normal(size=shape)
    return (80 + 30 * np.sin(sum(grid)) + noise).astype(dtype)


@examples(50)
@given(hostile_signals())
def test_every_bit_comes_back_of_any_signals(x):
    block = guaranteed_block(x, Guarantee())
    y = back(block, x)
    assert (y.dtype, y.shape, y.tobytes()) == (x.dtype, x.shape, x.tobytes())
    assert len(block.payload) <= x.nbytes


@examples(60)
@given(hostile_signals((*FLOATS, *INTEGERS)), st.floats(1e-9, 1.0))
def test_no_element_is_further_off_than_promised(x, part):
    finite = x[np.isfinite(x)].astype(np.float64)
    width = float(np.ptp(finite)) if finite.size else 1.0
    bound = min(max(part * width, 1.0 if x.dtype.kind != "f" else 1e-40), 1e300)
    guarantee = Guarantee((bound,))
    block = guaranteed_block(x, guarantee)
    y = back(block, x)
    assert not guarantee.exceeded(x, y).any()
    assert len(block.payload) <= x.nbytes


@pytest.mark.parametrize(("dtype", "shape"), [
    ("uint8", (300,)), ("int32", (3, 70)), ("float64", (60, 2)), ("uint8", (2, 14, 12)),
    ("uint8", (9, 30, 4)),
    ("int16", (14, 6, 5)), ("float32", (1, 6, 5, 7)), ("float16", (2, 40, 3)),
])  # fmt: skip
def test_both_readers_decode_the_same_levels(dtype, shape):
    x = waves(dtype, *shape)
    for guarantee in (Guarantee(), Guarantee((1.5,))):
        block = guaranteed_block(x, guarantee)
        assert block.mode is Mode.LEVELS
        theirs = read_levels(block.payload, x.shape, x.dtype)
        assert theirs.tobytes() == back(block, x).tobytes()


def test_smooth_signals_take_a_tenth_within_a_bound_and_less_than_deflated_without():
    x = waves("float32", 16, 16, 16)
    assert len(guaranteed_block(x, Guarantee((4.0,))).payload) < x.nbytes / 15
    exact = guaranteed_block(x, Guarantee())
    assert exact.mode is Mode.LEVELS
    assert len(exact.payload) < 0.8 * x.nbytes


def test_each_channel_keeps_its_own_bound():
    x = waves("float32", 40, 30, 2)
    guarantee = Guarantee((0.5, 5.0))
    y = back(guaranteed_block(x, guarantee), x)
    error = np.abs(y.astype(float) - x).max(axis=(0, 1))
    assert error[0] <= 0.5 < 2.0 < error[1] <= 5.0


def test_missing_values_come_back_as_they_are_among_others_within_a_bound():
    x = waves("float32", 30, 30)
    x[3:9, 4:20] = np.nan
    x[20, 20] = -np.inf
    guarantee = Guarantee((0.1,))
    block = guaranteed_block(x, guarantee)
    assert block.mode is Mode.LEVELS
    assert not guarantee.exceeded(x, back(block, x)).any()
    assert len(block.payload) < 0.4 * x.nbytes


def test_hundredths_take_as_few_bytes_as_the_whole_numbers_that_they_are():
    whole = np.rint(waves("float64", 60, 50) * 10)
    hundredths = whole / 100
    hundredths[3, 4], hundredths[5, 6] = np.pi, -0.0
    sizes = [len(guaranteed_block(x, Guarantee()).payload) for x in (whole, hundredths)]
    assert sizes[1] < sizes[0] + 100
    block = guaranteed_block(hundredths, Guarantee())
    assert back(block, hundredths).tobytes() == hundredths.tobytes()
    assert read_levels(block.payload, whole.shape, whole.dtype).tobytes() == hundredths.tobytes()


def test_noise_takes_no_more_than_it_is():
    x = rng_of(0).integers(0, 2**63, (40, 30))
    block = guaranteed_block(x, Guarantee())
    assert block.mode is Mode.STORED


def test_what_repeats_is_deflated():
    x = np.tile(rng_of(1).integers(0, 256, 64, dtype=np.uint8), (200, 1))
    assert guaranteed_block(x, Guarantee()).mode is Mode.DEFLATED


@pytest.mark.parametrize("guarantee", [Guarantee(), Guarantee((2.0,))], ids=str)
def test_damage_is_refused_or_decodes_to_signals_of_the_same_kind(guarantee):
    x = waves("float32", 9, 8)
    payload = guaranteed_block(x, guarantee).payload
    for at in range(0, len(payload), max(1, len(payload) // 24)):
        damaged = payload[:at] + bytes([payload[at] ^ 0x55]) + payload[at + 1 :]
        try:
            y = unpack_levels(damaged, len(x), x.shape[1:], x.dtype)
        except FormatError:
            with pytest.raises(narrows_reader.Rejected):
                read_levels(damaged, x.shape, x.dtype)
        else:
            assert y.tobytes() == read_levels(damaged, x.shape, x.dtype).tobytes()
    for cut in range(0, len(payload), max(1, len(payload) // 6)):
        with pytest.raises(FormatError):
            unpack_levels(payload[:cut], len(x), x.shape[1:], x.dtype)
