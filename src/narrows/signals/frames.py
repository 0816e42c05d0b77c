"""Recordings and large arrays as signals: frames of one shape, cut where they are needed.

members (files) ─Grid─► frames (n, *frame_shape), and the metadata that put them together again
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.bricks import Brick
from narrows.errors import SettingError
from narrows.signals.bricks import brick_for, parts_of
from narrows.signals.checks import check_signals
from narrows.signals.cutting import Cut
from narrows.signals.geometry import MAX_WEIGHT, Geometry, pack_geometry, weight_of
from narrows.signals.members import Member
from narrows.signals.source import Attributes, Signals, StoredSource, drawn
from narrows.signals.windows import Grid, cut_frame

MIN_MEMBERS = 5  # of which some are held out as a whole
MAX_HELD_OUT_SHARE = 0.25  # of the frames: one of few members may be large
MANY_MEMBERS = 30  # of which those drawn at random are as most are
LOOKED_AT = 64  # frames of each of fewer members
MAX_SLAB_BYTES = 1 << 26  # of a member that are held at a time, where its rows allow


class Frames:
    """The frames of members, one member after the other.

    Parameters
    ----------
    members : sequence of Member
        Of one dtype and as many axes.
    cut : Cut
        How.
    is_folder : bool
    """

    def __init__(self, members: Sequence[Member], cut: Cut, is_folder: bool) -> None:
        self.members, self.cut = members, cut
        self.geometry = Geometry(
            [member.name for member in members],
            [member.shape for member in members],
            cut.lengths,
            cut.hops,
            [member.format.name for member in members],
            [member.attributes for member in members],
            is_folder,
            cut.brick,
        )
        if weight_of(cut.lengths, cut.hops) >= MAX_WEIGHT:
            raise SettingError(
                f"hops of {', '.join(map(str, cut.hops))} for frames of "
                f"{', '.join(map(str, cut.lengths))}: too many overlap; give longer hops"
            )
        self._opened: tuple[int, StoredSource] | None = None
        self._slab = _Slab()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all frames, (n, *frame_shape)."""
        return (self.geometry.n_frames, *self.cut.frame_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the frames."""
        return self.members[0].dtype

    @property
    def attributes(self) -> Attributes:
        """Nothing: what comes with the members is in the metadata."""
        return {}

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What an archive of the frames has to keep."""
        return pack_geometry(self.geometry)

    @property
    def raw_bytes(self) -> int:
        """The bytes of what was cut: of its numbers, as the files hold them."""
        return self.geometry.raw_bytes(self.dtype.itemsize)

    @property
    def raw_elements(self) -> int:
        """The numbers of what was cut."""
        return sum(prod(member.shape) for member in self.members)

    @property
    def padded_share(self) -> float:
        """The share of the frames' elements that is beyond the end of a member."""
        overlaps = self.geometry.hops != self.geometry.lengths
        return 0.0 if overlaps else 1.0 - 1.0 / self.numbers_per_number

    @property
    def numbers_per_number(self) -> float:
        """The numbers in all frames, for each one in the members."""
        elements = self.shape[0] * prod(self.geometry.lengths)
        return elements / max(self.raw_elements, 1)

    def in_bricks(self, most: int) -> Frames:
        """Return the same frames in the order of bricks of at most so many, if none overlap."""
        cut = self.cut
        if cut.hops != cut.lengths:
            return self
        counts = (self.geometry.grid(number).counts for number in range(len(self.members)))
        largest = tuple(map(max, zip(*counts, strict=True)))
        brick = brick_for(largest, len(cut.frame_shape), most)
        return Frames(self.members, replace(cut, brick=brick), self.geometry.is_folder)

    def blocks(self, size: int) -> Iterator[Signals]:
        """Yield `(at most size, *frame_shape)` frames at a time, in order."""
        for start in range(0, self.shape[0], size):
            yield self.part(start, start + size)

    def bricks(self) -> Iterator[Brick]:
        """Yield the bricks of frames that are in the order of such."""
        assert self.cut.brick is not None
        axes, start = len(self.cut.frame_shape), 0
        for number, shape in enumerate(self.geometry.shapes):
            for sizes in parts_of(shape, self.cut.lengths, self.cut.brick):
                lengths = self.cut.lengths
                n = prod(-(-s // length) for s, length in zip(sizes, lengths, strict=True))
                yield Brick(self.part(start, start + n), sizes[len(sizes) - axes :])
                start += n
            assert start == self.geometry.starts[number + 1]

    def part(self, start: int, stop: int) -> Signals:
        """Cut frames `start` to `stop`."""
        stop = min(stop, self.shape[0])
        number = bisect_right(self.geometry.starts, start) - 1
        first = self.geometry.starts[number]
        if start < stop <= first + self._whole_frames(number):
            length = self.geometry.lengths[0]
            rows = self.member_source(number).part(*(length * (i - first) for i in (start, stop)))
            checked = check_signals(rows[None], name=repr(self.members[number].name))
            return checked.astype(self.dtype, copy=False).reshape(stop - start, *self.shape[1:])
        return self.rows(np.arange(start, stop))

    def _whole_frames(self, number: int) -> int:
        """Count the frames that a member begins with and that are its rows, one after another."""
        shape, lengths = self.members[number].shape, self.geometry.lengths
        if self.cut.brick or self.geometry.hops != lengths or shape[1:] != lengths[1:]:
            return 0
        return shape[0] // lengths[0]

    def read(self) -> Signals:
        """Cut all frames."""
        return self.part(0, self.shape[0])

    def rows(self, indices: npt.NDArray[np.intp]) -> Signals:
        """Cut some frames; those of one member best together, and in order."""
        out = np.empty((len(indices), *self.geometry.lengths), self.dtype)
        for row, index in zip(out, indices.tolist(), strict=True):
            number = bisect_right(self.geometry.starts, index) - 1
            frame = index - self.geometry.starts[number]
            row[...] = self._slab.frame(self, number, frame)
        return out.reshape(len(indices), *self.shape[1:])

    def sample(self, most: int, seed: int) -> Signals:
        """Cut all frames, or as many as are wanted, drawn at random and in order."""
        n = self.shape[0]
        return self.read() if n <= most else self.rows(drawn(n, most, seed))

    def counts(self, most: int, seed: int) -> list[int]:
        """Return how many frames of `sample` are of each member."""
        starts = np.asarray(self.geometry.starts)
        if self.shape[0] <= most:
            return [int(n) for n in np.diff(starts)]
        numbers = np.searchsorted(starts, drawn(self.shape[0], most, seed), side="right") - 1
        return [int(n) for n in np.bincount(numbers, minlength=len(self.members))]

    def hold_out(self, share: float, seed: int) -> tuple[Frames, Frames] | None:
        """Split by members: return those to learn from, and the others.

        None where there are fewer than `MIN_MEMBERS`, or hardly more frames than members. Members
        are drawn at random until they have so many of the frames, but for those that are too large;
        of a few, those whose frames vary as those of most do: a single odd one is no measure.
        """
        n, total = len(self.members), self.shape[0]
        if n < MIN_MEMBERS or total < 2 * n:
            return None
        order = self._typical_first() if n < MANY_MEMBERS else _shuffled(n, seed)
        counts, drawn, held = np.diff(self.geometry.starts).tolist(), [], 0
        for i in order.tolist():
            fits = held + counts[i] <= MAX_HELD_OUT_SHARE * total
            if fits and (not held or held < (share - 0.5 / n) * total):
                drawn.append(i)
                held += counts[i]
        if not held:
            return None
        others, learnt = (
            Frames([self.members[i] for i in sorted(part)], self.cut, self.geometry.is_folder)
            for part in (set(drawn), set(range(n)) - set(drawn))
        )
        return learnt, others

    def _typical_first(self) -> npt.NDArray[np.intp]:
        """Order members by how far the variance within their frames is from the usual one."""
        logs = np.empty(len(self.members))
        for i, first in enumerate(self.geometry.starts[:-1]):
            count = self.geometry.starts[i + 1] - first
            some = first + np.arange(min(count, LOOKED_AT)) * count // max(1, min(count, LOOKED_AT))
            frames = self.rows(some).astype(np.float64).reshape(len(some), -1)
            known = np.nan_to_num(frames, posinf=0.0, neginf=0.0)
            logs[i] = np.log(known.var(axis=1).mean() + 1e-30) if count else 0.0
        return np.argsort(np.abs(logs - np.median(logs)), kind="stable")

    def member_source(self, number: int) -> StoredSource:
        """Open a member; the one of the last time is still open."""
        if self._opened is None or self._opened[0] != number:
            self._opened = None  # closed before the next is opened
            self._opened = (number, self.members[number].open())
        return self._opened[1]


def _shuffled(n: int, seed: int) -> npt.NDArray[np.intp]:
    return np.random.default_rng([seed, n]).permutation(n)


class _Slab:
    """Rows of one member, held while frames are cut from them."""

    def __init__(self) -> None:
        self._of = (-1, 0, 0)  # member, first row and last row
        self._rows: Signals = np.empty(0)
        self._grid = Grid((), (), ())

    def frame(self, frames: Frames, number: int, frame: int) -> Signals:
        """Cut a frame of a member, reading rows where they are not at hand."""
        if self._of[0] != number:
            self._grid = frames.geometry.grid(number)
        needed = self._grid.box(frame)[0]
        member, first, last = self._of
        if member != number or needed.start < first or needed.stop > last:
            self._read(frames, number, needed)
        return cut_frame(self._rows, self._grid, frame, self._of[1])

    def _read(self, frames: Frames, number: int, needed: slice) -> None:
        """Read the rows of a frame, and as many of the next as fit."""
        member = frames.members[number]
        row_bytes = prod(member.shape[1:]) * member.dtype.itemsize
        stop = min(
            max(needed.stop, needed.start + MAX_SLAB_BYTES // max(row_bytes, 1)), member.shape[0]
        )
        rows = frames.member_source(number).part(needed.start, stop)
        self._rows = check_signals(rows[None], name=repr(member.name))[0]
        self._of = (number, needed.start, stop)
