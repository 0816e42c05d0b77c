"""All that a receiver needs: archives, packets and latents to signals, with numpy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Header
from narrows.codec.block_coder import BlockCoder
from narrows.codec.entropy.packets import Packet, PacketCoder, keeps_promise
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.model import Model
from narrows.codec.model.model_file import unpack_model
from narrows.codec.networks.backend import Backend
from narrows.codec.receiver import Receiver, stream_of
from narrows.codec.similarity import Comparing
from narrows.codec.transform import DEFAULT_BATCH_SIZE, Frames, Transform
from narrows.errors import FormatError, WrongModelError

__all__ = ["Decoder", "stream_of"]

NOT_YET = FormatError("packet that nothing has decoded")
UnpackedPacket = tuple[Symbols, int] | Frames
"""Symbols and their quality, or the signal itself, `(1, *frame_shape)`."""


class Decoder(Comparing, Receiver):
    """A trained model, ready to decompress.

        archive bytes ─payloads─► entropy decoder ─symbols─► decode ─frames─► signals

    The same bytes give the same signals, bit for bit, on every machine.

    Parameters
    ----------
    model : Model
    backend : Backend, optional
        Where the networks run; by default the fastest engine of this machine.
    batch_size : int, default 256
        Frames that go through the networks at a time. It changes speed alone.
    """

    def __init__(
        self, model: Model, backend: Backend | None = None, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        self.transform = Transform(model, backend, batch_size)
        self._blocks = BlockCoder(self.transform)

    @property
    def blocks(self) -> BlockCoder:
        """What codes and decodes blocks."""
        return self._blocks

    @classmethod
    def from_bytes(
        cls, data: bytes, backend: Backend | None = None, batch_size: int = DEFAULT_BATCH_SIZE
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

    def decompress_packet(self, packet: Packet, *, checksum: bool = False) -> Frames:
        """Decompress a packet; see `Codec.decompress_packet`."""
        content = self.packets.content(packet, checksum=checksum)
        if keeps_promise(content):
            return self._promised(content).reshape(self.model.frame_shape)
        symbols, quality = self.packets.decode_content(content)
        return self.transform.frames_of(symbols[None], quality).reshape(self.model.frame_shape)

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
        unpacked = list[UnpackedPacket]()
        for number, each in enumerate(self._unpacked(packets, checksum)):
            if not isinstance(each, FormatError):
                unpacked.append(each)
            elif on_error is None:
                raise FormatError(f"packet {number}, counted from 0: {each}") from None
            else:
                on_error(number, each)
        return self._signals(unpacked)

    def _unpacked(
        self, packets: Iterable[Packet], checksum: bool
    ) -> list[UnpackedPacket | FormatError]:
        """Undo the entropy coding of packets; few keep a promise."""
        found = list[UnpackedPacket | FormatError]()
        coded, contents = list[int](), list[bytes]()
        for packet in packets:
            try:
                content = self.packets.content(packet, checksum=checksum)
                if keeps_promise(content):
                    found.append(self._promised(content))
                    continue
                coded.append(len(found))
                contents.append(content)
                found.append(NOT_YET)
            except FormatError as error:
                found.append(error)
        for number, each in zip(coded, self.packets.decode_all(contents), strict=True):
            found[number] = each
        return found

    def _promised(self, content: bytes) -> Frames:
        """Return the `(1, *frame_shape)` signal of a packet that keeps a promise."""
        from narrows.codec.promised_packets import decode_promised

        return decode_promised(content, self.model, self.transform.coders)

    def _signals(self, unpacked: Sequence[UnpackedPacket]) -> Frames:
        """Return the `(n, *frame_shape)` signals of packets."""
        frames = np.empty((len(unpacked), *self.model.frame_shape), self.model.dtype)
        coded = list[tuple[int, Symbols, int]]()
        for i, each in enumerate(unpacked):
            if isinstance(each, tuple):
                coded.append((i, *each))
            else:
                frames[i] = each[0]
        if coded:
            at, symbols, qualities = zip(*coded, strict=True)
            numbers = np.array(qualities, np.int64)
            frames[list(at)] = self.transform.frames_of(np.array(symbols), numbers)
        return frames

    def decode(
        self, y: Symbols, quality: int | npt.NDArray[np.integer[Any]] | None = None
    ) -> Frames:
        """Map integer latents to signals; see `Codec.decode`."""
        return self.transform.decode(y, quality)

    @cached_property
    def packets(self) -> PacketCoder:
        """The coder of single signals."""
        model = self.model
        tables = {quality.number: quality.tables for quality in model.qualities}
        return PacketCoder(
            model.model_id,
            tables,
            lambda number: self.transform.coders.compiled(model.quality(number)),
        )

    def check_model_of(self, header: Header) -> None:
        """Raise WrongModelError unless this model wrote the archive, or it needs none."""
        if header.needs_model and header.model_id != self.model.model_id:
            raise WrongModelError(
                f"the archive was written by model {header.model_id.hex()}, but this is model "
                f"{self.model_id}; give the right one with -m or put it in NARROWS_MODELS"
            )
        if (header.dtype, header.frame_shape) != (self.model.dtype, self.model.frame_shape):
            raise FormatError("archive whose frames are not those of the model it names")
