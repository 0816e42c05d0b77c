"""All that a receiver needs: archives, packets and latents to signals, with numpy alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import ArchiveReader, Block, Header
from narrows.codec.block_coder import BlockCoder
from narrows.codec.entropy.packets import Packet, PacketCoder
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.model import Model
from narrows.codec.model.model_file import unpack_model
from narrows.codec.networks.backend import NUMPY, Backend
from narrows.codec.shared import Shared
from narrows.codec.transform import DEFAULT_BATCH_SIZE, Frames, Transform
from narrows.errors import FormatError, WrongModelError
from narrows.processes import ALONE, Workers


class Decoder(Shared):
    """A trained model, ready to decompress.

        archive bytes ─payloads─► entropy decoder ─symbols─► decode ─frames─► signals

    The same bytes give the same signals, bit for bit, on every machine.

    Parameters
    ----------
    model : Model
    backend : Backend, optional
        Where the networks run; numpy by default.
    batch_size : int, default 256
        Frames that go through the networks at a time. It changes speed alone.
    """

    def __init__(
        self, model: Model, backend: Backend = NUMPY, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        self.transform = Transform(model, backend, batch_size)
        self.blocks = BlockCoder(self.transform)

    @classmethod
    def from_bytes(
        cls, data: bytes, backend: Backend = NUMPY, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> Self:
        """Make a decoder from the bytes of a `.narrows` file, whose encoder is passed over.

        Raises
        ------
        FormatError, ModelError
            If the file is damaged, its arithmetic is not provably exact, or this machine does not
            compute its known answers.
        """
        decoder = cls(unpack_model(data, decoder_only=True), backend, batch_size)
        decoder.transform.check_known_answers()
        return decoder

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

    def frames_of(self, blocks: Iterable[Block], workers: Workers = ALONE) -> Iterator[Frames]:
        """Decode blocks in order; processes may share them."""
        return workers.in_order(partial(_decode, self), blocks)

    def decompress_packet(self, packet: Packet, *, checksum: bool = False) -> Frames:
        """Decompress a packet; see `Codec.decompress_packet`."""
        symbols, quality = self.packets.decode(packet, checksum=checksum)
        return self.decode(symbols[None], quality).reshape(self.model.frame_shape)

    def decompress_packets(
        self,
        packets: Iterable[Packet],
        *,
        checksum: bool = False,
        on_error: Callable[[int, FormatError], None] | None = None,
    ) -> Frames:
        """Decompress many packets to `(n, *frame_shape)` signals.

        Where one cannot be decoded, `on_error` is called with its number, counted from 0, and the
        error, and its signal is left out; without `on_error` that is a FormatError.
        """
        if isinstance(packets, Packet):
            raise FormatError("packets are one packet; give a list of them, or decompress_packet")
        symbols, qualities = [np.zeros((0, self.model.latent_size), np.int32)], list[int]()
        for number, packet in enumerate(packets):
            try:
                each, quality = self.packets.decode(packet, checksum=checksum)
            except FormatError as error:
                if on_error is None:
                    raise FormatError(f"packet {number}, counted from 0: {error}") from None
                on_error(number, error)
            else:
                symbols.append(each[None])
                qualities.append(quality)
        return self.decode(np.concatenate(symbols), np.array(qualities, np.int64))

    def decode(
        self, y: Symbols, quality: int | npt.NDArray[np.integer[Any]] | None = None
    ) -> Frames:
        """Map integer latents to signals; see `Codec.decode`."""
        return self.transform.decode(y, quality)

    @cached_property
    def packets(self) -> PacketCoder:
        """The coder of single signals."""
        return PacketCoder(self.model.model_id, {q.number: q.tables for q in self.model.qualities})

    def check_model_of(self, header: Header) -> None:
        """Raise WrongModelError unless this model wrote the archive."""
        if header.model_id != self.model.model_id:
            raise WrongModelError(
                f"the archive was written by model {header.model_id.hex()}, but this is model "
                f"{self.model_id}; give the right one with -m or put it in NARROWS_MODELS"
            )
        if (header.dtype, header.frame_shape) != (self.model.dtype, self.model.frame_shape):
            raise FormatError("archive whose frames are not those of the model it names")


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


def _decode(decoder: Decoder, block: Block) -> Frames:
    return decoder.blocks.decode(block)
