"""Pictures by Pillow: PNG, JPEG and TIFF of one page.

Numbers are `(height, width)` of grey and `(height, width, channels)` of grey and alpha, RGB and
RGBA: uint8, uint16, int32 or float32. Palettes become the colours they stand for, as the numbers of
a palette have no order. JPEG is written back as PNG: to lose twice serves nobody. What else a file
says (EXIF, profiles, resolution) is not kept.

Pillow reads colours of 16 bits as 8 without a word, and signed ones of 16 bits as 32: the header is
looked at first. PNG of 16-bit colours goes through imagecodecs, where that is installed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, needing
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.source import Attributes, FileSource

PNG_MAGIC, JPEG_MAGIC = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MODES = {
    "1": ("uint8", 1), "L": ("uint8", 1), "LA": ("uint8", 2), "RGB": ("uint8", 3),
    "RGBA": ("uint8", 4), "I;16": ("uint16", 1), "I;16B": ("uint16", 1), "I": ("int32", 1),
    "F": ("float32", 1),
}  # fmt: skip
"""The type of numbers and the channels of each of Pillow's modes that is read."""
CHANNELS = {"uint8": (1, 2, 3, 4), "uint16": (1, 2, 3, 4), "int32": (1,), "float32": (1,)}
PALETTES = ("P", "PA")
BITS_PER_SAMPLE, SAMPLE_FORMAT, SIGNED = 258, 339, 2  # tags of TIFF
SIXTEEN_BIT_COLOURS = (2, 4, 6)  # colour types of PNG


def open_picture(kind: str, path: Path, member: str | None = None) -> FileSource:
    """Open a picture; its header is read now, and its numbers where they are needed.

    Raises
    ------
    DataError
        If it is damaged, has several pages, or numbers that would not be read as they are.
    MissingExtraError
        If Pillow is not installed.
    """
    with damage_named(path, kind):
        if kind == "PNG" and (shape := _shape_of_16_bit_png(path)) is not None:
            _import_imagecodecs(path)
            return FileSource(shape, np.dtype(np.uint16), partial(_read_16_bit_png, path))
        with _opened(kind, path) as picture:
            mode = _mode_of(picture, kind, path)
            size = picture.size
    dtype, channels = MODES[mode]
    shape = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
    attributes = {"mode": "1"} if mode == "1" else {}
    return FileSource(shape, np.dtype(dtype), partial(_read, kind, path, mode, shape), attributes)


def _opened(kind: str, path: Path) -> Any:
    """Open a picture by the reader of its kind, which has no limit of size."""
    with needing("pillow", f"reading {kind}", "images"):
        from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin
    readers: dict[str, Any] = {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
    }
    return readers[kind](path)


def _mode_of(picture: Any, kind: str, path: Path) -> str:
    """Return the mode to read a picture in, or refuse it."""
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        raise DataError(
            f"{str(path)!r} holds {pages} pages; accepted are single pictures: save each page, or "
            "all as one array with numpy.save"
        )
    mode: str = picture.mode
    if mode in PALETTES:
        return "RGBA" if mode == "PA" or "transparency" in picture.info else "RGB"
    tags = getattr(picture, "tag_v2", {})
    bits, formats = tags.get(BITS_PER_SAMPLE, (8,)), tags.get(SAMPLE_FORMAT, (1,))
    n_bits = max(np.atleast_1d(bits))
    is_cut = kind == "TIFF" and MODES.get(mode, ("", 0))[0] == "uint8" and n_bits > 8
    is_signed_16 = kind == "TIFF" and n_bits == 16 and SIGNED in np.atleast_1d(formats)
    if mode not in MODES or is_cut or is_signed_16:
        sign = "signed " if is_signed_16 else ""
        raise DataError(
            f"{str(path)!r} has pixels of the kind {mode} with {sign}numbers of {n_bits} bits; "
            "accepted are grey of 8, 16 or 32 bits, and RGB and RGBA of 8: convert it, or save its "
            "numbers with numpy.save"
        )
    return mode


def _read(
    kind: str, path: Path, mode: str, shape: tuple[int, ...], start: int, stop: int
) -> npt.NDArray[Any]:
    with damage_named(path, kind), _opened(kind, path) as picture:
        converted = picture.convert(mode) if picture.mode in PALETTES else picture
        x = np.array(converted)
    if x.dtype == np.bool_:
        x = x.astype(np.uint8) * np.uint8(255)
    x = x.astype(MODES[mode][0], copy=False)
    if x.shape != shape:
        raise DataError(f"{str(path)!r} was {shape} and is {x.shape}: it was changed meanwhile")
    return np.ascontiguousarray(x[start:stop])


def _shape_of_16_bit_png(path: Path) -> tuple[int, ...] | None:
    """Return the shape of a PNG whose colours Pillow would cut to 8 bits; else None."""
    with path.open("rb") as stream:
        head = stream.read(26)
    if len(head) < 26 or head[24] != 16 or head[25] not in SIXTEEN_BIT_COLOURS:
        return None
    width, height = (int.from_bytes(head[at : at + 4], "big") for at in (16, 20))
    return (height, width, {2: 3, 4: 2, 6: 4}[head[25]])


def _import_imagecodecs(path: Path | str) -> Any:
    try:
        import imagecodecs
    except ImportError:
        raise DataError(
            f"{str(path)!r} has colours of 16 bits, which Pillow would cut to 8; install what "
            "keeps them: pip install imagecodecs"
        ) from None
    return imagecodecs


def _read_16_bit_png(path: Path, start: int, stop: int) -> npt.NDArray[Any]:
    with damage_named(path, "PNG"):
        x: npt.NDArray[Any] = _import_imagecodecs(path).png_decode(path.read_bytes())
    return np.ascontiguousarray(x[start:stop])


def write_picture(
    kind: str, stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes
) -> None:
    """Write a picture; DataError for what its kind cannot hold."""
    channels = 1 if array.ndim == 2 else array.shape[-1]
    name = array.dtype.name
    is_colour_16 = name == "uint16" and channels > 1
    held = CHANNELS.get(name, ()) if array.ndim in (2, 3) else ()
    if channels not in held or (kind == "PNG" and name in ("int32", "float32")) or (
        kind == "TIFF" and is_colour_16
    ) or 0 in array.shape:  # fmt: skip
        raise DataError(
            f"{kind} cannot hold {array.shape} of {name}; give another suffix: .png takes uint8 "
            "and uint16 of 1 to 4 channels, .tif also int32 and float32 of one, .npy everything"
        )
    if is_colour_16:
        stream.write(_import_imagecodecs("the output").png_encode(array))
        return
    with needing("pillow", f"writing {kind}", "images"):
        from PIL import Image
    if attributes.get("mode") == "1" and name == "uint8" and channels == 1:
        array = array >= 128
    Image.fromarray(array).save(stream, kind)


def _picture(kind: str, suffix: str, other: str, *magics: bytes) -> Format:
    return Format(
        kind,
        lambda head, _: head.startswith(magics),
        partial(open_picture, kind),
        suffix,
        None if kind == "JPEG" else partial(write_picture, kind),
        axes="picture",
        written_as=".png" if kind == "JPEG" else "",
        other_suffixes=(other,) if other else (),
    )


PNG = _picture("PNG", ".png", "", PNG_MAGIC)
JPEG = _picture("JPEG", ".jpg", ".jpeg", JPEG_MAGIC)
TIFF = _picture("TIFF", ".tif", ".tiff", *TIFF_MAGICS)
