"""What Python calls take as signals: arrays, the names of files and folders, or what is open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array
from narrows.codec.archive import Header, Metadata
from narrows.codec.prediction.bricks import Brick
from narrows.errors import SettingError
from narrows.signals.channels import has_length
from narrows.signals.containers import KEY, described, numbers_of_table
from narrows.signals.crops import LEAST_FRAMES, split_along, with_crops
from narrows.signals.frames import Frames
from narrows.signals.lazy import lazy_source
from narrows.signals.reading import Lengths, Reading
from narrows.signals.source import ArraySource, Signals, Source, drawn
from narrows.signals.sources import open_array, open_lazy, open_signals

Data: TypeAlias = npt.ArrayLike | str | os.PathLike[str] | ArraySource | Frames
BESIDE = 4  # times as few windows in order are held beside a sample
RUNS = 50  # of signals that are held out of many: those beside each other may be alike
HELD_OUT_SHARE, MAX_HELD_OUT = 0.1, 5000  # of recordings; of the signals in them
LEAST_TILES = 3  # along an axis, of which the last ones are held out


def as_source(x: Data, reading: Reading, name: str = "data") -> ArraySource | Frames:
    """Return what was given as a source; an array that needs no cutting is not checked."""
    if isinstance(x, ArraySource | Frames):
        return x
    if isinstance(x, str | os.PathLike):
        return open_signals(x, reading)
    lazy = lazy_source(x)
    if lazy is not None:
        return open_lazy(lazy, reading)
    table = numbers_of_table(x)
    array = as_array(x, name) if table is None else table.array
    is_cut = reading.hops_of_model is not None and reading.frame_shape != array.shape[1:]
    return open_array(array, reading, name) if reading.cuts or is_cut else ArraySource(array)


def all_metadata(x: Data, source: Source, metadata: Metadata | None) -> Metadata | None:
    """Return a user's metadata, and what brings back what the signals were."""
    if isinstance(source, Frames):
        metadata = {**(metadata or {}), **source.metadata}
    if (container := described(x)) is not None:
        metadata = {**(metadata or {}), KEY: container}
    return metadata


def in_blocks(
    source: Source, size: int, codes_arrays: bool
) -> tuple[Source, Iterable[Signals | Brick]]:
    """Return a source in the order of its blocks of at most so many signals, and these.

    Tiles of arrays that are coded as a whole come in bricks.
    """
    if codes_arrays and isinstance(source, Frames):
        bricked = source.in_bricks(size)
        if bricked.cut.brick is not None:
            return bricked, bricked.bricks()
    return source, source.blocks(size)


def reading_of(
    window: int | None, tile: Sequence[int] | None, hop: int | Sequence[int] | None
) -> Reading:
    """Return the keywords of a function as a reading."""
    hops = (hop,) if isinstance(hop, int) else hop
    return Reading(
        window,
        None if hops is None else tuple(hops),
        None if tile is None else tuple(tile),
        proposes=True,
    )


@dataclass(frozen=True)
class TrainingSamples:
    """What a model learns from."""

    x: Signals
    validation: Signals | None
    about: dict[str, Any]
    """How it was cut, for the model to remember; nothing where it was not."""
    recordings: tuple[int, ...] = ()
    """How many signals of `x` each recording has, where they stand in their order."""
    sources: tuple[int, ...] = ()
    """How many of the first signals of `x` each file has, where that is known."""
    bricks: tuple[Sequence[Lengths], Sequence[Lengths]] = ((), ())
    """The shapes of the arrays whose tiles `x` and `validation` are, where these are in order."""
    in_order: Callable[[], TrainingSamples] | None = None
    """Reads the windows of recordings in their order, where `x` has them at random offsets."""


def training_samples(
    x: Data,
    validation: Data | None,
    reading: Reading,
    seed: int,
    most_frames: Callable[[tuple[int, ...], int], int],
    *,
    in_order: bool = False,
) -> TrainingSamples:
    """Read signals to learn from, no more than fit in memory, and those to validate with.

    Of five recordings or pictures or more, some are held out as a whole, since the frames of one
    are alike; of fewer, the end of each. Of arrays of signals, training holds some out. What is cut
    is learnt from at every offset, where the frames of the cut are few; but `in_order` they are
    those of the cut alone, each behind the one before it.
    """
    source = as_source(x, reading, "training data")
    others = None
    if validation is not None:
        alike = reading if reading.cuts else reading.like(source)
        others = as_source(validation, alike, "validation data")
    most = most_frames(source.shape, source.dtype.itemsize)
    if isinstance(source, ArraySource):
        held_out = None if others is None else _sampled(others, most, seed)
        if in_order and source.shape:
            return _ordered(source.part(0, most), held_out, {})
        return TrainingSamples(*_of_rows(source, held_out, most, seed), {})
    cut = {"lengths": list(source.cut.lengths), "hops": list(source.cut.hops)}
    about: dict[str, Any] = {"cut": cut}
    has_tiles = in_order and source.cut.tiles
    if others is None:
        parts = source.hold_out(HELD_OUT_SHARE, seed)
        if parts is not None:
            about["held_out"] = [member.name for member in parts[1].members]
        least = LEAST_TILES if has_tiles else LEAST_FRAMES
        source, others = parts or split_along(source, HELD_OUT_SHARE, least) or (source, None)
    if has_tiles:
        return _in_bricks(source, others, about, most)
    if in_order:
        return _in_order(source, others, about, most)
    ordered = partial(_in_order, source, others, about, most // BESIDE)
    if others is None:  # crops would show what training is going to hold out
        counts = tuple(source.counts(most, seed))
        return TrainingSamples(source.sample(most, seed), None, about, sources=counts)
    x, kept = with_crops(source, most, seed), _sampled(others, min(most, MAX_HELD_OUT), seed)
    if len(x) > source.shape[0]:
        about = {**about, "crops": len(x) - source.shape[0]}
        reading.tell(f"learns from {len(x):,} frames, at every offset")
    if source.cut.tiles:
        ordered = partial(_in_bricks, source, others, about, most)
    has_order = source.cut.tiles or has_length(source.cut.frame_shape)
    is_ordered = has_order and source.cut.hops == source.cut.lengths
    counts = tuple(source.counts(most, seed))
    in_order_too = ordered if is_ordered else None
    return TrainingSamples(x, kept, about, sources=counts, in_order=in_order_too)


def _in_order(
    source: Frames, others: ArraySource | Frames | None, about: dict[str, Any], most: int
) -> TrainingSamples:
    """Read the frames of the cut, each behind the one before it."""
    own = None if others is None else others.part(0, MAX_HELD_OUT)
    counts = (source.geometry.grid(i).n_frames for i in range(len(source.members)))
    return _ordered(source.part(0, most), own, about, tuple(counts))


def _ordered(
    x: Signals,
    validation: Signals | None,
    about: dict[str, Any],
    recordings: tuple[int, ...] = (),
) -> TrainingSamples:
    """Return signals in their order; where none are held out, the last tenth is."""
    if validation is None and len(x) > 1:
        n = len(x) - max(1, min(MAX_HELD_OUT, round(HELD_OUT_SHARE * len(x))))
        x, validation = x[:n], x[n:]
    counts = recordings if sum(recordings) == len(x) else (len(x),)
    return TrainingSamples(x, validation, about, counts)


def _of_rows(
    source: ArraySource, held_out: Signals | None, most: int, seed: int
) -> tuple[Signals, Signals | None]:
    """Return all rows of an array; of one larger than memory some, and runs to validate with."""
    n, n_held = len(source.shape) and source.shape[0], 0 if held_out is not None else MAX_HELD_OUT
    if n <= most + n_held:
        return source.read(), held_out
    chosen = drawn(n, most + n_held, seed)
    if held_out is not None:
        return source.rows(chosen), held_out
    length, apart = n_held // RUNS, n // RUNS
    first = np.random.default_rng([seed, n]).integers(apart - length + 1)
    held = (first + np.arange(RUNS)[:, None] * apart + np.arange(length)).reshape(-1)
    chosen = chosen[~np.isin(chosen, held)]
    return source.rows(chosen[drawn(len(chosen), most, seed)]), source.rows(held)


def _in_bricks(
    source: Frames, others: ArraySource | Frames | None, about: dict[str, Any], most: int
) -> TrainingSamples:
    """Return tiles of arrays, brick by brick."""
    if not isinstance(others, Frames):
        raise SettingError(
            f"architecture predictive for arrays of less than {LEAST_TILES} tiles along every "
            "axis: some are held out; give larger arrays, smaller tiles, or --validation"
        )
    learnt, held = some_bricks(source, most), some_bricks(others, min(most, MAX_HELD_OUT))
    if learnt is None or held is None:
        raise SettingError(
            "architecture predictive for tiles that overlap; it codes arrays as a whole: leave "
            "--hop out"
        )
    (_, x, shapes), (_, held_out, held_shapes) = learnt, held
    return TrainingSamples(x, held_out, about, bricks=(shapes, held_shapes))


def some_bricks(
    source: ArraySource | Frames, most: int | None = None
) -> tuple[Frames, Signals, list[Lengths]] | None:
    """Return the first bricks of a source: it in their order, tiles, and the bricks' shapes.

    Of several bricks those come that have no more tiles in all than `most`.

    None where there are no tiles, or they overlap.
    """
    if not isinstance(source, Frames) or source.cut.hops != source.cut.lengths:
        return None
    most = most or source.shape[0]
    size = Header(bytes(16), source.dtype, source.cut.frame_shape).block_signals
    bricks: list[Brick] = []
    laid = source.in_bricks(min(size, most))
    for brick in laid.bricks():
        if bricks and sum(map(len, bricks)) + len(brick) > most:
            break
        bricks.append(brick)
    return laid, np.concatenate([b.frames for b in bricks]), [b.shape for b in bricks]


def _sampled(source: ArraySource | Frames, most: int, seed: int) -> Signals:
    if isinstance(source, Frames):
        return source.sample(most, seed)
    n = source.shape[0] if source.shape else 0
    return source.read() if n <= most else source.rows(drawn(n, most, seed))
