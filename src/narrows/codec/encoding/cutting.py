"""How many signals become a block, and the parts that become a block each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from narrows.codec.archive import MAX_BLOCK_BYTES, Header
from narrows.codec.model.model import Model
from narrows.codec.own_axes import has_axes
from narrows.codec.prediction.bricks import Brick
from narrows.codec.transform import Frames

HALF_A_BLOCK = MAX_BLOCK_BYTES // 2
Signals = Frames | Iterable[Frames | Brick]


def signals_a_block(model: Model, header: Header, asked: int | None) -> int:
    """Return how many signals a block shall have, of those asked for; SettingError for others.

    By default a full block, or half of one where a context model decodes it one latent at a time,
    since a single signal is read with its block. Axes of a block's own want many signals.
    """
    in_order = model.prediction is not None or model.wavelets is not None
    contexts = any(each.context for each in model.qualities)
    if asked is not None or in_order or has_axes(model) or not contexts:
        return header.block_of(asked)
    return min(header.block_signals, max(1, HALF_A_BLOCK // header.frame_bytes))


def parts_of(
    x: Signals, usual: int, header: Header, check: Callable[[Frames], Frames]
) -> Iterator[Frames | Brick]:
    """Yield what becomes a block each: usual ones of an array, and parts as they are if allowed."""
    parts, most = ([x], usual) if isinstance(x, np.ndarray) else (x, header.most_signals)
    for part in parts:
        if isinstance(part, Brick):
            yield Brick(check(part.frames), part.shape)
            continue
        frames = check(part)
        size = usual if len(frames) > most else max(len(frames), 1)
        yield from (frames[start : start + size] for start in range(0, len(frames), size))
