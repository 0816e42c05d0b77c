"""Lossless archives of pictures and recordings, against general codecs and those of their kinds.

    python -m benchmarks.lossless [mnist] [fashion-mnist] [ecg] [ecg-records] [--models FOLDER]
        [--output benchmarks/results]

A model is trained with `--levels` (and PCA beside it, in a second) on the published training part,
or for `ecg` on records 100, 101 and 208; the test part, or records 119 and 234 of others, is
compressed with `--lossless`, decompressed, and compared bit by bit. `ecg` codes windows of 256
samples, each without the others; `ecg-records` whole records, in RECORD_PARTS parts. Peers code the
test part whole, at their highest level. Bits an element have everything included but models, which
stand beside. `--models` keeps the models there with the seconds of their training, and takes those
that are. Speeds are of this thread's time, by compiled code where it is built and by numpy alone.
Writes lossless.md and lossless.json.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import asked, datasets, recordings, results, tables
from narrows.codec.networks.backend import NUMPY
from narrows.evaluation.peers import mosaics
from narrows.evaluation.peers.registry import registry

RECORDS = "ecg-records"
SETS = ("mnist", "fashion-mnist", "ecg", RECORDS)
RECORD_PARTS = 52
"""Of a record that is coded whole: a model of PCA has weights for every sample of a signal."""


def loaded(name):
    """Return a data set, and the arrays that are coded to an archive each."""
    dataset = datasets.load(name.removesuffix("-records"))
    if name not in ("ecg", RECORDS):
        return dataset, [dataset.test]
    train, test = (list(part.values()) for part in recordings.ecg())
    if name == "ecg":
        return dataset, test
    train, test = ([_whole(record) for record in part] for part in (train, test))
    together, layout = np.concatenate(test), mosaics.recording(test[0].shape[1:])
    return replace(dataset, train=np.concatenate(train), test=together, layout=layout), test


def _whole(windows):
    """Return windows as few long ones; fewer samples than there are parts are left out."""
    samples = windows.reshape(-1, windows.shape[-1])
    length = len(samples) // RECORD_PARTS
    return samples[: length * RECORD_PARTS].reshape(RECORD_PARTS, length, -1)


def trained(name, dataset, folder):
    """Return a codec with levels, and the seconds of this thread that it took."""
    path = folder and folder / f"{name}.narrows"
    if path and path.exists():
        return narrows.load(path), float(path.with_suffix(".seconds").read_text(encoding="utf-8"))
    start, latents = time.thread_time(), 1 if name == RECORDS else 8
    codec = narrows.train(dataset.train, latent_size=latents, architecture="linear", levels=True)
    seconds = time.thread_time() - start
    if path:
        folder.mkdir(parents=True, exist_ok=True)
        codec.save(path)
        path.with_suffix(".seconds").write_text(f"{seconds:.1f}\n", encoding="utf-8")
    return codec, seconds


def measured(name, parts, encode, decode, model_bytes=0):
    """Code each part and back, and say how many bits and how long."""
    n_bytes, seconds = 0, [0.0, 0.0]
    for x in parts:
        start = time.thread_time()
        blob = encode(x)
        middle = time.thread_time()
        decoded = decode(blob, len(x))
        seconds[0] += middle - start
        seconds[1] += time.thread_time() - middle
        assert np.array_equal(decoded.reshape(x.shape), x), name
        n_bytes += len(blob) if isinstance(blob, bytes) else sum(map(len, blob))
    raw, count = sum(x.nbytes for x in parts), sum(x.size for x in parts)
    return {
        "codec": name,
        "bytes": n_bytes,
        "bits_per_element": 8 * n_bytes / count,
        "model_bytes": model_bytes,
        "encode_mb_per_s": raw / seconds[0] / 1e6,
        "decode_mb_per_s": raw / seconds[1] / 1e6,
    }


def peers_of(dataset):
    """Measure every lossless codec that takes these signals whole."""
    work = dataset.workload
    for peer in registry():
        if peer.lossless and not peer.alone and peer.takes(work) and peer.missing() is None:
            coder = peer.coder(work, peer.settings(work)[-1])
            yield measured(peer.name, [dataset.test], coder.encode, coder.decode)


def rows_of(name, folder):
    """Measure narrows and its peers on a set."""
    dataset, parts = loaded(name)
    codec, seconds = trained(name, dataset, folder)
    rows = [ours("narrows --lossless", codec, parts)]
    rows.append(ours("narrows --lossless, numpy", narrows.Codec(codec.model, NUMPY), parts))
    return [*({**row, "train_seconds": seconds} for row in rows), *peers_of(dataset)]


def ours(name, codec, parts):
    """Measure a codec that has coded two signals before: what it prepares for these is left out."""
    codec.decompress(codec.compress(parts[0][:2], lossless=True))
    model_bytes = received_bytes(codec)
    return measured(
        name,
        parts,
        lambda x: codec.compress(x, lossless=True),
        lambda blob, n: codec.decompress(blob),
        model_bytes,
    )


def received_bytes(codec):
    """Return the bytes of the model that a receiver needs."""
    return len(narrows.Codec(codec.model.without_encoder()).model_bytes)


def page(found, context):
    """Write the figures as a page of Markdown."""
    lines = [["signals", "codec", "bytes", "bits an element", "model", "training", "MB/s in",
              "out"]]  # fmt: skip
    for name, rows in found.items():
        for row in sorted(rows, key=lambda row: row["bytes"]):
            seconds = row.get("train_seconds")
            lines.append([
                name, row["codec"], f"{row['bytes']:,}", f"{row['bits_per_element']:.4f}",
                f"{row['model_bytes']:,}" if row["model_bytes"] else "",
                f"{seconds:.0f} s" if seconds else "",
                f"{row['encode_mb_per_s']:.2f}", f"{row['decode_mb_per_s']:.2f}",
            ])  # fmt: skip
    return f"# Lossless\n\n{results.made_by(context)}.\n\n{tables.table(lines)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "sets", SETS)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    found = {}
    for name in options.sets:
        found[name] = rows_of(name, options.models)
        print(name, found[name], file=sys.stderr)
    context = results.context("lossless", sys.argv[1:], data="data")
    results.write(options.output, "lossless", page(found, context), {**context, "sets": found})


if __name__ == "__main__":
    main()
