"""The examples of pages that need more packages: they run, but for those that say they do not."""

from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"


def run_page(name):
    """Run the Python of a page in this process; return its names."""
    from tests.docs.test_docs import python_blocks

    names = {"__name__": "__main__"}
    for block in python_blocks((DOCS / name).read_text()):
        if not block.startswith("# not run"):
            exec(compile(block, f"docs/{name}", "exec"), names)
        else:
            compile(block, f"docs/{name}", "exec")
    return names


def test_the_recipes_run(tmp_path, monkeypatch):
    for needed, extra in (("torch", "train"), ("duckdb", "dev"), ("pyarrow", "tables"),
                          ("h5py", "hdf5"), ("sklearn", "train")):  # fmt: skip
        pytest.importorskip(needed, reason=f"a recipe needs {needed}; extra {extra}")
    monkeypatch.chdir(tmp_path)
    names = run_page("recipes.md")
    names["batches"].dataset.opened.close()  # a training's end of the process does that
    assert len(names["brightest"]) == 3
    decoded = names["codec"].decompress_packets(names["packets"])
    assert abs(names["mean"] - decoded.mean()) < 1e-9
    assert names["shapes"] == [(50, 8, 8)] * 4


def test_the_example_of_onnx_runs(tmp_path, monkeypatch):
    for needed in ("onnx", "onnxruntime"):
        pytest.importorskip(needed, reason="graphs are written with onnx; extra onnx")
    pytest.importorskip("sklearn", reason="digits need scikit-learn; extra train")
    monkeypatch.chdir(tmp_path)
    run_page("onnx.md")
    assert {path.name for path in Path("onnx").iterdir()} == {"encoder.onnx", "decoder.onnx"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_example_of_terabytes_runs(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="workers of Dask; extra dask")
    xarray = pytest.importorskip("xarray", reason="data sets need xarray; extra xarray")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for part in range(2):
        u = rng.normal(size=(40, 30, 40)).cumsum(axis=2).astype("float32")
        data = xarray.Dataset({"u": (("time", "y", "x"), u)}, {"time": 40 * part + np.arange(40)})
        data.to_netcdf(f"winds-{part}.nc", engine="h5netcdf")
    names = run_page("terabytes.md")
    with xarray.open_zarr("winds.zarr", consolidated=False) as stored:
        back, true = stored["u"].values, names["sample"].values
    assert np.abs(back - true).max() <= 1e-3 * np.ptp(true)
