"""What a damaged archive still holds: by its index if that is whole, else block after block."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from narrows.errors import FormatError

if TYPE_CHECKING:
    from narrows.codec.archive import Block, Header, IndexedArchive


def rescued_blocks(stream: BinaryIO) -> tuple[Header, Iterator[Block]]:
    """Give the header, and the blocks that are whole; each loss is told on stderr.

    Raises
    ------
    FormatError
        If the header is damaged: without it, nothing can be read.
    """
    from narrows.codec.archive import IndexedArchive

    try:
        archive = IndexedArchive(stream)
    except FormatError as error:
        stream.seek(0)
        return _from_the_front(stream, str(error))
    return archive.header, _by_index(archive)


def _by_index(archive: IndexedArchive) -> Iterator[Block]:
    for number, entry in enumerate(archive.entries):
        try:
            yield archive.block(number)
        except FormatError as error:
            first = archive.starts[number]
            _tell(f"signals {first} to {first + entry.n_signals - 1} are lost: {error}")


def _from_the_front(stream: BinaryIO, reason: str) -> tuple[Header, Iterator[Block]]:
    from narrows.codec.archive import ArchiveReader

    reader = ArchiveReader(stream)
    _tell(f"{reason}; reading from the front")

    def blocks() -> Iterator[Block]:
        try:
            yield from reader
        except FormatError as error:
            _tell(f"all signals from {reader.n_signals} on are lost: {error}")

    return reader.header, blocks()


def _tell(message: str) -> None:
    print(f"narrows: {message}", file=sys.stderr)
