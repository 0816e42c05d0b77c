"""Decode an archive or a packet: python -m narrows_reader ARCHIVE -m MODEL -o OUT.npy."""

import argparse
import sys
from pathlib import Path

import numpy as np

from . import Rejected, read_archive, read_packet


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="narrows_reader", description=__doc__)
    parser.add_argument("archive", type=Path, help="an archive, or a packet with --packet")
    parser.add_argument("-m", "--model", type=Path, help="its model, unless that is embedded")
    parser.add_argument("-o", "--out", type=Path, required=True, help="a .npy file to write")
    parser.add_argument("--packet", action="store_true", help="the file is one packet")
    parser.add_argument("--checksum", action="store_true", help="the packet has a checksum")
    given = parser.parse_args()
    if given.packet and not given.model:
        parser.error("a packet needs its model: -m MODEL")
    try:
        data, model = given.archive.read_bytes(), given.model and given.model.read_bytes()
        if given.packet:
            signals = read_packet(data, model, given.checksum)
        else:
            signals = read_archive(data, model)
        with given.out.open("wb") as out:
            np.save(out, signals)
    except (Rejected, OSError) as error:
        print(f"narrows_reader: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
