"""`verify`: whether an archive is whole, and how close to its original."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.printing import (
    decibels,
    give,
    print_channels,
    print_pairs,
    quality_pairs,
)
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import number_of_signals, open_input, read_data, whole_archive
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.evaluation.verification import Verification


@reads
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An archive.", show_default=False)],
    asked: Asked,
    model: options.OptionalModelFile = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="DATA", help="The original signals.", show_default=False),
    ] = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Check every checksum of an archive, decode it, and compare it with its original.

    narrows verify signals.npy.nrw -m m.narrows --against signals.npy
    """
    from narrows.codec.archive import ArchiveReader
    from narrows.errors import FormatError, ModelNotFoundError
    from narrows.evaluation.verification import verify as check
    from narrows.models import decoder_for

    with whole_archive(file) as path, open_input(path) as stream, bar(quiet) as shown:
        total = number_of_signals(stream)
        header = ArchiveReader(stream).header
        reading = asked.reading().for_archive(header)
        original = None if against is None else read_data(against, reading)
        try:
            decoder = decoder_for(header, model)
        except ModelNotFoundError:
            if model is not None or against is not None:
                raise
            decoder = None
        shown.begin("verifying", total, header.frame_bytes)
        found = check(stream, decoder, original, shown.advance)
    show = partial(_print, file, found, header.model_id)
    give(found.as_json(), show, json=json, quiet=quiet)
    if not found.is_whole:
        raise FormatError(f"{file} is damaged: {found.losses[0]}")


def _print(file: str, found: Verification, model_id: bytes) -> None:
    missing = f"no: model {model_id.hex()} is not at hand; give -m"
    pairs = [
        ("signals", f"{found.signals:,} in {counted(found.blocks, 'block')}"),
        ("checksums", "all right" if found.is_whole else "damaged"),
        ("decoded", _share(found) if found.decoded else missing),
    ]
    if found.fidelity is None or found.reference is None:
        print_pairs(f"archive {file}", pairs)
        return
    first = "none" if found.first_difference is None else f"signal {found.first_difference}"
    pairs += [
        *quality_pairs(found.fidelity, found.reference),
        ("worst signal", _worst(found)),
        ("first difference", first),
    ]
    print_pairs(f"archive {file}", pairs)
    print_channels(found.fidelity, found.reference)


def _worst(found: Verification) -> str:
    if found.worst_signal is None:
        return "none"
    return f"signal {found.worst_signal}, PSNR {decibels(found.worst_psnr)}"


def _share(found: Verification) -> str:
    if found.is_whole:
        return "all"
    return "all but what is lost" if found.signals else "none"
