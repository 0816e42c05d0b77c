"""Bad archives with exact values."""

import zlib
from typing import NamedTuple

import numpy as np

from readers.python.narrows_reader import read_archive
from readers.python.narrows_reader.conventions import Cursor
from readers.python.narrows_reader.raw_blocks import raw_of_planes
from scripts.golden.bad.archives import (
    CODED,
    LEARNED,
    PATCHED,
    ROTATED,
    STORED,
    archive,
    block,
    good_payload,
    header,
)
from scripts.golden.bad.good_files import EXACT_ARCHIVE, EXACT_MODEL, varint

ELEMENTS = 20 * 12


class Parts(NamedTuple):
    """The parts of such a payload, to be changed and put together again."""

    runs: list  # gaps, then lengths
    values: bytes  # in planes
    symbols: bytes

    @classmethod
    def of(cls, payload):
        """Take a good payload apart."""
        cursor = Cursor(payload)
        assert cursor.number() == CODED
        cursor.varint()
        runs, values = (zlib.decompress(cursor.take(cursor.varint())) for _ in range(2))
        runs = np.frombuffer(raw_of_planes(runs, 4), "<u4").tolist()
        return cls(runs, values, cursor.rest())

    def payload(self, n_runs=None, runs=None, values=None, size=0):
        """Put the payload together; streams that are given, and `size` more bytes, are faults."""
        planes = np.array(self.runs, "<u4").view(np.uint8).reshape(-1, 4).T.tobytes()
        out = bytes([CODED]) + varint(len(self.runs) // 2 if n_runs is None else n_runs)
        for stream in (runs or zlib.compress(planes), values or zlib.compress(self.values)):
            out += varint(len(stream) + size) + stream
        return out + self.symbols


def without_last(planes):
    """Return planes of float32 without those of the last element."""
    return np.frombuffer(planes, np.uint8).reshape(4, -1)[:, :-1].tobytes()


def bad_exact_values():
    """Make each bad archive with exact values."""
    n, payload, quality = good_payload(EXACT_ARCHIVE)
    good, head = Parts.of(payload), header(name=EXACT_ARCHIVE[6:22], shape=(4, 3))
    runs, half = good.runs, len(good.runs) // 2

    def patched(data, quality=quality):
        return archive(block(PATCHED, n, data, quality), head=head)

    def change(place, value):
        changed = [*runs]
        changed[place] = value
        return patched(good._replace(runs=changed).payload())

    read_archive(patched(good.payload()), EXACT_MODEL)
    packed = zlib.compress(np.array(runs, "<u4").view(np.uint8).reshape(-1, 4).T.tobytes())
    kept = zlib.compress(good.values)
    # A whole signal less: its last element is coded, so that its symbols are missing.
    fewer = Parts([*runs[:-1], runs[-1] - 1], without_last(good.values), good.symbols)
    all_of_it = Parts([0, ELEMENTS], bytes(4 * ELEMENTS), b"")
    return {
        "of-no-bytes": patched(b""),
        "of-a-mode-and-no-more": patched(bytes([CODED])),
        "before-stored-signals": patched(bytes([STORED]) + good.payload()[1:]),
        "before-exact-values": patched(bytes([PATCHED]) + good.payload()),
        "before-an-unknown-mode": patched(bytes([14]) + good.payload()[1:]),
        "before-learned-symbols-that-are-not": patched(bytes([LEARNED]) + good.payload()[1:]),
        "before-axes-of-a-model-without": patched(bytes([ROTATED]) + good.payload()[1:]),
        "of-no-runs": patched(Parts([], b"", good.symbols).payload()),
        "of-more-runs-than-elements": patched(good.payload(n_runs=ELEMENTS // 2 + 1)),
        "of-billions-of-runs": patched(good.payload(n_runs=2**34)),
        "run-of-no-elements": change(half, 0),
        "runs-that-touch": change(1, 0),
        "runs-after-the-last-element": change(half - 1, ELEMENTS),
        "runs-of-2-to-32-elements": change(half, 2**32 - 1),
        "runs-truncated": patched(good.payload(runs=packed[:-1])),
        "runs-too-few": patched(good.payload(n_runs=half + 1)),
        "runs-too-many": patched(good.payload(n_runs=half - 1)),
        "runs-inflating-too-far": patched(good.payload(runs=zlib.compress(bytes(2**17)))),
        "runs-with-a-byte-after-the-stream": patched(good.payload(runs=packed + b"\0")),
        "runs-longer-than-the-payload": patched(good.payload(size=2**20)),
        "values-truncated": patched(good.payload(values=kept[:-1])),
        "values-too-few": patched(good._replace(values=good.values[4:]).payload()),
        "values-too-many": patched(good._replace(values=good.values + bytes(4)).payload()),
        "values-inflating-too-far": patched(good.payload(values=zlib.compress(bytes(2**17)))),
        "values-with-a-byte-after-the-stream": patched(good.payload(values=kept + b"\0")),
        "values-alone": patched(all_of_it.payload()),
        "symbols-missing": patched(good._replace(symbols=b"").payload()),
        "symbols-of-fewer-signals": patched(fewer.payload()),
        "symbols-with-a-byte-left-over": patched(
            good._replace(symbols=good.symbols + b"\0").payload()
        ),
        "quality-that-the-model-has-not": patched(payload, quality=8),
    }
