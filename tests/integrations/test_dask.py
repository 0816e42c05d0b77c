"""Arrays of Dask in Zarr stores: the same bytes whatever computes them, one load of the model."""

import os
import pickle

import numpy as np
import pytest

pytest.importorskip("distributed", reason="workers of Dask; extra dask")
pytest.importorskip("zarr", reason="Zarr arrays need zarr; extra xarray")

import dask
import dask.array as da
import xarray
import zarr

import narrows
import narrows.zarr
from narrows.integrations import loaded_models
from tests.helpers.tiny_models import tiny_codec, typical_frames

CODEC = tiny_codec("float32", (6, 4), 3)
X = typical_frames(CODEC.model, 70)
X[::9, 1, 1] = np.nan
pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    zarr.registry.register_codec("narrows", narrows.zarr.NarrowsCodec)
    monkeypatch.setattr(loaded_models, "_registered", {})


def written(path, rows, codec=CODEC, **options):
    """Write X through Dask, in blocks of so many rows; return the bytes of all chunks."""
    how = narrows.zarr.encoding(codec, X, **options) | {"chunks": (10, 6, 4)}
    lazy = da.from_array(X, chunks=(rows, 6, 4))
    data = xarray.Dataset({"x": (("time", "y", "z"), lazy)})
    data.to_zarr(path, encoding={"x": how}, zarr_format=3, mode="w")
    return {file.relative_to(path): file.read_bytes() for file in path.glob("x/c/*/0/0")}


@pytest.mark.parametrize("options", [{}, {"max_relative_error": 1e-2}])
def test_bytes_are_the_same_whatever_the_workers_and_the_order(tmp_path, options):
    codec = None if options else CODEC
    with dask.config.set(scheduler="synchronous"):
        expected = written(tmp_path / "a", 10, codec, **options)
    assert len(expected) == 7
    for workers, rows in ((1, 70), (4, 10), (3, 20)):
        with dask.config.set(scheduler="threads", num_workers=workers):
            assert written(tmp_path / f"b{workers}", rows, codec, **options) == expected
    how = narrows.zarr.encoding(codec, X, **options) | {"chunks": (10, 6, 4)}
    array = zarr.create_array(tmp_path / "c", shape=X.shape, dtype=X.dtype, name="x", **how,
                              fill_value=np.nan)  # fmt: skip
    for start in range(60, -1, -10):
        array[start : start + 10] = X[start : start + 10]
    folder = tmp_path / "c"
    assert {file.relative_to(folder): file.read_bytes()
            for file in folder.glob("x/c/*/0/0")} == expected  # fmt: skip


def loads():
    """Return how many models a worker has."""
    from narrows.integrations import loaded_models

    return len(loaded_models._registered)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_workers_find_the_model_by_its_id_and_load_it_once(tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    monkeypatch.setenv("NARROWS_MODELS", str(tmp_path))
    CODEC.save(tmp_path / "m.narrows")
    with dask.config.set(scheduler="synchronous"):
        expected = written(tmp_path / "a", 10)
    settings = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None}
    with LocalCluster(silence_logs=50, **settings) as cluster, Client(cluster) as client:
        client.run(os.environ.__setitem__, "NARROWS_MODELS", str(tmp_path))
        assert written(tmp_path / "b", 20) == expected
        assert set(client.run(loads).values()) <= {0, 1}
        assert sum(client.run(loads).values()) >= 1


def test_a_serializer_is_pickled_by_the_id_of_its_model():
    serializer = narrows.zarr.encoding(CODEC, X)["serializer"]
    assert len(pickle.dumps(serializer)) < 400
    assert len(pickle.dumps(serializer)) < len(CODEC.model_bytes)


def test_what_a_store_holds_is_read_lazily(tmp_path):
    with dask.config.set(scheduler="synchronous"):
        written(tmp_path / "a", 10)
        with xarray.open_zarr(tmp_path / "a") as data:
            part = data["x"][33:35].values
        whole = zarr.open_array(tmp_path / "a" / "x")[...]
    assert part.tobytes() == whole[33:35].tobytes()
    assert np.array_equal(np.isnan(whole), np.isnan(X))
