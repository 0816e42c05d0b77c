"""Recordings that are predicted from their own decoded past, against what codes windows alone.

    python -m benchmarks.recordings [ecg] [blocks] [patients] [speech] [machines]
        [--windows N] [--output benchmarks/results]

`ecg`: records 119 and 234 of the MIT-BIH arrhythmia database after training on 100, 101 and 208,
by two models, one of few bits and one of more; bytes a window with everything included, PSNR (peak
1,427), PRDN of each lead with each window's mean taken off, and BD-rate against the points of PCA
and SZ3 in recordings-peers.json, which are those of benchmarks/results/ecg.json at commit 57b4993.
`blocks`: the same in blocks of 32, 128 and
512 windows. `patients`: all records of data/ecg and data/ecg-more in FOLDS folds, none in its own
training, against PCA (`--architecture linear`) trained on the same. `speech`: voices of espeak-ng
on others (skipped where it is not installed). `machines`: vibrations that are made here.
`--windows` takes the first ones of each recording.
Writes recordings.md and recordings.json.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import asked, recordings, results, tables
from narrows.evaluation import curves
from narrows.evaluation.peers.registry import Bench
from narrows.evaluation.units import Units

PEAK = 1427.0
RANGES = ((34.0, 49.0), (46.0, 49.0))  # dB
FOLDS = 4
BLOCKS = (32, 128, 512)
PARTS = ("ecg", "blocks", "patients", "speech", "machines")
PEERS = Path(__file__).parent / "results" / "recordings-peers.json"
FEW = {"latent_size": 128, "bits_per_latent": 0.6, "qualities": 8}  # 34 to 47 dB
SIX = {"latent_size": 128, "bits_per_latent": 1.4, "qualities": 6}
FOUR = {"latent_size": 128, "bits_per_latent": 1.4, "qualities": 4}


def trained(recorded, architecture, **settings):
    """Train on recordings by name, and return the codec and the seconds of this thread."""
    with tempfile.TemporaryDirectory() as folder:
        for name, windows in recorded.items():
            samples = windows.reshape(-1, *windows.shape[2:])
            np.save(Path(folder) / f"{name}.npy", samples)
        window = next(iter(recorded.values())).shape[1]
        start = time.thread_time()
        codec = narrows.train(
            folder, window=window, architecture=architecture, channels="none", **settings
        )
        return codec, time.thread_time() - start


def measured(codec, recorded, quality, peak, block_signals=None):
    """Compress each recording to an archive and back; return what that says."""
    n_bytes = n_windows = 0
    seconds, error, energy = [0.0, 0.0], 0.0, 0.0
    for x in recorded.values():
        start = time.thread_time()
        blob = codec.compress(x, quality=quality, block_signals=block_signals)
        middle = time.thread_time()
        decoded = codec.decompress(blob)
        seconds[0] += middle - start
        seconds[1] += time.thread_time() - middle
        n_bytes, n_windows = n_bytes + len(blob), n_windows + len(x)
        whole = x.astype(np.float64).reshape(*x.shape[:2], -1)
        error += np.square(decoded.reshape(whole.shape) - whole).sum(axis=(0, 1))
        energy += np.square(whole - whole.mean(axis=1, keepdims=True)).sum(axis=(0, 1))
    raw = sum(x.nbytes for x in recorded.values())
    count = sum(x.size for x in recorded.values())
    return {
        "quality": quality,
        "bytes_per_window": n_bytes / n_windows,
        "psnr": 10 * np.log10(peak**2 * count / np.sum(error)),
        "prdn": (100 * np.sqrt(error / energy)).tolist(),
        "encode_mb_per_s": raw / seconds[0] / 1e6,
        "decode_mb_per_s": raw / seconds[1] / 1e6,
    }


def all_qualities(codec, recorded, peak, block_signals=None):
    """Measure each quality."""
    qualities = range(1, codec.model.n_qualities + 1)
    return [measured(codec, recorded, quality, peak, block_signals) for quality in qualities]


def curve_of(rows):
    """Return `(bytes, psnr)` of each row."""
    return [(row["bytes_per_window"], row["psnr"]) for row in rows]


def saving(anchor, rows, within=(-np.inf, np.inf)):
    """Say the BD-rate in words."""
    found = curves.bd_rate(anchor, curve_of(rows), within)
    if found is None:
        return "nothing in common"
    percent, low, high = found
    return f"{percent:+.1f} % ({low:.1f} to {high:.1f} dB)"


def points_table(rows):
    """Return bytes, quality and speed of each point."""
    lines = [["quality", "bytes a window", "PSNR", "PRDN by channel", "encode MB/s", "decode MB/s"]]
    lines += [
        [
            str(row["quality"]), f"{row['bytes_per_window']:.2f}", f"{row['psnr']:.2f} dB",
            ", ".join(f"{each:.1f} %" for each in row["prdn"]),
            f"{row['encode_mb_per_s']:.2f}", f"{row['decode_mb_per_s']:.1f}",
        ]
        for row in rows
    ]  # fmt: skip
    return tables.table(lines)


def about(codec, seconds):
    """Say how large a model is, and how long it took."""
    return f"Model: {len(codec.model_bytes):,} bytes, {seconds:.0f} s of training on one core."


def of_ecg(options, figures, with_blocks):
    """Measure other patients, and blocks where asked for; return the text."""
    train, test = recordings.ecg()
    test = shortened(test, options.windows)
    few, seconds_of_few = trained(train, "predictive", **FEW)
    codec, seconds = trained(train, "predictive", **SIX)
    peers = json.loads(PEERS.read_text())

    def of_both(block_signals=None):
        low = all_qualities(few, test, PEAK, block_signals)
        return low + [row for row in all_qualities(codec, test, PEAK, block_signals)
                      if row["psnr"] > low[-1]["psnr"]]  # fmt: skip

    rows = of_both()
    figures["ecg"] = {"rows": rows, "model_bytes": len(codec.model_bytes), "seconds": seconds}
    text = [
        "## ECG 119 and 234, after 100, 101 and 208", points_table(rows),
        f"Of few bits: {about(few, seconds_of_few)}", f"Of more: {about(codec, seconds)}",
    ]  # fmt: skip
    lines = [["blocks of", "in place of", *(f"{low:g} to {high:g} dB" for low, high in RANGES)]]
    by_size = {"2 MB": rows}
    for size in BLOCKS if with_blocks else ():
        by_size[str(size)] = of_both(size)
        figures[f"blocks of {size}"] = by_size[str(size)]
    for size, own in by_size.items():
        lines += [
            [size, name, *(saving(points, own, within) for within in RANGES)]
            for name, points in peers["points"].items()
        ]
        if own is not rows:
            lines.append([size, "blocks of 2 MB", *(
                saving(curve_of(rows), own, within) for within in RANGES
            )])  # fmt: skip
    return [*text, tables.table(lines)]


def of_patients(options, figures):
    """Leave patients out of the training, some at a time; return the text."""
    records = recordings.patients()
    found = {}
    for fold in range(FOLDS):
        held_out = list(records)[fold::FOLDS]
        train = {name: x for name, x in records.items() if name not in held_out}
        codec, _ = trained(train, "predictive", **FOUR)
        pca, _ = trained(train, "linear", **FOUR)
        for name in held_out:
            own = shortened({name: records[name]}, options.windows)
            found[name] = [all_qualities(each, own, PEAK) for each in (pca, codec)]
    figures["patients"] = found
    lines, each = [["record", "BD-rate against PCA", "at the middle quality"]], {}
    for name, (alone, own) in sorted(found.items()):
        each[name] = curves.bd_rate(curve_of(alone), curve_of(own))
        middle = own[len(own) // 2]
        at = f"{middle['bytes_per_window']:.2f} B, {middle['psnr']:.1f} dB"
        lines.append([name, saving(curve_of(alone), own), at])
    rates = {name: bd[0] for name, bd in each.items() if bd is not None}
    worst = max(rates, key=rates.__getitem__)
    words = (
        f"Mean of {len(rates)} records {np.mean(list(rates.values())):+.1f} %, worst {worst} with "
        f"{rates[worst]:+.1f} %; PCA is `--architecture linear`, trained on the same."
    )
    return ["## Each patient, after others", tables.table(lines), words]


def of_others(name, title, split, options, figures):
    """Measure recordings of another kind against PCA; return the text."""
    if split is None:
        return [f"## {title}", "Skipped: espeak-ng is not installed."]
    train, test = split
    test = shortened(test, options.windows)
    peak = max(float(np.ptp(x)) for x in train.values())
    codec, seconds = trained(train, "predictive", **FOUR)
    pca, _ = trained(train, "linear", **FOUR)
    rows, alone = all_qualities(codec, test, peak), all_qualities(pca, test, peak)
    figures[name] = {"rows": rows, "alone": alone, "model_bytes": len(codec.model_bytes)}
    middle = rows[len(rows) // 2]
    peers = peers_at(middle["psnr"], np.concatenate(list(test.values())), peak)
    figures[name] |= {"peers": peers}
    lines = [[f"at {middle['psnr']:.2f} dB", "bytes a window"]]
    lines += [[each, f"{size:.2f}"] for each, size in peers.items()]
    return [
        f"## {title}", points_table(rows), about(codec, seconds),
        f"Against PCA, trained on the same: {saving(curve_of(alone), rows)}.",
        tables.table([*lines, ["narrows", f"{middle['bytes_per_window']:.2f}"]]),
    ]  # fmt: skip


def peers_at(psnr, x, peak):
    """Return the bytes a window of codecs that learn nothing: lossy ones at a PSNR, and lossless.

    They get the windows of all recordings one after the other, as many as the bench takes.
    """
    bench = Bench(x, Units(peak))
    bench.peers = [peer for peer in bench.peers if not peer.learns]
    points = [*bench.at_psnr(psnr), *bench.lossless()]
    return {
        point.name + (" (lossless)" if np.isinf(point.psnr) else ""): point.bytes_per_signal
        for point in points
    }


def shortened(recorded, n_windows):
    """Return the first windows of each recording."""
    return {name: x[:n_windows] for name, x in recorded.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "parts", PARTS)
    parser.add_argument("--windows", type=int, help="the first ones of each recording")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    parts, text, figures = options.parts, [], {}
    if "ecg" in parts or "blocks" in parts:
        text += of_ecg(options, figures, "blocks" in parts)
    if "patients" in parts:
        text += of_patients(options, figures)
    if "speech" in parts:
        text += of_others("speech", "Voices", recordings.speech(), options, figures)
    if "machines" in parts:
        text += of_others("machines", "Machines", recordings.machines(), options, figures)
    context = results.context("recordings", sys.argv[1:])
    page = "\n\n".join(["# Recordings", results.made_by(context), *text]) + "\n"
    results.write(options.output, "recordings", page, {**context, **figures})


if __name__ == "__main__":
    main()
