"""Whether an archive is whole and decodes, and how far it is from its original."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.salvage import LostRange, whole_blocks
from narrows.codec.decoder import Decoder
from narrows.errors import DataError, FormatError
from narrows.evaluation.metrics import psnr_of_mse, signal_errors


@dataclass
class Verification:
    """The findings about an archive."""

    signals: int = 0  # that could be read
    blocks: int = 0
    losses: list[LostRange] = field(default_factory=list)  # what could not be read
    decoded: bool = False  # the model was at hand, so that every block was decoded
    psnr: float | None = None  # against the original, as all that follows
    max_abs_error: float | None = None
    worst_signal: int | None = None  # the one that is furthest from its original
    worst_psnr: float | None = None  # its own
    first_difference: int | None = None  # the first signal that differs

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.losses

    def as_json(self) -> dict[str, Any]:
        """Return the findings; what is infinite becomes None, as the PSNR of an exact copy."""
        fields = {k: v for k, v in asdict(self).items() if k != "losses"}
        finite = {k: None if v in (math.inf, -math.inf) else v for k, v in fields.items()}
        return {**finite, "losses": [asdict(x) for x in self.losses], "whole": self.is_whole}


def verify(
    stream: BinaryIO, decoder: Decoder | None, original: npt.NDArray[Any] | None = None
) -> Verification:
    """Check every checksum of an archive, decode it, and compare it with the original.

    Parameters
    ----------
    stream : binary file
        It must seek.
    decoder : Decoder or None
        Of the model that wrote it; None to check the checksums alone.
    original : (n, *frame_shape), optional

    Raises
    ------
    DataError
        If the original has other signals than the archive.
    FormatError
        If not even the header can be read.
    """
    found = Verification(decoded=decoder is not None)
    header, blocks = whole_blocks(stream, found.losses.append)
    if decoder is not None:
        decoder.check_model_of(header)
    comparison = None if original is None or decoder is None else Comparison(original, decoder)
    for block in blocks:
        found.blocks += 1
        found.signals += block.n_signals
        if decoder is None:
            continue
        try:
            decoded = decoder.blocks.decode(block)
        except FormatError as error:
            found.losses.append(
                LostRange(found.signals - block.n_signals, block.n_signals, str(error))
            )
            continue
        if comparison is not None:
            comparison.add(decoded, found.signals - block.n_signals)
    if comparison is not None and found.is_whole:
        comparison.finish(found)
    return found


class Comparison:
    """Decoded signals beside their originals, a block at a time."""

    def __init__(self, original: npt.NDArray[Any], decoder: Decoder) -> None:
        self._original = decoder.transform.check_frames(original)
        self._peak = decoder.model.peak
        self._squares, self._largest = np.zeros((2, len(original)))  # of each signal

    def add(self, decoded: npt.NDArray[Any], start: int) -> None:
        """Compare the signals from number `start` on."""
        part = slice(start, start + len(decoded))
        if part.stop > len(self._original):
            raise DataError(
                f"the archive holds more than the {len(self._original)} signals of the original"
            )
        self._squares[part], self._largest[part] = signal_errors(self._original[part], decoded)

    def finish(self, found: Verification) -> None:
        """Put the figures into the findings; DataError if the original has more signals."""
        n = len(self._original)
        if found.signals != n:
            raise DataError(f"the archive holds {found.signals} signals, the original {n}")
        frame_squares = max(1, self._original[:1].size) * self._peak**2
        found.psnr = psnr_of_mse(float(self._squares.sum()) / max(n, 1) / frame_squares)
        found.max_abs_error = float(self._largest.max(initial=0.0))
        differing = np.flatnonzero(self._largest)
        if len(differing):
            found.first_difference = int(differing[0])
            found.worst_signal = int(self._squares.argmax())
            found.worst_psnr = psnr_of_mse(float(self._squares.max()) / frame_squares)
