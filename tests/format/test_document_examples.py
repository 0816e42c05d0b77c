"""The worked examples of the specification, and its formulas, give what the code computes."""

import ast
import json
import re

import numpy as np

from narrows.codec.archive.quality_groups import pack_groups
from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.context_model import (
    EXP_ZERO,
    LARGEST_LOG,
    LOG_UNIT,
    OCTAVES,
    ContextModel,
)
from narrows.codec.entropy.context_model import TENSORS as TENSOR_TYPES
from narrows.codec.entropy.context_tables import (
    EXP_SHIFT,
    MAX_NARROW_ENTRIES,
    NARROW_ROOM_BITS,
    WIDE_ROOM_BITS,
    ContextTables,
    exponentials,
    shared_out,
)
from narrows.codec.entropy.tables import TOTAL, FixedTables, frequencies_of
from narrows.codec.model.packed_tensors import unpack_tensor
from tests.helpers.by_hand import (
    DECODING,
    DECODING_DIGEST,
    ENCODER,
    ENCODER_DIGEST,
    MODEL_ID,
    ROWS,
    SIGNALS,
    TENSORS,
    model_by_hand,
)
from tests.helpers.format_document import integers, section, table


def test_the_numbers_of_the_formulas_of_frequencies_are_those_of_the_code():
    text = section("Frequencies from logarithms")
    formulas = dict(re.findall(r"^    ([a-z]+(?:\[a\])?) += (.*)$", text.replace(" - ", " "), re.M))
    depth = LOG_UNIT * OCTAVES
    assert integers(formulas["d[a]"]) == [depth, 0, depth, LOG_UNIT, OCTAVES]
    assert integers(formulas["part[a]"]) == 3 * [LOG_UNIT]
    assert integers(formulas["bits"]) == [NARROW_ROOM_BITS, MAX_NARROW_ENTRIES, WIDE_ROOM_BITS]
    assert f"`({EXP_ZERO} + d[a]) << {EXP_SHIFT}`" in text
    assert f"plus `{LARGEST_LOG} * 2**row_shift`" in section("The proof of a context model")
    assert EXP_ZERO + depth == LARGEST_LOG


def test_the_parts_of_the_document_are_those_of_the_code():
    """Those of its formula, and those that it says float32 reads from bits."""
    d = np.arange(417, dtype=np.int32)
    parts = [(32 + i % 32) << (i // 32) for i in d.tolist()]
    assert ((4224 + d) << 18).view(np.float32).tolist() == parts
    assert exponentials((d - 416.0)[:, None])[:, 0].tolist() == parts


def test_the_archive_of_the_worked_example_is_what_the_code_writes():
    rows = table("Its archive")
    offsets, fields = [int(row[0]) for row in rows], [bytes.fromhex(row[1]) for row in rows]
    assert offsets == [sum(map(len, fields[:i])) for i in range(len(fields))]
    assert b"".join(fields) == Codec(model_by_hand()).compress(SIGNALS)


def test_the_model_of_the_worked_example_is_the_one_worked_out_by_hand():
    text = section("A model")
    assert re.findall(r"```json\n(.*)\n```", text) == [ENCODER, DECODING]
    hashes = [ENCODER_DIGEST.hex(), DECODING_DIGEST.hex(), MODEL_ID.hex()]
    assert re.findall(r"^- .*: `(\w+)`$", text, re.M) == hashes
    hashed = re.findall(r"^\| `(\S+ int\d+ \[.*?\])` \| `([0-9 ]+)` \|$", text, re.M)
    written = [(line.strip().decode(), data.hex(" ")) for line, data in TENSORS]
    assert hashed == written


def test_the_tensors_of_the_worked_example_are_those_worked_out_by_hand():
    assert {name: bytes.fromhex(row) for name, row, _ in table("Its tensors")} == ROWS


def test_the_packed_tensor_of_the_worked_example_is_unpacked_as_it_says():
    row = b"".join(bytes.fromhex(part) for part, _ in table("A packed tensor"))
    tensor = unpack_tensor(row)
    assert tensor.dtype == np.int16
    assert tensor.tolist() == json.loads(
        re.search(r"Tensor: `(.*)`$", section("A packed tensor"), re.M)[1]
    )


def test_the_payload_of_several_qualities_is_what_the_code_writes():
    heading = "A payload of several qualities"
    rows = table(heading, 2)
    offsets, fields = [int(row[0]) for row in rows], [bytes.fromhex(row[1]) for row in rows]
    assert offsets == [sum(map(len, fields[:i])) for i in range(len(fields))]
    sentence = r"The symbols (.*) of four signals are at the qualities (.*?)\."
    symbols, qualities = map(
        integers, re.search(sentence, " ".join(section(heading).split())).groups()
    )
    assert len(symbols) == len(qualities) == 4
    coder = SymbolCoder(FixedTables(model_by_hand().tables[0]))
    column = np.array(symbols, np.int32)[:, None]
    assert b"".join(fields) == pack_groups(column, np.array(qualities), 2, lambda q: coder)


def test_the_frequencies_of_the_worked_example_are_what_the_code_computes():
    heading = "Frequencies of a context model"
    numbers = {name: text for names, text in table(heading) for name in names.split("`, `")}
    basis, base = (
        integers(re.sub(r"at position \d", "", numbers[name])) for name in ("basis", "base")
    )
    hidden, output = integers(numbers["hidden_weight"]), integers(numbers["output_weight"])
    values = [
        integers(numbers["order"]),
        hidden[:1],
        hidden[1:],
        output[:1],
        output[1:],
        basis,
        base,
    ]
    tensors = {
        name: np.array(value, dtype)
        for (name, dtype), value in zip(TENSOR_TYPES.items(), values, strict=True)
    }
    settings = {"row_shift": int(numbers["row_shift"])}
    for part in ("hidden", "output"):
        settings[f"{part}_shift"], settings[f"{part}_limit"] = integers(numbers[f"{part}_shift"])
    row = 2 * model_by_hand().tables[0]
    tables = ContextTables(row, ContextModel.build(settings, tensors, row))
    first = integers(re.search(r"Frequencies: `(.*)`", section(heading))[1])
    rows = table(heading, 2)
    symbols = np.array([[0, int(entry)] for entry, *_ in rows], np.int32)  # 2 is the escape
    at_0, at_1 = frequencies_of(symbols, tables)
    assert at_0.tolist() == len(rows) * [first]
    assert at_1.tolist() == [integers(frequencies) for *_, frequencies in rows]


def test_the_parts_and_units_of_the_worked_example_are_what_the_code_computes():
    heading = "Frequencies of a context model"
    text = section(heading)
    rows = [[integers(cell) for cell in row[5:]] for row in table(heading, 2)]
    at_0 = integers(re.search(r"the logarithms are (.*?)\.\s+Frequencies", text, re.S)[1])
    logs, d, (octaves, octave, left) = at_0[:3], at_0[3:6], at_0[6:9]
    first, second, shifted, shift, third, *unit = at_0[9:]
    assert d == [416 - max(logs) + log for log in logs]
    assert (octaves * octave + left, 32 + left, octaves) == (d[2], shifted, shift)
    frequencies = integers(re.search(r"Frequencies: `(.*)`", text)[1])
    rows.append([logs, [first, second, third], unit, frequencies])
    more = []
    for logs, parts, (unit,), frequencies in rows:
        found = exponentials(np.array([logs], np.float32).T)
        assert found[:, 0].tolist() == parts
        assert unit == (TOTAL - 3 << 12) // sum(parts)
        assert shared_out(found).tolist() == [frequencies]
        more.append(frequencies[2] - 1 - (parts[2] * unit >> 12))
    assert f"{min(more[:3])} to {max(more[:3])} more than its own share" in text


def test_the_signals_of_the_worked_example_decode_as_it_says():
    codec = Codec(model_by_hand())
    for signal, total, symbol, _, decoded in table("Its symbols"):
        x = np.array([ast.literal_eval(signal)], dtype=np.uint8)
        assert x.sum() == int(total)
        assert codec.encode(x).tolist() == [[int(symbol)]]
        assert codec.decode(codec.encode(x)).tolist() == [list(ast.literal_eval(decoded))]
