"""Compress a long recording and look for drift: `python -m scripts.long_recordings [--windows N]`.

A pulse of a rate that wanders, in windows of 32 samples of int16: first the largest block that
there is, 16,383 windows in a row, then N windows (by default a million) in blocks of 512. Each is
decoded with every backend and in two processes. Prints the hashes, which must be one, and the error
of each tenth of the recording, which must not grow. The exit code is 1 otherwise.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

import narrows
from narrows.codec.archive.layout import MAX_BLOCK_SIGNALS
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.networks.backend import NUMPY
from narrows.processes import Workers

LENGTH, PERIOD, PART = 32, 77, 1 << 14
GROWTH = 1.3  # of the mean error from the first tenth to any other one
Windows = npt.NDArray[np.int16]


def pulses(n: int, seed: int) -> Iterator[Windows]:
    """Yield `n` windows `(m, 32)` of one recording, some at a time."""
    rng, phase = np.random.default_rng(seed), 0.0
    for start in range(0, n, PART):
        count = min(PART, n - start) * LENGTH
        phases = phase + np.cumsum(rng.normal(1.0, 0.02, count)) / PERIOD
        phase = phases[-1] % 1.0
        x = 900.0 * np.exp(-0.5 * ((phases % 1.0 - 0.5) / 0.05) ** 2) + rng.normal(0, 12, count)
        yield np.rint(x).astype(np.int16).reshape(-1, LENGTH)


def backends() -> list[Any]:
    """Return all backends that are installed."""
    try:
        from narrows.integrations.torch_backend import TorchBackend
    except ImportError:
        return [NUMPY]
    return [NUMPY, TorchBackend("cpu")]


def check(codec: Codec, n: int, block_signals: int) -> bool:
    """Compress windows and decode them in every way; print what came of it."""
    stream = io.BytesIO()
    parts = (
        part[i : i + block_signals]
        for part in pulses(n, seed=9)
        for i in range(0, len(part), block_signals)
    )
    codec.encoder.compress_to(stream, codec.encoder.header(), parts, Request())
    blob, hashes, errors = stream.getvalue(), set(), []
    for backend in backends():
        for jobs in (1, 2):
            hashed, errors, originals = sha256(), [], pulses(n, seed=9)
            left = next(originals)
            with Workers(jobs) as workers:
                decoder = Codec(codec.model, backend).decoder
                for frames in decoder.decompress_from(io.BytesIO(blob), workers):
                    hashed.update(frames.tobytes())
                    left = left if len(left) else next(originals)
                    errors += [np.square(frames.astype(float) - left[: len(frames)]).mean(axis=1)]
                    left = left[len(frames) :]
            hashes.add(hashed.hexdigest())
            print(f"{type(backend).__name__}, {jobs} process(es): {hashed.hexdigest()[:16]}")
    tenths = [float(part.mean()) for part in np.array_split(np.concatenate(errors), 10)]
    print(f"{n:,} windows in blocks of {block_signals:,}: {len(blob) / n:.3f} bytes a window")
    print("mean squared error of each tenth:", ", ".join(f"{each:.1f}" for each in tenths))
    return len(hashes) == 1 and max(tenths) < GROWTH * tenths[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=1_000_000)
    options = parser.parse_args()
    x = np.concatenate(list(pulses(2000, seed=0)))
    codec = narrows.train(x, architecture="predictive", latent_size=12, bits_per_latent=1.0)
    one = check(codec, MAX_BLOCK_SIGNALS, MAX_BLOCK_SIGNALS)
    many = check(codec, options.windows, 512)
    sys.exit(0 if one and many else 1)


if __name__ == "__main__":
    main()
