"""Bad pieces of a host: blocks without a container, with right checksums but for one fault each.

They are of 25 signals of 4 x 3, or of an array of 9 x 7 that is cut to frames of these.
"""

from scripts.golden.bad.good_files import GOOD, crc, varint

ID = GOOD.with_name("contexts.nrw").read_bytes()[6:22]
SHAPES = {"wrapped-array": (9, 7), "wrapped": (25, 4, 3)}
"""The host's shape, by the beginning of a file's name."""


def piece(body, n=25, name=ID):
    """Return a piece with its checksum."""
    return body + crc(name + n.to_bytes(8, "little") + body)


def in_blocks(*blocks):
    """Return several blocks, (first byte, signals, payload) each."""
    each = (bytes([a]) + varint(n) + varint(len(data)) + data for a, n, data in blocks)
    return b"\x0f" + b"".join(each)


def bad_wrapped():
    """Make each bad piece of signals."""
    first, payload = 2, bytes(12 * 25)  # stored as they are
    good = piece(bytes([first]) + payload)
    half = (2, 12, bytes(12 * 12))
    return {
        "of-no-bytes": b"",
        "of-a-checksum-alone": piece(b""),
        "checksum-wrong": good[:-1] + bytes([good[-1] ^ 1]),
        "of-another-model": piece(bytes([first]) + payload, name=bytes(16)),
        "of-another-number-of-signals": piece(bytes([first]) + payload, n=24),
        "mode-unknown": piece(b"\x0d" + payload),
        "quality-that-the-model-has-not": piece(b"\x40" + bytes(8)),
        "stored-too-short": piece(bytes([first]) + payload[1:]),
        "of-fewer-blocks": piece(in_blocks(half)),
        "of-too-many-blocks": piece(in_blocks(half, half, half)),
        "of-no-blocks": piece(in_blocks()),
        "block-of-no-signals": piece(in_blocks((2, 0, b""), (first, 25, payload))),
        "block-longer-than-the-piece": piece(in_blocks((first, 25, payload))[:-1]),
        "filled-and-nothing-else": piece(b"\x0e\x18", n=24),
        "filled-beyond-its-end": piece(b"\x0e\x1a" + bytes([first]) + bytes(12 * 26), n=26),
        "filled-nowhere": piece(b"\x0e\x19" + bytes([first]) + payload),
        "filled-twice": piece(b"\x0e\x18\x0e\x17" + bytes([first]) + bytes(12 * 23), n=24),
        "filled-with-a-length-not-in-shortest-form": piece(
            b"\x0e\x98\x00" + bytes([first]) + bytes(12 * 24), n=24
        ),
        "array-filled-with-one-length-of-0": piece(b"\x0e\x00\x07\x0f", n=0),
        "array-of-more-frames": piece(b"\x0e\x04\x03" + bytes([first]) + bytes(24), n=1),
    }
