"""How much of each column's variance a sensor table keeps: columns of very different size.

    python -m benchmarks.sensors [--bytes 12.8,23.6] [--output benchmarks/results]

Temperature, humidity, pressure and light by the minute: daily cycles plus noise, an AR(1) process
of 5 % of each column's deviation, from a fixed seed. Hours of 60 x 4 float32; the last fifth of
them is held out. Trains at each number of bytes an hour and states what was written: bytes an hour
(the archive's length) and the share of each column's variance that is kept, 1 - error / variance.
Writes sensors.md and sensors.json.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import results, tables

COLUMNS = ("temperature", "humidity", "pressure", "light")
DAYS, MINUTES = 140, 60
NOISE, MEMORY = 0.05, 0.95  # of a column's deviation; what is left of the noise after a minute
SEED = 20260101
HELD_OUT = 0.2
ARCHITECTURE, LATENTS = "linear", 32


def sensor_table(days=DAYS, seed=SEED):
    """Return `(days * 1440, 4)` float32: degrees, percent, hectopascals and lux by the minute."""
    rng = np.random.default_rng(seed)
    hour = np.arange(days * 1440) / 60.0
    day = 2 * np.pi * hour / 24
    cycles = np.stack([
        15 + 6 * np.sin(day - 2.3) + 1.5 * np.sin(2 * day),
        60 - 18 * np.sin(day - 2.0) + 4 * np.sin(2 * day + 0.5),
        1013 + 1.2 * np.sin(2 * day + 0.7) + 0.4 * np.sin(day),
        40_000 * np.clip(np.sin(day - np.pi / 2), 0, None) ** 1.3,
    ], axis=1)  # fmt: skip
    noise = np.empty_like(cycles)
    state = rng.normal(size=4)
    steps = rng.normal(size=cycles.shape) * np.sqrt(1 - MEMORY**2)
    for minute, step in enumerate(steps):
        state = MEMORY * state + step
        noise[minute] = state
    return (cycles + NOISE * cycles.std(axis=0) * noise).astype(np.float32)


def hours(table):
    """Cut a table into hours, `(n, 60, 4)`, and return those to train on and those held out."""
    x = table[: len(table) // MINUTES * MINUTES].reshape(-1, MINUTES, len(COLUMNS))
    first = round(len(x) * (1 - HELD_OUT))
    return x[:first], x[first:]


def kept_variance(x, decoded):
    """Return the share of each column's variance, in `(n, 60, 4)`, that is kept, `(4,)`."""
    error = (decoded.astype(np.float64) - x).reshape(-1, x.shape[-1])
    return 1 - np.square(error).mean(axis=0) / x.astype(np.float64).var(axis=(0, 1))


def measure(train, test, n_bytes):
    """Train for a number of bytes an hour, and measure the hours held out."""
    codec = narrows.train(
        train, architecture=ARCHITECTURE, latent_size=LATENTS, bits_per_latent=8 * n_bytes / LATENTS
    )
    blob = codec.compress(test)
    kept = kept_variance(test, codec.decompress(blob))
    return {"aimed": n_bytes, "bytes_per_hour": len(blob) / len(test), "kept": kept.tolist()}


def page(rows, context):
    """Return the table in markdown."""
    lines = [["bytes an hour", *COLUMNS]]
    for row in rows:
        kept = [f"{100 * share:.2f} %" for share in row["kept"]]
        lines.append([f"{row['bytes_per_hour']:.2f}", *kept])
    return (
        f"# Sensors\n\nThe share of each column's variance that is kept, of {context['signals']:,} "
        f"hours that are held out.\n\n{results.made_by(context)}.\n\n{tables.table(lines)}\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bytes", default="12.8,23.6")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    train, test = hours(sensor_table())
    rows = [measure(train, test, float(each)) for each in options.bytes.split(",")]
    context = results.context("sensors", sys.argv[1:], data="made by a seed", signals=len(test))
    results.write(options.output, "sensors", page(rows, context), {**context, "rows": rows})


if __name__ == "__main__":
    main()
