"""`evaluate`: bytes and quality of a model on signals, alone or beside other codecs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.measured_data import read_measured
from narrows.cli.printing import (
    give,
    in_kinds,
    print_channels,
    print_comparison,
    print_pairs,
    quality_pairs,
    say,
)
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import read_data
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.evaluation.metrics import Evaluation
    from narrows.evaluation.peers.registry import Bench
    from narrows.evaluation.rate_point import RatePoint

OF_CHANNELS = "at one SNR, each channel in its own deviation"


@reads
def evaluate(
    data: options.Data,
    model: options.ModelFile,
    asked: Asked,
    quality: options.Quality = None,
    effort: options.EffortLevel = None,
    target_bytes: options.TargetBytes = None,
    target_psnr: options.TargetPsnr = None,
    max_error: options.MaxError = None,
    max_relative_error: options.MaxRelativeError = None,
    lossless: options.Lossless = False,
    missing: options.Missing = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Beside other codecs on the same signals.")
    ] = False,
    train: options.TrainData = None,
    signals: options.Signals = None,
    jobs: options.Jobs = 1,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compress and decompress signals, and measure bytes and quality.

    narrows evaluate mnist:test -m mnist.narrows --baselines --train mnist:train
    """
    from narrows.codec.encoding.guarantees import parse_bounds
    from narrows.codec.encoding.requests import Request
    from narrows.evaluation.metrics import evaluate as measure
    from narrows.evaluation.metrics import for_peers
    from narrows.evaluation.peers.registry import Bench
    from narrows.evaluation.units import Units
    from narrows.evaluation.waiting import in_words, seconds_of_codec, seconds_of_peers
    from narrows.gaps import parse_missing
    from narrows.models import load_codec

    options.check_targets(quality, target_bytes, target_psnr)
    codec = load_codec(model)
    reading = asked.reading(codec)
    x, all_signals, given, arrays = read_measured(data, reading, codec, signals)
    stand_ins = [] if missing is None else parse_missing(missing)
    request = Request(
        quality, effort, target_bytes, target_psnr, missing=stand_ins, lossless=lossless,
        max_error=parse_bounds(max_error), max_relative_error=parse_bounds(max_relative_error),
    )  # fmt: skip
    bench = None
    if baselines and len(x):
        others = None if train is None else codec.transform.check_frames(read_data(train, reading))
        filled = for_peers(codec, x, stand_ins)
        bench = Bench(filled, Units.of(codec.model, filled), others, arrays=arrays)
        expected = in_words(seconds_of_codec(codec, x, request) + seconds_of_peers(bench))
        say(f"measuring {counted(len(x), 'signal')} and other codecs: {expected}", quiet or json)
    with bar(quiet) as shown:
        shown.begin("compressing", len(x), x[:1].nbytes)
        measured = measure(codec, x, request, shown.advance, jobs, given)
        rows, even = ([], {}) if bench is None else _beside(bench, measured, shown.begin_peer)
    extra = {"baselines": [row.as_json() for row in rows], "break_even": even}

    def show() -> None:
        _print(f"{data} through {model}", measured, all_signals)
        if bench is not None:
            print_comparison(rows, OF_CHANNELS if bench.units.by_channel else "")
            for name, paid in even.items():
                print(f"  smaller than {name}, model included: {_from_on(paid)}")
            for fault in bench.not_measured:
                print(f"  not measured: {fault}")

    figures = {**measured.as_json(), **(extra if baselines else {})}
    give(figures, show, json=json, quiet=quiet)


def _beside(
    bench: Bench, measured: Evaluation, tell: Callable[[str], None]
) -> tuple[list[RatePoint], dict[str, int | None]]:
    """Measure other codecs; return all rows, and by name from how many signals on narrows pays."""
    from narrows.evaluation.rate_point import break_even, raw_point, with_snr

    ours = bench.units.point("narrows", measured)
    raw = raw_point(measured.raw_bytes / measured.signals)
    bench.tell = tell
    peers = bench.at_psnr(ours.psnr, ours.bytes_per_signal)
    even = {
        row.name: break_even(measured.model_bytes, ours.bytes_per_signal, row)
        for row in (raw, *peers)
    }
    return [raw, *bench.lossless(), *with_snr(peers, ours), ours], even


def _print(title: str, measured: Evaluation, all_signals: int) -> None:
    of_all = f" of {all_signals:,}" if measured.signals < all_signals else ""
    print_pairs(
        title,
        [
            ("signals", f"{measured.signals:,}{of_all}"),
            ("raw bytes", f"{measured.raw_bytes:,}"),
            ("compressed bytes", f"{measured.compressed_bytes:,}"),
            ("bytes per signal", f"{measured.bytes_per_signal:.2f}"),
            ("bits per element", f"{measured.bits_per_element:.4f}"),
            ("ratio", f"{measured.ratio:.1f}"),
            *quality_pairs(measured, measured.reference),
            ("MSE (peak 1)", f"{measured.mse:.3e}"),
            ("blocks", in_kinds(measured.blocks_by_mode)),
            ("model bytes", f"{measured.model_bytes:,}"),
            ("model paid for after", _break_even(measured.break_even_signals)),
        ],
    )
    print_channels(measured, measured.reference)


def _from_on(signals: int | None) -> str:
    return "never" if signals is None else f"from {counted(signals, 'signal')} on"


def _break_even(signals: int | None) -> str:
    return (
        "never: the archive is not smaller than raw"
        if signals is None
        else counted(signals, "signal")
    )
