"""Picture codecs, from imagecodecs: one file a signal, and one mosaic of all.

Each is called in its lossy mode, which is not always what its default or its name says:

- WebP is lossless unless told otherwise.
- AVIF is lossless for a grey array whatever its level; a coloured one, of which the file keeps the
  grey alone, is coded as it should be.
- JPEG 2000 takes a PSNR as its level, and needs the irreversible wavelet.
"""

import numpy as np

TINY = 64 * 64  # pixels


def _colour(grey):
    return np.repeat(grey[..., None], 3, axis=-1)


def _jpeg(picture, level):
    import imagecodecs

    return imagecodecs.jpeg8_encode(picture, level=int(level), optimize=True)


def _from_jpeg(blob):
    import imagecodecs

    return imagecodecs.jpeg8_decode(blob)


def _webp(picture, level):
    import imagecodecs

    return imagecodecs.webp_encode(_colour(picture), level=level, method=6, lossless=False)


def _from_webp(blob):
    import imagecodecs

    return imagecodecs.webp_decode(blob)[..., 0]


def _avif(picture, level):
    import imagecodecs

    # At speed 6, tiny pictures take more bytes, and never fewer than good quality needs.
    speed = 6 if picture.size > TINY else 8
    return imagecodecs.avif_encode(
        _colour(picture), level=int(level), speed=speed, pixelformat="400", numthreads=1
    )


def _from_avif(blob):
    import imagecodecs

    decoded = imagecodecs.avif_decode(blob, numthreads=1)
    return decoded if decoded.ndim == 2 else decoded[..., 0]


def _jpegxl(picture, distance):
    import imagecodecs

    return imagecodecs.jpegxl_encode(picture, distance=distance, effort=7, numthreads=1)


def _from_jpegxl(blob):
    import imagecodecs

    return imagecodecs.jpegxl_decode(blob, numthreads=1)


def _jpeg2000(picture, psnr):
    import imagecodecs

    return imagecodecs.jpeg2k_encode(
        picture, level=int(psnr), reversible=False, codecformat="j2k", numthreads=1
    )


def _from_jpeg2000(blob):
    import imagecodecs

    return imagecodecs.jpeg2k_decode(blob, numthreads=1)


CODECS = {
    "jpeg": ("JPEG", _jpeg, _from_jpeg, (1, 4, 7, 10, 15, 20, 30, 50, 75)),
    "webp": ("WebP", _webp, _from_webp, (0, 0.1, 0.3, 1, 3, 8, 15, 30, 60)),
    "avif": ("AVIF", _avif, _from_avif, (1, 5, 10, 15, 20, 25, 30, 40, 50, 65)),
    "jpegxl": ("JPEG XL", _jpegxl, _from_jpegxl, (25.0, 20.0, 16.0, 12.0, 9.0, 6.0, 3.0)),
    "jpeg2000": ("JPEG 2000", _jpeg2000, _from_jpeg2000, (14, 16, 18, 20, 22, 24, 26, 28, 32)),
}
"""Key: name, encode(picture, setting), decode(blob), settings from few bytes to many."""


def full_range(peak):
    """Give functions that stretch values 0 .. peak over the range of a byte, and take them back.

    A picture codec would take 17 grey levels of 0 to 16 for darkness.
    """
    factor = 255 // int(peak)
    if factor == 1:
        return np.asarray, np.asarray

    def stretch(picture):
        return np.asarray(picture * np.uint8(factor))

    def shrink(picture):
        return np.rint(np.minimum(picture, factor * peak) / factor).astype(np.uint8)

    return stretch, shrink
