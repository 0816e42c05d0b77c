"""Arrays that are not in memory: trained on and compressed a part at a time."""

import numpy as np
import pytest

pytest.importorskip("dask", reason="arrays of Dask; extra dask")

import dask.array as da
import xarray
import zarr

import narrows
from narrows.errors import DataError
from narrows.signals.inputs import as_source
from narrows.signals.lazy import lazy_source
from narrows.signals.reading import Reading


def watched(x, most):
    """Return an array of Dask whose blocks note how many rows are asked for at once."""
    seen = []

    def note(block):
        seen.append(len(block))
        return block

    array = da.from_array(x, chunks=(most, *x.shape[1:])).map_blocks(note, dtype=x.dtype)
    return array, seen


@pytest.fixture(scope="module")
def signals():
    rng = np.random.default_rng(0)
    return rng.normal(size=(600, 3)) @ rng.normal(size=(3, 12)).astype("float32")


def test_signals_of_dask_xarray_and_zarr_give_the_archive_of_the_array(signals):
    x = signals.astype("float32")
    codec = narrows.train(x, latent_size=3, architecture="linear")
    lazy = da.from_array(x, chunks=(100, 12))
    stored = zarr.create_array(zarr.storage.MemoryStore(), shape=x.shape, dtype=x.dtype)
    stored[...] = x
    expected = codec.decompress(codec.compress(x))
    for each in (lazy, xarray.DataArray(lazy), stored):
        blob = narrows.compress(each, codec)
        assert np.array_equal(narrows.decompress(blob, codec), expected)


def test_training_asks_for_parts_alone(signals, monkeypatch):
    x = signals.astype("float32")
    lazy, seen = watched(x, 50)
    monkeypatch.setattr("narrows.signals.frames.MAX_SLAB_BYTES", 50 * 12 * 4)
    codec = narrows.train(lazy, latent_size=3, architecture="linear")
    assert codec.model.frame_shape == (12,)
    assert max(seen) <= 50


def test_a_field_of_dask_is_cut_like_the_array(signals):
    x = np.add.outer(np.arange(60.0), np.arange(90.0)).astype("float32")
    reading = Reading(tile=(8, 8))
    lazy = as_source(da.from_array(x, chunks=(20, 30)), reading)
    whole = as_source(x, reading)
    assert lazy.shape == whole.shape
    assert np.array_equal(lazy.part(0, 99), whole.part(0, 99))


def test_what_is_in_memory_is_no_lazy_array():
    for x in (np.zeros(3), [1, 2], xarray.DataArray(np.zeros((3, 2))), "name", 3):
        assert lazy_source(x) is None


def test_an_array_of_unknown_length_is_refused():
    x = da.from_array(np.arange(20.0).reshape(10, 2), chunks=(5, 2))
    with pytest.raises(DataError, match=r"unknown sizes; give x.compute_chunk_sizes\(\)"):
        narrows.train(x[x[:, 0] > 5], latent_size=1, architecture="linear")
