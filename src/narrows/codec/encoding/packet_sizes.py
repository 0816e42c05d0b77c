"""Frames to packets that all have the same size: each signal's best use of so many bytes.

A search at a low weight of errors takes fewer bytes than rounding does, at a high one more. So at
the first quality whose rounded symbols are too long, and at the one before it, the highest weight
is looked for at which a signal's packet fits. Everything that is compared is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from narrows.codec.block_coder import Qualities
from narrows.codec.encoding.costs import squared_errors
from narrows.codec.encoding.operating_points import power_of_two
from narrows.codec.encoding.requests import Progress
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import Symbols
from narrows.codec.transform import Frames
from narrows.errors import SettingError

LEAST, MOST = -64, 17
"""Eighths of octaves of the weight, from the first one on and up to the last one, left out."""
ROUNDS_TO_FIT = 64  # of a search at the lowest weight, for signals that fit at no other

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass
class _Best:
    """The packets with the least errors so far, of n signals.

    Attributes
    ----------
    packets : list of bytes
        Empty where none has fitted.
    error : (n,)
        Squared error of each; infinite where none has fitted.
    shortest : (n,)
        Bytes of the shortest packet that was tried, whether or not it fitted.
    """

    packets: list[bytes]
    error: Floats
    shortest: Floats

    @classmethod
    def of(cls, n: int) -> Self:
        """Return that of signals of which none was tried."""
        return cls([b""] * n, *np.full((2, n), np.inf))


class PacketSizeSearch:
    """Codes signals to packets of one size.

    Parameters
    ----------
    encoder : SymbolEncoder
    coder : PacketCoder
    n_bytes : int
        Of every packet, checksum included.
    effort : int
        Of every try; 0 takes the rounded symbols of the best quality that fits.
    checksum : bool

    Raises
    ------
    SettingError
        If packets of the model never have so many bytes.
    """

    def __init__(
        self,
        encoder: SymbolEncoder,
        coder: PacketCoder,
        n_bytes: int,
        effort: int,
        *,
        checksum: bool,
    ) -> None:
        self._encoder, self._coder, self._checksum = encoder, coder, checksum
        self._n_bytes, self._effort = n_bytes, effort
        longest = coder.longest(checksum=checksum)
        if n_bytes > longest:
            raise SettingError(
                f"packet_bytes {n_bytes}; packets of this model have {longest} bytes at most, were "
                "all symbols as unlikely as can be: give fewer"
            )

    def packets(self, x: Frames, progress: Progress) -> list[bytes]:
        """Code `(n, *frame_shape)` frames of finite numbers to a packet each.

        Raises
        ------
        SettingError
            If a signal takes more bytes; it says how many.
        """
        best, everyone = _Best.of(len(x)), np.arange(len(x))
        rounded = self._encoder.encode_at_all_qualities(x)  # (n, latent_size) of each quality
        above = np.ones(len(x), dtype=np.intp)  # the first quality that is too long, or the last
        for quality, symbols in rounded.items():
            fits = self._offer(best, everyone, x, symbols, quality)
            above[fits] = np.minimum(quality + 1, len(rounded))
        if self._effort:
            for quality, symbols in rounded.items():
                rows = np.flatnonzero((above == quality) | (above == quality + 1))
                self._search(best, rows, x[rows], symbols[rows], quality)
            self._make_fit(best, x, rounded[1])
        progress(len(x))
        if not all(best.packets):
            raise SettingError(self._too_long(best))
        return best.packets

    def _search(
        self, best: _Best, rows: Rows, x: Frames, symbols: Symbols, quality: Qualities | int
    ) -> None:
        """Find the highest weight at which each signal's packet fits, by halving."""
        low, high = np.full(len(rows), LEAST - 1), np.full(len(rows), MOST)
        active = np.arange(len(rows))
        while len(active):
            probe = (low[active] + high[active]) // 2
            weight = np.array([power_of_two(eighths) for eighths in probe.tolist()])
            found = self._encoder.improve(
                x[active], symbols[active], int(quality), self._effort, weight
            ).symbols
            fits = self._offer(best, rows[active], x[active], found, int(quality))
            low[active[fits]], high[active[~fits]] = probe[fits], probe[~fits]
            active = np.flatnonzero(high - low > 1)

    def _make_fit(self, best: _Best, x: Frames, symbols: Symbols) -> None:
        """Go on at the lowest weight, where no packet of a signal has fitted so far."""
        lowest = power_of_two(LEAST)
        for _ in range(ROUNDS_TO_FIT):
            rows = np.flatnonzero(np.isinf(best.error))
            if not len(rows):
                return
            before, weight = symbols[rows], np.full(len(rows), lowest)
            symbols[rows] = self._encoder.improve(x[rows], before, 1, self._effort, weight).symbols
            self._offer(best, rows, x[rows], symbols[rows], 1)
            if np.array_equal(symbols[rows], before):
                return

    def _offer(self, best: _Best, rows: Rows, x: Frames, symbols: Symbols, quality: int) -> Flags:
        """Keep packets that fit and err less than those before; return which fit, `(n,)`."""
        shown = {"checksum": self._checksum}
        packets = self._coder.encode_to(symbols, quality, self._n_bytes, **shown)
        fits = np.array([packet is not None for packet in packets], dtype=bool)
        own = np.flatnonzero(~fits)
        lengths = [len(each) for each in self._coder.encode_all(symbols[own], quality, **shown)]
        best.shortest[rows[own]] = np.minimum(best.shortest[rows[own]], lengths)
        own = np.flatnonzero(fits)
        errors = squared_errors(self._encoder.transform.decode(symbols[own], quality), x[own])
        for i, error in zip(own.tolist(), errors.tolist(), strict=True):
            packet, row = packets[i], rows[i]
            if packet is not None and error < best.error[row]:
                best.packets[row], best.error[row] = packet, error
        return fits

    def _too_long(self, best: _Best) -> str:
        """Say which is the least size that all signals keep to."""
        lost = np.flatnonzero(np.isinf(best.error))
        least = max(int(best.shortest[lost].max()), self._n_bytes + 1)
        effort = self._effort
        return (
            f"packet_bytes {self._n_bytes}: of {len(best.packets)} signals {len(lost)} take more, "
            f"{least} at most, at effort {effort}; give {least} or more"
            f"{', a higher effort,' * (effort < 1)} or another model: one trained with --aim "
            f"bytes:{self._n_bytes} or less, or with more --qualities, comes to fewer"
        )
