"""`info`: what a model or an archive holds."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli import options
from narrows.cli.packets import packets_in
from narrows.cli.printing import give, print_pairs, print_table
from narrows.cli.restoring import cut_from, cut_in
from narrows.cli.streams import open_input, whole_archive
from narrows.clock import in_words
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.words import counted, quantity

if TYPE_CHECKING:
    from narrows.codec.archive import Block, Header, Metadata
    from narrows.codec.codec import Codec
    from narrows.codec.model.model import Model
    from narrows.codec.networks.network import IntegerNetwork
    from narrows.packet_files import Packets


def info(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A model, an archive or packets.",
                            show_default=False)
    ],
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Show what a model, an archive or packets hold.

    narrows info m.narrows
    narrows info signals.npy.nrw
    """
    from narrows.codec.archive import MAGIC
    from narrows.errors import FormatError

    with whole_archive(file, or_model=True, or_packets=True) as path:
        packets = packets_in(path, file, "give the path of an archive, of packets or of a model")
        if packets is not None:
            described = describe_packets(packets)
            give(described, partial(_print_packets, file, described), json=json, quiet=quiet)
            return
        with open_input(path, "give the path of an archive or a model") as stream:
            is_archive = stream.read(len(MAGIC)) == MAGIC
        described = describe_archive(path) if is_archive else describe_model(path)
    show = partial(_print_archive if is_archive else _print_model, file, described)
    give(described, show, json=json, quiet=quiet)
    if described.get("damage"):
        rest = "the rest is readable" if described["signals"] else "no signal is readable"
        raise FormatError(f"{file} is damaged; {rest}: {described['damage'][0]}")


def describe_archive(file: str) -> dict[str, Any]:
    """Read an archive to its end, checking every checksum, and describe what is readable."""
    from narrows.codec.archive.exact_values import count_exact
    from narrows.codec.archive.guarantee import promise_of
    from narrows.codec.archive.streams import LostRange, whole_blocks
    from narrows.signals.geometry import unpack_metadata

    losses: list[LostRange] = []
    modes: Counter[str] = Counter()
    qualities: Counter[int] = Counter()
    signals = exact = values = 0
    with open_input(file) as stream:
        header, blocks = whole_blocks(stream, losses.append)
        for block in blocks:
            modes[block.mode.name.lower()] += 1
            qualities.update(_qualities(block, header))
            whole, others = count_exact(block, header)
            signals, exact, values = signals + block.n_signals, exact + whole, values + others
    size, raw = Path(file).stat().st_size, signals * header.frame_bytes
    geometry = unpack_metadata(header.metadata)
    return {
        "model_id": header.model_id.hex(),
        "embedded_model": header.embedded_model is not None,
        "promise": promise_of(header.metadata),
        "metadata": header.metadata,
        "cut_from": cut_from(header.metadata),
        "signals": signals,
        "dtype": header.dtype.name,
        "frame_shape": list(header.frame_shape),
        "blocks": modes.total(),
        "blocks_by_mode": dict(modes),
        "signals_by_quality": {str(quality): n for quality, n in sorted(qualities.items())},
        "signals_kept_exactly": exact,
        "other_values_kept_exactly": values,
        "compressed_bytes": size,
        "ratio": (geometry.raw_bytes(header.dtype.itemsize) if geometry else raw) / size,
        "damage": [str(loss) for loss in losses],
    }


def _qualities(block: Block, header: Header) -> dict[int, int]:
    """Return how many signals of a block have each quality; those that are kept exactly, none."""
    from narrows.codec.archive import Mode
    from narrows.codec.archive.exact_values import unpack_exact
    from narrows.codec.archive.quality_groups import count_qualities

    n, position = block.n_signals, 0
    if block.mode.is_patched:
        exact, position = unpack_exact(block.payload, (n, *header.frame_shape), header.dtype)
        n -= int(exact.whole.sum())
    elif block.mode.is_raw or block.mode is Mode.LEVELS:
        return {}
    return {block.quality: n} if block.quality else count_qualities(block.payload[position:], n)


def _print_archive(file: str, described: dict[str, Any]) -> None:
    shown = described | {
        "signals_by_quality": _at_qualities(described),
        "metadata": _sizes(described["metadata"]),
        "model_id": described["model_id"] if described["model_id"].strip("0") else "none is needed",
        "promise": described["promise"] or "none",
        "cut_from": described["cut_from"] or "nothing: signals as they were",
    }
    print_pairs(f"archive {file}", [(k.replace("_", " "), _show(v)) for k, v in shown.items()])


def _at_qualities(described: dict[str, Any]) -> str:
    qualities = described["signals_by_quality"].items()
    return ", ".join(f"{n:,} at {quality}" for quality, n in qualities) or "none"


def describe_packets(packets: Packets) -> dict[str, Any]:
    """Describe packets, as far as it takes no model."""
    sizes = [len(packet) for packet in packets.by_number.values()]
    qualities = Counter((packet[0] >> 5) + 1 for packet in packets.by_number.values() if packet)
    return {
        "packets": len(sizes),
        "missing": packets.n_missing,
        "compressed_bytes": sum(sizes),
        "bytes_per_signal": sum(sizes) / max(1, len(sizes)),
        "max_packet_bytes": max(sizes, default=0),
        "signals_by_quality": {str(quality): n for quality, n in sorted(qualities.items())},
    }


def _print_packets(file: str, described: dict[str, Any]) -> None:
    shown = described | {"signals_by_quality": _at_qualities(described)}
    print_pairs(f"packets {file}", [(k.replace("_", " "), _show(v)) for k, v in shown.items()])


def _sizes(metadata: Metadata) -> str:
    """Name the keys, and how many bytes of JSON each holds."""
    from narrows.codec.archive.metadata import canonical_json

    sizes = ((key, len(canonical_json(value))) for key, value in metadata.items())
    return ", ".join(f"{key} ({counted(size, 'byte')})" for key, size in sizes) or "none"


def describe_model(file: str) -> dict[str, Any]:
    """Load a model, checking it, and describe it."""
    from narrows.evaluation.reference import peak_is
    from narrows.models import load_codec

    codec = load_codec(Path(file))
    model = codec.model
    return {
        "model_id": codec.model_id,
        "frame_shape": list(model.frame_shape),
        "dtype": model.dtype.name,
        "latent_size": model.groups[ENCODED],
        "correction": _correction(model),
        "prediction": model.prediction and {"memory": model.prediction.memory},
        "wavelets": model.wavelets and {"groups": model.wavelets.settings()["groups"]},
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
            rows.append(_row("bottleneck", "round to symbols", (model.groups[ENCODED],), 0, ""))
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


def _print_model(file: str, described: dict[str, Any]) -> None:
    training = described["training"]
    settings = training.get("settings", {})
    pairs = [
        (key.replace("_", " "), _show(described[key]))
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
        if "cut" in training:
            pairs.append(("cut in", cut_in(training)))
        pairs.append(("trained for", _duration(training)))
        pairs.append(("loss", str(settings["loss"])))
        if settings.get("preset"):
            pairs.append(("preset", str(settings["preset"])))
            pairs.append(
                ("rounding latents costs", f"{training['quantising_loss_db']:.2f} dB of PSNR")
            )
    print_pairs(f"model {file}", pairs)
    rows = [
        [row["part"], row["layer"], _show(row["output_shape"]), f"{row['parameters']:,}",
         row["largest_value"]]
        for row in described["layers"]
    ]  # fmt: skip
    frame = ["input", "", _show(described["frame_shape"]), "", ""]
    columns = ["part", "layer", "output shape", "parameters", "largest value"]
    print_table("", columns, [frame, *rows], left=2)


def _duration(training: dict[str, Any]) -> str:
    epochs = counted(len(training["history"]), "epoch")
    return f"{epochs}, {in_words(training)}" if training["history"] else in_words(training)


def _show(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{n} {name}" for name, n in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
