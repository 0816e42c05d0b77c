"""WAV files: PCM of 8, 16, 24 and 32 bits, and floats (RIFF; Microsoft, IBM 1991).

Chunks of a name in four bytes, a length in four and content, padded to an even length; `fmt ` says
what the numbers in `data` are. All numbers are little-endian. Files of more than 4 GiB are RF64.
Samples are `(length,)` of one channel and `(length, channels)` of several: uint8, int16, int32 (24
bits as their values), float32 or float64. Other chunks (titles, markers) are not kept.
"""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.pieces import pieces
from narrows.signals.source import Attributes, FileSource

RIFFS = (b"RIFF", b"RF64", b"BW64")
"""The last two have room for more than 4 GiB: their lengths stand in a chunk `ds64` (EBU 3306)."""
MAX_RIFF = 0xFFFFFFFF - 64  # bytes of samples
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
_DTYPES = {
    (PCM, 8): "u1", (PCM, 16): "<i2", (PCM, 24): "<i4", (PCM, 32): "<i4",
    (FLOAT, 32): "<f4", (FLOAT, 64): "<f8",
}  # fmt: skip
_KINDS = {"uint8": (PCM, 8), "int16": (PCM, 16), "int32": (PCM, 32), "float32": (FLOAT, 32),
          "float64": (FLOAT, 64)}  # fmt: skip
_UNKNOWN_LENGTH = 0x7FFFF000  # or more: of data that was written to a pipe
_IN_DS64 = 0xFFFFFFFF
_DEFAULT_RATE = 8000
_MAX_24 = (1 << 23) - 1


class _Data(NamedTuple):
    """Where the samples are, and what they are."""

    offset: int
    bits: int
    dtype: np.dtype[Any]  # little-endian
    shape: tuple[int, ...]


def is_wav(head: bytes) -> bool:
    """Return whether the first 12 bytes of a file are those of a WAV."""
    return head[:4] in RIFFS and head[8:12] == b"WAVE"


def open_wav(path: Path, member: str | None = None) -> FileSource:
    """Open a WAV file, to be read where it is needed.

    Raises
    ------
    DataError
        If the file is damaged, or its samples are compressed.
    """
    with damage_named(path, "WAV"), path.open("rb") as stream:
        data, attributes = _read_header(stream, path)
    part = partial(_read_part, path, data)
    return FileSource(data.shape, data.dtype.newbyteorder("="), part, attributes)


def _read_header(stream: BinaryIO, path: Path) -> tuple[_Data, dict[str, Any]]:
    stream.seek(12)
    kind, wide = (0, 0, 0, 0), _IN_DS64
    while len(head := stream.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], "little")
        begin = stream.tell()
        if name == b"fmt ":
            kind = _read_kind(stream.read(size))
        elif name == b"ds64":
            wide = int.from_bytes(stream.read(16)[8:], "little")
        elif name == b"data":
            if not kind[2]:
                raise ValueError("its samples come before their format")
            return _found(path, kind, begin, wide if size == _IN_DS64 else size)
        stream.seek(begin + size + size % 2)
    raise ValueError("it has no samples")


def _read_kind(content: bytes) -> tuple[int, int, int, int]:
    """Return the code of the samples, their bits, channels, and rate."""
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", content)
    if code == EXTENSIBLE:
        code = int.from_bytes(content[24:26], "little")
    return code, bits, channels, rate


def _found(
    path: Path, kind: tuple[int, int, int, int], begin: int, size: int
) -> tuple[_Data, dict[str, Any]]:
    code, bits, channels, rate = kind
    if (code, bits) not in _DTYPES:
        raise DataError(
            f"{str(path)!r} is a WAV of code {code} with {bits} bits a sample; accepted are PCM of "
            "8, 16, 24 and 32 bits and floats of 32 and 64: convert it"
        )
    there, frame = path.stat().st_size - begin, channels * bits // 8
    if _UNKNOWN_LENGTH <= size <= _IN_DS64:
        size = min(size, there)
    if size > there:
        raise ValueError(f"{size} bytes of samples announced, {there} found")
    shape = (size // frame,) if channels == 1 else (size // frame, channels)
    attributes = {"rate": rate} | ({"bits": 24} if bits == 24 else {})
    return _Data(begin, bits, np.dtype(_DTYPES[code, bits]), shape), attributes


def _read_part(path: Path, data: _Data, start: int, stop: int) -> npt.NDArray[Any]:
    channels, shape = data.shape[1:], (stop - start, *data.shape[1:])
    width, count = data.bits // 8, (stop - start) * int(np.prod(channels, dtype=np.int64))
    offset = data.offset + start * int(np.prod(channels, dtype=np.int64)) * width
    stored = np.dtype("u1") if data.bits == 24 else data.dtype
    stored_count = count * (3 if data.bits == 24 else 1)
    with damage_named(path, "WAV"):
        x = np.fromfile(path, stored, stored_count, offset=offset)
        if x.size < stored_count:
            raise ValueError("it became shorter while it was being read")
    if data.bits == 24:
        four = np.zeros((count, 4), np.uint8)
        four[:, 1:] = x.reshape(count, 3)
        x = four.view("<i4")[:, 0] >> 8
    return x.astype(data.dtype.newbyteorder("="), copy=False).reshape(shape)


def write_wav(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write `(length,)` or `(length, channels)` samples as WAV; what 24 bits cannot hold, clipped.

    Raises
    ------
    DataError
        If WAV has no such numbers or axes, or no room for so many channels.
    """
    kind = _KINDS.get(array.dtype.name)
    if kind is None or array.ndim > 2:
        raise DataError(
            f"WAV cannot hold {array.shape} of {array.dtype.name}, only (length,) and (length, "
            f"channels) of {', '.join(_KINDS)}; write .npy instead"
        )
    code, bits = kind
    if attributes.get("bits") == 24 and array.dtype.name == "int32":
        bits = 24
    rate = attributes.get("rate", _DEFAULT_RATE)
    rate = rate if isinstance(rate, int) and 0 < rate < 1 << 32 else _DEFAULT_RATE
    channels = 1 if array.ndim == 1 else array.shape[1]
    frame = channels * bits // 8
    size = len(array) * frame
    if channels > 0xFFFF:
        raise DataError(f"WAV cannot hold {channels} channels; write .npy instead")
    byte_rate = rate * frame & 0xFFFFFFFF
    kind_chunk = struct.pack("<HHIIHH", code, channels, rate, byte_rate, frame, bits)
    if code == FLOAT:
        kind_chunk += bytes(2)  # no more of it follows; and how many samples there are
        fact = b"fact" + struct.pack("<II", 4, len(array))
    else:
        fact = b""
    chunks = b"fmt " + struct.pack("<I", len(kind_chunk)) + kind_chunk + fact
    stream.write(_head(chunks, size, len(array)))
    for piece in pieces(array):
        stream.write(_as_stored(piece, bits).data)
    stream.write(bytes(size % 2))


def _head(chunks: bytes, size: int, length: int) -> bytes:
    """Return what comes before the samples, of so many bytes and so many in each channel."""
    whole = 4 + len(chunks) + 8 + size + size % 2
    if size <= MAX_RIFF:
        start = b"RIFF" + struct.pack("<I", whole) + b"WAVE"
        return start + chunks + b"data" + struct.pack("<I", size)
    sizes = struct.pack("<IQQQI", 28, whole + 36, size, length, 0)
    start = b"RF64" + struct.pack("<I", _IN_DS64) + b"WAVEds64"
    return start + sizes + chunks + b"data" + struct.pack("<I", _IN_DS64)


def _as_stored(array: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    if bits != 24:
        return little
    clipped = np.clip(little, -_MAX_24 - 1, _MAX_24).astype("<i4")
    return np.ascontiguousarray(clipped.reshape(-1).view(np.uint8).reshape(-1, 4)[:, :3])


WAV = Format("WAV", lambda head, _: is_wav(head), open_wav, ".wav", write_wav, axes="time")
