"""Lossless codecs: general ones, and those of numbers, pictures and sound."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np

from narrows.evaluation.peers.contract import Functions, Peer, Signals, Workload
from narrows.evaluation.peers.mosaics import (
    MAX_CHANNELS,
    Shape,
    interleaved,
    is_picture,
    is_recording,
    layout_of,
    mosaic,
    row,
    windows,
)
from narrows.evaluation.peers.numeric import ANY_AXES

DICTIONARY_BYTES = 112_640
"""The default of `zstd --train`."""
DICTIONARY_SIGNALS = 10_000
"""Training signals that a dictionary is made from."""
ZSTD_LEVEL = 19
XZ = lzma.PRESET_EXTREME | 9

Bytes = Callable[[bytes], bytes]
STREAMS: dict[str, tuple[str, Bytes, Bytes]] = {
    "zlib": ("zlib -9", lambda raw: zlib.compress(raw, 9), zlib.decompress),
    "bz2": ("bzip2 -9", bz2.compress, bz2.decompress),
    "zstd": (
        f"zstd -{ZSTD_LEVEL}",
        lambda raw: import_module("zstandard").compress(raw, ZSTD_LEVEL),
        lambda blob: import_module("zstandard").decompress(blob),
    ),
    "lzma": ("lzma -9e", lambda raw: lzma.compress(raw, preset=XZ), lzma.decompress),
}
"""Key: name, compress, decompress."""
SAMPLE_RATE = 44_100  # which FLAC states in its header, and does not use


def peers() -> Iterator[Peer]:
    """Yield each on all signals together, and zstd by the record besides."""
    for key in STREAMS:
        yield _general(key, STREAMS[key][0], _stream(*STREAMS[key][1:]))
    yield _general(
        "zstd-dictionary",
        f"zstd -{ZSTD_LEVEL} with a dictionary, one record each",
        _with_dictionary,
        learns=True,
    )
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
        array_axes=ANY_AXES,
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
        array_axes=(2,),
    )
    yield Peer(
        key="flac",
        name="FLAC",
        accepts="recordings (n, samples) or (n, samples, channels) of int16, "
        f"{MAX_CHANNELS} channels at most",
        takes=lambda work: work.x.dtype == np.int16 and is_recording(work.frame_shape),
        settings=lambda work: (1.0,),  # the highest level of 0 to 1: that of `flac -8`
        functions=_flac,
        layout=lambda work: interleaved(work.frame_shape),
        requires="soundfile",
        lossless=True,
    )


def _general(
    key: str,
    name: str,
    functions: Callable[[Workload, Shape, None], Functions],
    learns: bool = False,
) -> Peer:
    return Peer(
        key=key, name=name, accepts="any signals", takes=lambda work: True,
        settings=lambda work: (None,), functions=functions, lossless=True, learns=learns,
        requires="zstandard" if key.startswith("zstd") else "", alone=learns, everyday=not learns,
        array_axes=ANY_AXES,
    )  # fmt: skip


def _stream(
    compress: Bytes, decompress: Bytes, model_bytes: int = 0
) -> Callable[[Workload, Shape, None], Functions]:
    return lambda work, shape, setting: (
        lambda array: compress(array.tobytes()),
        lambda blob: np.frombuffer(decompress(blob), work.x.dtype).reshape(shape),
        model_bytes,
    )


def _with_dictionary(work: Workload, shape: Shape, setting: None) -> Functions:
    """Train a dictionary, and code with it."""
    import zstandard

    assert work.train is not None
    sample = work.train[:: max(1, len(work.train) // DICTIONARY_SIGNALS)]
    raws = [signal.tobytes() for signal in sample]
    # A dictionary is to be much smaller than what it is trained on.
    size = min(DICTIONARY_BYTES, sum(map(len, raws)) // 8)
    trained = zstandard.train_dictionary(size, raws, level=ZSTD_LEVEL)
    compress = zstandard.ZstdCompressor(
        level=ZSTD_LEVEL, dict_data=trained, write_checksum=False, write_dict_id=False
    ).compress
    decompress = zstandard.ZstdDecompressor(dict_data=trained).decompress
    return _stream(compress, decompress, len(trained.as_bytes()))(work, shape, setting)


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


def _flac(work: Workload, shape: Shape, level: float) -> Functions:
    import soundfile

    def encode(samples: Signals) -> bytes:
        stream = io.BytesIO()
        soundfile.write(
            stream, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16", compression_level=level
        )
        return stream.getvalue()

    def decode(blob: bytes) -> Signals:
        return np.asarray(soundfile.read(io.BytesIO(blob), dtype="int16")[0])

    return encode, decode, 0
