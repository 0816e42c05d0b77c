"""`report`: one page on a model, with everything that was measured, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.measured_data import read_measured
from narrows.cli.printing import give, say
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import chosen_output, open_output, read_classes, read_data
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.evaluation.report import Contents, Sentence


@reads
def report(
    data: options.Data,
    model: options.ModelFile,
    asked: Asked,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="FILE", show_default=False,
                     help="One whole number a signal, its class, to colour the map by: a .npy or "
                     "IDX file, or a known set."),
    ] = None,
    train: options.TrainData = None,
    signals: options.Signals = None,
    output: Annotated[str, options.output("The page, .html; - for a pipe.")] = "report.html",
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write one page: figures, other codecs, a verdict, pictures, and how the model was made.

    narrows report signals.npy -m m.narrows --train others.npy -o report.html
    """
    output = chosen_output(output, "report.html")
    options.check_json(json, output)
    from narrows.evaluation.peers.registry import sample
    from narrows.evaluation.plots import prepare_drawing
    from narrows.evaluation.report import measure, page, verdict
    from narrows.evaluation.report.comparison import seconds_expected
    from narrows.evaluation.report.contents import check
    from narrows.evaluation.waiting import in_words
    from narrows.models import load_codec

    prepare_drawing()  # a missing matplotlib is told before any work, not after
    with open_output(output, data, model, labels, train, force=force) as stream:
        codec = load_codec(model)
        reading = asked.reading(codec)
        x, all_signals, given, arrays = read_measured(data, reading, codec, signals, all_rows=True)
        classes = None if labels is None else read_classes(labels)
        check(codec, x, classes, arrays)
        others = None if train is None else codec.transform.check_frames(read_data(train, reading))
        most = signals if arrays is None else None
        some = sample(x, most, codec.model.prediction is not None)
        expected = in_words(seconds_expected(codec, some, others, arrays))
        say(f"measuring {counted(len(some), 'signal')} and other codecs: {expected}", quiet or json)
        with bar(quiet) as shown:
            shown.begin("compressing", len(some), x[:1].nbytes)
            contents = measure(
                codec, x, classes, others, data=data, model_file=model, labels_file=labels,
                train_file=train, most=signals, progress=shown.advance, tell=shown.begin_peer,
                arrays=arrays, given=given, all_signals=all_signals,
            )  # fmt: skip
            shown.begin("drawing the page")
            written = page(contents).encode(errors="backslashreplace")
        stream.write(written)
    sentences = verdict(contents)
    told = [*(sentence.text for sentence in sentences), f"{output}: {len(written):,} bytes"]
    figures = _as_json(output, len(written), contents, sentences)
    give(figures, "\n".join(told), json=json, quiet=quiet)


def _as_json(
    output: str, n_bytes: int, contents: Contents, sentences: list[Sentence]
) -> dict[str, Any]:
    comparison = contents.comparison
    rows = [comparison.raw, *comparison.lossless, *comparison.peers]
    small = comparison.pca_at_size
    return {
        "output": output,
        "report_bytes": n_bytes,
        "all_signals": contents.all_signals,
        **contents.measured.as_json(),
        "baselines": [row.as_json() for row in (*rows, *([] if small is None else [small]))],
        "verdict": [{"text": s.text, "mood": s.mood} for s in sentences],
    }
