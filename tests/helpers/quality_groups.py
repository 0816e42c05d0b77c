"""Blocks of several qualities: a model for them, its symbols, and what these decode to."""

import numpy as np

from narrows.codec.archive import SEVERAL_QUALITIES, Mode
from narrows.codec.archive.quality_groups import pack_groups, unpack_groups
from narrows.codec.codec import Codec
from tests.helpers.tiny_models import tiny_model, typical_frames

K, MOST = 3, 8
SEVERAL = (Mode.CODED, SEVERAL_QUALITIES)
MODEL = tiny_model("int16", (6, 8), K, MOST, contexts=(2, 5))
CODEC = Codec(MODEL)


def coder(quality):
    return CODEC.transform.coders.of_blocks(MODEL.quality(quality))


def packed(symbols, qualities, n_qualities=MOST):
    return pack_groups(symbols, qualities, n_qualities, coder)


def unpacked(payload, n, n_qualities=MOST):
    return unpack_groups(payload, n, K, n_qualities, coder)


def typical_symbols(qualities, seed=3):
    """Return symbols that cost little, each of its own quality; every seventh signal is escaped."""
    at_all = CODEC.encoder.encode_at_all_qualities(typical_frames(MODEL, len(qualities), seed))
    symbols = np.array([at_all[quality][i] for i, quality in enumerate(qualities.tolist())])
    symbols[3::7, 1] += 1_000_000
    return symbols


def decoded_singly(codec, symbols, qualities):
    """Decode each signal alone at its quality."""
    frames = [
        codec.decode(s[None], int(q)) for s, q in zip(symbols, qualities, strict=True)
    ]  # fmt: skip
    return np.concatenate(frames)
