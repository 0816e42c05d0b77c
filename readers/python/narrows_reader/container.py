"""FORMAT.md, "Layout": the file around settings and tensors, and its checksum."""

from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Any

from .conventions import Cursor, need
from .settings import read_settings


def read_container(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Split a model file into its settings, checked by form, and its packed tensors."""
    cursor = Cursor(data)
    need(cursor.take(4) == b"\x89NRM", "this is no model")
    need(cursor.number() == 0, "an unknown version")
    size = cursor.number(4)
    need(size <= 2**24, "the JSON is too long")
    text, rest = cursor.take(size), cursor.rest()
    body, checksum = rest[:-32], rest[-32:]
    need(sha256(data[:-32]).digest() == checksum, "the checksum is wrong")
    settings = read_settings(text)
    return settings, cut(settings.pop("tensors"), body)


def cut(sizes: dict[str, int], body: bytes) -> dict[str, bytes]:
    """Cut the packed tensors, which must fill the body."""
    need(sum(sizes.values()) == len(body), "the tensors do not fill the file")
    ends = pairwise(accumulate(sizes.values(), initial=0))
    return {name: body[begin:end] for name, (begin, end) in zip(sizes, ends, strict=True)}
