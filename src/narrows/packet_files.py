"""Packets in files: a folder with one file a packet, or JSON lines with one packet a line.

    00007-of-00050.packet
    {"number": 7, "of": 50, "bytes": 12, "packet": "BASE64"}

Numbers count from 0. Neither says more than what a packet does: which model wrote it, and whether
with a checksum, is for both sides to know. A name may leave `-of-TOTAL` out, and a line all but its
packet.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO

from narrows.errors import DataError, FormatError

PATTERN = re.compile(r"([0-9]{1,18})(?:-of-([0-9]{1,18}))?\.packet")
DIGITS = 5  # at least, so that names are sorted as numbers are
MAX_BYTES = 1 << 20  # of a packet: what is longer is damaged
MAX_LINE_BYTES = 2 * MAX_BYTES
NAMED = 5
"""Packets that an error names; of others it gives the number."""


@dataclass(frozen=True)
class Packets:
    """The packets of some signals, as far as they are there.

    Attributes
    ----------
    by_number : dict of int to bytes
        In the order of the numbers.
    n_signals : int
        Of all, with those whose packet is missing.
    """

    by_number: dict[int, bytes]
    n_signals: int

    @property
    def gaps(self) -> list[range]:
        """The numbers whose packet is not there, in runs."""
        ends = pairwise((-1, *self.by_number, self.n_signals))
        return [range(before + 1, after) for before, after in ends if after > before + 1]

    @property
    def n_missing(self) -> int:
        """How many are not there."""
        return self.n_signals - len(self.by_number)


def named(numbers: Iterable[int], n: int) -> str:
    """Write the first of `n` numbers, and how many more there are."""
    first = ", ".join(map(str, islice(numbers, NAMED)))
    return f"{first} and {n - NAMED} more" if n > NAMED else first


def write_files(folder: Path, packets: Sequence[bytes]) -> None:
    """Write one file a packet into an empty folder."""
    n = len(packets)
    width = max(DIGITS, len(str(n)))
    for number, packet in enumerate(packets):
        (folder / f"{number:0{width}}-of-{n:0{width}}.packet").write_bytes(packet)


def write_lines(stream: BinaryIO, packets: Sequence[bytes]) -> None:
    """Write one JSON object a packet, each on a line of its own."""
    for number, packet in enumerate(packets):
        line = {
            "number": number,
            "of": len(packets),
            "bytes": len(packet),
            "packet": b64encode(packet).decode(),
        }
        stream.write(json.dumps(line).encode() + b"\n")


def files_of(folder: Path) -> list[Path]:
    """Return the files of a folder that holds nothing but packets; hidden ones are passed over.

    Raises
    ------
    DataError
        If it holds anything else.
    """
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    for file in files:
        if not PATTERN.fullmatch(file.name) or not file.is_file():
            raise DataError(
                f"{folder} holds {file.name!r}, which is no packet: accepted are files with names "
                "like 7.packet or 00007-of-00050.packet"
            )
    return files


def read_files(folder: Path) -> Packets:
    """Read the packets of a folder.

    Raises
    ------
    DataError
        If it holds none, or anything else.
    FormatError
        If their names contradict each other.
    """
    found = []
    for file in files_of(folder):
        match = PATTERN.fullmatch(file.name)
        assert match is not None
        with file.open("rb") as stream:
            packet = stream.read(MAX_BYTES)
        found.append((int(match[1]), None if match[2] is None else int(match[2]), packet))
    if not found:
        raise DataError(f"{folder} holds no packets; write some with narrows compress --packets")
    return _together(found, str(folder))


def read_lines(stream: Any, name: str) -> Packets:
    """Read packets from lines, `name` being what errors call them.

    Raises
    ------
    FormatError
        If a line is no packet, or lines contradict each other.
    """
    found: list[tuple[int, int | None, bytes]] = []
    while line := stream.readline(MAX_LINE_BYTES):
        if line.strip():
            try:
                found.append(_parsed(line, len(found)))
            except (ValueError, KeyError, TypeError) as error:
                raise FormatError(
                    f"line {len(found) + 1} of {name} is no packet ({error or 'not JSON'}); "
                    'accepted is {"packet": "BASE64"}, with "number", "of" and "bytes" or without'
                ) from None
    return _together(found, name)


def _parsed(line: bytes, number: int) -> tuple[int, int | None, bytes]:
    """Read a line; ValueError, KeyError or TypeError if it is no packet's."""
    fields = json.loads(line)
    packet = b64decode(fields["packet"], validate=True)
    number, total = fields.get("number", number), fields.get("of")
    if fields.get("bytes", len(packet)) != len(packet):
        raise ValueError(f"{len(packet)} bytes where it says {fields['bytes']}")
    for value in (number, *([] if total is None else [total])):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**18:
            raise ValueError(f"{value!r} where a number is expected")
    return number, total, packet


def _together(found: list[tuple[int, int | None, bytes]], name: str) -> Packets:
    totals = sorted({total for _, total, _ in found if total is not None})
    if len(totals) > 1:
        raise FormatError(f"{name} holds packets of {totals[0]} and of {totals[1]} signals")
    by_number: dict[int, bytes] = {}
    for number, _, packet in sorted(found, key=lambda each: each[0]):
        if number in by_number:
            raise FormatError(f"{name} holds two packets of number {number}")
        by_number[number] = packet
    n_signals = totals[0] if totals else max(by_number, default=-1) + 1
    if by_number and max(by_number) >= n_signals:
        raise FormatError(f"{name} holds packet {max(by_number)} of {n_signals}, counted from 0")
    return Packets(by_number, n_signals)
