"""Compress a long recording and look for drift: `python -m scripts.long_recordings [--windows N]`.

A pulse of a rate that wanders: first 100,000 windows of 20 samples of int8 in one block, nearly
the longest that there may be; then N windows of 32 of int16 (by default a million) in blocks of
512. Each is decoded by every engine and in two processes. Prints the hashes, which must be one,
the error of each tenth of the recording, which must not grow, and the memory of the process after
each, which must not grow either. The exit code is 1 otherwise.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

import narrows
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.networks.engines import ENGINE_VARIABLE, standings
from narrows.processes import Workers

PERIOD, PART = 77, 1 << 14
IN_ONE_BLOCK = 100_000
SHORT, LONG = (20, np.dtype(np.int8)), (32, np.dtype(np.int16))  # of a window
GROWTH = 1.3  # of the mean error from the first tenth to any other one
MEMORY = 1.1  # of what is resident after a tenth of the windows, at the end
SEED = 9
Windows = npt.NDArray[Any]
Kind = tuple[int, np.dtype[Any]]


def pulses(n: int, kind: Kind, seed: int = SEED) -> Iterator[Windows]:
    """Yield `n` windows `(m, length)` of one recording, some at a time."""
    (length, dtype), rng, phase = kind, np.random.default_rng(seed), 0.0
    size = 900.0 if dtype.itemsize > 1 else 90.0
    for start in range(0, n, PART):
        count = min(PART, n - start) * length
        phases = phase + np.cumsum(rng.normal(1.0, 0.02, count)) / PERIOD
        phase = phases[-1] % 1.0
        x = np.exp(-0.5 * ((phases % 1.0 - 0.5) / 0.05) ** 2) + rng.normal(0, 0.013, count)
        yield np.rint(size * x).astype(dtype).reshape(-1, length)


def decoders(codec: Codec) -> Iterator[tuple[str, Codec, int]]:
    """Yield the codec for each engine of this machine, and for two processes; and their names."""
    for engine in standings():
        if engine.runs and engine.name != "torch":
            os.environ[ENGINE_VARIABLE] = engine.name
            yield engine.name, Codec(codec.model), 1
            del os.environ[ENGINE_VARIABLE]
        elif engine.runs:
            from narrows.integrations.torch_backend import TorchBackend

            yield engine.name, Codec(codec.model, TorchBackend("cpu")), 1
    yield "two processes", Codec(codec.model), 2


def resident() -> float:
    """Return the memory of this process in MB; 0 where the system does not tell it."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096 / 1e6
    except OSError:
        return 0.0


def blocks_of(n: int, kind: Kind, size: int, memory: list[float]) -> Iterator[Windows]:
    """Yield the recording block by block, and note the memory after each tenth."""
    done, left = 0, np.empty((0, kind[0]), kind[1])
    for part in pulses(n, kind):
        left = np.concatenate([left, part])
        while len(left) >= min(size, n - done) > 0:
            count = min(size, n - done)
            yield left[:count]
            done, left = done + count, left[count:]
            if done * 10 // n > len(memory):
                memory.append(resident())


def errors_of(codec: Codec, stream: BinaryIO, jobs: int, n: int, kind: Kind) -> tuple[str, Any]:
    """Decode an archive; return the hash, and the mean squared error of each window."""
    hashed, errors, originals = sha256(), [], pulses(n, kind)
    left = next(originals)
    stream.seek(0)
    with Workers(jobs) as workers:
        for frames in codec.decoder.decompress_from(stream, workers):
            hashed.update(frames.tobytes())
            while len(left) < len(frames):
                left = np.concatenate([left, next(originals)])
            errors.append(np.square(frames.astype(float) - left[: len(frames)]).mean(axis=1))
            left = left[len(frames) :] if len(left) > len(frames) else next(originals, left[:0])
    return hashed.hexdigest(), np.concatenate(errors)


def check(codec: Codec, n: int, block_signals: int) -> bool:
    """Compress windows and decode them in every way; print what came of it."""
    kind, memory, hashes = (codec.model.frame_shape[0], codec.model.dtype), [], set()
    with tempfile.TemporaryFile() as stream:
        parts = blocks_of(n, kind, block_signals, memory)
        began = time.process_time()
        size = codec.encoder.compress_to(stream, codec.encoder.header(), parts, Request())
        seconds = time.process_time() - began
        for name, decoder, jobs in decoders(codec):
            found, errors = errors_of(decoder, stream, jobs, n, kind)
            hashes.add(found)
            print(f"{name}: {found[:16]}", flush=True)
    tenths = [float(part.mean()) for part in np.array_split(errors, 10)]
    told = f"{size / n:.3f} bytes a window, encoded in {seconds:.0f} s"
    print(f"{n:,} windows in blocks of {block_signals:,}: {told}")
    print("mean squared error of each tenth:", ", ".join(f"{each:.1f}" for each in tenths))
    print("MB of memory after each tenth:", ", ".join(f"{each:.0f}" for each in memory))
    flat = memory[-1] <= MEMORY * memory[0] or n == block_signals
    return len(hashes) == 1 and max(tenths) < GROWTH * tenths[0] and flat


def trained(kind: Kind) -> Codec:
    """Train on another recording."""
    x = np.concatenate(list(pulses(2_000, kind, seed=0)))
    return narrows.train(x, architecture="predictive", latent_size=12, bits_per_latent=2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=1_000_000)
    parser.add_argument("--in-one-block", type=int, default=IN_ONE_BLOCK)
    options = parser.parse_args()
    one = check(trained(SHORT), options.in_one_block, options.in_one_block)
    many = check(trained(LONG), options.windows, 512)
    sys.exit(0 if one and many else 1)


if __name__ == "__main__":
    main()
