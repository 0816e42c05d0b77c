"""Networks of levels within a bound, against what needs no model, and SZ3.

    python -m benchmarks.level_bounds [mnist] [fashion-mnist] [ecg] [field] [--bounds E,E,...]
        [--models FOLDER] [--output FOLDER]

A model is trained with `--levels --max-error E` (and PCA beside it) on the published training part,
on records 100, 101 and 208, or on the first 68 planes of the rough field in fours. Pictures of the
test part, records 119 and 234 of other patients, or planes 68 to 87 are compressed with it within
that bound, decompressed, and compared; then without a model, and by SZ3 where it codes such arrays.
Bounds of `field` are parts of the range of its first planes. `--models` keeps the models there, and
takes those that are. Seconds are of this thread. Writes level-bounds.md and level-bounds.json.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import narrows
from benchmarks.bounded_peers import sz3
from benchmarks.bounds import field, optional
from benchmarks.comparison import asked, datasets, recordings, results, tables
from benchmarks.lossless import received_bytes

BOUNDS = {
    "mnist": (10,), "fashion-mnist": (4,), "ecg": (2, 5, 10), "field": (1e-1, 1e-2, 1e-3),
}  # fmt: skip
USUAL = ("mnist", "ecg", "field")
FEW = 128  # pictures


def parts_of(name):
    """Return the signals to train on, the arrays that are coded by name, and what bounds are of."""
    if name == "field":
        x, width = field("rough field")
        learnt = np.load(datasets.data_folder() / "fields" / datasets.FIELDS["fields"])[:68]
        return learnt.reshape(17, 4, 91, 91), {"planes": x[:20].reshape(5, 4, 91, 91)}, width
    if name == "ecg":
        return datasets.load(name).train, recordings.ecg()[1], 1
    dataset = datasets.load(name)
    test = dataset.test
    return dataset.train, {f"first {FEW}": test[:FEW], f"all {len(test):,}": test}, 1


def trained(name, train, bound, folder):
    """Return a codec with levels within a bound, and the seconds that it took."""
    path = folder and folder / f"{name}-{bound:g}.narrows"
    if path and path.exists():
        return narrows.load(path), None
    start = time.thread_time()
    own = {"latent_size": 8, "architecture": "linear", "levels": True}
    codec = narrows.train(train, max_error=bound, **own)
    if path:
        folder.mkdir(parents=True, exist_ok=True)
        codec.save(path)
    return codec, time.thread_time() - start


def measured(codec, x, bound):
    """Code an array with networks and without, and say how many bytes and how long."""
    start = time.thread_time()
    blob = codec.compress(x, max_error=bound)
    middle = time.thread_time()
    y = codec.decompress(blob)
    end = time.thread_time()
    error = np.abs(x.astype(np.float64) - y.astype(np.float64)).max()
    assert error <= bound
    return {
        "by_networks": len(blob),
        "psnr": float(20 * np.log10(np.ptp(x.astype(np.float64)))
                      - 10 * np.log10(np.square(x.astype(np.float64) - y).mean())),
        "net_free": len(narrows.compress(x, max_error=bound)),
        "encode_mb_per_s": x.nbytes / 1e6 / (middle - start),
        "decode_mb_per_s": x.nbytes / 1e6 / (end - middle),
    }  # fmt: skip


def by_sz3(name, x, bound):
    """Return the bytes of SZ3 for what it codes, whole: the leads of a record, or planes."""
    if name == "ecg":
        leads = x.reshape(-1, 2).T.astype(np.float32)
        return sum(optional(sz3, np.ascontiguousarray(lead), bound) for lead in leads)
    if name == "field":
        return optional(sz3, np.ascontiguousarray(x.reshape(-1, *x.shape[2:])), bound)
    return 0


def rows_of(name, bounds, folder):
    """Measure a set at each bound."""
    train, tests, unit = parts_of(name)
    for part in bounds:
        bound = part * unit
        codec, seconds = trained(name, train, bound, folder)
        for what, x in tests.items():
            row = {"data": f"{name}, {what}", "bound": part, "raw": x.nbytes}
            row |= measured(codec, x, bound)
            row |= {"sz3": by_sz3(name, x, bound), "model_bytes": received_bytes(codec)}
            if name == "field":
                whole = x.reshape(1, -1, *x.shape[2:])
                row["net_free"] = len(narrows.compress(whole, max_error=bound))
            yield {**row, "train_seconds": seconds}


def page(rows, context):
    """Write the figures as a page of Markdown."""
    names = ("by_networks", "net_free", "sz3", "model_bytes")
    lines = [["signals", "bound", *names, "training", "PSNR", "MB/s in", "out"]]
    for row in rows:
        seconds = row["train_seconds"]
        lines.append([
            row["data"], f"{row['bound']:g}",
            *(f"{row[name]:,}" if row[name] else "" for name in names),
            f"{seconds:.0f} s" if seconds else "", f"{row['psnr']:.1f}",
            f"{row['encode_mb_per_s']:.2f}", f"{row['decode_mb_per_s']:.2f}",
        ])  # fmt: skip
    return f"# Networks within a bound\n\n{results.made_by(context)}.\n\n{tables.table(lines)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "sets", BOUNDS, USUAL)
    parser.add_argument("--bounds", type=lambda text: [float(each) for each in text.split(",")])
    parser.add_argument("--models", type=Path)
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    rows = []
    for name in options.sets:
        for row in rows_of(name, options.bounds or BOUNDS[name], options.models):
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    context = results.context("level_bounds", sys.argv[1:], data="data")
    results.write(options.output, "level-bounds", page(rows, context), {**context, "rows": rows})


if __name__ == "__main__":
    main()
