"""CSV files: columns of decimal numbers, as `tables` says, and all others as the text they are.

Ends of lines, and a mark of UTF-8 at the start, come back as spreadsheets write them. Numbers come
back with as many decimals as the column had at most. Where the first row is of numbers alone, the
file has no names of columns, and gets none. `file.csv:temperature,pressure` takes these columns
alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, FormatError
from narrows.signals.formats.contract import HEAD_BYTES, Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.tables import MAX_WHOLE, array_of, arrow, check_columns, table_of
from narrows.signals.source import ArraySource, Attributes

SEPARATORS = {".csv": ",;\t|", ".tsv": "\t"}
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_IN_FLOAT32 = 1 << 23  # units of the last decimal that a float32 tells apart, with one bit to spare
MAX_DECIMALS = 17
_MARK = "\ufeff"
ROWS = 1 << 16  # that are written at a time


def begins_like_text(head: bytes, most: int = HEAD_BYTES) -> bool:
    """Return whether the first bytes, at most so many, are UTF-8 without control characters."""
    # The head may end within a character, which takes four bytes at most.
    text = head.decode("utf-8", errors="replace")[: -1 if len(head) == most else None]
    return bool(text) and "\ufffd" not in text and all(c >= " " or c in "\t\r\n" for c in text)


def is_csv(head: bytes, path: Path) -> bool:
    """Return whether a file is text with a name that says how it is to be read."""
    is_utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    is_text = begins_like_text(head) or is_utf16 or (bool(head) and min(head) >= ord("\t"))
    return path.suffix.lower() in SEPARATORS and is_text


def open_csv(path: Path, columns: str | None = None) -> ArraySource:
    """Read a table; of its columns, those named with commas between, or all of numbers.

    Raises
    ------
    DataError
        If this is no table of as many fields in each row, in UTF-8.
    """
    pa = arrow()
    with damage_named(path, "CSV"), _utf8_wanted(path):
        with path.open(encoding="utf-8", newline="") as text:
            first = text.readline(1 << 20)
        has_mark, first = first.startswith(_MARK), first.removeprefix(_MARK)
        separator = max(SEPARATORS.get(path.suffix.lower(), ","), key=first.count)
        names = next(csv.reader([first], delimiter=separator), [])
        if not names:
            raise ValueError("its first line is empty")
        has_names = not all(_NUMBER.fullmatch(each.strip()) for each in names)
        if not has_names:
            names = [str(number) for number in range(len(names))]
        check_columns(names, repr(str(path)))
        table = pa.csv.read_csv(
            path,
            pa.csv.ReadOptions(column_names=names, skip_rows=int(has_names)),
            pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    forms: dict[str, list[Any]] = {}
    numeric = {name: _numbers(table.column(name), forms, name) for name in table.column_names}
    _narrow(numeric, forms)
    source = array_of(pa.table(numeric), repr(str(path)), columns)
    own = {
        "separator": separator,
        "named": has_names,
        "forms": [forms[name] for name in source.attributes["numbers"]],
        **({"newline": "\r\n"} if first.endswith("\r\n") else {}),
        **({"mark": True} if has_mark else {}),
    }
    return replace(source, attributes={**source.attributes, **own})


@contextmanager
def _utf8_wanted(path: Path) -> Iterator[None]:
    """Say of text in another encoding what it has to be."""
    try:
        yield
    except ValueError as error:  # of Python, and of Arrow
        if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
            raise DataError(
                f"{str(path)!r} is text, but not in UTF-8; write it so, e.g. with "
                "iconv -f latin1 -t utf-8"
            ) from None
        raise


def _numbers(column: Any, forms: dict[str, list[Any]], name: str) -> Any:
    """Return a column of text as numbers where all of it are, and note its form.

    The form is the number of decimals, or -1 where there are exponents, and what stands for a
    number that is missing. Text that no number would be written as, such as 007, stays text.
    """
    pa = arrow()
    texts = pa.compute.utf8_trim_whitespace(column)
    gaps = pa.compute.is_in(texts, pa.array(MISSING))
    words = pa.compute.unique(texts.filter(gaps)).to_pylist()
    there = texts.filter(pa.compute.invert(gaps))
    plain = pa.compute.match_substring_regex(there, r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$")
    if len(there) == 0 or len(words) > 1 or not pa.compute.all(plain).as_py():
        return column
    numbers = pa.compute.if_else(gaps, None, texts).cast(pa.float64())
    if pa.compute.any(pa.compute.match_substring_regex(there, "[eE]")).as_py():
        forms[name] = [-1, *words]
        return numbers
    ends = pa.compute.utf8_length(there)
    points = pa.compute.find_substring(there, ".")
    decimals = pa.compute.if_else(
        pa.compute.less(points, 0), 0, pa.compute.subtract(pa.compute.subtract(ends, points), 1)
    )
    most = min(pa.compute.max(decimals).as_py(), MAX_DECIMALS)
    if most == 0 and pa.compute.max(pa.compute.abs(numbers)).as_py() >= MAX_WHOLE:
        return column  # such numbers are names
    forms[name] = [most, *words]
    return numbers if words or most else numbers.cast(pa.int64())


def _narrow(columns: dict[str, Any], forms: dict[str, list[Any]]) -> None:
    """Turn numbers into those of fewer bytes that hold the same digits."""
    pa = arrow()
    for name, (decimals, *_) in forms.items():
        column = columns[name]
        ends = pa.compute.min_max(column).as_py()
        largest = max(abs(ends["min"]), abs(ends["max"]))
        if pa.types.is_integer(column.type):
            kinds = (pa.uint8(), pa.int16(), pa.int32())
            bounds = [np.iinfo(kind.to_pandas_dtype()) for kind in kinds]
            fitting = (k for k, b in zip(kinds, bounds, strict=True)
                       if b.min <= ends["min"] and ends["max"] <= b.max)  # fmt: skip
            columns[name] = column.cast(next(fitting, pa.int64()))
        elif decimals >= 0 and largest * 10.0**decimals < _IN_FLOAT32:
            columns[name] = column.cast(pa.float32(), safe=False)


def write_csv(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write the table that numbers were made of."""
    table = table_of(array, attributes)
    forms = _forms(attributes, table.column_names)
    separator = str(attributes.get("separator"))
    separator = separator if len(separator) == 1 and separator in SEPARATORS[".csv"] else ","
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    if attributes.get("mark") is True:
        text.write(_MARK)
    newline = "\r\n" if attributes.get("newline") == "\r\n" else "\n"
    writer = csv.writer(text, delimiter=separator, lineterminator=newline)
    if attributes.get("named", True):
        writer.writerow(table.column_names)
    for start in range(0, table.num_rows, ROWS):
        part = table.slice(start, ROWS)
        columns = [_texts(part.column(name), forms.get(name)) for name in table.column_names]
        writer.writerows(zip(*columns, strict=True))
    text.detach()


def _forms(attributes: Attributes, names: list[str]) -> dict[str, tuple[int, str]]:
    """Return the decimals of columns of numbers, and what stands for one that is missing."""
    numbers, forms = attributes.get("numbers"), attributes.get("forms")
    if not isinstance(numbers, list) or not isinstance(forms, list):
        return {}
    found = {}
    for name, form in zip(numbers, forms, strict=False):
        match form:
            case [int(decimals), *words] if -1 <= decimals <= MAX_DECIMALS and name in names:
                found[name] = (decimals, str(words[0]) if words else "")
            case _:
                raise FormatError(f"archive with a CSV column of the form {form!r}")
    return found


def _texts(column: Any, form: tuple[int, str] | None) -> Iterator[str]:
    """Yield a column's fields as text."""
    decimals, missing = form or (-1, "")
    whole = arrow().types.is_integer(column.type)
    for value in column.to_pylist():
        if value is None or value != value:  # noqa: PLR0124 - a number that is none
            yield missing
        elif form is None or whole:
            yield str(value)
        else:
            yield f"{value:.{decimals}f}" if decimals >= 0 else repr(value)


CSV = Format(
    "CSV", is_csv, open_csv, ".csv", write_csv, has_members=True, other_suffixes=(".tsv",),
)  # fmt: skip
