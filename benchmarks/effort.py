"""What the efforts 0 to 9 gain, and how long they take.

    python -m benchmarks.effort MODEL [--data mnist:test] [--signals 1000] [--efforts 0,1,...]
        [--output benchmarks/results]

Compresses the same signals at each effort and decompresses them: bytes a signal (the archive's
length), PSNR, the mean of what a search makes small (bits + lambda * distortion), microseconds a
signal. The gain at equal bytes takes the slope of the model's own rate-distortion curve, lambda.
Writes effort.md and effort.json. Set OMP_NUM_THREADS to fix the number of threads.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import ours, results, tables
from narrows.codec.encoding.requests import EFFORTS, MAX_EFFORT
from narrows.evaluation.peers import contract
from narrows.evaluation.peers.registry import sample
from narrows.signals import read_signals

SECONDS = 5.0
"""Enough to time an effort."""
ALL = ",".join(map(str, range(MAX_EFFORT + 1)))


def measure(codec, x, effort):
    """Measure one effort on `(n, *frame_shape)` signals."""
    coder = ours.archive_coder(codec, effort=effort)
    point = contract.measure(coder, x, codec.model.peak, "narrows", effort, SECONDS)
    lambda_ = codec.model.quality().tradeoff.lambda_
    mse = 10 ** (-point.psnr / 10)
    squares = mse * (codec.model.peak * codec.model.tradeoffs.unit) ** 2 * x[0].size
    return {
        "effort": effort,
        "bytes_per_signal": point.bytes_per_signal,
        "psnr": point.psnr,
        "cost_bits": 8 * point.bytes_per_signal + lambda_ * squares,
        "distortion_bits": lambda_ * squares,
        "microseconds": x[0].nbytes / point.encode_mb_per_s,
        "mb_per_s": point.encode_mb_per_s,
    }


def gains(rows):
    """Add what each effort gains over rounding at equal bytes, in dB, and how much longer it takes.

    A byte more or less is worth 8 bits of distortion, by lambda.
    """
    first = rows[0]
    for row in rows:
        fewer_bits = 8 * (first["bytes_per_signal"] - row["bytes_per_signal"])
        left = row["distortion_bits"] - fewer_bits
        row["gain_db"] = 10 * math.log10(first["distortion_bits"] / left)
        row["times_rounding"] = row["microseconds"] / first["microseconds"]


def page(rows, context):
    """Return the table in markdown."""
    lines = [["effort", "bytes", "PSNR", "gain at equal bytes", "us a signal", "MB/s", "x rounding",
              "rounds", "trials", "forced moves"]]  # fmt: skip
    for row in rows:
        steps = EFFORTS[row["effort"]]
        lines.append([
            str(row["effort"]), f"{row['bytes_per_signal']:.2f}", f"{row['psnr']:.2f} dB",
            f"{row['gain_db']:.2f} dB", f"{row['microseconds']:,.0f}", f"{row['mb_per_s']:.3g}",
            f"{row['times_rounding']:.1f}", str(steps.rounds), str(steps.trials),
            str(steps.forced_moves),
        ])  # fmt: skip
    return (
        f"# Effort\n\n{context['signals']:,} signals of {context['data']}, one model.\n\n"
        f"{results.made_by(context)}.\n\n{tables.table(lines)}\n\n"
        f"{__doc__.split('signal. ')[1].split('Writes')[0].strip()}\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist:test")
    parser.add_argument("--signals", type=int, help="so many, spread evenly")
    parser.add_argument("--efforts", default=ALL)
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    x = np.array(read_signals(options.data))
    x = sample(x, options.signals)
    codec = narrows.load(options.model)
    codec.compress(x[:64])  # what is made once is not measured
    rows = [measure(codec, x, int(effort)) for effort in options.efforts.split(",")]
    gains(rows)
    context = results.context("effort", sys.argv[1:], data=options.data, signals=len(x))
    results.write(options.output, "effort", page(rows, context), {**context, "efforts": rows})


if __name__ == "__main__":
    main()
