"""The files of a golden set: a model, archives and packets, and what these decompress to."""

import numpy as np

from narrows.chunks import wrap
from narrows.codec.encoding.requests import Request


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


def wrapped_of(codec, x):
    """Return signals without a container: all in one block, and in two."""
    request = Request()
    two = wrap([x[:7], x[7:]], codec, request)
    return {".wrapped": wrap(x, codec, request), ".wrapped-twice": two}


def efforts_of(codec, x, **targets):
    """Return the files of effort 2, the signals, and the archives of two other efforts.

    An effort gives the same archive on every machine, so the signals are kept too.
    """
    files = files_of(codec, x, effort=2, **targets) | {".signals.npy": x}
    for effort in (0, 9):
        blob = codec.compress(x, effort=effort, **targets)
        files |= {f".effort-{effort}": blob, f".effort-{effort}.npy": codec.decompress(blob)}
    return files
