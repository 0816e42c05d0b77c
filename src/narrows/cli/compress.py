"""`compress`: signals to an archive."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.compressing import (
    Compressing,
    archive_output,
    packets_output,
    signal_files_in,
)
from narrows.cli.many import OutputDir, Recursive, inputs_of, placed, run_all
from narrows.cli.packets import GROUP, Checksum, PacketBytes, describe_packets
from narrows.cli.printing import give, in_kinds
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import is_stream
from narrows.words import counted

ARCHIVE = "The archive"


@reads
def compress(
    data: options.SeveralData,
    asked: Asked,
    model: options.ModelUnlessPromised = None,
    output: Annotated[
        str | None,
        options.output("The archive; - for a pipe. With --packets a folder, or a .jsonl file.",
                       "DATA.nrw, or DATA.packets"),
    ] = None,
    quality: options.Quality = None,
    effort: options.EffortLevel = None,
    target_bytes: options.TargetBytes = None,
    target_psnr: options.TargetPsnr = None,
    max_error: options.MaxError = None,
    max_relative_error: options.MaxRelativeError = None,
    lossless: options.Lossless = False,
    embed_model: Annotated[
        bool,
        typer.Option("--embed-model", help="Carry the decoder in the archive.",
                     rich_help_panel=ARCHIVE),
    ] = False,
    append: Annotated[
        bool,
        typer.Option("--append", help="Add to the archive, which must be of this model.",
                     rich_help_panel=ARCHIVE),
    ] = False,
    packets: Annotated[
        bool,
        typer.Option("--packets", help="Write a packet for each signal, in a file or on a line of "
                     "its own, in place of an archive.", rich_help_panel=GROUP),
    ] = False,
    packet_bytes: PacketBytes = None,
    checksum: Checksum = False,
    block_signals: Annotated[
        int | None,
        typer.Option("--block-signals", metavar="N", min=1, help="Signals in a block: fewer make "
                     "single ones quicker to get at, and the archive larger.",
                     show_default="as many as take 1 or 2 MiB", rich_help_panel=ARCHIVE),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse signals of which something would be kept exactly: "
                     "NaN, infinities, values far outside the range that was trained on.",
                     rich_help_panel=ARCHIVE),
    ] = False,
    missing: options.Missing = None,
    output_dir: OutputDir = None,
    recursive: Recursive = False,
    device: options.Device = None,
    jobs: options.Jobs = 1,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Compress signals to an archive (.nrw), or to packets.

    narrows compress signals.npy -m m.narrows
    narrows compress signals.npy -m m.narrows -o small.nrw -q 2 --effort 9
    narrows compress recordings/ -m m.narrows
    narrows compress signals.npy --lossless
    narrows compress signals.npy --max-error 0.01
    narrows compress a.npy b.npy -m m.narrows --output-dir archives
    narrows compress signals.npy -m m.narrows --packets -o signals.jsonl
    """
    options.check_targets(quality, target_bytes, target_psnr)
    options.check_packets(packets, checksum, packet_bytes, append or embed_model)
    promises = lossless or max_error is not None or max_relative_error is not None
    options.check_promise(promises, model, packets, embed_model)
    place = packets_output if packets else archive_output
    walk = signal_files_in if recursive else None
    inputs = inputs_of(data, output, output_dir, walk, partial(place, output=None))
    named = "" if inputs else place(data[0], output)
    _check_options(named, append, embed_model, json)
    from narrows.codec.encoding.guarantees import parse_bounds
    from narrows.codec.encoding.requests import Request
    from narrows.gaps import parse_missing
    from narrows.models import load_codec
    from narrows.processes import Workers

    stand_ins = [] if missing is None else parse_missing(missing)
    bounds = parse_bounds(max_error), parse_bounds(max_relative_error)
    request = Request(
        quality, effort, target_bytes, target_psnr, strict, stand_ins, *bounds, lossless,
        packet_bytes,
    )  # fmt: skip
    backend = options.backend_of(device)
    with Workers(jobs) as workers, bar(quiet) as shown:
        compressing = Compressing(
            model, asked, request, workers, shown, packets, checksum, embed_model, append,
            block_signals, force, partial(load_codec, backend=backend),
        )  # fmt: skip

        if inputs is not None:
            each = partial(_compressed, compressing, None)
            elsewhere = None if jobs == 1 else (workers, each)
            run_all(inputs, each, json=json, quiet=quiet, elsewhere=elsewhere)
            return
        figures, told = _compressed(compressing, named, data[0], None)
    give(figures, told, json=json, quiet=quiet)


def _compressed(
    compressing: Compressing, named: str | None, data: str, folder: str | None
) -> tuple[dict[str, Any], str]:
    """Compress an input to what is named, or to its own name in a folder."""
    place = packets_output if compressing.packets else archive_output
    figures = compressing.run(data, named or placed(place(data, None), folder))
    if compressing.packets:
        return figures, describe_packets(figures)
    if compressing.request.promises:
        return figures, describe_promised(figures)
    return figures, _describe(figures, compressing.codec.model.n_qualities)


def _check_options(output: str, append: bool, embed_model: bool, json: bool) -> None:
    """Refuse options that exclude each other, or that the output cannot serve."""
    options.check_json(json, output)
    if append and is_stream(output):
        raise typer.BadParameter("--append needs an archive in a file: give -o FILE")
    if append and embed_model:
        raise typer.BadParameter("--append keeps the archive's own header: leave --embed-model out")


def _describe(figures: dict[str, Any], n_qualities: int) -> str:
    from narrows.codec.encoding.kept import Kept

    kept = figures["kept_exactly"]
    appended = "archive_signals" in figures
    told = _sizes(figures)
    if n_qualities > 1 and figures["quality"] is not None:
        told += f"; quality {figures['quality']} of {n_qualities}"
    if "metadata_bytes" in figures:
        told += f"; {figures['metadata_bytes']} bytes of them for names and shapes"
    told += f"; {Kept(**kept)}" if kept else ""
    told += _of_the_model(figures)
    return told + (_appended(figures) if appended else "")


def _sizes(figures: dict[str, Any]) -> str:
    appended = "archive_signals" in figures
    files = f"{figures['files']:,} files in " if figures.get("files", 1) > 1 else ""
    n = counted(figures["signals"], "signal")
    return (
        f"{figures['output']}: {files}{n}{' appended' * appended}, "
        f"{figures['raw_bytes']:,} -> {counted(figures['compressed_bytes'], 'byte')} "
        f"(ratio {figures['ratio']:.1f}), {figures['bytes_per_signal']:.2f} bytes per signal"
    )


def describe_promised(figures: dict[str, Any]) -> str:
    """Return a line about an archive that promises an error."""
    blocks = in_kinds(figures["blocks_by_mode"]) or "none"
    told = f"{_sizes(figures)}; {figures['promise']}; blocks: {blocks}"
    told += _of_the_model(figures) if figures["model_bytes"] else ""
    return told + (_appended(figures) if "archive_signals" in figures else "")


def _appended(figures: dict[str, Any]) -> str:
    whole = f"{counted(figures['archive_signals'], 'signal')} in {figures['archive_bytes']:,} bytes"
    return f"; the archive now holds {whole}"


def _of_the_model(figures: dict[str, Any]) -> str:
    """Say what the model takes besides, and whether all of it is more than the signals were."""
    size, raw, embedded = figures["compressed_bytes"], figures["raw_bytes"], figures["embedded"]
    took = "of them the decoder's" if embedded else "more for its model"
    told = f"; {figures['model_bytes']:,} bytes {took}"
    if "archive_signals" in figures or size + (0 if embedded else figures["model_bytes"]) <= raw:
        return told
    if not embedded:
        return f"{told}: together no less than the signals, until there are more of them"
    advice = ": leave --embed-model out, or compress more signals at once"
    return f"{told}; the archive is larger than the signals{advice}" if size > raw else told
