"""Rows of codecs and latent sizes, a gallery, and curves."""

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from narrows.evaluation import plots
from narrows.evaluation.plots.figure import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    SMALL,
    WIDTH,
    new_figure,
    plain_log_ticks,
    style_chart,
    style_legend,
)
from scripts.make_docs_pictures.models import (
    codec,
    images,
    in_words,
    size_and_psnr,
    sweep,
    through,
)
from scripts.make_docs_pictures.rows import SHOWN, Row, draw_rows, original

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
LABELS = {5: (0, -14), 6: (8, -8)}  # points from the mark, for efforts that lie close together
CLASSICS = {
    "PCA, 25 components": "pca-25",
    "dense-25": "dense-25",
    "dense-25-best": "dense-25-best",
    "dense-32, squared error": "dense-32-mse",
    "dense-32, cross-entropy": "dense-32",
}


def draw_classics() -> Figure:
    """Draw ten digits through the classic networks, their latents rounded."""
    shown = images("test")[:SHOWN]
    rows = [
        Row(title, in_words(*size_and_psnr(name, 0)), through(codec(name), shown, 0))
        for title, name in CLASSICS.items()
    ]
    return draw_rows([original(shown), *rows])


def draw_latent_sizes() -> Figure:
    """Draw ten digits through networks of growing latent size."""
    shown = images("test")[:SHOWN]
    rows = [
        Row(f"{p.latent_size} latents", in_words(p.bytes_per_signal, p.psnr),
            through(p.codec, shown))
        for p in sweep()
    ]  # fmt: skip
    return draw_rows([original(shown), *rows])


def draw_sweep() -> Figure:
    """Draw quality and bytes against latent size, beside PCA."""
    return plots.quality_against_latent_size(sweep(), [point.pca for point in sweep()])


def draw_bytes_and_quality() -> Figure:
    """Draw the 11-byte model beside dense-32 and PCA of many sizes."""
    return plots.rate_distortion({
        "11-byte model, 32 latents": [size_and_psnr("mnist")],
        "dense-32, 2 to 64 latents": [(p.bytes_per_signal, p.psnr) for p in sweep()],
        "PCA, 2 to 64 latents": [(p.pca.bytes_per_signal, p.pca.psnr) for p in sweep()],
    })  # fmt: skip


def draw_training(name: str) -> Figure:
    """Draw the losses and the PSNR of a training, epoch by epoch."""
    training = codec(name).model.training
    return plots.training_curves(training["history"], training.get("best_epoch"))


def draw_default() -> Figure:
    """Draw ten digits through the 11-byte model, and their errors."""
    shown = images("test")[:SHOWN]
    return plots.gallery(shown, through(codec("mnist"), shown), 255.0)


def results(name: str) -> Any:
    """Read what a benchmark measured."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def draw_effort() -> Figure:
    """Draw what the efforts gain against their time, as benchmarks/effort.py measured them."""
    rows = results("effort")["efforts"]
    figure = new_figure(WIDTH, 3.0)
    axis = figure.subplots()
    times = [row["microseconds"] / 1000 for row in rows]
    axis.plot(times, [row["gain_db"] for row in rows], "o-", color=BLUE, markersize=5)
    for row, time in zip(rows, times, strict=True):
        place = LABELS.get(row["effort"], (-6, 5))
        axis.annotate(str(row["effort"]), (time, row["gain_db"]), textcoords="offset points",
                      xytext=place, ha="center", fontsize=SMALL, color=INK)  # fmt: skip
    style_chart(axis, "milliseconds an image", "gain at equal bytes (dB)")
    axis.set_xscale("log")
    plain_log_ticks(axis.xaxis, times)
    axis.margins(0.1)
    return figure


def draw_knobs() -> Figure:
    """Draw quality, effort and targets of one model, as benchmarks/knobs.py measured them."""
    measured = results("knobs-mnist")
    figure = new_figure(WIDTH, 3.6)
    axis = figure.subplots()
    colours = (ORANGE, BLUE, GREEN)
    for curve, colour, marker in zip(measured["curves"], colours, "osD", strict=True):
        axis.plot(*zip(*curve["points"], strict=True), color=colour, marker=marker, markersize=4,
                  label=f"--effort {curve['effort']}")  # fmt: skip
    for number, point in enumerate(measured["curves"][-1]["points"], 1):
        axis.annotate(f"-q {number}", point, textcoords="offset points", xytext=(-4, 5),
                      ha="right", fontsize=SMALL - 1, color=INK)  # fmt: skip
    for row in measured["targets"]:
        point = row["mean"], row["psnr"]
        axis.plot(*point, "k*", markersize=8, linestyle="none",
                  label="--target-bytes" * (row is measured["targets"][0]))  # fmt: skip
        axis.annotate(f"{row['target_bytes']:g}", point, textcoords="offset points",
                      xytext=(6, -9), fontsize=SMALL - 1, color="black")  # fmt: skip
    style_chart(axis, "bytes an image", "PSNR (dB)")
    axis.set_xscale("log")
    plain_log_ticks(axis.xaxis, [size for size, _ in measured["curves"][0]["points"]])
    axis.margins(0.14)
    style_legend(axis, loc="lower right")
    return figure
