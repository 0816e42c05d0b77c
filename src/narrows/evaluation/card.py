"""A model card: what a model is for, what it reached, and how it was trained, for who finds it.

The text is Markdown with the YAML header that the Hub of Hugging Face reads, in a folder that
`narrows push` uploads beside the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from narrows.codec.codec import Codec
from narrows.codec.model.groups import ENCODED
from narrows.errors import SettingError
from narrows.evaluation.metrics import decibels
from narrows.evaluation.reference import peak_is
from narrows.evaluation.report.facts import train_command, training_facts
from narrows.words import counted, quantity

README = "README.md"
NETWORK, CURVES = "layers.png", "training.png"
SITE_TAGS = ("compression", "autoencoder", "learned-compression")
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
UNNAMED = "user/name"
LIMITS = """\
- It is for signals like those that it learnt from: of one shape and type, and in their range.
  Others take more bytes; what is not a number, or far outside the range, is kept exactly.
- It loses something by design. The options `--max-error` and `--lossless` promise how much.
- The same model, signals and options give the same bytes on every machine, and the same bytes
  the same reconstruction, bit for bit.
- The file holds numbers and no code: to load it runs nothing that is in it."""


def write_card(
    codec: Codec,
    folder: Path,
    *,
    licence: str | None = None,
    repository: str | None = None,
    about: str | None = None,
) -> list[Path]:
    """Write a model's card and its pictures into a folder that is there; return the files.

    Parameters
    ----------
    codec : Codec
    folder : Path
    licence, repository, about : str, optional
        See `model_card`.

    Raises
    ------
    SettingError
        If the licence is none of the Hub's form.
    MissingExtraError
        If matplotlib, which draws the pictures, is not installed.
    """
    from narrows.evaluation import plots

    plots.prepare_drawing()
    training = codec.model.training
    figures = {NETWORK: plots.network(codec.model, _reached(training).get("bytes_per_signal"))}
    if history := training.get("history"):
        figures[CURVES] = plots.training_curves(history, training.get("best_epoch"))
    told = {"licence": licence, "repository": repository, "about": about}
    text = model_card(codec, **told, pictures=tuple(figures))
    (folder / README).write_text(text, encoding="utf-8")
    for name, figure in figures.items():
        with (folder / name).open("wb") as stream:
            plots.write_png(figure, stream)
    return [folder / name for name in (README, *figures)]


def model_card(
    codec: Codec,
    *,
    licence: str | None = None,
    repository: str | None = None,
    about: str | None = None,
    pictures: tuple[str, ...] = (),
) -> str:
    """Return the card of a model as Markdown with a YAML header.

    Parameters
    ----------
    codec : Codec
    licence : str, optional
        By the Hub's name for it, such as "apache-2.0"; it stands in the header.
    repository : str, optional
        Where the model is to be found on the Hub, "user/name".
    about : str, optional
        What the signals are, in words: the model does not know.
    pictures : tuple of str
        The names of pictures that stand beside it.

    Raises
    ------
    SettingError
        If the licence is none of the Hub's form.
    """
    parts = [
        _header(codec, licence),
        f"# {(repository or UNNAMED).rpartition('/')[2]}",
        _introduction(codec, about),
        *_use(codec, repository or UNNAMED),
        *_figures(codec),
        "## The model",
        _table(_model_facts(codec)),
        *(f"![Layers from input to output, the bottleneck between]({name})"
          for name in pictures if name == NETWORK),
        *_training(codec, pictures),
        "## Limits",
        LIMITS,
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _header(codec: Codec, licence: str | None) -> str:
    lines = ["library_name: narrows"]
    if licence is not None:
        if not LICENCE.fullmatch(licence):
            raise SettingError(
                f"licence {licence!r}; accepted is a name of the Hub's, such as apache-2.0, mit, "
                "cc-by-4.0 or other"
            )
        lines.append(f"license: {licence}")
    lines += ["tags:", *(f"- {tag}" for tag in (*SITE_TAGS, codec.model.architecture))]
    return "\n".join(["---", *lines, "---"])


def _introduction(codec: Codec, about: str | None) -> str:
    kind = f"signals of {_shape(codec)}, {codec.model.dtype.name}"
    text = f"A codec for {kind}, learnt with narrows"
    if about is not None:
        text += f" from {' '.join(about.split())}"
    return f"{text}: signals to a few bytes each, and back with the same bits on every machine."


def _use(codec: Codec, repository: str) -> Iterator[str]:
    yield "## Use"
    yield "    pip install 'narrows[hub]'"
    url = f"hf://{repository}"
    call, command = "blob = codec.compress(x)\nx_hat = codec.decompress(blob)", "compress x.npy"
    if codec.model.encoder is None:
        call, command = "x_hat = codec.decompress(blob)", "decompress x.nrw"
    shape = "".join(f", {length}" for length in codec.model.frame_shape) or ","
    kind = f"x : (n{shape}) {codec.model.dtype.name}"
    yield f'```python\nimport narrows\n\ncodec = narrows.load("{url}")   # {kind}\n{call}\n```'
    yield f"    narrows {command} -m {url}"


def _figures(codec: Codec) -> Iterator[str]:
    """Yield what it reached on held-out signals, where that was measured."""
    reached = _reached(codec.model.training)
    if not reached:
        return
    yield "## Figures"
    yield (
        f"Of {counted(reached['signals'], 'signal')} that training did not learn from, at the "
        f"default quality ({codec.model.quality().number} of {codec.model.n_qualities}) "
        "and effort, headers and index included:"
    )
    peak = f"peak {quantity(codec.model.peak)}, {peak_is(codec.model)}"
    rows = [
        ("bytes a signal", f"{reached['bytes_per_signal']:.2f}"),
        ("ratio", f"{reached['ratio']:.1f} : 1"),
        ("PSNR", f"{_decibels(reached['psnr'])}, {peak}"),
        ("SNR", _decibels(reached["snr"])),
    ]
    each = enumerate(reached.get("channels", ()))
    yield _table([*rows, *((f"SNR of channel {n}", _decibels(snr)) for n, snr in each)])


def _model_facts(codec: Codec) -> list[tuple[str, str]]:
    model = codec.model
    facts = [
        ("model id", codec.model_id),
        ("signals", f"{_shape(codec)} of {model.dtype.name}"),
        ("architecture", model.architecture),
        ("latents", f"{model.groups[ENCODED]}"),
        ("qualities", f"{model.n_qualities}"),
        ("size", f"{len(codec.model_bytes):,} bytes"),
    ]
    if model.encoder is None:
        facts.append(("encoder", "left out: this model decompresses only"))
    if model.levels is not None:
        lattice = model.levels.lattice
        name = "lossless" if lattice is None else f"within {lattice.bound:.4g}"
        facts.append((name, "by networks of its own"))
    return facts


def _training(codec: Codec, pictures: tuple[str, ...]) -> Iterator[str]:
    training = codec.model.training
    if not training:
        return
    yield "## Its training"
    own = training.get("settings", {}), codec.model.architecture, "m.narrows"
    command = train_command(*own, training.get("started_from"))
    yield f"    {command}"
    facts = list(training_facts(training))
    if ranges := training.get("value_ranges"):
        low, high = min(a for a, _ in ranges), max(b for _, b in ranges)
        facts.insert(1, ("their range", f"{quantity(low)} to {quantity(high)}"))
    yield _table(facts)
    if why := training.get("why"):
        yield (
            "What was decided, and why: "
            + "; ".join(f"{name.replace('_', ' ')}: {reason}" for name, reason in why.items())
            + "."
        )
    yield from (
        f"![Loss, bytes and PSNR of each epoch]({name})" for name in pictures if name == CURVES
    )


def _reached(training: Mapping[str, Any]) -> dict[str, Any]:
    return dict(training.get("reached") or {})


def _decibels(value: float | None) -> str:
    return "no error" if value is None else decibels(value)


def _shape(codec: Codec) -> str:
    return " x ".join(map(str, codec.model.frame_shape)) or "one number"


def _table(rows: list[tuple[str, str]]) -> str:
    lines = (f"| {name} | {_cell(value)} |" for name, value in rows)
    return "\n".join(["| | |", "|---|---|", *lines])


def _cell(value: str) -> str:
    return " ".join(value.replace("|", "\\|").split())
