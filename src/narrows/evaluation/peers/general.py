"""General lossless compressors: all signals in one stream, their best case, or by the record."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np

from narrows.evaluation.peers.contract import Functions, Peer, Workload
from narrows.evaluation.peers.mosaics import Shape

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


def peers() -> Iterator[Peer]:
    """Yield each compressor on one stream of all signals, and zstd by the record."""
    for key in STREAMS:
        yield _peer(key, STREAMS[key][0], _stream(*STREAMS[key][1:]))
    yield _peer(
        "zstd-dictionary",
        f"zstd -{ZSTD_LEVEL} with a dictionary, one record each",
        _with_dictionary,
        learns=True,
    )


def _peer(
    key: str,
    name: str,
    functions: Callable[[Workload, Shape, None], Functions],
    learns: bool = False,
) -> Peer:
    return Peer(
        key=key, name=name, accepts="any signals", takes=lambda work: True,
        settings=lambda work: (None,), functions=functions, lossless=True, learns=learns,
        requires="zstandard" if key.startswith("zstd") else "", alone=learns, everyday=not learns,
    )  # fmt: skip


def _stream(
    compress: Bytes, decompress: Bytes, model_bytes: int = 0
) -> Callable[[Workload, Shape, None], Functions]:
    return lambda work, shape, setting: (
        lambda array: compress(array.tobytes()),
        lambda blob: np.frombuffer(decompress(blob), work.x.dtype),
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
