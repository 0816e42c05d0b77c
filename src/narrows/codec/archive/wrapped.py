"""Blocks without a container, for a host that knows model and shape: a Zarr chunk, a table's cell.

    first byte, payload                          where all signals are in one block
    0x0F, (first byte, counts, payload) ...      where they are in several
    0x0E, lengths, either of these               where the rest of the piece is the host's filler
    CRC-32 of the model id, of the number of signals in 8 bytes, and of these bytes

`docs/format/wrapped.md` is the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from narrows.codec.archive.layout import END_OF_BLOCKS, Block, Header
from narrows.codec.archive.modes import Mode
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.errors import FormatError

SEVERAL_BLOCKS = END_OF_BLOCKS  # no block begins so
FILLED = 0x0E  # nor so: a mode that is none
CRC_BYTES = 4


def pack_filled(lengths: Sequence[int]) -> bytes:
    """Lay out how long the part of a piece is along each axis beyond which all is its filler."""
    return bytes([FILLED]) + b"".join(map(write_varint, lengths))


def take_filled(data: bytes, sizes: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Undo `pack_filled` for a piece of these sizes; return the lengths, and where they end.

    Raises
    ------
    FormatError
        If the part is not within the piece, or all of it.
    """
    if data[:1] != bytes([FILLED]):
        return tuple(sizes), 0
    lengths, position = [], 1
    for _ in sizes:
        length, position = read_varint(data, position)
        lengths.append(length)
    is_within = all(length <= size for length, size in zip(lengths, sizes, strict=True))
    if not is_within or lengths == [*sizes] or (any(lengths) and not all(lengths)):
        raise FormatError(f"wrapped piece of {tuple(sizes)}, filled beyond {tuple(lengths)}")
    return tuple(lengths), position


def pack_wrapped(blocks: Sequence[Block], header: Header, start: bytes = b"") -> bytes:
    """Lay out blocks of a model; its id and the number of signals are checked, but not stored.

    `start` is what comes first, of `pack_filled`.
    """
    if len(blocks) == 1:
        body = _first_byte(blocks[0]) + blocks[0].payload
    else:
        body = bytes([SEVERAL_BLOCKS])
        for block in blocks:
            counts = write_varint(block.n_signals) + write_varint(len(block.payload))
            body += _first_byte(block) + counts + block.payload
    body = start + body
    return body + _crc(body, header, sum(block.n_signals for block in blocks))


def take_wrapped(data: bytes, header: Header, n_signals: int, start: int = 0) -> list[Block]:
    """Undo `pack_wrapped`, for as many signals as the host knows there are.

    Blocks begin at `start`, where `take_filled` ended.

    Raises
    ------
    FormatError
        If the bytes are damaged, of another model, or of another number of signals.
    """
    body = data[:-CRC_BYTES]
    if not body or _crc(body, header, n_signals) != data[-CRC_BYTES:]:
        raise FormatError(
            f"wrapped signals of {len(data)} bytes that are damaged, or not {n_signals} signals "
            f"of model {header.model_id.hex()}"
        )
    body = body[start:]
    if not body:
        raise FormatError(f"wrapped signals of {len(data)} bytes with no block")
    if body[0] != SEVERAL_BLOCKS:
        return [_block(body[0], n_signals, body[1:], header)]
    blocks, position, left = [], 1, n_signals
    while position < len(body):
        first = body[position]
        n, position = read_varint(body, position + 1)
        size, position = read_varint(body, position)
        if not 0 < n <= left or size > len(body) - position:
            raise FormatError(f"wrapped block of {n} signals and {size} bytes, which are not there")
        blocks.append(_block(first, n, body[position : position + size], header))
        position, left = position + size, left - n
    if left:
        raise FormatError(f"{n_signals - left} wrapped signals where there must be {n_signals}")
    return blocks


def _first_byte(block: Block) -> bytes:
    return bytes([block.quality << 4 | block.mode])


def _block(first: int, n_signals: int, payload: bytes, header: Header) -> Block:
    mode, raw_bytes = first & 0x0F, n_signals * header.frame_bytes
    if mode not in set(Mode) or not 0 < n_signals <= header.most_signals:
        raise FormatError(f"wrapped block of mode {mode} with {n_signals} signals")
    if len(payload) > raw_bytes:
        raise FormatError(f"wrapped block of {len(payload)} bytes for {raw_bytes} raw bytes")
    return Block(Mode(mode), first >> 4, n_signals, payload)


def _crc(body: bytes, header: Header, n_signals: int) -> bytes:
    known = header.model_id + n_signals.to_bytes(8, "little")
    return crc32(body, crc32(known)).to_bytes(CRC_BYTES, "little")
