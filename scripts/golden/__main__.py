"""Make golden files anew: `python -m scripts.golden [good|levels|packets|bad] [NAMES...]`.

A name is that of a set of good files (`conv-2d-uint8`) or of a bad file (`model-truncated`), or a
pattern of several (`'conv-*'`). The files of other names stay as they are; without names the whole
folder is made anew. The trained sets (`good.TRAINED`) differ with the machine and from run to run,
the random ones do not.

Until the first release the format is version 0, and a change of it makes these files anew in the
same commit. From version 1 on, files are added and never edited.
"""

import argparse
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from narrows.codec.model.model_file import VERSION
from scripts.golden import FOLDER


def main():
    """Read the command line and make what it names."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.golden", description=__doc__.split("\n\n")[1]
    )
    parser.add_argument(
        "kind", nargs="?", choices=("good", "levels", "packets", "bad"), help="default: all"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: tests/golden")
    asked = parser.parse_args()
    if asked.kind in (None, "good"):
        make_good(asked.folder / f"v{VERSION}", asked.names)
    if asked.kind in (None, "levels"):
        make_levels(asked.folder / f"levels-v{VERSION}", asked.names)
    if asked.kind in (None, "packets"):
        make_packets(asked.folder / f"packets-v{VERSION}", asked.names)
    if asked.kind in (None, "bad"):
        make_bad(asked.folder / f"bad-v{VERSION}", asked.names)


def make_good(folder, patterns=()):
    """Write the sets of good files that the patterns name."""
    from scripts.golden.good import SETS

    _make(SETS, folder, patterns)


def make_levels(folder, patterns=()):
    """Write the good files without a model that the patterns name."""
    from scripts.golden.levels import SETS

    _make(SETS, folder, patterns)


def make_packets(folder, patterns=()):
    """Write the good packets that keep a bound and that the patterns name."""
    from scripts.golden.promised_packets import SETS

    _make(SETS, folder, patterns)


def _make(sets, folder, patterns):
    names = chosen(sets, patterns)
    clear(folder, [f"{name}.*" for name in names] if patterns else ["*"])
    for name in names:
        for suffix, content in sets[name]().items():
            write(folder / (name + suffix), content)


def make_bad(folder, patterns=()):
    """Write the bad files that the patterns name."""
    from scripts.golden.bad import bad_files

    files = {Path(name).stem: (name, data) for name, data in bad_files().items()}
    names = chosen(files, patterns)
    clear(folder, [] if patterns else ["*"])
    for name, data in map(files.get, names):
        write(folder / name, data)


def chosen(names, patterns):
    """Return the names that a pattern fits; each pattern must fit one."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise SystemExit(
                f"no golden files are called {pattern}; names are those of the files in {FOLDER}, "
                "without their suffixes"
            )
    return [n for n in names if not patterns or any(fnmatchcase(n, p) for p in patterns)]


def clear(folder, patterns):
    """Delete the files that the patterns name, and make the folder if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def write(path, content):
    """Write bytes as they are, an array as `.npy`."""
    if isinstance(content, np.ndarray):
        np.save(path, content)
    else:
        path.write_bytes(content)


if __name__ == "__main__":
    main()
