"""`info`: what a model or an archive holds."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli import options
from narrows.cli.described_models import describe_model, print_model
from narrows.cli.packets import Checksum, modes_of, packets_in
from narrows.cli.printing import as_text, give, print_pairs
from narrows.cli.restoring import cut_from
from narrows.cli.streams import open_input, whole_archive
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.codec.archive import Block, Header, Metadata
    from narrows.packet_files import Packets


def info(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A model, an archive or packets.",
                            show_default=False)
    ],
    checksum: Checksum = False,
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
            described = describe_packets(packets, checksum)
            give(described, partial(_print_packets, file, described), json=json, quiet=quiet)
            return
        if checksum:
            raise typer.BadParameter("--checksum is of packets: archives always have one")
        with open_input(path, "give the path of an archive or a model") as stream:
            is_archive = stream.read(len(MAGIC)) == MAGIC
        described = describe_archive(path) if is_archive else describe_model(path)
    show = partial(_print_archive if is_archive else print_model, file, described)
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
            modes[block.kind] += 1
            qualities.update(_qualities(block, header))
            whole, others = count_exact(block, header)
            signals, exact, values = signals + block.n_signals, exact + whole, values + others
        size, raw = stream.seek(0, 2), signals * header.frame_bytes
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
    from narrows.codec.archive.exact_values import unpack_patched
    from narrows.codec.archive.quality_groups import count_qualities

    if block.mode.is_raw or block.mode is Mode.LEVELS:
        return {}
    n = block.n_signals
    if block.mode is Mode.PATCHED:
        block, exact = unpack_patched(block, header.frame_shape, header.dtype)
        n -= int(exact.whole.sum())
    return {block.quality: n} if block.quality else count_qualities(block.payload, n)


def _print_archive(file: str, described: dict[str, Any]) -> None:
    shown = described | {
        "signals_by_quality": _at_qualities(described),
        "metadata": _sizes(described["metadata"]),
        "model_id": described["model_id"] if described["model_id"].strip("0") else "none is needed",
        "promise": described["promise"] or "none",
        "cut_from": described["cut_from"] or "nothing: signals as they were",
    }
    print_pairs(f"archive {file}", [(k.replace("_", " "), as_text(v)) for k, v in shown.items()])


def _at_qualities(described: dict[str, Any]) -> str:
    qualities = described["signals_by_quality"].items()
    return ", ".join(f"{n:,} at {quality}" for quality, n in qualities) or "none"


def describe_packets(packets: Packets, checksum: bool) -> dict[str, Any]:
    """Describe packets, as far as it takes no model."""
    from narrows.codec.entropy.packets import keeps_promise

    found = packets.by_number.values()
    sizes = [len(packet) for packet in found]
    end = -4 if checksum else None
    coded = (packet for packet in found if packet and not keeps_promise(packet[:end]))
    qualities = Counter((packet[0] >> 5) + 1 for packet in coded)
    return {
        "packets": len(sizes),
        "missing": packets.n_missing,
        "compressed_bytes": sum(sizes),
        "bytes_per_signal": sum(sizes) / max(1, len(sizes)),
        "max_packet_bytes": max(sizes, default=0),
        "packets_by_mode": modes_of(found, checksum),
        "signals_by_quality": {str(quality): n for quality, n in sorted(qualities.items())},
    }


def _print_packets(file: str, described: dict[str, Any]) -> None:
    shown = described | {"signals_by_quality": _at_qualities(described)}
    print_pairs(f"packets {file}", [(k.replace("_", " "), as_text(v)) for k, v in shown.items()])


def _sizes(metadata: Metadata) -> str:
    """Name the keys, and how many bytes of JSON each holds."""
    from narrows.codec.archive.metadata import canonical_json

    sizes = ((key, len(canonical_json(value))) for key, value in metadata.items())
    return ", ".join(f"{key} ({counted(size, 'byte')})" for key, size in sizes) or "none"
