"""What all receivers do with an archive, with a model or without one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import ArchiveReader, Block, Header
from narrows.codec.archive.wrapped import take_wrapped
from narrows.codec.block_coder import Unpacked
from narrows.errors import FormatError
from narrows.processes import ALONE, Workers

Frames = npt.NDArray[Any]


class Kind(Protocol):
    """What signals are: a model says it, or an archive without one."""

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of a signal."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its elements."""
        ...


class Blocks(Protocol):
    """Blocks to signals."""

    def is_compiled(self, block: Block) -> bool:
        """Whether compiled code does most of the work of decoding a block: for threads."""
        ...

    def decode(self, block: Block) -> Frames:
        """Decode the signals of a block, `(n, *frame_shape)`."""
        ...

    def unpack(self, block: Block) -> Unpacked:
        """Undo the entropy coding of a block."""
        ...

    def frames(self, unpacked: Unpacked) -> Frames:
        """Return the signals of all that a block holds or a part of it."""
        ...


class Receiver:
    """Archives to signals."""

    @property
    def model(self) -> Kind:
        """What the signals are."""
        raise NotImplementedError

    @property
    def model_id(self) -> str:
        """The identity of the model, 32 hexadecimal digits."""
        raise NotImplementedError

    @property
    def blocks(self) -> Blocks:
        """What decodes blocks."""
        raise NotImplementedError

    def check_model_of(self, header: Header) -> None:
        """Raise WrongModelError unless archives of this header can be read."""
        raise NotImplementedError

    def decompress(self, blob: bytes, jobs: int = 1) -> Frames:
        """Decompress an archive; see `Codec.decompress`."""
        with Workers(jobs) as workers:
            parts = list(self.decompress_from(stream_of(blob), workers))
        empty = np.empty((0, *self.model.frame_shape), self.model.dtype)
        return np.concatenate([empty, *parts])

    def decompress_from(
        self, stream: BinaryIO | ArchiveReader, workers: Workers = ALONE
    ) -> Iterator[Frames]:
        """Decompress a binary stream to `(n, *frame_shape)` signals, a block at a time."""
        reader = stream if isinstance(stream, ArchiveReader) else ArchiveReader(stream)
        self.check_model_of(reader.header)
        return self.frames_of(reader, workers)

    def unwrap(
        self,
        data: bytes,
        n_signals: int,
        start: int = 0,
        seen: Callable[[Frames, Any], None] | None = None,
    ) -> Frames:
        """Decompress as many signals as a host knows there are; FormatError for other bytes.

        Blocks begin at byte `start`; `seen` is called with the signals of each, and with what they
        were decoded from.
        """
        kind = self.model
        header = Header(bytes.fromhex(self.model_id), kind.dtype, kind.frame_shape)
        blocks = take_wrapped(data, header, n_signals, start)
        parts: list[Frames] = [np.empty((0, *kind.frame_shape), kind.dtype)]
        for block in blocks:
            unpacked = self.blocks.unpack(block)
            parts.append(self.blocks.frames(unpacked))
            if seen is not None:
                seen(parts[-1], unpacked)
        return np.concatenate(parts)

    def frames_of(self, blocks: Iterable[Block], workers: Workers = ALONE) -> Iterator[Frames]:
        """Decode blocks in order; processes may share them, or threads where code is compiled."""
        decode = partial(_decode, self)
        return workers.in_order(decode, blocks, in_thread=self.blocks.is_compiled)


def stream_of(blob: bytes) -> BinaryIO:
    """Return the bytes of an archive as a stream; FormatError for what is none, such as a path."""
    try:
        memoryview(blob)
        return io.BytesIO(blob)
    except (TypeError, BufferError):
        raise FormatError(
            f"archive of type {type(blob).__name__}; it must be bytes: of a file, give "
            "pathlib.Path(name).read_bytes(), or open it with narrows.open(name)"
        ) from None


def _decode(receiver: Receiver, block: Block) -> Frames:
    return receiver.blocks.decode(block)
