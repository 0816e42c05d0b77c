"""Error-bounded codecs for numeric arrays: SZ3 and zfp. Shape and type are told, not counted.

Both take floating-point values; whole numbers go in as such, and are rounded on the way back.
"""

import numpy as np

SPREADS = (12.8, 6.4, 3.2, 1.6, 0.8, 0.4, 0.2, 0.1, 0.03, 0.01, 0.003)
"""Absolute error bounds, in standard deviations of the training signals."""


def bounds(dataset):
    """Give the absolute error bounds at which a data set is coded, the widest first."""
    spread = float(dataset.train.std(dtype=np.float64))
    return tuple(spread * s for s in SPREADS)


def float_type(dtype):
    """Give the type in which values are coded: float32 holds all of 16 bits."""
    return np.dtype(np.float64 if dtype.itemsize > 4 or dtype == np.int32 else np.float32)


def to_dtype(values, dtype):
    """Take decoded floats back to the signals' type."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)


def squeezed(shape):
    """Leave out axes of length 1, along which there is nothing to predict."""
    return tuple(size for size in shape if size > 1) or (1,)


def sz3(dtype, shape, bound):
    """Give encode(array) and decode(blob) of SZ3 for arrays of a type and shape."""
    import pysz

    inner = float_type(dtype)

    def encode(array):
        config = pysz.szConfig(squeezed(shape))
        config.errorBoundMode = pysz.szErrorBoundMode.ABS
        config.absErrorBound = bound
        values = np.ascontiguousarray(array.reshape(squeezed(shape)), dtype=inner)
        return pysz.sz.compress(values, config)[0].tobytes()

    def decode(blob):
        values, _ = pysz.sz.decompress(np.frombuffer(blob, np.uint8).copy(), inner, squeezed(shape))
        return to_dtype(values.reshape(shape), dtype)

    return encode, decode


def zfp(dtype, shape, bound):
    """Give encode(array) and decode(blob) of zfp for arrays of a type and shape.

    Its errors stay well below the bound, which it takes down to a power of two.
    """
    import zfpy

    inner = float_type(dtype)
    code = zfpy.dtype_to_ztype(inner)

    def encode(array):
        values = np.ascontiguousarray(array.reshape(squeezed(shape)), dtype=inner)
        return zfpy.compress_numpy(values, tolerance=bound, write_header=False)

    def decode(blob):
        values = zfpy._decompress(blob, code, squeezed(shape), tolerance=bound)
        return to_dtype(np.asarray(values).reshape(shape), dtype)

    return encode, decode
