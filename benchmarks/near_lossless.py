"""Pictures within a bound, against AVIF and WebP in mosaics at the same PSNR.

    python -m benchmarks.near_lossless [mnist] [fashion-mnist] [--pictures 1000]
        [--output benchmarks/results]

The first test pictures are compressed by `max_error`, without a model, and decompressed; the others
at all their settings, several pictures in a mosaic. Their bytes at narrows' PSNR lie between the
two nearest settings, straight in the logarithm. Writes near-lossless.md and near-lossless.json.
"""

import argparse
import sys

import numpy as np

import narrows
from benchmarks.comparison import asked, datasets, results, tables
from narrows.evaluation.peers.registry import registry

SETS = ("mnist", "fashion-mnist")
BOUNDS = (1, 2, 4, 6, 10, 16, 24)
PEERS = ("avif-mosaic", "webp-mosaic")


def psnr(x, y):
    """Return the PSNR of pictures with a peak of 255."""
    error = np.square(x.astype(np.float64) - y).mean()
    return float("inf") if not error else float(10 * np.log10(255**2 / error))


def curve(peer, work):
    """Return (PSNR, bytes) of a peer at all its settings, by rising PSNR."""
    points = []
    for setting in peer.settings(work):
        coder = peer.coder(work, setting)
        blobs = coder.encode(work.x)
        points.append((psnr(work.x, coder.decode(blobs, len(work.x))), sum(map(len, blobs))))
    return sorted(points)


def at(points, wanted):
    """Return the bytes at a PSNR; None beyond a curve's ends."""
    finite = [(quality, size) for quality, size in points if np.isfinite(quality)]
    qualities, sizes = np.array(finite).T
    if not qualities[0] <= wanted <= qualities[-1]:
        return None
    return float(np.exp(np.interp(wanted, qualities, np.log(sizes))))


def rows_of(name, n):
    """Measure narrows, and others at its PSNR."""
    work = datasets.load(name).workload
    work = type(work)(work.x[:n], work.peak, work.layout)
    curves = {
        peer.name: curve(peer, work)
        for peer in registry()
        if peer.key in PEERS and peer.takes(work) and peer.missing() is None
    }
    rows = []
    for bound in BOUNDS:
        blob = narrows.compress(work.x, max_error=bound)
        quality = psnr(work.x, narrows.decompress(blob))
        others = {peer: at(points, quality) for peer, points in curves.items()}
        rows.append({"bound": bound, "psnr": quality, "bytes": len(blob), "others": others})
        print(name, rows[-1], file=sys.stderr, flush=True)
    return rows


def page(found, context):
    """Write the figures as a page of Markdown."""
    names = sorted({peer for rows in found.values() for row in rows for peer in row["others"]})
    lines = [["pictures", "bound", "PSNR, dB", "narrows", *names]]
    for name, rows in found.items():
        for row in rows:
            others = [row["others"].get(peer) for peer in names]
            shown = ["" if each is None else f"{each:,.0f}" for each in others]
            lines.append([name, f"{row['bound']}", f"{row['psnr']:.2f}", f"{row['bytes']:,}",
                          *shown])  # fmt: skip
    return f"# Pictures within a bound\n\n{results.made_by(context)}.\n\n{tables.table(lines)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "sets", SETS)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--output", default=results.RESULTS)
    options = parser.parse_args()
    found = {name: rows_of(name, options.pictures) for name in options.sets}
    context = results.context("near_lossless", sys.argv[1:], data="data")
    results.write(options.output, "near-lossless", page(found, context), {**context, "sets": found})


if __name__ == "__main__":
    main()
