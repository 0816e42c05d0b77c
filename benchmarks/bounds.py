"""Bounds and lossless coding without a model: whether they hold, and beside other compressors.

    python -m benchmarks.bounds [--elements 2e6] [--only holds|bounds|lossless] [--ours [--whole]]
        [--output FOLDER]

`holds` codes so many elements of fields, ECG, MNIST and hostile arrays, of every type, within
bounds of 1 to 1e-9 of their range, and counts those that are further off: there must be none.
Each array is coded as the encoder chooses, and once more front by front wherever it can be.
`bounds` sets real bytes beside SZ3 (the best of three settings), SPERR (point-wise error) and zfp
under the same bound, whole arrays against whole arrays, tiles that decode alone against tiles.
`lossless` does so beside zstd -19, lzma, pcodec, FLAC and JPEG XL. Needs NARROWS_DATA, and for the
others `pip install imagecodecs zfpy pysz zstandard soundfile`; what is not installed is left out.
Writes bounds.md and bounds.json, in which what was left out this time stays.
"""

import argparse
import json
import os
import resource
import sys
from pathlib import Path

import numpy as np

import narrows
from benchmarks.bounded_peers import lossless, sperr, sz3, zfp
from benchmarks.comparison import results
from benchmarks.held_bounds import CHUNK, check_that_bounds_hold
from narrows.element_types import ends_of
from narrows.signals import read_signals

RELATIVE = (1e-1, 3e-2, 1e-2, 1e-3, 1e-4, 1e-5)
TILE = (8, 16, 16)
FIELDS = {
    "rough field": ("fields/sperr_wmag_91x91x91_f32.npy", 68),
    "smooth field": ("fields/sperr_vorticity_41x128x128_f32.npy", 28),
    "temperatures": ("fields/e1_north_america_air_temperature_240x37x49_f32.npy", 180),
}


def data(name):
    """Return the path of a data set."""
    return Path(os.environ["NARROWS_DATA"]) / name


def field(name):
    """Return the planes of a field that benchmarks hold out, and the range of the others."""
    file, first = FIELDS[name]
    x = np.load(data(file))
    return x[first:], float(np.ptp(x[:first]))


def ecg(record):
    """Return a record, (650000, 2) int16."""
    return read_signals(data(f"ecg/{record}.hea")).reshape(-1, 2)  # which comes in windows


def pictures(name="mnist"):
    """Return test pictures, (10000, 28, 28) uint8."""
    return read_signals(data(f"{name}/t10k-images-idx3-ubyte.gz"))


def real(dtype):
    """Yield parts of fields, ECG and pictures, in a type."""
    low, high = ends_of(dtype)
    rough, _ = field("rough field")
    for x in (rough[:8], ecg("100")[: CHUNK // 2].reshape(-1, 256, 2), pictures()[:80]):
        yield x.astype(dtype) if dtype.kind in "fb" else np.clip(x, low, high).astype(dtype)


# ------------------------------------------------------------------------ beside others


def ours(x, bound):
    """Return the bytes of an archive within a bound."""
    blob = narrows.compress(x[None], max_error=bound)
    return len(blob), narrows.decompress(blob)[0]


def tiles_of(x):
    """Return the whole tiles of a field, (n, *TILE)."""
    counts = [size // tile for size, tile in zip(x.shape, TILE, strict=True)]
    a, b, c = (count * tile for count, tile in zip(counts, TILE, strict=True))
    cut = x[:a, :b, :c].reshape(counts[0], TILE[0], counts[1], TILE[1], counts[2], TILE[2])
    return np.ascontiguousarray(cut.transpose(0, 2, 4, 1, 3, 5)).reshape(-1, *TILE)


def psnr(x, y, width):
    """Return the PSNR, with a range as the peak."""
    error = np.square(x.astype(np.float64) - y).mean()
    return float(10 * np.log10(width**2 / error)) if error else None


def beside_lossy(known, whole_only):
    """Return rows of bytes under the same bound; those of others are taken from known rows."""
    rows = []
    known = {(row["data"], row["bound"]): row for row in known}
    arrays = {name: field(name) for name in FIELDS}
    lead = ecg("119")[:100_000, 0].astype(np.float32)
    arrays["ECG, one lead"] = (lead, float(np.ptp(lead)))
    for name, (x, width) in arrays.items():
        for part in RELATIVE:
            row = {"data": name, "bound": part, "raw": x.nbytes, **known.get((name, part), {})}
            row["ours"] = measured(ours, x, part * width, width)
            for coder in (sz3, sperr, zfp):
                if coder.__name__ not in row and not (coder is sperr and x.ndim == 1):
                    row[coder.__name__] = measured(coder, x, part * width, width)
            if x.ndim == 3 and not (whole_only and "ours by tiles" in row):
                row |= by_tiles(x, part * width, row.get("sz3 by tiles"))
            rows.append(row)
            print(row, flush=True)
    return rows


def by_tiles(x, bound, others):
    """Return the bytes of tiles that decode alone, in blocks of one, and of SZ3 for each."""
    tiles = tiles_of(x)
    mine = len(narrows.compress(tiles, max_error=bound, block_signals=1))
    if others is None:
        others = sum(optional(sz3, tile, bound) for tile in tiles)
    return {"tiles": len(tiles), "ours by tiles": mine, "sz3 by tiles": others}


def optional(coder, x, bound):
    """Return the bytes of a coder, 0 where it is not installed."""
    try:
        return coder(x, bound)[0]
    except ImportError:
        return 0


def measured(coder, x, bound, width):
    """Return bytes, error in bounds, PSNR and CPU seconds; nothing where it is not installed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    try:
        size, y = coder(x, bound)
    except ImportError:
        return None
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    error = float(np.abs(x.astype(np.float64) - y).max() / bound)
    return {"bytes": size, "error": error, "psnr": psnr(x, y, width), "seconds": seconds}


def beside_lossless():
    """Return rows of bytes without loss."""
    sets = {"MNIST": pictures(), "Fashion-MNIST": pictures("fashion-mnist")}
    sets |= {f"ECG {record}, windows": ecg(record)[:649_984].reshape(-1, 256, 2)
             for record in ("119", "234")}  # fmt: skip
    sets |= {name: field(name)[0] for name in FIELDS}
    rows = []
    for name, x in sets.items():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        blob = narrows.compress(x, lossless=True)
        middle = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        assert narrows.decompress(blob).tobytes() == x.tobytes()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        row = {"data": name, "raw": x.nbytes, "elements": x.size, "ours": len(blob)}
        row |= {"MB/s in": x.nbytes / 1e6 / (middle - before),
                "MB/s out": x.nbytes / 1e6 / (after - middle)}  # fmt: skip
        rows.append(row | lossless(x))
        print(rows[-1], flush=True)
    return rows


# ------------------------------------------------------------------------ the page


def page(found):
    """Return the results as Markdown."""
    lines = ["# Bounds and lossless, without a model", "", "`python -m benchmarks.bounds`", ""]
    for name, (n, missed, over, *swept) in found.get("holds", {}).items():
        told = f"- {name}: {n:,} elements, {missed} further off, {over} bytes too many"
        lines.append(told + "".join(f"; {each:,} elements by fronts" for each in swept))
    if found.get("bounds"):
        names = ("ours", "sz3", "sperr", "zfp", "ours by tiles", "sz3 by tiles")
        lines += ["", "| data | bound | " + " | ".join(names) + " |", "| --- " * 8 + "|"]
        for row in found["bounds"]:
            cells = [row.get(name) for name in names]
            shown = [_cell(cell) for cell in cells]
            lines.append(f"| {row['data']} | {row['bound']:g} | " + " | ".join(shown) + " |")
    if found.get("lossless"):
        known = ("raw", "ours", "elements", "data", "MB/s in", "MB/s out")
        others = {name: 0 for row in found["lossless"] for name in row if name not in known}
        names = ("raw", "ours", *others)
        lines += ["", "| data | " + " | ".join(names) + " | bits | MB/s |", "| --- " * 9 + "|"]
        for row in found["lossless"]:
            shown = [_cell(row.get(name)) for name in names]
            bits = 8 * row["ours"] / row["elements"]
            speed = f"{row['MB/s in']:.1f}, {row['MB/s out']:.1f}"
            lines.append(f"| {row['data']} | " + " | ".join(shown) + f" | {bits:.3f} | {speed} |")
    return "\n".join([*lines, ""])


def _cell(value):
    if isinstance(value, dict):
        told = "" if value["psnr"] is None else f" ({value['psnr']:.1f} dB)"
        return f"{value['bytes']:,}{told}"
    return "" if not value else f"{value:,}"


def main():
    """Read the command line, measure, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bounds")
    parser.add_argument("--elements", type=float, default=2e6)
    parser.add_argument("--only", choices=("holds", "bounds", "lossless"))
    parser.add_argument("--ours", action="store_true", help="keep the others' bytes of bounds.json")
    parser.add_argument("--whole", action="store_true", help="and the bytes by tiles")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    before = asked.output / "bounds.json"
    found = json.loads(before.read_text()) if before.exists() else {}
    if asked.only in (None, "holds"):
        found["holds"] = check_that_bounds_hold(asked.elements, real)
    if asked.only in (None, "bounds"):
        known = found.get("bounds", []) if asked.ours else []
        found["bounds"] = beside_lossy(known, asked.whole)
    if asked.only in (None, "lossless"):
        found["lossless"] = beside_lossless()
    results.write(asked.output, "bounds", page(found), found)
    missed = sum(counts[1] for counts in found.get("holds", {}).values())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
