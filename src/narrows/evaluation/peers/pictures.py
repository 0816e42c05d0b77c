"""Picture codecs, from imagecodecs: one mosaic of all signals, and one file a signal.

Each is called in its lossy mode, which is not always what its default or its name says:

- WebP is lossless unless told otherwise.
- AVIF is lossless for a grey array whatever its level; a coloured one, of which the file keeps the
  grey alone, is coded as it should be. In colour, 420 is behind 444 from 24 dB on.
- JPEG 2000 takes a PSNR as its level, and needs the irreversible wavelet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from narrows.evaluation.peers.contract import Functions, Peer, Signals, Workload
from narrows.evaluation.peers.mosaics import Shape, is_picture, mosaic

Options = Callable[[float, bool], dict[str, Any]]
CODECS: dict[str, tuple[str, str, tuple[float, ...], Options]] = {
    "jpeg": (
        "JPEG", "jpeg8", (1, 4, 7, 10, 15, 20, 30, 50, 75, 90, 98),
        lambda level, grey: {"level": int(level), "optimize": True},
    ),
    "webp": (
        "WebP", "webp", (0, 0.1, 0.3, 1, 3, 8, 15, 30, 60, 80, 95, 100),
        lambda level, grey: {"level": level, "method": 6, "lossless": False},
    ),
    "avif": (
        "AVIF", "avif", (1, 5, 10, 15, 20, 25, 30, 40, 50, 65, 80, 90, 99),
        lambda level, grey: {"level": int(level), "speed": 6, "numthreads": 1,
                             "pixelformat": "400" if grey else "444"},
    ),
    "jpegxl": (
        "JPEG XL", "jpegxl", (25.0, 20.0, 16.0, 12.0, 9.0, 6.0, 3.0, 1.5, 0.5, 0.1),
        lambda distance, grey: {"distance": distance, "effort": 7, "numthreads": 1},
    ),
    "jpeg2000": (
        "JPEG 2000", "jpeg2k", (14, 16, 18, 20, 22, 24, 26, 28, 32, 36, 40, 44, 48, 52),
        lambda psnr, grey: {"level": int(psnr), "reversible": False, "codecformat": "j2k",
                            "numthreads": 1},
    ),
}  # fmt: skip
"""Key: name, imagecodecs' name, settings, and keywords by setting and whether pictures are grey."""
ONLY_COLOURED = ("webp", "avif")
EVERYDAY = ("avif", "webp", "jpegxl")


def takes(work: Workload) -> bool:
    """Return whether signals are pictures of bytes."""
    return work.x.dtype == np.uint8 and is_picture(work.frame_shape)


def peers() -> Iterator[Peer]:
    """Yield each codec on one mosaic of all signals, and on each signal."""
    for key, (name, part, settings, _) in CODECS.items():
        peer = Peer(
            key=f"{key}-mosaic",
            name=f"{name} mosaic",
            accepts="pictures (n, h, w) or (n, h, w, 3) of uint8, 4 x 4 pixels at least",
            takes=takes,
            settings=lambda work, settings=settings: settings,  # type: ignore[misc]
            functions=partial(_functions, key),
            layout=lambda work: mosaic(work.frame_shape),
            requires=f"imagecodecs.{part.upper()}",
            everyday=key in EVERYDAY,
            array_axes=(2,),
        )
        yield peer
        yield replace(
            peer, key=f"{key}-files", name=f"{name}, one file each", alone=True, everyday=False
        )


def _functions(key: str, work: Workload, shape: Shape, setting: float) -> Functions:
    """Return encode(picture) and decode(blob) at a setting, for the values and colours at hand.

    Values 0 .. m are stretched over the range of a byte: a picture codec would take 17 grey levels
    of 0 to 16 for darkness.
    """
    import imagecodecs

    _, part, _, options = CODECS[key]
    largest = int(work.x.max(initial=0)) or 1
    factor = np.uint8(255 // largest)
    grey = len(shape) == 2

    def encode(picture: Signals) -> bytes:
        picture = picture * factor
        if grey and key in ONLY_COLOURED:
            picture = np.repeat(picture[..., None], 3, axis=-1)
        return bytes(getattr(imagecodecs, f"{part}_encode")(picture, **options(setting, grey)))

    def decode(blob: bytes) -> Signals:
        decoded = np.asarray(getattr(imagecodecs, f"{part}_decode")(blob))
        decoded = decoded[..., 0] if grey and decoded.ndim == 3 else decoded
        values = np.rint(np.minimum(decoded, factor * largest) / factor)
        return np.asarray(values, dtype=np.uint8)

    return encode, decode, 0
