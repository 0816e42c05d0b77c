"""The order of passes: each place once, and neighbours that are known by then."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.levels.passes import PassOrder, stride_over
from tests.helpers.tiny_models import examples


@st.composite
def orders(draw):
    shape = tuple(draw(st.lists(st.integers(1, 13), min_size=1, max_size=3)))
    stride = 1 << draw(st.integers(0, 4))
    origin = draw(st.integers(0, min(stride, *shape) - 1))
    return PassOrder(shape, draw(st.integers(1, 3)), stride, origin)


@examples(40)
@given(orders())
def test_every_element_is_coded_exactly_once(order):
    places = np.concatenate([order.places(each) for each in order.passes])
    assert np.array_equal(np.sort(places), np.arange(order.size))


@examples(40)
@given(orders(), st.integers(1, 24))
def test_neighbours_are_known_by_then(order, k):
    known = np.zeros(order.size, dtype=bool)
    for each in order.passes:
        for channel in range(order.n_channels):
            offsets = order.offsets(each, k, channel)
            near, inside = order.neighbours(each, offsets, channel)
            assert near.shape == inside.shape == (len(order.places(each)), len(offsets))
            assert known[near].all()
            assert np.all(near % order.n_channels == channel)
        known[order.places(each)] = True


@examples(40)
@given(orders(), st.integers(1, 12))
def test_neighbours_inside_lie_where_their_offsets_say(order, k):
    grid = (*order.shape, order.n_channels)
    for each in order.passes:
        own = np.stack(np.unravel_index(order.places(each), grid), axis=-1)
        offsets = order.offsets(each, k)
        near, inside = order.neighbours(each, offsets)
        wanted = own[:, None, :-1] + offsets * each.stride
        assert np.array_equal(inside, ((wanted >= 0) & (wanted < order.shape)).all(axis=-1))
        found = np.stack(np.unravel_index(near, grid), axis=-1)
        assert np.array_equal(found[inside][:, :-1], wanted[inside])


@examples(40)
@given(orders())
def test_a_channel_sees_the_place_itself_in_the_channels_before(order):
    for each in order.passes:
        for channel in range(each.channel):
            nearest = order.offsets(each, 1, channel)
            assert np.array_equal(nearest, np.zeros((1, len(order.shape))))
            near, _ = order.neighbours(each, nearest, channel)
            assert np.array_equal(near[:, 0], order.places(each) - each.channel + channel)


@examples(40)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple))
def test_a_stride_over_the_whole_frame_leaves_one_start_place(shape):
    order = PassOrder(shape, 1, stride_over(shape))
    assert order.places(order.passes[0]).tolist() == [0]


def test_pictures_have_ten_passes_from_stride_8():
    order = PassOrder((28, 28), start_stride=8, origin=2)
    assert len(order.passes) == 10
    assert order.places(order.passes[0])[:5].tolist() == [58, 66, 74, 82, 282]
    diagonal = order.offsets(order.passes[1], 4)
    assert diagonal.tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]


def test_windows_of_two_leads_have_one_pass_a_level_and_lead():
    passes = PassOrder((256,), 2, 256).passes
    assert len(passes) == 2 * 9
    assert [each.channel for each in passes[:4]] == [0, 1, 0, 1]


@pytest.mark.parametrize("wrong", [
    {"shape": ()}, {"shape": (2,) * 4}, {"shape": (0,)}, {"n_channels": 0}, {"start_stride": 3},
    {"origin": 5}, {"origin": -1},
])  # fmt: skip
def test_what_is_no_order_is_refused(wrong):
    with pytest.raises(ValueError, match=r"shape|stride|origin"):
        PassOrder(**{"shape": (5, 9), **wrong})
