"""Append to one archive from several processes at once, and count the signals afterwards.

`python -m scripts.appends_at_once [--rounds 100] [--processes 5]`: in each round an archive of 200
digits is appended to by every process at once, 200 digits each. The exit code is 0 if after every
round each signal is there and equal, and no other file.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import narrows
from narrows.signals import read_signals

APPEND = ("compress", "x.npy", "-m", "m.narrows", "--append", "-o", "x.nrw")


def append_at_once(folder: Path, processes: int) -> bool:
    """Append in a folder with m.narrows, x.npy and x.nrw; return whether all is there."""
    before = {path.name for path in folder.iterdir()}
    command = [sys.executable, "-m", "narrows", *APPEND]
    running = [
        subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) for _ in range(processes)
    ]
    told = [process.communicate()[1].decode() for process in running]
    with narrows.open(folder / "x.nrw", folder / "m.narrows") as archive:
        x, n_signals = np.asarray(archive), len(archive)
    n_new = n_signals // (processes + 1)
    print(f"{n_signals} signals, exit codes {[process.returncode for process in running]}")
    return (
        not any(process.returncode for process in running)
        and n_signals == (processes + 1) * len(np.load(folder / "x.npy"))
        and all(np.array_equal(part, x[:n_new]) for part in np.split(x, processes + 1))
        and all("appended" in text for text in told)
        and {path.name for path in folder.iterdir()} == before
    )


def prepare(folder: Path) -> None:
    """Write a model, 200 digits, and their archive."""
    x = read_signals("digits")
    codec = narrows.train(x, latent_size=4, architecture="linear")
    codec.save(folder / "m.narrows")
    np.save(folder / "x.npy", x[:200])
    (folder / "200.nrw").write_bytes(codec.compress(x[:200]))


def main() -> None:
    """Print a line for each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=5)
    given = parser.parse_args()
    good = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for _ in range(given.rounds):
            shutil.copy(folder / "200.nrw", folder / "x.nrw")
            good += append_at_once(folder, given.processes)
    print(f"{good} of {given.rounds} rounds lost nothing")
    sys.exit(good != given.rounds)


if __name__ == "__main__":
    main()
