"""Hold every engine against numpy on many random signals: the same bytes and the same signals back.

    python -m scripts.many_signals MODEL [--data mnist:test] [--signals 1000000]

Each signal is a mixture of two of the data; half have noise in up to a tenth of their elements, and
one in twenty is noise, which is stored as it is.
Prints a hash of all archives, packets and signals that came back, engine by engine; fails where
one differs from numpy's.
"""

import argparse
import hashlib
import os
import time

import numpy as np

import narrows
from narrows.codec.networks.engines import ENGINE_VARIABLE, standings
from narrows.signals import read_signals

AT_ONCE = 10_000
PACKETS = 100  # of each 10,000 signals


def random_signals(data, rng, n):
    """Return n signals of the data's type, `(n, *shape)`."""
    one, other = (data[rng.integers(len(data), size=n)].astype(np.float64) for _ in range(2))
    part = rng.random((n,) + (1,) * (data.ndim - 1))
    mixed = one * part + other * (1 - part)
    kinds = rng.integers(20, size=part.shape)
    where = (kinds < 10) & (rng.random(mixed.shape) < part / 10) | (kinds == 19)
    noise = rng.uniform(float(data.min()), float(data.max()), mixed.shape)
    return np.where(where, noise, mixed).astype(data.dtype)


def hash_of(codec, data, n):
    """Return the hash of what a codec makes of n signals at effort 0, and of what comes back."""
    rng, found = np.random.default_rng(0), hashlib.sha256()
    for start in range(0, n, AT_ONCE):
        x = random_signals(data, rng, min(AT_ONCE, n - start))
        blob = codec.compress(x, effort=0)
        packets = codec.compress_packets(x[:PACKETS], effort=0)
        found.update(blob)
        found.update(b"".join(packets))
        found.update(np.ascontiguousarray(codec.decompress(blob)))
        found.update(np.ascontiguousarray(codec.decompress_packets(packets)))
    return found.hexdigest()


def main():
    """Read the command line, and print a hash an engine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist:test")
    parser.add_argument("--signals", type=int, default=1_000_000)
    options = parser.parse_args()
    data, expected = np.array(read_signals(options.data)), None
    for name in [each.name for each in standings() if each.runs and each.name != "torch"]:
        os.environ[ENGINE_VARIABLE] = name
        start = time.process_time()
        found = hash_of(narrows.load(options.model), data, options.signals)
        print(f"{name:15} {found[:16]} {time.process_time() - start:8.0f} CPU s", flush=True)
        expected = expected or found
        if found != expected:
            raise SystemExit(f"{name} differs from numpy")


if __name__ == "__main__":
    main()
