"""`engines`: what computes networks and codes symbols on this machine, and why."""

from __future__ import annotations

from dataclasses import asdict

from narrows.cli import options
from narrows.cli.printing import give, print_table


def engines(json: options.AsJson = False, quiet: options.Quiet = False) -> None:
    """Tell what computes networks and codes symbols here, and why: all give the same bits.

    narrows engines
    NARROWS_ENGINE=numpy narrows compress signals.npy -m m.narrows
    """
    from narrows.codec.networks.engines import standings

    found = standings()

    def show() -> None:
        used = ["by default" if e.is_default else "yes" if e.runs else "no" for e in found]
        rows = [[e.name, use, e.reason] for e, use in zip(found, used, strict=True)]
        print_table("engines", ["engine", "runs", "why"], rows, left=3)

    give({"engines": [asdict(each) for each in found]}, show, json=json, quiet=quiet)
