"""format/packets.md, "Packet payload": from the bytes of a packet to its one signal."""

import zlib
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from .conventions import need
from .model import read_model
from .payload import Group, Seen
from .promised_packet import read_promised
from .tables import TOTAL, Table


def read_packet(packet_bytes: bytes, model_bytes: bytes, checksum: bool = False) -> np.ndarray:
    """Decode a packet to one signal of the frame shape."""
    model, packet = read_model(model_bytes), bytes(packet_bytes)
    if checksum:
        need(len(packet) >= 5, "the packet is too short")
        packet, stored = packet[:-4], int.from_bytes(packet[-4:], "little")
        need(zlib.crc32(model.id + packet) == stored, "the checksum is wrong")
    need(packet, "the packet is empty")
    if len(packet) > 1 and packet[-1] == 0:
        return read_promised(packet, model)
    first, payload, quality = packet[0], packet[1:], (packet[0] >> 5) + 1
    escaped = bool(first & 0x10)
    need(quality <= len(model.codings), "the model has no such quality")
    groups = model.codings[quality - 1]
    n = sum(len(group.order) for group in groups)
    need(8 * len(payload) < (89 if escaped else 24) * n + 8, "the payload is too long")
    symbols, found = read_payload(payload, groups, model.k, escaped)
    need(found == escaped, "the escape mode is wrong")
    own = write_payload(symbols, groups, escaped, len(payload))
    need(own == payload, "the payload is not the writer's")
    named = model.id + bytes([first & 0xF0]) + np.array(symbols, "<i4").tobytes()
    need(zlib.crc32(named) & 0x0F == first & 0x0F, "the check bits are wrong")
    return model.decode(np.array([symbols], np.int64), quality)[0]


def total(table: Table, escaped: bool) -> int:
    """Return the sum of the entries in use."""
    return TOTAL if escaped else TOTAL - table.weights[-1]


def read_payload(
    payload: bytes, groups: Sequence[Group], k: int, escaped: bool
) -> tuple[list[int], bool]:
    """Decode the k symbols of a packet; return them, and whether one is an escape."""
    x, d = int.from_bytes(payload, "big"), 256 ** len(payload)
    symbols, found = [0] * k, False
    for group in groups:
        seen: Seen = []
        for j in group.order:
            (table,) = group.tables_after(seen, 1)
            x *= total(table, escaped)
            e, number = bisect_right(table.starts, x // d) - 1, None
            x, d = x - table.starts[e] * d, d * table.weights[e]
            if e == table.escape:
                ahead = (x << 65) // d
                zeros = 65 - ahead.bit_length()
                need(zeros <= 32, "a code has too many zeros in front")
                v = ahead >> (64 - 2 * zeros)
                x, number, found = (x << 2 * zeros + 1) - v * d, v - 1, True
            symbols[j] = table.symbol(e, number)
            seen.append([e])
    return symbols, found


def write_payload(
    symbols: Sequence[int], groups: Sequence[Group], escaped: bool, n: int
) -> bytes | None:
    """Return the least string of n bytes in the interval of the symbols that does not end in 0."""
    low, width, scale = 0, 1, 1
    for group in groups:
        seen: Seen = []
        for j in group.order:
            (table,) = group.tables_after(seen, 1)
            e, number = table.entry(symbols[j])
            of_table = total(table, escaped)
            low, width = low * of_table + table.starts[e] * width, width * table.weights[e]
            scale *= of_table
            if number is not None:
                m = 2 * (number + 1).bit_length() - 1
                low, scale = (low << m) + (number + 1) * width, scale << m
            seen.append([e])
    least = -(-(low << 8 * n) // scale)
    least += n > 0 and least % 256 == 0
    inside = least * scale < low + width << 8 * n
    return least.to_bytes(n, "big") if inside else None
