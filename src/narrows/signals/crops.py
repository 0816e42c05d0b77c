"""Frames to learn from, at every offset: of what is cut in a row only some offsets are seen.

    members ─┬─ the last tenth along one axis ──► frames to validate with
             └─ the rest ──► all its frames, and crops at random offsets

A crop that shares elements with a frame that is held out would tell what that is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil

import numpy as np

from narrows.signals.frames import Frames
from narrows.signals.members import Member
from narrows.signals.source import FileSource, Signals, drawn

LEAST_FRAMES = 10  # along an axis, of which the last ones are held out
ENOUGH_CROPS = 32_768
"""Frames that a training has at least, where there are as many offsets: the more the better for
blocks of a field (docs/experiments.md), and more cost memory and no more updates."""


def split_along(
    source: Frames, share: float, least: int = LEAST_FRAMES
) -> tuple[Frames, Frames] | None:
    """Hold out the last frames along the axis that has most; None where it has few.

    Returns
    -------
    learnt, held_out : Frames
        Of the same members, without an element in common.
    """
    counts = np.array([source.geometry.grid(i).counts for i in range(len(source.members))])
    axis = int(counts.min(axis=0).argmax())
    if counts[:, axis].min() < least:
        return None
    hop, length = source.cut.hops[axis], source.cut.lengths[axis]
    ends = [(int(count) - ceil(share * count)) * hop for count in counts[:, axis]]
    # With windows that overlap, the last that is learnt from ends where the held-out ones begin.
    learnt = [_piece(m, axis, 0, end) for m, end in zip(source.members, ends, strict=True)]
    held = [
        _piece(m, axis, end, m.shape[axis]) for m, end in zip(source.members, ends, strict=True)
    ]
    if min(ends) < length:
        return None
    return tuple(Frames(part, source.cut, source.geometry.is_folder) for part in (learnt, held))  # type: ignore[return-value]


def _piece(member: Member, axis: int, start: int, stop: int) -> Member:
    """Return a member's part along one axis."""
    shape = (*member.shape[:axis], stop - start, *member.shape[axis + 1 :])
    return replace(member, shape=shape, open=partial(_open_piece, member, axis, start, shape))


def _open_piece(member: Member, axis: int, start: int, shape: tuple[int, ...]) -> FileSource:
    source = member.open()

    def read(first: int, last: int) -> Signals:
        if axis == 0:
            return source.part(start + first, start + last)
        inner = (slice(None),) * axis + (slice(start, start + shape[axis]),)
        return source.part(first, last)[inner]

    return FileSource(shape, source.dtype, read, source.attributes)


def with_crops(source: Frames, most: int, seed: int) -> Signals:
    """Return frames to learn from: those of the cut, and crops where these are few.

    Parameters
    ----------
    source : Frames
    most : int
        Frames that fit in memory.
    seed : int

    Returns
    -------
    (n, *frame_shape)
        At most `most`.
    """
    n = source.shape[0]
    anywhere = replace(source.cut, hops=(1,) * len(source.cut.hops))
    every = Frames(source.members, anywhere, source.geometry.is_folder)
    wanted = min(most, ENOUGH_CROPS) - n
    if wanted <= 0 or every.shape[0] <= n:
        return source.sample(most, seed)
    return np.concatenate([source.read(), every.rows(drawn(every.shape[0], wanted, seed))])
