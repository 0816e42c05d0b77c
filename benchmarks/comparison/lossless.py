"""General lossless compressors: all signals in one stream, and zstd by the record."""

import bz2
import lzma
import zlib

import numpy as np

DICTIONARY_BYTES = 112_640  # the default of `zstd --train`
DICTIONARY_SAMPLE = 10_000  # training signals that the dictionary is made from
LEVEL = 19


def _zstd(raw):
    import zstandard

    return zstandard.compress(raw, LEVEL)


def _from_zstd(blob):
    import zstandard

    return zstandard.decompress(blob)


STREAMS = {
    "zlib": ("zlib -9", "zlib", lambda raw: zlib.compress(raw, 9), zlib.decompress),
    "zstd": (f"zstd -{LEVEL}", "zstandard", _zstd, _from_zstd),
    "lzma": ("lzma -9e", "lzma", lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME),
             lzma.decompress),
    "bz2": ("bzip2 -9", "bz2", bz2.compress, bz2.decompress),
}  # fmt: skip
"""Key: name, package, compress, decompress."""


def from_bytes(raw, dtype, shape):
    """Give the array of a type and shape that bytes hold."""
    return np.frombuffer(raw, dtype).reshape(shape)


def zstd_with_dictionary(train):
    """Train a dictionary; give compress(raw), decompress(blob) and the dictionary's bytes."""
    import zstandard

    raws = [signal.tobytes() for signal in train]
    # A dictionary is to be much smaller than what it is trained on.
    size = min(DICTIONARY_BYTES, sum(map(len, raws)) // 8)
    dictionary = zstandard.train_dictionary(size, raws, level=LEVEL)
    compressor = zstandard.ZstdCompressor(
        level=LEVEL, dict_data=dictionary, write_checksum=False, write_dict_id=False
    )
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
    return compressor.compress, decompressor.decompress, len(dictionary.as_bytes())
