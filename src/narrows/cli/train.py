"""`train`: signals to a model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import typer

from narrows.cli import options
from narrows.cli.printing import give
from narrows.cli.reading import Asked, reads
from narrows.cli.started import command_clock
from narrows.cli.streams import PIPE, chosen_output, is_stream, open_output, open_stored
from narrows.cli.together import one_of_several
from narrows.cli.training_options import TRAINING, trains
from narrows.clock import Clock, in_words
from narrows.training.settings import TrainingSettings
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.cli.progress import StopOnInterrupt
    from narrows.codec.codec import Codec

INTERRUPTED = 130  # the exit code that shells give to what Ctrl-C ended


@reads
@trains()
def train(
    data: options.Data,
    output: Annotated[str, options.output("The model, .narrows; - for a pipe.")],
    *,
    asked: Asked,
    validation: Annotated[
        str | None,
        typer.Option("--validation", metavar="DATA", show_default="a tenth of DATA",
                     help="Signals held out from training.", rich_help_panel=TRAINING),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", show_default=False, rich_help_panel=TRAINING,
                     callback=options.piped_model, help="Go on from a finished model, dense or "
                     "conv, whose networks and aim are taken; a file or its URL."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from OUTPUT.checkpoint, if there is one.",
                           rich_help_panel=TRAINING)
    ] = False,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    **settings: Unpack[TrainingSettings],
) -> None:  # fmt: skip
    """Train a model on signals.

      narrows train mnist:train -o mnist.narrows
      narrows train signals.npy -o m.narrows --qualities 8 --minutes 20
      narrows train recordings/ -o m.narrows --window 256
      narrows train new.npy --from m.narrows -o new.narrows --minutes 1

    After each epoch the run is kept in OUTPUT.checkpoint, until the model is written.
    Ctrl-C stops and writes the best model so far; a second one stops at once.
    """
    clock = command_clock()
    output = chosen_output(output)
    if output == PIPE and (json or resume):
        raise typer.BadParameter(
            "with -o - the model goes to standard output: no --json, no --resume"
        )
    if settings["minutes"] is not None and settings["epochs"] is not None:
        raise typer.BadParameter("--minutes and --epochs are two lengths of one run; give one")
    checkpoint = _checkpoint_of(output, settings["architecture"])
    # With a checkpoint, the output is what an interrupted run has written, or was to replace; and
    # training refuses the checkpoint unless it was asked to go on from it, or to start anew.
    has_checkpoint = checkpoint is not None and os.path.exists(checkpoint)
    from narrows.api import train as train_codec
    from narrows.cli.progress import training_progress
    from narrows.models import load_codec

    begun = None if start is None else load_codec(start)

    with (
        one_of_several() as ranks,
        _telling_of_interrupts(checkpoint) as stop,
        ExitStack() as opened,
    ):
        quiet = quiet or not ranks.is_first
        if ranks.is_first:
            how = {"force": force or has_checkpoint}
            stream = opened.enter_context(open_output(output, data, validation, **how))
        if has_checkpoint and not force:
            _refuse_finished(output, checkpoint)
        reading = asked.reading(begun)
        source = opened.enter_context(open_stored(data, reading))
        others = validation and opened.enter_context(open_stored(validation, reading.like(source)))
        clock.lap("reading")
        with stop:
            with training_progress(quiet) as progress:
                codec = train_codec(
                    source,
                    validation=others,
                    start=begun,
                    progress=progress,
                    stop=stop,
                    checkpoint=checkpoint,
                    resume=resume,
                    force=force,
                    together=ranks.size > 1,
                    **settings,
                )
            if not ranks.is_first:
                return
            codec = _timed(codec, clock)
            stream.write(codec.model_bytes)
    interrupted = codec.model.training["interrupted"]
    if checkpoint is not None and not interrupted:
        checkpoint.unlink(missing_ok=True)
    told = f"{output}: {_describe(codec)}{_go_on(checkpoint) if interrupted else ''}"
    give({"output": output, **_figures(codec)}, told, json=json, quiet=quiet)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _timed(codec: Codec, clock: Clock) -> Codec:
    """Count in the model's summary what went before training: starting, and reading."""
    from narrows.codec.codec import Codec

    summary = codec.model.training
    laps = {name: round(seconds, 2) for name, seconds in clock.laps.items()}
    for name, seconds in summary["seconds_by_step"].items():
        laps[name] = laps.get(name, 0.0) + seconds
    seconds = round(summary["seconds"] + sum(clock.laps.values()), 2)
    times = {"seconds": seconds, "seconds_by_step": laps}
    return Codec(replace(codec.model, training={**summary, **times}))


def _figures(codec: Codec) -> dict[str, Any]:
    summary = codec.model.training
    return {
        "model_id": codec.model_id,
        "model_bytes": len(codec.model_bytes),
        "pays_after_signals": _pays_after(codec),
        "seconds": summary["seconds"],
        "seconds_by_step": summary["seconds_by_step"],
        "epochs": len(summary["history"]),
        "planned_epochs": summary["plan"]["epochs"],
        "plan": summary["plan"],
        "why": summary["why"],
        "too_short": summary["too_short"],
        "interrupted": summary["interrupted"],
        "reached": summary["reached"],
        "candidates": summary.get("candidates"),
        "quantising_loss_db": summary.get("quantising_loss_db"),
        "last_epoch": summary["history"][-1] if summary["history"] else None,
    }


def _pays_after(codec: Codec) -> int:
    """Return the number of signals that take as many bytes as the model, before they are coded."""
    return -(-len(codec.model_bytes) // codec.encoder.header().frame_bytes)


def _describe(codec: Codec) -> str:
    summary = codec.model.training
    described = (
        f"model {codec.model_id[:8]}, {len(codec.model_bytes):,} bytes, "
        f"trained on {counted(summary['signals'], 'signal')} in {in_words(summary)}"
    )
    described += f"; it pays after {counted(_pays_after(codec), 'signal')} at the earliest"
    if "quantising_loss_db" in summary:
        described += f"; rounding its latents costs {summary['quantising_loss_db']:.2f} dB of PSNR"
    if summary["too_short"]:
        described += f"; {summary['too_short']}"
    if summary["interrupted"]:
        done, planned = len(summary["history"]), summary["plan"]["epochs"]
        described += f", interrupted after {done} of {counted(planned, 'epoch')}"
    return described


def _checkpoint_of(output: str, architecture: str) -> Path | None:
    """Name the checkpoint of an output; pipes have none, and what is solved at once needs none."""
    from narrows.training.choices import IN_CLOSED_FORM

    none = architecture in IN_CLOSED_FORM or is_stream(output)
    return None if none else Path(output + ".checkpoint")


def _refuse_finished(output: str, checkpoint: Path | None) -> None:
    """Refuse to replace the model of a run that came to its end since its checkpoint was seen."""
    from narrows.errors import OutputExistsError

    if checkpoint is not None and not checkpoint.exists() and Path(output).exists():
        raise OutputExistsError(f"{output} was finished meanwhile; give -f to overwrite it")


def _go_on(checkpoint: Path | None) -> str:
    if checkpoint is None or not checkpoint.exists():
        return ""
    return f"; go on from {checkpoint} with --resume"


@contextmanager
def _telling_of_interrupts(checkpoint: Path | None) -> Iterator[StopOnInterrupt]:
    """Yield what Ctrl-C sets; where there is no model then, say so, with exit code 130."""
    from narrows.cli.ending import Ended
    from narrows.cli.progress import StopOnInterrupt
    from narrows.errors import TrainingError

    stop = StopOnInterrupt()
    try:
        yield stop
    except Ended as error:
        raise Ended(error.number, f"no model was written{_go_on(checkpoint)}") from None
    except (KeyboardInterrupt, TrainingError) as error:
        if isinstance(error, TrainingError) and not stop.requested:
            raise
        message = f"interrupted: {str(error) or 'nothing was written'}{_go_on(checkpoint)}"
        print("narrows: " + " ".join(message.split()), file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
