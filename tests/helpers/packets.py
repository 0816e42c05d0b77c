"""Tables and codecs for packets, and what a damaged packet may do."""

import time
from functools import cache

import numpy as np
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.packets import PacketCoder, keeps_promise
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable
from narrows.errors import FormatError
from tests.helpers.context_models import tables_and_symbols
from tests.helpers.tiny_models import (
    INT32,
    any_int32,
    assert_one_line,
    noise_frames,
    tiny_model,
    typical_frames,
)

MODEL_ID = bytes(range(16))
LONGEST_SECONDS = 0.05  # of one packet of a tiny model, damaged or not
HALF_AND_QUARTERS = FrequencyTable(0, np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4]))


def table_of(low, *weights):
    """A table of these weights, the last entry given what is missing."""
    return FrequencyTable(low, np.array([*weights, TOTAL - sum(weights)]))


TINY_ROWS = (
    (HALF_AND_QUARTERS,),
    (HALF_AND_QUARTERS, HALF_AND_QUARTERS),
    (table_of(-1, 9_000_000, 3, 7_000_000), table_of(5, TOTAL - 1)),
    (table_of(0, 1, TOTAL // 3), table_of(-2, TOTAL // 5, TOTAL // 7, TOTAL // 11)),
    (table_of(INT32.max - 1, 1, 1), table_of(INT32.min, 5_000_001, 5_000_003)),
)


@cache
def row_of(k, seed=0):
    """Make k tables, narrow and wide ones."""
    rng = np.random.default_rng(seed)
    spreads = rng.uniform(0.2, 12, k)
    return [count_table(np.round(rng.laplace(size=500) * s).astype(np.int32)) for s in spreads]


def coder_of(*rows):
    return coder_for(*map(FixedTables, rows))


def coder_for(*tables):
    return PacketCoder(MODEL_ID, dict(enumerate(tables, 1)))


def int32s(*symbols):
    return np.array(symbols, np.int32)


@st.composite
def tables_and_one(draw):
    row = row_of(draw(st.integers(1, 9)), draw(st.integers(0, 5)))
    inside = [st.integers(table.low, table.high) for table in row]
    outside = draw(st.sets(st.integers(0, len(row) - 1), max_size=3))
    drawn = [draw(any_int32 if j in outside else s) for j, s in enumerate(inside)]
    return FixedTables(row), int32s(*drawn)


with_context = tables_and_symbols(min_n=1, max_n=1).map(lambda case: (case[0], case[1][0]))
any_tables_and_symbols = tables_and_one() | with_context


def outcome(codec, packet, checksum=False):
    """Decode; None where it is refused. Any other exception is an error of the test."""
    before = time.process_time()
    try:
        x = codec.decompress_packet(packet, checksum=checksum)
    except FormatError as error:
        x = None
        assert_one_line(error)
    assert time.process_time() - before < LONGEST_SECONDS
    if x is not None:
        assert x.shape == codec.model.frame_shape
        assert x.dtype == codec.model.dtype
        if keeps_promise(packet[:-4] if checksum else packet):
            return x  # deflated bytes and levels have several forms
        # What decodes is what would be coded: no other packet has a second form of its length.
        coder = codec.decoder.packets
        symbols, quality = coder.decode(packet, checksum=checksum)
        own = symbols[None], quality, len(packet)
        assert coder.encode_to(*own, checksum=checksum) == [packet]
    return x


@cache
def codec_and_packets(checksum=False):
    codec = Codec(tiny_model("int16", (3, 2), latent_size=4, n_qualities=3))
    shape = (10, *codec.model.frame_shape)
    frames = [*typical_frames(codec.model, 10), *noise_frames("int16", shape)]
    packets = [
        codec.compress_packet(x, quality, checksum=checksum) for x in frames for quality in (1, 3)
    ]
    assert any(packet[0] & 0x10 for packet in packets)
    return codec, packets
