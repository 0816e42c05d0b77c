"""Archives that need no model to signals: their blocks are levels, deflated or stored."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Header, Mode
from narrows.codec.archive.raw_blocks import unpack_raw
from narrows.codec.block_coder import Unpacked
from narrows.codec.receiver import Receiver
from narrows.errors import FormatError, WrongModelError


class Signals(NamedTuple):
    """What an archive says of its signals."""

    frame_shape: tuple[int, ...]
    dtype: np.dtype[Any]


class FreeBlocks:
    """Blocks that need no model, to signals.

    Parameters
    ----------
    signals : Signals
    """

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def is_compiled(self, block: Block) -> bool:
        """Whether compiled code does most of the work of decoding a block: for threads."""
        from narrows.codec.interpolation.native.choice import native_levels

        return block.mode is Mode.LEVELS and native_levels() is not None

    def decode(self, block: Block) -> npt.NDArray[Any]:
        """Decode the signals of a block, `(n, *frame_shape)`; FormatError where that is damaged."""
        shape, dtype = self._signals
        if block.mode is Mode.LEVELS:
            from narrows.codec.interpolation.blocks import unpack_levels

            return unpack_levels(block.payload, block.n_signals, shape, dtype)
        if block.mode.is_raw:
            return unpack_raw(block, dtype, shape)
        raise FormatError(f"{block.mode.name} block in an archive that needs no model")

    def unpack(self, block: Block) -> Unpacked:
        """Decode a block, all of which is one step."""
        return Unpacked(self.decode(block), None)

    def frames(self, unpacked: Unpacked) -> npt.NDArray[Any]:
        """Return the signals."""
        return unpacked.values


class FreeDecoder(Receiver):
    """All that a receiver needs for archives that need no model.

    Parameters
    ----------
    header : Header
    """

    def __init__(self, header: Header) -> None:
        self._header = header
        self._signals = Signals(header.frame_shape, header.dtype)
        self.check_model_of(header)

    @property
    def model(self) -> Signals:
        """What the signals are."""
        return self._signals

    @property
    def model_id(self) -> str:
        """32 zeros: there is no model."""
        return self._header.model_id.hex()

    @property
    def blocks(self) -> FreeBlocks:
        """What decodes blocks."""
        return FreeBlocks(self._signals)

    def check_model_of(self, header: Header) -> None:
        """Raise WrongModelError for an archive that needs a model."""
        if header.needs_model:
            raise WrongModelError(
                f"the archive was written by model {header.model_id.hex()}; give it with -m"
            )
        if (header.frame_shape, header.dtype) != self._signals:
            raise FormatError("archive of other signals than it was opened for")
