"""Lossless codecs of numbers and pictures: pcodec, and JPEG XL at its highest effort."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from narrows.evaluation.peers.contract import Functions, Peer, Signals, Workload
from narrows.evaluation.peers.mosaics import (
    Shape,
    is_picture,
    is_recording,
    layout_of,
    mosaic,
    row,
    windows,
)


def peers() -> Iterator[Peer]:
    """Yield both, on all signals together."""
    yield Peer(
        key="pcodec",
        name="pcodec",
        accepts="numbers of 2, 4 or 8 bytes",
        takes=lambda work: work.x.dtype.kind in "iuf" and work.x.dtype.itemsize > 1,
        settings=lambda work: (12,),  # its highest level
        functions=_pcodec,
        layout=lambda work: (layout_of if is_recording(work.frame_shape) else row)(
            work.frame_shape
        ),
        requires="imagecodecs.PCODEC",
        lossless=True,
    )
    yield Peer(
        key="jpegxl-lossless",
        name="JPEG XL lossless",
        accepts="pictures (n, h, w) or (n, h, w, 3) and recordings (n, samples) or (n, samples, "
        "channels) of integers of 1 or 2 bytes",
        takes=lambda work: (
            work.x.dtype.kind in "iu"
            and work.x.dtype.itemsize <= 2
            and (is_picture(work.frame_shape) or is_recording(work.frame_shape))
        ),
        settings=lambda work: (9,),  # its highest effort
        functions=_jpegxl,
        layout=lambda work: (windows if is_recording(work.frame_shape) else mosaic)(
            work.frame_shape
        ),
        requires="imagecodecs.JPEGXL",
        lossless=True,
    )


def _pcodec(work: Workload, shape: Shape, level: int) -> Functions:
    import imagecodecs

    return (
        lambda values: imagecodecs.pcodec_encode(values, level),
        lambda blob: imagecodecs.pcodec_decode(blob, shape, work.x.dtype),
        0,
    )


def _jpegxl(work: Workload, shape: Shape, effort: int) -> Functions:
    import imagecodecs

    dtype, least = work.x.dtype, int(work.x.min())
    unsigned = np.dtype(f"u{dtype.itemsize}")

    def encode(picture: Signals) -> bytes:
        shifted = (picture.astype(np.int32) - least).astype(unsigned)
        coded = imagecodecs.jpegxl_encode(shifted, lossless=True, effort=effort, numthreads=1)
        return bytes(coded)

    def decode(blob: bytes) -> Signals:
        decoded = np.asarray(imagecodecs.jpegxl_decode(blob, numthreads=1))
        return (decoded.astype(np.int32) + least).astype(dtype)

    return encode, decode, 0
