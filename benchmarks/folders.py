"""Folders, tables and records as people have them, through the commands that people type.

    python -m benchmarks.folders [recordings patches sensors fields ecg] [--folder FOLDER]
        [--output FOLDER]

recordings  500 made-up WAV files of 1,200 to 9,000 samples: voices of gliding pitch, from a seed
patches     1,000 PNG of 32 x 32, cut from the colour pictures of scikit-image
sensors     the table of benchmarks.sensors as CSV: four columns by the minute
fields      a rough field of float32, in files of some planes each
ecg         WFDB records of ten patients, read by their headers

A fifth of the files, of tables and fields the end, is not trained on, but compressed, evaluated
beside other codecs, decompressed, and compared with what it was: names, shapes, types. Writes
folders.md and folders.json. Reads ECG and fields in the folder NARROWS_DATA.
"""

import argparse
import importlib.util
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copy

import numpy as np

from benchmarks.comparison import asked, datasets, results, tables
from benchmarks.sensors import COLUMNS, sensor_table
from narrows.signals import open_signals
from narrows.signals.formats.wav import write_wav

SEED = 20260104
RECORDINGS, RATE, SHORTEST, LONGEST = 500, 8000, 1200, 9000
PATCHES, SIDE = 1000, 32
TEST_DAYS = 28
FIELD, PARTS = "sperr_wmag_91x91x91_f32.npy", 2


def voice(n, rng):
    """Return `(n,)` int16: harmonics of a gliding pitch below formants, in words with pauses."""
    time = np.arange(n) / RATE
    pitch = rng.uniform(90, 240) * 2 ** (0.3 * np.sin(2 * np.pi * rng.uniform(0.5, 3) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = rng.uniform((300, 900, 2200), (800, 2000, 3200))
    sound = np.zeros(n)
    for harmonic in range(1, 30):
        at = harmonic * pitch
        gain = sum(np.exp(-(((at - each) / 200) ** 2)) for each in formants) / harmonic**0.5
        sound += np.where(at < RATE / 2, gain, 0) * np.sin(harmonic * phase)
    loud = np.clip(np.sin(2 * np.pi * rng.uniform(1, 4) * time + rng.uniform(0, 6)) + 0.6, 0, 1)
    noise = rng.normal(size=n) * 0.01
    return np.clip(6000 * (sound * loud + noise), -32768, 32767).astype(np.int16)


def recordings(folder):
    rng = np.random.default_rng(SEED)
    for number in range(RECORDINGS):
        part = folder / ("test" if number % 5 == 0 else "train") / f"speaker {number % 7}"
        part.mkdir(parents=True, exist_ok=True)
        x = voice(int(rng.integers(SHORTEST, LONGEST)), rng)
        with (part / f"{number:03}.wav").open("wb") as stream:
            write_wav(stream, x, {"rate": RATE})
    return ["--window", "256"]


def patches(folder):
    from PIL import Image

    found = importlib.util.find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("patches are cut from pictures of scikit-image: pip install scikit-image")
    shipped = sorted(Path(found.submodule_search_locations[0], "data").iterdir())
    pictures = [Image.open(path) for path in shipped if path.suffix in (".png", ".jpg")]
    pictures = [np.asarray(each) for each in pictures if each.mode == "RGB"]
    pictures = [each for each in pictures if min(each.shape[:2]) >= SIDE]
    rng = np.random.default_rng(SEED)
    for number in range(PATCHES):  # whole pictures are not trained on
        picture = pictures[number % len(pictures)]
        part = folder / ("test" if number % len(pictures) % 5 == 0 else "train")
        part.mkdir(exist_ok=True)
        top, left = (int(rng.integers(side - SIDE + 1)) for side in picture.shape[:2])
        patch = picture[top : top + SIDE, left : left + SIDE]
        Image.fromarray(np.ascontiguousarray(patch)).save(part / f"{number:04}.png")
    return []


def sensors(folder):
    whole = sensor_table()
    train, test = np.split(whole, [len(whole) - TEST_DAYS * 1440])
    for name, rows in (("train.csv", train), ("test.csv", test)):
        np.savetxt(folder / name, rows, "%.2f", ",", header=",".join(COLUMNS), comments="")
    return ["--window", "60"]


def fields(folder):
    x = np.load(datasets.data_folder() / "fields" / FIELD)
    border = 3 * len(x) // 4 // 8 * 8
    for part, rows in (("train", x[:border]), ("test", x[border:])):
        (folder / part).mkdir(exist_ok=True)
        for number, planes in enumerate(np.array_split(rows, PARTS)):
            np.save(folder / part / f"{number}-{FIELD}", planes)
    return ["--tile", "4,8,8"]


def ecg(folder):
    data = datasets.data_folder()
    records = sorted([*(data / "ecg").glob("*.hea"), *(data / "ecg-more").glob("*.hea")])[:10]
    for number, header in enumerate(records):
        part = folder / ("test" if number % 5 == 0 else "train")
        part.mkdir(exist_ok=True)
        for suffix in (".hea", ".dat"):
            copy(header.with_suffix(suffix), part)
    return ["--window", "256"]


KINDS = {each.__name__: each for each in (recordings, patches, sensors, fields, ecg)}
LINEAR, PREDICTIVE = "--architecture linear", "--architecture predictive"
TRAININGS = {
    "recordings": (LINEAR,), "patches": (LINEAR, f"--tile 16,16 {PREDICTIVE}"),
    "fields": (PREDICTIVE,), "ecg": (PREDICTIVE,),
    "sensors": (f"{LINEAR} --aim bytes:13", f"{LINEAR} --aim bytes:24"),
}  # fmt: skip


def narrows(folder, *words):
    """Run a command in a folder; return what it prints."""
    command = [sys.executable, "-m", "narrows", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"narrows {shlex.join(words)}: {done.stderr}")
    return done.stdout


def measure(kind, folder):
    """Run the commands of a kind; return a row for each training."""
    cut = KINDS[kind](folder)
    suffix = ".csv" if kind == "sensors" else ""
    train, test, rows = f"train{suffix}", f"test{suffix}", []
    for number, options in enumerate(TRAININGS[kind]):
        model = f"m{number}.narrows"
        training = ["train", train, *cut, *options.split(), "-o", model]
        narrows(folder, *training)
        archive = f"{number}.nrw"
        told = json.loads(narrows(folder, "compress", test, "-m", model, "-o", archive, "--json"))
        back = f"back{number}{suffix}"
        narrows(folder, "decompress", archive, "-m", model, "-o", back)
        _check_alike(folder / test, folder / back)
        figures = ["evaluate", test, "-m", model, "--baselines", "--train", train, "--json"]
        found = json.loads(narrows(folder, *figures))
        signals = found["signals"]
        peers = [p for p in found["baselines"] if p.get("snr") and p["name"] != "narrows"]
        rows.append({
            "kind": kind,
            "commands": f"narrows {shlex.join(training)}",
            "files": told.get("files", 1),
            "raw": told["raw_bytes"],
            "bytes": told["compressed_bytes"],
            "names": told["metadata_bytes"],
            "model": told["model_bytes"],
            "signals": signals,
            "snr": found["snr"],
            "channels": [each["snr"] for each in found["channels"]],
            "peers": {each["name"]: each["bytes_per_signal"] * signals for each in peers},
        })  # fmt: skip
        assert rows[-1]["bytes"] <= rows[-1]["raw"] + rows[-1]["names"] + 80
        print(rows[-1], flush=True)
    return rows


def _check_alike(one, two):
    """Compare names, shapes, types and attributes of what came back with what was there."""
    first, second = (open_signals(each) for each in (one, two))
    pairs = zip(first.members, second.members, strict=True)
    names = [one.is_dir() and a.name != b.name for a, b in pairs]
    assert not any(names), "other names"
    for a, b in zip(first.members, second.members, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), a.name
        own, others = ({k: v for k, v in m.attributes.items() if k != "header"} for m in (a, b))
        assert own == others, a.name


def page(rows, context):
    """Return the table in markdown."""
    lines = [["data", "command", "bytes", "archive", "names", "model", "SNR", "best peer at it"]]
    for row in rows:
        quality = f"{row['snr']:.1f} dB"
        if row["channels"]:
            quality += f" ({', '.join(f'{each:.1f}' for each in row['channels'])})"
        best = min(row["peers"].items(), key=lambda each: each[1], default=("none", 0))
        lines.append([
            f"{row['kind']}, {row['files']:,} file(s)", f"`{row['commands']}`", f"{row['raw']:,}",
            f"{row['bytes']:,}", f"{row['names']:,}", f"{row['model']:,}", quality,
            f"{best[0]}: {best[1]:,.0f}",
        ])  # fmt: skip
    return (
        "# Folders, tables and records\n\nOf files that were not trained on; names are in the "
        f"archive's bytes, and SNR by channel in brackets.\n\n{results.made_by(context)}.\n\n"
        f"{tables.table(lines)}\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "kinds", KINDS)
    parser.add_argument("--folder", help="Where to make them; else the temporary folder.")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    rows = []
    for kind in options.kinds:
        with tempfile.TemporaryDirectory(prefix="narrows-", dir=options.folder) as folder:
            rows += measure(kind, Path(folder))
    context = results.context("folders", sys.argv[1:], signals=sum(r["signals"] for r in rows))
    results.write(options.output, "folders", page(rows, context), {**context, "rows": rows})


if __name__ == "__main__":
    main()
