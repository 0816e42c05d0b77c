"""Quality, effort and budgets of one model: what each of the three knobs does.

    python -m benchmarks.knobs DATASET MODEL [--signals 1000] [--efforts 0,2,6]
        [--target-bytes 12,16,24] [--output benchmarks/results]

Compresses held-out signals at every quality and some efforts (bytes a signal of the archive, PSNR),
and to packets that keep to a target (the longest and the mean packet, PSNR of all), beside packets
of one fixed quality that come to the same mean size (PSNR interpolated in the logarithm of bytes),
and the share of those that would be longer than the target. Writes knobs-DATASET.md and .json.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import datasets, results, tables
from narrows.codec.encoding.requests import DEFAULT_EFFORT, Request
from narrows.errors import SettingError
from narrows.evaluation.curves import psnr_at
from narrows.evaluation.metrics import distortion, evaluate
from narrows.evaluation.peers.registry import sample


def curve(codec, x, effort):
    """Return bytes a signal and PSNR of each quality's archive."""
    points = []
    for quality in range(1, codec.model.n_qualities + 1):
        measured = evaluate(codec, x, Request(quality, effort))
        points.append((measured.bytes_per_signal, measured.psnr))
    return {"effort": effort, "points": points}


def packets_of(codec, x, **options):
    """Return the lengths of packets, `(n,)`, and their PSNR."""
    packets = codec.compress_packets(x, **options)
    decoded = np.stack([codec.decompress_packet(packet) for packet in packets])
    return np.array(list(map(len, packets))), distortion(x, decoded, codec.model.peak).psnr


def kept(codec, x, target, fixed):
    """Measure one target beside fixed qualities, of which `fixed` gives lengths and PSNR."""
    try:
        lengths, psnr = packets_of(codec, x, target_bytes=target)
    except SettingError as error:
        return {"target_bytes": target, "error": str(error)}
    means = [float(each.mean()) for each, _ in fixed]
    nearest = int(np.abs(np.log(means) - np.log(lengths.mean())).argmin())
    curve = [(mean, psnr) for mean, (_, psnr) in zip(means, fixed, strict=True)]
    return {
        "target_bytes": target,
        "longest": int(lengths.max()),
        "mean": float(lengths.mean()),
        "psnr": psnr,
        "psnr_of_fixed_quality": psnr_at(curve, float(lengths.mean())),
        "nearest_quality": nearest + 1,
        "longer_at_nearest_quality": float((fixed[nearest][0] > target).mean()),
        "longest_at_nearest_quality": int(fixed[nearest][0].max()),
    }


def page(curves, targets, context):
    """Return the tables in markdown."""
    n = len(curves[0]["points"])
    lines = [["quality", *(f"effort {each['effort']}" for each in curves)]]
    lines += [
        [str(q + 1), *(f"{c['points'][q][0]:.2f} B, {c['points'][q][1]:.2f} dB" for c in curves)]
        for q in range(n)
    ]
    kept_to = [["target", "longest packet", "mean", "PSNR", "fixed quality, same mean",
                "of its packets longer", "its longest"]]  # fmt: skip
    for row in targets:
        if "error" in row:
            kept_to.append([f"{row['target_bytes']:g} B", "out of reach", *[""] * 5])
            continue
        kept_to.append([
            f"{row['target_bytes']:g} B", f"{row['longest']} B", f"{row['mean']:.2f} B",
            f"{row['psnr']:.2f} dB", _decibels(row["psnr_of_fixed_quality"]),
            f"{100 * row['longer_at_nearest_quality']:.0f} %",
            f"{row['longest_at_nearest_quality']} B",
        ])  # fmt: skip
    return (
        f"# Quality, effort and budgets: {context['dataset']}\n\n"
        f"{context['signals']:,} held-out signals; one model of {context['model_bytes']:,} bytes, "
        f"trained for {context['training_seconds']:.0f} s.\n\n"
        f"{results.made_by(context)}.\n\n"
        f"## Archives\n\n{tables.table(lines)}\n\n"
        f"## Packets of at most so many bytes, at effort {DEFAULT_EFFORT}\n\n"
        f"{tables.table(kept_to)}\n\n"
        "The last two columns are of packets of the one fixed quality that is nearest in size.\n"
    )


def _decibels(psnr):
    return tables.NOTHING if psnr is None else f"{psnr:.2f} dB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=datasets.NAMES)
    parser.add_argument("model")
    parser.add_argument("--signals", type=int, help="so many, spread evenly")
    parser.add_argument("--efforts", default="0,2,6")
    parser.add_argument("--target-bytes", default="12,16,24")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    x = np.array(datasets.load(options.dataset).test)
    x = sample(x, options.signals)
    codec = narrows.load(options.model)
    curves = [curve(codec, x, int(effort)) for effort in options.efforts.split(",")]
    fixed = [packets_of(codec, x, quality=q + 1) for q in range(codec.model.n_qualities)]
    targets = [kept(codec, x, float(each), fixed) for each in options.target_bytes.split(",")]
    context = results.context(
        "knobs", sys.argv[1:], dataset=options.dataset, signals=len(x),
        model_bytes=len(codec.model_bytes), training_seconds=codec.model.training["seconds"],
    )  # fmt: skip
    figures = {**context, "curves": curves, "targets": targets}
    name = f"knobs-{options.dataset}"
    results.write(options.output, name, page(curves, targets, context), figures)


if __name__ == "__main__":
    main()
