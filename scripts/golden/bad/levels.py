"""Bad archives of levels: blocks that no sender writes."""

from scripts.golden.bad.archives import STORED, archive, block, header
from scripts.golden.bad.good_files import FOLDER, varint

LEVELS, CODED = 5, 0
GOOD = FOLDER / "levels-v0"
NOTHING = varint(0)


def number(value):
    """Write a number with its size before it."""
    data = value.to_bytes(8, "little").rstrip(b"\0")
    return bytes([len(data)]) + data


ZERO, NINE = number(0), number(9)


def payload(flags=1, kind=0, grid=ZERO + b"\0", high=NINE, start=b"\1", weights=b"\0" * 6,
            streams=NOTHING * 3):  # fmt: skip
    """Make the payload of 40 numbers of int32 that are all 0."""
    return bytes([kind, flags]) + grid + high + start + weights + streams


def swept(folded):
    """Write the weights of a side that has one."""
    return b"\1\1\1" + varint(folded)


def bad_levels():
    """Make each bad archive, of one block of 5 signals of 40 uint16."""

    def of(data, dtype=2, shape=(40,), mode=LEVELS):
        head = header(name=bytes(16), dtype=dtype, shape=shape)
        return archive(block(mode, 5, data, quality=0), head=head)

    return {
        "kind-1": of(payload(kind=1)),
        "decimals-of-uint16": of(payload(flags=0xC1)),
        "divisor-0": of(payload(flags=0xC1, grid=number(2**53) + number(0)), dtype=6),
        "of-no-axes": of(payload(flags=0)),
        "of-more-axes-than-the-block": of(payload(flags=3)),
        "grids-of-no-channels": of(payload(flags=0x21)),
        "number-of-9-bytes": of(payload(high=b"\x09" + bytes([1] * 9))),
        "number-not-in-shortest-form": of(payload(high=b"\2\1\0")),
        "high-too-large": of(payload(high=number(2**38 + 2))),
        "start-class-too-large": of(payload(start=b"\xb5")),
        "values-of-two-bytes": of(payload(flags=9, high=number(256), weights=b"")),
        "low-bits-of-uint16": of(payload(grid=number(0) + b"\1")),
        "first-outside-the-type": of(payload(grid=number(2**16) + b"\0")),
        "whole-bound-0": of(payload(flags=0x41, grid=number(0) + number(0))),
        "whole-bound-too-large": of(payload(flags=0x41, grid=number(0) + number(2**20 + 1))),
        "scaled-integers": of(payload(flags=0x81, grid=bytes(16))),
        "weight-too-large": of(payload(weights=b"\1\1\1" + varint(2**12 + 1) + b"\0" * 5)),
        "more-weights-than-groups": of(payload(weights=b"\1\1\x09" + b"\0" * 9 + b"\0" * 5)),
        "words-longer-than-the-block": of(payload(streams=b"\x09" + NOTHING * 2)),
        "words-missing": of(payload()),
        "low-bits-longer-than-the-block": of(payload(streams=NOTHING + b"\x09" + NOTHING)),
        "bytes-left-over": of(payload(streams=NOTHING * 3 + b"\1")),
        "truncated": of(payload(streams=b"")),
        "fronts-of-channels": of(payload(kind=2, flags=5, weights=b""), shape=(20, 2)),
        "fronts-of-values": of(payload(kind=2, flags=9, weights=b"")),
        "fronts-of-too-large-a-weight": of(payload(kind=2, weights=swept(2**16 + 1))),
        "fronts-of-too-many-weights": of(payload(kind=2, weights=b"\1\1\2\0\0")),
        "fronts-too-many": of(payload(kind=2, weights=b"\0"), shape=(2**14 + 1,)),
        "coded-without-a-model": of(payload(), mode=CODED),
        "stored-too-short": of(payload(), mode=STORED),
    }
