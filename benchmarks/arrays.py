"""Arrays that are coded as a whole, by their wavelets, beside SPERR at equal PSNR.

    python -m benchmarks.arrays [--fields rough,smooth,air] [--tile 4,8,8] [--output FOLDER]

Each field is learnt from its first part along the first axis, and measured on the rest of it: bytes
are the length of an archive, everything included, and PSNR is over the elements of the array, with
the range of the training part as its peak. SPERR codes the same array, at the level at which it has
that PSNR. Speeds are of the process, in MB of the array. Writes arrays.md and arrays.json.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import narrows
from benchmarks.comparison import results, tables
from benchmarks.comparison.datasets import data_folder
from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers.contract import Workload
from narrows.evaluation.peers.mosaics import row
from narrows.evaluation.peers.numeric import peers
from narrows.evaluation.rate_point import RatePoint, at_psnr

UNIT = 256  # values, to which bytes are told
LEVELS = range(4, 100, 3)  # of SPERR, in dB


class Field(NamedTuple):
    """An array, how much of its first axis is learnt from, and the qualities that are aimed at."""

    file: str
    learnt: int
    psnrs: tuple[float, ...]
    tile: tuple[int, ...]
    part: tuple[int, ...] | None = None  # of the rest that is measured: so much along each axis


ROUGH = "sperr_wmag_91x91x91_f32.npy"
FIELDS = {
    "rough": Field(ROUGH, 68, (35, 37, 39, 41.5), (4, 8, 8), (20, 88, 88)),
    "rough-whole": Field(ROUGH, 68, (35, 37, 39, 41.5), (4, 7, 7)),
    "smooth": Field("sperr_vorticity_41x128x128_f32.npy", 29, (40, 42, 44, 47), (4, 8, 8)),
    "air": Field(
        "e1_north_america_air_temperature_240x37x49_f32.npy", 192, (36, 40, 44, 48), (8, 8, 7)
    ),
}


def measured(train, test, tile, psnr):
    """Return what a model that aims at a PSNR does to the test array."""
    peak, start = float(train.max() - train.min()), time.process_time()
    codec = narrows.train(train, tile=tile, architecture="predictive", aim=f"psnr:{psnr}")
    trained = time.process_time()
    blob = narrows.compress(test, codec, embed_model=False)
    coded = time.process_time()
    decoded = restored(blob, codec)
    done = time.process_time()
    point = point_of("narrows", test, decoded, len(blob), peak)
    sperr = at_psnr(lambda level: sperr_point(test, peak, level), list(LEVELS), point.psnr)
    megabytes = test.nbytes / 1e6
    return {
        "psnr": point.psnr,
        "bytes": point.bytes_per_signal,
        "sperr_bytes": None if sperr is None else sperr.bytes_per_signal,
        "max_abs_error": distortion(test, decoded, peak).max_abs_error,
        "model_bytes": len(codec.model_bytes),
        "latents": codec.model.latent_size,
        "train_seconds": trained - start,
        "encode_mb_per_s": megabytes / (coded - trained),
        "decode_mb_per_s": megabytes / (done - coded),
    }


def restored(blob, codec):
    """Decompress an archive with a codec to the array that it was cut from."""
    from narrows.codec.archive import ArchiveReader
    from narrows.codec.decoder import stream_of
    from narrows.signals.geometry import unpack_metadata
    from narrows.signals.restoring import restored_arrays

    reader = ArchiveReader(stream_of(blob))
    geometry = unpack_metadata(reader.header.metadata)
    frames = codec.decoder.decompress_from(reader)
    ((_, array),) = restored_arrays(frames, geometry, codec.model.dtype, range(1))
    return array


def point_of(name, test, decoded, n_bytes, peak):
    """Return bytes for `UNIT` values, and PSNR."""
    psnr = distortion(test, decoded, peak).psnr
    return RatePoint(name, n_bytes / test.size * UNIT, psnr)


def sperr_point(test, peak, level):
    """Measure SPERR, through the peer that `evaluate` shows, at a level."""
    (peer,) = (each for each in peers() if each.key == "sperr")
    work = Workload(test[None], peak, row(test.shape))
    encode, decode, _ = peer.functions(work, test.shape, float(level))
    blob = encode(test)
    return point_of(peer.name, test, decode(blob).reshape(test.shape), len(blob), peak)


def page(rows, context):
    """Write the figures as a page of Markdown."""
    head = ["field", "tile", "PSNR", f"bytes for {UNIT} values", "SPERR", "difference",
            "model bytes", "training", "MB/s in", "out"]  # fmt: skip
    lines = [head]
    for each in rows:
        peer = each["sperr_bytes"]
        lines.append([
            each["field"], "x".join(map(str, each["tile"])), f"{each['psnr']:.2f} dB",
            f"{each['bytes']:.2f}", "-" if peer is None else f"{peer:.2f}",
            "-" if peer is None else f"{100 * (each['bytes'] / peer - 1):+.1f} %",
            f"{each['model_bytes']:,}", f"{each['train_seconds']:.0f} s",
            f"{each['encode_mb_per_s']:.1f}", f"{each['decode_mb_per_s']:.1f}",
        ])  # fmt: skip
    return f"# Arrays\n\n{results.made_by(context)}.\n\n{tables.table(lines)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", default=",".join(FIELDS))
    parser.add_argument("--tile", help="default: one for each field")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    rows = []
    for name in options.fields.split(","):
        field = FIELDS[name]
        x = np.load(data_folder() / "fields" / field.file)
        train, test = x[: field.learnt], x[field.learnt :]
        if field.part is not None:
            test = np.ascontiguousarray(test[tuple(slice(0, size) for size in field.part)])
        tile = tuple(map(int, options.tile.split(","))) if options.tile else field.tile
        for psnr in field.psnrs:
            found = measured(train, test, tile, psnr)
            rows.append({"field": name, "tile": tile, "aim": psnr, **found})
            print({k: v if not isinstance(v, float) else round(v, 3) for k, v in rows[-1].items()})
    context = results.context("arrays", sys.argv[1:], data="data/fields", signals=len(rows))
    results.write(options.output, "arrays", page(rows, context), {**context, "rows": rows})


if __name__ == "__main__":
    main()
