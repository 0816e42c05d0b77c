"""An archive as a sequence of signals: `archive[5000]` decodes the one block that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Entry, Header, IndexedArchive, Metadata
from narrows.codec.block_coder import Unpacked
from narrows.codec.receiver import Receiver
from narrows.errors import DataError, FormatError
from narrows.paths import open_file
from narrows.urls import is_url

Signals = npt.NDArray[Any]


class Archive:
    """The signals of an archive in a file, decoded where they are asked for.

    Parameters
    ----------
    stream : binary file
        It must seek; `close` closes it.
    decoder : Decoder or FreeDecoder
        Of the model that wrote the archive, or for one that needs none.

    Raises
    ------
    FormatError
        If header or index are damaged, and later where a damaged block is read.
    WrongModelError
        If another model wrote the archive.

    Examples
    --------
    >>> with narrows.open("t10k.nrw", model="mnist.narrows") as archive:   # doctest: +SKIP
    ...     archive[5000].shape, archive[10:20].shape, len(archive)
    ((28, 28), (10, 28, 28), 10000)
    """

    def __init__(self, stream: BinaryIO, decoder: Receiver) -> None:
        self._decoder = decoder
        self._recent = (-1, Unpacked(np.empty(0), None))
        self._use(stream)
        decoder.check_model_of(self._blocks.header)

    def _use(self, stream: BinaryIO) -> None:
        """Read from a stream of this process, one block at a time whatever the threads."""
        self._stream, self._blocks = stream, IndexedArchive(stream)
        self._process, self._lock = os.getpid(), Lock()
        name = getattr(stream, "name", None)
        self._path = None
        if isinstance(name, str | Path):
            self._path = str(name) if is_url(name) else os.path.abspath(name)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the signals."""
        return self._blocks.header.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all signals, `(n, *frame_shape)`."""
        return (len(self), *self._blocks.header.frame_shape)

    @property
    def model_id(self) -> str:
        """The identity of the model that wrote the archive, 32 hexadecimal digits."""
        return self._blocks.header.model_id.hex()

    @property
    def metadata(self) -> Metadata:
        """What was stored beside the signals: JSON values under names."""
        return self._blocks.header.metadata

    def __repr__(self) -> str:
        """Return what tells it from others: signals, size, model and file."""
        path, n_bytes = self._path, self._blocks.n_bytes
        return (
            f"<Archive of {self.shape} {self.dtype}: {n_bytes:,} bytes, model {self.model_id}"
            f"{f', {path}' if path else ''}{', closed' if self._stream.closed else ''}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the path and the decoder: the file is opened where the pickle is loaded."""
        if self._path is None or self._stream.closed:
            raise TypeError(
                f"{self!r} cannot be pickled; accepted is one open on a file: pickle its bytes, or "
                "write them to a file and use narrows.open"
            )
        return _reopened, (self._path, self._decoder, self._blocks.header, self._blocks.entries)

    def __len__(self) -> int:
        return self._blocks.n_signals

    def __getitem__(self, key: int | slice) -> Signals:
        """Return one signal `(*frame_shape,)` for a number, `(n, *frame_shape)` for a slice."""
        if isinstance(key, slice):
            return self._gather(range(*key.indices(len(self))))
        try:
            number = range(len(self))[key]
        except IndexError:
            raise IndexError(f"signal {key} of an archive of {len(self)}") from None
        except TypeError:
            raise DataError(f"archive[{key!r}]; accepted are a whole number and a slice") from None
        signal: Signals = self._gather(range(number, number + 1))[0]
        return signal

    def __iter__(self) -> Iterator[Signals]:
        """Yield the signals in order, decoding a block at a time."""
        for number in range(len(self._blocks.entries)):
            yield from self._decoder.blocks.decode(self._block(number))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Signals:
        """Return all signals as one array, always a new one."""
        if copy is False:
            raise ValueError("signals of an archive are decoded: np.asarray makes their array")
        return self._gather(range(len(self))).astype(dtype or self.dtype, copy=False)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _gather(self, wanted: range) -> Signals:
        """Decode the wanted signals, those of one block together."""
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        signals = np.arange(wanted.start, wanted.stop, wanted.step)
        numbers = np.searchsorted(self._blocks.starts, signals, side="right") - 1
        # A range is monotone, so that the signals of one block stand together.
        for part in np.split(np.arange(len(signals)), np.flatnonzero(np.diff(numbers)) + 1):
            if part.size:
                number = int(numbers[part[0]])
                out[part] = self._decode_rows(number, signals[part] - self._blocks.starts[number])
        return out

    def _decode_rows(self, number: int, rows: npt.NDArray[np.intp]) -> Signals:
        """Decode some signals of a block; its symbols are kept for the next ones."""
        recent, unpacked = self._recent  # of one assignment, for other threads make it too
        if recent != number:
            unpacked = self._decoder.blocks.unpack(self._block(number))
            self._recent = (number, unpacked)
        return self._decoder.blocks.frames(unpacked.of_rows(rows))

    def _block(self, number: int) -> Block:
        """Read a block; a forked process opens the file anew, since both would move one offset."""
        if self._stream.closed:
            raise DataError(f"{self!r} is closed; open it again, or read what you need before")
        if self._process != os.getpid() and self._path:
            self._use(_same_file(self._path, self._blocks.header, self._blocks.entries))
        with self._lock:
            return self._blocks.block(number)


def _reopened(path: str, decoder: Receiver, header: Header, entries: list[Entry]) -> Archive:
    """Open an archive where its pickle is loaded."""
    return Archive(_same_file(path, header, entries), decoder)


def _same_file(path: str, header: Header, entries: list[Entry]) -> BinaryIO:
    """Open a file that must be the archive it was, with nothing appended."""
    stream = open_file(path)
    try:
        now = IndexedArchive(stream)
        if (now.header, now.entries) == (header, entries):
            return stream
        raise FormatError(f"{path} is another archive than it was when opened; open it again")
    except BaseException:
        stream.close()
        raise
