"""The one place where an encoder decides: which symbols stand for a signal, at which quality."""

from __future__ import annotations

import numpy as np

from narrows.codec.block_coder import Qualities
from narrows.codec.encoding.budget_search import BudgetSearch, PacketSize
from narrows.codec.encoding.found import Found
from narrows.codec.encoding.objective import Known
from narrows.codec.encoding.requests import Progress, Request, unseen
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.transform import Frames


def choose(
    encoder: SymbolEncoder,
    x: Frames,
    request: Request,
    size_of: PacketSize | None = None,
    progress: Progress = unseen,
    known: Known = None,
) -> tuple[Found, Qualities]:
    """Choose symbols `(n, latent_size)` and qualities `(n,)` for `(n, *frame_shape)` frames.

    Parameters
    ----------
    encoder : SymbolEncoder
    x : (n, *frame_shape)
        Frames of finite numbers.
    request : Request
    size_of : callable, optional
        The bytes of `(latent_size,)` symbols at a quality, for a budget of bytes. By default a
        signal's size is the ideal length of its symbols.
    progress : Progress, optional
    known : (n, *frame_shape) bool, optional
        Whose errors count; by default all.

    Raises
    ------
    SettingError
        If a signal cannot keep to the budget; it says what could be had.
    """
    quality, effort = request.resolve(encoder.model)
    if request.budget is not None:
        search = BudgetSearch(encoder, request.budget, effort, size_of)
        symbols, qualities = search.encode(x, progress, known)
        return Found.rounded(symbols), qualities
    return encoder.encode(x, quality, effort, progress, known), np.full(len(x), quality)
