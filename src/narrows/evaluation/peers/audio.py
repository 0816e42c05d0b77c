"""Codecs of sound, for recordings of int16: FLAC."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from narrows.evaluation.peers.contract import Functions, Peer, Signals, Workload
from narrows.evaluation.peers.mosaics import MAX_CHANNELS, Shape, interleaved, is_recording

SAMPLE_RATE = 44_100  # which FLAC states in its header, and does not use


def peers() -> Iterator[Peer]:
    """Yield FLAC on all signals as one recording."""
    yield Peer(
        key="flac",
        name="FLAC",
        accepts="recordings (n, samples) or (n, samples, channels) of int16, "
        f"{MAX_CHANNELS} channels at most",
        takes=lambda work: work.x.dtype == np.int16 and is_recording(work.frame_shape),
        settings=lambda work: (1.0,),  # the highest level of 0 to 1: that of `flac -8`
        functions=_flac,
        layout=lambda work: interleaved(work.frame_shape),
        requires="soundfile",
        lossless=True,
    )


def _flac(work: Workload, shape: Shape, level: float) -> Functions:
    import soundfile

    def encode(samples: Signals) -> bytes:
        stream = io.BytesIO()
        soundfile.write(
            stream, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16", compression_level=level
        )
        return stream.getvalue()

    def decode(blob: bytes) -> Signals:
        return np.asarray(soundfile.read(io.BytesIO(blob), dtype="int16")[0])

    return encode, decode, 0
