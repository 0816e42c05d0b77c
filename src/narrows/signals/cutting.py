"""How arrays are cut to frames: as asked for, as the model takes them, or as the data suggest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

from narrows.errors import DataError, SettingError
from narrows.signals.members import FREE_AXES, Member
from narrows.signals.reading import Lengths, Reading

WINDOW, SHORTEST, LONGEST = 256, 16, 4096  # samples, where no rate says more
WINDOW_SECONDS = 0.032  # about the time in which speech stays the same
TILES = {1: (256,), 2: (32, 32), 3: (4, 16, 16)}  # by the number of axes
MAX_TILE = 1024  # elements, channels included: arrays of larger ones are not coded as a whole
MAX_WHOLE = 4096  # elements of files that are frames as they are
MAX_CHANNELS = 16  # in the last of two axes; more are no channels


@dataclass(frozen=True)
class Cut:
    """How members are cut.

    Attributes
    ----------
    lengths, hops : tuple of int
        Along the axes of the members.
    frame_shape : tuple of int
        That of the frames: the lengths, but for axes of one element that stand first.
    brick : tuple of int or None
        Frames that stand together, along the axes of the members.
    tiles : bool
        Whether frames are tiles of arrays, and no windows of recordings.
    """

    lengths: Lengths
    hops: Lengths
    frame_shape: Lengths
    brick: Lengths | None = None
    tiles: bool = False


def choose_cut(members: Sequence[Member], reading: Reading) -> Cut:
    """Decide how members of as many axes are cut.

    Raises
    ------
    DataError
        If they cannot be cut as asked for, or to the frames of the model.
    """
    if not any(prod(member.shape) for member in members):
        raise DataError(f"{members[0].name!r} and all others are empty: nothing to cut")
    if reading.window is not None:
        return _windows(members, reading.window, (reading.hop or (reading.window,))[0])
    if reading.tile is not None:
        return _tiles(members, reading.tile, reading.hop or reading.tile)
    if reading.frame_shape is not None:
        return _of_model(members, reading.frame_shape, reading)
    if reading.hop is not None:
        raise SettingError("hop is the distance of windows or tiles; give window or tile, too")
    cut = _proposed(members)
    shape = " x ".join(map(str, cut.frame_shape))
    option = "--window" if len(cut.frame_shape) == 1 or _is_time(members[0]) else "--tile"
    reading.tell(f"cut in frames of {shape}; {option} takes another size")
    return cut


def rows_of(member: Member) -> Cut:
    """Return the cut of an array whose rows are signals."""
    lengths = (1, *member.shape[1:])
    return Cut(lengths, lengths, member.shape[1:])


def _windows(members: Sequence[Member], window: int, hop: int) -> Cut:
    if members[0].format.axes == "picture":
        raise DataError(f"{members[0].name!r} is a picture; cut it with --tile 16,16, say")
    longest = max(members, key=lambda member: member.shape[0])
    if window > longest.shape[0]:
        raise DataError(
            f"window {window} is longer than the longest recording, {longest.name!r} of "
            f"{longest.shape[0]} samples; give one of at most {longest.shape[0]}"
        )
    rest = tuple(_whole_axis(members, axis) for axis in range(1, len(longest.shape)))
    return Cut((window, *rest), (hop, *rest), (window, *rest))


def _tiles(members: Sequence[Member], tile: Lengths, hop: Lengths) -> Cut:
    rank = len(members[0].shape)
    free = FREE_AXES.get(members[0].format.axes, rank)
    if len(tile) == rank:
        free = rank
    rest = tuple(_whole_axis(members, axis) for axis in range(free, rank))
    before = (1,) * (free - len(tile))
    if len(tile) > free:
        raise DataError(
            f"tile {','.join(map(str, tile))} has {len(tile)} axes, and {members[0].name!r} "
            f"{rank}: {members[0].shape}; give a length for each of its last axes"
        )
    lengths = (*before, *tile, *rest)
    for axis, length in enumerate(lengths):
        longest = max(member.shape[axis] for member in members)
        if length > longest:
            raise DataError(
                f"tile {','.join(map(str, tile))} is longer than every array: along axis {axis} "
                f"the longest has {longest} elements; give at most as many"
            )
    return Cut(lengths, (*before, *hop, *rest), frame_shape_of(lengths), tiles=True)


def _of_model(members: Sequence[Member], frame_shape: Lengths, reading: Reading) -> Cut:
    """Cut to the frames of a model, which stand for the last axes; recordings along the first."""
    hops = reading.hops_of_model
    first = members[0]
    rank, free = len(first.shape), FREE_AXES.get(first.format.axes)
    lengths = (1,) * (rank - len(frame_shape)) + frame_shape
    channels = first.shape[free:] if free is not None else ()
    if len(lengths) != rank or (channels and lengths[free:] != channels):
        raise DataError(
            f"{first.name!r} of shape {first.shape} cannot be cut to the frames of the model, "
            f"{frame_shape}; give signals of its kind, or train a model on these"
        )
    if reading.hop is not None:
        return Cut(
            lengths, _hops_of(reading.hop, lengths, rank if free is None else free), frame_shape
        )
    if hops is None or len(hops) != rank or not all(map(_is_hop, hops, lengths)):
        hops = lengths
    return Cut(lengths, hops, frame_shape)


def _hops_of(hop: Lengths, lengths: Lengths, free: int) -> Lengths:
    """Return the hops of a model's frames, along the last axes that are cut."""
    first = free - len(hop)
    if first < 0 or not all(map(_is_hop, hop, lengths[first:])):
        raise SettingError(
            f"hop {', '.join(map(str, hop))} of the model's frames of "
            f"{', '.join(map(str, lengths[:free]))}; it must be 1 to their length, along the last "
            "axes that are cut"
        )
    return (*lengths[:first], *hop, *lengths[free:])


def _is_hop(hop: int, length: int) -> bool:
    return 1 <= hop <= length


def _proposed(members: Sequence[Member]) -> Cut:
    first = members[0]
    rank, axes = len(first.shape), first.format.axes
    largest = tuple(max(m.shape[axis] for m in members) for axis in range(rank))
    is_one_shape = all(member.shape == first.shape for member in members)
    if is_one_shape and len(members) > 1 and 0 < prod(largest) <= MAX_WHOLE:
        return Cut(largest, largest, frame_shape_of(largest))
    if _is_time(first):
        window = min(_window_of(first.attributes), max(largest[0], 1))
        return _windows(members, window, window)
    if axes in ("signals", "rows") and all(m.shape[1:] == first.shape[1:] for m in members):
        return rows_of(first)
    free = FREE_AXES.get(axes, rank)
    tile = tile_of(largest[:free], prod(largest[free:]))
    return _tiles(members, tile, tile)


def tile_of(sizes: Lengths, channels: int = 1) -> Lengths:
    """Return the shape of usual tiles along the last of some axes, each place of so many numbers.

    Examples
    --------
    >>> tile_of((512, 512)), tile_of((512, 512), 3), tile_of((240, 37, 49))
    ((32, 32), (16, 16), (4, 16, 16))
    """
    usual = TILES[min(len(sizes), max(TILES))]
    last = sizes[len(sizes) - len(usual) :]
    tile = [min(pair) for pair in zip(usual, last, strict=True)]
    while prod(tile) * channels > MAX_TILE and max(tile) > 1:
        longest = tile.index(max(tile))
        tile[longest] = (tile[longest] + 1) // 2
    return tuple(tile)


def _is_time(member: Member) -> bool:
    """Return whether the first axis is time."""
    shape, axes = member.shape, member.format.axes
    few = len(shape) == 1 or (len(shape) == 2 and shape[1] <= MAX_CHANNELS)
    return axes == "time" or (axes == "signals" and few)


def _window_of(attributes: Any) -> int:
    """Return the power of two that is nearest to the usual time at the sample rate."""
    rate = attributes.get("rate")
    if not isinstance(rate, int | float) or not rate > 0:
        return WINDOW
    power = round(math.log2(rate * WINDOW_SECONDS))
    return min(max(1 << max(power, 0), SHORTEST), LONGEST)


def _whole_axis(members: Sequence[Member], axis: int) -> int:
    """Return the length of an axis that is not cut, the same in all members."""
    first = members[0]
    for member in members:
        if member.shape[axis] != first.shape[axis]:
            _refuse_axis(first, member, axis)
    return max(first.shape[axis], 1)


def _refuse_axis(first: Member, other: Member, axis: int) -> NoReturn:
    raise DataError(
        f"{first.name!r} has shape {first.shape} and {other.name!r} {other.shape}: axis {axis} is "
        "not cut, and differs; cut it with --tile and a length for each axis"
    )


def frame_shape_of(lengths: Lengths) -> Lengths:
    """Return the shape of frames: axes of one element that stand first are left out."""
    first = next((axis for axis, length in enumerate(lengths) if length > 1), len(lengths) - 1)
    return lengths[first:]
