"""Signals that were decoded before, with the symbols that they were decoded from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from narrows.codec.block_coder import Qualities
from narrows.codec.encoding.chooser import choose
from narrows.codec.encoding.found import Found
from narrows.codec.encoding.objective import Known
from narrows.codec.encoding.requests import Progress, Request
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.tables import Symbols
from narrows.codec.transform import Frames

Recall = Callable[[Frames, int], tuple[npt.NDArray[np.bool_], Symbols]]
"""Of `(n, *frame_shape)` signals and a quality: which are known, `(n,)`, and their symbols."""


def choose_or_recall(
    encoder: SymbolEncoder,
    given: Frames,
    frames: Frames,
    request: Request,
    recall: Recall | None,
    progress: Progress,
    known: Known,
) -> tuple[Found, Qualities]:
    """Choose symbols of frames as `choose` does, but for signals that are recalled.

    Parameters
    ----------
    given : (n, *frame_shape)
        The signals as they are; `frames` are the same with what is not `known` filled.
    """
    if recall is None or request.budget is not None:
        return choose(encoder, frames, request, progress=progress, known=known)
    quality, _ = request.resolve(encoder.model)
    recalled, symbols = recall(given, quality)
    others = np.flatnonzero(~recalled)
    progress(len(given) - len(others))
    distortion = np.zeros(len(given))
    if len(others):
        own = None if known is None else known[others]
        found, _ = choose(encoder, frames[others], request, progress=progress, known=own)
        symbols[others], distortion[others] = found.symbols, found.distortion_at_most
    return Found(symbols, distortion), np.full(len(given), quality)
