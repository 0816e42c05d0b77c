"""WFDB records of formats 212 and 16, as PhysioNet publishes them (Moody & Mark 2001).

A record is a header, `100.hea`, a few lines of text, and the files of samples that it names, such
as `100.dat`: the samples of one instant after another, in 16 bits little-endian each, or two in
three bytes. Samples are `(length, channels)` of int16, in the converter's units. The header comes
back as it was, but for what is computed from the samples. Annotations are not kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.names import check_names
from narrows.signals.source import Attributes, FileSource

Integers = npt.NDArray[np.int16]

PACKED, PLAIN = "212", "16"
_BOUNDS = {PACKED: (-2048, 2047), PLAIN: (-32768, 32767)}
_DEFAULT_RATE = 250.0  # of a header without one
_STORAGE = re.compile(r"(\d+)(x\d+)?(:\d+)?(\+\d+)?")
_BEFORE_INITIAL = ("200", "12", "0")  # gain, resolution and zero of a line that ends before them
_INITIAL, _CHECKSUM = 5, 6  # fields of a channel's line that depend on its samples


@dataclass(frozen=True)
class _Group:
    """Neighbouring channels that are stored together."""

    file: str
    format: str
    offset: int
    channels: int

    def n_bytes(self, length: int) -> int:
        """Return how many bytes so many instants take."""
        count = length * self.channels
        return (3 * count + 1) // 2 if self.format == PACKED else 2 * count

    def length(self, n_bytes: int) -> int:
        """Return how many instants are in so many bytes."""
        count = n_bytes * 2 // 3 if self.format == PACKED else n_bytes // 2
        return count // self.channels


@dataclass(frozen=True)
class _Header:
    lines: list[str]
    channel_lines: list[int]
    rate: float
    length: int  # 0 where the header does not say
    groups: list[_Group]


def is_wfdb(path: Path) -> bool:
    """Return whether a file is a record's header, by its name: it is text without a magic."""
    return path.suffix.lower() == ".hea"


def is_part_of_record(path: Path) -> bool:
    """Return whether a file belongs to a header of the same name beside it."""
    return not is_wfdb(path) and path.with_suffix(".hea").is_file()


def open_wfdb(path: Path, member: str | None = None) -> FileSource:
    """Open a record by its header, to be read where it is needed.

    Raises
    ------
    DataError
        If header or samples are damaged or missing, or of a kind that is not read.
    """
    with damage_named(path, "a WFDB header"):
        text = path.read_text(encoding="utf-8", errors="replace")
        header = _parse(text, str(path))
    found = []
    for group in header.groups:
        file = path.with_name(group.file)
        with damage_named(file, "samples"):
            found.append(group.length(file.stat().st_size - group.offset))
    length = header.length or min(found)
    for group, there in zip(header.groups, found, strict=True):
        if there < length:
            raise DataError(
                f"{str(path.with_name(group.file))!r} holds {max(there, 0)} samples a channel "
                f"where {str(path)!r} says {length}; copy it again"
            )
    channels = sum(group.channels for group in header.groups)
    rate = int(header.rate) if header.rate.is_integer() else header.rate
    part = partial(_read_part, path, header.groups)
    return FileSource((length, channels), np.dtype(np.int16), part, {"rate": rate, "header": text})


def _parse(text: str, name: str) -> _Header:
    """Read the lines of a header; ValueError or IndexError where it is damaged."""
    lines = text.splitlines()
    used = [i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    record, *more = lines[used[0]].split()
    if "/" in record:
        raise DataError(
            f"{name!r} is a WFDB record of several segments; give the headers of its segments"
        )
    n_channels = int(more[0])
    rate = float(re.split(r"[/(]", more[1])[0]) if len(more) > 1 else _DEFAULT_RATE
    length = int(more[2]) if len(more) > 2 else 0
    channel_lines = used[1 : 1 + n_channels]
    if not 0 < n_channels == len(channel_lines) or length < 0:
        raise ValueError(f"{n_channels} channels announced, {len(channel_lines)} described")
    groups: list[_Group] = []
    for number in channel_lines:
        group = _group(lines[number], name)
        if groups and groups[-1].file == group.file:
            group = replace(group, channels=groups.pop().channels + 1)
        groups.append(group)
    return _Header(lines, channel_lines, rate, length, groups)


def _group(line: str, name: str) -> _Group:
    """Read where a channel is stored, from its line."""
    file, stored = line.split()[:2]
    found = _STORAGE.fullmatch(stored)
    if found is None:
        raise ValueError(f"{stored!r} names no format of samples")
    kind, per_instant, skew, offset = found.groups()
    several = per_instant not in (None, "x1")
    if kind not in _BOUNDS or several or skew not in (None, ":0"):
        raise DataError(
            f"{name!r} has samples of the WFDB format {stored}; accepted are 212 and 16, one "
            "sample of each channel at a time: convert it, e.g. with PhysioNet's xform"
        )
    if Path(file).name != file or file in ("", "-", "~"):
        raise DataError(f"{name!r} names {file!r} as its samples; accepted is a file beside it")
    return _Group(file, kind, int(offset or 0), 1)


def _read_part(path: Path, groups: list[_Group], start: int, stop: int) -> Integers:
    parts = []
    for group in groups:
        file = path.with_name(group.file)
        with damage_named(file, "samples"):
            parts.append(_read_group(file, group, start, stop))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _read_group(file: Path, group: _Group, start: int, stop: int) -> Integers:
    first, count = start * group.channels, (stop - start) * group.channels
    if group.format == PLAIN:
        x = np.fromfile(file, "<i2", count, offset=group.offset + 2 * first)
    else:
        odd = first % 2  # a pair is read whole
        size = (3 * (odd + count) + 1) // 2
        stored = np.fromfile(file, np.uint8, size, offset=group.offset + first // 2 * 3)
        x = unpack_212(stored)[odd : odd + count]
    if x.size < count:
        raise ValueError("it became shorter while it was being read")
    return x.astype(np.int16, copy=False).reshape(-1, group.channels)


def unpack_212(stored: npt.NDArray[np.uint8]) -> Integers:
    """Return the samples of 12 bits, two in three bytes; a last one alone has two bytes."""
    padded = np.zeros((len(stored) + 2) // 3 * 3, np.int16)
    padded[: len(stored)] = stored
    low, both, high = padded.reshape(-1, 3).T
    pairs = np.stack([low | (both & 0x0F) << 8, high | (both & 0xF0) << 4], axis=1)
    samples: Integers = (((pairs & 0xFFF) ^ 0x800) - 0x800).reshape(-1)[: len(stored) * 2 // 3]
    return samples


def pack_212(samples: Integers) -> npt.NDArray[np.uint8]:
    """Undo `unpack_212`, for samples of -2048 to 2047."""
    padded = np.zeros((len(samples) + 1) // 2 * 2, np.int16)
    padded[: len(samples)] = samples
    one, two = padded.reshape(-1, 2).T
    stored = np.stack([one & 0xFF, (one >> 8 & 0x0F) | (two >> 4 & 0xF0), two & 0xFF], axis=1)
    return stored.astype(np.uint8).reshape(-1)[: (3 * len(samples) + 1) // 2]


def save_wfdb(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write a record: its header to `path`, `(length, channels)` samples beside it.

    What the format of the samples cannot hold is clipped.

    Raises
    ------
    DataError
        If a record cannot hold such numbers.
    """
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype != np.int16:
        raise DataError(
            f"a WFDB record cannot hold {array.shape} of {array.dtype.name}, only (length, "
            "channels) of int16; write .npy instead"
        )
    header, array = _header_for(path, array, attributes), np.array(array)
    check_names([path.name, *(group.file for group in header.groups)], DataError)
    first = 0
    for group in header.groups:
        own = slice(first, first + group.channels)
        array[:, own] = np.clip(array[:, own], *_BOUNDS[group.format])
        flat = array[:, own].reshape(-1)
        stored = pack_212(flat) if group.format == PACKED else flat.astype("<i2")
        with path.with_name(group.file).open("xb") as stream:
            stream.write(stored.data)
        first += group.channels
    for channel, number in enumerate(header.channel_lines):
        header.lines[number] = _with_sums(header.lines[number], array[:, channel])
    with path.open("x", encoding="utf-8", newline="") as text:
        text.writelines(line + "\n" for line in header.lines)


def _header_for(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> _Header:
    """Return the header that was kept, under its new name, where it fits; else a plain one."""
    try:
        text = _renamed(str(attributes["header"]), path.stem)
        header = _parse(text, path.name)
        channels = sum(group.channels for group in header.groups)
        if (header.length or len(array), channels) == array.shape:
            return header
    except (KeyError, ValueError, IndexError, DataError):
        pass  # written by others, or of samples that were changed
    rate = attributes.get("rate")
    rate = rate if isinstance(rate, int | float) and rate > 0 else _DEFAULT_RATE
    lines = [f"{path.stem} {array.shape[1]} {rate:g} {len(array)}"]
    lines += [f"{path.stem}.dat {PLAIN}"] * array.shape[1]
    return _parse("\n".join(lines), path.name)


def _renamed(text: str, name: str) -> str:
    """Give a header's record another name, and its files; their samples begin at once."""
    header = _parse(text, name)
    lines, record = header.lines, header.channel_lines[0] - 1
    while lines[record].startswith("#") or not lines[record].strip():
        record -= 1
    old, rest = lines[record].split(maxsplit=1)
    lines[record] = f"{name} {rest}"
    for number in header.channel_lines:
        file, stored, *more = lines[number].split(maxsplit=2)
        if Path(file).stem == old:
            file = name + Path(file).suffix
        lines[number] = " ".join([file, stored.partition("+")[0], *more])
    return "\n".join(lines)


def _with_sums(line: str, samples: Integers) -> str:
    """Bring a channel's first value and the sum of its samples up to date."""
    fields = line.split(maxsplit=_CHECKSUM + 2)
    fields += _BEFORE_INITIAL[len(fields) - 2 :] if len(fields) < _INITIAL else ()
    total = int(samples.sum(dtype=np.int64)) & 0xFFFF
    sums = [str(samples[0]) if len(samples) else "0", str(total - (total >> 15 << 16))]
    return " ".join([*fields[:_INITIAL], *sums, *(fields[_CHECKSUM + 1 :] or ["0"])])


WFDB = Format(
    "WFDB", lambda _, path: is_wfdb(path), open_wfdb, ".hea", save=save_wfdb, axes="time",
    companion=is_part_of_record,
)  # fmt: skip
