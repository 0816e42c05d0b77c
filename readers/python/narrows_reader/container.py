"""FORMAT.md, "Model file": the file around settings and rows, and its checksum."""

from hashlib import sha256
from typing import Any

from .conventions import Cursor, Rejected, need
from .forms import integer
from .settings import parse_json, read_settings


def read_container(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Split a model file into its settings, checked by form and checksum, and its rows."""
    cursor = Cursor(data)
    size = cursor.number(8)
    need(size <= 2**24, "the header is too long")
    try:
        text = cursor.take(size).decode()
    except UnicodeDecodeError as error:
        raise Rejected("the header is no UTF-8") from error
    header, body = parse_json(text), cursor.rest()
    need(isinstance(header, dict), "the header is no object")
    strings = header.pop("__metadata__", None)
    need(isinstance(strings, dict) and "narrows" in strings, "the metadata are missing")
    need(all(isinstance(value, str) for value in strings.values()), "the metadata are no strings")
    settings = read_settings(strings["narrows"])
    check_checksum(settings["checksum"], bytes(data))
    return settings, cut_rows(header, body)


def check_checksum(checksum: str, data: bytes) -> None:
    """Check the SHA-256 of the file with zeros in the place of the checksum."""
    mark = '\\"checksum\\":\\"%s\\"'
    found = (mark % checksum).encode()
    need(data.count(found) == 1, "the checksum is not there once")
    zeroed = data.replace(found, (mark % ("0" * 64)).encode())
    need(sha256(zeroed).hexdigest() == checksum, "the checksum is wrong")


def cut_rows(header: dict[str, Any], body: bytes) -> dict[str, bytes]:
    """Cut the rows, which must fill the body."""
    rows, end = {}, 0
    whole = integer(0, len(body))
    for entry in header.values():
        need(isinstance(entry, dict) and entry.get("dtype") == "U8", "a row is no U8")
        for key, count in ("shape", 1), ("data_offsets", 2):
            value = entry.get(key)
            right = isinstance(value, list) and len(value) == count and all(map(whole, value))
            need(right, f"{key} is wrong")
    for name in sorted(header, key=lambda name: header[name]["data_offsets"]):
        begin, after = header[name]["data_offsets"]
        need(begin == end, "rows leave gaps or overlap")
        need(header[name]["shape"] == [after - begin], "a row has another length")
        rows[name], end = body[begin:after], after
    need(end == len(body), "bytes follow the last row")
    return rows
