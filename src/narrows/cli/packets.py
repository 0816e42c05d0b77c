"""Packets on the command line: written by `compress --packets`, read by `decompress`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli.printing import in_kinds
from narrows.cli.streams import file_of, is_stream, open_input, open_output
from narrows.cli.streams import shown as shown_name
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.cli.bar import Bar
    from narrows.codec.archive.streams import LostRange
    from narrows.codec.codec import Codec
    from narrows.codec.decoder import Decoder
    from narrows.codec.encoding.requests import Request
    from narrows.codec.networks.backend import Backend
    from narrows.codec.receiver import Receiver
    from narrows.packet_files import Packets
    from narrows.processes import Workers
    from narrows.signals import Source

Lose = Callable[[str, "list[LostRange]"], None]
"""Called with a line for the user, and with what is lost."""
Opened = tuple["Receiver", int | None, Iterator[Any]]
"""The decoder, the number of signals if it is known, and the signals, some at a time."""
GROUP = "Packets"
LINES = ".jsonl"
HINT = "give the path of an archive or of packets"
BLOCK = 1024  # signals that are read, or decoded, at a time
PacketBytes = Annotated[
    int | None,
    typer.Option("--packet-bytes", metavar="N", min=1, help="Every packet has N bytes, checksum "
                 "included, and each signal the best that these allow.", show_default=False,
                 rich_help_panel=GROUP),
]  # fmt: skip
Checksum = Annotated[
    bool,
    typer.Option("--checksum", help="Packets have a checksum, four bytes: damage is always noticed."
                 " Both sides must say so.", rich_help_panel=GROUP),
]  # fmt: skip


@contextmanager
def open_packets(
    output: str, *inputs: str | Path | None, force: bool
) -> Iterator[Callable[[list[bytes]], None]]:
    """Yield what writes packets: as JSON lines to a `.jsonl` or a pipe, else into a folder.

    A folder that is there is replaced only by force, and only if it holds nothing but packets.
    """
    from narrows.errors import DataError, OutputExistsError
    from narrows.folders import writing_beside
    from narrows.packet_files import files_of, write_files, write_lines

    if is_stream(output) or output.endswith(LINES):
        with open_output(output, *inputs, force=force) as stream:
            yield partial(write_lines, stream)
        return
    folder = Path(output)
    if os.path.isfile(folder):
        raise DataError(f"{output} is a file; give the name of a folder, or of a .jsonl file")
    present = files_of(folder) if os.path.isdir(folder) else []
    if present and not force:
        raise OutputExistsError(f"{output} exists already; give -f to overwrite it")
    sources = [file_of(str(given))[0] for given in inputs if given]
    with writing_beside(folder, force=force or os.path.isdir(folder), sources=sources) as staged:
        (staged / folder.name).mkdir()
        yield partial(write_files, staged / folder.name)


def write_packets(
    write: Callable[[list[bytes]], None],
    codec: Codec,
    source: Source,
    request: Request,
    checksum: bool,
    shown: Bar,
    workers: Workers,
) -> dict[str, Any]:
    """Compress signals to a packet each, write them, and return the figures."""
    import numpy as np

    x = np.concatenate(list(source.blocks(BLOCK)))
    shown.begin("compressing", len(x), x[:1].nbytes)
    pack = partial(codec.encoder.packets, checksum=checksum, workers=workers)
    packets = pack(x, request, progress=shown.advance)
    write(packets)
    sizes = [len(packet) for packet in packets]
    promised = {"promise": _promise(request, x)} if request.promises else {}
    return {
        **promised,
        "signals": len(x),
        "raw_bytes": x.nbytes,
        "compressed_bytes": sum(sizes),
        "bytes_per_signal": sum(sizes) / len(x),
        "max_packet_bytes": max(sizes),
        "ratio": x.nbytes / sum(sizes),
        "checksum": checksum,
        "model_bytes": len(codec.model_bytes),
        "packets_by_mode": modes_of(packets, checksum),
    }


def _promise(request: Request, x: Any) -> str:
    """Return in words what is promised of `(n, *frame_shape)` signals."""
    from narrows.codec.encoding.free_encoder import guarantee_for
    from narrows.codec.encoding.guarantees import range_of

    shape = x.shape[1:]
    return str(guarantee_for(shape, x.dtype, request, lambda: range_of([x], shape)))


def modes_of(packets: Iterable[bytes], checksum: bool) -> dict[str, int]:
    """Count packets by how they are coded, as blocks of archives are."""
    from narrows.codec.promised_packets import mode_of

    end = -4 if checksum else None
    return Counter(mode_of(packet[:end]) for packet in packets if packet[:end])


def describe_packets(figures: dict[str, Any]) -> str:
    """Say in one line what was written."""
    promised = ""
    if "promise" in figures:
        promised = f"; {figures['promise']}; coded as: {in_kinds(figures['packets_by_mode'])}"
    return (
        f"{figures['output']}: {counted(figures['signals'], 'packet')}, "
        f"{figures['raw_bytes']:,} -> {figures['compressed_bytes']:,} bytes "
        f"(ratio {figures['ratio']:.1f}), {figures['bytes_per_signal']:.2f} bytes a packet, "
        f"{figures['max_packet_bytes']} at most{', with a checksum' if figures['checksum'] else ''}"
        f"{promised}; {figures['model_bytes']:,} bytes more for its model"
    )


def packets_in(path: str, name: str, hint: str = HINT) -> Packets | None:
    """Read the packets of a folder or of JSON lines; None if it is something else.

    Parameters
    ----------
    path : str
        A folder, or a file that can be read again.
    name : str
        What the user calls it.
    hint : str
        What to do where there is no such file.
    """
    from narrows.packet_files import read_files, read_lines

    if Path(path).is_dir():
        return read_files(Path(path))
    with open_input(path, hint) as stream:
        is_lines = stream.read(1) == b"{"
        stream.seek(0)
        return read_lines(stream, shown_name(name)) if is_lines else None


def open_packets_of(
    packets: Packets,
    name: str,
    model: str | None,
    backend: Backend | None,
    checksum: bool,
    lose: Lose | None,
    opened: ExitStack,
) -> Opened:
    """Load the model that packets need, which they do not name, and decode them."""
    from narrows.errors import ModelNotFoundError
    from narrows.models import load_decoder

    if model is None:
        raise ModelNotFoundError(
            f"{name} holds packets, which do not say which model wrote them; give it with -m"
        )
    decoder = load_decoder(model, backend)
    return decoder, packets.n_signals, decoded_packets(name, packets, decoder, checksum, lose)


def decoded_packets(
    name: str,
    packets: Packets,
    decoder: Decoder,
    checksum: bool,
    lose: Lose | None = None,
) -> Iterator[Any]:
    """Decode packets to `(n, *frame_shape)` signals at a time; what is wrong is told at the end.

    Parameters
    ----------
    name : str
        What the user calls them.
    packets : Packets
    decoder : Decoder
    checksum : bool
    lose : callable, optional
        Called with a line and the losses, where there are any; the others are decoded. By
        default the line is an error.

    Raises
    ------
    FormatError
        If packets are missing, damaged or another model's; it names them.
    """
    from narrows.codec.archive.streams import LostRange
    from narrows.errors import FormatError

    faults: dict[int, str] = {}
    numbers = list(packets.by_number)
    for start in range(0, len(numbers), BLOCK):
        some = numbers[start : start + BLOCK]

        def note(place: int, error: FormatError, some: list[int] = some) -> None:
            faults[some[place]] = str(error)

        yield decoder.decompress_packets(
            map(packets.by_number.__getitem__, some), checksum=checksum, on_error=note
        )
    if packets.n_missing or faults:
        line = _told(name, packets, list(faults), decoder.model_id, checksum)
        if lose is None:
            raise FormatError(f"{line}; --skip-bad-blocks saves the others")
        lost = [LostRange(gap.start, len(gap), "missing") for gap in packets.gaps]
        lost += [LostRange(number, 1, fault) for number, fault in faults.items()]
        lose(line, sorted(lost, key=lambda each: each.first))


def _told(name: str, packets: Packets, bad: list[int], model_id: str, checksum: bool) -> str:
    """Say in one line which packets there are not, and which are not as they were written."""
    from narrows.packet_files import named

    faults = []
    if packets.n_missing:
        faults.append(f"missing: {named(chain(*packets.gaps), packets.n_missing)}")
    if bad:
        other = "without" if checksum else "with"
        faults.append(
            f"damaged, not of model {model_id}, or made {other} --checksum: {named(bad, len(bad))}"
        )
    return f"{name}: of {packets.n_signals} packets (counted from 0) {'; '.join(faults)}"
