"""The codec: joins networks, quantiser, tables and archive into pairs of inverse functions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.codec import blocks
from narrows.codec.archive import (
    ArchiveReader,
    ArchiveWriter,
    Block,
    Header,
    IndexedArchive,
    Mode,
)
from narrows.codec.backend import NUMPY, Backend
from narrows.codec.entropy import SymbolCoder
from narrows.codec.model import Model
from narrows.codec.model_file import pack_model, unpack_model
from narrows.codec.packets import Packet, PacketCoder, check_one_signal
from narrows.codec.transform import DEFAULT_BATCH_SIZE, Frames, Transform
from narrows.errors import FormatError, WrongModelError


class Codec(Transform):
    """A trained model, ready to compress and to decompress.

        signals ─frames─► encode ─symbols─► entropy coder ─payloads─► archive bytes
        signals ◄─frames─ decode ◄─symbols─ entropy coder ◄─payloads─ archive bytes

    Same model, same signals and same options give the same bytes on every machine, and the same
    bytes give the same signals, bit for bit, whatever the backend and the batch size.

    Parameters
    ----------
    model : Model
        From `narrows.train` or `narrows.load`.
    backend : Backend, optional
        Where the networks run; numpy by default.
    batch_size : int, default 256
        Frames that go through the networks at a time. It changes speed alone.

    Examples
    --------
    >>> codec = narrows.load("digits.narrows")            # doctest: +SKIP
    >>> codec.decompress(codec.compress(x)).shape == x.shape   # doctest: +SKIP
    True
    """

    def __init__(
        self, model: Model, backend: Backend = NUMPY, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        super().__init__(model, backend, batch_size)
        self._coders: dict[int, SymbolCoder] = {}

    # ------------------------------------------------------------------ files

    @cached_property
    def model_bytes(self) -> bytes:
        """The codec as the bytes of a `.narrows` file."""
        return pack_model(self.model)

    def save(self, path: str | Path) -> None:
        """Write the model file."""
        from narrows.files import replacing

        with replacing(Path(path)) as stream:
            stream.write(self.model_bytes)

    def without_encoder(self) -> Codec:
        """Give the codec that only decompresses: the same model id, about half the bytes."""
        return Codec(self.model.without_encoder(), self.backend, self.batch_size)

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        backend: Backend = NUMPY,
        batch_size: int = DEFAULT_BATCH_SIZE,
        *,
        decoder_only: bool = False,
    ) -> Codec:
        """Make a codec from the bytes of a `.narrows` file; `decoder_only` takes half the time.

        Raises
        ------
        FormatError, ModelError
            If the file is damaged, its arithmetic is not provably exact, or this machine does not
            compute its known answers.
        """
        codec = cls(unpack_model(data, decoder_only=decoder_only), backend, batch_size)
        codec.check_known_answers()
        return codec

    # ------------------------------------------------------------------ signals <-> archive

    def compress(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        embed_model: bool = False,
    ) -> bytes:
        """Compress signals to the bytes of an archive.

        Parameters
        ----------
        x : (n, *frame_shape) of the model's dtype
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.
        effort : int, optional
            0 to 9: how long better symbols are searched for; see `encode`. By default 2.
        embed_model : bool, default False
            Carry the model in the archive, so that it decompresses on its own.
        """
        stream = io.BytesIO()
        self.compress_to(stream, np.asarray(x), quality, effort, embed_model=embed_model)
        return stream.getvalue()

    def decompress(self, blob: bytes) -> Frames:
        """Decompress an archive: same shape and dtype as what was compressed.

        Raises
        ------
        FormatError
            If the archive is damaged.
        WrongModelError
            If another model wrote it.
        """
        parts = list(self.decompress_from(io.BytesIO(blob)))
        empty = np.empty((0, *self.model.frame_shape), self.model.dtype)
        return np.concatenate([empty, *parts])

    def compress_to(
        self,
        stream: BinaryIO,
        x: Frames | Iterable[Frames],
        quality: int | None = None,
        effort: int | None = None,
        *,
        embed_model: bool = False,
    ) -> int:
        """Compress signals into a binary stream; give the archive's length. See `compress`.

        `x` may be an iterable of arrays, best of `block_signals` signals, each of which becomes a
        block: memory then does not grow with their number.
        """
        blocks, point = self._in_blocks(x), self._check_point(quality, effort)
        writer = ArchiveWriter(stream, self.header(embed_model))
        return self._write_blocks(writer, blocks, *point)

    def append_to(
        self,
        stream: BinaryIO,
        archive: IndexedArchive,
        x: Frames | Iterable[Frames],
        quality: int | None = None,
        effort: int | None = None,
    ) -> int:
        """Go on with an archive of this model, and give its new length.

        `stream` stands where the archive's blocks end.
        """
        self.check_model_of(archive.header)
        blocks, point = self._in_blocks(x), self._check_point(quality, effort)
        writer = ArchiveWriter(stream, archive.header, archive.entries)
        return self._write_blocks(writer, blocks, *point)

    def header(self, embed_model: bool = False) -> Header:
        """Give the header of this model's archives."""
        embedded = self.model_bytes if embed_model else None
        return Header(self.model.model_id, self.model.dtype, self.model.frame_shape, embedded)

    @property
    def block_signals(self) -> int:
        """The number of signals that a full block holds."""
        return self.header().block_signals

    def _in_blocks(self, x: Frames | Iterable[Frames]) -> Iterator[Frames]:
        """Cut signals into blocks; an array that the model cannot take is refused at once."""
        parts = [self.check_frames(x)] if isinstance(x, np.ndarray) else x
        size = self.block_signals
        return (
            frames[start : start + size]
            for frames in map(self.check_frames, parts)
            for start in range(0, len(frames), size)
        )

    def _write_blocks(
        self, writer: ArchiveWriter, x: Iterable[Frames], quality: int, effort: int
    ) -> int:
        for block in x:
            writer.write(self._pack_block(block, quality, effort))
        writer.close()
        return writer.n_bytes

    def decompress_from(self, stream: BinaryIO | ArchiveReader) -> Iterator[Frames]:
        """Decompress a binary stream, giving `(n, *frame_shape)` signals a block."""
        reader = stream if isinstance(stream, ArchiveReader) else ArchiveReader(stream)
        self.check_model_of(reader.header)
        return map(self.decode_block, reader)

    def check_model_of(self, header: Header) -> None:
        """Raise WrongModelError unless this model wrote the archive."""
        if header.model_id != self.model.model_id:
            raise WrongModelError(
                f"the archive was written by model {header.model_id.hex()}, but this is model "
                f"{self.model_id}; give the right one with -m or put it in NARROWS_MODELS"
            )
        if (header.dtype, header.frame_shape) != (self.model.dtype, self.model.frame_shape):
            raise FormatError("archive whose frames are not those of the model it names")

    def _pack_block(self, x: Frames, quality: int, effort: int) -> Block:
        """Code a block in the mode that takes the fewest bytes; never more than stored."""
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            # The network has no NaN or infinity; until the residual stage, such a block is kept.
            return blocks.pack_raw(x, quality)
        payload = self._coder(quality).encode(self.encode(x, quality, effort))
        if len(payload) * blocks.DEFLATE_WORTH_TRYING > x.nbytes:
            raw = blocks.pack_raw(x, quality)
            if len(raw.payload) <= len(payload):
                return raw
        return Block(Mode.CODED, quality, len(x), payload)

    def decode_block(self, block: Block) -> Frames:
        """Decode the signals of a block, `(n, *frame_shape)`; FormatError if it is not ours."""
        unpacked = self.unpack_symbols(block)
        return self.decode(unpacked, block.quality) if block.mode is Mode.CODED else unpacked

    def unpack_symbols(self, block: Block) -> npt.NDArray[Any]:
        """Undo the entropy coding of a block: symbols, or signals where it holds them as such."""
        if block.mode is not Mode.CODED:
            return blocks.unpack_raw(block, self.model.dtype, self.model.frame_shape)
        if not 1 <= block.quality <= self.model.n_qualities:
            raise FormatError(f"block of quality {block.quality}, which the model does not have")
        return self._coder(block.quality).decode(block.payload, block.n_signals)

    def _coder(self, quality: int) -> SymbolCoder:
        if quality not in self._coders:
            self._coders[quality] = SymbolCoder(self.model.coding_tables[quality - 1])
        return self._coders[quality]

    def compress_packet(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        checksum: bool = False,
    ) -> bytes:
        """Compress one signal to a packet: a few bytes, for a radio or a database cell.

        Parameters
        ----------
        x : (*frame_shape) of the model's dtype
            One signal; floats without NaN and infinities.
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.
        effort : int, optional
            0 to 9: how long better symbols are searched for; see `encode`. By default 2.
        checksum : bool, default False
            Add a CRC-32, four bytes. The packet does not say so: the receiver must know.
        """
        x, (quality, effort) = np.asarray(x), self._check_point(quality, effort)
        check_one_signal(x, self.model.frame_shape)
        symbols = self.encode(x[None], quality, effort)[0]
        return self._packets.encode(symbols, quality, checksum=checksum)

    def decompress_packet(self, packet: Packet, *, checksum: bool = False) -> Frames:
        """Decompress a packet to its signal, `(*frame_shape)` of the model's dtype.

        A damaged packet gives a FormatError or, now and then, some other signal; one with
        `checksum=True`, given on both sides, a FormatError.

        Raises
        ------
        FormatError
            If the packet is none that this model writes.
        """
        symbols, quality = self._packets.decode(packet, checksum=checksum)
        return self.decode(symbols[None], quality).reshape(self.model.frame_shape)

    @cached_property
    def _packets(self) -> PacketCoder:
        return PacketCoder(self.model.model_id, self.model.coding_tables)
