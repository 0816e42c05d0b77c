"""format/packets.md, "Packets that keep a bound": from the bytes of a packet to its one signal."""

import math
import zlib
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from .conventions import need
from .level_decisions import TOTAL, Decisions
from .levels import read_levels
from .model import Model
from .raw_blocks import elements, inflate, raw_of_planes


def read_promised(packet: bytes, model: Model) -> np.ndarray:
    """Decode a packet without its checksum to one signal of the frame shape."""
    first, payload, shape = packet[0], packet[1:-1], (1, *model.frame_shape)
    n_bytes = math.prod(shape) * model.dtype.itemsize
    need(len(payload) <= n_bytes, "the payload is longer than the signal")
    named = model.id + bytes([first & 0xE0]) + payload
    need(zlib.crc32(named) & 0x1F == first & 0x1F, "the check bits are wrong")
    form = first >> 5
    if form >= 4:
        need(model.levels, "networks of levels that there are none of")
        assert model.levels is not None
        need(form < 6 or not model.levels.atoms, "networks of bytes with changes")
        return model.by_levels(payload, 1, bool(form & 1), bool(form & 2), Interval)[0]
    if form >= 2:
        return read_levels(bytes([2 * form - 4]) + payload, shape, model.dtype)[0]
    if form == 1:
        payload = raw_of_planes(inflate(payload, n_bytes, -15), model.dtype.itemsize)
    need(len(payload) == n_bytes, "a payload has another length than its signal")
    return elements(payload, model.dtype, 1, model.frame_shape)[0]


class Interval(Decisions):
    """Entries from a string, and the interval that they leave."""

    def __init__(self, string: bytes) -> None:
        self.string, self.n = string, 8
        self.x = int.from_bytes(string[:8].ljust(8, b"\0"), "big")
        self.low, self.width = 0, 2**64

    def entry(self, weights: Sequence[int], starts: Sequence[int]) -> int:
        """Take an entry of a table."""
        part = self.width >> 24
        r = self.x // part
        need(r < TOTAL, "the string is in no entry")
        e = bisect_right(starts, r) - 1
        self.x -= starts[e] * part
        self.low += starts[e] * part
        self.width = weights[e] * part
        while self.width < 2**56:
            byte = self.string[self.n] if self.n < len(self.string) else 0
            self.x, self.low, self.width = 256 * self.x + byte, 256 * self.low, 256 * self.width
            self.n += 1
        return e

    def check_end(self) -> None:
        """Check that the string is the writer's."""
        end = shortest(self.low, self.low + self.width - 1, self.n)
        need(end == self.string, "the payload is not the writer's")


def shortest(a: int, b: int, n: int) -> bytes:
    """Return the shortest, then smallest of the strings of n bytes from a to b, without zeros."""
    z = max(z for z in range(n + 1) if -(-a >> 8 * z) << 8 * z <= b)
    return (-(-a >> 8 * z)).to_bytes(n - z, "big")
