"""Compiled code makes the frames of numpy, and their errors, and refuses arrays that do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.encoding.costs import errors, largest_error, squared
from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.native.extension import extension, levels
from narrows.codec.networks.native.frames import FARTHEST, TYPES, CompiledFrames
from narrows.codec.networks.normaliser import Normaliser
from tests.helpers.random_frames import random_frames
from tests.helpers.tiny_models import assert_identical

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")
each_level = pytest.mark.parametrize("level", levels())


@each_level
@pytest.mark.parametrize("seed", range(4))
def test_frames_and_errors_are_those_of_numpy(level, seed):
    seen = set()
    for number in range(100):
        case = random_frames(np.random.default_rng((seed, number)))
        made = NativeEngine(level).compile_frames(case.normaliser, case.shape)
        expected = case.normaliser.from_integers(case.y)
        assert_identical(made.from_integers(case.y), expected)
        e, size = errors(expected, case.x, case.units), case.x[0].size
        compiled = made.errors_by(case.units, largest_error(size))
        found, squares = compiled.errors(case.y, case.x)
        np.testing.assert_array_equal(found, e)
        np.testing.assert_array_equal(squares, squared(e))
        np.testing.assert_array_equal(compiled.squares(case.y, case.x), squares)
        seen.add(case.normaliser.dtype)
    assert seen == set(TYPES)


def test_halves_and_ends_are_those_of_numpy():
    for dtype in TYPES[:4]:
        ends = Normaliser(dtype, 0.0, 1.0, 9, output_shift=1, output_scale=1.0, output_offset=3.0)
        y = np.arange(-200_000.0, 200_001.0)[:, None]
        for level in levels():
            made = NativeEngine(level).compile_frames(ends, (1,))
            assert_identical(made.from_integers(y), ends.from_integers(y))


def test_frames_of_other_types_and_far_offsets_are_left_to_numpy():
    ends = Normaliser(np.dtype("int16"), 0.0, 1.0, 9, 0, 1.0, FARTHEST)
    engine = NativeEngine(levels()[0])
    assert engine.compile_frames(ends, (3,)) is not None
    assert engine.compile_frames(replace(ends, output_offset=-FARTHEST - 1), (3,)) is None
    assert engine.compile_frames(replace(ends, dtype=np.dtype("int32")), (3,)) is None
    far = replace(ends, dtype=np.dtype("float32"), output_offset=1e30)
    assert engine.compile_frames(far, (3,)) is not None


def test_arrays_that_are_not_of_frames_are_refused():
    ends = Normaliser(np.dtype("uint8"), 0.0, 1.0, 9, 0, 1.0, 0.0)
    made = CompiledFrames(ends, (4,), native, levels()[0])
    y, x = np.zeros((2, 4)), np.zeros((2, 4), np.uint8)
    one = np.ones(4)
    call = levels()[0], 0, 0.0, 255.0
    for arrays in ((one, one, y, x[:1]), (one, one[:3], y, x), (one, one, y.astype("i2"), x),
                   (one[:0], one[:0], y, x), (one[:3], one[:3], y, x)):  # fmt: skip
        with pytest.raises(ValueError, match="not of frames"):
            native.frames(*call, arrays)
    with pytest.raises(ValueError, match="not of frames"):
        native.frames(levels()[0], 5, 0.0, 255.0, (one, one, y, x))
    with pytest.raises(ValueError, match="bytes a number"):
        native.frames(*call, (one, one, y, x.astype("i2")))
    for units, squares, e in ((one[:3], one[:2], None), (one, one[:3], None), (one, one[:2], one)):
        with pytest.raises(ValueError, match="not of frames"):
            native.frame_errors(*call, 9.0, (one, one, y, x, units, squares.copy(), e))
    read_only = x.copy()
    read_only.setflags(write=False)
    with pytest.raises((ValueError, BufferError)):
        native.frames(*call, (one, one, y, read_only))
    np.testing.assert_array_equal(made.from_integers(y), x)
