"""Elements that a block keeps exactly: any mask, any bits, few bytes, nothing hostile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.archive.exact_values import ExactValues, pack_exact, unpack_exact
from narrows.errors import FormatError
from tests.helpers.tiny_models import DTYPES, assert_identical, examples

ALL = pytest.mark.parametrize("dtype", DTYPES)


def packed(x, mask):
    return pack_exact(ExactValues(mask, x[mask]))


@ALL
@given(data=st.data())
@examples(40)
def test_any_mask_and_any_bits_come_back(dtype, data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=5))
    mask = data.draw(hnp.arrays(bool, shape).filter(np.any))
    x = data.draw(hnp.arrays(dtype, shape))
    blob = packed(x, mask) + b"what follows"
    exact, end = unpack_exact(blob, shape, np.dtype(dtype))
    assert blob[end:] == b"what follows"
    assert_identical(exact.mask, mask)
    assert_identical(exact.values, x[mask])
    frames = np.zeros_like(x)
    exact.put_into(frames)
    assert_identical(frames, np.where(mask, x, np.zeros((), dtype)))
    rows = data.draw(hnp.arrays(np.intp, 3, elements=st.integers(0, shape[0] - 1)))
    some = exact.of_rows(rows)
    assert_identical(some.mask, mask[rows])
    assert_identical(some.values, x[rows][mask[rows]])
    assert exact.whole.tolist() == [bool(each.all()) for each in mask]


def coast(shape):
    """Return a shore like those of real maps: a smooth landscape under water to three quarters."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    hills = zip(rng.uniform(0, 40, 12), rng.uniform(0, 40, 12), rng.normal(size=12), strict=True)
    height = sum(h * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 50) for cy, cx, h in hills)
    return height > np.quantile(height, 0.75)


def test_masks_cost_what_they_say():
    rng = np.random.default_rng(0)
    same = np.repeat(coast((37, 49))[None], 240, axis=0)
    assert len(packed(np.full(same.shape, np.nan, "float32"), same)) < 2200  # 9 bytes each of 240
    scattered = rng.random((2000, 240)) < 0.02
    sentinel = np.full(scattered.shape, -9999, "float32")
    assert len(packed(sentinel, scattered)) < 1.1 * scattered.sum()  # a byte a value
    single = np.zeros((6000, 64), bool)
    single[3000, 7] = True
    assert len(packed(np.full(single.shape, np.nan, "float32"), single)) < 40
    whole = np.zeros((2000, 784), bool)
    whole[rng.choice(2000, 30, replace=False)] = True
    noise = rng.integers(0, 256, whole.shape, dtype=np.uint8)
    assert len(packed(noise, whole)) < 30 * 784 + 150


@pytest.mark.parametrize("blob", [b"", b"\x00", b"\x07", b"\x80" * 6, b"\x01\x05abcde"])
def test_what_is_no_mask_is_refused(blob):
    with pytest.raises(FormatError):
        unpack_exact(blob, (3, 4), np.dtype("float32"))


@given(st.binary(max_size=40), st.integers(0, 200))
@examples(200)
def test_damage_is_refused_or_gives_a_mask(noise, at):
    mask = np.random.default_rng(0).random((5, 7)) < 0.3
    blob = packed(np.arange(35, dtype="int16").reshape(5, 7), mask)
    at = at % (len(blob) + 1)
    damaged = blob[:at] + noise + blob[at + len(noise) :]
    try:
        exact, end = unpack_exact(damaged, (5, 7), np.dtype("i2"))
    except FormatError:
        return
    assert exact.mask.shape == (5, 7)
    assert exact.mask.sum() == len(exact.values) > 0
    assert end <= len(damaged)
