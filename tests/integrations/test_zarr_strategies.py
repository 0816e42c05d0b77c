"""Arrays, chunks, shards and selections as zarr's own tests draw them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("zarr", reason="Zarr arrays need zarr; extra xarray")

import zarr
from zarr.testing.strategies import basic_indices, chunk_shapes, numpy_arrays, shard_shapes

import narrows.zarr

SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
DTYPES = st.sampled_from(["uint8", "int16", "int64", "float32", "float64", "bool"])
SETTINGS = settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


def stored(data, x, **how):
    """Return an array that holds x in chunks, of shards or not, as zarr draws them."""
    zarr.registry.register_codec("narrows", narrows.zarr.NarrowsCodec)
    chunks = data.draw(chunk_shapes(shape=x.shape))
    shards = data.draw(st.none() | shard_shapes(shape=x.shape, chunk_shape=chunks))
    array = zarr.create_array(
        zarr.storage.MemoryStore(), shape=x.shape, dtype=x.dtype, chunks=chunks, shards=shards,
        compressors=(), serializer=narrows.zarr.NarrowsCodec(**how),
        fill_value=data.draw(st.sampled_from([0, 1])),
    )  # fmt: skip
    array[...] = x
    return array


@SETTINGS
@given(st.data())
def test_without_loss_all_selections_are_those_of_the_array(data):
    dtype = np.dtype(data.draw(DTYPES))
    x = data.draw(numpy_arrays(shapes=SHAPES, dtype=dtype))
    array = stored(data, x, lossless=True)
    assert array[...].tobytes() == x.tobytes()
    index = data.draw(basic_indices(shape=x.shape))
    np.testing.assert_array_equal(array[index], x[index])
    new = np.zeros_like(x[index])
    array[index], x[index] = new, new
    assert array[...].tobytes() == x.tobytes()


@SETTINGS
@given(st.data())
def test_within_a_bound_no_element_is_further_off(data):
    x = data.draw(numpy_arrays(shapes=SHAPES, dtype=np.dtype("float32")))
    back = stored(data, x, max_error=0.5)[...]
    finite = np.isfinite(x)
    with np.errstate(over="ignore"):
        off = np.abs(back[finite].astype(float) - x[finite].astype(float))
    assert (off <= 0.5).all()
    assert np.array_equal(back[~finite], x[~finite], equal_nan=True)
