"""The codec: joins networks, quantiser, tables and archive into pairs of inverse functions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from narrows.codec.archive import ArchiveReader, ArchiveWriter, Header, IndexedArchive
from narrows.codec.block_coder import BlockCoder
from narrows.codec.encoding.budget import Request
from narrows.codec.model.model import Model
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.codec.networks.backend import NUMPY, Backend
from narrows.codec.packet_codec import PacketCodec
from narrows.codec.transform import DEFAULT_BATCH_SIZE, Frames
from narrows.errors import FormatError, WrongModelError


class Codec(PacketCodec):
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
        self.blocks = BlockCoder(self)

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
        target_bytes: float | None = None,
        target_psnr: float | None = None,
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
        target_bytes : float, optional
            In place of a quality: the most that the symbols of any signal may take. Each signal
            gets the quality, and the weight of errors in the search, that this allows.
        target_psnr : float, optional
            In place of a quality: the least PSNR of any signal, in dB. Each takes the fewest
            bytes that were found to do.
        embed_model : bool, default False
            Carry the model in the archive, so that it decompresses on its own.

        Raises
        ------
        SettingError
            If a signal cannot keep to its target; the error says what could be had.
        """
        stream = io.BytesIO()
        self.compress_to(
            stream, np.asarray(x), quality, effort,
            target_bytes=target_bytes, target_psnr=target_psnr, embed_model=embed_model,
        )  # fmt: skip
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
        target_bytes: float | None = None,
        target_psnr: float | None = None,
        embed_model: bool = False,
    ) -> int:
        """Compress signals into a binary stream; give the archive's length. See `compress`.

        `x` may be an iterable of arrays, best of `block_signals` signals, each of which becomes a
        block: memory then does not grow with their number.
        """
        blocks = self._in_blocks(x)
        request = self.request(quality, effort, target_bytes, target_psnr)
        writer = ArchiveWriter(stream, self.header(embed_model))
        return self._write_blocks(writer, blocks, request)

    def append_to(
        self,
        stream: BinaryIO,
        archive: IndexedArchive,
        x: Frames | Iterable[Frames],
        quality: int | None = None,
        effort: int | None = None,
        *,
        target_bytes: float | None = None,
        target_psnr: float | None = None,
    ) -> int:
        """Go on with an archive of this model, and give its new length; see `compress`.

        `stream` stands where the archive's blocks end.
        """
        self.check_model_of(archive.header)
        blocks = self._in_blocks(x)
        request = self.request(quality, effort, target_bytes, target_psnr)
        writer = ArchiveWriter(stream, archive.header, archive.entries)
        return self._write_blocks(writer, blocks, request)

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

    def _write_blocks(self, writer: ArchiveWriter, x: Iterable[Frames], request: Request) -> int:
        for frames in x:
            writer.write(self.blocks.pack(frames, request))
        writer.close()
        return writer.n_bytes

    def decompress_from(self, stream: BinaryIO | ArchiveReader) -> Iterator[Frames]:
        """Decompress a binary stream, giving `(n, *frame_shape)` signals a block."""
        reader = stream if isinstance(stream, ArchiveReader) else ArchiveReader(stream)
        self.check_model_of(reader.header)
        return map(self.blocks.decode, reader)

    def check_model_of(self, header: Header) -> None:
        """Raise WrongModelError unless this model wrote the archive."""
        if header.model_id != self.model.model_id:
            raise WrongModelError(
                f"the archive was written by model {header.model_id.hex()}, but this is model "
                f"{self.model_id}; give the right one with -m or put it in NARROWS_MODELS"
            )
        if (header.dtype, header.frame_shape) != (self.model.dtype, self.model.frame_shape):
            raise FormatError("archive whose frames are not those of the model it names")
