"""The bytes of a `.nrw` archive: each part packed and taken, side by side.

    header │ [metadata] │ [embedded model] │ block │ block │ ... │ end byte, index, CRC │ tail

All integers are little-endian. Every byte but the tail, which is compared, is covered by a CRC-32
that is checked before anything is decoded; every limit is checked before memory is taken.
`docs/FORMAT.md` is the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

import numpy as np

from narrows.codec.archive.metadata import (
    MAX_METADATA_BYTES,
    Metadata,
    pack_metadata,
    unpack_metadata,
)
from narrows.codec.archive.modes import BY_NETWORKS, PATCHABLE, Mode
from narrows.codec.checks import MAX_DIMENSIONS
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.element_types import ELEMENT_TYPES
from narrows.errors import FormatError, SettingError

MAGIC = b"\x89NRW"
TAIL_MAGIC = b"WRN\x98"
MIN_BLOCK_BYTES = 7  # mode, count, length, CRC-32
TAIL_BYTES = 8  # length of the index in four bytes, and the magic
VERSION = 0
FLAG_EMBEDDED_MODEL = 0x01
FLAG_METADATA = 0x02
REQUIRED_FLAGS = 0x0F  # a reader that does not know one of these must refuse the archive
KNOWN_FLAGS = FLAG_EMBEDDED_MODEL | FLAG_METADATA
END_OF_BLOCKS = 0x0F
SEVERAL_QUALITIES = 0  # in place of a quality: each signal has one of its own

MODEL_ID_BYTES = 16
NO_MODEL = bytes(MODEL_ID_BYTES)  # of an archive whose blocks need none
# Both limits stay 16 bytes below a power of two, so that the length of a whole block takes no more
# bytes in the index than the power of two less one does: a stored block then costs 16 bytes.
MAX_FRAME_BYTES = (1 << 28) - 16  # a frame is decoded whole, in a few arrays of 8 times its size
MAX_BLOCK_BYTES = (1 << 21) - 16  # a block stays in the cache
MAX_BLOCK_SIGNALS = (1 << 17) - 1  # latents of small signals are many times as large as they
USUAL_BLOCK_SIGNALS = (1 << 14) - 1  # two bytes of varint: a raw block adds at most 16 bytes
MAX_MODEL_BYTES = 1 << 30

DTYPE_CODES = {dtype: code for code, dtype in enumerate(ELEMENT_TYPES)}
DTYPES = {code: dtype for dtype, code in DTYPE_CODES.items()}


@dataclass(frozen=True)
class Header:
    """What a reader must know before the first block."""

    model_id: bytes
    dtype: np.dtype[Any]
    frame_shape: tuple[int, ...]
    embedded_model: bytes | None = None
    metadata: Metadata = field(default_factory=dict)

    @property
    def needs_model(self) -> bool:
        """Whether blocks may be coded by a model."""
        return self.model_id != NO_MODEL

    @property
    def frame_bytes(self) -> int:
        """Bytes of one raw signal."""
        return prod(self.frame_shape) * self.dtype.itemsize

    @property
    def block_signals(self) -> int:
        """The number of signals that a full block holds."""
        return min(USUAL_BLOCK_SIGNALS, self.most_signals)

    @property
    def most_signals(self) -> int:
        """The number of signals that a block may hold."""
        return max(1, min(MAX_BLOCK_SIGNALS, MAX_BLOCK_BYTES // self.frame_bytes))

    def block_of(self, asked: int | None) -> int:
        """Return the signals a block that were asked for, None for a full one; or SettingError."""
        most = self.most_signals
        if asked is None:
            return self.block_signals
        if isinstance(asked, bool) or not isinstance(asked, int) or not 0 < asked <= most:
            raise SettingError(
                f"block_signals {asked!r}; accepted are 1 to {most:,} signals of this size"
            )
        return asked


class Entry(NamedTuple):
    """What the index says of a block: its signals, and its length with its header."""

    n_signals: int
    n_bytes: int


@dataclass(frozen=True)
class Block:
    """Consecutive signals coded in one piece."""

    mode: Mode
    quality: int
    n_signals: int
    payload: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """The mode by name; where levels are by networks, or exact values beside, this too."""
        name, first = self.mode.name.lower(), self.payload[:1]
        if self.mode is Mode.LEVELS and first in BY_NETWORKS:
            return f"{name}_by_networks"
        coded = PATCHABLE.get(first, Mode.CODED)
        if self.mode is Mode.PATCHED and coded is not Mode.CODED:
            return f"{coded.name.lower()}_{name}"
        return name


def pack_header(header: Header) -> bytes:
    """Lay out the header, and the metadata and the embedded model if there are any."""
    flags = FLAG_METADATA if header.metadata else 0
    flags |= 0 if header.embedded_model is None else FLAG_EMBEDDED_MODEL
    fixed = MAGIC + bytes([VERSION, flags]) + header.model_id
    shape = bytes([DTYPE_CODES[header.dtype], len(header.frame_shape)])
    shape += b"".join(write_varint(size) for size in header.frame_shape)
    out = _with_crc(fixed + shape)
    if header.metadata:
        out += _sized(pack_metadata(header.metadata))
    if header.embedded_model is not None:
        if len(header.embedded_model) > MAX_MODEL_BYTES:
            raise FormatError(f"a model of {len(header.embedded_model)} bytes cannot be embedded")
        out += _sized(header.embedded_model)
    return out


def pack_block(block: Block) -> bytes:
    """Lay out a block: mode and quality, counts, CRC-32, payload."""
    start = bytes([block.quality << 4 | block.mode])
    start += write_varint(block.n_signals) + write_varint(len(block.payload))
    check = crc32(block.payload, crc32(start))
    return start + check.to_bytes(4, "little") + block.payload


def pack_trailer(entries: Sequence[Entry]) -> bytes:
    """Lay out the end byte, the index of (signals, bytes) a block, and the tail."""
    index = bytes([END_OF_BLOCKS]) + write_varint(len(entries))
    index += b"".join(write_varint(n) + write_varint(size) for n, size in entries)
    body = _with_crc(index)
    return body + len(body).to_bytes(4, "little") + TAIL_MAGIC


def _sized(data: bytes) -> bytes:
    return _with_crc(write_varint(len(data)) + data)


def _with_crc(data: bytes) -> bytes:
    return data + crc32(data).to_bytes(4, "little")


def take_header(source: CheckedStream) -> Header:
    """Read what `pack_header` wrote; FormatError for anything else."""
    magic = source.take_some(len(MAGIC))
    if magic != MAGIC:
        raise FormatError(f"not a narrows archive: it begins with {magic!r}, not {MAGIC!r}")
    version, flags = source.take(2)
    if version != VERSION:
        raise FormatError(
            f"archive of format version {version}; this narrows reads version {VERSION}: "
            "use the version that wrote it"
        )
    if flags & REQUIRED_FLAGS & ~KNOWN_FLAGS:
        raise FormatError(f"archive with unknown required flags {flags:#04x}; update narrows")
    model_id = source.take(MODEL_ID_BYTES)
    dtype_code, ndim = source.take(2)
    if dtype_code not in DTYPES or ndim > MAX_DIMENSIONS:
        raise FormatError(f"archive with dtype code {dtype_code} and {ndim} dimensions")
    shape = tuple(source.varint() for _ in range(ndim))
    source.check_crc("header")
    header = Header(model_id, DTYPES[dtype_code], shape)
    if not 0 < header.frame_bytes <= MAX_FRAME_BYTES:
        raise FormatError(f"archive with frames of {header.frame_bytes} bytes")
    if flags & FLAG_METADATA:
        packed = _take_sized(source, "metadata", MAX_METADATA_BYTES)
        header = replace(header, metadata=unpack_metadata(packed))
    if flags & FLAG_EMBEDDED_MODEL:
        model = _take_sized(source, "embedded model", MAX_MODEL_BYTES)
        header = replace(header, embedded_model=model)
    return header


def _take_sized(source: CheckedStream, what: str, limit: int) -> bytes:
    """Read what `_sized` wrote."""
    size = source.varint()
    if size > limit:
        raise FormatError(f"{what} of {size} bytes; the limit is {limit}")
    data = source.take(size)
    source.check_crc(what)
    return data


def take_block(source: CheckedStream, header: Header, number: int) -> Block | None:
    """Read what `pack_block` wrote; None where the end byte stands instead."""
    first = source.take(1)[0]
    if first == END_OF_BLOCKS:
        return None
    mode, quality = first & 0x0F, first >> 4
    n_signals, size = source.varint(), source.varint()
    raw_bytes = n_signals * header.frame_bytes
    if mode not in set(Mode) or not 0 < n_signals <= header.most_signals:
        raise FormatError(f"block {number} of mode {mode} with {n_signals} signals")
    if not header.needs_model and not (Mode(mode).is_raw or mode == Mode.LEVELS):
        raise FormatError(f"block {number} of mode {mode}, of a model that the archive has not")
    if size > raw_bytes:
        raise FormatError(f"block {number} of {size} bytes for {raw_bytes} raw bytes")
    check = source.take_uncounted(4)
    payload = source.take(size)
    source.compare_crc(check, f"block {number}")
    return Block(Mode(mode), quality, n_signals, payload)


def take_trailer(source: CheckedStream, most_blocks: int) -> list[Entry]:
    """Read what `pack_trailer` wrote, after its end byte; FormatError for anything else."""
    begin = source.position - 1
    n_blocks = source.varint()
    if n_blocks > most_blocks:
        raise FormatError(f"archive whose index announces {n_blocks} blocks; {most_blocks} at most")
    entries = [Entry(source.varint(), source.varint()) for _ in range(n_blocks)]
    source.check_crc("index")
    size = source.position - begin
    if source.take(TAIL_BYTES) != size.to_bytes(4, "little") + TAIL_MAGIC:
        raise FormatError("archive with a damaged tail")
    source.check_end()
    return entries


class CheckedStream:
    """A stream that counts the bytes it returns and keeps their running CRC-32."""

    def __init__(self, stream: BinaryIO, position: int = 0) -> None:
        self._stream = stream
        self._crc = 0
        self.position = position

    def take_some(self, size: int) -> bytes:
        """Read at most `size` bytes."""
        parts, missing = [], size
        while missing and (part := self._stream.read(min(missing, 1 << 24))):
            parts.append(part)
            missing -= len(part)
        data = b"".join(parts)
        self.position += len(data)
        self._crc = crc32(data, self._crc)
        return data

    def take(self, size: int) -> bytes:
        """Read exactly `size` bytes; FormatError if there are fewer."""
        data = self.take_some(size)
        if len(data) < size:
            raise FormatError(f"truncated: the archive ends at byte {self.position}")
        return data

    def take_uncounted(self, size: int) -> bytes:
        """Read bytes that the running CRC-32 does not cover."""
        before = self._crc
        data = self.take(size)
        self._crc = before
        return data

    def varint(self) -> int:
        """Read a variable-length integer."""
        data = self.take(1)
        while data[-1] >= 0x80 and len(data) < 6:
            data += self.take(1)
        return read_varint(data, 0)[0]

    def compare_crc(self, check: bytes, what: str) -> None:
        """Compare the running CRC-32 with the one stored, and begin a new one."""
        if self._crc.to_bytes(4, "little") != check:
            raise FormatError(f"damaged: the checksum of the {what} does not match")
        self._crc = 0

    def check_crc(self, what: str) -> None:
        """Read the CRC-32 of all since the last one, compare it, and begin a new one."""
        self.compare_crc(self.take_uncounted(4), what)

    def check_end(self) -> None:
        """Raise FormatError if anything follows."""
        if self._stream.read(1):
            raise FormatError(f"data after the end of the archive at byte {self.position}")
