"""Signals -> packets of symbols, of a quality or within a budget."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np

from narrows.codec.decoder import Decoder
from narrows.codec.encoding.chooser import choose
from narrows.codec.encoding.packet_sizes import PacketSizeSearch
from narrows.codec.encoding.requests import Progress, Request
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.packets import check_finite
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.range import Range
from narrows.codec.transform import Frames
from narrows.errors import DataError

LOG = logging.getLogger(__name__)


def lossy_packets(
    decoder: Decoder,
    symbol_encoder: SymbolEncoder,
    range_: Range,
    x: Frames,
    request: Request,
    *,
    checksum: bool,
    progress: Progress,
) -> list[bytes]:
    """Encode `(n, *frame_shape)` signals to a packet each.

    Raises
    ------
    SettingError
        If a signal cannot keep to its target.
    DataError
        For NaN and infinities, and where strict for values outside the range of the training.
    """
    request.resolve(decoder.model)  # a wrong request is refused before a wrong array
    x = decoder.transform.check_frames(x)
    check_finite(x, "packets", "give lossless or max_error, ")
    clipped = range_.outside(x)
    if clipped is not None:
        if request.strict:
            raise DataError(
                f"packets of {clipped.sum():,} values outside the range of the training "
                "signals, refused by strict: give lossless or max_error, or write an archive, "
                "which keep them"
            )
        LOG.warning(
            "packets of %d values outside the range of the training signals, to whose ends "
            "they come back: lossless, max_error, or an archive keeps them", clipped.sum(),
        )  # fmt: skip
    if request.packet_bytes is not None:
        effort = request.resolve(decoder.model)[1]
        parts = symbol_encoder, decoder.packets, request.packet_bytes, effort
        return PacketSizeSearch(*parts, checksum=checksum).packets(x, progress)
    pack = partial(decoder.packets.encode, checksum=checksum)

    def size_of(symbols: Symbols, quality: int) -> int:
        return len(pack(symbols, quality))

    found, qualities = choose(symbol_encoder, x, request, size_of, progress)
    packets = [b""] * len(x)
    for quality in sorted(set(qualities.tolist())):
        own = np.flatnonzero(qualities == quality)
        coded = decoder.packets.encode_all(found.symbols[own], quality, checksum=checksum)
        for number, packet in zip(own.tolist(), coded, strict=True):
            packets[number] = packet
    return packets
