"""FORMAT.md, "Metadata": what is stored beside the signals."""

import json
from typing import Any

from .conventions import Cursor, Rejected, need
from .raw_blocks import inflate


def take_metadata(cursor: Cursor) -> dict[str, Any]:
    """Read the metadata behind a header."""
    start, size = cursor.at, cursor.varint()
    need(size <= 2**26, "the metadata are too large")
    fields = Cursor(cursor.take(size))
    cursor.check_crc(start)
    n_bytes = fields.varint()
    need(n_bytes <= 2**26, "the metadata are too large")
    text = inflate(fields.rest(), n_bytes)
    try:
        metadata = json.loads(text.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Rejected("the metadata are no JSON") from error
    need(isinstance(metadata, dict), "the metadata are no object")
    return metadata


def refuse(name: str) -> None:
    """Refuse NaN and Infinity."""
    raise Rejected(f"{name} is no JSON")
