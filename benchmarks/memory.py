"""How much memory commands take of files of one and of four gigabytes.

    python -m benchmarks.memory [--gigabytes 1,4] [--folder FOLDER]

Writes files of bare int16, noise with a drift from a fixed seed, in no part the same as in another;
trains on each, compresses it and brings it back, cut in frames of 256 (`--window`) and as rows of
256 (`--shape -1,256`), and prints a table: seconds, and the peak of all processes together, as the
sum of the largest resident size that each had. The files are removed at the end.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.comparison import tables

GIGABYTE = 10**9
PART = 1 << 24  # numbers that are written at a time
SEED = 20260102
TRAININGS = {"linear": ["--architecture", "linear"], "minutes": ["--minutes", "0.3"]}


def write_noise(path, n_bytes, seed=SEED):
    """Write int16 noise that drifts, in parts of other numbers each."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(scale=4.0, size=PART // 64).repeat(64).cumsum()
    noise = rng.normal(scale=100.0, size=PART) + steps - np.linspace(0, steps[-1], PART)
    with path.open("wb") as stream:
        for start in range(0, n_bytes // 2, PART):
            size = min(PART, n_bytes // 2 - start)
            part = np.roll(noise, int(rng.integers(PART)))[:size] * rng.uniform(0.5, 2.0)
            stream.write(np.clip(part, -32768, 32767).astype("<i2").data)


def peak_of(command):
    """Run a command; return its seconds, and the bytes of the sum of its processes' peaks.

    Of each process the last reading counts: until it has a program of its own, it shows the memory
    of the one that started it.
    """
    begin, peaks = time.perf_counter(), {}
    process = subprocess.Popen([sys.executable, "-m", "narrows", *command, "--quiet"])
    while process.poll() is None:
        for pid in _family(process.pid):
            peaks[pid] = _resident_peak(pid) or peaks.get(pid, 0)
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"narrows {' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - begin, sum(peaks.values())


def _family(pid):
    """Return a process and all that it started."""
    found = [pid]
    for each in found:
        try:
            children = Path(f"/proc/{each}/task/{each}/children").read_text().split()
            for task in os.listdir(f"/proc/{each}/task"):
                children += Path(f"/proc/{each}/task/{task}/children").read_text().split()
        except OSError:
            continue  # it has ended
        found += [int(child) for child in children if int(child) not in found]
    return found


def _resident_peak(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(each.split()[1]) for each in lines if each.startswith("VmHWM")), 0)


def commands_of(data, folder):
    """Return the commands by what they are called, in the order in which they are run."""
    found = {}
    for kind, shape in (("rows", ["--shape", "-1,256"]), ("windows", ["--shape", "-1"])):
        given = [str(data), *shape, "--dtype", "int16"]
        cut = ["--window", "256"] if kind == "windows" else []
        for name, training in TRAININGS.items():
            model = f"{folder}/{kind}-{name}.narrows"
            found[f"train {' '.join(training)}, {kind}"] = [
                "train", *given, *cut, *training, "-o", model
            ]  # fmt: skip
        model = f"{folder}/{kind}-linear.narrows"
        for jobs in "12":
            found[f"compress --effort 0 -j {jobs}, {kind}"] = [
                "compress", *given, "-m", model, "--effort", "0", "-j", jobs,
                "-o", f"{folder}/{kind}-{jobs}.nrw",
            ]  # fmt: skip
        found[f"decompress, {kind}"] = [
            "decompress", f"{folder}/{kind}-1.nrw", "-m", model, "-o", f"{folder}/{kind}.dat"
        ]  # fmt: skip
    return found


def measure(gigabytes, options):
    """Measure all commands on a file of a size; return rows of the table."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="narrows-memory-", dir=options.folder) as folder:
        data = Path(folder) / "noise.dat"
        write_noise(data, round(gigabytes * GIGABYTE))
        for name, command in commands_of(data, folder).items():
            if options.only not in name:
                continue
            seconds, peak = peak_of(command)
            rows.append([f"{gigabytes:g} GB", name, f"{seconds:.0f}", f"{peak / 1e6:,.0f}"])
            print(*rows[-1], sep="\t", flush=True)
        for kind in ("rows", "windows"):
            pair = [Path(folder) / f"{kind}-{jobs}.nrw" for jobs in "12"]
            if all(map(Path.exists, pair)):
                assert len({_digest(each) for each in pair}) == 1, f"{kind}: -j changed the bytes"
    return rows


def _digest(path):
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", default="1,4")
    parser.add_argument("--folder", help="Where to write the files; else the temporary folder.")
    parser.add_argument("--only", default="", help="Commands with this in their name.")
    options = parser.parse_args()
    rows = [["file", "command", "seconds", "peak memory in MB"]]
    for each in options.gigabytes.split(","):
        rows += measure(float(each), options)
    print(tables.table(rows))


if __name__ == "__main__":
    main()
