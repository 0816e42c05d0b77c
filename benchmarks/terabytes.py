"""An array that is larger than memory, compressed within a bound by two workers of Dask.

    python -m benchmarks.terabytes --gigabytes 4
    python -m benchmarks.terabytes --gigabytes 0.5 --kill --peers

The array is generated where it is needed and never held: a field of the wind, again and again with
another gain, with noise of 1e-4 of its range, a coast of NaN, and chunks that do not divide its
shape. It is written to a Zarr store with `max_relative_error`, read back slice by slice, and
compared with what it was.
`--kill` ends a worker in the middle; `--peers` compresses its first chunks with other codecs,
within the same bound.
"""

import argparse
import json
import os
import shutil
import signal
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np

from benchmarks.bounded_peers import sz3, zfp

FIELD = "fields/sperr_wmag_91x91x91_f32.npy"
BOUND = 1e-3
NOISE = 1e-4
PLANE = (360, 540)
CHUNKS = (20, 200, 200)
SAFEGUARDS = "numcodecs-safeguards around zeros"
GAINS = (0.381966, 0.618034, 0.7320508)  # of the next copy in time, rows, columns; of 1
KEPT = {"MALLOC_TRIM_THRESHOLD_": 1 << 25, "MALLOC_MMAP_THRESHOLD_": 1 << 25}
"""Bytes. Of its own Dask lets workers give all memory back at once, and take it anew each time."""
STEPS = 20  # of time in a block of Dask: a layer of chunks


def field():
    """Return the field that is repeated."""
    return np.load(Path(os.environ.get("NARROWS_DATA", "../shared/data")) / FIELD)


def block_of(number, field, n):
    """Generate block `number`, `(n, *PLANE)` float32."""
    rng = np.random.default_rng(number)
    height, width = PLANE
    along = number * STEPS + np.arange(n), np.arange(height), np.arange(width)
    x = field[np.ix_(*(each % size for each, size in zip(along, field.shape, strict=True)))]
    # Each copy has a gain of its own: a coder of strings would find one that it has seen.
    copies = np.ix_(*(each // size for each, size in zip(along, field.shape, strict=True)))
    x = x * (0.75 + 0.5 * np.modf(sum(map(np.multiply, copies, GAINS)))[0])
    x = x + rng.normal(0, NOISE * float(np.ptp(field)), x.shape)
    coast = np.add.outer(np.arange(height) ** 2, np.arange(width) ** 2) < 150**2
    x[:, coast] = np.nan
    return x.astype(np.float32)


def generated(gigabytes):
    """Return the array, of which nothing is there yet."""
    import dask
    import dask.array as da

    n_times = max(1, round(gigabytes * 1e9 / (4 * np.prod(PLANE))))
    one = dask.delayed(field())
    sizes = [min(STEPS, n_times - start) for start in range(0, n_times, STEPS)]
    blocks = [
        da.from_delayed(dask.delayed(block_of)(i, one, n), (n, *PLANE), np.float32)
        for i, n in enumerate(sizes)
    ]
    return da.concatenate(blocks)


def compressed(x, path, arguments):
    """Write the array to a store with the workers; return figures."""
    import dask
    import xarray
    from dask.distributed import Client, LocalCluster

    import narrows.zarr

    dask.config.set({f"distributed.nanny.pre-spawn-environ.{k}": v for k, v in KEPT.items()})

    how = narrows.zarr.encoding(None, x, max_relative_error=BOUND) | {"chunks": CHUNKS}
    data = xarray.Dataset({"wind": (("time", "y", "x"), x)})
    cluster = LocalCluster(
        n_workers=arguments.workers, threads_per_worker=1, memory_limit=arguments.memory,
        dashboard_address=None, silence_logs=50,
    )  # fmt: skip
    with cluster, Client(cluster) as client:
        pids = client.run(os.getpid)
        start = time.perf_counter()
        if arguments.kill:
            first = next(iter(pids.values()))
            threading.Timer(arguments.kill_after, os.kill, (first, signal.SIGKILL)).start()
        data.to_zarr(path, mode="w", encoding={"wind": how}, zarr_format=3, consolidated=False)
        seconds = time.perf_counter() - start
        peaks = client.run(peak_bytes).values()
        restarted = len(set(client.run(os.getpid).values()) - set(pids.values()))
    stored = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    return {
        "raw_bytes": int(x.nbytes), "bytes": stored, "ratio": round(x.nbytes / stored, 3),
        "seconds": round(seconds, 1), "MB_per_second": round(x.nbytes / 1e6 / seconds, 2),
        "peak_MB_a_worker": [round(peak / 1e6) for peak in peaks],
        "workers_killed": int(arguments.kill), "workers_restarted": restarted,
    }  # fmt: skip


def peak_bytes():
    """Return the most memory that this process has had."""
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def compared(x, path):
    """Read the store back a layer of chunks at a time; return its largest error."""
    import xarray

    wrong, worst, start = 0, 0.0, time.perf_counter()
    with xarray.open_zarr(path, chunks=None, consolidated=False) as data:
        for first in range(0, len(x), CHUNKS[0]):
            true = np.asarray(x[first : first + CHUNKS[0]]).astype(np.float64)
            back = data["wind"][first : first + CHUNKS[0]].values.astype(np.float64)
            wrong += int((np.isnan(true) != np.isnan(back)).sum())
            for box in boxes(true.shape[1:]):
                worst = max(worst, relative_error(true[box], back[box]))
    seconds = time.perf_counter() - start
    return {"largest_relative_error": worst, "NaN_wrong": wrong, "read_seconds": round(seconds, 1)}


def boxes(shape):
    """Yield the parts of a plane that chunks cover."""
    for row in range(0, shape[0], CHUNKS[1]):
        for column in range(0, shape[1], CHUNKS[2]):
            yield np.s_[:, row : row + CHUNKS[1], column : column + CHUNKS[2]]


def relative_error(true, back):
    """Return the largest error, as a part of the range of the chunk."""
    return float(np.nanmax(np.abs(true - back)) / (np.nanmax(true) - np.nanmin(true)))


def peers(x, n_chunks):
    """Compress some chunks with each codec; return bytes for raw bytes, and MB a second."""
    from numcodecs import Blosc

    from narrows.chunks import pack_promised
    from narrows.codec.encoding.requests import Request

    def blosc(chunk, bound):
        return len(Blosc("zstd", 5, Blosc.BITSHUFFLE).encode(np.ascontiguousarray(chunk))), chunk

    def ours(chunk, bound):
        return len(pack_promised(chunk, Request(max_error=bound))), chunk

    codecs = {"narrows": ours, "Blosc zstd, lossless": blosc, "SZ3": sz3, "zfp": zfp}
    alone = set(codecs) - {"SZ3", "zfp"}  # gaps and all
    if (corrections := safeguards()) is not None:
        codecs[SAFEGUARDS] = corrections
        alone.add(SAFEGUARDS)
    raw, found = 0, {name: [0, 0.0] for name in codecs}
    for chunk in some_chunks(x, n_chunks):
        raw += chunk.nbytes
        bound = BOUND * float(np.nanmax(chunk) - np.nanmin(chunk))
        gaps = np.isnan(chunk)
        filled = np.where(gaps, np.nanmean(chunk), chunk).astype(np.float32)
        mask = len(zlib.compress(np.packbits(gaps), 9))
        for name, code in codecs.items():
            takes_gaps = name in alone
            start = time.process_time()
            size, _ = code(chunk if takes_gaps else filled, bound)
            found[name][1] += time.process_time() - start
            found[name][0] += size + (0 if takes_gaps else mask)
    return {
        name: {"ratio": round(raw / size, 2), "MB_per_second": round(raw / 1e6 / seconds, 2)}
        for name, (size, seconds) in found.items()
    }


def safeguards():
    """Return numcodecs-safeguards, whose corrections alone keep a bound; None if not installed."""
    try:
        from numcodecs_safeguards import SafeguardedCodec
        from numcodecs_zero import ZeroCodec
    except ImportError:
        return None

    def code(chunk, bound):
        kept = [{"kind": "eb", "type": "abs", "eb": bound}]
        return len(SafeguardedCodec(codec=ZeroCodec(), safeguards=kept).encode(chunk)), chunk

    return code


def some_chunks(x, n):
    """Yield chunks, in the order of the store."""
    for first in range(0, len(x), CHUNKS[0]):
        slab = np.asarray(x[first : first + CHUNKS[0]])
        for box in boxes(slab.shape[1:]):
            if not n:
                return
            n -= 1
            yield np.ascontiguousarray(slab[box])


def main():
    """Read the command line, and print figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", default="1GB", help="of a worker")
    parser.add_argument("--kill", action="store_true", help="end a worker in the middle")
    parser.add_argument("--kill-after", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--only-peers", action="store_true")
    parser.add_argument("--peer-chunks", type=int, default=160, help="160: 500 MB")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    x, folder = generated(arguments.gigabytes), arguments.folder or Path(tempfile.mkdtemp())
    figures = {}
    if not arguments.only_peers:
        try:
            figures |= compressed(x, folder / "wind.zarr", arguments)
            figures |= compared(x, folder / "wind.zarr")
        finally:
            shutil.rmtree(folder / "wind.zarr", ignore_errors=True)
    if arguments.peers or arguments.only_peers:
        figures["peers"] = peers(x, arguments.peer_chunks)
    print(json.dumps(figures, indent=1))
    assert figures.get("largest_relative_error", 0) <= BOUND
    assert not figures.get("NaN_wrong")


if __name__ == "__main__":
    main()
