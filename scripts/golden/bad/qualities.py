"""Bad archives of several qualities."""

from typing import NamedTuple

import numpy as np

from readers.python.narrows_reader import read_archive
from readers.python.narrows_reader.conventions import Cursor
from readers.python.narrows_reader.payload import decode_column
from readers.python.narrows_reader.tables import make_table
from scripts.golden.bad.archives import CODED, archive, block, good_payload, header
from scripts.golden.bad.good_files import QUALITIES_ARCHIVE, QUALITIES_MODEL, flip, varint


class Groups(NamedTuple):
    """The parts of such a block's payload, to be changed and put together again."""

    counts: list
    listed: bytes
    parts: list

    @classmethod
    def of(cls, payload):
        """Take a good payload apart."""
        cursor = Cursor(payload)
        counts = [cursor.varint() for _ in range(4)]
        listed, *parts = (cursor.take(cursor.varint()) for _ in range(1 + sum(map(bool, counts))))
        return cls(counts, listed, parts)

    def payload(self):
        """Put the payload together."""
        counts = b"".join(map(varint, self.counts))
        return counts + b"".join(varint(len(part)) + part for part in (self.listed, *self.parts))

    def table(self):
        """Return the table of the list."""
        room = 2**24 - len(self.counts) - 1
        weights = [1 + count * room // sum(self.counts) for count in self.counts]
        return make_table(1, [*weights, 2**24 - sum(weights)])

    def entries(self):
        """Decode the list to entries, one less than the qualities."""
        listed = decode_column(self.listed, self.table(), sum(self.counts))
        return (listed - 1).tolist()

    def listing(self, entries, escaped=b""):
        """List other entries; `escaped` is what follows the words."""
        table, state, words = self.table(), 0, []
        for e in reversed(entries):
            w = table.weights[e]
            if state >> 40 >= w:
                words, state = [*words, state % 2**32], state >> 32
            state = (state // w << 24) + state % w + table.starts[e]
        while state:
            words, state = [*words, state % 2**32], state >> 32
        listed = varint(len(words)) + np.array(words, "<u4").tobytes() + escaped
        return self._replace(listed=listed)


def bad_groups():
    """Make each bad archive of several qualities."""
    n, payload, _ = good_payload(QUALITIES_ARCHIVE)
    good, head = Groups.of(payload), header(name=QUALITIES_ARCHIVE[6:22])
    entries, (first, *others) = good.entries(), good.counts
    assert good.listing(entries).payload() == payload, (
        "the good payload is not as this script thinks"
    )
    # No signal at quality 1; no part has a word, so each symbol is the first of its table.
    none_at_1 = good._replace(counts=[0, first + others[0], *others[1:]], parts=3 * [b"\0"])
    none_at_1 = none_at_1.listing([max(e, 1) for e in entries])

    def several(data):
        return archive(block(CODED, n, data, 0), head=head)

    def change(**parts):
        return several(good._replace(**parts).payload())

    def list_first(of, entry, escaped=b""):
        """List another entry of the first signal."""
        return several(of.listing([entry, *of.entries()[1:]], escaped).payload())

    read_archive(several(none_at_1.payload()), QUALITIES_MODEL)
    counts, sized = bytes(good.counts), varint(len(good.listed)) + good.listed
    before_last, last = good._replace(parts=good.parts[:-1]), good.parts[-1]
    return {
        "of-no-bytes": several(b""),
        "counts-of-more-signals": change(counts=[first + 1, *others]),
        "counts-of-fewer-signals": change(counts=[first - 1, *others]),
        "counts-of-2-to-32-more-signals": change(counts=[first + 2**32, *others]),
        "count-not-in-shortest-form": several(bytes([first | 128, 0]) + payload[1:]),
        "count-missing": several(counts[:-1]),
        "list-of-other-qualities": list_first(good, (entries[0] + 1) % 4),
        "list-of-a-quality-not-counted": list_first(none_at_1, 0),
        "list-of-a-quality-that-the-model-has-not": list_first(good, 4, b"\x80"),
        "list-of-quality-0": list_first(good, 4, b"\x40"),
        "list-longer-than-the-payload": several(counts + varint(len(payload)) + sized[1:]),
        "list-of-no-bytes": change(listed=b""),
        "list-of-more-words-than-bytes": change(listed=b"\x09" + good.listed[1:]),
        "list-coder-not-empty": change(listed=flip(good.listed, 1)),
        "list-with-a-byte-left-over": change(listed=good.listed + b"\0"),
        "part-longer-than-the-payload": several(
            before_last.payload() + varint(len(last) + 1) + last
        ),
        "part-missing": several(before_last.payload()),
        "part-of-a-quality-not-counted": several(none_at_1._replace(parts=4 * [b"\0"]).payload()),
        "part-with-a-byte-left-over": change(parts=[*good.parts[:-1], last + b"\0"]),
        "byte-after-the-parts": several(payload + b"\0"),
    }
