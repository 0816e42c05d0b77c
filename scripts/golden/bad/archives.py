"""Bad archives of one quality."""

import zlib

from readers.python.narrows_reader.conventions import Cursor
from scripts.golden.bad.good_files import (
    ARCHIVE,
    MODEL,
    TRUTHS_ARCHIVE,
    crc,
    flip,
    varint,
)

CODED, DEFLATED, STORED, PATCHED, LEARNED, ROTATED = 0, 1, 2, 3, 6, 7
ZEROS = bytes(6 * 4)  # one signal, of six float32


def header(magic=b"\x89NRW", version=0, flags=0, name=ARCHIVE[6:22], dtype=5, shape=(6,)):
    """Make a header."""
    data = magic + bytes([version, flags]) + name + bytes([dtype, len(shape)])
    data += b"".join(map(varint, shape))
    return data + crc(data)


def block(mode, n, payload, quality=1, count=None):
    """Make a block; `count` is the bytes of its number of signals where they are not right."""
    fields = bytes([quality << 4 | mode]) + (count or varint(n)) + varint(len(payload))
    return n, fields + crc(fields + payload) + payload


def archive(*blocks, head=None, n_blocks=None, entries=None, length=None):
    """Make an archive of blocks; what is given is written instead of what is right."""
    entries = entries or [(n, len(data)) for n, data in blocks]
    index = b"\x0f" + varint(len(entries) if n_blocks is None else n_blocks)
    index += b"".join(varint(n) + varint(size) for n, size in entries)
    index += crc(index)
    tail = (length or len(index)).to_bytes(4, "little") + b"WRN\x98"
    return (head or header()) + b"".join(data for _, data in blocks) + index + tail


def embed(model, name=ARCHIVE[6:22], flags=1):
    """Make a header with a model, or with something else, behind it."""
    fields = varint(len(model)) + model
    return header(flags=flags, name=name) + fields + crc(fields)


def describe(text, n_bytes=None, rest=b""):
    """Make a header with metadata."""
    size = varint(len(text) if n_bytes is None else n_bytes)
    return embed(size + zlib.compress(text) + rest, flags=2)


def good_payload(data=ARCHIVE):
    """Take the payload of a good archive's one block out of it."""
    shape = data[24 : 24 + data[23]]
    cursor = Cursor(data[28 + len(shape) :])
    first, n, size = cursor.number(), cursor.varint(), cursor.varint()
    payload = cursor.check_crc(0, size)
    good = block(first & 15, n, payload, first >> 4)
    head = header(name=data[6:22], dtype=data[22], shape=shape)
    assert archive(good, head=head) == data, "the good archive is not made as this script thinks"
    return n, payload, first >> 4


def bad_rotations(n, payload, quality):
    """Make each bad block along axes of its own, of a model of two latents."""

    def rotated(start, number=quality):
        return archive(block(ROTATED, n, start + payload, number))

    return {
        "rotated-of-quality-0": rotated(varint(0) + b"\x40", 0),
        "rotated-of-quality-that-the-model-has-not": rotated(varint(0) + b"\x40", 8),
        "rotated-too-often": rotated(varint(33) + bytes([0b01000000]) * 40),
        "rotated-ends-in-a-rotation": archive(block(ROTATED, n, varint(9) + b"\x40", quality)),
        "rotated-towards-itself": rotated(varint(1) + bytes([0b11000010, 0])),
        "rotated-bits-left-over": rotated(varint(0) + bytes([0b01000001])),
        "rotated-coder-not-empty": rotated(varint(1) + bytes([0b01000010, 0b10000000])),
    }


def bad_archives():
    """Make each bad archive."""
    n, payload, quality = good_payload()
    good, zero = block(CODED, n, payload, quality), block(STORED, 1, ZEROS)
    index = len(ARCHIVE) - 8 - int.from_bytes(ARCHIVE[-8:-4], "little")

    def coded(data, quality=quality):
        return archive(block(CODED, n, data, quality))

    return {
        "another-magic": archive(good, head=header(magic=b"\x89NRV")),
        "future-version": archive(good, head=header(version=1)),
        "unknown-required-flag": archive(good, head=header(flags=4)),
        "unknown-element-type": archive(good, head=header(dtype=12)),
        "too-many-dimensions": archive(good, head=header(shape=(6,) + (1,) * 8)),
        "frame-of-no-bytes": archive(good, head=header(shape=(0,))),
        "frame-shape-not-of-the-model": archive(good, head=header(shape=(3, 2))),
        "element-type-not-of-the-model": archive(good, head=header(dtype=4)),
        "of-another-model": archive(good, head=header(name=bytes([1] * 16))),
        "flipped-header-bit": flip(ARCHIVE, 10),
        "flipped-payload-bit": flip(ARCHIVE, index - 1),
        "flipped-index-bit": flip(ARCHIVE, index + 2),
        "truncated-in-block": ARCHIVE[: index - 3],
        "truncated-in-index": ARCHIVE[: index + 3],
        "truncated-in-tail": ARCHIVE[:-1],
        "without-index": ARCHIVE[:index],
        "data-after-the-end": ARCHIVE + b"\0",
        "of-no-model": archive(good, head=header(name=bytes(16))),
        "unknown-mode": archive(block(14, n, payload, quality)),
        "block-of-no-signals": archive(block(STORED, 0, b"")),
        "block-of-too-many-signals": archive(block(DEFLATED, 2**17, zlib.compress(ZEROS * 2**17))),
        "count-not-in-shortest-form": archive(block(CODED, n, payload, quality, b"\x94\x00")),
        "stored-too-short": archive(block(STORED, 1, ZEROS[1:])),
        "payload-longer-than-signals": archive(block(STORED, 1, ZEROS + b"\0")),
        "deflated-of-too-many-bytes": archive(block(DEFLATED, 1, zlib.compress(ZEROS + b"\0"))),
        "deflated-of-too-few-bytes": archive(block(DEFLATED, 1, zlib.compress(ZEROS[1:]))),
        "data-after-the-zlib-stream": archive(block(DEFLATED, 1, zlib.compress(ZEROS) + b"\0")),
        "quality-0": coded(payload, quality=0),
        "quality-that-the-model-has-not": coded(payload, quality=8),
        "learned-of-quality-0": archive(block(LEARNED, n, payload, 0)),
        "learned-of-quality-that-the-model-has-not": archive(block(LEARNED, n, payload, 8)),
        "learned-coder-not-empty": archive(block(LEARNED, n, payload, quality)),
        **bad_rotations(n, payload, quality),
        "more-words-than-bytes": coded(bytes([payload[0] + 9]) + payload[1:]),
        "last-word-0": coded(varint(payload[0] + 1) + payload[1 : 1 + 4 * payload[0]] + bytes(4)),
        "coder-not-empty": coded(flip(payload, 1)),
        "escape-missing": coded(payload[: 1 + 4 * payload[0]]),
        "escape-of-33-zeros": coded(payload[: 1 + 4 * payload[0]] + bytes(4) + b"\x40" + bytes(4)),
        "byte-after-the-escapes": coded(payload + b"\0"),
        "bit-after-the-escapes": coded(flip(payload, len(payload) - 1)),
        "block-count-too-large": archive(zero, n_blocks=2),
        "block-count-too-small": archive(zero, zero, entries=[(1, len(zero[1]))]),
        "block-count-of-billions": archive(zero, n_blocks=2**34),
        "index-with-other-signals": archive(zero, entries=[(2, len(zero[1]))]),
        "index-with-other-bytes": archive(zero, entries=[(1, len(zero[1]) - 1)]),
        "index-length-wrong": archive(zero, length=7),
        "embedded-model-damaged": archive(zero, head=flip(embed(MODEL), 400)),
        "embedded-model-of-another-id": archive(zero, head=embed(MODEL, bytes([1] * 16))),
    } | {f"metadata-{name}": archive(good, head=head) for name, head in bad_metadata().items()}


def bad_truths():
    """Make each bad archive of truth values, of which some are neither 0 nor 1."""
    head = header(name=TRUTHS_ARCHIVE[6:22], dtype=7, shape=(4, 3))
    values, (n, payload, quality) = b"\0\1\2" * 4, good_payload(TRUTHS_ARCHIVE)
    runs, kept = zlib.compress(b"\0\1" + bytes(6)), zlib.compress(b"\2")
    exact = b"".join(
        (bytes([CODED]), varint(1), varint(len(runs)), runs, varint(len(kept)), kept, payload)
    )
    blocks = {
        "stored": block(STORED, 1, values),
        "deflated": block(DEFLATED, 9, zlib.compress(values * 9)),
        "exact": block(PATCHED, n, exact, quality),
    }
    return {name: archive(each, head=head) for name, each in blocks.items()}


def bad_metadata():
    """Make headers with bad metadata."""
    good = b'{"names":["a","b"]}'
    return {
        "damaged": flip(describe(good), 40),
        "missing": header(flags=2),
        "of-no-bytes": embed(b"", flags=2),
        "of-gigabytes": header(flags=2) + varint(2**31) + bytes(9),
        "inflating-to-gigabytes": describe(good, 2**31),
        "inflating-too-far": describe(bytes(2**20), 19),
        "inflating-too-little": describe(good, 20),
        "with-a-byte-after-the-stream": describe(good, rest=b"\0"),
        "no-json": describe(good[:-1]),
        "a-list": describe(b'["names"]'),
        "with-nan": describe(b'{"scale":NaN}'),
        "with-minus-infinity": describe(b'{"scale":-Infinity}'),
        "not-utf-8": describe(b'{"name":"\xe4"}'),
        "nested-too-deep": describe(b'{"a":' * 100_000),
    }
