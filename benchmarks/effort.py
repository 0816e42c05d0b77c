"""What the efforts 0 to 9 gain, and how long they take.

    python -m benchmarks.effort MODEL [--data mnist:test] [--signals 1000] [--efforts 0,1,...]
        [--output benchmarks/results]

Compresses the same signals at each effort and decompresses them: bytes a signal (the archive's
length), PSNR, the mean of what a search makes small (bits + lambda * distortion), microseconds a
signal. The gain at equal bytes takes the slope of the model's own rate-distortion curve, lambda.
Writes effort.md, effort.json and effort.png. Set OMP_NUM_THREADS to fix the number of threads.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import results, tables
from narrows.codec.encoding.efforts import EFFORTS, MAX_EFFORT
from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers.registry import sample
from narrows.signals import read_signals

RESULTS = Path(__file__).parent / "results"
RUNS, ENOUGH_SECONDS = 3, 5.0
ALL = ",".join(map(str, range(MAX_EFFORT + 1)))


def measure(codec, x, effort):
    """Give what one effort makes of `(n, *frame_shape)` signals."""
    seconds, began = [], time.perf_counter()
    while not seconds or (len(seconds) < RUNS and time.perf_counter() - began < ENOUGH_SECONDS):
        start = time.perf_counter()
        blob = codec.compress(x, effort=effort)
        seconds.append(time.perf_counter() - start)
    measured = distortion(x, codec.decompress(blob), codec.model.peak)
    lambda_ = codec.model.exchange.lambda_[codec.model.default_quality - 1]
    squares = measured.mse * (codec.model.peak * codec.model.exchange.unit) ** 2 * x[0].size
    return {
        "effort": effort,
        "bytes_per_signal": len(blob) / len(x),
        "psnr": measured.psnr,
        "cost_bits": 8 * len(blob) / len(x) + lambda_ * squares,
        "distortion_bits": lambda_ * squares,
        "microseconds": 1e6 * min(seconds) / len(x),
        "mb_per_s": x.nbytes / min(seconds) / 1e6,
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
    """Give the table in markdown."""
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
    machine = context["machine"]
    return (
        f"# Effort\n\n{context['signals']:,} signals of {context['data']}, one model.\n\n"
        f"    {context['command']}\n\n"
        f"{machine['processor']}, {machine['cores']} core(s), {machine['threads']} thread(s).\n\n"
        f"{tables.table(lines)}\n\n{__doc__.split('signal. ')[1].split('Writes')[0].strip()}\n"
    )


def plot(rows):
    """Draw the gain against the time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([r["microseconds"] for r in rows], [r["gain_db"] for r in rows], "o-")
    for row in rows:
        axes.annotate(
            str(row["effort"]), (row["microseconds"], row["gain_db"]),
            textcoords="offset points", ha="center",
            xytext=(-8, 6) if row["effort"] % 2 else (8, -14),
        )  # fmt: skip
    axes.set(
        xscale="log", xlabel="microseconds a signal", ylabel="gain at equal bytes (dB)",
        title="Efforts 0 to 9",
    )  # fmt: skip
    axes.margins(0.08)
    axes.grid(alpha=0.3)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist:test")
    parser.add_argument("--signals", type=int, help="so many, spread evenly")
    parser.add_argument("--efforts", default=ALL)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    x = np.array(read_signals(options.data))
    x = sample(x, options.signals)
    codec = narrows.load(options.model)
    codec.compress(x[:64])  # what is made once is not measured
    rows = [measure(codec, x, int(effort)) for effort in options.efforts.split(",")]
    gains(rows)
    words = [f"python -m benchmarks.effort {Path(options.model).name}", f"--data {options.data}"]
    words += [f"--signals {len(x)}"] if options.signals else []
    words += [f"--efforts {options.efforts}"] if options.efforts != ALL else []
    context = {
        "command": " ".join(words),
        "data": options.data,
        "signals": len(x),
        "machine": results.machine(),
        "versions": results.versions(),
    }
    text = page(rows, context)
    results.write(options.output, "effort", text, {**context, "efforts": rows}, plot(rows))
    print(text)


if __name__ == "__main__":
    main()
