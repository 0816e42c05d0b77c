"""Other compressors under a bound, for `benchmarks.bounds`: bytes, and what comes back."""


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
