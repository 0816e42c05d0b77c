"""The codec: a decoder, and beside it all that compressing needs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array
from narrows.codec.archive import Metadata
from narrows.codec.decoder import Decoder
from narrows.codec.entropy.packets import Packet, check_packable
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.model import Model
from narrows.codec.model.model_file import unpack_model
from narrows.codec.networks.backend import Backend
from narrows.codec.prediction.bricks import bricks_of
from narrows.codec.similarity import Comparing
from narrows.codec.transform import DEFAULT_BATCH_SIZE, Frames
from narrows.processes import Workers

if TYPE_CHECKING:  # who only decompresses loads nothing of it
    from narrows.codec.encoding.encoder import Encoder
    from narrows.codec.encoding.requests import PacketTargets, Request, Targets


class Codec(Comparing):
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
        Where the networks run; by default the fastest engine of this machine.
    batch_size : int, default 256
        Frames that go through the networks at a time. It changes speed alone.

    Examples
    --------
    >>> codec = narrows.load("digits.narrows")            # doctest: +SKIP
    >>> codec.decompress(codec.compress(x)).shape == x.shape   # doctest: +SKIP
    True
    """

    def __init__(
        self, model: Model, backend: Backend | None = None, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        self.decoder = Decoder(model, backend, batch_size)
        self.transform = self.decoder.transform

    @cached_property
    def encoder(self) -> Encoder:
        """All that compressing needs; it is loaded where it is first used."""
        from narrows.codec.encoding.encoder import Encoder

        return Encoder(self.decoder)

    # ------------------------------------------------------------------ files

    def save(self, path: str | Path) -> None:
        """Write the model file."""
        from narrows.files import writing

        with writing(path, on_wait=lambda: None) as stream:
            stream.write(self.model_bytes)

    def without_encoder(self) -> Codec:
        """Return the codec that only decompresses: the same model id, about half the bytes."""
        own = self.transform
        return Codec(self.model.without_encoder(), own.given_backend, own.batch_size)

    @classmethod
    def from_bytes(
        cls, data: bytes, backend: Backend | None = None, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> Self:
        """Make a codec from the bytes of a `.narrows` file.

        Raises
        ------
        FormatError, ModelError
            If the file is damaged, its arithmetic is not provably exact, or this machine does not
            compute its known answers.
        """
        codec = cls(unpack_model(data), backend, batch_size)
        codec.model_bytes = bytes(data)  # as they are: packing a model takes longer than loading
        codec.transform.check_known_answers()
        return codec

    # ------------------------------------------------------------------ signals <-> archive

    def compress(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        embed_model: bool = False,
        metadata: Metadata | None = None,
        progress: Callable[[int], None] | None = None,
        strict: bool = False,
        missing: Sequence[float] = (),
        jobs: int = 1,
        block_signals: int | None = None,
        bricks: Sequence[tuple[int, ...]] = (),
        **targets: Unpack[Targets],
    ) -> bytes:
        """Compress signals to the bytes of an archive.

        What the model was not made for is kept exactly, and a warning logged that counts it.

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
            In place of a quality: the least PSNR in dB of any signal, or block of predicted ones.
        embed_model : bool, default False
            Carry the model's decoder in the archive, so that it decompresses on its own.
        max_error, max_relative_error : float or sequence of float, optional
            The most that any element may be off, in units of the signals or in parts of their
            range, of all or by channel of the last axis; NaN and infinities come back.
        lossless : bool, default False
            Every bit comes back. What the model's networks of levels code needs it to decompress;
            otherwise neither this nor a bound needs a model.
        metadata : mapping, optional
            JSON values by name; `geometry`, `names`, `attributes`, `container` are reserved.
        progress : callable, optional
            Called now and then with the number of signals done since the last call.
        strict : bool, default False
            Refuse signals of which something would be kept exactly, with a DataError.
        missing : sequence of float, optional
            Values that stand for missing ones, beside those that the model knows: kept exactly.
        jobs : int, default 1
            Processes that share the blocks. The bytes are the same for any number.
        block_signals : int, optional
            Signals in a block: fewer make single signals quicker to get at, and the archive larger.
            By default as many as take 2 MiB, the most, or 1 MiB where a context model decodes them,
            and 16383; up to 131071 if asked for.
        bricks : sequence of tuple of int, optional
            Shapes of the arrays whose tiles the signals are: each is a block, coded as a whole.

        Raises
        ------
        SettingError
            If a signal cannot keep to its target, or metadata have no JSON; it says what could be.
        """
        stream, kept = io.BytesIO(), {"strict": strict, "missing": missing}
        request = _request(quality, effort, **kept, **targets)
        header = self.encoder.header(embed_model, metadata)
        seen = progress or (lambda n_signals: None)
        x = self.transform.check_frames(x)
        if request.promises:
            from narrows.codec.encoding.free_encoder import compress_promised

            told = (metadata, jobs, block_signals, self.model, self.transform.coders, seen)
            return compress_promised(x, request, *told, embed_model=embed_model)
        size = self.encoder.block_signals(block_signals)
        blocks = bricks_of(x, bricks) if bricks else np.split(x, range(size, len(x), size))
        with Workers(jobs) as workers:
            self.encoder.compress_to(stream, header, blocks, request, seen, workers=workers)
        return stream.getvalue()

    def decompress(self, blob: bytes, jobs: int = 1) -> Frames:
        """Decompress an archive, in so many processes: same shape and dtype as compressed.

        Raises
        ------
        FormatError
            If the archive is damaged.
        WrongModelError
            If another model wrote it.
        """
        return self.decoder.decompress(blob, jobs)

    # ------------------------------------------------------------------ one signal <-> packet

    def compress_packet(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        checksum: bool = False,
        **targets: Unpack[PacketTargets],
    ) -> bytes:
        """Compress one signal to a packet: a few bytes, for a radio or a database cell.

        Parameters
        ----------
        x : (*frame_shape) of the model's dtype
            One signal; floats without NaN and infinities, unless an error is promised.
        quality, effort, target_bytes, packet_bytes, target_psnr, max_error, ..., lossless
            See `compress`. `target_bytes` is the most bytes of the packet, all included; where
            that cannot be, a SettingError says what can. `packet_bytes`: neither more nor less.
        checksum : bool, default False
            Add a CRC-32, four bytes. The packet does not say so: the receiver must know.
        """
        x = as_array(x, "signal")
        check_packable(x, self.model.frame_shape)
        return self.compress_packets(x[None], quality, effort, checksum=checksum, **targets)[0]

    def compress_packets(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        checksum: bool = False,
        **targets: Unpack[PacketTargets],
    ) -> list[bytes]:
        """Compress `(n, *frame_shape)` signals to a packet each; many lossy ones take less time."""
        request = _request(quality, effort, **targets)
        return self.encoder.packets(x, request, checksum=checksum)

    def decompress_packet(self, packet: Packet, *, checksum: bool = False) -> Frames:
        """Decompress a packet to its signal, `(*frame_shape)` of the model's dtype.

        A damaged packet gives a FormatError or, now and then, some other signal; one with
        `checksum=True`, given on both sides, a FormatError.
        """
        return self.decoder.decompress_packet(packet, checksum=checksum)

    def decompress_packets(self, packets: Iterable[Packet], *, checksum: bool = False) -> Frames:
        """Decompress packets to `(n, *frame_shape)` signals; an error tells its packet's number."""
        return self.decoder.decompress_packets(packets, checksum=checksum)

    # ------------------------------------------------------------------ signals <-> latents

    def encode(self, x: Frames, quality: int | None = None, effort: int | None = None) -> Symbols:
        """Map signals to their integer latents.

        Parameters
        ----------
        x : (n, *frame_shape) of the model's dtype
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.
        effort : int, optional
            0 to 9, by default 2. 0 rounds what the encoder gives; from 1 on, symbols that cost less
            in bits and errors together are searched for. More effort is never worse, but slower.

        Returns
        -------
        (n, latent_size) int32
        """
        return self.encoder.encode(x, _request(quality, effort))

    def latents(self, x: Frames, quality: int | None = None) -> npt.NDArray[np.float64]:
        """Map signals to their latents before rounding: for analysis, not for storing.

        Computed as exactly as `encode`, which rounds them: `floor(latents(x) + 0.5)`, clipped to
        int32, is `encode(x, effort=0)` bit for bit on every machine, but for symbols of a trellis.

        Parameters
        ----------
        x : (n, *frame_shape) of the model's dtype
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.

        Returns
        -------
        (n, latent_size) float64, in units of the quality's rounding step
        """
        return self.encoder.latents(x, quality)

    def decode(
        self, y: Symbols, quality: int | npt.NDArray[np.integer[Any]] | None = None
    ) -> Frames:
        """Map integer latents back to signals: the inverse of `encode` as far as they allow.

        Parameters
        ----------
        y : (n, latent_size) integers
        quality : int or (n,) integers, optional
            The one given to `encode`, or that of each signal. The result has the model's dtype.
        """
        return self.decoder.decode(y, quality)


def _request(quality: int | None, effort: int | None, **asked: Any) -> Request:
    from narrows.codec.encoding.requests import Request

    return Request(quality, effort, **asked)
