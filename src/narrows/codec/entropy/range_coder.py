"""Table entries <-> the fewest bytes that stand for them: arithmetic coding in 64 bits.

    interval   from low / 2**64 up to, but without, (low + width) / 2**64; [0, 1) at first
    an entry   width is cut into 2**24 equal parts, of which the entry keeps its own
    a byte     below 2**56, low and width are 256 times as large

The string of an interval is the shortest one inside, its bytes being the digits behind the point in
base 256, and of those the least. Packets of networks are coded so: of one signal, the words of a
stack would be two to three bytes longer. Time grows with the number of entries, not its square.
"""

from __future__ import annotations

from narrows.codec.entropy.tables import PRECISION, TOTAL
from narrows.errors import FormatError

WIDTH_BITS = 64
LEAST_WIDTH = 1 << WIDTH_BITS - 8
_MASK = (1 << WIDTH_BITS) - 1


class RangeEncoder:
    """Narrows an interval entry by entry."""

    def __init__(self) -> None:
        self._digits = bytearray()
        self._low, self._width = 0, 1 << WIDTH_BITS

    def encode(self, start: int, weight: int) -> None:
        """Keep the parts from `start` to `start + weight`, at least one, of 2**24."""
        part = self._width >> PRECISION
        self._low += start * part
        self._width = weight * part
        if self._low > _MASK:
            self._low &= _MASK
            self._carry()
        while self._width < LEAST_WIDTH:
            self._digits.append(self._low >> WIDTH_BITS - 8)
            self._low = self._low << 8 & _MASK
            self._width <<= 8

    def _carry(self) -> None:
        """Add one to the digits, which are a number below what they stand for at most."""
        at = len(self._digits) - 1
        while self._digits[at] == 0xFF:
            self._digits[at] = 0
            at -= 1
        self._digits[at] += 1

    def to_bytes(self) -> bytes:
        """Return the shortest string inside; the least of several."""
        low = int.from_bytes(self._digits, "big") << WIDTH_BITS | self._low
        if low == 0:
            return b""
        before, last = low - 1, low + self._width - 1
        # Between both, zeros can end a number up to the highest digit in which they differ.
        n_zeros = ((before ^ last).bit_length() - 1) // 8
        n_bytes = len(self._digits) + WIDTH_BITS // 8
        return ((before >> 8 * n_zeros) + 1).to_bytes(n_bytes - n_zeros, "big")


class RangeDecoder:
    """Follows an encoder's interval around the number that a string stands for."""

    def __init__(self, string: bytes) -> None:
        self._string, self._at = string, WIDTH_BITS // 8
        self._above_low = int.from_bytes(string[: self._at].ljust(self._at, b"\0"), "big")
        self._width = 1 << WIDTH_BITS

    def part(self) -> int:
        """Return which of 2**24 equal parts the number lies in; FormatError where in none."""
        found = self._above_low // (self._width >> PRECISION)
        if found >= TOTAL:
            raise FormatError("packet whose number lies in no entry")
        return found

    def advance(self, start: int, weight: int) -> None:
        """Keep the parts of the entry that was found."""
        part = self._width >> PRECISION
        self._above_low -= start * part
        self._width = weight * part
        while self._width < LEAST_WIDTH:
            digit = self._string[self._at] if self._at < len(self._string) else 0
            self._above_low = self._above_low << 8 | digit
            self._width <<= 8
            self._at += 1
