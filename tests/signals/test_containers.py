"""What narrows.compress takes besides arrays comes back as what it was."""

import numpy as np
import pytest

import narrows
from narrows.errors import DataError, FormatError
from narrows.signals.containers import KEY, like
from tests.helpers.tiny_models import tiny_codec, typical_frames

CODEC = tiny_codec("float32", (3,), 2)
X = typical_frames(CODEC.model, 24)
BACK = CODEC.decompress(CODEC.compress(X))


def there_and_back(x):
    return narrows.decompress(narrows.compress(x, CODEC, embed_model=True))


def test_an_array_is_compressed_to_the_same_bytes_and_is_an_array():
    assert narrows.compress(X, CODEC) == CODEC.compress(X)
    assert there_and_back(X).tobytes() == BACK.tobytes()


def test_a_tensor_is_a_tensor():
    torch = pytest.importorskip("torch")
    back = there_and_back(torch.from_numpy(X))
    assert isinstance(back, torch.Tensor)
    assert back.numpy().tobytes() == BACK.tobytes()
    back += 1


@pytest.mark.parametrize("kind", ["range", "dates", "words", "levels"])
def test_a_table_has_the_same_rows_and_columns(kind):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rows = {
        "range": pd.RangeIndex(3, 75, 3, name="row"),
        "dates": pd.date_range("2026-01-01", periods=24, freq="h", tz="UTC", name="time"),
        "words": pd.Index([f"w{i}" for i in range(24)]),
        "levels": pd.MultiIndex.from_product([list("ab"), range(12)], names=["site", None]),
    }[kind]
    columns = [1, 2, 5] if kind == "words" else ["u", "v", "ä"]
    table = pd.DataFrame(X, index=rows, columns=columns)
    back = there_and_back(table)
    expected = pd.DataFrame(BACK, index=rows, columns=columns)
    pd.testing.assert_frame_equal(back, expected, check_freq=False)


def test_columns_of_whole_numbers_and_of_gaps_keep_their_types():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a": X[:, 0], "b": np.arange(24, dtype=np.int16), "c": X[:, 2]})
    table["d"] = pd.array(np.arange(24) % 3, dtype="Int8")
    codec = narrows.train(table, latent_size=3, architecture="linear")
    back = narrows.decompress(narrows.compress(table, codec, embed_model=True))
    assert list(back.dtypes) == list(table.dtypes)
    assert back.index.equals(table.index)


def test_a_data_array_has_the_same_dimensions_coordinates_and_attributes():
    xarray = pytest.importorskip("xarray")
    times = np.arange("2026-01-01", "2026-01-25", dtype="M8[D]").astype("M8[ns]")
    x = xarray.DataArray(
        X, dims=("time", "x"), attrs={"units": "K", "scale": np.float32(0.5)},
        coords={"time": times, "x": [0.5, 1.5, 2.5], "day": ("time", np.arange(24)), "run": 7},
    )  # fmt: skip
    for each in (x, x.rename("t")):
        back = there_and_back(each)
        assert back.identical(each.copy(data=BACK)), back


def trained_and_back(x, **how):
    codec = narrows.train(x, architecture="linear", latent_size=2, **how)
    return narrows.decompress(narrows.compress(x, codec, embed_model=True))


TABLE = {
    "time": np.arange("2026-01-01", "2026-01-25", dtype="M8[D]").astype("M8[us]"),
    "place": ["here", "there\n", None] * 8,
    "a": X[:, 0],
    "n": np.arange(24) % 7,
}


def test_columns_that_are_no_numbers_come_back_exactly():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = pd.DataFrame(TABLE, index=pd.Index([f"r{i}" for i in range(24)], name="row"))
    table["kind"] = pd.Categorical(list("uv") * 12)
    back = trained_and_back(table)
    pd.testing.assert_frame_equal(back, table, rtol=1.0, atol=9.0)
    exact = ["time", "place", "kind"]
    pd.testing.assert_frame_equal(back[exact], table[exact])


@pytest.mark.parametrize("text", [True, False])
def test_a_table_of_polars_is_one(text):
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    table = pl.DataFrame(TABLE if text else {"a": X[:, 0], "n": TABLE["n"], "ok": X[:, 1] > 0})
    back = trained_and_back(table)
    assert back.schema == table.schema
    if text:
        assert back.select("time", "place").equals(table.select("time", "place"))
    else:
        codec = tiny_codec("float32", (3,), 2)
        expected = codec.decompress(codec.compress(X))
        same = narrows.compress(pl.DataFrame(X, schema=list("abc")), codec, embed_model=True)
        assert np.array_equal(narrows.decompress(same).to_numpy(), expected)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_series_that_was_cut_in_windows_is_one(library):
    made = pytest.importorskip(library)
    x = X.reshape(-1)
    if library == "pandas":
        days = made.date_range("2026-01-01", periods=len(x), name="day")
        series = made.Series(x, index=days, name="level")
    else:
        series = made.Series("level", x)
    back = trained_and_back(series, window=8)
    assert type(back) is type(series)
    assert (back.name, back.dtype, len(back)) == ("level", series.dtype, len(x))
    if library == "pandas":
        assert back.index.equals(series.index)


def test_a_table_without_numbers_is_refused():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="no column of numbers"):
        narrows.compress(pd.DataFrame({"a": ["x", "y"]}), CODEC)


@pytest.mark.parametrize("container", [None, "a box", {}, {"kind": "os"}])
def test_what_is_of_another_kind_leaves_the_array_alone(container):
    blob = CODEC.compress(X, embed_model=True, metadata={KEY: container})
    assert narrows.decompress(blob).tobytes() == BACK.tobytes()


@pytest.mark.parametrize("kind", ["pandas", "xarray"])
def test_descriptions_of_something_else_are_refused_in_a_line(kind):
    pytest.importorskip(kind)
    for rest in ({}, {"rows": 1, "columns": "x", "dtypes": 7}, {"attributes": [], "named": 1}):
        with pytest.raises(FormatError, match=f"of a {kind} object"):
            like(X, {"kind": kind, **rest})


def test_an_array_that_a_model_of_tiles_is_given_is_cut_as_its_training_was():
    field = np.random.default_rng(0).normal(size=(12, 20, 8)).cumsum(0).astype(np.float32)
    codec = narrows.train(field, tile=(4, 4, 4), latent_size=4, architecture="linear")
    blob = narrows.compress(field, codec, embed_model=True)
    assert blob == narrows.compress(field, codec, tile=(4, 4, 4), embed_model=True)
    assert narrows.decompress(blob).shape == field.shape


def test_labels_that_rise_evenly_take_few_bytes():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    codec, x = CODEC, np.tile(X, (500, 1))
    dates = pd.date_range("2026-01-01", periods=len(x), freq="min")
    with_dates = narrows.compress(pd.DataFrame(x, index=dates), codec)
    assert len(with_dates) < len(narrows.compress(x, codec)) + 4000
