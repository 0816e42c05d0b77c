"""Good golden files of levels: archives that need no model, and what they decompress to."""

import numpy as np

import narrows


def waves(dtype, *shape):
    """Return smooth signals with a little noise."""
    grid = np.meshgrid(*(np.arange(n) / 5 for n in shape), indexing="ij")
    noise = np.random.default_rng(3).normal(size=shape)
    return (60 + 40 * np.sin(sum(grid)) + noise).astype(dtype)


def noise(n):
    """Return low bits of int64."""
    return np.random.default_rng(4).integers(0, 2**48, n)


def sheet(dtype, *shape):
    """Return signals whose differences of differences are noise: fronts suit them."""
    x = np.random.default_rng(5).normal(size=shape)
    for axis in range(1, len(shape)):
        x = x.cumsum(axis=axis)
    return (900 + 9 * x).astype(dtype)


def of(x, **promise):
    """Return an archive, and what it decompresses to, by their suffixes."""
    blob = narrows.compress(x, **promise)
    return {".nrw": blob, ".npy": narrows.decompress(blob)}


def gaps():
    """Return signals with missing values and infinities."""
    x = waves("float32", 9, 40)
    x[2:5, 10:20], x[7, 7] = np.nan, -np.inf
    return x


def sheet_with_gaps():
    """Return such signals with missing values."""
    x = sheet("float32", 60, 8, 7)
    x[2:5, 1:3], x[7, 7] = np.nan, np.inf
    return x


SETS = {
    "bool": lambda: of(waves("int16", 30, 20) > 60, lossless=True),
    "uint8-values": lambda: of(waves("uint8", 2, 14, 12), lossless=True),
    "uint8-bound-values": lambda: of(waves("uint8", 9, 9, 9) // 60 * 80, max_error=3),
    "int8": lambda: of(waves("int8", 300), lossless=True),
    "uint16-channels": lambda: of(waves("uint16", 2, 50, 3), lossless=True),
    "int16-bound": lambda: of(waves("int16", 3, 60, 2) * 9, max_error=[3, 20]),
    "int32-bound": lambda: of(waves("int32", 300) * 99, max_error=8),
    "uint32": lambda: of(waves("uint32", 20, 20), lossless=True),
    "int64-low-bits": lambda: of((waves("int64", 200) << 50) + noise(200), lossless=True),
    "uint64-bound": lambda: of(waves("uint64", 90, 2) << np.uint64(8), max_error=100),
    "float16": lambda: of(waves("float16", 12, 30), lossless=True),
    "float32-relative": lambda: of(waves("float32", 1, 9, 8, 10), max_relative_error=0.01),
    "float32-gaps": lambda: of(gaps(), max_error=0.5),
    "float64": lambda: of(waves("float64", 8, 6, 7), max_error=0.1),
    "float64-low-bits": lambda: of(waves("float64", 60, 3), lossless=True),
    "float64-decimals": lambda: of(np.rint(waves("float64", 9, 30) * 10) / 10, lossless=True),
    "uint16-fronts": lambda: of(sheet("uint16", 70, 6, 7), lossless=True),
    "int16-fronts-bound": lambda: of(sheet("int16", 50, 9, 8), max_error=2),
    "float32-fronts-gaps": lambda: of(sheet_with_gaps(), max_error=0.5),
    "float64-fronts": lambda: of(sheet("float64", 60, 3, 4, 5), max_error=0.25),
    "deflated": lambda: of(np.tile(np.arange(40, dtype="uint8") * 77, (30, 1)), lossless=True),
    "stored": lambda: of(np.random.default_rng(0).integers(0, 2**63, (9, 9)), lossless=True),
}
