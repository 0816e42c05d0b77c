"""FORMAT.md, "Conventions": rejection, numbers, variable-length integers, CRC-32."""

import zlib

Shape = tuple[int, ...]


class Rejected(Exception):  # noqa: N818
    """The bytes are no archive, packet or model that the document allows."""


def need(fact: object, reason: str) -> None:
    """Reject the bytes unless the fact holds."""
    if not fact:
        raise Rejected(reason)


class Cursor:
    """Bytes that are read from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = memoryview(data), 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, which must be there."""
        need(self.at + count <= len(self.data), "the bytes end too early")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(len(self.data) - self.at)

    def number(self, n_bytes: int = 1) -> int:
        """Read an unsigned integer of that many bytes."""
        return int.from_bytes(self.take(n_bytes), "little")

    def varint(self) -> int:
        """Read a varint, which must be in its shortest form."""
        value = 0
        for i in range(5):
            byte = self.number()
            value |= (byte & 127) << 7 * i
            if byte < 128:
                need(byte or i == 0, "a varint is longer than it must be")
                return value
        raise Rejected("a varint has more than 5 bytes")

    def check_crc(self, start: int, n_payload: int = 0) -> bytes:
        """Read a CRC-32 and the payload behind it; return the payload.

        The CRC-32 is that of the bytes from `start` up to itself, then of the payload.
        """
        crc, stored = zlib.crc32(self.data[start : self.at]), self.number(4)
        payload = self.take(n_payload)
        need(zlib.crc32(payload, crc) == stored, "a CRC-32 is wrong")
        return payload
