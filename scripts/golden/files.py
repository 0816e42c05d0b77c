"""The files of a golden set: a model, archives and packets, and what these decompress to."""

import numpy as np

from narrows.chunks import pack_chunk, unpack_chunk, wrap
from narrows.codec.encoding.requests import Request

FILLER = 7  # of pieces at the end of an array


def files_of(codec, x, **options):
    """Return a model, an archive, what it decompresses to, and a packet, by their suffixes."""
    blob = codec.compress(x, **options)
    decoded = codec.decompress(blob)
    files = {".narrows": codec.model_bytes, ".nrw": blob, ".npy": decoded}
    has_packet = len(decoded) and np.isfinite(decoded[0]).all()
    return files | packets_of(codec, decoded[0]) if has_packet else files


def packets_of(codec, signal):
    """Return a signal's packet, the same with a checksum, and what they decompress to."""
    packet = codec.compress_packet(signal)
    checked = codec.compress_packet(signal, checksum=True)
    frame = codec.decompress_packet(packet)
    return {".packet": packet, ".checked-packet": checked, ".frame.npy": frame}


def fixed_of(codec, x, sizes):
    """Return packets of fixed sizes, given by the numbers of their signals."""
    files, quality = {}, codec.model.quality().number
    for number, n_bytes in sizes.items():
        symbols = codec.encode(x[number : number + 1])
        (packet,) = codec.decoder.packets.encode_to(symbols, quality, n_bytes)
        files[f".fixed-packet-{number}"] = packet
    return files


def wrapped_of(codec, x):
    """Return signals without a container: in one block, in two, and with five that a host fills."""
    request = Request()
    two = wrap([x[:7], x[7:]], codec, request)
    filled = np.concatenate([x, np.full((5, *x.shape[1:]), FILLER, x.dtype)])
    packed = pack_chunk(filled, codec, request, FILLER)
    return {".wrapped": wrap(x, codec, request), ".wrapped-twice": two, ".wrapped-filled": packed}


def piece_of(codec, x):
    """Return a piece of an array that a host fills at its end, and what it comes back as."""
    piece = np.pad(x, [(0, 4)] * x.ndim, constant_values=FILLER)
    packed = pack_chunk(piece, codec, Request(), FILLER)
    decoded = unpack_chunk(packed, piece.shape, codec.decoder, FILLER)
    return {".piece": packed, ".piece.npy": decoded}


def efforts_of(codec, x, **targets):
    """Return the files of effort 2, the signals, and the archives of two other efforts.

    An effort gives the same archive on every machine, so the signals are kept too.
    """
    files = files_of(codec, x, effort=2, **targets) | {".signals.npy": x}
    for effort in (0, 9):
        blob = codec.compress(x, effort=effort, **targets)
        files |= {f".effort-{effort}": blob, f".effort-{effort}.npy": codec.decompress(blob)}
    return files
