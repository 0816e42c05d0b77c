"""Convolutions and their transposes against slow sums in integers, torch, and their own proofs."""

import json
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.model.packed_tensors import pack_tensor
from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import Conv, TransposedConv
from narrows.codec.networks.layers.sliding import boxes, cut, sizes_of
from readers.python.narrows_reader.networks import KINDS
from readers.python.narrows_reader.tensors import Tensors
from tests.helpers.layers import Recording, by_hand, computed, conv, convolutions, transposed
from tests.helpers.tiny_models import examples, tiny_conv_model, typical_frames

# ---------------------------------------------------------------- values


@given(convolutions(), st.integers(1, 200))
@examples(80)
def test_cutting_the_work_into_parts_changes_nothing(case, part_elements):
    layer, x = case
    backend = NumpyBackend()
    backend.part_elements = part_elements
    np.testing.assert_array_equal(
        computed(layer, x, backend=backend), computed(layer, x), strict=True
    )


@given(convolutions(shift=st.just(0), limit=st.none()))
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


@given(convolutions(shift=st.just(0), limit=st.none()), st.randoms(use_true_random=False))
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


@given(convolutions())
@examples(100)
def test_the_reader_computes_and_proves_the_same(case):
    layer, x = case
    rows = {"weight": pack_tensor(layer.weight), "bias": pack_tensor(layer.bias)}
    settings, shape = json.loads(json.dumps(layer.settings())), x.shape[1:]
    theirs = KINDS[layer.kind](settings, shape, 2**16, Tensors(rows))
    y = theirs.run(x.reshape(len(x), -1))
    np.testing.assert_array_equal(y.reshape(len(x), *theirs.shape), computed(layer, x))
    assert theirs.bound == layer.magnitudes(2**16)[1]


# ---------------------------------------------------------------- bounds


@given(convolutions(shift=st.just(0), limit=st.none()))
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
    """Yield, for each phase and output, the frame whose signs are those of the taps that meet."""
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
    model, backend = tiny_conv_model(), Recording()
    codec, x = Codec(model, backend), typical_frames(model, 40)
    whole, largest = codec.decode(codec.encode(x)), max(backend.asked)
    few = 4 * model.decoder.elements
    monkeypatch.setattr("narrows.codec.transform.MAX_BATCH_ELEMENTS", few)
    backend.asked.clear()
    np.testing.assert_array_equal(codec.decode(codec.encode(x)), whole)
    assert max(backend.asked) < largest
