"""`verify`: whether an archive is whole, and how close to its original."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Annotated

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.packets import Checksum, open_packets_of, packets_in
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
    from narrows.cli.bar import Bar
    from narrows.codec.archive.streams import LostRange
    from narrows.evaluation.verification import Verification
    from narrows.packet_files import Packets


@reads
def verify(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="An archive, a folder of packets or a .jsonl of them; "
                       "- for a pipe.", show_default=False),
    ],
    asked: Asked,
    model: options.OptionalModelFile = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="DATA", help="The original signals.", show_default=False),
    ] = None,
    checksum: Checksum = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Check every checksum of an archive or of packets, decode it, and compare with the original.

    narrows verify signals.npy.nrw -m m.narrows --against signals.npy
    narrows verify signals.npy.packets -m m.narrows
    """
    from narrows.errors import FormatError

    with whole_archive(file, or_packets=True) as path, bar(quiet) as shown:
        packets = packets_in(path, file)
        if packets is not None:
            found, wrong = _verify_packets(packets, file, model, against, asked, checksum, shown)
            model_id = b""
        else:
            if checksum:
                raise typer.BadParameter("--checksum is of packets: archives always have one")
            found, model_id = _verify_archive(path, model, against, asked, shown)
            wrong = f"{file} is damaged: {found.losses[0]}" if found.losses else ""
    show = partial(_print, file, found, model_id, checksum)
    give(found.as_json(), show, json=json, quiet=quiet)
    if not found.is_whole:
        raise FormatError(wrong)


def _verify_packets(
    packets: Packets,
    file: str,
    model: str | None,
    against: str | None,
    asked: Asked,
    checksum: bool,
    shown: Bar,
) -> tuple[Verification, str]:
    """Return the findings about packets, and a line that names those that are not there."""
    from narrows.codec.decoder import Decoder
    from narrows.evaluation.verification import verify_signals

    losses: list[LostRange] = []
    lines = [""]

    def lose(line: str, lost: list[LostRange]) -> None:
        lines.append(line)
        losses.extend(lost)

    with ExitStack() as opened:
        decoder, total, signals = open_packets_of(
            packets, file, model, None, checksum, lose, opened
        )
        reading = asked.reading()
        if isinstance(decoder, Decoder):
            reading = asked.reading(decoder)
        original = None if against is None else read_data(against, reading)
        shown.begin("verifying", total, prod(decoder.model.frame_shape))
        found = verify_signals(shown.count(signals), decoder, original, losses)
    return found, lines[-1]


def _verify_archive(
    path: str, model: str | None, against: str | None, asked: Asked, shown: Bar
) -> tuple[Verification, bytes]:
    """Return the findings about an archive, and the id of its model."""
    from narrows.codec.archive import ArchiveReader
    from narrows.errors import ModelNotFoundError
    from narrows.evaluation.verification import verify as check
    from narrows.models import decoder_for

    with open_input(path) as stream:
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
        return check(stream, decoder, original, shown.advance), header.model_id


def _print(file: str, found: Verification, model_id: bytes, checksum: bool) -> None:
    missing = f"no: model {model_id.hex()} is not at hand; give -m"
    faulty = "damaged" if model_id else "not all right"
    state = "all right" if found.is_whole else faulty
    kind = "archive" if model_id else "packets"
    pairs = [("signals", f"{found.signals:,}")]
    if model_id:
        pairs = [("signals", f"{found.signals:,} in {counted(found.blocks, 'block')}")]
    pairs += [
        ("checksums" if model_id or checksum else "check bits", state),
        ("decoded", _share(found) if found.decoded else missing),
    ]
    if found.promise is not None:
        pairs.append(("promise", found.promise + _kept(found)))
    if found.fidelity is None or found.reference is None:
        print_pairs(f"{kind} {file}", pairs)
        return
    first = "none" if found.first_difference is None else f"signal {found.first_difference}"
    pairs += [
        *quality_pairs(found.fidelity, found.reference),
        ("worst signal", _worst(found)),
        ("first difference", first),
    ]
    print_pairs(f"{kind} {file}", pairs)
    print_channels(found.fidelity, found.reference)


def _kept(found: Verification) -> str:
    if found.beyond_promise is None:
        return "" if found.fidelity is None else ", kept"
    if found.beyond_promise:
        return f", broken by {counted(found.beyond_promise, 'element')}"
    return ", kept"


def _worst(found: Verification) -> str:
    if found.worst_signal is None:
        return "none"
    return f"signal {found.worst_signal}, PSNR {decibels(found.worst_psnr)}"


def _share(found: Verification) -> str:
    if found.is_whole:
        return "all"
    return "all but what is lost" if found.signals else "none"
