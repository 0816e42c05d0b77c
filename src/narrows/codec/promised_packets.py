"""Packets that keep a bound, or every bit, -> signals; `encoding.promised_packets` is the inverse.

    byte 0     bits 7..5   form
               bits 4..0   check bits over model id, form, and payload
    bytes      the payload, in that form
    byte 00    no other packet of two bytes or more ends so: their last digit is never 0

`docs/format/packets.md` is the specification.
"""

from __future__ import annotations

from enum import IntEnum, unique
from math import prod
from typing import Any
from zlib import crc32

import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.byte_planes import BARE, from_planes, inflate
from narrows.codec.archive.exact_values import unpack_exact
from narrows.codec.archive.raw_blocks import unpack_raw
from narrows.codec.coders import Coders
from narrows.codec.entropy.packets import keeps_promise
from narrows.codec.interpolation.blocks import unpack_levels
from narrows.codec.interpolation.layout import INTERPOLATED, SWEPT
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.byte_payload import decode_byte_string
from narrows.codec.levels.kinds import Levels, elements_of
from narrows.codec.levels.number_payload import (
    decode_number_string,
    unpack_changes,
    unpack_starts,
)
from narrows.codec.model.model import Model
from narrows.errors import FormatError

FORM_SHIFT = 5
CHECK_MASK = (1 << FORM_SHIFT) - 1
END = b"\0"


@unique
class Form(IntEnum):
    """How the payload of a packet that keeps a promise stands for its signal."""

    STORED = 0
    """As that of a stored block."""
    DEFLATED = 1
    """As that of a deflated block, without zlib's first two bytes and its last four."""
    LEVELS = 2
    """As that of a block of levels of kind 0, behind the kind."""
    FRONTS = 3
    """As that of one of kind 2."""
    NETWORKS = 4
    """By the networks of the model."""
    NETWORKS_AND_EXACT = 5
    """The same, behind elements that are kept exactly."""
    CHANGED_NETWORKS = 6
    """By networks whose last layers are changed."""
    CHANGED_NETWORKS_AND_EXACT = 7
    """The same, behind elements that are kept exactly."""

    @property
    def mode(self) -> str:
        """The name of blocks that are coded alike."""
        if self >= Form.NETWORKS:
            return "levels_by_networks"
        return "levels" if self in KINDS else self.name.lower()


EXACT_BIT, CHANGES_BIT = 1, 2
KINDS = {Form.LEVELS: INTERPOLATED, Form.FRONTS: SWEPT}
"""The first byte that a block of levels has where the packet has a form."""


def sealed(form: Form, payload: bytes, model_id: bytes) -> bytes:
    """Return a packet of a payload, without a checksum."""
    upper = form << FORM_SHIFT
    return bytes([upper | check_bits(upper, payload, model_id)]) + payload + END


def check_bits(upper: int, payload: bytes, model_id: bytes) -> int:
    """Return the lower bits of the first byte."""
    return crc32(payload, crc32(model_id + bytes([upper]))) & CHECK_MASK


def form_of(packet: bytes) -> Form:
    """Return the form of a packet that is known to keep a promise."""
    return Form(packet[0] >> FORM_SHIFT)


def mode_of(packet: bytes) -> str:
    """Return the name of blocks that are coded as a packet without a checksum is."""
    return form_of(packet).mode if keeps_promise(packet) else "coded"


def decode_promised(packet: bytes, model: Model, coders: Coders) -> npt.NDArray[Any]:
    """Return the `(1, *frame_shape)` signal of a packet without a checksum.

    Parameters
    ----------
    packet : bytes
    model : Model
    coders : Coders
        Of the model.

    Raises
    ------
    FormatError
        If no encoder wrote it.
    """
    n_bytes = prod(model.frame_shape) * model.dtype.itemsize
    if len(packet) - 2 > n_bytes:  # before the time that so many would take
        raise FormatError(
            f"packet with a payload of {len(packet) - 1} bytes, the last one included, for a "
            f"signal of {n_bytes}"
        )
    form, payload = form_of(packet), packet[1:-1]
    upper = packet[0] & ~CHECK_MASK
    if packet[0] & CHECK_MASK != check_bits(upper, payload, model.model_id):
        raise FormatError(
            f"packet that model {model.model_id.hex()} does not write: it is damaged, or another "
            "model's"
        )
    shape, dtype = model.frame_shape, model.dtype
    if form in KINDS:
        return unpack_levels(bytes([KINDS[form]]) + payload, 1, shape, dtype)
    if form is Form.STORED:
        return unpack_raw(Block(Mode.STORED, 0, 1, payload), dtype, shape)
    if form is Form.DEFLATED:
        planes = inflate(payload, n_bytes, BARE)
        return from_planes(planes, dtype.itemsize, prod(shape), dtype).reshape(1, *shape)
    levels = coders.levels(model)
    if levels is None:
        raise FormatError("packet by networks of levels, which its model does not have")
    return _by_networks(form, payload, model, levels)


def _by_networks(form: Form, payload: bytes, model: Model, levels: Levels) -> npt.NDArray[Any]:
    shape, exact, position = (1, *model.frame_shape), None, 0
    if form & EXACT_BIT:
        exact, position = unpack_exact(payload, shape, model.dtype)
    numbers = _numbers(levels, payload[position:], has_changes=bool(form & CHANGES_BIT))
    frames: npt.NDArray[Any] = elements_of(levels, numbers, model.dtype).reshape(shape)
    if exact is not None:
        exact.put_into(frames)
    return frames


def _numbers(levels: Levels, payload: bytes, *, has_changes: bool) -> npt.NDArray[Any]:
    """Return the `(1, size)` numbers that networks code."""
    if isinstance(levels, ByteLevels):
        if has_changes:
            raise FormatError("packet by changed networks of bytes, which never change")
        return decode_byte_string(levels, payload)
    starts, position = unpack_starts(payload, levels), levels.order.n_channels
    own = levels
    if has_changes:
        own, position = unpack_changes(payload, levels, position)
    return decode_number_string(own, payload[position:], starts)
