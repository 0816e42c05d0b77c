"""Payload bytes -> frames of whole numbers; `narrows.codec.encoding.level_payloads` is the inverse.

    u8 class of the starts, a channel │ changes of the last layers, pass by pass │ words

The changes of a pass are a byte, 0 where there are none, else 1 and a zigzag varint for each weight
and bias of each output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.levels.decisions import DecisionReader
from narrows.codec.levels.number_levels import NumberLevels, Starts
from narrows.codec.levels.number_tables import N_CLASSES
from narrows.codec.levels.pass_network import PassNetwork
from narrows.codec.levels.range_decisions import RangeReader
from narrows.errors import FormatError

Integers = npt.NDArray[np.int64]
Changes = npt.NDArray[np.int64]
"""What is added to a last layer, `(2, units + 1)`, in steps; the last column is the bias's."""

STEPS = np.array([16, 2])  # of weights to the mean, and to the scale
BIAS_BITS = 8  # a step of a bias is so many bits larger
WORD_BYTES = 4
MAX_WEIGHT, MAX_BIAS = 2**15 - 1, 2**31 - 1


def changed(network: PassNetwork, changes: Changes) -> PassNetwork:
    """Return a network with a changed last layer."""
    if not changes.any():
        return network
    moved = changes * STEPS[:, None]
    second = np.clip(network.second + moved[:, :-1], -MAX_WEIGHT, MAX_WEIGHT)
    bias = np.clip(network.second_bias + (moved[:, -1] << BIAS_BITS), -MAX_BIAS, MAX_BIAS)
    return replace(network, second=second.astype(np.int16), second_bias=bias.astype(np.int32))


def pack_starts(starts: Starts) -> bytes:
    """Lay out the classes of the starts."""
    return bytes(starts.classes)


def unpack_starts(payload: bytes, levels: NumberLevels) -> Starts:
    """Undo `pack_starts`, at the beginning of a payload."""
    n = levels.order.n_channels
    classes = tuple(payload[:n])
    if len(classes) < n or max(classes) >= N_CLASSES:
        raise FormatError(f"payload of levels with start classes {classes}")
    return Starts(classes)


def pack_changes(changes: Sequence[Changes]) -> bytes:
    """Lay out what is added to the last layers."""
    out = []
    for each in changes:
        if not each.any():
            out.append(b"\0")
            continue
        folded = np.where(each < 0, -2 * each - 1, 2 * each).reshape(-1)
        out += [b"\1", *map(write_varint, folded.tolist())]
    return b"".join(out)


def unpack_changes(payload: bytes, levels: NumberLevels, position: int) -> tuple[NumberLevels, int]:
    """Undo `pack_changes`: return the changed coder, and where they end."""
    networks = []
    for network in levels.networks:
        flag, position = payload[position : position + 1], position + 1
        if flag not in (b"\0", b"\1"):
            raise FormatError(f"payload of levels with {flag!r} before the changes of a pass")
        changes = np.zeros((len(network.second), network.second.shape[1] + 1), dtype=np.int64)
        if flag == b"\1":
            flat = changes.reshape(-1)
            for i in range(flat.size):
                folded, position = read_varint(payload, position)
                flat[i] = -(folded + 1 >> 1) if folded & 1 else folded >> 1
            if np.abs(flat).max() > MAX_WEIGHT or not flat.any():
                raise FormatError("payload of levels with changes of a pass beyond 2**15, or none")
        networks.append(changed(network, changes))
    return levels.with_networks(networks), position


def decode_numbers(levels: NumberLevels, payload: bytes, n: int) -> Integers:
    """Return the `(n, size)` frames of a payload; FormatError for one that no encoder wrote."""
    starts = unpack_starts(payload, levels)
    own, position = unpack_changes(payload, levels, levels.order.n_channels)
    if (len(payload) - position) % WORD_BYTES:
        raise FormatError(f"payload of levels of {len(payload)} bytes, with a part of a word")
    if own.compiled is not None:
        found = own.compiled.decode(payload[position:], n, starts)
        if found is not None:
            return found
    words = np.frombuffer(payload, "<u4", offset=position).astype(np.uint32)
    reader = DecisionReader(words)
    frames = own.code(n, starts, reader)
    reader.check_end()
    return frames


def decode_number_string(levels: NumberLevels, string: bytes, starts: Starts) -> Integers:
    """Return the `(1, size)` frame of a packet; FormatError for what no encoder wrote."""
    if levels.compiled is not None:
        found = levels.compiled.decode_string(string, starts)
        if found is not None:
            return found
    reader = RangeReader(string)
    frames = levels.code(1, starts, reader)
    reader.check_end()
    return frames
