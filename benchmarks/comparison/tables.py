"""The tables, in markdown."""

import math
from statistics import median

import numpy as np

from benchmarks.comparison import results, sources
from narrows.evaluation import curves

NOTHING = "–"
OURS = ("narrows", "symbols", "packets")


def markdown(dataset, ours, others, context):
    """Return the whole page."""
    measured = [series for series in others if series.points]
    lossy = [series for series in measured if not series.lossless]
    parts = [
        f"# Rate and distortion: {dataset.name}",
        heading(dataset, context),
        "## Bytes a signal",
        bytes_table(dataset, [*ours, *lossy]),
        reading(dataset),
        "## narrows in place of each",
        saving_table(dataset, ours, lossy),
        "## Speed",
        speed_table([*ours, *lossy]),
    ]
    if dataset.optimum:
        parts += [
            f"## Against {dataset.optimum.name}",
            gap_table(dataset, [s for s in (*ours, *lossy) if not s.alone]),
        ]
    if exact := [series for series in measured if series.lossless]:
        parts += ["## Lossless", lossless_table(dataset, exact)]
    if faults := [f"- {series.name}: {series.fault}" for series in others if series.fault]:
        parts += ["## Not measured, or odd", "\n".join(faults)]
    return "\n\n".join([*parts, models_note(context)]) + "\n"


def heading(dataset, context):
    """Return what was measured, by which command, on which machine."""
    x = dataset.test
    versions = ", ".join(f"{name} {version}" for name, version in context["versions"].items())
    return (
        f"{dataset.about}. {len(x):,} held-out signals of {x[0].nbytes:,} bytes, "
        f"{len(dataset.train):,} training signals; peak {dataset.peak:g}.\n\n"
        f"{results.made_by(context)}; {versions}."
    )


def reading(dataset):
    """Say how the bytes are to be read; for recordings also what the PSNRs are as PRDN."""
    text = (
        "Sizes are lengths of what was written, headers and index included, interpolated between "
        f"the measured points in their logarithm; {NOTHING} is outside of what a codec reaches. "
        "The model, which the receiver needs once, is stated beside."
    )
    if dataset.name.startswith("ecg"):
        values = ", ".join(f"{prdn(dataset, p):.1f} % at {p:g} dB" for p in dataset.psnrs)
        text += f"\n\nPRDN, each window's mean taken off: {values}."
    return text


def prdn(dataset, psnr):
    """Return the root of error over energy, in percent, where windows have no mean."""
    x = dataset.test.astype(np.float64)
    variance = np.square(x - x.mean(axis=1, keepdims=True)).mean()
    return 100 * dataset.peak * 10 ** (-psnr / 20) / math.sqrt(variance)


def bytes_table(dataset, rows):
    """Return bytes a signal at the data set's PSNRs."""
    heads = [f"{psnr:g} dB" for psnr in dataset.psnrs]
    lines = [["codec", *heads, "its fewest bytes", "model bytes"]]
    for series in rows:
        sizes = [in_bytes(curves.bytes_at(series.curve, psnr)) for psnr in dataset.psnrs]
        lines.append([name_of(series), *sizes, fewest(series), model_bytes(series)])
    return table(lines)


def saving_table(dataset, ours, others):
    """Return the difference in bytes when narrows takes the place of each."""
    low, high = dataset.byte_range
    lines = [["in place of", "narrows as", "difference in bytes", "over"]]
    for series in others:
        for mine in ours:
            if mine.alone != series.alone or mine.key == "symbols":
                continue
            within = curves.psnr_range(mine.curve, low, high) or (math.inf, -math.inf)
            kind = mine.key if mine.alone else mine.key.replace("narrows", "archive")
            lines.append([series.name, kind, *_saving(series, mine, within)])
    what = (
        f"BD-rate: the mean difference in bytes at equal PSNR (PCHIP of log bytes), over the PSNRs "
        f"that narrows has between {low:g} and {high:g} bytes a signal and the other has too; "
        "below 0, narrows is smaller. Where they have too little in common for a mean, the "
        "difference at one point of narrows. What codes each signal on its own is set beside "
        "packets, which do too."
    )
    return f"{what}\n\n{table(lines)}"


def _saving(series, ours, within):
    found = curves.bd_rate(series.curve, ours.curve, within)
    if found is not None:
        percent, low, high = found
        return f"{percent:+.1f} %", f"{low:.1f} to {high:.1f} dB"
    singles = [(p, curves.difference_at(series.curve, p)) for p in curves.frontier(ours.curve)]
    singles = [(place, percent) for place, percent in singles if percent is not None]
    if not singles:
        return NOTHING, "no PSNR in common"
    place, percent = singles[0]
    return f"{percent:+.1f} %", f"{place[1]:.1f} dB alone"


def speed_table(rows):
    """Return speeds in MB of raw signals a second: the median over the settings."""
    lines = [["codec", "encode MB/s", "decode MB/s", "signals"]]
    lines += [[name_of(series), *_speeds(series), f"{series.signals:,}"] for series in rows]
    return table(lines)


def _speeds(series):
    return [
        f"{median(getattr(point, name) for point in series.points):.3g}"
        for name in ("encode_mb_per_s", "decode_mb_per_s")
    ]


def lossless_table(dataset, rows):
    """Return the single points of lossless compressors."""
    raw = dataset.test[0].nbytes
    lines = [["codec", "bytes a signal", "ratio", "encode MB/s", "decode MB/s", "model bytes"]]
    for series in rows:
        size = series.points[0].bytes_per_signal
        speeds = _speeds(series)
        lines.append([series.name, in_bytes(size), f"{raw / size:.2f}", *speeds,
                      model_bytes(series)])  # fmt: skip
    return table(lines)


def gap_table(dataset, rows):
    """Return the points about the data set's rates, beside the optimum at the same D and rate."""
    optimum, (low, high) = dataset.optimum, dataset.byte_range
    unit = "sample" if optimum.samples > 1 else "signal"
    lines = [["codec", "bits a signal", "D a sample", f"{optimum.name} at D, bits",
              f"gap, bits a {unit}", "gap, dB"]]  # fmt: skip
    for series in rows:
        for size, psnr in curves.frontier(series.curve):
            if not low / 2 <= size <= 2 * high:
                continue
            bits, mse = 8 * size, dataset.peak**2 * 10 ** (-psnr / 10)
            in_bits, in_db = sources.gaps(optimum, bits, mse)
            lines.append([name_of(series), f"{bits:.2f}", f"{mse:.5g}", f"{optimum.bits(mse):.2f}",
                          f"{in_bits:.3f}", in_decibel(in_db)])  # fmt: skip
    return table(lines)


def models_note(context):
    """Say which models of narrows were measured."""
    lines = [
        f"- {name}: {m['architecture']}, {m['latent_size']} latents, {m['qualities']} quality(s), "
        f"{m['model_bytes']:,} bytes"
        + (f", trained for {m['training_seconds']:.0f} s" if m["training_seconds"] else "")
        for name, m in context["models"].items()
    ]
    return "\n".join(["Models of narrows, the best at each rate counting:", "", *lines])


def name_of(series):
    """Return the name of a codec, ours in bold."""
    return f"**{series.name}**" if series.key.split(",")[0] in OURS else series.name


def fewest(series):
    """Return the lowest point of a codec."""
    points = curves.frontier(series.curve)
    return f"{in_bytes(points[0][0])} at {points[0][1]:.2f} dB" if points else "exact"


def model_bytes(series):
    """Return the size of the models of a series, as a range where they differ."""
    sizes = sorted({point.model_bytes for point in series.points})
    return " to ".join(f"{size:,}" for size in (sizes[0], sizes[-1])[: len(sizes)])


def in_decibel(difference):
    """Write a difference in dB."""
    return NOTHING if difference is None else f"{difference:.2f}"


def in_bytes(size):
    """Write a number of bytes with as many digits as tell codecs apart."""
    return NOTHING if size is None else f"{size:.2f}" if size < 100 else f"{size:.1f}"


def table(lines):
    """Write rows of cells as markdown, the first being the heads; numbers to the right."""
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    rule = "|".join(["", "---", *["---:"] * (len(lines[0]) - 1), ""])
    return "\n".join([head, rule, *body])
