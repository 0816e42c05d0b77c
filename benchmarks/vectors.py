"""Embeddings in fixed and mean sizes, beside the product quantisers of vector databases.

    python -m benchmarks.vectors [--bytes 16,32,48,64] [--models FOLDER] [--output FOLDER]

20,000 sentence embeddings of 384 numbers are learned from, 4,000 are held out. Two databases: of
the 4,000, the first 3,000 are coded and searched for the neighbours of the last 1,000, and so are
the 20,000 themselves, as databases code what their quantisers learned from. Measured are

- bytes a vector: `len()` of the archive over its vectors, or of each packet;
- the squared error, summed over the 384 numbers of vectors of length 1;
- the cosine between vectors and what comes back;
- recall at 10: the share of the 10 nearest originals of an original query, by their cosine, that
  are among the 10 nearest of what came back, by theirs.

Peers are PQ, OPQ and residual quantisers of FAISS (`pip install faiss-cpu`), and PCA in bytes. A
folder of models keeps `narrows-ARCHITECTURE-BYTES.narrows`, and those that are there are not
trained again. Writes vectors.md and vectors.json.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import datasets, results, tables

DATA = "embeddings/minilm_384_{}_f16.npy"
QUERIES, NEIGHBOURS = 1000, 10
ARCHITECTURES = ("linear", "dense")
MINUTES = 8.0  # of a dense model's training
RESIDUAL_BYTES = 16  # up to which residual quantisers are trained: more take long
HEADS = ["coder", "bytes", "error", "cosine", "recall", "bytes, learned", "error, learned",
         "recall, learned", "model bytes"]  # fmt: skip


def vectors(part):
    """Return `(n, 384)` float32 of length 1: `train_20000` or `test_4000`."""
    return np.load(datasets.data_folder() / DATA.format(part)).astype(np.float32)


def nearest(queries, x):
    """Return the numbers of the nearest vectors by cosine, `(n_queries, NEIGHBOURS)`, unordered."""
    similarity = queries @ (x / np.maximum(np.linalg.norm(x, axis=1), 1e-12)[:, None]).T
    return np.argpartition(-similarity, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def fidelity(x, y, queries):
    """Return the mean squared error of `(n, 384)` vectors, their cosine, and the recall."""
    cosine = (x * y).sum(axis=1) / np.maximum(np.linalg.norm(y, axis=1), 1e-12)
    both = zip(nearest(queries, x).tolist(), nearest(queries, y).tolist(), strict=True)
    found = [len(set(truth) & set(ours)) for truth, ours in both]
    return {
        "error": float(np.square(x - y, dtype=np.float64).sum(axis=1).mean()),
        "cosine": float(cosine.mean()),
        "recall": float(np.mean(found)) / NEIGHBOURS,
    }


class Sets:
    """The vectors: learned, and held out as a database and queries."""

    def __init__(self, learned, held_out):
        self.learned = learned
        self.database, self.queries = held_out[:-QUERIES], held_out[-QUERIES:]

    def row(self, name, code, model_bytes, *, learned=True):
        """Measure a coder: `code` returns the bytes a vector of some vectors, and these again."""
        row = {"coder": name, "model_bytes": model_bytes}
        n_bytes, y = code(self.database)
        row |= {"bytes": n_bytes, **fidelity(self.database, y, self.queries)}
        if learned:
            n_bytes, y = code(self.learned)
            own = fidelity(self.learned, y, self.queries)
            row |= {"learned": {"bytes": n_bytes, **own}}
        print({**row, "learned": row.get("learned")}, flush=True)
        return row


# ---------------------------------------------------------------- narrows


def model_of(learned, architecture, n_bytes, folder):
    """Return the codec of a number of bytes, trained unless the folder has it."""
    path = folder and folder / f"narrows-{architecture}-{n_bytes}.narrows"
    if path and path.exists():
        return narrows.load(path)
    minutes = {} if architecture == "linear" else {"minutes": MINUTES}
    codec = narrows.train(learned, architecture=architecture, aim=f"bytes:{n_bytes}", **minutes)
    if path:
        codec.save(path)
    return codec


def rows_of_narrows(sets, architecture, n_bytes, folder):
    """Measure archives of a mean size, and packets of one size."""
    codec = model_of(sets.learned, architecture, n_bytes, folder)

    def archive(x):
        blob = codec.compress(x)
        return len(blob) / len(x), codec.decompress(blob)

    def packets(x):
        all_of_them = codec.compress_packets(x, packet_bytes=n_bytes)
        return float(np.mean([len(p) for p in all_of_them])), codec.decompress_packets(all_of_them)

    size = len(codec.without_encoder().model_bytes)
    return [
        sets.row(f"narrows {architecture}, archive", archive, size),
        sets.row(f"narrows {architecture}, packets", packets, size, learned=False),
    ]


# ---------------------------------------------------------------- peers


def quantiser(faiss, kind, size, n_bytes):
    """Return an untrained quantiser of FAISS."""
    if kind == "RQ":
        return faiss.IndexResidualQuantizer(size, n_bytes, 8)
    flat = faiss.IndexPQ(size, n_bytes, 8)
    if kind == "PQ":
        return flat
    return faiss.IndexPreTransform(faiss.OPQMatrix(size, n_bytes), flat)


def row_of_faiss(sets, faiss, kind, n_bytes):
    """Train a quantiser on the vectors that are learned from, and measure it."""
    size = sets.learned.shape[1]
    index, before = quantiser(faiss, kind, size, n_bytes), time.process_time()
    index.train(sets.learned)
    tables_of = n_bytes if kind == "RQ" else 1
    floats = 256 * size * tables_of + (size * size if kind == "OPQ" else 0)

    def code(x):
        codes = index.sa_encode(x)
        return float(codes.shape[1]), index.sa_decode(codes)

    row = sets.row(f"FAISS {kind}", code, 4 * floats)
    return row | {"training_seconds": time.process_time() - before}


def row_of_pca(sets, n_bytes):
    """Measure the first components in a byte each, each with a scale of its own."""
    mean = sets.learned.mean(axis=0)
    axes = np.linalg.svd((sets.learned - mean).astype(np.float64), full_matrices=False)[2][:n_bytes]
    axes = axes.astype(np.float32)
    scale = np.abs((sets.learned - mean) @ axes.T).max(axis=0) / 127

    def code(x):
        codes = np.clip(np.rint((x - mean) @ axes.T / scale), -127, 127).astype(np.int8)
        return float(n_bytes), (codes * scale) @ axes + mean

    return sets.row("PCA, int8", code, 4 * (axes.size + mean.size + scale.size))


def rows_of_peers(sets, n_bytes):
    """Measure all peers that this machine has."""
    rows = [row_of_pca(sets, n_bytes)]
    try:
        faiss = importlib.import_module("faiss")
    except ImportError:
        print("faiss is not installed, so PQ, OPQ and RQ are left out: pip install faiss-cpu")
        return rows
    kinds = ("PQ", "OPQ", "RQ") if n_bytes <= RESIDUAL_BYTES else ("PQ", "OPQ")
    return rows + [row_of_faiss(sets, faiss, kind, n_bytes) for kind in kinds]


# ---------------------------------------------------------------- page


def cells(row):
    """Return a row of the table."""
    own = row.get("learned")
    learned = [f"{own['bytes']:.1f}", f"{own['error']:.3f}", f"{own['recall']:.3f}"] if own else []
    return [
        row["coder"],
        f"{row['bytes']:.1f}",
        f"{row['error']:.3f}",
        f"{row['cosine']:.3f}",
        f"{row['recall']:.3f}",
        *(learned or ["", "", ""]),
        f"{row['model_bytes']:,}",
    ]


def page(by_size, context):
    """Return the tables in markdown."""
    parts = [
        f"# Vectors\n\nSentence embeddings of 384 numbers: {context['database']:,} held out and "
        f"{context['learned']:,} learned from, with {QUERIES:,} held-out queries. Errors are "
        "summed over the numbers of vectors of length 1; recall is of the 10 nearest by cosine. "
        "Of narrows the model's bytes are those of its decoder.\n\n"
        f"{results.made_by(context)}.\n"
    ]
    for size, rows in by_size.items():
        lines = [HEADS, *map(cells, rows)]
        parts.append(f"## {size} bytes\n\n{tables.table(lines)}\n")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bytes", default="16,32,48,64")
    parser.add_argument("--architectures", default=",".join(ARCHITECTURES))
    parser.add_argument("--models", type=Path)
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    sets = Sets(vectors("train_20000"), vectors("test_4000"))
    by_size = {}
    for n_bytes in map(int, options.bytes.split(",")):
        rows = []
        for architecture in options.architectures.split(","):
            rows += rows_of_narrows(sets, architecture, n_bytes, options.models)
        by_size[n_bytes] = rows + rows_of_peers(sets, n_bytes)
    context = results.context(
        "vectors", sys.argv[1:], learned=len(sets.learned), database=len(sets.database)
    )
    results.write(options.output, "vectors", page(by_size, context), {**context, "rows": by_size})


if __name__ == "__main__":
    main()
