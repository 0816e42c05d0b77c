"""The figures of a report, as the words of its tables, and the commands that made it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from narrows.clock import in_words
from narrows.codec.model.groups import ENCODED
from narrows.evaluation.fidelity import Closeness
from narrows.evaluation.metrics import decibels, signal_to_noise
from narrows.evaluation.rate_point import RatePoint
from narrows.evaluation.report.contents import Contents
from narrows.training.choices import BITS_PER_LATENT
from narrows.training.settings import SETTINGS, public_name
from narrows.words import counted, quantity


def tiles(contents: Contents) -> list[tuple[str, str, str]]:
    """Return the figures that matter most: name, value, and a remark."""
    m = contents.measured
    paid = "never" if m.break_even_signals is None else f"{m.break_even_signals:,}"
    return [
        (
            f"bytes a {contents.unit}",
            f"{m.bytes_per_signal:.2f}",
            f"of {m.raw_bytes // m.signals:,} raw",
        ),
        ("ratio", f"{m.ratio:.1f} : 1", f"{m.bits_per_element:.3f} bits a value"),
        ("PSNR", decibels(m.psnr), f"peak {m.reference.peak_in_words}"),
        ("SNR", signal_to_noise(m.snr), "variance about the mean / MSE"),
        (
            "largest error",
            quantity(m.max_abs_error, 3),
            f"of a range of {quantity(contents.codec.model.peak)}",
        ),
        ("model", in_bytes(m.model_bytes), f"{m.model_bytes:,} bytes"),
        ("paid for after", paid, f"{contents.unit}s; here {contents.all_signals:,}"),
    ]


def in_bytes(size: int) -> str:
    """Write a size with three digits."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


def comparison_rows(contents: Contents) -> Iterator[tuple[str, list[str], str]]:
    """Return name, cells, and "ours" for this model or "other", for each codec."""
    comparison = contents.comparison
    small = comparison.pca_at_size
    others = [comparison.raw, *comparison.lossless, *comparison.peers]
    for point in (*others, *([small] if small is not None else []), *comparison.points):
        yield point.name, _cells(point), "other"
    yield "narrows", _cells(contents.point), "ours"


def _cells(point: RatePoint) -> list[str]:
    model = f"{point.model_bytes:,}" if point.model_bytes else "none"
    return [f"{point.bytes_per_signal:,.2f}", decibels(point.psnr).removesuffix(" dB"), model]


def comparison_notes(contents: Contents) -> Iterator[str]:
    """Say how the others were measured."""
    comparison, n = contents.comparison, contents.all_signals
    yield f"raw and narrows: {_of(contents.measured.signals, n)}."
    case = "one stream, mosaic or recording" if contents.arrays is None else "whole arrays"
    yield (
        f"The others: {_of(comparison.peer_signals, n)} in {case}, their best case, at this "
        "quality or at their lowest."
    )
    if comparison.units.by_channel:
        yield "Quality beside others is the SNR of all channels, each in its own deviation."
    if comparison.pca is not None or comparison.pca_at_size is not None:
        yield (
            f"PCA learnt from {comparison.peer_signals // 2:,} of these signals, every second one, "
            f"and was measured on those between; narrows learnt from {_learnt(contents)}. --train "
            "names the signals that it should learn from."
            if comparison.pca_is_half_learnt
            else f"PCA learnt from {contents.train_file or 'the training signals'}."
        )
    yield from (f"Not measured: {fault}." for fault in comparison.not_measured)


def _learnt(contents: Contents) -> str:
    learnt = contents.codec.model.training.get("signals")
    return "others" if learnt is None else f"{learnt:,}"


def _of(some: int, n: int) -> str:
    return f"all {counted(n, 'signal')}" if some == n else f"{some:,} of the {n:,} signals"


def fidelity(contents: Contents) -> tuple[str, list[tuple[str, str]]]:
    """Return what came back, in all and by channel, set against the signals: a title and rows."""
    m = contents.measured
    of = "each channel's mean" if m.channels else "the mean of all"
    pairs = [
        ("SNR", f"{signal_to_noise(m.snr)}: variance about {of} / MSE"),
        *_if_known("PRDN", m, " about each signal's own mean"),
        ("root-mean-square error", quantity(m.rms_error)),
    ]
    for number, channel in enumerate(m.channels):
        errors = (
            f"rms error {quantity(channel.rms_error)}, largest {quantity(channel.max_abs_error)}"
        )
        prdn = "".join(f", PRDN {value}" for _, value in _if_known("PRDN", channel))
        pairs.append((f"channel {number}", f"SNR {signal_to_noise(channel.snr)}{prdn}, {errors}"))
    if m.reference.remark is not None:
        pairs.append(("their range", m.reference.remark))
    return "What came back", pairs


def _if_known(name: str, measured: Closeness, beside: str = "") -> list[tuple[str, str]]:
    if measured.prdn is None:
        return []
    return [(name, f"{quantity(measured.prdn, 3)} %{beside}")]


def facts(contents: Contents) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what the model is, and how it was trained: the titles and rows of two tables."""
    model, training = contents.codec.model, contents.codec.model.training
    signal = f"{' × '.join(map(str, model.frame_shape))} of {model.dtype.name}"
    pairs = [
        ("model id", contents.codec.model_id),
        ("signals", signal),
        ("architecture", model.architecture),
        ("latents", f"{model.groups[ENCODED]}"),
        ("these signals", f"{_of(contents.measured.signals, contents.all_signals)}"),
        ("their file", contents.data),
    ]
    if contents.labels_file is not None:
        pairs.append(("labels", contents.labels_file))
    tables = [("The model", pairs)]
    return [*tables, ("Its training", [*training_facts(training)])] if training else tables


def training_facts(training: Any) -> Iterator[tuple[str, str]]:
    """Yield what a table says of a training."""
    validation = training.get("validation_signals", 0)
    yield (
        "trained on",
        f"{counted(training.get('signals', 0), 'signal')}, {validation:,} to validate",
    )
    yield "their fingerprint", training.get("data_sha256", "unknown")
    if training.get("started_from"):
        yield "started from", f"model {training['started_from']}"
    plan = training.get("plan", {})
    done, planned = len(training.get("history", ())), plan.get("epochs")
    if done:
        kept = f", the best of them {training.get('best_epoch'):,}"
        yield "epochs", f"{done:,} of {planned:,} planned{kept}"
        yield (
            "updates",
            f"{plan['updates_per_epoch']:,} an epoch, of {counted(plan['batch_size'], 'signal')}",
        )
    if training.get("interrupted"):
        yield "interrupted", "yes"
    words = counted(training.get("threads", 0), "thread")
    yield "time", f"{in_words({'seconds': 0.0, **training})}; on {words}"
    loss = training.get("freezing_loss_db")
    if loss is not None:
        cost = f"{max(loss, 0.0):.2f} dB of PSNR on the validation signals"
        yield "computing in integers costs", cost
    for name in ("settings", "versions"):
        values = training.get(name, {}).items()
        yield name, ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in values if v is not None)


ALWAYS_TOLD = frozenset({"latent_size", "loss", "seed"})
"""Settings that are written even where they have their defaults."""


def train_command(
    settings: Mapping[str, Any], architecture: str, model_file: str, started_from: str | None = None
) -> str:
    """Return the command that trains such a model; its file does not know the name of DATA.

    Nor does it know that of the model that it started from, but for its id.
    """
    usual = {public_name(name): setting.default for name, setting in SETTINGS.items()}
    usual["bits_per_latent"] = BITS_PER_LATENT
    in_python = {public_name(name) for name in SETTINGS if not SETTINGS[name].in_commands}
    words = ["narrows", "train", "DATA", "-o", model_file]
    words += [] if started_from is None else ["--from", f"{started_from[:8]}.narrows"]
    for name, value in settings.items():
        at_rest = name not in ALWAYS_TOLD and value == usual.get(name, False)
        follows = name == "bits_per_latent" and settings.get("aim") is not None
        if name in in_python or value is None or at_rest or follows:
            continue
        option = ("no-" if value is False else "") + name.replace("_", "-")
        words += [f"--{option}"] if isinstance(value, bool) else [f"--{option}", f"{value}"]
    command = shlex.join(words)
    own = architecture == "custom"
    return command + ("   # and networks of one's own, from Python" if own else "")


def report_command(contents: Contents) -> str:
    """Return the command that makes this page."""
    words = ["narrows", "report", contents.data, "-m", contents.model_file]
    if contents.labels_file is not None:
        words += ["--labels", contents.labels_file]
    if contents.train_file is not None:
        words += ["--train", contents.train_file]
    if len(contents.x) < contents.all_signals:
        words += ["--signals", str(len(contents.x))]
    return shlex.join(words)
