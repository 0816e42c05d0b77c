import numpy as np
import pytest
from hypothesis import given

from narrows.codec.archive import DTYPE_CODES
from narrows.errors import DataError
from narrows.signals import DTYPES, check_signals
from tests.helpers.signal_frames import frames
from tests.helpers.tiny_models import assert_identical


@given(frames())
def test_signals_that_need_no_change_are_returned_without_a_copy(x):
    assert check_signals(x) is x


@given(frames())
def test_the_other_byte_order_and_fortran_order_keep_every_number(x):
    swapped = x.astype(x.dtype.newbyteorder())
    assert_identical(check_signals(swapped), x)
    assert_identical(check_signals(np.asfortranarray(x)), x)


def test_the_accepted_types_are_those_of_the_format():
    assert tuple(DTYPE_CODES) == DTYPES


@pytest.mark.parametrize(
    ("dtype", "way_out"),
    [
        ("longdouble", 'x.astype("float64"), which rounds to 53 bits'),
        ("complex64", 'np.stack([x.real, x.imag], axis=-1).astype("float32")'),
        ("M8[s]", '(x - x.min()) / np.timedelta64(1, "s")'),
        ("U3", "leave out what is no number"),
    ],
)
def test_another_type_is_refused_with_what_is_accepted_and_a_way_out(dtype, way_out):
    with pytest.raises(DataError) as caught:
        check_signals(np.zeros((2, 3), dtype))
    message = str(caught.value)
    assert np.dtype(dtype).name in message
    assert all(accepted.name in message for accepted in DTYPES)
    assert way_out in message


@pytest.mark.parametrize("shape", [(), (7,)])
def test_a_list_of_numbers_is_refused_with_advice_on_frames(shape):
    with pytest.raises(DataError, match=r"reshape\(-1, 1\).*windows"):
        check_signals(np.zeros(shape, np.uint8))


def test_no_signals_are_refused_unless_allowed():
    nothing = np.zeros((0, 28, 28), np.uint8)
    with pytest.raises(DataError, match="no signals"):
        check_signals(nothing)
    assert check_signals(nothing, allow_empty=True) is nothing


@pytest.mark.parametrize("allow_empty", [False, True])
def test_a_frame_without_elements_is_always_refused(allow_empty):
    with pytest.raises(DataError, match=r"frame of shape \(3, 0\)"):
        check_signals(np.zeros((2, 3, 0), np.uint8), allow_empty=allow_empty)


def test_nested_lists_of_one_length_become_an_array():
    assert_identical(check_signals([[0.5, 1.0], [2.0, 3.0]]), np.array([[0.5, 1], [2, 3]]))


def test_nested_lists_of_several_lengths_are_refused_by_name():
    with pytest.raises(DataError, match="batch is a list"):
        check_signals([[0.5, 1.0], [2.0]], name="batch")


def test_a_masked_array_is_refused_because_its_mask_would_be_lost():
    masked = np.ma.masked_array(np.zeros((2, 3)), mask=np.eye(2, 3))
    with pytest.raises(DataError, match="mask"):
        check_signals(masked)


def test_a_subclass_of_array_becomes_a_plain_array():
    class Odd(np.ndarray):
        pass

    assert type(check_signals(np.zeros((2, 3)).view(Odd))) is np.ndarray
