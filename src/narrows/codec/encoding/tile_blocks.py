"""Blocks of tiles of an array, with a model that predicts them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from narrows.codec.archive import Block
from narrows.codec.decoder import Decoder
from narrows.codec.encoding.likeness import Likeness
from narrows.codec.encoding.tile_encoder import TileEncoder
from narrows.codec.prediction.lattice import Brick


class TileBlocks:
    """Encodes bricks.

    Parameters
    ----------
    decoder : Decoder
    likeness : Likeness
    """

    def __init__(self, decoder: Decoder, likeness: Likeness) -> None:
        self._decoder, self._likeness = decoder, likeness

    def block(self, brick: Brick, quality: int) -> Block | None:
        """Code a brick of finite numbers; None where a tile of it is unlike the training's."""
        coded = self._encoder.encode(brick, quality)
        block = self._decoder.blocks.pack_tiles(coded.symbols, brick.counts, quality)
        known = None if brick.known.all() else brick.known
        decoded, qualities = self._decoder.blocks.decode(block), np.full(len(brick), quality)
        unlike = self._likeness.of_decoded(brick.frames, known, decoded, qualities)
        return None if unlike.any() else block

    @cached_property
    def _encoder(self) -> TileEncoder:
        return TileEncoder(self._decoder.transform)
