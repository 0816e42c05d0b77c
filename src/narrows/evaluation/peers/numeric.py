"""Codecs of numeric arrays: SZ3, SPERR and zfp. Shape and dtype are known, and not counted.

They take floating-point values; whole numbers go in as such, and are rounded on the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from narrows.element_types import ends_of
from narrows.evaluation.peers import pictures
from narrows.evaluation.peers.contract import Functions, Peer, Signals, Workload
from narrows.evaluation.peers.mosaics import Shape

BOUNDS = (12.8, 6.4, 3.2, 1.6, 0.8, 0.4, 0.2, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Absolute error bounds, in standard deviations of the signals."""
PSNRS = tuple(range(6, 100, 5))
"""Of SPERR, in dB of the array's own range."""
NUMBERS = "finite numbers, but for pictures of uint8"
FIELDS = f"{NUMBERS}, in frames of two dimensions or more that are no recordings"
ANY_AXES = range(1, 17)
Make = Callable[["np.dtype[Any]", Shape, float], Functions]


def bounds(work: Workload) -> tuple[float, ...]:
    """Return the absolute error bounds at which signals are coded, the widest first."""
    deviation = float(work.x.std(dtype=np.float64)) or 1.0
    return tuple(deviation * bound for bound in BOUNDS)


def takes(work: Workload) -> bool:
    """Return whether signals are numbers without NaN and infinities, and no pictures of bytes."""
    return not pictures.takes(work) and bool(np.isfinite(work.x).all())


def takes_fields(work: Workload) -> bool:
    """Return whether such numbers lie in an array of two dimensions or more."""
    return takes(work) and len(_squeezed(work.layout.join(work.x[:2]).shape)) > 1


def peers() -> Iterator[Peer]:
    """Yield each codec on one array of all signals, and SZ3 and zfp on each signal."""
    for key, name, package, make in (("sz3", "SZ3", "pysz", _sz3), ("zfp", "zfp", "zfpy", _zfp)):
        bulk = Peer(
            key=f"{key}-bulk",
            name=f"{name}, all in bulk",
            accepts=NUMBERS,
            takes=takes,
            settings=bounds,
            functions=partial(_functions, make),
            layout=lambda work: work.layout,
            requires=package,
            bounded=True,
            array_axes=ANY_AXES,
        )
        yield bulk
        yield replace(
            bulk, key=f"{key}-records", name=f"{name}, one record each", alone=True, everyday=False
        )
    sperr = replace(
        bulk,
        key="sperr",
        name="SPERR, all in bulk",
        accepts=FIELDS,
        takes=takes_fields,
        settings=lambda work: PSNRS,
        functions=partial(_functions, partial(_sperr, "psnr")),
        requires="imagecodecs.SPERR",
        bounded=False,
    )
    yield sperr
    yield replace(
        sperr,
        key="sperr-bound",
        name="SPERR under a bound, all in bulk",
        settings=bounds,
        functions=partial(_functions, partial(_sperr, "pwe")),
        bounded=True,
        everyday=False,
    )


def _functions(make: Make, work: Workload, shape: Shape, setting: float) -> Functions:
    """Return what `make` gives for floats, for arrays of a shape and of the signals' dtype."""
    dtype = work.x.dtype
    inner = np.dtype(np.float32 if np.can_cast(dtype, np.float32) else np.float64)
    squeezed = _squeezed(shape)
    encode, decode, _ = make(inner, squeezed, setting)

    def decode_to_dtype(blob: bytes) -> Signals:
        values = decode(blob).reshape(shape)
        if dtype.kind == "f":
            return values.astype(dtype, copy=False)
        return np.asarray(np.clip(np.rint(values), *ends_of(dtype)).astype(dtype))

    return (
        lambda array: bytes(encode(np.ascontiguousarray(array.reshape(squeezed), dtype=inner))),
        decode_to_dtype,
        0,
    )


def _squeezed(shape: Shape) -> Shape:
    """Leave out axes of length 1, and join the first ones of more than three."""
    sides = tuple(size for size in shape if size > 1) or (1,)
    return sides if len(sides) <= 3 else (prod(sides[:-2]), *sides[-2:])


def _sz3(dtype: np.dtype[Any], shape: Shape, bound: float) -> Functions:
    """Return the functions of SZ3: the smaller of its two interpolations.

    Left to choose, it mixes in Lorenzo prediction by an estimate that is often wrong.
    """
    import pysz

    def encode(values: Signals) -> bytes:
        config = pysz.szConfig(shape)
        config.errorBoundMode = pysz.szErrorBoundMode.ABS
        config.absErrorBound = bound
        blobs: list[bytes] = []
        for config.cmprAlgo in (pysz.szAlgorithm.INTERP, pysz.szAlgorithm.INTERP_LORENZO):
            blobs.append(pysz.sz.compress(values, config)[0].tobytes())
        return min(blobs, key=len)

    def decode(blob: bytes) -> Signals:
        return np.asarray(pysz.sz.decompress(np.frombuffer(blob, np.uint8).copy(), dtype, shape)[0])

    return encode, decode, 0


def _zfp(dtype: np.dtype[Any], shape: Shape, bound: float) -> Functions:
    """Return the functions of zfp, whose errors stay well below the bound: a power of two."""
    import zfpy

    code = zfpy.dtype_to_ztype(dtype)
    return (
        lambda values: zfpy.compress_numpy(values, tolerance=bound, write_header=False),
        lambda blob: np.asarray(zfpy._decompress(blob, code, shape, tolerance=bound)),
        0,
    )


def _sperr(mode: str, dtype: np.dtype[Any], shape: Shape, level: float) -> Functions:
    """Return the functions of SPERR: at a PSNR of the array's range, or "pwe", under a bound."""
    import imagecodecs

    options = {"header": False, "numthreads": 1}
    return (
        lambda values: imagecodecs.sperr_encode(values, level, mode, **options),
        lambda blob: imagecodecs.sperr_decode(blob, shape=shape, dtype=dtype, **options),
        0,
    )
