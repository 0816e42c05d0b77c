"""Make the golden bad files, each named after its one fault: `python scripts/make_golden_bad.py`.

They come from one small golden model and its archive, which is given a search too, from a model of
convolutions, from models with contexts, and from an archive of several qualities. All checksums and
ids that are not the fault itself are right, so that only the check in question can refuse a file.
"""

import json
import sys
import zlib
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))
import independent_reader as reader  # noqa: E402

GOOD = TESTS / "golden" / "v0" / "escapes"
FOLDER = TESTS / "golden" / "bad-v0"
MODEL = GOOD.with_suffix(".narrows").read_bytes()
ARCHIVE = GOOD.with_suffix(".nrw").read_bytes()
CONV_MODEL = GOOD.with_name("conv-2d-uint8.narrows").read_bytes()
CONTEXT_MODEL = GOOD.with_name("contexts.narrows").read_bytes()  # of the second of three qualities
WIDE_MODEL = GOOD.with_name("contexts-wide.narrows").read_bytes()  # of 17 latents
ONE_LATENT_MODEL = GOOD.with_name("mode-stored.narrows").read_bytes()
MIXED_MODEL = GOOD.with_name("mixed-float32.narrows").read_bytes()  # of four qualities
MIXED_ARCHIVE = GOOD.with_name("mixed-float32.nrw").read_bytes()
CODED, DEFLATED, STORED, MIXED = 0, 1, 2, 3
ZEROS = bytes(6 * 4)  # one signal, of six float32


def crc(data):
    """Give a CRC-32 as it is stored."""
    return zlib.crc32(data).to_bytes(4, "little")


def varint(value):
    """Write a varint."""
    data = b""
    while value > 127:
        data, value = data + bytes([value & 127 | 128]), value >> 7
    return data + bytes([value])


# ---- Archives


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


def embed(model, name=ARCHIVE[6:22]):
    """Make a header with a model behind it."""
    fields = varint(len(model)) + model
    return header(flags=1, name=name) + fields + crc(fields)


def good_payload(data=ARCHIVE):
    """Take the payload of a good archive's one block out of it."""
    cursor = reader.Cursor(data[29:])
    first, n, size = cursor.number(), cursor.varint(), cursor.varint()
    payload = cursor.check_crc(0, size)
    good, head = block(first & 15, n, payload, first >> 4), header(name=data[6:22])
    assert archive(good, head=head) == data, "the good archive is not made as this script thinks"
    return n, payload, first >> 4


def flip(data, at):
    """Flip the lowest bit of one byte."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


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
        "unknown-required-flag": archive(good, head=header(flags=2)),
        "unknown-element-type": archive(good, head=header(dtype=7)),
        "too-many-dimensions": archive(good, head=header(shape=(6,) + (1,) * 8)),
        "frame-of-no-bytes": archive(good, head=header(shape=(0,))),
        "frame-shape-not-of-the-model": archive(good, head=header(shape=(3, 2))),
        "element-type-not-of-the-model": archive(good, head=header(dtype=4)),
        "of-another-model": archive(good, head=header(name=bytes(16))),
        "flipped-header-bit": flip(ARCHIVE, 10),
        "flipped-payload-bit": flip(ARCHIVE, index - 1),
        "flipped-index-bit": flip(ARCHIVE, index + 2),
        "truncated-in-block": ARCHIVE[: index - 3],
        "truncated-in-index": ARCHIVE[: index + 3],
        "truncated-in-tail": ARCHIVE[:-1],
        "without-index": ARCHIVE[:index],
        "data-after-the-end": ARCHIVE + b"\0",
        "unknown-mode": archive(block(4, n, payload, quality)),
        "block-of-no-signals": archive(block(STORED, 0, b"")),
        "block-of-too-many-signals": archive(block(DEFLATED, 2**14, zlib.compress(ZEROS * 2**14))),
        "count-not-in-shortest-form": archive(block(CODED, n, payload, quality, b"\x94\x00")),
        "stored-too-short": archive(block(STORED, 1, ZEROS[1:])),
        "payload-longer-than-signals": archive(block(STORED, 1, ZEROS + b"\0")),
        "deflated-of-too-many-bytes": archive(block(DEFLATED, 1, zlib.compress(ZEROS + b"\0"))),
        "deflated-of-too-few-bytes": archive(block(DEFLATED, 1, zlib.compress(ZEROS[1:]))),
        "data-after-the-zlib-stream": archive(block(DEFLATED, 1, zlib.compress(ZEROS) + b"\0")),
        "quality-0": coded(payload, quality=0),
        "quality-that-the-model-has-not": coded(payload, quality=8),
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
        "embedded-model-of-another-id": archive(zero, head=embed(MODEL, bytes(16))),
    }


# ---- Archives of several qualities


class Mixed(NamedTuple):
    """The parts of such a block's payload, to be changed and put together again."""

    counts: list
    listed: bytes
    parts: list

    @classmethod
    def of(cls, payload):
        """Take a good payload apart."""
        cursor = reader.Cursor(payload)
        counts = [cursor.varint() for _ in range(4)]
        listed, *parts = (cursor.take(cursor.varint()) for _ in range(1 + sum(map(bool, counts))))
        return cls(counts, listed, parts)

    def payload(self):
        """Put the payload together."""
        counts = b"".join(map(varint, self.counts))
        return counts + b"".join(varint(len(part)) + part for part in (self.listed, *self.parts))

    def table(self):
        """Give the table of the list."""
        room = 2**24 - len(self.counts) - 1
        weights = [1 + count * room // sum(self.counts) for count in self.counts]
        return reader.make_table(1, [*weights, 2**24 - sum(weights)])

    def entries(self):
        """Decode the list to entries, one less than the qualities."""
        listed = reader.decode_payload(self.listed, reader.Coding([self.table()]), sum(self.counts))
        return (listed[:, 0] - 1).tolist()

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


def bad_mixed():
    """Make each bad archive of several qualities."""
    n, payload, _ = good_payload(MIXED_ARCHIVE)
    good, head = Mixed.of(payload), header(name=MIXED_ARCHIVE[6:22])
    entries, (first, *others) = good.entries(), good.counts
    assert good.listing(entries).payload() == payload, (
        "the good payload is not as this script thinks"
    )
    # No signal at quality 1; no part has a word, so each symbol is the first of its table.
    none_at_1 = good._replace(counts=[0, first + others[0], *others[1:]], parts=3 * [b"\0"])
    none_at_1 = none_at_1.listing([max(e, 1) for e in entries])

    def mixed(data, quality=0):
        return archive(block(MIXED, n, data, quality), head=head)

    def change(**parts):
        return mixed(good._replace(**parts).payload())

    def list_first(of, entry, escaped=b""):
        """List another entry of the first signal."""
        return mixed(of.listing([entry, *of.entries()[1:]], escaped).payload())

    reader.read_archive(mixed(none_at_1.payload()), MIXED_MODEL)
    counts, sized = bytes(good.counts), varint(len(good.listed)) + good.listed
    before_last, last = good._replace(parts=good.parts[:-1]), good.parts[-1]
    return {
        "of-quality-1": mixed(payload, quality=1),
        "of-no-bytes": mixed(b""),
        "counts-of-more-signals": change(counts=[first + 1, *others]),
        "counts-of-fewer-signals": change(counts=[first - 1, *others]),
        "counts-of-2-to-32-more-signals": change(counts=[first + 2**32, *others]),
        "count-not-in-shortest-form": mixed(bytes([first | 128, 0]) + payload[1:]),
        "count-missing": mixed(counts[:-1]),
        "list-of-other-qualities": list_first(good, (entries[0] + 1) % 4),
        "list-of-a-quality-not-counted": list_first(none_at_1, 0),
        "list-of-a-quality-that-the-model-has-not": list_first(good, 4, b"\x80"),
        "list-of-quality-0": list_first(good, 4, b"\x40"),
        "list-longer-than-the-payload": mixed(counts + varint(len(payload)) + sized[1:]),
        "list-of-no-bytes": change(listed=b""),
        "list-of-more-words-than-bytes": change(listed=b"\x09" + good.listed[1:]),
        "list-coder-not-empty": change(listed=flip(good.listed, 1)),
        "list-with-a-byte-left-over": change(listed=good.listed + b"\0"),
        "part-longer-than-the-payload": mixed(before_last.payload() + varint(len(last) + 1) + last),
        "part-missing": mixed(before_last.payload()),
        "part-of-a-quality-not-counted": mixed(none_at_1._replace(parts=4 * [b"\0"]).payload()),
        "part-with-a-byte-left-over": change(parts=[*good.parts[:-1], last + b"\0"]),
        "byte-after-the-parts": mixed(payload + b"\0"),
    }


# ---- Models


def pack(values):
    """Pack a tensor in planes, without a shift."""
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    planes = np.frombuffer(raw, np.uint8).reshape(-1, values.itemsize).T.tobytes()
    code = reader.NUMBER_TYPES.index(values.dtype.name)
    head = bytes([0, code, values.ndim]) + b"".join(map(varint, values.shape)) + b"\0"
    return head + zlib.compress(planes)


ONE = "0x1.0000000000000p+0"
CONTEXT_TENSORS = {"order": "i4", "hidden_weight": "i2", "hidden_bias": "i4", "output_weight": "i2",
                   "output_bias": "i4", "basis": "i2", "base": "i4"}  # fmt: skip


class Model:
    """The parts of the good model, to be changed and put together again."""

    def __init__(self, data=MODEL):
        self.settings, rows = reader.read_layout(data)
        self.rows = {name: rows[name] for name in sorted(rows)}
        self.decoding = self.settings["decoding"]
        self.decoder, self.contexts = self.decoding["decoder"], self.decoding["contexts"]
        self.encoder = self.settings["encoder"]

    def replace(self, name, values):
        """Put another tensor into the place of one."""
        self.rows[name] = pack(values)

    def layer(self, number):
        """Give the settings of a layer of the decoder."""
        return self.decoder["layers"][number]

    def inner(self):
        """Give the settings of the convolution within the residual layer."""
        return self.layer(2)["layers"][0]

    def tensor(self, name):
        """Unpack a tensor."""
        _, kind, shape, _, _ = reader.read_head(reader.Cursor(self.rows[name]))
        tensors = reader.Tensors(dict(self.rows))
        tensors.unpack(name, kind, *shape)
        return tensors[name]

    def tensors(self, *parts):
        """Unpack the tensors whose names begin so."""
        return {name: self.tensor(name) for name in self.rows if name.startswith(parts)}

    def leave_out(self, *parts):
        """Leave the tensors out whose names begin so."""
        self.rows = {name: row for name, row in self.rows.items() if not name.startswith(parts)}

    def replace_part(self, name, values, number=1):
        """Put other numbers into a tensor of a context model."""
        name = f"contexts.{number}.{name}"
        kind = CONTEXT_TENSORS[name.rpartition(".")[2]]
        self.replace(name, np.array(values, kind))

    def cut(self, name):
        """Take the last number of a tensor of the context model away."""
        self.replace_part(name, self.tensor("contexts.1." + name)[:-1])

    def resize(self, n_units, n_outputs, number=1, weight=0):
        """Give a context model other numbers of units and outputs; all its numbers are the same."""
        entries = self.tensor("tables.size")[number].sum()
        k = self.tensor("tables.size").shape[1]
        pairs = n_units * k * (k - 1) // 2
        sizes = {"order": 0, "hidden_weight": pairs, "hidden_bias": n_units * (k - 1),
                 "output_weight": n_outputs * pairs, "output_bias": n_outputs * k,
                 "basis": n_outputs * entries, "base": entries}  # fmt: skip
        for name, size in sizes.items():
            self.replace_part(name, np.full(size, weight * (name == "output_weight")), number)
        self.replace_part("order", range(k), number)

    def change(self, name, at, value):
        """Put another number into a tensor."""
        values = self.tensor(name)
        values.flat[at] = value
        self.replace(name, values)

    def seal(self, decoder="decoder.0."):
        """Make the digest and the id right, of the decoder's tensors whose names begin so."""
        if self.settings["encoder"]:
            own = self.tensors("encoder.")
            self.settings["encoder_sha256"] = reader.digest(self.settings["encoder"], own).hex()
        parts = [decoder, "quantiser.", "tables."]
        parts += [f"contexts.{i}." for i, context in enumerate(self.contexts) if context]
        self.settings["model_id"] = reader.model_id(self.settings, self.tensors(*parts)).hex()

    def file(self, text=None, **entries):
        """Write the file with a right checksum; `entries` are other entries of the header."""
        self.settings["checksum"] = "0" * 64
        text = (text or (lambda value: value))(reader.canonical(self.settings))
        header, at = {"__metadata__": {"narrows": text}}, 0
        for name, row in self.rows.items():
            offsets = [at, at + len(row)]
            header[name] = {"dtype": "U8", "shape": [len(row)], "data_offsets": offsets}
            header[name] |= entries.get(name.replace(".", "_"), {})
            at += len(row)
        head = json.dumps(header, separators=(",", ":")).encode()
        return reseal(len(head).to_bytes(8, "little") + head + b"".join(self.rows.values()))


def reseal(data):
    """Make the checksum of a model right."""
    mark = b'\\"checksum\\":\\"'
    at = data.index(mark) + len(mark)
    data = data[:at] + b"0" * 64 + data[at + 64 :]
    return data[:at] + sha256(data).hexdigest().encode() + data[at + 64 :]


# Each makes one fault in the contents of a model, whose id is then made right.
CONTENTS = {
    "future-version": lambda m: (m.settings.update(format=1), m.decoding.update(format=1)),
    "sum-could-pass-2-to-53": lambda m: m.change("decoder.0.bias", 0, 2**53 - 1),
    "output-could-pass-2-to-52": lambda m: m.decoding["normaliser"].update(
        output_multiplier=2**15, output_shift=-32
    ),
    "frequencies-of-another-sum": lambda m: m.change("tables.weights", 8, 5),
    "frequency-0": lambda m: m.change("tables.weights", 0, 0),
    "table-beyond-32-bits": lambda m: m.change("tables.low", 0, 2**31 - 1),
    "sizes-of-another-sum": lambda m: m.change("tables.size", 0, 2),
    "step-too-great": lambda m: m.change("quantiser.step", 0, 2**21),
    "gain-negative": lambda m: m.change("quantiser.gain", 0, -1),
    "weights-of-another-shape": lambda m: m.replace("decoder.0.weight", np.zeros((6, 2), "i2")),
    "weights-of-32-bits": lambda m: m.replace("decoder.0.weight", np.zeros((2, 6), "i4")),
    "unknown-layer": lambda m: m.decoder["layers"].append({"kind": "swish"}),
    "unknown-setting": lambda m: m.decoder["layers"][0].update(gain=1),
    "shift-too-great": lambda m: m.decoder["layers"][0].update(shift=53),
    "limit-true": lambda m: m.decoder["layers"][0].update(limit=True),
    "limits-that-differ": lambda m: m.decoder.update(input_limit=255),
    "frame-shape-not-of-the-decoder": lambda m: m.decoding.update(frame_shape=[3, 2]),
    "offset-minus-0": lambda m: m.decoding["normaliser"].update(offset="-0x0.0p+0"),
    "scale-infinite": lambda m: m.decoding["normaliser"].update(output_scale="inf"),
    "tensor-missing": lambda m: m.rows.pop("training"),
    "tensor-unknown": lambda m: m.rows.update({"decoder.9.bias": m.rows["decoder.0.bias"]}),
    "encoder-null-but-there": lambda m: m.rows.update({"encoder.0.bias": m.rows["decoder.0.bias"]}),
}
# The same in a model of convolutions. The decoder's layers are dense, reshape, residual with conv
# and leaky_relu, transposed_conv, reshape.
CONV_CONTENTS = {
    "transposed-conv-of-size-0": lambda m: m.layer(3).update(size=[0, 5]),
    "transposed-conv-of-2-to-30-elements": lambda m: m.layer(3).update(size=[2**15, 2**15]),
    "transposed-conv-cut-by-its-kernel": lambda m: m.layer(3).update(before=[1, 3]),
    "residual-that-changes-the-shape": lambda m: m.inner().update(stride=[1, 2]),
    "residual-in-a-residual": lambda m: m.layer(2)["layers"].append(
        {"kind": "residual", "limit": None, "layers": []}
    ),
    "residual-without-a-tensor": lambda m: m.rows.pop("decoder.2.0.bias"),
    "residual-that-could-pass-2-to-53": lambda m: m.change("decoder.2.0.bias", 0, 2**53 - 1),
    "conv-of-stride-0": lambda m: m.inner().update(stride=[0, 1]),
    "conv-of-other-axes": lambda m: m.inner().update(stride=[1, 1, 1]),
    "conv-of-other-channels": lambda m: m.replace(
        "decoder.2.0.weight", np.zeros((3, 3, 3, 4), "i2")
    ),
    "conv-padded-by-its-kernel": lambda m: m.inner().update(padding=[[3, 1], [1, 1]]),
    "conv-larger-than-its-input": lambda m: m.replace(
        "decoder.2.0.weight", np.zeros((7, 3, 4, 4), "i2")
    ),
    "conv-with-a-kernel-of-65": lambda m: m.replace(
        "decoder.2.0.weight", np.zeros((65, 3, 4, 4), "i2")
    ),
}
# The same in a model of three latents and three qualities, of which the second has a context.
CONTEXT_CONTENTS = {
    "fewer-than-qualities": lambda m: m.contexts.pop(),
    "more-than-qualities": lambda m: m.contexts.append(None),
    "false-for-null": lambda m: m.contexts.__setitem__(0, False),
    "null-but-there": lambda m: m.contexts.__setitem__(1, None),
    "without-tensors": lambda m: m.contexts.__setitem__(2, dict(m.contexts[1])),
    "setting-missing": lambda m: m.contexts[1].pop("row_shift"),
    "setting-unknown": lambda m: m.contexts[1].update(rows=1),
    "shift-of-41": lambda m: m.contexts[1].update(hidden_shift=41),
    "limit-0": lambda m: m.contexts[1].update(output_limit=0),
    "limit-too-great": lambda m: m.contexts[1].update(hidden_limit=2**24 + 1),
    "limit-true": lambda m: m.contexts[1].update(hidden_limit=True),
    "order-with-a-latent-twice": lambda m: m.replace_part("order", [2, 1, 2]),
    "order-of-two-latents": lambda m: m.replace_part("order", [1, 0]),
    "tensor-missing": lambda m: m.rows.pop("contexts.1.base"),
    "tensor-of-another-quality": lambda m: m.rows.update(
        {"contexts.2.base": m.rows["contexts.1.base"]}
    ),
    "weights-of-32-bits": lambda m: m.replace(
        "contexts.1.hidden_weight", m.tensor("contexts.1.hidden_weight").astype("i4")
    ),
    "weights-of-two-dimensions": lambda m: m.replace(
        "contexts.1.hidden_weight", m.tensor("contexts.1.hidden_weight").reshape(3, -1)
    ),
    "hidden-weights-too-few": lambda m: m.cut("hidden_weight"),
    "output-weights-too-few": lambda m: m.cut("output_weight"),
    "hidden-biases-too-few": lambda m: m.cut("hidden_bias"),
    "output-biases-too-few": lambda m: m.cut("output_bias"),
    "basis-too-short": lambda m: m.cut("basis"),
    "base-too-short": lambda m: m.cut("base"),
    "of-no-units": lambda m: m.resize(0, 2),
    "of-1025-units": lambda m: m.resize(1025, 1),
    "of-no-outputs": lambda m: m.resize(3, 0),
    "of-33-outputs": lambda m: m.resize(1, 33),
}
# The same in a model of two latents and one quality, with its encoder and a search.
SEARCH_CONTENTS = {
    "null": lambda m: m.encoder.update(search=None),
    "without-curvature": lambda m: m.rows.pop("encoder.curvature"),
    "missing-but-curvature-there": lambda m: m.encoder.pop("search"),
    "encoder-null-but-curvature-there": lambda m: (
        m.leave_out("encoder.0."), m.settings.update(encoder=None)
    ),
    "setting-missing": lambda m: m.encoder["search"].pop("unit"),
    "setting-unknown": lambda m: m.encoder["search"].update(effort=2),
    "unit-0": lambda m: m.encoder["search"].update(unit="0x0.0p+0"),
    "unit-infinite": lambda m: m.encoder["search"].update(unit="inf"),
    "unit-as-a-number": lambda m: m.encoder["search"].update(unit=1),
    "lambda-negative": lambda m: m.encoder["search"].update({"lambda": ["-" + ONE]}),
    "lambda-too-large": lambda m: m.encoder["search"].update({"lambda": ["0x1.8p+100"]}),
    "lambda-nan": lambda m: m.encoder["search"].update({"lambda": ["nan"]}),
    "lambda-in-another-form": lambda m: m.encoder["search"].update({"lambda": ["0x1p+0"]}),
    "lambda-without-a-list": lambda m: m.encoder["search"].update({"lambda": ONE}),
    "fewer-lambdas-than-qualities": lambda m: m.encoder["search"].update({"lambda": []}),
    "more-lambdas-than-qualities": lambda m: m.encoder["search"].update({"lambda": [ONE, ONE]}),
    "curvature-negative": lambda m: m.change("encoder.curvature", 1, -1),
    "curvature-of-64-bits": lambda m: m.replace("encoder.curvature", np.ones((1, 2), "i8")),
    "curvature-of-one-dimension": lambda m: m.replace("encoder.curvature", np.ones(2, "i4")),
    "curvature-of-another-latent": lambda m: m.replace("encoder.curvature", np.ones((1, 3), "i4")),
    "curvature-of-another-quality": lambda m: m.replace("encoder.curvature", np.ones((2, 2), "i4")),
}  # fmt: skip
# Each makes a row, out of the good one of `decoder.0.weight`: (2, 6) int16 in planes.
ROWS = {
    "unknown-coding": lambda row: b"\x03" + row[1:],
    "unknown-number-type": lambda row: row[:1] + b"\x04" + row[2:],
    "shift-of-16-bits": lambda row: row[:5] + b"\x10" + row[6:],
    "inflating-too-far": lambda row: row[:6] + zlib.compress(bytes(2**20)),
    "byte-after-its-stream": lambda row: row + b"\0",
    "truncated": lambda row: row[:4],
    "more-numbers-than-shape": lambda row: row[:4] + b"\x05" + row[5:],
    "frequency-of-2-to-35": lambda row: b"\x02" + row[1:6] + b"\x17\0\1\1" + b"\xff" * 5,
}


def shrunken(data=MODEL):
    """Give a good model without encoder, known answers and training, which only take space."""
    model = Model(data)
    model.settings |= {"encoder": None, "known_sha256": None}
    model.leave_out("encoder.", "known.")
    model.replace("training", np.frombuffer(b"{}", np.uint8))
    return model


def searching():
    """Give the good model with its encoder, a search, and without what only takes space."""
    model = Model()
    model.settings["known_sha256"] = None
    model.leave_out("known.")
    model.replace("training", np.frombuffer(b"{}", np.uint8))
    model.encoder["search"] = {"lambda": [ONE], "unit": ONE}
    model.replace("encoder.curvature", np.ones((1, 2), "i4"))
    return model


def bad_models():
    """Make each bad model."""
    assert reader.read_model(shrunken().file()).id == ARCHIVE[6:22], "the good model is not good"
    files = {}
    for name, change in CONTENTS.items():
        model = shrunken()
        change(model)
        model.seal()
        files[name] = model.file()
    for name, change in CONV_CONTENTS.items():
        model = shrunken(CONV_MODEL)
        change(model)
        model.seal("decoder.")
        files[name] = model.file()
    for name, change in CONTEXT_CONTENTS.items():
        model = shrunken(CONTEXT_MODEL)
        change(model)
        model.seal("decoder.")
        files["context-" + name] = model.file()
    good = searching()
    good.seal()
    reader.read_model(good.file())
    for name, change in SEARCH_CONTENTS.items():
        model = searching()
        change(model)
        model.seal()
        files["search-" + name] = model.file()
    for name, change in ROWS.items():
        model = shrunken()
        model.rows["decoder.0.weight"] = change(pack(model.tensor("decoder.0.weight")))
        files["row-" + name] = model.file()
    return files | bad_contexts() | bad_layouts() | bad_answers()


def bad_contexts():
    """Make models of a context that could pass 2**53, of one latent, and of other frequencies."""
    wide, one, other = shrunken(WIDE_MODEL), shrunken(ONE_LATENT_MODEL), Model(CONTEXT_MODEL)
    wide.contexts[0].update(hidden_limit=2**24)
    wide.resize(1024, 1, 0, weight=-(2**15))
    one.contexts[0] = dict(wide.contexts[0])
    one.resize(0, 1, 0)
    base = other.tensor("contexts.1.base")
    base[0] += 64 << other.contexts[1]["row_shift"]
    other.replace("contexts.1.base", base)
    for model in (wide, one, other):
        model.seal("decoder.")
    return {"context-could-pass-2-to-53": wide.file(), "context-of-one-latent": one.file(),
            "context-known-frequencies-wrong": other.file()}  # fmt: skip


def bad_answers():
    """Make models with a wrong id, or known answers that do not come out."""
    other_id, other_answers, half = shrunken(), Model(), Model()
    other_id.settings["model_id"] = "0" * 32
    other_answers.settings["known_sha256"] = "f" * 64
    del half.rows["known.symbols"]
    return {"id-wrong": other_id.file(), "known-answers-wrong": other_answers.file(),
            "known-symbols-missing": half.file()}  # fmt: skip


def bad_layouts():
    """Make models with a fault in the layout, the text or the checksum."""
    good = shrunken().file()
    first = len(shrunken().rows["decoder.0.bias"])
    deep = "[" * 2_000
    return {
        "checksum-wrong": flip(good, good.index(b"checksum") + 20),
        "flipped-bit": flip(good, len(good) - 1),
        "truncated": good[:-1],
        "data-after-the-end": reseal(good + b"\0"),
        "header-longer-than-the-file": (2**24).to_bytes(8, "little") + good[8:],
        "header-of-terabytes": (2**42).to_bytes(8, "little") + good[8:],
        "header-nested-too-deep": len(deep).to_bytes(8, "little") + deep.encode(),
        "weight-as-float": shrunken().file(decoder_0_weight={"dtype": "F32"}),
        "row-of-another-length": shrunken().file(decoder_0_bias={"shape": [first - 1]}),
        "rows-that-overlap": shrunken().file(
            decoder_0_bias={"shape": [first + 1], "data_offsets": [0, first + 1]}
        ),
        "json-with-a-space": shrunken().file(lambda text: text.replace(",", ", ", 1)),
        "json-with-a-key-twice": shrunken().file(lambda text: text[:-1] + text[text.rindex(",") :]),
        "json-with-a-fraction": shrunken().file(lambda text: text.replace(":0,", ":0.0,", 1)),
    }


def main():
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, data in bad_archives().items():
        (FOLDER / f"archive-{name}.nrw").write_bytes(data)
    for name, data in bad_mixed().items():
        (FOLDER / f"archive-mixed-{name}.nrw").write_bytes(data)
    for name, data in bad_models().items():
        (FOLDER / f"model-{name}.narrows").write_bytes(data)


if __name__ == "__main__":
    main()
