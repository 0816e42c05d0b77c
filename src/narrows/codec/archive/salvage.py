"""The whole blocks of a damaged archive: by its index if that is whole, else from the front."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from narrows.codec.archive import ArchiveReader, Block, Header, IndexedArchive
from narrows.errors import FormatError


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
