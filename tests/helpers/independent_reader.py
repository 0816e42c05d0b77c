"""A second reader of what narrows writes, made from docs/FORMAT.md alone.

It only decodes, so it takes every model as one without an encoder (section 7), but for what an
encoder may search by, which it checks. It favours clarity over speed. `read_model`, `read_archive`
and `read_packet` raise `Rejected`, nothing else.
"""

import json
import math
import zlib
from bisect import bisect_right
from hashlib import sha256
from itertools import accumulate
from typing import NamedTuple

import numpy as np

DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64")
NUMBER_TYPES = ("uint8", "int16", "int32", "int64")
INT32, TOTAL = range(-(2**31), 2**31), 2**24


class Rejected(Exception):
    """The bytes are no archive, packet or model that the document allows."""


def need(fact, reason):
    """Reject unless the fact holds."""
    if not fact:
        raise Rejected(reason)


class Cursor:
    """Bytes that are read from front to back (section 1)."""

    def __init__(self, data):
        self.data, self.at = memoryview(data), 0

    def take(self, count):
        """Give the next bytes, which must be there."""
        need(self.at + count <= len(self.data), "the bytes end too early")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def rest(self):
        """Give all bytes that are left."""
        return self.take(len(self.data) - self.at)

    def number(self, n_bytes=1):
        """Give an unsigned integer of that many bytes."""
        return int.from_bytes(self.take(n_bytes), "little")

    def varint(self):
        """Give a varint, which must be in its shortest form."""
        value = 0
        for i in range(5):
            byte = self.number()
            value |= (byte & 127) << 7 * i
            if byte < 128:
                need(byte or i == 0, "a varint is longer than it must be")
                return value
        raise Rejected("a varint has more than 5 bytes")

    def check_crc(self, start, payload=0):
        """Take a CRC-32 and a payload; it is that of the bytes from `start` to it, and of those."""
        crc, stored = zlib.crc32(self.data[start : self.at]), self.number(4)
        behind = self.take(payload)
        need(zlib.crc32(behind, crc) == stored, "a CRC-32 is wrong")
        return behind


def inflate_planes(stream, n_bytes, itemsize):
    """Give the raw bytes whose planes a zlib stream holds (section 3)."""
    z = zlib.decompressobj()
    try:
        planes = z.decompress(stream, n_bytes + 1)
    except zlib.error as error:
        raise Rejected("a zlib stream is damaged") from error
    need(len(planes) == n_bytes and z.eof and not z.unused_data, "a zlib stream has another length")
    return np.frombuffer(planes, np.uint8).reshape(itemsize, -1).T.tobytes()


# ---- Section 4: frequency tables and the coder of blocks


class Table(NamedTuple):
    """The frequencies of the symbols `low` to `high`, then that of the escape."""

    low: int
    weights: list
    starts: list

    def symbol(self, entry, number=None):
        """Give the symbol of an entry; a number names one outside the table."""
        if number is None:
            return self.low + entry
        half, below = divmod(number, 2)
        symbol = self.low - 1 - half if below else self.low + len(self.weights) - 1 + half
        need(symbol in INT32, "a symbol is no signed 32-bit integer")
        return symbol

    def entry(self, symbol):
        """Give the entry of a symbol, and the number of an escaped one."""
        escape = len(self.weights) - 1
        if symbol < self.low:
            return escape, 2 * (self.low - 1 - symbol) + 1
        above = symbol - self.low - escape
        return (escape, 2 * above) if above >= 0 else (symbol - self.low, None)


def make_table(low, weights):
    """Make a frequency table, which section 4 must allow."""
    need(2 <= len(weights) <= 4097 and low + len(weights) - 2 in INT32, "a table is too long")
    need(min(weights) >= 1 and sum(weights) == TOTAL, "frequencies are not as they must be")
    return Table(low, weights, list(accumulate(weights[:-1], initial=0)))


class Bits:
    """Numbers in Exp-Golomb code, one behind the other."""

    def __init__(self, data):
        self.text, self.at = "".join(f"{byte:08b}" for byte in data), 0

    def number(self):
        """Take one number."""
        zeros = self.text.find("1", self.at) - self.at
        need(0 <= zeros <= 32, "a code has too many zeros in front, or no end")
        digits = self.text[self.at + zeros : self.at + 2 * zeros + 1]
        need(len(digits) == zeros + 1, "the bits end within a code")
        self.at += 2 * zeros + 1
        return int(digits, 2) - 1


class Coding(NamedTuple):
    """What the symbols of a quality are coded with: tables, and a context model or None.

    `corrected` are the latents of a correction that are coded, of `n_corrected` in all.
    """

    tables: list
    context: object = None
    corrected: tuple = ()
    n_corrected: int = 0

    @property
    def first(self):
        """Give the latents that are none of a correction, in the order of coding."""
        n = len(self.tables) - self.n_corrected
        return list(self.context.order if self.context else range(n))

    @property
    def order(self):
        """Give the latent at each position."""
        return [*self.first, *self.corrected]

    def tables_after(self, seen, n=1):
        """Give the table of each of n signals at the position behind the entries seen, (p, n)."""
        table = self.tables[self.order[len(seen)]]
        if self.context is None or len(seen) >= len(self.first):
            return [table] * n
        rows = self.context.frequencies(np.array(seen, np.int64).reshape(-1, n))
        return [make_table(table.low, row) for row in rows]


def decode_payload(payload, coding, n):
    """Decode the symbols of a block, (n, k) int64."""
    cursor = Cursor(payload)
    words = np.frombuffer(cursor.take(4 * cursor.varint()), "<u4").tolist()
    need(not words or words[-1], "the last word is 0")
    bits, state = Bits(cursor.rest()), 0
    symbols, seen = np.zeros((n, len(coding.tables)), np.int64), []
    while words and state < 2**32:
        state = (state << 32) + words.pop()
    for j in coding.order:
        entries = []
        for i, table in enumerate(coding.tables_after(seen, n)):
            r = state % TOTAL
            e = bisect_right(table.starts, r) - 1
            state = (state >> 24) * table.weights[e] + r - table.starts[e]
            if words and state < 2**32:
                state = (state << 32) + words.pop()
            escaped = e == len(table.weights) - 1
            symbols[i, j] = table.symbol(e, bits.number() if escaped else None)
            entries.append(e)
        seen.append(entries)
    need(state == 0 and not words, "the coder does not end where an encoder begins")
    left = bits.text[bits.at :]
    need(len(left) < 8 and "1" not in left, "bits are left over")
    return symbols


def decode_mixed(payload, codings, n):
    """Decode a block of several qualities: for each its number, its signals and their symbols."""
    cursor = Cursor(payload)
    counts = [cursor.varint() for _ in codings]
    need(sum(counts) == n, "the counts of qualities are those of another number of signals")
    room = TOTAL - len(counts) - 1
    weights = [1 + count * room // n for count in counts]
    table = make_table(1, [*weights, TOTAL - sum(weights)])
    listed = decode_payload(cursor.take(cursor.varint()), Coding([table]), n)[:, 0]
    parts = []
    for quality, (count, coding) in enumerate(zip(counts, codings, strict=True), 1):
        signals = np.flatnonzero(listed == quality)
        need(len(signals) == count, "a quality stands in the list more or less often than it must")
        if count:
            part = cursor.take(cursor.varint())
            parts.append((quality, signals, decode_payload(part, coding, count)))
    need(not cursor.rest(), "bytes are left over behind the last quality")
    return parts


class Context(NamedTuple):
    """A context model; the arrays are int64, one a position (section 4, "Context models")."""

    order: list
    sizes: list
    hidden_weights: list
    hidden_biases: list
    output_weights: list
    output_biases: list
    bases: list
    bases_at_0: list
    settings: dict

    def frequencies(self, seen):
        """Give the frequencies of n signals, a list each, behind the entries seen, (p, n)."""
        p, shift, limit = len(seen), *self.of("output")
        x = (seen.T - [size // 2 for size in self.sizes[:p]]).astype(np.int64)
        sums = np.tile(self.output_biases[p], (len(x), 1))
        for q in range(1, p + 1):
            sums += self.hidden(x, q) @ self.output_weights[q - 1][:, p - q]
        outputs = clip(sums >> shift, limit)
        logs = (outputs @ self.bases[p] + self.bases_at_0[p]) >> self.settings["row_shift"]
        return [shared_out(row) for row in logs.tolist()]

    def hidden(self, x, q):
        """Give the hidden units, (n, u), of position q."""
        shift, limit = self.of("hidden")
        h = clip(
            (x[:, :q] @ self.hidden_weights[q - 1] + self.hidden_biases[q - 1]) >> shift, limit
        )
        return np.maximum(h, h >> 3)

    def of(self, part):
        """Give the shift and the limit of the hidden units or of the outputs."""
        return self.settings[f"{part}_shift"], self.settings[f"{part}_limit"]

    def prove(self):
        """Check that every sum stays below 2**53."""
        halves = np.array([size // 2 for size in self.sizes])
        hidden = max(largest(halves[: len(w)] @ np.abs(w)) for w in self.hidden_weights)
        sums = [np.zeros_like(c) for c in self.output_biases]
        for q, v in enumerate(self.output_weights, 1):
            for p in range(q, len(self.order)):
                sums[p] += np.abs(v[:, p - q]).sum(axis=0)
        output = max(map(largest, sums)) * self.of("hidden")[1]
        log = max(largest(np.abs(a).sum(axis=0)) for a in self.bases) * self.of("output")[1]
        ends = ((hidden, self.hidden_biases), (output, self.output_biases), (log, self.bases_at_0))
        hidden, output, log = (most + max(map(largest, biases)) for most, biases in ends)
        log = 2 * log + 4640 * 2 ** self.settings["row_shift"]
        need(max(hidden, output, log) < 2**53, "a context model could reach 2**53")


def largest(x):
    """Give the largest absolute value."""
    return int(np.abs(x).max())


def shared_out(logs):
    """Share the total out by the logarithms of a table's entries, the escape's last."""
    greatest, size = max(logs), len(logs)
    parts = [part_of(log - greatest) for log in logs]
    room, bits = TOTAL - size, 12 if size <= 63 else 24
    unit = room * 2**bits // sum(parts)
    weights = [1 + part * unit // 2**bits for part in parts]
    weights[-1] += TOTAL - sum(weights)
    return weights


def part_of(difference):
    """Give the part of an entry whose logarithm is that far from the greatest, 0 or less."""
    octave, rest = divmod(max(416 + difference, 0), 32)
    return (32 + rest) * 2**octave


# ---- Sections 5 and 6: networks and the way back to signals


def run_layers(x, layers):
    """Compute a chain of layers."""
    for layer in layers:
        x = run_layer(x, **layer)
    return x


def run_layer(x, kind, weight=None, bias=None, values=None, **settings):
    """Compute one layer in signed 64-bit integers, which the proof allows; x is (n, elements)."""
    if kind in ("dense", "conv", "transposed_conv"):
        compute = {"dense": multiply, "conv": convolve, "transposed_conv": spread}[kind]
        sums = compute(x, weight, **settings) + bias
        return clip(sums >> settings["shift"], settings["limit"]).reshape(len(x), -1)
    if kind == "residual":
        return clip(x + run_layers(x, settings["layers"]), settings["limit"])
    if kind == "table":
        low, high = settings["low"], settings["low"] + len(values) - 1
        y = values[np.clip(x, low, high) - low]
        return np.where(x > high, x, y) if settings["identity_above"] else y
    return {"relu": np.maximum(x, 0), "leaky_relu": np.maximum(x, x >> 3), "reshape": x}[kind]


def clip(y, limit):
    """Clip to a limit, if there is one."""
    return y if limit is None else np.clip(y, -limit, limit)


def multiply(x, weight, **settings):
    """Compute the sums of a dense layer, without the bias."""
    return x @ weight


def convolve(x, weight, in_shape, out_shape, stride, padding, **settings):
    """Compute the sums of a convolution, tap by tap."""
    x = np.pad(x.reshape(-1, *in_shape), [(0, 0), *padding, (0, 0)])
    sums = np.zeros((len(x), *out_shape), np.int64)
    for tap in np.ndindex(weight.shape[:-2]):
        seen = [slice(t, t + (m - 1) * s + 1, s)
                for t, m, s in zip(tap, out_shape, stride, strict=False)]  # fmt: skip
        sums += x[(slice(None), *seen)] @ weight[tap]
    return sums


def spread(x, weight, in_shape, out_shape, stride, before, **settings):
    """Compute the sums of a transposed convolution, tap by tap."""
    x, d = x.reshape(-1, *in_shape), len(stride)
    sums = np.zeros((len(x), *out_shape), np.int64)
    for tap in np.ndindex(weight.shape[:-2]):
        source, target = [range(len(x))], [range(len(x))]
        for n, size, s, t, b in zip(in_shape[:d], out_shape[:d], stride, tap, before, strict=True):
            source.append([i for i in range(n) if 0 <= i * s + t - b < size])
            target.append([i * s + t - b for i in source[-1]])
        sums[np.ix_(*target)] += x[np.ix_(*source)] @ weight[tap]
    return sums


def largest_sum(kind, weight, stride=(), **settings):
    """Give the greatest sum of absolute weights that can meet in one output."""
    weight, sums = np.abs(weight), []
    if kind != "transposed_conv":
        return int(weight.reshape(-1, weight.shape[-1]).sum(axis=0).max())
    for rest in np.ndindex(*stride):
        phase = weight[tuple(slice(r, None, s) for r, s in zip(rest, stride, strict=True))]
        sums.append(phase.reshape(-1, weight.shape[-1]).sum(axis=0).max())
    return int(max(sums))


def prove_layer(bound, kind, weight=None, bias=None, values=None, **settings):
    """Give the bound of the outputs for that of the inputs, if every sum stays below 2**53."""
    p = after = bound
    if weight is not None:
        p = bound * largest_sum(kind, weight, **settings) + max(abs(b) for b in bias.tolist())
        after = min(-(-p >> settings["shift"]), settings["limit"] or p)
    if kind == "residual":
        p = bound + settings["inner_bound"]
        after = min(p, settings["limit"] or p)
    if kind == "table":
        v = max(abs(value) for value in values.tolist())
        p = max(bound, v) + abs(settings["low"]) + len(values)
        after = max(v, bound) if settings["identity_above"] else v
    need(p < 2**53, "a sum could reach 2**53")
    return after


class Model(NamedTuple):
    """What decoding needs of a model."""

    id: bytes
    dtype: np.dtype
    frame_shape: tuple
    normaliser: dict
    limit: int
    layers: list
    correction: object
    steps: np.ndarray
    codings: list

    def decode(self, symbols, quality):
        """Turn symbols, (n, k), into frames, (n, *frame_shape)."""
        x = np.clip(symbols * self.steps[quality - 1], -self.limit, self.limit)
        first = len(self.codings[0].first)
        y = run_layers(x[:, :first], self.layers)
        if self.correction:
            y = y + run_layer(x[:, first:], **self.correction)
        return self.denormalise(y).reshape(len(symbols), *self.frame_shape)

    def denormalise(self, y):
        """Turn the decoder's integers into elements."""
        norm, offset = self.normaliser, float.fromhex(self.normaliser["output_offset"])
        if self.dtype.kind == "f":
            most = float(np.finfo(self.dtype).max)
            with np.errstate(over="ignore", under="ignore"):
                b = y.astype(np.float64) * float.fromhex(norm["output_scale"]) + offset
                return np.clip(b, -most, most).astype(self.dtype) + self.dtype.type(0)
        a, shift = y * norm["output_multiplier"], norm["output_shift"]
        b = (a + 2 ** (shift - 1)) >> shift if shift > 0 else a << -shift
        bounds = np.iinfo(self.dtype)
        return np.clip(b + int(offset), bounds.min, bounds.max).astype(self.dtype)


# ---- Section 7: the JSON of a model


def integer(least, greatest):
    """Make a test for integers; true and false are none."""
    return lambda value: type(value) is int and least <= value <= greatest


def hexadecimal(n_digits):
    """Make a test for so many hexadecimal digits in lower case."""
    return lambda v: type(v) is str and len(v) == n_digits and set(v) <= set("0123456789abcdef")


def is_float(text):
    """Tell whether this is a finite float in the one form that section 7 allows."""
    try:
        value = float.fromhex(text)
    except (TypeError, ValueError, OverflowError):
        return False
    return math.isfinite(value) and value.hex() == text != "-0x0.0p+0"


def is_positive(text):
    """Tell whether this is a float above 0."""
    return is_float(text) and float.fromhex(text) > 0


def is_shape(value):
    """Tell whether this is a list of 0 to 8 sizes, of not too many elements."""
    right = isinstance(value, list) and len(value) <= 8 and all(map(integer(1, 2**28), value))
    return right and math.prod(value) <= 2**28


def is_layer(value):
    """Tell whether this is a layer of a known kind with its settings."""
    kind = value.get("kind") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind in LAYERS and fits(value, LAYERS[kind])


def fits(value, form):
    """Tell whether a value is as a form says: a test, or an object with one form a key."""
    if callable(form):
        return form(value)
    same = isinstance(value, dict) and value.keys() == form.keys()
    return same and all(fits(value[key], form[key]) for key in form)


def anything(value):
    """Accept what a decoder has no use for."""
    return True


def is_encoder(value):
    """Accept any encoder, which a decoder has no use for, but a `search` only as it must be."""
    if isinstance(value, dict) and "correction" in value:
        return False
    return not has_search(value) or fits(value["search"], SEARCH)


def has_search(encoder):
    """Tell whether an encoder has something to search by."""
    return isinstance(encoder, dict) and "search" in encoder


def or_null(test):
    """Make a test that null passes too."""
    return lambda value: value is None or test(value)


def list_of(test, least=1, most=3):
    """Make a test for lists; by default of one entry a spatial axis."""
    return lambda v: isinstance(v, list) and least <= len(v) <= most and all(map(test, v))


LIMIT = or_null(integer(1, 2**53 - 1))
DENSE = {"kind": anything, "shift": integer(0, 52), "limit": LIMIT}
CONV = DENSE | {"stride": list_of(integer(1, 64))}
LAYERS = {
    "dense": DENSE,
    "conv": CONV | {"padding": list_of(list_of(integer(0, 63), 2, 2))},
    "transposed_conv": CONV | {"before": list_of(integer(0, 63)),
                               "size": list_of(integer(1, 2**28))},
    "residual": {"kind": anything, "limit": LIMIT, "layers": lambda value: isinstance(value, list)
                 and all(is_layer(v) and v["kind"] != "residual" for v in value)},
    "table": {"kind": anything, "low": integer(-(2**31), 2**31 - 1),
              "identity_above": lambda value: type(value) is bool},
    "reshape": {"kind": anything, "shape": is_shape},
    "relu": {"kind": anything}, "leaky_relu": {"kind": anything},
}  # fmt: skip
CONTEXT = {name: integer(0, 40) for name in ("hidden_shift", "output_shift", "row_shift")}
CONTEXT |= {name: integer(1, 2**24) for name in ("hidden_limit", "output_limit")}
SAME = {"same_as": integer(0, 7)}
CORRECTION = {name: DENSE[name] for name in ("shift", "limit")}
NETWORK = {
    "input_limit": integer(1, 2**31 - 1), "input_shape": is_shape,
    "layers": lambda value: isinstance(value, list) and all(map(is_layer, value)),
}  # fmt: skip
SEARCH = {
    "lambda": list_of(lambda v: is_positive(v) and float.fromhex(v) <= 2**100, 1, 8),
    "unit": is_positive,
}
DECODING = {
    "contexts": list_of(or_null(lambda value: fits(value, CONTEXT) or fits(value, SAME)), 1, 8),
    "decoder": lambda value: fits(value, NETWORK)
    or fits(value, NETWORK | {"correction": CORRECTION}),
    "format": integer(0, 0), "frame_shape": is_shape,
    "normaliser": {
        "dtype": lambda value: value in DTYPES, "limit": integer(1, 2**32 - 1),
        "offset": is_float, "output_multiplier": integer(1, 2**15), "output_offset": is_float,
        "output_scale": is_positive, "output_shift": integer(-32, 51), "scale": is_positive,
    },
    "quantiser": {"limit": integer(1, 2**31 - 1), "shift": integer(0, 47)},
}  # fmt: skip
MODEL = {
    "architecture": anything, "checksum": hexadecimal(64), "decoding": DECODING,
    "encoder": is_encoder, "encoder_sha256": hexadecimal(64), "format": integer(0, 0),
    "known_sha256": or_null(hexadecimal(64)), "model_id": hexadecimal(32), "peak": anything,
}  # fmt: skip


def parse_json(text):
    """Parse JSON without fractions."""

    def refuse(number):
        raise Rejected(f"{number} is no integer")

    try:
        return json.loads(text, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Rejected("the JSON cannot be read") from error


def canonical(value):
    """Write canonical JSON."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise Rejected("the JSON is nested too deep") from error


# ---- Section 7: the file of a model


def read_layout(data):
    """Split a model file into its settings, checked by their form and checksum, and its rows."""
    cursor = Cursor(data)
    size = cursor.number(8)
    need(size <= 2**24, "the header is too long")
    try:
        text = cursor.take(size).decode()
    except UnicodeDecodeError as error:
        raise Rejected("the header is no UTF-8") from error
    header, body = parse_json(text), cursor.rest()
    need(isinstance(header, dict), "the header is no object")
    strings = header.pop("__metadata__", None)
    need(isinstance(strings, dict) and "narrows" in strings, "the metadata are missing")
    need(all(isinstance(value, str) for value in strings.values()), "the metadata are no strings")
    return read_settings(strings["narrows"], bytes(data)), cut_rows(header, body)


def cut_rows(header, body):
    """Cut the rows, which must fill the body."""
    rows, end = {}, 0
    whole = integer(0, len(body))
    for entry in header.values():
        need(isinstance(entry, dict) and entry.get("dtype") == "U8", "a row is no U8")
        for key, count in ("shape", 1), ("data_offsets", 2):
            value = entry.get(key)
            right = isinstance(value, list) and len(value) == count and all(map(whole, value))
            need(right, f"{key} is wrong")
    for name in sorted(header, key=lambda name: header[name]["data_offsets"]):
        begin, after = header[name]["data_offsets"]
        need(begin == end, "rows leave gaps or overlap")
        need(header[name]["shape"] == [after - begin], "a row has another length")
        rows[name], end = body[begin:after], after
    need(end == len(body), "bytes follow the last row")
    return rows


def read_settings(text, data):
    """Read the JSON of a model, and check it and the checksum of the file."""
    settings = parse_json(text)
    need(isinstance(settings, dict) and settings.get("format") == 0, "an unknown version")
    need(canonical(settings) == text, "the JSON is not canonical")
    need(fits(settings, MODEL), "the JSON has another form")
    mark = '\\"checksum\\":\\"%s\\"'
    found = (mark % settings["checksum"]).encode()
    need(data.count(found) == 1, "the checksum is not there once")
    zeroed = data.replace(found, (mark % ("0" * 64)).encode())
    need(sha256(zeroed).hexdigest() == settings["checksum"], "the checksum is wrong")
    return settings


class Tensors(dict):
    """The tensors of a model that are unpacked so far, by name; the others are rows."""

    def __init__(self, rows):
        self.rows, self.left = rows, 2**26

    def unpack(self, name, kind, *shape):
        """Unpack a tensor, which must have this type and shape; None stands for any size."""
        need(name in self.rows, f"{name} is missing")
        coding, number_type, got, shift, body = read_head(Cursor(self.rows.pop(name)))
        same = len(got) == len(shape) and all(map(lambda a, b: b in (None, a), got, shape))
        need(number_type == kind and same, f"{name} has another type or shape")
        n, dtype = math.prod(got), np.dtype(kind)
        self.left -= n
        need(self.left >= 0, "the tensors have too many numbers")
        unsigned = np.dtype(f"u{dtype.itemsize}")
        if coding == 2:
            values = read_entropy(body, n, dtype).view(unsigned)
        else:
            raw = inflate_planes(body, n * dtype.itemsize, dtype.itemsize)
            values = np.frombuffer(raw, unsigned.newbyteorder("<")).astype(unsigned)
            values = np.cumsum(values, dtype=unsigned) if coding == 1 else values
        self[name] = (values << unsigned.type(shift)).view(dtype).reshape(got)
        return self[name].astype(np.int64)


def read_head(cursor):
    """Read coding, number type, shape, shift and body of a row."""
    coding, code, n_dims = cursor.number(), cursor.number(), cursor.number()
    need(coding <= 2 and code <= 3 and n_dims <= 8, "a row of an unknown kind")
    shape, shift = tuple(cursor.varint() for _ in range(n_dims)), cursor.number()
    need(shift < 8 * np.dtype(NUMBER_TYPES[code]).itemsize, "a shift is too great")
    return coding, NUMBER_TYPES[code], shape, shift, cursor.rest()


def read_entropy(body, n, dtype):
    """Decode the values of an entropy-coded row."""
    cursor = Cursor(body)
    unit, z, count = cursor.number(), cursor.varint(), cursor.varint()
    need(unit <= 23 and 1 <= count <= 4096, "a unit or a table is too large")
    table = make_table(0, [cursor.varint() << unit for _ in range(count + 1)])
    base = -(z + 1) // 2 if z % 2 else z // 2
    symbols, bounds = decode_payload(cursor.rest(), Coding([table]), n), np.iinfo(dtype)
    values = symbols[:, 0] + base
    need(np.all((values >= bounds.min) & (values <= bounds.max)), "a value does not fit")
    return values.astype(dtype)


def read_network(network, shape, tensors, prefix="decoder."):
    """Give the layers of the decoder with their tensors, its output's shape and its bound."""
    bound, layers = network["input_limit"], []
    for i, settings in enumerate(network["layers"]):
        layer, name = dict(settings), f"{prefix}{i}."
        if layer["kind"] == "dense":
            need(len(shape) == 1, "a dense layer needs one dimension")
            layer["weight"] = tensors.unpack(name + "weight", "int16", shape[0], None)
            shape = [layer["weight"].shape[1]]
            need(shape[0] >= 1, "a dense layer has no output")
            layer["bias"] = tensors.unpack(name + "bias", "int64", shape[0])
        elif layer["kind"] in ("conv", "transposed_conv"):
            shape = read_conv(layer, shape, tensors, name)
        elif layer["kind"] == "residual":
            inner = {"input_limit": bound, "layers": layer["layers"]}
            layer["layers"], after, layer["inner_bound"] = read_network(inner, shape, tensors, name)
            need(list(after) == list(shape), "a residual layer changes the shape")
        elif layer["kind"] == "table":
            layer["values"] = tensors.unpack(name + "values", "int32", None)
            need(1 <= len(layer["values"]) <= 2**17, "an activation has a wrong length")
        elif layer["kind"] == "reshape":
            need(math.prod(shape) == math.prod(layer["shape"]), "a reshape changes the size")
            shape = layer["shape"]
        bound = prove_layer(bound, **layer)
        layers.append(layer)
    return layers, shape, bound


def read_correction(decoder, k, n_elements, tensors):
    """Give the correction, the number of its inputs, and its bound; or None, 0 and 0."""
    if "correction" not in decoder:
        return None, 0, 0
    weight = tensors.unpack("decoder.correction.weight", "int16", None, n_elements)
    bias = tensors.unpack("decoder.correction.bias", "int64", n_elements)
    layer = {"kind": "dense", "weight": weight, "bias": bias, **decoder["correction"]}
    need(1 <= len(weight) < k, "a correction of too few or too many latents")
    need(not (bias >> layer["shift"]).any(), "a correction that does not give 0 for 0")
    return layer, len(weight), prove_layer(decoder["input_limit"], **layer)


def read_conv(layer, shape, tensors, name):
    """Put the tensors and shapes of a convolution or its transpose into it; give its output's."""
    *sizes, channels = shape or [0]
    d, stride = len(sizes), layer["stride"]
    lists = [value for value in layer.values() if isinstance(value, list)]
    need(1 <= d <= 3 and all(len(v) == d for v in lists), "a convolution has other axes")
    weight = tensors.unpack(name + "weight", "int16", *[None] * d, channels, None)
    *kernel, _, out = weight.shape
    need(min(*kernel, out) >= 1 and max(kernel) <= 64, "a kernel is empty or too large")
    if layer["kind"] == "conv":
        cut = [max(pair) for pair in layer["padding"]]
        padded = [n + sum(pair) for n, pair in zip(sizes, layer["padding"], strict=True)]
        need(all(map(int.__ge__, padded, kernel)), "a kernel is larger than its input")
        after = [(n - k) // s + 1 for n, k, s in zip(padded, kernel, stride, strict=True)]
        need(math.prod(padded) * channels <= 2**28, "a padded input is too large")
    else:
        cut, after = layer["before"], layer["size"]
    need(all(map(int.__lt__, cut, kernel)), "a padding is as large as its kernel")
    need(math.prod(after) * out <= 2**28, "an output is too large")
    often = math.prod(after if layer["kind"] == "conv" else sizes)
    need(often * weight.size <= 2**40, "a convolution has too many products")
    layer["weight"], layer["bias"] = weight, tensors.unpack(name + "bias", "int64", out)
    layer["in_shape"], layer["out_shape"] = tuple(shape), (*after, out)
    return [*after, out]


def read_tables(tensors, shape):
    """Give the frequency tables, a list of those of each latent for each quality."""
    lows = tensors.unpack("tables.low", "int32", *shape).ravel().tolist()
    sizes = tensors.unpack("tables.size", "int32", *shape).ravel().tolist()
    need(min(sizes) >= 2 and max(sizes) <= 4097, "a table has too few or too many entries")
    weights = tensors.unpack("tables.weights", "int32", sum(sizes)).tolist()
    ends = accumulate(sizes)
    tables = [make_table(low, weights[end - size : end])
              for low, size, end in zip(lows, sizes, ends, strict=True)]  # fmt: skip
    return [tables[i : i + shape[1]] for i in range(0, len(tables), shape[1])]


def read_codings(tensors, contexts, tables, steps, r):
    """Give what each quality is coded with: its tables, and its context model if it has one."""
    need(len(contexts) == len(tables), "contexts of another number of qualities")
    found, first = [], len(tables[0]) - r
    for number, (settings, row) in enumerate(zip(contexts, tables, strict=True)):
        context = None
        if settings and "same_as" in settings:
            other = settings["same_as"]
            need(other < number and contexts[other], "a context model that is none before it")
            need("same_as" not in contexts[other], "the same as the same as another")
            context = found[other].context
            sizes = [len(row[j].weights) for j in context.order]
            need(sizes == context.sizes, "a context model for tables of other sizes")
        elif settings:
            context = read_context(settings, row[:first], tensors, f"contexts.{number}.")
        coded = tuple(first + j for j in np.flatnonzero(steps[number, first:]).tolist())
        found.append(Coding(row, context, coded, r))
    return found


def read_context(settings, tables, tensors, prefix):
    """Read a context model of a quality with these tables."""
    k = len(tables)
    need(k >= 2, "a context model of one latent")
    order = tensors.unpack(prefix + "order", "int32", k).tolist()
    need(sorted(order) == list(range(k)), "an order that is none of the latents")
    sizes = [len(tables[j].weights) for j in order]
    b, c = (tensors.unpack(prefix + name, "int32", None) for name in ("hidden_bias", "output_bias"))
    u, m = len(b) // (k - 1), len(c) // k
    need(1 <= u <= 1024 and 1 <= m <= 32, "no hidden units or outputs, or too many")
    need(len(b) == u * (k - 1) and len(c) == m * k, "biases of another length")

    def cut(name, kind, shapes):
        counts = [math.prod(shape) for shape in shapes]
        flat = tensors.unpack(prefix + name, kind, sum(counts))
        parts = np.split(flat, list(accumulate(counts))[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    context = Context(
        order, sizes,
        cut("hidden_weight", "int16", [(p, u) for p in range(1, k)]), list(b.reshape(k - 1, u)),
        cut("output_weight", "int16", [(u, k - p, m) for p in range(1, k)]), list(c.reshape(k, m)),
        cut("basis", "int16", [(m, size) for size in sizes]),
        cut("base", "int32", [(size,) for size in sizes]),
        settings,
    )  # fmt: skip
    context.prove()
    return context


def digest(settings, tensors):
    """Compute the digest of settings and tensors."""
    hashed = sha256(canonical(settings).encode())
    for name, values in sorted(tensors.items()):
        hashed.update(f"\n{name} {values.dtype.name} {list(values.shape)}\n".encode())
        hashed.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return hashed.digest()


def model_id(settings, tensors):
    """Compute the model id of the settings and of the tensors unpacked so far."""
    encoder = bytes.fromhex(settings["encoder_sha256"])
    return sha256(encoder + digest(settings["decoding"], tensors)).digest()[:16]


def check_decoder(decoding):
    """Check the sizes of frames and latents."""
    n, shape = math.prod(decoding["frame_shape"]), decoding["decoder"]["input_shape"]
    itemsize = np.dtype(decoding["normaliser"]["dtype"]).itemsize
    need(n * itemsize <= 2**28 - 16, "a frame is too large")
    need(len(shape) == 1 and shape[0] <= n, "the latent size is wrong")
    same = decoding["decoder"]["input_limit"] == decoding["quantiser"]["limit"]
    need(same, "the decoder has another limit than the quantiser")


def check_output(normaliser, bound):
    """Check the normaliser's condition on the bound of the decoder's output (section 5)."""
    most = bound * normaliser["output_multiplier"] << max(0, -normaliser["output_shift"])
    need(most < 2**52, "an output could reach 2**52")
    offset = float.fromhex(normaliser["output_offset"])
    whole = offset.is_integer() and abs(offset) < 2**52
    need(whole or normaliser["dtype"].startswith("float"), "the output offset is not whole")


def check_search(encoder, tensors, shape):
    """Check what an encoder may search by at these qualities and latents."""
    there = "encoder.curvature" in tensors.rows
    need(there == has_search(encoder), "a search without curvatures, or they without it")
    if there:
        need(len(encoder["search"]["lambda"]) == shape[0], "lambdas of another number")
        curvature = tensors.unpack("encoder.curvature", "int32", *shape)
        need(curvature.min() >= 0, "a curvature is negative")


def check_no_other(rows, settings):
    """Check the names of the tensors that only people and encoders need."""
    known = {"known.answers"} if settings["known_sha256"] else set()
    names = {name for name in rows if not (settings["encoder"] and name.startswith("encoder."))}
    need(names == known | {"training"}, "a tensor is missing, or has no place")


def check_known(model, symbols, digest):
    """Check that this machine decodes the known symbols, and codes them, as it must."""
    quality = (len(model.codings) + 1) // 2
    frames, coding = model.decode(symbols, quality), model.codings[quality - 1]
    hashed = sha256(frames.astype(frames.dtype.newbyteorder("<")).tobytes())
    if coding.context:
        columns = [[coding.tables[j].entry(s)[0] for s in symbols[:, j]] for j in coding.order]
        for p in range(len(columns)):
            tables = coding.tables_after(columns[:p], len(symbols))
            # Where all signals have one table, its frequencies follow once.
            rows = [table.weights for table in tables]
            rows = rows if p < len(coding.first) else rows[:1]
            hashed.update(np.array(rows, "<i4").tobytes())
    need(hashed.hexdigest() == digest, "the known answers come out otherwise")


def read_model(data):
    """Read a model file and check all of it that decoding needs."""
    settings, rows = read_layout(data)
    tensors, decoding = Tensors(rows), settings["decoding"]
    check_decoder(decoding)
    normaliser, frame_shape = decoding["normaliser"], decoding["frame_shape"]
    (k,) = decoding["decoder"]["input_shape"]
    correction, r, most = read_correction(decoding["decoder"], k, math.prod(frame_shape), tensors)
    need(not r or not settings["encoder"] or has_search(settings["encoder"]), "no search")
    layers, shape, bound = read_network(decoding["decoder"], [k - r], tensors)
    need(shape == frame_shape, "the decoder makes other frames")
    bound += most
    check_output(normaliser, bound)
    steps = tensors.unpack("quantiser.step", "int32", None, k)
    need(1 <= len(steps) <= 8 and steps.min() >= 0 and steps.max() < 2**21, "steps are wrong")
    need(tensors.unpack("quantiser.gain", "int32", *steps.shape).min() >= 0, "a gain is negative")
    tables = read_tables(tensors, steps.shape)
    codings = read_codings(tensors, decoding["contexts"], tables, steps, r)
    name, known = model_id(settings, tensors), settings["known_sha256"]
    need(name.hex() == settings["model_id"], "the model id is wrong")
    model = Model(name, np.dtype(normaliser["dtype"]), tuple(frame_shape), normaliser,
                  decoding["quantiser"]["limit"], layers, correction, steps, codings)  # fmt: skip
    if known:
        check_known(model, tensors.unpack("known.symbols", "int32", None, k), known)
    check_search(settings["encoder"], tensors, steps.shape)
    check_no_other(rows, settings)
    return model


# ---- Section 3: archives


def read_header(cursor):
    """Read the header of an archive: flags, model id, element type and frame shape."""
    need(cursor.take(4) == b"\x89NRW", "this is no archive")
    need(cursor.number() == 0, "an unknown version")
    flags, name = cursor.number(), cursor.take(16)
    need(flags & 0x0F & ~0x01 == 0, "an unknown required flag")
    code, n_dims = cursor.number(), cursor.number()
    need(code < len(DTYPES) and n_dims <= 8, "an unknown element type, or too many dimensions")
    shape = tuple(cursor.varint() for _ in range(n_dims))
    cursor.check_crc(0)
    dtype = np.dtype(DTYPES[code])
    need(1 <= math.prod(shape) * dtype.itemsize <= 2**28 - 16, "a frame is empty or too large")
    return flags, name, dtype, shape


def read_embedded(cursor):
    """Read the bytes of the embedded model."""
    start, size = cursor.at, cursor.varint()
    need(size <= 2**30, "the embedded model is too large")
    blob = cursor.take(size)
    cursor.check_crc(start)
    return blob


def read_block(cursor, model):
    """Read one block: its signals."""
    frame_bytes = math.prod(model.frame_shape) * model.dtype.itemsize
    start, first, n, size = cursor.at, cursor.number(), cursor.varint(), cursor.varint()
    mode, quality, whole = first & 15, first >> 4, n * frame_bytes
    need(mode <= 3, "an unknown mode")
    need(1 <= n <= max(1, min(2**14 - 1, (2**21 - 16) // frame_bytes)), "a wrong number of signals")
    need(size <= whole, "a payload is longer than its signals")
    payload = cursor.check_crc(start, size)
    if mode == 0:
        need(1 <= quality <= len(model.codings), "the model has no such quality")
        return model.decode(decode_payload(payload, model.codings[quality - 1], n), quality)
    if mode == 3:
        need(quality == 0, "a block of several qualities names one")
        signals = np.empty((n, *model.frame_shape), model.dtype)
        for quality, rows, symbols in decode_mixed(payload, model.codings, n):
            signals[rows] = model.decode(symbols, quality)
        return signals
    raw = inflate_planes(payload, whole, model.dtype.itemsize) if mode == 1 else payload
    need(len(raw) == whole, "a payload has another length than its signals")
    elements = np.frombuffer(raw, model.dtype.newbyteorder("<")).astype(model.dtype)
    return elements.reshape(n, *model.frame_shape)


def check_index(cursor, entries):
    """Check the index and the tail behind the end byte, which is taken already."""
    start = cursor.at - 1
    need(cursor.varint() == len(entries), "the index has another number of blocks")
    for entry in entries:
        need((cursor.varint(), cursor.varint()) == entry, "the index does not agree with a block")
    cursor.check_crc(start)
    n_bytes = cursor.at - start
    need(cursor.number(4) == n_bytes and cursor.rest() == b"WRN\x98", "the tail is wrong")


def read_archive(archive_bytes, model_bytes=None):
    """Decode an archive with its embedded model, or with one from elsewhere: (n, *frame_shape)."""
    cursor = Cursor(archive_bytes)
    flags, name, dtype, shape = read_header(cursor)
    embedded = read_embedded(cursor) if flags & 1 else None
    models = (read_model(blob) for blob in (model_bytes, embedded) if blob is not None)
    model = next((model for model in models if model.id == name), None)
    need(model, f"the archive needs the model {name.hex()}")
    need((model.dtype, model.frame_shape) == (dtype, shape), "the model is of other frames")
    signals, entries = [np.empty((0, *shape), dtype)], []
    while True:
        start = cursor.at
        if cursor.number() == 0x0F:
            break
        cursor.at = start
        signals.append(read_block(cursor, model))
        entries.append((len(signals[-1]), cursor.at - start))
    check_index(cursor, entries)
    return np.concatenate(signals)


# ---- Section 9: packets


def total(table, escaped):
    """Give the sum of the entries in use."""
    return TOTAL if escaped else TOTAL - table.weights[-1]


def write_payload(symbols, coding, escaped):
    """Give the shortest, then smallest string in the interval of the symbols."""
    low, width, scale, seen = 0, 1, 1, []
    for j in coding.order:
        (table,) = coding.tables_after(seen)
        e, number = table.entry(symbols[j])
        of_table = total(table, escaped)
        low, width = low * of_table + table.starts[e] * width, width * table.weights[e]
        scale *= of_table
        if number is not None:
            m = 2 * (number + 1).bit_length() - 1
            low, scale = (low << m) + (number + 1) * width, scale << m
        seen.append([e])
    n = 0
    while width << 8 * n < scale:
        n += 1
    a, b = -(-(low << 8 * n) // scale), -(-(low + width << 8 * n) // scale) - 1
    for z in range(n, -1, -1):
        cut = -(-a >> 8 * z)
        if cut << 8 * z <= b:
            return cut.to_bytes(n - z, "big")
    raise AssertionError("a and b are not as section 9 says")


def read_payload(payload, coding, escaped):
    """Decode the symbols of a packet."""
    x, d, seen = int.from_bytes(payload, "big"), 256 ** len(payload), []
    symbols = [0] * len(coding.tables)
    for j in coding.order:
        (table,) = coding.tables_after(seen)
        x *= total(table, escaped)
        e = bisect_right(table.starts, x // d) - 1
        x, d, number = x - table.starts[e] * d, d * table.weights[e], None
        if e == len(table.weights) - 1:
            ahead = (x << 65) // d
            zeros = 65 - ahead.bit_length()
            need(zeros <= 32, "a code has too many zeros in front")
            v = ahead >> (64 - 2 * zeros)
            x, number = (x << 2 * zeros + 1) - v * d, v - 1
        symbols[j] = table.symbol(e, number)
        seen.append([e])
    return symbols


def read_packet(packet_bytes, model_bytes, checksum=False):
    """Decode a packet to one signal of the frame shape."""
    model, packet = read_model(model_bytes), bytes(packet_bytes)
    if checksum:
        need(len(packet) >= 5, "the packet is too short")
        packet, stored = packet[:-4], int.from_bytes(packet[-4:], "little")
        need(zlib.crc32(model.id + packet) == stored, "the checksum is wrong")
    need(packet, "the packet is empty")
    first, payload, quality = packet[0], packet[1:], (packet[0] >> 5) + 1
    escaped = bool(first & 0x10)
    need(quality <= len(model.codings), "the model has no such quality")
    coding = model.codings[quality - 1]
    k = len(coding.order)
    need(8 * len(payload) < (89 if escaped else 24) * k + 8, "the payload is too long")
    symbols = read_payload(payload, coding, escaped)
    pairs = zip(symbols, coding.tables, strict=True)
    found = any(table.entry(symbol)[1] is not None for symbol, table in pairs)
    need(found == escaped, "the escape mode is wrong")
    need(write_payload(symbols, coding, escaped) == payload, "the payload is not the writer's")
    named = model.id + bytes([first & 0xF0]) + np.array(symbols, "<i4").tobytes()
    need(zlib.crc32(named) & 0x0F == first & 0x0F, "the check bits are wrong")
    return model.decode(np.array([symbols], np.int64), quality)[0]
