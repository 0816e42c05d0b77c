"""All that a sender needs beside a decoder: signals to archives, packets and latents."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import ArchiveWriter, Block, Header, IndexedArchive, Metadata
from narrows.codec.archive.exact_values import ExactValues, Mask, patched
from narrows.codec.archive.guarantee import guarantee_of
from narrows.codec.archive.raw_blocks import may_deflate_below, pack_raw
from narrows.codec.decoder import Decoder
from narrows.codec.encoding.adapted_blocks import adapted
from narrows.codec.encoding.cutting import Signals, parts_of, signals_a_block
from narrows.codec.encoding.kept import Kept, check_leaving_out
from narrows.codec.encoding.likeness import Likeness
from narrows.codec.encoding.recalled import Recall, choose_or_recall
from narrows.codec.encoding.requests import Progress, Request, unseen
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.packets import check_finite
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.codec.model.range import Range
from narrows.codec.networks.backend import Backend
from narrows.codec.prediction.bricks import Brick
from narrows.codec.shared import Shared
from narrows.codec.transform import Frames
from narrows.errors import SettingError
from narrows.processes import ALONE, Workers

if TYPE_CHECKING:
    from narrows.codec.encoding.ordered_blocks import OrderedBlocks

LOG = logging.getLogger(__name__)


class Encoder(Shared):
    """Encodes signals for the decoder of a model.

    Parameters
    ----------
    decoder : Decoder
        Of a model with an encoder.
    recall : Recall, optional
        Knows signals that were decoded before: their symbols are taken once more.
    """

    def __init__(self, decoder: Decoder, recall: Recall | None = None) -> None:
        self._decoder, self._recall = decoder, recall
        self.transform = decoder.transform
        self._model = decoder.model
        self.symbol_encoder = SymbolEncoder(decoder.transform)
        self._range = Range(decoder.model)
        self._likeness = Likeness(decoder.transform)

    @classmethod
    def from_bytes(cls, data: bytes, backend: Backend | None, batch_size: int) -> Self:
        """Make an encoder from the bytes of a `.narrows` file, in another process."""
        return cls(Decoder(unpack_model(data), backend, batch_size))

    @cached_property
    def _ordered(self) -> OrderedBlocks:
        """Blocks of models that predict, which few do: others import nothing of it."""
        from narrows.codec.encoding.ordered_blocks import ordered_blocks_of

        return ordered_blocks_of(self._decoder, self.symbol_encoder, self._likeness)

    def header(self, embed_model: bool = False, metadata: Metadata | None = None) -> Header:
        """Return the header of this model's archives; with `embed_model` it carries the decoder."""
        model = self._model
        embedded = pack_model(model.without_encoder()) if embed_model else None
        return Header(model.model_id, model.dtype, model.frame_shape, embedded, metadata or {})

    def block_signals(self, asked: int | None = None) -> int:
        """Return how many signals a block shall have, of those asked for; or SettingError."""
        return signals_a_block(self._model, self.header(), asked)

    def compress_to(
        self,
        stream: BinaryIO,
        header: Header,
        x: Signals,
        request: Request,
        progress: Progress = unseen,
        kept: Kept | None = None,
        workers: Workers = ALONE,
    ) -> int:
        """Compress signals into a binary stream; return the archive's length.

        Parameters
        ----------
        stream : binary stream
        header : Header
            From `header`.
        x : (n, *frame_shape), or an iterable of such
            Of parts, best of `block_signals()` signals, each becomes a block if it may: memory
            then does not grow with their number. A part may be a Brick.
        request : Request
        progress : Progress, optional
        kept : Kept, optional
            Where to count what is kept exactly; by default a warning is logged.
        workers : Workers, optional
            Processes that share the blocks, or threads where compiled code does the work; the
            bytes are the same whatever their number.
        """
        with _telling(kept) as counted:
            blocks = self.blocks(x, request, header, progress, counted, workers)
            return _write(ArchiveWriter(stream, header), blocks)

    def append_to(
        self,
        stream: BinaryIO,
        archive: IndexedArchive,
        x: Signals,
        request: Request,
        progress: Progress = unseen,
        kept: Kept | None = None,
        workers: Workers = ALONE,
    ) -> int:
        """Go on with an archive of this model, and return its new length; see `compress_to`.

        `stream` stands where the archive's blocks end.
        """
        check_appendable(archive.header, self._decoder)
        with _telling(kept) as counted:
            blocks = self.blocks(x, request, archive.header, progress, counted, workers)
            return _write(ArchiveWriter(stream, archive.header, archive), blocks)

    def blocks(
        self,
        x: Signals,
        request: Request,
        header: Header,
        progress: Progress,
        kept: Kept,
        workers: Workers,
    ) -> Iterator[Block]:
        """Encode signals a block at a time; an array or a request is refused at once."""
        request.check_of_blocks()
        check = self._decoder.transform.check_frames
        quality, effort = request.resolve(self._model)
        usual = self.block_signals()
        blocks = parts_of(check(x) if isinstance(x, np.ndarray) else x, usual, header, check)
        if workers.jobs == 1:
            return (self._block(block, request, quality, progress, kept) for block in blocks)
        encode = partial(_encode_elsewhere, self, request, quality)
        compiled = not effort and not request.budget and self._decoder.blocks.codes_compiled
        each = workers.in_order(encode, blocks, in_thread=lambda block: compiled)
        return _counted(each, progress, kept)

    def _block(
        self,
        part: Frames | Brick,
        request: Request,
        raw_quality: int,
        progress: Progress,
        kept: Kept,
    ) -> Block:
        """Encode a block; kept as it is where a sample says that this may be smaller, and it is."""
        x = part.frames if isinstance(part, Brick) else part
        range_ = Range(self._model, request.missing) if request.missing else self._range
        left_out = range_.outside(x)
        if left_out is not None:
            kept.add(x, left_out, range_)
            check_leaving_out(request, kept)
        block: Block | None
        of_bricks = isinstance(part, Brick) and self._model.wavelets is not None
        if self._model.prediction is not None or of_bricks:
            block = self._ordered.block(part if of_bricks else x, left_out, request, kept)
            progress(len(x))
        else:
            block = self._coded(x, request, left_out, progress, kept)
        if block is None:
            return pack_raw(x, raw_quality)
        if may_deflate_below(x, len(block.payload)):
            raw = pack_raw(x, raw_quality)
            if len(raw.payload) <= len(block.payload):
                return raw
        return block

    def _coded(
        self, x: Frames, request: Request, left_out: Mask | None, progress: Progress, kept: Kept
    ) -> Block | None:
        """Code what a model is made for, beside what is not; None where all of it is not."""
        rows, frames, known = np.arange(len(x)), x, None
        if left_out is not None:
            rows = np.flatnonzero(~left_out.reshape(len(x), -1).all(axis=1))
            progress(len(x) - len(rows))
            if not len(rows):
                return None
            known, quality = ~left_out[rows], request.resolve(self._model)[0]
            frames = self.symbol_encoder.filled(x[rows], known, quality)
        own = (self.symbol_encoder, x[rows], frames, request)
        found, qualities = choose_or_recall(*own, self._recall, progress, known)
        symbols = found.symbols
        if request.budget is None:
            unlike = self._likeness.unlike(frames, known, found, qualities)
            if unlike.any():
                kept.unlike += int(unlike.sum())
                check_leaving_out(request, kept)
                left_out = np.zeros(x.shape, dtype=bool) if left_out is None else left_out
                left_out[rows[unlike]] = True
                symbols, qualities, frames = symbols[~unlike], qualities[~unlike], frames[~unlike]
                known = None if known is None else known[~unlike]
        if not len(symbols):
            return None
        block = self._decoder.blocks.pack(symbols, qualities)
        searches = self._recall is None and request.budget is None  # else symbols are to stay
        effort = request.resolve(self._model)[1] if searches else 0
        block = adapted(block, frames, known, symbols, self.symbol_encoder, effort)
        return block if left_out is None else patched(block, ExactValues(left_out, x[left_out]))

    def packets(
        self,
        x: Frames,
        request: Request,
        *,
        checksum: bool,
        progress: Progress = unseen,
        workers: Workers = ALONE,
    ) -> list[bytes]:
        """Encode `(n, *frame_shape)` signals to a packet each; processes share promised ones."""
        checked = partial(self._decoder.packets.checked, checksum=checksum)
        if request.promises:
            from narrows.codec.encoding.promised_packets import promised_packets

            transform = self._decoder.transform
            x = transform.check_frames(x)
            return list(map(checked, promised_packets(x, request, transform, progress, workers)))
        from narrows.codec.encoding.packets import lossy_packets

        own = self._decoder, self.symbol_encoder, self._range
        return lossy_packets(*own, x, request, checksum=checksum, progress=progress)

    def encode(self, x: Frames, request: Request, progress: Progress = unseen) -> Symbols:
        """Encode signals to `(n, latent_size)` symbols of one quality; see `Codec.encode`."""
        x = self._decoder.transform.check_frames(x)
        check_finite(x, "latents")
        return self.symbol_encoder.encode(x, *request.resolve(self._model), progress).symbols

    def encode_at_all_qualities(self, x: Frames) -> dict[int, Symbols]:
        """Encode signals with effort 0 to `(n, latent_size)` symbols of each quality."""
        return self.symbol_encoder.encode_at_all_qualities(x)

    def latents(self, x: Frames, quality: int | None) -> npt.NDArray[np.float64]:
        """Encode signals to latents before rounding; see `Codec.latents`."""
        x = self._decoder.transform.check_frames(x)
        check_finite(x, "latents")
        return self.symbol_encoder.latents(x, self._model.quality(quality).number)


def check_appendable(header: Header, decoder: Decoder) -> None:
    """Refuse an archive that another model wrote, or that promises an error."""
    decoder.check_model_of(header)
    if not header.needs_model or guarantee_of(header.metadata) is not None:
        raise SettingError("the archive promises an error: append with the same bound or lossless")


@contextmanager
def _telling(kept: Kept | None) -> Iterator[Kept]:
    """Count what is kept exactly where the caller does; otherwise log a warning of it."""
    counted = Kept() if kept is None else kept
    yield counted
    if kept is None and counted:
        LOG.warning("%s", counted)


def _encode_elsewhere(
    encoder: Encoder, request: Request, raw_quality: int, part: Frames | Brick
) -> tuple[Block, Kept]:
    """Encode a block in another process or thread, and count what is kept exactly of it."""
    kept = Kept()
    return encoder._block(part, request, raw_quality, unseen, kept), kept


def _counted(
    encoded: Iterable[tuple[Block, Kept]], progress: Progress, kept: Kept
) -> Iterator[Block]:
    for block, own in encoded:
        kept.include(own)
        progress(block.n_signals)
        yield block


def _write(writer: ArchiveWriter, blocks: Iterable[Block]) -> int:
    for block in blocks:
        writer.write(block)
    writer.close()
    return writer.n_bytes
