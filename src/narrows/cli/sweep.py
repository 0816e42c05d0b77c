"""`sweep`: models of many latent sizes, or of many lambdas, in one go."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.printing import decibels, give, print_table, say
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import open_output, open_stored, read_data
from narrows.cli.training_options import trains
from narrows.training.settings import TrainingSettings
from narrows.words import counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from narrows.evaluation.sweep import Trained
    from narrows.signals import Reading

Open = Callable[[str], AbstractContextManager[BinaryIO]]
JSON, CURVE, SIGNALS = "sweep.json", "sweep.png", "reconstructions.png"
SHOWN_SIGNALS = 8
HELD_OUT_SHARE = 0.2  # of recordings, as of signals
MEASURED_SIGNALS = 4000  # the same for all models; more would take longer than training


@reads
@trains(
    without=("latent_size", "lambda_", "qualities", "minutes", "batch_size", "device", "levels",
             "max_error")
)  # fmt: skip
def sweep(
    data: options.Data,
    output: Annotated[
        Path, options.output("Gets sweep.json, sweep.png, reconstructions.png and the models.",
                             metavar="FOLDER")
    ],
    latent_size: Annotated[
        str | None, typer.Option("--latent-size", metavar="K,K,...", help="Latent sizes.",
                                 show_default="2,4,8,16,32,64")
    ] = None,
    lambda_: Annotated[
        str | None, typer.Option("--lambda", metavar="L,L,...", show_default=False,
                                 help="Lambdas, at one latent size: a rate-distortion curve.")
    ] = None,
    *,
    asked: Asked,
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="DATA", show_default="a fifth of DATA, held out",
                     help="Signals to measure on."),
    ] = None,
    signals: Annotated[
        int,
        typer.Option("--signals", metavar="N", min=1, help="Measure on N of them at most, evenly "
                     "spread over all."),
    ] = MEASURED_SIGNALS,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Trainings at a time.",
                                 show_default="one a core")
    ] = None,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    **settings: Any,
) -> None:  # fmt: skip
    """Train models of many latent sizes, or lambdas, and compare them with PCA.

    narrows sweep signals.npy -o sizes --latent-size 4,8,16
    narrows sweep signals.npy -o curve --latent-size 16 --lambda 10,30,100
    """
    from narrows.errors import DataError
    from narrows.evaluation.peers.registry import sample
    from narrows.evaluation.plots import prepare_drawing
    from narrows.evaluation.sweep import check_points, latent_sizes_for
    from narrows.evaluation.sweep import sweep as run_sweep
    from narrows.processes import cores

    if jobs is not None and jobs < 1:
        raise typer.BadParameter(f"--jobs {jobs}; give at least 1")
    _check_folder(output, force)
    prepare_drawing()  # a missing matplotlib is told before training, not after
    lambdas = _numbers(lambda_, "--lambda", float)
    sizes = _numbers(latent_size, "--latent-size", int)
    if lambdas and len(sizes) > 1:
        raise typer.BadParameter("--lambda with several latent sizes; vary one of the two")
    x_train, x_test = _train_and_test(data, test, asked.reading(), settings["seed"])
    if (x_test.shape[1:], x_test.dtype) != (x_train.shape[1:], x_train.dtype):
        raise DataError(
            f"--test {test} holds frames of {x_test.shape[1:]} {x_test.dtype}, {data} of "
            f"{x_train.shape[1:]} {x_train.dtype}; give signals of one kind"
        )
    x_test = sample(x_test, signals)
    if not sizes:
        size = x_train[0].size
        sizes = [min(32, size)] if lambdas else latent_sizes_for(size)
    variants = [{"latent_size": k, "lambda_": each} for k in sizes for each in lambdas or [None]]
    points = [cast(TrainingSettings, {**settings, **variant}) for variant in variants]
    check_points(points, x_train)
    at_once = min(jobs or cores(), len(points))
    told = f"{counted(len(points), 'training')} on {counted(len(x_train), 'signal')}"
    say(f"{told}, {at_once} at a time", quiet)
    names = [_name(each["latent_size"], each["lambda_"]) for each in variants]
    open_: Open = lambda name: open_output(str(output / name), data, test, force=force)  # noqa: E731
    with _made(output), open_(JSON) as stream, bar(quiet) as shown:
        _refuse_existing(output, [*names, CURVE, SIGNALS], force)
        step = partial(shown.begin_step, "training", steps=len(points), unit="models")
        step(0)
        n_done = count(1)

        def tell(trained: Trained) -> None:
            _tell(trained, quiet)
            step(next(n_done))

        trained = run_sweep(x_train, x_test, points, jobs=jobs, done=tell)
        _write(open_, trained, x_test)
        written = _as_json(trained, len(x_test), {**settings, "data": data, "test": test})
        stream.write(json_module.dumps(written, indent=2, allow_nan=False).encode() + b"\n")

    def show() -> None:
        n = counted(len(x_test), "signal")
        measured = f"{test}: {n}" if test else f"{data}: {n} held out from training"
        peak = f"PSNR for a peak of {trained[0].reference.peak_in_words}"
        _print(trained, f"{measured}; {peak}", bool(lambdas))
        say(f"{output}: sweep.json, pictures and {counted(len(trained), 'model')}", quiet)

    give(written, show, json=json, quiet=quiet)


def _numbers(text: str | None, option: str, kind: type[int] | type[float]) -> list[Any]:
    """Read a list of numbers with commas."""
    try:
        numbers = [kind(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        numbers = []
    if text is not None and not numbers:
        raise typer.BadParameter(f"{option} {text!r}; give numbers with commas, such as 8,16,32")
    return sorted(set(numbers))


def _train_and_test(
    data: str, test: str | None, reading: Reading, seed: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read signals to train on and others; of many recordings, hold a fifth of them out whole."""
    from narrows.evaluation.demo import train_and_test
    from narrows.signals import Frames

    if test is None and not Path(data).exists():  # a known set, which has signals to test on
        return train_and_test(data, seed, partial(read_data, reading=reading))
    with open_stored(data, reading) as source:
        if test is not None:
            return source.read(), read_data(test, reading.like(source))
        parts = source.hold_out(HELD_OUT_SHARE, seed) if isinstance(source, Frames) else None
        if parts is not None:
            return parts[0].read(), parts[1].read()
        return train_and_test(data, seed, lambda _: source.read())


def _check_folder(folder: Path, force: bool) -> None:
    from narrows.errors import DataError

    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; give a folder with -o")
    if not folder.parent.is_dir():
        raise DataError(f"no folder {folder.parent} to make {folder.name} in; make it first")
    _refuse_existing(folder, [JSON], force)


def _refuse_existing(folder: Path, names: Iterable[str], force: bool) -> None:
    from narrows.errors import OutputExistsError

    for name in names:
        if (folder / name).exists() and not force:
            raise OutputExistsError(f"{folder / name} exists already; give -f to overwrite it")


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder; after an error it is gone again, if nothing is in it."""
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _tell(trained: Trained, quiet: bool) -> None:
    point = trained.point
    lambda_ = "" if trained.lambda_ is None else f", lambda {trained.lambda_:g}"
    say(
        f"{counted(point.latent_size, 'latent')}{lambda_}: {point.bytes_per_signal:.2f} bytes per "
        f"signal, PSNR {decibels(point.psnr)}, trained in {trained.seconds:.0f} s",
        quiet,
    )


def _name(latent_size: int, lambda_: float | None) -> str:
    return f"latents-{latent_size}{'' if lambda_ is None else f'-lambda-{lambda_:g}'}.narrows"


def _write(open_: Open, trained: list[Trained], x_test: npt.NDArray[Any]) -> None:
    """Write models and pictures."""
    from narrows.evaluation.plots import write_png

    for each in trained:
        with open_(_name(each.point.latent_size, each.lambda_)) as stream:
            stream.write(each.model)
    for name, figure in _pictures(trained, x_test[:SHOWN_SIGNALS]).items():
        with open_(name) as stream:
            write_png(figure, stream)


def _as_json(trained: list[Trained], n_test: int, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "settings": {name.rstrip("_"): value for name, value in settings.items()},
        "test_signals": n_test,
        **trained[0].reference.as_json(),
        "points": [
            {**each.as_json(), "model": _name(each.point.latent_size, each.lambda_)}
            for each in trained
        ],
    }


def _pictures(trained: list[Trained], x: npt.NDArray[np.generic]) -> dict[str, Any]:
    """Draw the curve, and the same signals through every model."""
    from narrows.codec.codec import Codec
    from narrows.evaluation import plots

    points, linear = [each.point for each in trained], [each.pca for each in trained]
    if trained[0].lambda_ is not None:
        ours, pca = ([point.place for point in each] for each in (points, linear))
        return {CURVE: plots.rate_distortion({"narrows": ours, "PCA": pca})}
    codecs = {each.point.latent_size: Codec.from_bytes(each.model) for each in trained}
    decoded = {size: codec.decompress(codec.compress(x)) for size, codec in codecs.items()}
    peak = next(iter(codecs.values())).model.peak
    return {
        CURVE: plots.quality_against_latent_size(points, linear),
        SIGNALS: plots.by_latent_size(x, decoded, peak),
    }


def _print(trained: list[Trained], title: str, lambdas: bool) -> None:
    rows = []
    for each in trained:
        point, pca = each.point, each.pca
        first = f"{each.lambda_:g}" if lambdas else str(point.latent_size)
        rows.append(
            [first, f"{point.bytes_per_signal:.2f}", decibels(point.psnr),
             f"{pca.bytes_per_signal:.2f}", decibels(pca.psnr),
             f"{point.model_bytes:,}", f"{each.seconds:.0f}"]
        )  # fmt: skip
    columns = ["lambda" if lambdas else "latents", "bytes per signal", "PSNR", "PCA bytes",
               "PCA PSNR", "model bytes", "trained, s"]  # fmt: skip
    print_table(title, columns, rows)
