"""Chunks that are decoded and coded again: what did not change loses nothing."""

import numpy as np
import pytest

pytest.importorskip("zarr", reason="Zarr arrays need zarr; extra xarray")

import numcodecs
import zarr

import narrows
import narrows.zarr
from narrows.codec.codec import Codec
from narrows.integrations import loaded_models
from narrows.integrations import numcodecs as ours
from narrows.integrations import zarr as zarrs
from narrows.integrations.numcodecs import Narrows
from narrows.remembered import Remembered
from tests.helpers.tiny_models import searching, tiny_model, typical_frames


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register both codecs, as the installed package does, and remember nothing."""
    zarr.registry.register_codec("narrows", narrows.zarr.NarrowsCodec)
    numcodecs.register_codec(Narrows)
    forget(monkeypatch)


def forget(monkeypatch):
    remembered = Remembered()
    for module in (loaded_models, ours, zarrs):
        monkeypatch.setattr(module, "remembered", remembered)


def codec_of(dtype):
    """Return a codec that searches, and signals, some with a missing value."""
    codec = Codec(searching(tiny_model(dtype, (6, 4), 3, n_qualities=2)))
    x = typical_frames(codec.model, 50)
    if x.dtype.kind == "f":
        x[::7, 1, 2] = np.nan
    return codec, x


def made(codec, x, **options):
    """Return a store of x in chunks of 20."""
    store = zarr.storage.MemoryStore()
    how = narrows.zarr.encoding(codec, x, **options) | {"chunks": (20, *x.shape[1:])}
    zarr.create_array(store, shape=x.shape, dtype=x.dtype, **how)[...] = x
    return store


def content(store):
    return {key: each.to_bytes() for key, each in store._store_dict.items()}


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("effort", [0, 2, 6])
def test_signals_beside_one_that_changes_lose_nothing_in_four_generations(dtype, effort):
    codec, x = codec_of(dtype)
    array = zarr.open_array(made(codec, x, effort=effort))
    first = array[...]
    for generation in range(4):
        array[3 + generation] = x[40]
    last = array[...]
    others = [row for row in range(50) if not 3 <= row < 7]
    assert last[others].tobytes() == first[others].tobytes()


@pytest.mark.parametrize("options", [{}, {"effort": 6}, {"max_relative_error": 1e-2}])
def test_a_copy_of_an_array_has_the_same_bytes(options):
    codec, x = codec_of("float32")
    codec = None if "max_relative_error" in options else codec
    store = made(codec, x, **options)
    copy = made(codec, zarr.open_array(store)[...], **options)
    assert content(copy) == content(store)


def test_without_what_was_decoded_a_copy_is_another(monkeypatch):
    codec, x = codec_of("uint8")
    store = made(codec, x, effort=0)
    decoded = zarr.open_array(store)[...]
    forget(monkeypatch)
    assert content(made(codec, decoded, effort=0)) != content(store)


def test_another_quality_is_coded_anew():
    codec, x = codec_of("uint8")
    fine = zarr.open_array(made(codec, x, quality=2))[...]
    coarse = zarr.open_array(made(codec, fine, quality=1))[...]
    assert np.array_equal(coarse, codec.decompress(codec.compress(fine, quality=1)))
    assert not np.array_equal(coarse, fine)


def test_version_2_keeps_signals_too():
    codec, x = codec_of("uint8")
    store = zarr.storage.MemoryStore()
    how = Narrows(narrows.register_model(codec), effort=0)
    second = {"zarr_format": 2, "chunks": (25, 6, 4), "compressors": how}
    array = zarr.create_array(store, shape=x.shape, dtype=x.dtype, **second)
    array[...] = x
    first = array[...]
    array[3] = x[40]
    assert np.array_equal(np.delete(array[...], 3, 0), np.delete(first, 3, 0))


def test_the_oldest_are_forgotten():
    remembered = Remembered(most_bytes=1000)
    for number in range(10):
        remembered.keep(bytes([number]), b"code")
    remembered.keep(b"\x09", b"other")
    known = [number for number in range(10) if remembered.code_of(bytes([number]))]
    assert known == [7, 8, 9]
    assert remembered.code_of(b"\x09") == b"other"
    remembered.keep(b"large", bytes(2000))
    assert remembered.code_of(b"large") is None


def test_many_small_signals_are_not_hashed_one_by_one(monkeypatch):
    monkeypatch.setattr("narrows.remembered.MOST_SIGNALS", 19)
    codec, x = codec_of("uint8")
    store = made(codec, x, effort=0)
    array = zarr.open_array(store)
    first = array[...]
    array[3] = x[40]
    assert not np.array_equal(np.delete(array[:20], 3, 0), np.delete(first[:20], 3, 0))
    assert np.array_equal(array[40:], first[40:])
