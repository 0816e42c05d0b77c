"""Convolutions: the shapes of their outputs, and the settings that are refused."""

from functools import partial

import numpy as np
import pytest

from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import Conv, TransposedConv
from narrows.errors import FormatError
from tests.helpers.layers import Recording, conv, transposed
from tests.helpers.tiny_models import refusing


@pytest.mark.parametrize(
    ("size", "stride", "padding", "expected"),
    [(28, 2, (2, 1), 14), (28, 2, (2, 2), 14), (7, 2, (1, 1), 4), (8, 3, (0, 0), 2),
     (3, 3, (0, 0), 1), (1, 1, (2, 0), 1), (5, 1, (1, 1), 5)],
)  # fmt: skip
def test_a_convolution_says_the_shape_of_its_output(size, stride, padding, expected):
    layer = conv(stride=(stride,), padding=(padding,))
    if size == 28:
        layer = conv(weight=np.ones((5, 1, 1), np.int16), stride=(stride,), padding=(padding,))
    assert layer.output_shape((size, 1)) == (expected, 1)


def test_a_transposed_convolution_makes_the_size_that_it_names():
    for size in (1, 5, 99):
        assert transposed(size=(size,)).output_shape((2, 1)) == (size, 1)


@pytest.mark.parametrize("layer", [conv(2), transposed(2)])
@pytest.mark.parametrize("shape", [(5, 1), (5, 5), (5, 5, 2), (5, 5, 5, 1), (5,), ()])
def test_frames_of_other_axes_or_channels_are_refused(layer, shape):
    with refusing(FormatError, "conv layer for 2 spatial axes and 1 channels", "received"):
        layer.output_shape(shape)


def test_a_kernel_larger_than_its_padded_input_is_refused():
    assert conv(padding=((1, 1),)).output_shape((1, 1)) == (1, 1)
    with pytest.raises(FormatError, match="padding included"):
        conv(padding=((1, 0),)).output_shape((1, 1))


@pytest.mark.parametrize("make", [conv, transposed])
@pytest.mark.parametrize(
    "settings",
    [
        {"weight": np.ones((3, 1), np.int16)},
        {"weight": np.ones((1,) * 6, np.int16)},
        {"weight": np.ones((3, 1, 1), np.int32)},
        {"weight": np.ones((3, 0, 1), np.int16)},
        {"weight": np.ones((0, 1, 1), np.int16)},
        {"weight": np.ones((65, 1, 1), np.int16)},
        {"weight": np.ones((3, 1, 2), np.int16)},
        {"bias": np.zeros(1, np.int32)},
        {"shift": 53}, {"shift": True}, {"limit": 0}, {"limit": 1.5},
        {"stride": (0,)}, {"stride": (65,)}, {"stride": (1.0,)}, {"stride": (True,)},
        {"stride": (1, 1)}, {"stride": 1}, {"stride": "1"}, {"stride": None}, {"stride": ()},
    ],
)  # fmt: skip
def test_what_no_convolution_can_be_made_of_is_refused(make, settings):
    with refusing(FormatError, "conv layer"):
        make(**settings)


@pytest.mark.parametrize(
    "padding",
    [((3, 0),), ((0, 3),), ((-1, 0),), ((0.5, 0),), ((0,),), ((0, 0, 0),), (0,), 0, (), None,
     ((0, 0), (0, 0)), "00"],
)  # fmt: skip
def test_a_padding_that_is_none_is_refused(padding):
    with refusing(FormatError, "padding of a conv layer"):
        conv(padding=padding)


@pytest.mark.parametrize(
    "settings",
    [{"before": (3,)}, {"before": (-1,)}, {"before": (0, 0)}, {"before": 0}, {"before": (0.0,)},
     {"size": (0,)}, {"size": (2**28 + 1,)}, {"size": (5, 5)}, {"size": 5}, {"size": (True,)}],
)  # fmt: skip
def test_an_end_of_a_transposed_convolution_that_is_none_is_refused(settings):
    with refusing(FormatError, next(iter(settings)), "transposed conv layer"):
        transposed(**settings)


def test_outputs_that_would_fill_the_memory_are_refused():
    wide = np.ones((1, 1, 2), np.int16)
    huge = transposed(weight=wide, bias=np.zeros(2, np.int64), size=(2**27,))
    assert huge.output_shape((1, 1)) == (2**27, 2)
    huge = transposed(weight=wide, bias=np.zeros(2, np.int64), size=(2**28,))
    with pytest.raises(FormatError, match="more than 268435456 elements"):
        huge.output_shape((1, 1))
    layer = conv(weight=wide, bias=np.zeros(2, np.int64))
    with pytest.raises(FormatError, match="output of a conv layer"):
        layer.output_shape((2**28, 1))


def test_paddings_that_would_fill_the_memory_are_refused():
    weight = np.ones((1, 64, 64, 1, 1), np.int16)
    layer = conv(3, weight=weight, stride=(64, 64, 64), padding=((0, 0), (63, 63), (63, 63)))
    assert layer.output_shape((64, 1, 1, 1)) == (1, 1, 1, 1)
    with pytest.raises(FormatError, match="padded input of a conv layer"):
        layer.output_shape((2**15, 1, 1, 1))


def test_products_that_would_take_years_are_refused():
    square = {"weight": np.zeros((64, 2**8, 2**8), np.int16), "bias": np.zeros(2**8, np.int64)}
    layer, back = conv(**square), transposed(**square)
    most = 2**40 // 2**22
    assert layer.output_shape((most + 63, 2**8)) == (most, 2**8)
    assert back.output_shape((most, 2**8)) == (5, 2**8)
    for refused, size in ((layer, most + 64), (back, most + 1)):
        with refusing(FormatError, "products a frame", str(2**40)):
            refused.output_shape((size, 2**8))


def test_patches_of_a_large_frame_take_little_memory():
    layer, backend = conv(2, weight=np.ones((9, 9, 1, 1), np.int16)), Recording()
    layer.compile(backend, np.float32, 2**53)(np.zeros((1, 300, 300, 1), np.float32))
    assert max(backend.asked) <= NumpyBackend.part_elements


@pytest.mark.parametrize("kind", [Conv, TransposedConv])
def test_a_setting_that_is_missing_or_unknown_is_noticed(kind):
    layer = conv() if kind is Conv else transposed()
    settings = layer.settings()
    for wrong in ({**settings, "dilation": [1]}, dict(list(settings.items())[1:])):
        with pytest.raises(TypeError):  # a model file turns it into a FormatError
            partial(kind.build, wrong)(layer.tensors())
