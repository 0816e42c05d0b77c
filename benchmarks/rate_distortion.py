"""Bytes against quality: narrows and its peers, on the same held-out signals, in one run.

    python -m benchmarks.rate_distortion DATASET [--models FOLDER_OR_FILES...]
        [--minutes M] [--efforts 0,2,7] [--peers a,b] [--signals N] [--output benchmarks/results]

DATASET is mnist, fashion-mnist, digits, ecg, ecg-patients, fields, fields-smooth, gaussian,
gaussian-iid or sawbridge; the real ones are read from the folder NARROWS_DATA. Writes DATASET.md
(tables), DATASET.json (every point) and DATASET.png. Needs the extras `bench`,
`train` and `report`; a peer that is not installed is named in the table, and the others are
measured.

Every size is the length of bytes that were written, and every error that of signals decoded from
them. narrows' points are those of the models given, at all their qualities and at the efforts
given, or the default one; without `--models`, a model is trained for each of the data set's rates,
with the default settings, in `--minutes` each. For sources with a known optimum there is a line
more: the code lengths of the symbols alone, without the 18 bytes or so that a block of 2 MB has
besides.
Set OMP_NUM_THREADS to fix the number of threads.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.comparison import datasets, measuring, ours, results, tables
from narrows.codec.encoding.requests import DEFAULT_EFFORT
from narrows.evaluation.peers.contract import measure
from narrows.evaluation.peers.registry import registry, sample

MINUTES = 2.0


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=datasets.NAMES)
    parser.add_argument("--models", nargs="+", help="model files, or folders of them")
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help="for each model to train; 0 to measure the peers alone",
    )
    parser.add_argument(
        "--efforts", type=numbers, default=[DEFAULT_EFFORT], help="0 to 9, with commas"
    )
    parser.add_argument("--peers", type=lambda text: text.split(","), help="by default all")
    parser.add_argument("--signals", type=int, help="test on so many, spread evenly")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    words = sys.argv[1:] if words is None else words
    return argparse.Namespace(words=words, **vars(parser.parse_args(words)))


def numbers(text):
    """Read whole numbers with commas between them."""
    return [int(word) for word in text.split(",")]


def narrows_series(codecs, dataset, effort):
    """Measure archives of all signals at an effort, and packets of some."""
    x = dataset.test
    at = "" if effort == DEFAULT_EFFORT else f", effort {effort}"
    archives = measuring.Series("narrows" + at, "narrows, one archive" + at, len(x))
    measure_series(archives, ours.archive_coder, codecs, x, dataset.peak, effort)
    some = sample(x, measuring.MAX_ALONE)
    name = "narrows, one packet each" + at
    packets = measuring.Series("packets" + at, name, len(some), alone=True)
    measure_series(packets, ours.packet_coder, codecs, some, dataset.peak, effort)
    if dataset.optimum is None or at:
        return [archives, packets]
    symbols = measuring.Series("symbols", "narrows, its symbols alone", len(x))
    for (name, quality), point in zip(ours.settings(codecs), archives.points, strict=True):
        size = ours.symbol_bytes(codecs[name], x, quality, effort)
        symbols.points.append(replace(point, bytes_per_signal=size))
    return [archives, symbols, packets]


def measure_series(series, coder, codecs, signals, peak, effort):
    """Measure all qualities of all models at an effort."""
    for name, quality in ours.settings(codecs):
        setting = f"{name}, quality {quality}, effort {effort}"
        coded = coder(codecs[name], quality, effort)
        point = measure(coded, signals, peak, series.name, setting, measuring.TIMED_SECONDS)
        series.points.append(point)


def chosen_peers(words, dataset):
    """Return the peers that are asked for and can code the data set."""
    known, work = registry(), dataset.workload
    for word in words or ():
        called = [peer for peer in known if peer.is_called([word])]
        if not called:
            keys = ", ".join(peer.key for peer in known)
            raise SystemExit(f"unknown peer {word!r}; accepted are {keys}, or their first words")
        if not any(peer.takes(work) for peer in called):
            raise SystemExit(
                f"{called[0].name} takes {called[0].accepts}; {dataset.name} has others"
            )
    asked = [peer for peer in known if not words or peer.is_called(words)]
    return [peer for peer in asked if peer.takes(work)]


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure_all(options):
    """Measure everything; give the data set, our series, the peers' and the context."""
    dataset = datasets.load(options.dataset).with_signals(options.signals)
    wanted = chosen_peers(options.peers, dataset)
    if options.models:
        codecs = ours.models(options.models)
        ours.check_models(codecs, dataset)
    else:
        rates = dataset.rates if options.minutes else ()
        codecs = ours.trained(dataset, rates, options.minutes, lambda name: say(f"training {name}"))
    described = {name: ours.described(codec) for name, codec in codecs.items()}
    context = results.context("rate_distortion", options.words, models=described)
    say("measuring narrows")
    mine = [
        series
        for effort in options.efforts * bool(codecs)
        for series in narrows_series(codecs, dataset, effort)
    ]
    others = []
    for peer in wanted:
        say(f"measuring {peer.name}")
        others.append(measuring.measure_peer(peer, dataset))
    return dataset, mine, others, context


def as_json(dataset, rows, context):
    """Return everything that was measured, for the results file."""
    return {
        "dataset": dataset.name,
        "about": dataset.about,
        "signals": len(dataset.test),
        "training_signals": len(dataset.train),
        "raw_bytes_per_signal": dataset.test[0].nbytes,
        "peak": dataset.peak,
        **context,
        "series": [series.as_json() for series in rows],
    }


def main(words=None):
    options = arguments(words)
    dataset, mine, others, context = measure_all(options)
    rows = [*mine, *others]
    page = tables.markdown(dataset, mine, others, context)
    figures = as_json(dataset, rows, context)
    results.write(options.output, dataset.name, page, figures, results.plot(dataset, rows))


if __name__ == "__main__":
    main()
