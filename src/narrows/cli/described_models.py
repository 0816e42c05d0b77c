"""What `info` says of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrows.cli.printing import as_text, print_pairs, print_table
from narrows.cli.restoring import cut_in
from narrows.clock import in_words
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.words import counted, quantity

if TYPE_CHECKING:
    from narrows.codec.codec import Codec
    from narrows.codec.levels.kinds import Levels
    from narrows.codec.model.model import Model
    from narrows.codec.networks.network import IntegerNetwork


def describe_model(file: str) -> dict[str, Any]:
    """Load a model, checking it, and describe it."""
    from narrows.evaluation.reference import peak_is
    from narrows.models import load_codec

    codec = load_codec(file)
    model = codec.model
    return {
        "model_id": codec.model_id,
        "frame_shape": list(model.frame_shape),
        "dtype": model.dtype.name,
        "latent_size": model.groups[ENCODED],
        "correction": _correction(model),
        "prediction": model.prediction and {"memory": model.prediction.memory},
        "wavelets": model.wavelets and {"groups": model.wavelets.settings()["groups"]},
        "levels": model.levels and _levels(model.levels),
        "qualities": model.n_qualities,
        "lambda": _lambdas(model),
        "peak": model.peak,
        "peak_is": peak_is(model),
        "architecture": model.architecture,
        "parameters": sum(network.n_parameters for _, network in _networks(model)),
        "decoder_only": model.encoder is None,
        "model_bytes": len(codec.model_bytes),
        "training": dict(model.training),
        "layers": _layers(codec),
    }


def _correction(model: Model) -> dict[str, Any] | None:
    """Return how many components correct what the networks decode, and at which qualities."""
    steps = model.quantiser.step[:, model.columns(CORRECTED)]  # (n_qualities, n_corrected)
    used = [quality for quality, row in enumerate(steps, 1) if row.any()]
    return {"components": steps.shape[1], "qualities": used} if used else None


def _levels(levels: Levels) -> dict[str, Any]:
    """Describe the networks that code without loss, or within a bound."""
    from narrows.codec.levels.kinds import kind_of

    units = [len(network.first) for network in levels.networks]
    return {
        "kind": kind_of(levels),
        "networks": len(units),
        "units": max(units, default=0),
        "parameters": sum(tensor.size for tensor in levels.tensors().values()),
        "max_error": levels.lattice and levels.lattice.bound,
    }


def _lambdas(model: Model) -> list[float]:
    """Return each quality's bits per squared error where the peak is 1, as `--lambda` takes it."""
    if model.tradeoffs is None:
        return []
    return [each * (model.peak * model.tradeoffs.unit) ** 2 for each in model.tradeoffs.lambda_]


def _networks(model: Model) -> list[tuple[str, IntegerNetwork]]:
    """Return the networks by the part that they are of; a decoder may have a correction beside."""
    decoders = model.decoder.branches if CORRECTED in model.groups else (model.decoder,)
    parts = [] if model.encoder is None else [("encoder", model.encoder)]
    return [*parts, *zip(("decoder", "correction"), decoders, strict=False)]


def _layers(codec: Codec) -> list[dict[str, Any]]:
    """Describe the layers from input to output, the bottleneck between the networks."""
    model = codec.model
    rows: list[dict[str, Any]] = []
    for part, network in _networks(model):
        if part == "decoder":
            how = "trellis of 4 states" if model.trellis else "round to symbols"
            rows.append(_row("bottleneck", how, (model.groups[ENCODED],), 0, ""))
            context = model.quality().context
            if context is not None:
                proof = f"< 2^{max(context.peaks).bit_length()}"
                rows.append(
                    _row("bottleneck", "context model", (context.k,), context.n_parameters, proof)
                )
        for layer, shape, peak in zip(network.layers, network.shapes, network.peaks, strict=True):
            proof = f"< 2^{peak.bit_length()}"
            rows.append(_row(part, layer.kind, shape, layer.n_parameters, proof))
    return rows


def _row(
    part: str, layer: str, shape: tuple[int, ...], parameters: int, largest: str
) -> dict[str, Any]:
    return {
        "part": part,
        "layer": layer,
        "output_shape": list(shape),
        "parameters": parameters,
        "largest_value": largest,
    }


def print_model(file: str, described: dict[str, Any]) -> None:
    """Print what `describe_model` found."""
    from narrows.training.choices import DEFAULT

    training = described["training"]
    settings = training.get("settings", {})
    pairs = [
        (key.replace("_", " "), as_text(described[key]))
        for key in ("model_id", "frame_shape", "dtype", "latent_size", "qualities",
                    "architecture", "parameters", "model_bytes")
    ]  # fmt: skip
    if described["correction"]:
        qualities = ", ".join(map(str, described["correction"]["qualities"]))
        components = described["correction"]["components"]
        pairs.append(("correction", f"{counted(components, 'component')}, at quality {qualities}"))
    if described["prediction"]:
        pairs.append(("prediction", f"from {described['prediction']['memory']:,} samples before"))
    if described["wavelets"]:
        pairs.append(("prediction", "of wavelet coefficients, from those around them"))
    if levels := described["levels"]:
        told = f"{counted(levels['networks'], 'network')} of {levels['units']} units"
        size = f"{levels['parameters']:,} parameters"
        bound = levels["max_error"]
        name = "lossless by levels" if bound is None else f"levels within {bound:.4g}"
        pairs.append((name, f"{told} for {levels['kind']}, {size}"))
    pairs.append(("peak of PSNR", f"{quantity(described['peak'])}, {described['peak_is']}"))
    if described["lambda"]:
        lambdas = ", ".join(f"{each:.4g}" for each in described["lambda"])
        pairs.append(("lambda", f"{lambdas} bits per squared error, for a peak of 1"))
    if described["decoder_only"]:
        pairs.append(("encoder", "left out: this model decompresses only"))
    if training:
        pairs.append(
            ("trained on", f"{counted(training['signals'], 'signal')}, seed {settings['seed']}")
        )
        if "started_from" in training:
            pairs.append(("started from", f"model {training['started_from']}"))
        if "cut" in training:
            pairs.append(("cut in", cut_in(training)))
        pairs.append(("trained for", _duration(training)))
        if size := settings.get("decoder"):
            why = training["why"]["decoder"]
            pairs.append(("decoder", size if why == DEFAULT else f"{size}, {why}"))
        pairs.append(("loss", str(settings["loss"])))
        if settings.get("preset"):
            pairs.append(("preset", str(settings["preset"])))
            pairs.append(
                ("rounding latents costs", f"{training['quantising_loss_db']:.2f} dB of PSNR")
            )
    print_pairs(f"model {file}", pairs)
    rows = [
        [row["part"], row["layer"], as_text(row["output_shape"]), f"{row['parameters']:,}",
         row["largest_value"]]
        for row in described["layers"]
    ]  # fmt: skip
    frame = ["input", "", as_text(described["frame_shape"]), "", ""]
    columns = ["part", "layer", "output shape", "parameters", "largest value"]
    print_table("", columns, [frame, *rows], left=2)


def _duration(training: dict[str, Any]) -> str:
    epochs = counted(len(training["history"]), "epoch")
    return f"{epochs}, {in_words(training)}" if training["history"] else in_words(training)
