"""Variable-length integers in bytes and in bits."""

from __future__ import annotations

from narrows.errors import FormatError

MAX_GOLOMB_ZEROS = 32  # the escape numbers of int32 symbols are below 2**33
MAX_VARINT_BYTES = 5  # 35 bits: every length and count of the formats fits in 32


def write_varint(value: int) -> bytes:
    """Write an unsigned integer, seven bits a byte, lowest first, high bit set but on the last."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read the integer at `position`; return it and the position after it.

    Raises
    ------
    FormatError
        If the data ends inside it, it is longer than five bytes, or not the shortest form.
    """
    value = 0
    for count in range(MAX_VARINT_BYTES):
        if position + count >= len(data):
            raise FormatError("truncated: the data ends inside a variable-length integer")
        byte = data[position + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if byte == 0 and count:
                raise FormatError("a variable-length integer that is not in its shortest form")
            return value, position + count + 1
    raise FormatError(f"a variable-length integer of more than {MAX_VARINT_BYTES} bytes")


class BitWriter:
    """Bits to bytes, the first bit in the highest place."""

    def __init__(self) -> None:
        self._chunks: list[str] = []

    def write_exp_golomb(self, number: int) -> None:
        """Write a number >= 0: v = number + 1 in binary, after as many zeros as v has bits less 1.

        Source: Teuhola (1978), order 0.
        """
        digits = format(number + 1, "b")
        self._chunks.append("0" * (len(digits) - 1) + digits)

    def write_bits(self, number: int, n_bits: int) -> None:
        """Write a number >= 0 in so many bits, the highest first."""
        self._chunks.append(format(number, f"0{n_bits}b"))

    def to_bytes(self) -> bytes:
        """Return the bits, filled with zeros to a whole byte."""
        text = "".join(self._chunks)
        n_bytes = -(-len(text) // 8)
        return int(text.ljust(8 * n_bytes, "0") or "0", 2).to_bytes(n_bytes, "big")


class BitReader:
    """The inverse of `BitWriter`."""

    def __init__(self, data: bytes) -> None:
        self._text = format(int.from_bytes(data, "big"), f"0{8 * len(data)}b") if data else ""
        self._position = 0

    def read_exp_golomb(self) -> int:
        """Read the next number; FormatError where the bits do not hold one."""
        one = self._text.find("1", self._position, self._position + MAX_GOLOMB_ZEROS + 1)
        end = 2 * one - self._position + 1
        if one < 0 or end > len(self._text):
            raise FormatError("escaped symbols that end too early, or one too large for int32")
        number = int(self._text[one:end], 2) - 1
        self._position = end
        return number

    def read_bits(self, n_bits: int) -> int:
        """Read a number of so many bits, which must be there."""
        start, self._position = self._position, self._position + n_bits
        return int(self._text[start : self._position], 2)

    def check_end(self) -> None:
        """Raise FormatError unless only the zero bits that fill the last byte are left."""
        rest = self._text[self._position :]
        if len(rest) >= 8 or "1" in rest:
            raise FormatError("payload with bits left over after the last one that means anything")
