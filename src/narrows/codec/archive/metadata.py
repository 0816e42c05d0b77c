"""The metadata of an archive <-> a few bytes: a JSON object in zlib.

The keys `geometry`, `names` and `attributes` are reserved for what the signals were cut from; all
others are the user's.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from narrows.codec.archive.byte_planes import inflate
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.errors import FormatError, SettingError

Metadata = Mapping[str, Any]

MAX_METADATA_BYTES = 1 << 26  # a million names of 64 bytes
MAX_DEPTH = 64  # readers recurse, and begin with a stack of any depth
ACCEPTED = "metadata must be a dict of JSON values under names, without NaN and infinity"


def pack_metadata(metadata: Metadata) -> bytes:
    """Write the length of the JSON, and the JSON in zlib; SettingError for what has no JSON."""
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        raise SettingError(f"metadata {repr(metadata)[:60]}; {ACCEPTED}")
    try:
        text = canonical_json(dict(metadata)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingError(f"metadata of which no JSON can be made ({error}); {ACCEPTED}") from None
    if len(text) > MAX_METADATA_BYTES:
        raise SettingError(
            f"metadata of {len(text)} bytes of JSON; the limit is {MAX_METADATA_BYTES}: "
            "keep what is larger in a file of its own"
        )
    _check_values([metadata])
    return write_varint(len(text)) + zlib.compress(text, 9)


def _check_values(values: list[Any]) -> None:
    """Refuse what JSON would change, or hold and no reader's stack: keys, and values in values."""
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in values:
            if isinstance(value, Mapping):
                for key in value:
                    if not isinstance(key, str):
                        raise SettingError(
                            f"metadata with the key {key!r}, which JSON makes a text of; give "
                            f"names: {str(key)!r}"
                        )
                inner.extend(value.values())
            elif isinstance(value, list | tuple):
                inner.extend(value)
        if not (values := [each for each in inner if isinstance(each, Mapping | list | tuple)]):
            return
    raise SettingError(f"metadata of values within values, more than {MAX_DEPTH} deep; flatten it")


def unpack_metadata(data: bytes) -> dict[str, Any]:
    """Undo `pack_metadata`; FormatError for anything else."""
    size, start = read_varint(data, 0)
    if size > MAX_METADATA_BYTES:
        raise FormatError(f"metadata of {size} bytes; the limit is {MAX_METADATA_BYTES}")
    try:
        metadata = json.loads(inflate(data[start:], size).decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"metadata that is no JSON ({str(error)[:80]})") from None
    if not isinstance(metadata, dict):
        raise FormatError(f"metadata that is a JSON {type(metadata).__name__}, not an object")
    return metadata


def canonical_json(value: Any) -> str:
    """Write JSON in one form: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
