"""The good golden files that the bad ones are made from, and what writes parts of any file."""

import zlib

from scripts.golden import FOLDER

GOOD = FOLDER / "v0" / "escapes"
MODEL = GOOD.with_suffix(".narrows").read_bytes()
ARCHIVE = GOOD.with_suffix(".nrw").read_bytes()
CONV_MODEL = GOOD.with_name("conv-2d-uint8.narrows").read_bytes()
CONTEXT_MODEL = GOOD.with_name("contexts.narrows").read_bytes()  # of the second of three qualities
WIDE_MODEL = GOOD.with_name("contexts-wide.narrows").read_bytes()  # of 17 latents
ONE_LATENT_MODEL = GOOD.with_name("mode-stored.narrows").read_bytes()
CORRECTION_MODEL = GOOD.with_name("correction-float32.narrows").read_bytes()
TRELLIS_MODEL = GOOD.with_name("trellis-int16.narrows").read_bytes()  # of two qualities
CONTEXT_TRELLIS_MODEL = GOOD.with_name("trellis-contexts-int16.narrows").read_bytes()
QUALITIES_MODEL = GOOD.with_name("qualities-float32.narrows").read_bytes()  # of four qualities
EXACT_MODEL = GOOD.with_name("exact-float32.narrows").read_bytes()
EXACT_ARCHIVE = GOOD.with_name("exact-float32.nrw").read_bytes()
PREDICTED_MODEL = GOOD.with_name("predicted-float32.narrows").read_bytes()
PREDICTED_ARCHIVE = GOOD.with_name("predicted-float32.nrw").read_bytes()
NUMBERS_MODEL = GOOD.with_name("level-networks-int16.narrows").read_bytes()
LEVELS_ARCHIVE = GOOD.with_name("level-networks-int16.nrw").read_bytes()
BYTES_MODEL = GOOD.with_name("level-bounds-uint8.narrows").read_bytes()
FLOATS_MODEL = GOOD.with_name("level-bounds-float32.narrows").read_bytes()
FLOATS_ARCHIVE = GOOD.with_name("level-bounds-float32.nrw").read_bytes()
TILES_MODEL = GOOD.with_name("tiles-float32.narrows").read_bytes()
TILES_ARCHIVE = GOOD.with_name("tiles-float32.nrw").read_bytes()
TRUTHS_MODEL = GOOD.with_name("linear-bool.narrows").read_bytes()
TRUTHS_ARCHIVE = GOOD.with_name("linear-bool.nrw").read_bytes()
QUALITIES_ARCHIVE = GOOD.with_name("qualities-float32.nrw").read_bytes()


def crc(data):
    """Return a CRC-32 as it is stored."""
    return zlib.crc32(data).to_bytes(4, "little")


def varint(value):
    """Write a varint."""
    data = b""
    while value > 127:
        data, value = data + bytes([value & 127 | 128]), value >> 7
    return data + bytes([value])


def flip(data, at):
    """Flip the lowest bit of one byte."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
