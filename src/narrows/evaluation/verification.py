"""Whether an archive is whole and decodes, and how far it is from its original."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.guarantee import Guarantee, guarantee_of
from narrows.codec.archive.streams import LostRange, whole_blocks
from narrows.codec.decoder import Decoder
from narrows.codec.model.range import Range
from narrows.codec.receiver import Receiver
from narrows.errors import DataError, FormatError
from narrows.evaluation.fidelity import (
    Fidelity,
    Spread,
    channel_errors,
    fidelity,
    psnr_of_mse,
)
from narrows.evaluation.reference import IN_JSON, Reference
from narrows.signals.channels import n_channels
from narrows.words import counted

APART = ("losses", "fidelity", "reference")


@dataclass
class Verification:
    """The findings about an archive."""

    signals: int = 0  # that could be read
    blocks: int = 0
    losses: list[LostRange] = field(default_factory=list)  # what could not be read
    decoded: bool = False  # the model was at hand, so that every block was decoded
    fidelity: Fidelity | None = None  # against the original, as all that follows
    reference: Reference | None = None
    worst_signal: int | None = None  # the one that is furthest from its original
    worst_psnr: float | None = None  # its own
    first_difference: int | None = None  # the first signal that differs
    promise: str | None = None  # of the archive: the largest error, down to none
    beyond_promise: int | None = None  # elements that are further off

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.losses

    def as_json(self) -> dict[str, Any]:
        """Return the findings; what is infinite becomes None, as the PSNR of an exact copy."""
        found = {name: value for name, value in vars(self).items() if name not in APART}
        worst = None if self.worst_psnr is None or math.isinf(self.worst_psnr) else self.worst_psnr
        if self.fidelity is None or self.reference is None:
            found |= dict.fromkeys([*(each.name for each in fields(Fidelity)), *IN_JSON])
        else:
            found |= {**self.fidelity.as_json(), **self.reference.as_json()}
        losses = [asdict(loss) for loss in self.losses]
        return {**found, "worst_psnr": worst, "losses": losses, "whole": self.is_whole}


def verify(
    stream: BinaryIO,
    decoder: Receiver | None,
    original: npt.NDArray[Any] | None = None,
    progress: Callable[[int], None] = lambda n_signals: None,
) -> Verification:
    """Check every checksum of an archive, decode it, and compare it with the original.

    Parameters
    ----------
    stream : binary file
        It must seek.
    decoder : Decoder, FreeDecoder or None
        Of the model that wrote it, if it needs one; None to check the checksums alone.
    original : (n, *frame_shape), optional
    progress : callable, optional
        Called with the number of signals of each block, when it has been read.

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
    promise = guarantee_of(header.metadata)
    found.promise = None if promise is None else str(promise)
    comparison = None
    if original is not None and decoder is not None:
        comparison = Comparison(original, decoder, promise)
    for block in blocks:
        found.blocks += 1
        found.signals += block.n_signals
        progress(block.n_signals)
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


def verify_signals(
    parts: Iterable[npt.NDArray[Any]],
    decoder: Receiver,
    original: npt.NDArray[Any] | None,
    losses: list[LostRange],
) -> Verification:
    """Compare decoded signals with the original, a part at a time; see `verify`.

    `losses` may be filled while the parts are decoded.
    """
    found = Verification(decoded=True, losses=losses)
    comparison = None if original is None else Comparison(original, decoder)
    for decoded in parts:
        if comparison is not None:
            comparison.add(decoded, found.signals)
        found.signals += len(decoded)
    if comparison is not None and found.is_whole:
        comparison.finish(found)
    return found


class Comparison:
    """Decoded signals beside their originals, a block at a time."""

    def __init__(
        self, original: npt.NDArray[Any], decoder: Receiver, promise: Guarantee | None = None
    ) -> None:
        self._original = _checked(original, decoder)
        self._decoder, self._promise, self._n_beyond = decoder, promise, 0
        shape = len(original), n_channels(original.shape[1:])
        self._squares, self._largest = np.zeros(shape), np.zeros(shape)

    def add(self, decoded: npt.NDArray[Any], start: int) -> None:
        """Compare the signals from number `start` on."""
        part = slice(start, start + len(decoded))
        if part.stop > len(self._original):
            n = counted(len(self._original), "signal")
            raise DataError(f"there are more signals than the {n} of the original")
        self._squares[part], self._largest[part] = channel_errors(self._original[part], decoded)
        if self._promise is not None:
            self._n_beyond += int(self._promise.exceeded(self._original[part], decoded).sum())

    def finish(self, found: Verification) -> None:
        """Put the figures into the findings; DataError if the original has more signals."""
        x = self._original
        if found.signals != len(x):
            n = counted(found.signals, "signal")
            raise DataError(f"there are {n}, and {len(x)} of the original")
        if isinstance(self._decoder, Decoder):
            spread = Spread.of(x, Range(self._decoder.model))
            found.reference = Reference.of(self._decoder.model, spread)
        else:
            spread = Spread.of(x)
            found.reference = Reference.of_signals(x.dtype, spread)
        peak = found.reference.peak
        found.fidelity = fidelity(self._squares, self._largest, peak, spread)
        found.beyond_promise = None if self._promise is None else self._n_beyond
        differing = np.flatnonzero(self._largest.any(axis=1))
        if len(differing):
            squares = self._squares.sum(axis=1)
            found.first_difference = int(differing[0])
            found.worst_signal = int(squares.argmax())
            found.worst_psnr = psnr_of_mse(float(squares.max()) / x[:1].size / peak**2)


def _checked(original: npt.NDArray[Any], decoder: Receiver) -> npt.NDArray[Any]:
    """Return the original; DataError for signals of another kind than the archive's."""
    if isinstance(decoder, Decoder):
        return decoder.transform.check_frames(original)
    kind = decoder.model
    if (original.shape[1:], original.dtype) != (kind.frame_shape, kind.dtype):
        raise DataError(
            f"the original has signals of shape {original.shape[1:]} and {original.dtype}, the "
            f"archive those of {kind.frame_shape} and {kind.dtype}; give what it was made from"
        )
    return original
