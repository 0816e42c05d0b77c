"""The ways in which the payload of a block may stand for its signals."""

from __future__ import annotations

from enum import IntEnum

NETWORKS = b"\1"
"""The first byte of the payload of a LEVELS block that a model's networks code."""
NETWORKS_AND_EXACT = b"\3"
"""The same, where elements that are kept exactly come first."""
BY_NETWORKS = (NETWORKS, NETWORKS_AND_EXACT)


class Mode(IntEnum):
    """How the payload of a block stands for its signals."""

    CODED = 0
    """Entropy-coded symbols of the model, all at the block's quality or each at one of its own."""
    DEFLATED = 1
    """The signals' bytes, in planes (first bytes of all elements, then second ...), in zlib."""
    STORED = 2
    """The signals' bytes, little-endian, row-major."""
    PATCHED = 3
    """Elements that are kept exactly, then what a block of a mode in PATCHABLE holds."""
    PREDICTED = 4
    """Windows of a recording, predicted from those before them, or an array's wavelets."""
    LEVELS = 5
    """Numbers on a grid that is refined level by level, within a bound, or exactly."""
    LEARNED = 6
    """As CODED at one quality without a context model, with tables that learn."""
    ROTATED = 7
    """As LEARNED, along axes of the block's own, which come first."""

    @property
    def is_raw(self) -> bool:
        """Whether the payload is the signals themselves."""
        return self in (Mode.DEFLATED, Mode.STORED)


PATCHABLE = {bytes([m]): m for m in (Mode.CODED, Mode.PREDICTED, Mode.LEARNED, Mode.ROTATED)}
"""What a PATCHED block may hold, by the first byte of its payload."""
