"""Convolutions and their transposes against slow sums in integers, torch, and their own proofs."""

import json
from functools import partial
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.codec import Codec
from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import Conv, TransposedConv
from narrows.codec.networks.layers.sliding import boxes, cut, sizes_of
from narrows.errors import FormatError
from tests.helpers import independent_reader
from tests.helpers.tiny_models import assert_one_line, examples, tiny_conv_model, typical_frames


class InParts(NumpyBackend):
    """Numpy with the smallest parts, or with others."""

    def __init__(self, part_elements=1):
        self.part_elements = part_elements


def conv_by_hand(layer, x):
    """Add the products of each output, a position and a tap at a time; x is int64."""
    y = np.zeros((len(x), *layer.output_shape(x.shape[1:])), np.int64) + layer.bias
    for place in np.ndindex(y.shape[1:-1]):
        for tap in np.ndindex(layer.kernel):
            at = [p * s + t - before for p, s, t, (before, _) in
                  zip(place, layer.stride, tap, layer.padding, strict=True)]  # fmt: skip
            if all(0 <= i < n for i, n in zip(at, x.shape[1:-1], strict=True)):
                y[:, *place] += x[:, *at] @ layer.weight[tap].astype(np.int64)
    return finished(layer, y)


def transposed_by_hand(layer, x):
    """Spread each input over the outputs that its taps reach; x is int64."""
    y = np.zeros((len(x), *layer.size, layer.n_outputs), np.int64) + layer.bias
    for place in np.ndindex(x.shape[1:-1]):
        for tap in np.ndindex(layer.kernel):
            at = [p * s + t - before for p, s, t, before in
                  zip(place, layer.stride, tap, layer.before, strict=True)]  # fmt: skip
            if all(0 <= i < n for i, n in zip(at, layer.size, strict=True)):
                y[:, *at] += x[:, *place] @ layer.weight[tap].astype(np.int64)
    return finished(layer, y)


def finished(layer, sums):
    y = sums >> layer.shift
    return y if layer.limit is None else np.clip(y, -layer.limit, layer.limit)


def by_hand(layer, x):
    return (conv_by_hand if isinstance(layer, Conv) else transposed_by_hand)(layer, x)


def computed(layer, x, dtype=np.float64, backend=None):
    backend = backend or NumpyBackend()
    given = backend.constant(x, np.float64)
    y = backend.to_numpy(layer.compile(backend, dtype)(given))
    assert (y == np.floor(y)).all()
    return y.astype(np.int64)


@st.composite
def affine(draw, n_axes, most, shift, limit):
    """What convolutions and their transposes share."""
    kernel = draw(st.tuples(*[st.integers(1, 4 if n_axes < 3 else 3)] * n_axes))
    shape = (*kernel, draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    return {
        "weight": draw(hnp.arrays(np.int16, shape, elements=st.integers(-most, most))),
        "bias": draw(hnp.arrays(np.int64, shape[-1:], elements=st.integers(-(2**20), 2**20))),
        "shift": draw(shift),
        "limit": draw(limit),
        "stride": draw(st.tuples(*[st.integers(1, 3)] * n_axes)),
    }


SHIFTS = st.integers(0, 20)
LIMITS = st.none() | st.integers(1, 2**16)


@st.composite
def cases(draw, most=2**15 - 1, largest=2**16, shift=SHIFTS, limit=LIMITS):
    """A convolution or a transpose, and frames for it."""
    n_axes = draw(st.integers(1, 3))
    options = draw(affine(n_axes, most, shift, limit))
    sizes = draw(st.tuples(*[st.integers(1, 6 if n_axes < 3 else 4)] * n_axes))
    kernel = options["weight"].shape[:-2]
    before = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    if draw(st.booleans()):
        layer = TransposedConv(
            **options, before=before, size=draw(st.tuples(*[st.integers(1, 7)] * n_axes))
        )
    else:
        after = tuple(draw(st.integers(0, k - 1)) for k in kernel)
        sizes = tuple(
            max(n, k - b - a) for n, k, b, a in zip(sizes, kernel, before, after, strict=True)
        )
        layer = Conv(**options, padding=tuple(zip(before, after, strict=True)))
    shape = (draw(st.integers(1, 3)), *sizes, layer.n_inputs)
    x = draw(hnp.arrays(np.int64, shape, elements=st.integers(-largest, largest)))
    return layer, x


# ---------------------------------------------------------------- values


@given(cases())
@examples(200)
def test_a_convolution_computes_what_sums_in_integers_give(case):
    layer, x = case
    np.testing.assert_array_equal(computed(layer, x), by_hand(layer, x), strict=True)


@given(cases(), st.integers(1, 200))
@examples(80)
def test_cutting_the_work_into_parts_changes_nothing(case, part_elements):
    layer, x = case
    np.testing.assert_array_equal(
        computed(layer, x, backend=InParts(part_elements)), computed(layer, x), strict=True
    )


@given(cases(most=2**7, largest=2**7))
@examples(100)
def test_below_two_to_the_24_float32_gives_the_same_integers(case):
    layer, x = case
    if layer.magnitudes(2**7)[0] < 2**24:
        np.testing.assert_array_equal(computed(layer, x, np.float32), by_hand(layer, x))


@given(cases())
@examples(80)
def test_the_torch_backend_computes_what_numpy_computes(torch_backend, case):
    layer, x = case
    np.testing.assert_array_equal(
        computed(layer, x, backend=torch_backend), computed(layer, x), strict=True
    )


@given(cases())
@examples(60)
def test_a_frame_comes_out_the_same_in_every_batch(case):
    layer, x = case
    alone = [computed(layer, frame[None]) for frame in x]
    np.testing.assert_array_equal(np.concatenate(alone), computed(layer, x))


@given(cases(shift=st.just(0), limit=st.none()))
@examples(100)
def test_torchs_own_convolutions_give_the_same_sums(case):
    torch = pytest.importorskip("torch", reason="torch is not installed; extra train")
    layer, x = case
    channels_first = torch.from_numpy(np.moveaxis(x, -1, 1).astype(np.float64))
    weight = torch.from_numpy(np.ascontiguousarray(np.moveaxis(layer.weight, -1, 0), np.float64))
    weight, bias = weight.movedim(-1, 1), torch.from_numpy(layer.bias.astype(np.float64))
    if isinstance(layer, Conv):
        ends = [end for pair in reversed(layer.padding) for end in pair]
        padded = torch.nn.functional.pad(channels_first, ends)
        conv = getattr(torch.nn.functional, f"conv{layer.n_axes}d")
        y = conv(padded, weight, bias, layer.stride)
    else:
        conv = getattr(torch.nn.functional, f"conv_transpose{layer.n_axes}d")
        y = conv(channels_first, weight.transpose(0, 1), None, layer.stride)
        ends = [(-b, size + b - n) for b, size, n in
                zip(layer.before, layer.size, y.shape[2:], strict=True)]  # fmt: skip
        y = torch.nn.functional.pad(y, [end for pair in reversed(ends) for end in pair])
        y = y + bias.reshape(-1, *[1] * layer.n_axes)
    theirs = np.moveaxis(y.numpy(), 1, -1)
    np.testing.assert_array_equal(computed(layer, x), theirs.astype(np.int64), strict=True)


@given(cases(shift=st.just(0), limit=st.none()), st.randoms(use_true_random=False))
@examples(60)
def test_a_transposed_convolution_is_the_transpose_of_the_convolution(case, random):
    layer, x = case
    if isinstance(layer, TransposedConv):
        return
    layer = Conv(layer.weight, 0 * layer.bias, 0, None, layer.stride, layer.padding)
    back = TransposedConv(
        np.ascontiguousarray(layer.weight.swapaxes(-1, -2)), np.zeros(layer.n_inputs, np.int64), 0,
        None, layer.stride, tuple(before for before, _ in layer.padding), x.shape[1:-1],
    )  # fmt: skip
    there = computed(layer, x)
    y = np.random.default_rng(random.getrandbits(32)).integers(-99, 99, there.shape)
    assert (there * y).sum() == (x * computed(back, y)).sum()


def test_what_no_input_reaches_is_the_bias():
    weight, bias = np.full((1, 1, 1), 3, np.int16), np.array([5], np.int64)
    layer = TransposedConv(weight, bias, 0, None, stride=(2,), before=(0,), size=(6,))
    assert computed(layer, np.array([[[1], [2]]]))[..., 0].tolist() == [[8, 5, 11, 5, 5, 5]]


def test_no_frames_give_no_outputs():
    for layer in (conv(), transposed()):
        x = np.zeros((0, 5, 1))
        assert computed(layer, x).shape == (0, *layer.output_shape((5, 1)))


@given(cases(), st.sampled_from([np.float32, np.float64]))
@examples(60)
def test_no_convolution_writes_into_its_input(case, dtype):
    layer, x = case
    given = x.astype(dtype)
    before = given.copy()
    given.setflags(write=False)
    layer.compile(NumpyBackend(), dtype)(given)  # writing would raise
    assert np.array_equal(given, before)


@given(cases())
@examples(40)
def test_no_convolution_writes_into_its_input_on_torch(torch_backend, case):
    layer, x = case
    given = torch_backend.constant(x, np.float64)
    layer.compile(torch_backend, np.float64)(given)
    assert given.tolist() == x.tolist()


@given(cases())
@examples(100)
def test_the_independent_reader_computes_and_proves_the_same(case):
    layer, x = case
    output = layer.output_shape(x.shape[1:])
    described = {"kind": layer.kind, **layer.settings(), "in_shape": x.shape[1:]}
    described |= {"out_shape": output, "weight": layer.weight.astype(np.int64), "bias": layer.bias}
    y = independent_reader.run_layer(x.reshape(len(x), -1), **described)
    np.testing.assert_array_equal(y.reshape(len(x), *output), computed(layer, x))
    assert independent_reader.prove_layer(2**16, **described) == layer.magnitudes(2**16)[1]


# ---------------------------------------------------------------- bounds


@given(cases(), st.randoms(use_true_random=False))
@examples(100)
def test_no_input_within_the_limit_leaves_the_bounds(case, random):
    layer, x = case
    signs = np.random.default_rng(random.getrandbits(32)).choice([-1, 1], x.shape)
    peak, output = layer.magnitudes(2**16)
    assert output <= peak
    for inputs in (x, 2**16 * signs, np.full_like(x, 2**16)):
        assert np.abs(by_hand(layer, inputs)).max() <= output


@given(cases(shift=st.just(0), limit=st.none()))
@examples(100)
def test_inputs_of_the_worst_signs_reach_the_peak(case):
    layer, _ = case
    weight, n = layer.weight.astype(np.int64), layer.n_axes
    plain = {
        "weight": layer.weight, "bias": 0 * layer.bias + np.abs(layer.bias).max(), "shift": 0,
        "limit": None, "stride": layer.stride,
    }  # fmt: skip
    if isinstance(layer, Conv):
        layer = Conv(**plain, padding=((0, 0),) * n)
        frames = [np.sign(weight[..., o]) for o in range(layer.n_outputs)]
    else:
        reach = [(k - 1) // s for k, s in zip(layer.kernel, layer.stride, strict=True)]
        size = tuple(r * s + k for r, s, k in zip(reach, layer.stride, layer.kernel, strict=True))
        layer = TransposedConv(**plain, before=(0,) * n, size=size)
        frames = list(worst_frames(layer, weight, reach))
    peak, output = layer.magnitudes(2**16)
    reached = by_hand(layer, 2**16 * np.array(frames))
    assert reached.max() == peak == output


def worst_frames(layer, weight, reach):
    """Give, for each phase and output, the frame whose signs are those of the taps that meet."""
    for phase in product(*map(range, layer.stride)):
        for o in range(layer.n_outputs):
            frame = np.zeros((*(n + 1 for n in reach), layer.n_inputs), np.int64)
            for place in np.ndindex(frame.shape[:-1]):
                tap = [r + s * (n - i) for r, s, n, i in
                       zip(phase, layer.stride, reach, place, strict=True)]  # fmt: skip
                if all(t < k for t, k in zip(tap, layer.kernel, strict=True)):
                    frame[place] = np.sign(weight[(*tap, slice(None), o)])
            yield frame


def test_only_taps_a_stride_apart_meet_in_a_transposed_convolution():
    weight = np.array([1, 10, 100, 1000, 10000], np.int16).reshape(5, 1, 1)
    for stride, most in ((1, 11111), (2, 10101), (3, 10010), (4, 10001), (5, 10000), (9, 10000)):
        layer = TransposedConv(weight, np.array([7]), 0, None, (stride,), (0,), (9,))
        assert layer.magnitudes(3) == (3 * most + 7, 3 * most + 7)


def test_the_most_negative_weight_is_bounded_rightly():
    weight = np.full((2, 1, 1), -(2**15), np.int16)
    assert conv(weight=weight).magnitudes(1)[0] == 2**16
    assert transposed(weight=weight).magnitudes(1)[0] == 2**16


def test_a_clip_bounds_the_output_but_not_the_peak():
    assert conv(limit=10).magnitudes(9) == (3 * 9, 10)
    assert transposed(limit=10).magnitudes(9) == (3 * 9, 10)


# ---------------------------------------------------------------- parts


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(1, 60))
@examples(100)
def test_boxes_hold_every_position_once_and_in_order(sizes, most):
    positions = np.arange(prod(sizes)).reshape(sizes)
    parts = [positions[box] for box in boxes(tuple(sizes), most)]
    assert [i for part in parts for i in part.ravel()] == list(range(prod(sizes)))
    assert all(part.size <= most for part in parts)
    assert all(part.flags.c_contiguous for part in parts)
    sized = [sizes_of(box) for box in boxes(tuple(sizes), most)]
    assert sized == [part.shape for part in parts]


def test_frames_are_cut_into_parts_of_at_least_one():
    assert list(cut(5, 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(cut(2, 0)) == [slice(0, 1), slice(1, 2)]
    assert list(cut(0, 3)) == []


def test_large_layers_take_fewer_frames_at_a_time(monkeypatch):
    asked = []

    class Recording(NumpyBackend):
        def zeros(self, shape, dtype):
            asked.append(prod(shape))
            return super().zeros(shape, dtype)

        def empty(self, shape, dtype):
            asked.append(prod(shape))
            return super().empty(shape, dtype)

    model = tiny_conv_model()
    codec, x = Codec(model, Recording()), typical_frames(model, 40)
    whole = codec.decode(codec.encode(x))
    largest, monkeypatched = max(asked), 4 * model.decoder.elements
    monkeypatch.setattr("narrows.codec.transform.MAX_BATCH_ELEMENTS", monkeypatched)
    asked.clear()
    np.testing.assert_array_equal(codec.decode(codec.encode(x)), whole)
    assert max(asked) < largest


# ---------------------------------------------------------------- shapes and refusals


def conv(n_axes=1, **settings):
    weight = np.ones((3,) * n_axes + (1, 1), np.int16)
    numbers = {"weight": weight, "bias": np.zeros(1, np.int64), "shift": 0, "limit": None}
    return Conv(**numbers | {"stride": (1,) * n_axes, "padding": ((0, 0),) * n_axes} | settings)


def transposed(n_axes=1, **settings):
    weight = np.ones((3,) * n_axes + (1, 1), np.int16)
    numbers = {"weight": weight, "bias": np.zeros(1, np.int64), "shift": 0, "limit": None}
    sizes = {"stride": (1,) * n_axes, "before": (0,) * n_axes, "size": (5,) * n_axes}
    return TransposedConv(**numbers | sizes | settings)


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
    with pytest.raises(FormatError) as caught:
        layer.output_shape(shape)
    assert_one_line(caught.value, "conv layer for 2 spatial axes and 1 channels", "received")


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
    with pytest.raises(FormatError) as caught:
        make(**settings)
    assert_one_line(caught.value, "conv layer")


@pytest.mark.parametrize(
    "padding",
    [((3, 0),), ((0, 3),), ((-1, 0),), ((0.5, 0),), ((0,),), ((0, 0, 0),), (0,), 0, (), None,
     ((0, 0), (0, 0)), "00"],
)  # fmt: skip
def test_a_padding_that_is_none_is_refused(padding):
    with pytest.raises(FormatError) as caught:
        conv(padding=padding)
    assert_one_line(caught.value, "padding of a conv layer")


@pytest.mark.parametrize(
    "settings",
    [{"before": (3,)}, {"before": (-1,)}, {"before": (0, 0)}, {"before": 0}, {"before": (0.0,)},
     {"size": (0,)}, {"size": (2**28 + 1,)}, {"size": (5, 5)}, {"size": 5}, {"size": (True,)}],
)  # fmt: skip
def test_an_end_of_a_transposed_convolution_that_is_none_is_refused(settings):
    with pytest.raises(FormatError) as caught:
        transposed(**settings)
    assert_one_line(caught.value, next(iter(settings)), "transposed conv layer")


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
        with pytest.raises(FormatError) as caught:
            refused.output_shape((size, 2**8))
        assert_one_line(caught.value, "products a frame", str(2**40))


def test_patches_of_a_large_frame_take_little_memory():
    asked = []

    class Recording(NumpyBackend):
        def zeros(self, shape, dtype):
            asked.append(prod(shape))
            return super().zeros(shape, dtype)

        def empty(self, shape, dtype):
            asked.append(prod(shape))
            return super().empty(shape, dtype)

    layer = conv(2, weight=np.ones((9, 9, 1, 1), np.int16))
    layer.compile(Recording(), np.float32)(np.zeros((1, 300, 300, 1), np.float32))
    assert max(asked) <= NumpyBackend.part_elements


@given(cases())
@examples(60)
def test_a_convolution_is_built_from_its_settings_and_tensors(case):
    layer, x = case
    settings = json.loads(json.dumps(layer.settings()))
    again = type(layer).build(settings, layer.tensors())
    assert again.settings() == layer.settings()
    assert again.n_parameters == layer.weight.size + layer.bias.size
    np.testing.assert_array_equal(computed(again, x), computed(layer, x))


@pytest.mark.parametrize("kind", [Conv, TransposedConv])
def test_a_setting_that_is_missing_or_unknown_is_noticed(kind):
    layer = conv() if kind is Conv else transposed()
    settings = layer.settings()
    for wrong in ({**settings, "dilation": [1]}, dict(list(settings.items())[1:])):
        with pytest.raises(TypeError):  # a model file turns it into a FormatError
            partial(kind.build, wrong)(layer.tensors())
