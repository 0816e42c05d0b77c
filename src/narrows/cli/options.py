"""The options that several commands take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli.help import SHARED
from narrows.cli.streams import PIPE

if TYPE_CHECKING:
    from narrows.codec.networks.backend import Backend

TARGETS = "In place of a quality"

DATA = (
    "Signals: a file (see docs/sources.md), a folder of such, - for a pipe, or a known set: "
    "digits, mnist:train, mnist:test, fashion-mnist:train, fashion-mnist:test."
)
Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA, show_default=False)]
SeveralData = Annotated[list[str], typer.Argument(metavar="DATA...", help=DATA, show_default=False)]
TrainData = Annotated[
    str | None,
    typer.Option(
        "--train",
        metavar="DATA",
        help="Signals that PCA, beside the model, learns from: best those of the model.",
        show_default="every second one of DATA",
    ),
]


def piped_model(model: str | None) -> str | None:
    """Return the file that `-` stands for: a model is always read whole."""
    return "/dev/stdin" if model == PIPE else model


Signals = Annotated[
    int | None,
    typer.Option("--signals", metavar="N", min=1, help="Look at N of the signals at most, evenly "
                 "spread over all.", show_default="all"),
]  # fmt: skip
ModelFile = Annotated[
    str,
    typer.Option("--model", "-m", metavar="MODEL", show_default=False, callback=piped_model,
                 help="The .narrows file, or its URL; - for a pipe."),
]  # fmt: skip
ModelUnlessPromised = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="MODEL", show_default=False, callback=piped_model,
                 help="The .narrows file, or its URL; - for a pipe. A bound and "
                 "--lossless need none."),
]  # fmt: skip
OptionalModelFile = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="MODEL", callback=piped_model,
                 show_default="embedded, or found in NARROWS_MODELS", help="The .narrows file, or"
                 " its URL."),
]  # fmt: skip
Quality = Annotated[
    int | None,
    typer.Option("--quality", "-q", metavar="Q", help="1 to the model's number of qualities.",
                 show_default="the middle one, of 8 the 4th"),
]  # fmt: skip
EffortLevel = Annotated[
    int | None,
    typer.Option("--effort", metavar="E", help="0 (the fastest) to 9 (the best): how long better "
                 "symbols are searched for.", show_default="2"),
]  # fmt: skip
TargetBytes = Annotated[
    float | None,
    typer.Option("--target-bytes", metavar="BYTES", help="The most that the coded form of any "
                 "signal may take; of predicted windows, of a block's mean.", show_default=False,
                 rich_help_panel=TARGETS),
]  # fmt: skip
TargetPsnr = Annotated[
    float | None,
    typer.Option("--target-psnr", metavar="DB", help="The least PSNR of any signal, in dB; "
                 "of predicted windows, of a block.", show_default=False, rich_help_panel=TARGETS),
]  # fmt: skip
MaxError = Annotated[
    str | None,
    typer.Option("--max-error", metavar="E", help="The most that any element may be off; "
                 "E0,E1,... by channel. Needs no model.", show_default=False,
                 rich_help_panel=TARGETS),
]  # fmt: skip
MaxRelativeError = Annotated[
    str | None,
    typer.Option("--max-relative-error", metavar="R", help="The same, in parts of the range of all "
                 "values.", show_default=False, rich_help_panel=TARGETS),
]  # fmt: skip
Lossless = Annotated[
    bool,
    typer.Option("--lossless", help="Every bit comes back. Needs no model.",
                 rich_help_panel=TARGETS),
]  # fmt: skip
Missing = Annotated[
    str | None,
    typer.Option("--missing", metavar="V,V,...", show_default=False,
                 help="Values that stand for missing ones, beside those that the model knows."),
]  # fmt: skip
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", metavar="N", min=1, help="Processes that share the work; the "
                 "bytes are the same for any number.", rich_help_panel=SHARED),
]  # fmt: skip
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="DEVICE", help="Compute networks with torch on this device, "
                 "such as cuda; the bytes and bits are the same.",
                 show_default="the processor, as narrows engines says", rich_help_panel=SHARED),
]  # fmt: skip
Force = Annotated[
    bool, typer.Option("--force", "-f", help="Overwrite the output.", rich_help_panel=SHARED)
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=SHARED)
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", help="Print nothing but errors, and JSON where it is asked for.",
                 rich_help_panel=SHARED),
]  # fmt: skip


def backend_of(device: str | None) -> Backend | None:
    """Return what computes networks on a device, or None where none was asked for."""
    if device is None:
        return None
    from narrows.integrations.torch_backend import TorchBackend

    return TorchBackend(device)


def output(help: str, default: str | None = None, metavar: str = "FILE") -> Any:
    """Declare `-o`; `default` is what it is by default, in words."""
    return typer.Option("--output", "-o", metavar=metavar, help=help, show_default=default or True)


def check_packets(packets: bool, checksum: bool, packet_bytes: int | None, archive: bool) -> None:
    """Refuse options of packets without these, and options of an archive beside them."""
    if checksum and not packets:
        raise typer.BadParameter("--checksum is of packets: archives always have one")
    if packet_bytes is not None and not packets:
        raise typer.BadParameter("--packet-bytes is of packets: give --packets, or --target-bytes")
    if packets and archive:
        raise typer.BadParameter("--append and --embed-model are of archives, not of packets")


def check_targets(
    quality: int | None, target_bytes: float | None, target_psnr: float | None
) -> None:
    """Refuse options that exclude each other."""
    if target_bytes is not None and target_psnr is not None:
        raise typer.BadParameter("--target-bytes and --target-psnr exclude each other: give one")
    if quality is not None and (target_bytes, target_psnr) != (None, None):
        name = "--target-psnr" if target_bytes is None else "--target-bytes"
        raise typer.BadParameter(f"{name} chooses the quality of each signal: leave -q out")


def check_promise(promises: bool, model: str | None, packets: bool, embed_model: bool) -> None:
    """Refuse what a promise has no use for, and a missing model where nothing is promised."""
    if packets and model is None:
        raise typer.BadParameter(
            "--packets are of a model, which says to both sides what a signal is: give -m MODEL"
        )
    if promises and embed_model and model is None:
        raise typer.BadParameter(
            "--embed-model: archives within a bound or without loss need no model; leave it out"
        )
    if not promises and model is None:
        raise typer.BadParameter(
            "no model: give -m MODEL, or --lossless, --max-error or --max-relative-error"
        )


def check_json(json: bool, output: str) -> None:
    """Refuse a JSON object on standard output where the output itself goes there."""
    if json and output == PIPE:
        raise typer.BadParameter("--json and -o - both print on standard output: give -o FILE")
