"""FLAC, AIFF, W64, CAF and AU files, and Ogg and MP3, by libsndfile.

Samples are `(length,)` of one channel and `(length, channels)` of several: int16, int32 (24 bits
as their values, as libsndfile gives them at the top of 32), float32 or float64. What comes back is
of the same file format. Ogg and MP3 are read in int16, and come back as FLAC: to lose a second time
what they had already lost would be no service. Titles and pictures are not kept.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, needing
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.source import Attributes, FileSource

_SUBTYPES = {
    "PCM_S8": ("int16", 8), "PCM_U8": ("int16", 8), "PCM_16": ("int16", 0), "PCM_24": ("int32", 8),
    "PCM_32": ("int32", 0), "FLOAT": ("float32", 0), "DOUBLE": ("float64", 0),
}  # fmt: skip
"""By libsndfile's name: the type to read in, and how many of its low bits are zeros."""
_DEFAULT_SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}
_DEFAULT_RATE = 8000
_MAX_RATE = 1 << 24
_FORMATS = {".flac": "FLAC", ".aiff": "AIFF", ".aif": "AIFF", ".w64": "W64", ".caf": "CAF",
            ".au": "AU"}  # fmt: skip
_MAGICS = (b"fLaC", b"caff", b".snd", b"riff\x2e\x91\xcf\x11")


@cache
def _soundfile() -> Any:
    with needing("soundfile", "reading and writing recordings", "audio"):
        import soundfile
    return soundfile


def is_audio(head: bytes) -> bool:
    """Return whether a file begins like a lossless recording."""
    return head.startswith(_MAGICS) or (head[:4] == b"FORM" and head[8:11] == b"AIF")


def is_lossy_audio(head: bytes, path: Path) -> bool:
    """Return whether a file is Ogg or MP3, which has no magic of its own."""
    frames = head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")
    return head.startswith(b"OggS") or (frames and path.suffix.lower() == ".mp3")


def open_audio(path: Path, member: str | None = None) -> FileSource:
    """Open a recording, to be read where it is needed.

    Raises
    ------
    DataError
        If the file is damaged, or its samples are of a kind that is not read.
    MissingExtraError
        If soundfile is not installed.
    """
    with damage_named(path, "a recording"):
        info = _soundfile().info(str(path))
    lossy = info.format in ("OGG", "MP3", "MPEG")
    kind = ("int16", 0) if lossy else _SUBTYPES.get(info.subtype)
    if kind is None:
        raise DataError(
            f"{str(path)!r} has samples of the kind {info.subtype_info!r}; accepted are PCM and "
            "floats: convert it"
        )
    shape = (info.frames,) if info.channels == 1 else (info.frames, info.channels)
    attributes = {"rate": info.samplerate} | ({} if lossy else {"subtype": info.subtype})
    part = partial(_read_part, path, np.dtype(kind[0]), kind[1])
    return FileSource(shape, np.dtype(kind[0]), part, attributes)


def _read_part(
    path: Path, dtype: np.dtype[Any], zeros: int, start: int, stop: int
) -> npt.NDArray[Any]:
    with damage_named(path, "a recording"), _soundfile().SoundFile(str(path)) as file:
        file.seek(start)
        x: npt.NDArray[Any] = file.read(stop - start, dtype=dtype.name)
        if len(x) < stop - start:
            raise ValueError(f"{stop - start} samples expected, {len(x)} found")
    return x >> zeros if zeros else x


def save_audio(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write `(length,)` or `(length, channels)` samples; what they have too many bits for, clipped.

    Raises
    ------
    DataError
        If the format has no such numbers or axes.
    """
    soundfile = _soundfile()
    kind = _FORMATS.get(path.suffix.lower(), "FLAC")
    subtype = attributes.get("subtype")
    if not isinstance(subtype, str) or _SUBTYPES.get(subtype, ("",))[0] != array.dtype.name:
        subtype = _DEFAULT_SUBTYPES.get(array.dtype.name, "")
    if array.ndim > 2 or not soundfile.check_format(kind, subtype):
        raise DataError(
            f"{kind} cannot hold {array.shape} of {array.dtype.name}; write .wav or .npy instead"
        )
    rate = attributes.get("rate")
    rate = rate if isinstance(rate, int) and 0 < rate < _MAX_RATE else _DEFAULT_RATE
    zeros = _SUBTYPES[subtype][1]
    if zeros:
        bounds = np.iinfo(array.dtype)
        array = np.clip(array, bounds.min >> zeros, bounds.max >> zeros) << zeros
    try:
        soundfile.write(str(path), array, rate, subtype, format=kind)
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise DataError(
            f"{kind} cannot hold these samples ({reason}); write .wav instead"
        ) from error


AUDIO = Format(
    "audio", lambda head, _: is_audio(head), open_audio, ".flac", save=save_audio, axes="time",
    other_suffixes=tuple(_FORMATS)[1:],
)  # fmt: skip
LOSSY_AUDIO = Format("Ogg or MP3", is_lossy_audio, open_audio, axes="time", written_as=".flac")
