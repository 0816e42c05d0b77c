"""Other compressors under a bound or without loss, for `benchmarks.bounds`."""

import numpy as np

from narrows.evaluation.peers.contract import Workload
from narrows.evaluation.peers.mosaics import row
from narrows.evaluation.peers.registry import registry

LOSSLESS = ("lzma", "zstd", "pcodec", "flac", "jpegxl-lossless")


def sz3(x, bound):
    """Return the bytes of SZ3, the best of three settings."""
    from pysz import sz, szAlgorithm, szConfig, szErrorBoundMode

    sizes = []
    for name in ("INTERP_LORENZO", "INTERP", "LORENZO_REG"):
        config = szConfig()
        config.errorBoundMode, config.absErrorBound = szErrorBoundMode.ABS, bound
        config.cmprAlgo = getattr(szAlgorithm, name)
        blob, _ = sz.compress(x, config)
        y, _ = sz.decompress(blob, x.dtype, x.shape)
        sizes.append((len(blob), y))
    return min(sizes, key=lambda each: each[0])


def sperr(x, bound):
    """Return the bytes of SPERR in its mode of point-wise errors."""
    import imagecodecs

    blob = imagecodecs.sperr_encode(x, bound, mode="pwe")
    return len(blob), imagecodecs.sperr_decode(blob).reshape(x.shape)


def zfp(x, bound):
    """Return the bytes of zfp within a tolerance."""
    import zfpy

    blob = zfpy.compress_numpy(x, tolerance=bound)
    return len(blob), zfpy.decompress_numpy(blob)


def lossless(x):
    """Return the bytes of lossless compressors that take an array, by name.

    General ones take elements as they are or in planes of bytes; JPEG XL takes pictures in mosaics.
    """
    sizes, is_digits = {}, x.shape[1:] == (28, 28)
    planes = np.ascontiguousarray(x.view(np.uint8).reshape(-1, x.itemsize).T)
    for peer in registry():
        if peer.key not in LOSSLESS or peer.missing() is not None:
            continue
        tried = [x, planes] if peer.key in ("lzma", "zstd") and x.itemsize > 1 else [x]
        if is_digits and peer.key == "jpegxl-lossless":
            tried = [mosaic(x[i : i + 400])[None] for i in range(0, len(x), 400)]
            sizes[peer.name] = sum(_bytes_of(peer, each) for each in tried)
        elif peer.takes(_work(x)):
            sizes[peer.name] = min(_bytes_of(peer, each) for each in tried)
    return sizes


def mosaic(x):
    """Return 400 pictures as one of 20 x 20."""
    return x.reshape(20, 20, 28, 28).swapaxes(1, 2).reshape(560, 560)


def _work(x):
    return Workload(x, 1.0, row(x.shape[1:]))


def _bytes_of(peer, x):
    work = _work(x)
    return sum(map(len, peer.coder(work, peer.settings(work)[-1]).encode(x)))
