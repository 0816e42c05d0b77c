"""Tables there and back: names, types, text and order, in Parquet and CSV."""

import io

import numpy as np
import pytest

from narrows.errors import DataError, FormatError
from narrows.signals import read_signals
from narrows.signals.formats.csv_text import open_csv, write_csv
from narrows.signals.formats.tables import array_of, open_parquet, table_of, write_parquet
from tests.helpers.tiny_models import refusing

pa = pytest.importorskip("pyarrow", reason="tables are read by pyarrow; extra tables")

RNG = np.random.default_rng(0)
N = 1000


def sensors():
    """Return a table of every kind of column: two of them are signals."""
    rng = np.random.default_rng(1)
    when = np.datetime64("2024-01-01", "us") + np.arange(N) * np.timedelta64(60, "s")
    return pa.table(
        {
            "row": pa.array(range(N), pa.int64()),
            "t": pa.array(rng.normal(20, 3, N).astype(np.float32)),
            "when": pa.array(when),
            "place": pa.array(["hall", "attic"] * (N // 2)).dictionary_encode(),
            "count": pa.array([None if i % 99 == 0 else i % 50 for i in range(N)], pa.int16()),
            "open": pa.array([i % 3 == 0 for i in range(N)]),
            "note": pa.array([f"nº {i}" for i in range(N)]),
            "id": pa.array([(1 << 60) + i % 7 for i in range(N)], pa.int64()),
        }
    ).replace_schema_metadata({"site": "north"})


def test_columns_of_numbers_are_signals_and_the_rest_comes_back_exactly():
    table = sensors()
    source = array_of(table, "it")
    assert source.attributes["numbers"] == ["t", "count"]
    assert (source.shape, source.dtype) == ((N, 2), np.float32)
    assert np.isnan(source.array[0, 1])
    back = table_of(source.array, source.attributes)
    assert back.equals(table)
    assert back.schema.equals(table.schema, check_metadata=True)


def test_signals_that_come_back_nearly_are_rounded_and_clipped():
    source = array_of(sensors(), "it")
    array = source.array + np.float32(0.4)
    array[1] = 1e9, 1e9
    column = table_of(array, source.attributes).column("count").to_pylist()
    assert column[:3] == [None, 32767, 2]


def test_columns_that_rise_evenly_cost_little():
    table = sensors().select(["row", "t", "when"])
    assert len(array_of(table, "it").attributes["rest"]) < 1500


@pytest.mark.parametrize("kind", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("shape", [(8,), (2, 4)])
def test_columns_of_lists_are_signals_of_their_shape(tmp_path, kind, shape):
    x = RNG.integers(0, 100, (N, *shape)).astype(kind)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 8)
    if len(shape) > 1:
        tensor = pa.fixed_shape_tensor(pa.from_numpy_dtype(x.dtype), shape)
        flat = pa.ExtensionArray.from_storage(tensor, flat)
    table = pa.table({"key": [f"k{i}" for i in range(N)], "size": RNG.normal(size=N), "v": flat})
    pa.parquet.write_table(table, tmp_path / "x.parquet")
    source = open_parquet(tmp_path / "x.parquet")
    assert np.array_equal(source.array, x)
    assert source.dtype == x.dtype
    stream = io.BytesIO()
    write_parquet(stream, source.array, source.attributes)
    assert pa.parquet.read_table(io.BytesIO(stream.getvalue())).equals(table)
    assert np.array_equal(read_signals(f"{tmp_path / 'x.parquet'}:v"), x)


def test_columns_can_be_chosen(tmp_path):
    pa.parquet.write_table(sensors(), tmp_path / "x.parquet")
    source = open_parquet(tmp_path / "x.parquet", "row, t")
    assert source.attributes["numbers"] == ["row", "t"]
    assert source.shape == (N, 2)
    assert table_of(source.array, source.attributes).equals(sensors())


REFUSED = [
    (sensors().select(["when", "note"]), None, "no column of numbers .*'when' of timestamp"),
    (sensors(), "tt", "has no column 'tt'; it has 'row', 't', 'when'"),
    (sensors(), "t,note", "no numbers in its column 'note', but string"),
    (pa.table([[1.5], [2.5]], names=["a", "a"]), None, "two columns 'a'"),
    (
        pa.table({name: pa.array([[1.0]], pa.list_(pa.float32(), 1)) for name in "ab"}),
        None,
        "several columns of lists, 'a', 'b'; choose one as FILE:a",
    ),
    (
        pa.table({"a": pa.array([[1.0], None], pa.list_(pa.float32(), 1))}),
        None,
        "1 rows without a list",
    ),
]


@pytest.mark.parametrize(("table", "chosen", "message"), REFUSED)
def test_tables_without_signals_are_refused_in_one_line(table, chosen, message):
    with refusing(DataError, match=message):
        array_of(table, "it", chosen)


def test_attributes_of_someone_elses_are_refused():
    source = array_of(sensors(), "it")
    good = dict(source.attributes)
    bad = [
        {},
        good | {"schema": "AAAA"},
        good | {"schema": "no base64!"},
        good | {"numbers": ["t"]},
        good | {"numbers": ["t", "gone"]},
        good | {"gaps": [True]},
        good | {"rest": good["rest"][: len(good["rest"]) // 8 * 4]},
    ]
    for attributes in bad:
        with pytest.raises(FormatError, match="a table that is none"):
            table_of(source.array, attributes)
    with pytest.raises(FormatError, match="a table that is none"):
        table_of(source.array[:-1], good)


CSV = 'time;Temp °C;count;state;level\n0:00;-1.50;7;on;1e-3\n0:01;;8;"a;b";2.5E2\n0:02;20.25;9;;1\n'


def test_csv_comes_back_as_it_was(tmp_path):
    (tmp_path / "x.csv").write_text(CSV, encoding="utf-8")
    source = open_csv(tmp_path / "x.csv")
    assert source.attributes["numbers"] == ["Temp °C", "level"]  # the count rises: an index
    assert source.shape == (3, 2)
    stream = io.BytesIO()
    write_csv(stream, source.array, source.attributes)
    text = stream.getvalue().decode()
    for cell, written in (("1e-3", "0.001"), ("2.5E2", "250.0"), (";1\n", ";1.0\n")):
        assert CSV.count(cell) == 1
        text = text.replace(written, cell)
    assert text == CSV


@pytest.mark.parametrize(
    ("cells", "dtype", "written"),
    [
        (["1", "255", "3"], "uint8", ["1", "255", "3"]),
        (["1", "-70000", "3"], "int32", ["1", "-70000", "3"]),
        (["1.25", "-2.5", "3"], "float32", ["1.25", "-2.50", "3.00"]),
        (["1013.12345", "2", "3"], "float64", ["1013.12345", "2.00000", "3.00000"]),
        (["1", "NA", "0"], "float32", ["1", "NA", "0"]),
    ],
)
def test_numbers_take_few_bytes_and_keep_their_decimals(tmp_path, cells, dtype, written):
    (tmp_path / "x.csv").write_text("\n".join(["x", *cells]))
    source = open_csv(tmp_path / "x.csv")
    assert (source.dtype, source.shape) == (np.dtype(dtype), (3, 1))
    stream = io.BytesIO()
    write_csv(stream, source.array, source.attributes)
    assert stream.getvalue().decode().split() == ["x", *written]


def test_text_that_looks_like_numbers_stays_text(tmp_path):
    (tmp_path / "x.csv").write_text("zip,plus,two,x\n007,+1,,2\n112,2,NA,1\n")
    source = open_csv(tmp_path / "x.csv")
    assert source.attributes["numbers"] == ["x"]
    stream = io.BytesIO()
    write_csv(stream, source.array, source.attributes)
    assert stream.getvalue().decode() == (tmp_path / "x.csv").read_text()


def test_files_without_names_get_none(tmp_path):
    text = "".join(f"{a:.2f}\t{b}\n" for a, b in RNG.integers(-99, 99, (5, 2)))
    (tmp_path / "x.tsv").write_text(text)
    source = open_csv(tmp_path / "x.tsv")
    assert source.shape == (5, 2)
    stream = io.BytesIO()
    write_csv(stream, source.array, source.attributes)
    assert stream.getvalue().decode() == text


def test_ends_of_lines_and_the_mark_of_spreadsheets_come_back(tmp_path):
    text = '\ufeffa,note\r\n1.5,"two\nlines, ""quoted"""\r\n-2.0,\r\n'
    (tmp_path / "x.csv").write_bytes(text.encode())
    source = open_csv(tmp_path / "x.csv")
    assert source.attributes["numbers"] == ["a"]
    stream = io.BytesIO()
    write_csv(stream, source.array, source.attributes)
    assert stream.getvalue().decode() == text


def test_numbers_too_large_for_float64_are_names_and_kept(tmp_path):
    (tmp_path / "x.csv").write_text("id,x\n9007199254740993,2.5\n9007199254740995,1.5\n")
    source = open_csv(tmp_path / "x.csv")
    assert source.attributes["numbers"] == ["x"]
    stream = io.BytesIO()
    write_csv(stream, source.array, source.attributes)
    assert stream.getvalue() == (tmp_path / "x.csv").read_bytes()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize("text", ["tempé,b\n1.5,2\n", "a,b\n1.5,é\n2.5,é\n"])
def test_text_in_another_encoding_is_told_what_to_be(tmp_path, encoding, text):
    (tmp_path / "x.csv").write_bytes(text.encode(encoding))
    with refusing(DataError, match="is text, but not in UTF-8"):
        read_signals(tmp_path / "x.csv")


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "x.csv").write_text("a,a\n1.5,2\n")
    with refusing(DataError, match="has two columns 'a'"):
        open_csv(tmp_path / "x.csv")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n3\n", b"a,b\n\xff,1\n", b"\n\n"])
def test_files_that_are_no_tables_are_named(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with refusing(DataError, match=r"x.csv"):
        open_csv(tmp_path / "x.csv")


def test_forms_of_someone_elses_are_refused(tmp_path):
    (tmp_path / "x.csv").write_text("x\n2.5\n1.5\n")
    source = open_csv(tmp_path / "x.csv")
    for form in ([400], ["%s"], 3, []):
        with pytest.raises(FormatError, match="of the form"):
            write_csv(io.BytesIO(), source.array, {**source.attributes, "forms": [form]})
