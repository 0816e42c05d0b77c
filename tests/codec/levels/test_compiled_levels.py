"""Networks of levels in compiled code: the same decisions as numpy, at each level."""

import pickle
import threading
from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.encoding.level_payloads import encode_bytes, encode_numbers
from narrows.codec.levels.byte_payload import decode_byte_string, decode_bytes
from narrows.codec.levels.native import engine as levels_engine
from narrows.codec.levels.native.bytes import CompiledBytes
from narrows.codec.levels.native.description import describe_bytes, describe_numbers, fits
from narrows.codec.levels.native.engine import NativeLevels
from narrows.codec.levels.native.numbers import CompiledNumbers
from narrows.codec.levels.number_levels import Starts
from narrows.codec.levels.number_payload import decode_number_string, decode_numbers
from narrows.codec.levels.passes import PassOrder
from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.native.extension import extension, levels
from narrows.errors import FormatError
from tests.helpers.level_models import blobs, random_levels, random_number_levels, waves
from tests.helpers.random_levels import (
    coded_by_numpy,
    random_bytes,
    random_numbers,
    string_by_numpy,
)

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")

ORDER = PassOrder((9, 6), start_stride=8)
SERIES = PassOrder((40,), n_channels=2, start_stride=64)


def on(level, of):
    """Return the coder of one level, which is not tried before."""
    kind = CompiledBytes if hasattr(of, "atoms") else CompiledNumbers
    return kind(of, native, level)


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("seed", range(40))
def test_bytes_are_coded_as_by_numpy(level, seed):
    networks, frames = random_bytes(np.random.default_rng(seed))
    if not fits(networks):
        with pytest.raises(ValueError, match="networks of levels with sums beyond int32"):
            on(level, networks)
        assert NativeLevels(level).compile_bytes(networks) is None
        return
    words, shares, _ = coded_by_numpy(networks, frames)
    compiled = on(level, networks)
    decisions = compiled.encode(frames)
    assert decisions.to_bytes() == words
    assert list(decisions.parts()) == shares
    assert np.array_equal(compiled.decode(words, len(frames)), frames)


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("seed", range(40))
def test_numbers_are_coded_as_by_numpy(level, seed):
    networks, starts, frames = random_numbers(np.random.default_rng(seed))
    words, shares, expected = coded_by_numpy(networks, frames, starts)
    compiled = on(level, networks)
    decisions, found = compiled.encode(frames, starts)
    assert decisions.to_bytes() == words
    assert list(decisions.parts()) == shares
    assert np.array_equal(found, expected)
    assert np.array_equal(compiled.decode(words, len(frames), starts), expected)


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("seed", range(40))
def test_strings_of_packets_are_those_of_numpy(level, seed):
    rng = np.random.default_rng(seed)
    networks, *starts, frames = (random_bytes, random_numbers)[seed % 2](rng)
    frame = np.resize(frames, (1, networks.order.size))
    string, expected = string_by_numpy(networks, frame, *starts)
    compiled = on(level, networks) if fits(networks) else None
    if compiled is not None:
        decisions = compiled.encode(frame, *starts)
        decisions = decisions[0] if starts else decisions
        assert decisions.to_string() == string
        assert np.array_equal(compiled.decode_string(string, *starts), expected)
    decode = decode_number_string if starts else decode_byte_string
    assert np.array_equal(decode(networks, string, *starts), expected)


def test_strings_of_all_lengths_are_those_of_numpy():
    networks = random_number_levels(SERIES)
    found = set()
    for seed in range(300):
        frame = waves(SERIES, 1, seed) // 4000
        decisions, _ = on(levels()[0], networks).encode(frame, Starts((0, 0)))
        string, _ = string_by_numpy(networks, frame, Starts((0, 0)))
        assert decisions.to_string() == string
        found.add(len(string))
    assert len(found) > 5


def test_most_random_networks_are_proven():
    seeds = range(40)
    proven = [fits(random_bytes(np.random.default_rng(seed))[0]) for seed in seeds]
    assert 20 < sum(proven) < 40
    assert all(fits(random_numbers(np.random.default_rng(seed))[0]) for seed in seeds)


@pytest.mark.parametrize("level", levels())
def test_outputs_of_numbers_may_leave_int32(level):
    networks = random_number_levels(SERIES, units=40)
    second = np.full((2, 40), 2**15 - 1, np.int16)
    networks = networks.with_networks([replace(each, second=second) for each in networks.networks])
    frames = waves(SERIES, 20)
    assert networks.networks[0].peaks[1] > 2**31
    payload = encode_numbers(networks, frames)
    own = replace(networks, engine=NativeLevels(level))
    assert own.compiled is not None
    assert encode_numbers(own, frames) == payload
    assert np.array_equal(decode_numbers(own, payload, 20), frames)


def test_networks_of_bytes_whose_sums_may_leave_int32_are_left_to_numpy():
    networks = random_levels(ORDER, units=40)
    second = np.full((12, 40), 2**15 - 1, np.int16)
    networks = replace(networks, networks=[replace(e, second=second) for e in networks.networks])
    own = NativeEngine(levels()[0]).compile_levels(networks)
    assert own.compiled is None
    frames = blobs((9, 6), 5)
    assert np.array_equal(decode_bytes(own, encode_bytes(own, frames), 5), frames)
    with pytest.raises(ValueError, match="networks of levels with sums beyond int32"):
        native.make_levels(levels()[0], *describe_bytes(networks))


# ---------------------------------------------------------------- what is wrong


def outcome(function, *arguments):
    """Return why a payload is refused, or what it holds."""
    try:
        return function(*arguments).tolist()
    except FormatError as error:
        return str(error)


def damaged(payload):
    """Yield payloads that no encoder wrote."""
    yield payload[:-4]
    yield payload + bytes(4)
    yield payload + b"\1\0\0\0"
    yield payload[:-3]
    rng = np.random.default_rng(1)
    for _ in range(10):
        changed = bytearray(payload)
        changed[rng.integers(len(payload) - 1)] ^= 1 << rng.integers(8)
        yield bytes(changed)


def test_damaged_payloads_of_bytes_are_refused_as_by_numpy():
    networks = random_levels(ORDER)
    own = NativeEngine(levels()[0]).compile_levels(networks)
    payload = encode_bytes(networks, blobs((9, 6), 7))
    found = [outcome(decode_bytes, own, wrong, 7) for wrong in damaged(payload)]
    assert found == [outcome(decode_bytes, networks, wrong, 7) for wrong in damaged(payload)]
    assert all(isinstance(each, str) for each in found)


def test_damaged_payloads_of_numbers_are_refused_as_by_numpy():
    networks = random_number_levels(SERIES)
    own = NativeEngine(levels()[0]).compile_levels(networks)
    payload = encode_numbers(networks, waves(SERIES, 7))
    found = [outcome(decode_numbers, own, wrong, 7) for wrong in damaged(payload)]
    assert found == [outcome(decode_numbers, networks, wrong, 7) for wrong in damaged(payload)]
    assert sum(isinstance(each, str) for each in found) > 8  # others hold other numbers


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_damaged_strings_are_refused_as_by_numpy(dtype):
    if dtype == "uint8":
        networks, starts = random_levels(ORDER), ()
        string, _ = string_by_numpy(networks, blobs((9, 6), 1))
        decode = decode_byte_string
    else:
        networks, starts = random_number_levels(SERIES), (Starts((20, 21)),)
        string, _ = string_by_numpy(networks, waves(SERIES, 1), *starts)
        decode = decode_number_string
    own = NativeEngine(levels()[0]).compile_levels(networks)
    wrong = [*damaged(string), string + b"\xff" * 9, b"\xff" * 200, b"", b"\0"]
    found = [outcome(decode, own, each, *starts) for each in wrong]
    assert found == [outcome(decode, networks, each, *starts) for each in wrong]
    assert sum(isinstance(each, str) for each in found) > 6


def test_code_that_differs_from_numpy_is_not_used(monkeypatch):
    def wrong(levels):
        fields, weights, numbers = describe_bytes(levels)
        weights = weights.copy()
        weights[-1] += 300
        return fields, weights, numbers

    monkeypatch.setattr("narrows.codec.levels.native.bytes.describe_bytes", wrong)
    networks = random_levels(ORDER)
    with pytest.warns(RuntimeWarning, match="so numpy codes them"):
        own = NativeEngine(levels()[0]).compile_levels(networks)
    assert own is networks


def test_numbers_that_differ_from_numpy_are_not_used(monkeypatch):
    def wrong(levels):
        fields, weights, numbers = describe_numbers(levels)
        return fields, weights, np.append(numbers[:-1], numbers[-1] + 5000).astype(np.int32)

    monkeypatch.setattr("narrows.codec.levels.native.numbers.describe_numbers", wrong)
    networks = random_number_levels(SERIES)
    with pytest.warns(RuntimeWarning, match="so numpy codes them"):
        own = NativeEngine(levels()[0]).compile_levels(networks)
    assert own is networks


@pytest.mark.parametrize("describe", [describe_bytes, describe_numbers])
def test_descriptions_that_are_cut_or_changed_are_refused(describe):
    of_bytes = describe is describe_bytes
    networks = random_levels(ORDER) if of_bytes else random_number_levels(SERIES)
    fields, weights, numbers = describe(networks)
    make, level = native.make_levels, levels()[0]
    wrong = [(fields[:-1], weights, numbers), (fields, weights[:-1], numbers),
             (fields, weights, numbers[:-1]), (fields, np.append(weights, weights[:1]), numbers),
             (fields, weights, np.append(numbers, numbers[:1]))]  # fmt: skip
    for i in range(len(fields)):
        used = 9 if of_bytes else 4
        for value in (-(2**40), 2**40 + 1):
            changed = fields.copy()
            changed[i] = value
            wrong += [(changed, weights, numbers)] * (i < used or i >= 12)
    for description in wrong:
        with pytest.raises(ValueError, match="networks of levels with"):
            make(level, *description)


def test_arrays_that_do_not_fit_are_refused():
    level, networks = levels()[0], random_levels(ORDER)
    made = native.make_levels(level, *describe_bytes(networks))
    values = np.zeros((ORDER.size + 1, 2), np.uint8)
    each = networks.near[1]
    outside = each.near.copy()
    outside[0, 0] = ORDER.size + 1
    near, places = each.near, each.places
    wrong = [
        (99, near, places, values, 0, 1),
        (1, near[:-1], places, values, 0, 1),
        (1, outside, places, values, 0, 1),
        (1, near, places + 99, values, 0, 1),
        (1, near, places, values[1:], 0, 1),
        (1, near, places, values, 0, 99),
        (1, near, places, values, 1, 0),
    ]
    for number, *arrays in wrong:
        decisions = native.make_decisions(None)
        with pytest.raises(ValueError, match="do not fit the networks of levels"):
            native.code_bytes(made, decisions, number, False, *arrays)
    with pytest.raises(ValueError, match="a part of one"):
        native.make_decisions(b"12345")


def test_arrays_of_numbers_that_do_not_fit_are_refused():
    networks = random_number_levels(SERIES)
    compiled, around = on(levels()[0], networks), networks.surroundings[2]
    values, wanted = np.zeros((SERIES.size, 2)), np.zeros((SERIES.size, 2))
    for name, wrong in [("own", around.own + 99), ("other", around.other[:-1]),
                        ("wide", around.wide - 99), ("flags", around.flags[:-1]),
                        ("places", around.places - 99), ("middle_bits", 5)]:  # fmt: skip
        kept = getattr(around, name)
        setattr(around, name, wrong)
        with pytest.raises(ValueError, match="do not fit the networks of levels"):
            compiled.code_part(
                native.make_decisions(None), 2, slice(0, 1), values, wanted, is_float=False
            )
        setattr(around, name, kept)


# ---------------------------------------------------------------- who uses it


def test_coders_go_to_other_processes_and_are_not_tried_there_again(monkeypatch):
    networks = NativeEngine(levels()[0]).compile_levels(random_levels(ORDER))
    monkeypatch.setattr(levels_engine, "codes_bytes", lambda *_: pytest.fail("tried again"))
    assert pickle.dumps(networks)
    again = copy(networks)  # by the same state
    frames = blobs((9, 6), 3)
    assert again.compiled is not None
    assert encode_bytes(again, frames) == encode_bytes(networks, frames)


def test_threads_share_a_coder():
    networks = NativeEngine(levels()[0]).compile_levels(random_number_levels(SERIES))
    frames = [waves(SERIES, 60, seed) for seed in range(4)]
    payloads = [encode_numbers(networks, each) for each in frames]
    found = [None] * len(frames)

    def decode(i):
        for _ in range(5):
            found[i] = decode_numbers(networks, payloads[i], 60)

    threads = [threading.Thread(target=decode, args=(i,)) for i in range(len(frames))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(*both) for both in zip(found, frames, strict=True))
