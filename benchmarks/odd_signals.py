"""What missing values, outliers and strange signals cost, beside the same signals without them.

    python -m benchmarks.odd_signals [coast one-nan outliers strangers] [--output FOLDER]

coast      a quarter of a field is NaN, as land is on a map of the sea: bytes and SNR beside the
           whole field and the same one filled, and whether the same NaN come back
one-nan    one NaN in 6,000 signals: the bytes that it adds
outliers   600 signals, one value of 1e6, and 2 % of -9999: the SNR of all others, beside that of
           a model trained without them
strangers  a model of MNIST on Fashion-MNIST and on noise: what is kept exactly, and the bytes
           beside the raw ones

All models are linear, of the default aim. Reads MNIST and fields in the folder NARROWS_DATA, and
writes odd_signals.md and odd_signals.json.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import asked, datasets, results, tables
from narrows.errors import DataError
from narrows.evaluation.fidelity import channel_errors
from narrows.gaps import filled

TILE = (8, 16, 16)
SEED = 20260103
SMOOTHINGS, SHARE = 40, 0.25  # of the noise that becomes land, and how much of the map it is
SIGNALS, MANY, LENGTH = 600, 6000, 64
OUTLIER, STAND_IN, MISSING = 1e6, -9999.0, 0.02
LINEAR = {"architecture": "linear"}
OVERHEAD, A_BLOCK = 64, 16  # bytes that an archive takes at most beside its raw signals


def coast(shape, rng):
    """Return a map, `shape`, that is True on land: smooth noise above a level."""
    noise = rng.normal(size=shape)
    for _ in range(SMOOTHINGS):
        for axis in (0, 1):
            noise = (np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)) / 4
    return noise > np.quantile(noise, 1 - SHARE)


def drifts(n, rng):
    """Return `(n, 64)` float32 signals that drift, of a deviation near 5."""
    return rng.normal(size=(n, LENGTH)).cumsum(axis=1).astype(np.float32)


def snr(x, decoded, known):
    """Return the SNR in dB of what is known of arrays."""
    error = decoded.astype(np.float64)[known] - x[known]
    return 10 * np.log10(x[known].astype(np.float64).var() / np.square(error).mean())


def measure_coast():
    x = np.load(datasets.data_folder() / "fields" / datasets.FIELDS["fields"])
    land = np.broadcast_to(coast(x.shape[1:], np.random.default_rng(SEED)), x.shape)
    gaps = np.where(land, np.float32(np.nan), x)
    smooth = filled(x[None], land[None], 0.0, has_channels=False)[0]
    rows = []
    fields = {"the whole field": x, "a quarter of it filled": smooth, "a quarter of it NaN": gaps}
    for name, field in fields.items():
        began = time.process_time()
        codec = narrows.train(field, tile=TILE, **LINEAR)
        seconds = time.process_time() - began
        back = narrows.decompress(narrows.compress(field, codec, embed_model=True))
        gone = np.isnan(field)
        assert np.array_equal(np.isnan(back), gone), "other gaps came back"
        assert back[gone].tobytes() == field[gone].tobytes(), "other bits of NaN came back"
        rows.append({
            "signals": name, "raw": field.nbytes, "bytes": len(narrows.compress(field, codec)),
            "snr": snr(x, back, ~land), "remark": f"{seconds:.0f} s of CPU to train",
        })  # fmt: skip
    more = rows[2]["bytes"] / rows[1]["bytes"] - 1
    rows[2]["remark"] += f"; {100 * more:+.1f} % for the filled one; the same bits of NaN"
    return rows


def measure_one_nan():
    x = drifts(MANY, np.random.default_rng(SEED))
    codec = narrows.train(x, **LINEAR)
    gap = x.copy()
    gap[1234, 20] = np.nan
    rows = []
    for name, signals in (("6,000 signals", x), ("one NaN in them", gap)):
        blob = codec.compress(signals)
        known = np.isfinite(signals)
        rows.append({
            "signals": name, "raw": signals.nbytes, "bytes": len(blob),
            "snr": snr(x, codec.decompress(blob), known), "remark": "",
        })  # fmt: skip
    rows[1]["remark"] = f"{rows[1]['bytes'] - rows[0]['bytes']} bytes more"
    return rows


def measure_outliers():
    rng = np.random.default_rng(SEED)
    x = drifts(SIGNALS, rng)
    odd = x.copy()
    gone = rng.random(x.shape) < MISSING
    odd[gone] = STAND_IN
    odd[77, 7] = OUTLIER
    known = odd == x
    rows = []
    for name, signals in (("600 signals", x), ("one of 1e6, 2 % of -9999", odd)):
        codec = narrows.train(signals, **LINEAR)
        blob = codec.compress(signals)
        back = codec.decompress(blob)
        if signals is odd:
            assert np.array_equal(back[~known], odd[~known]), "what is odd did not come back"
        rows.append({
            "signals": name, "raw": x.nbytes, "bytes": len(blob), "snr": snr(x, back, known),
            "remark": "",
        })  # fmt: skip
    rows[1]["remark"] = f"{rows[1]['snr'] - rows[0]['snr']:+.2f} dB for all others"
    return rows


def measure_strangers():
    from narrows.signals import read_signals

    train, test = read_signals("mnist:train"), read_signals("mnist:test")
    codec = narrows.train(train, latent_size=32, bits_per_latent=3.2, **LINEAR)
    noise = np.random.default_rng(SEED).integers(0, 256, test.shape, np.uint8)
    rows = []
    for name, x in (
        ("MNIST, test", test),
        ("Fashion-MNIST, test", read_signals("fashion-mnist:test")),
        ("noise", noise),
    ):
        blob = codec.compress(x)
        back = codec.decompress(blob)
        kept = int((channel_errors(x, back)[1].max(axis=1) == 0).sum())
        blocks = -(-x.nbytes // (1 << 21))
        assert len(blob) <= x.nbytes + OVERHEAD + A_BLOCK * blocks, f"{name}: {len(blob)} bytes"
        try:
            codec.compress(x, strict=True)
            told = "strict codes it"
        except DataError as error:
            told = f"strict: {error}"
        rows.append({
            "signals": name, "raw": x.nbytes, "bytes": len(blob),
            "snr": snr(x, back, np.ones(x.shape, bool)) if kept < len(x) else None,
            "remark": f"{kept:,} of {len(x):,} exactly; {told}",
        })  # fmt: skip
    return rows


PARTS = {
    "coast": measure_coast,
    "one-nan": measure_one_nan,
    "outliers": measure_outliers,
    "strangers": measure_strangers,
}


def page(found, context):
    """Return the tables in markdown."""
    lines = [["signals", "raw bytes", "bytes", "SNR of what is known", ""]]
    for row in found:
        quality = "exact" if row["snr"] is None else f"{row['snr']:.2f} dB"
        sizes = f"{row['raw']:,}", f"{row['bytes']:,}"
        lines.append([row["signals"], *sizes, quality, row["remark"]])
    return f"# Odd signals\n\n{results.made_by(context)}.\n\n{tables.table(lines)}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "parts", PARTS)
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    logging.getLogger("narrows").setLevel(logging.ERROR)
    found = []
    for part in options.parts:
        rows = PARTS[part]()
        found += rows
        for row in rows:
            print(row, flush=True)
    context = results.context("odd_signals", sys.argv[1:], signals=len(found))
    results.write(options.output, "odd_signals", page(found, context), {**context, "rows": found})


if __name__ == "__main__":
    main()
