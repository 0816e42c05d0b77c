"""Archives in streams: written and read front to back, read at random, and saved where damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from narrows.codec.archive.layout import (
    END_OF_BLOCKS,
    MIN_BLOCK_BYTES,
    TAIL_BYTES,
    TAIL_MAGIC,
    Block,
    CheckedStream,
    Entry,
    Header,
    pack_block,
    pack_header,
    pack_trailer,
    take_block,
    take_header,
    take_trailer,
)
from narrows.errors import FormatError


class ArchiveWriter:
    """Writes an archive to a stream, block by block; `close` adds the index.

    Parameters
    ----------
    stream : binary stream
        It need not seek.
    header : Header
    present : IndexedArchive, optional
        An archive to go on with: the stream stands where its blocks end.

    Attributes
    ----------
    n_bytes : int
        The length of the archive so far.
    """

    def __init__(
        self, stream: BinaryIO, header: Header, present: IndexedArchive | None = None
    ) -> None:
        self._stream = stream
        self._entries: list[Entry] = []
        self.n_bytes = 0
        if present is None:
            self._write(pack_header(header))
        else:
            self._entries, self.n_bytes = list(present.entries), present.index_offset

    def write(self, block: Block) -> None:
        """Append a block."""
        packed = pack_block(block)
        self._write(packed)
        self._entries.append(Entry(block.n_signals, len(packed)))

    def close(self) -> None:
        """Write the index and the tail; the stream stays open."""
        self._write(pack_trailer(self._entries))

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self.n_bytes += len(data)


class ArchiveReader:
    """Reads an archive from a stream; seeking is not needed.

    Raises
    ------
    FormatError
        For anything that `ArchiveWriter` would not have written: each byte is checked.

    Attributes
    ----------
    header : Header
    n_signals, n_blocks : int
        Read so far.
    blocks_are_whole : bool
        Whether the last block has been read; only the index can be damaged then.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._source = CheckedStream(stream)
        self.header = take_header(self._source)
        self.blocks_are_whole = False
        self.n_signals = 0
        self.n_blocks = 0

    def __iter__(self) -> Iterator[Block]:
        """Return the blocks in order; the index and the end are checked after the last."""
        entries: list[Entry] = []
        begin = self._source.position
        while (block := take_block(self._source, self.header, len(entries))) is not None:
            entries.append(Entry(block.n_signals, self._source.position - begin))
            begin = self._source.position
            self.n_signals += block.n_signals
            self.n_blocks += 1
            yield block
        self.blocks_are_whole = True
        if take_trailer(self._source, len(entries)) != entries:
            raise FormatError("archive whose index does not agree with its blocks")


class IndexedArchive:
    """Reads single blocks of an archive in a file that seeks.

    Parameters
    ----------
    stream : binary file

    Raises
    ------
    FormatError
        If header or index are damaged. A damaged block is found when it is read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        stream.seek(0)
        source = CheckedStream(stream)
        self.header = take_header(source)
        self.first_block = source.position
        self.entries = self._read_index()
        self.starts = list(accumulate((e.n_signals for e in self.entries), initial=0))
        self.offsets = list(accumulate((e.n_bytes for e in self.entries), initial=self.first_block))

    @property
    def n_signals(self) -> int:
        """The number of signals in the archive."""
        return self.starts[-1]

    @property
    def index_offset(self) -> int:
        """Where the blocks end and the index begins."""
        return self.offsets[-1]

    def block(self, number: int) -> Block:
        """Read a block; FormatError if it is damaged or not what the index says."""
        self._stream.seek(self.offsets[number])
        source = CheckedStream(self._stream, self.offsets[number])
        block = take_block(source, self.header, number)
        n_bytes = source.position - self.offsets[number]
        if block is None or Entry(block.n_signals, n_bytes) != self.entries[number]:
            raise FormatError(f"block {number} is not what the index says")
        return block

    def _read_index(self) -> list[Entry]:
        size = self.n_bytes = self._stream.seek(0, 2)
        self._stream.seek(max(0, size - TAIL_BYTES))
        tail = self._stream.read(TAIL_BYTES)
        begin = size - TAIL_BYTES - int.from_bytes(tail[:4], "little")
        if tail[4:] != TAIL_MAGIC or begin < self.first_block:
            raise FormatError("archive without a whole index at its end: truncated or damaged")
        self._stream.seek(begin)
        source = CheckedStream(self._stream, begin)
        if source.take(1)[0] != END_OF_BLOCKS:
            raise FormatError("archive whose index is not where its tail says")
        entries = take_trailer(source, (begin - self.first_block) // MIN_BLOCK_BYTES)
        most = self.header.most_signals
        if not all(0 < entry.n_signals <= most and entry.n_bytes for entry in entries):
            raise FormatError("archive whose index holds a block of impossible size")
        if self.first_block + sum(entry.n_bytes for entry in entries) != begin:
            raise FormatError("archive whose index does not agree with its length")
        return entries


@dataclass(frozen=True)
class LostRange:
    """Signals that cannot be read.

    Attributes
    ----------
    first : int
        The number of the first, counted from 0.
    n_signals : int or None
        None where it is unknown how many follow.
    reason : str
    """

    first: int
    n_signals: int | None
    reason: str

    def __str__(self) -> str:
        if self.n_signals == 0:
            return self.reason
        if self.n_signals is None:
            return f"all signals from {self.first} on are lost: {self.reason}"
        return f"signals {self.first} to {self.first + self.n_signals - 1} are lost: {self.reason}"


def whole_blocks(
    stream: BinaryIO, report: Callable[[LostRange], None]
) -> tuple[Header, Iterator[Block]]:
    """Return the header of an archive, and those of its blocks that are whole.

    Parameters
    ----------
    stream : binary file
        It must seek.
    report : callable
        Called with each LostRange, while the blocks are read.

    Raises
    ------
    FormatError
        If the header is damaged: without it, nothing can be read.
    """
    try:
        archive = IndexedArchive(stream)
    except FormatError:
        stream.seek(0)
        reader = ArchiveReader(stream)
        return reader.header, _from_the_front(reader, report)
    return archive.header, _by_index(archive, report)


def _by_index(archive: IndexedArchive, report: Callable[[LostRange], None]) -> Iterator[Block]:
    for number, entry in enumerate(archive.entries):
        try:
            yield archive.block(number)
        except FormatError as error:
            report(LostRange(archive.starts[number], entry.n_signals, str(error)))


def _from_the_front(reader: ArchiveReader, report: Callable[[LostRange], None]) -> Iterator[Block]:
    try:
        yield from reader
    except FormatError as error:
        report(LostRange(reader.n_signals, 0 if reader.blocks_are_whole else None, str(error)))
