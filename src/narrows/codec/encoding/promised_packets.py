"""Signals -> packets that keep a bound, or every bit; each in the form that is smallest."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.exact_values import pack_exact
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.archive.raw_blocks import pack_raw
from narrows.codec.encoding.free_encoder import guarantee_for, serves
from narrows.codec.encoding.guaranteed_blocks import guaranteed_block
from narrows.codec.encoding.guarantees import range_of
from narrows.codec.encoding.level_fit import has_rows
from narrows.codec.encoding.level_payloads import Coded, code_levels
from narrows.codec.encoding.requests import Progress, Request
from narrows.codec.levels.kinds import Levels
from narrows.codec.levels.number_levels import NumberLevels
from narrows.codec.levels.number_payload import pack_changes, pack_starts
from narrows.codec.promised_packets import CHANGES_BIT, EXACT_BIT, KINDS, Form, sealed
from narrows.codec.transform import Transform
from narrows.processes import Workers

ZLIB_HEAD, ZLIB_TAIL = 2, 4  # bytes that only check what the packet checks
AT_ONCE = 16  # signals that a process takes
Payload = tuple[Form, bytes]


def promised_packets(
    x: npt.NDArray[Any],
    request: Request,
    transform: Transform,
    progress: Progress,
    workers: Workers,
) -> list[bytes]:
    """Code `(n, *frame_shape)` signals to a packet each, without checksums.

    A relative bound is in parts of the range of all these signals.
    """
    model = transform.model
    shape, packets = model.frame_shape, list[bytes]()
    guarantee = guarantee_for(shape, x.dtype, request, lambda: range_of([x], shape))
    levels = transform.coders.levels(model) if serves(model, guarantee) else None
    each = partial(_packets_of, guarantee, levels, model.model_id)
    parts = (x[start : start + AT_ONCE] for start in range(0, len(x), AT_ONCE))
    for some in workers.in_order(each, parts):
        packets += some
        progress(len(some))
    return packets


def _packets_of(
    guarantee: Guarantee, levels: Levels | None, model_id: bytes, x: npt.NDArray[Any]
) -> list[bytes]:
    ways = (smallest(x[i : i + 1], guarantee, levels) for i in range(len(x)))
    return [sealed(*way, model_id) for way in ways]


def smallest(x: npt.NDArray[Any], guarantee: Guarantee, levels: Levels | None) -> Payload:
    """Return the form and the payload of one signal, `(1, *frame_shape)`."""
    return min(ways_of(x, guarantee, levels), key=_size)


def ways_of(x: npt.NDArray[Any], guarantee: Guarantee, levels: Levels | None) -> list[Payload]:
    """Return the ways to code one signal: the best without networks, and those by networks."""
    ways = [_without_networks(x, guarantee)]
    return ways if levels is None else ways + _by_networks(x, guarantee, levels)


def _without_networks(x: npt.NDArray[Any], guarantee: Guarantee) -> Payload:
    block = guaranteed_block(x, guarantee)
    if block.mode.is_raw:
        return _payload_of(block)
    return min(_payload_of(block), _payload_of(pack_raw(x, 0)), key=_size)


def _payload_of(block: Block) -> Payload:
    """Return what a packet keeps of the block of its one signal."""
    if block.mode is Mode.LEVELS:
        form = next(form for form, kind in KINDS.items() if kind == block.payload[0])
        return form, block.payload[1:]
    if block.mode is Mode.DEFLATED:
        return Form.DEFLATED, block.payload[ZLIB_HEAD:-ZLIB_TAIL]
    return Form.STORED, block.payload


def _size(way: Payload) -> tuple[int, Form]:
    return len(way[1]), way[0]


def _by_networks(x: npt.NDArray[Any], guarantee: Guarantee, levels: Levels) -> list[Payload]:
    """Code by networks as they are, and by changed ones where there are elements enough."""
    ways = []
    may_fit = isinstance(levels, NumberLevels) and has_rows(levels, len(x))
    for fits in (False, True) if may_fit else (False,):
        found = code_levels(levels, x, guarantee, fits=fits)
        if found is None or (fits and not found[0].has_changes):
            break
        coded, exact = found
        form = Form.NETWORKS | EXACT_BIT * (exact is not None) | CHANGES_BIT * fits
        kept = b"" if exact is None else pack_exact(exact)
        ways.append((Form(form), kept + _coded(coded, fits)))
    return ways


def _coded(coded: Coded, has_changes: bool) -> bytes:
    head = b"" if coded.starts is None else pack_starts(coded.starts)
    changes = pack_changes(coded.changes if has_changes else [])
    return head + changes + coded.decisions.to_string()
