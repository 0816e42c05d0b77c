"""Which frames have channels, and where."""

import numpy as np
import pytest

from narrows.signals.channels import by_channel, has_length, n_channels


@pytest.mark.parametrize(
    ("frame_shape", "expected"),
    [
        ((256, 2), 2), ((60, 4), 4), ((1000, 12), 12), ((31, 29, 3), 3), ((9, 8, 7, 2), 2),
        ((5, 4), 4), ((4,), 4), ((15,), 15),
        ((28, 28), 1), ((8, 8), 1), ((4, 4), 1), ((64, 64, 64), 1), ((64, 16), 1), ((30, 12), 1),
        ((256,), 1), ((16,), 1), ((), 1), ((1,), 1), ((1, 1), 1), ((28, 28, 1), 1), ((1, 3), 1),
    ],
)  # fmt: skip
def test_a_last_axis_that_is_short_beside_another_holds_channels(frame_shape, expected):
    assert n_channels(frame_shape) == expected


@pytest.mark.parametrize(
    ("frame_shape", "expected"),
    [((256,), True), ((256, 2), True), ((256, 1), True), ((28, 28), False), ((32, 32, 3), False),
     ((5,), False), ((1,), False)],
)  # fmt: skip
def test_windows_of_recordings_are_told_from_pictures_and_rows(frame_shape, expected):
    assert has_length(frame_shape) is expected


def test_channels_come_last_and_keep_their_elements():
    x = np.arange(2 * 20 * 3).reshape(2, 20, 3)
    assert by_channel(x).shape == (2, 20, 3)
    assert np.array_equal(by_channel(x[:, :, None]), by_channel(x))
    assert by_channel(np.zeros((7, 28, 28))).shape == (7, 784, 1)
    assert by_channel(np.zeros((0, 60, 4))).shape == (0, 60, 4)
