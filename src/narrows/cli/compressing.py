"""Signals to an archive, or to packets, and the figures of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from narrows.cli.packets import open_packets, write_packets
from narrows.cli.printing import say
from narrows.cli.reading import Asked
from narrows.cli.streams import (
    PIPE,
    STANDARD_OUTPUT,
    chosen_output,
    is_stream,
    open_output,
    open_source,
)
from narrows.urls import local_name

if TYPE_CHECKING:
    from narrows.cli.bar import Bar
    from narrows.codec.archive import Header, IndexedArchive
    from narrows.codec.codec import Codec
    from narrows.codec.encoding.requests import Request
    from narrows.processes import Workers
    from narrows.signals import Source


@dataclass(frozen=True)
class Compressing:
    """How signals are compressed: all that is the same for several inputs."""

    model: str | None
    asked: Asked
    request: Request
    workers: Workers
    shown: Bar
    packets: bool
    checksum: bool
    embed_model: bool
    append: bool
    block_signals: int | None
    force: bool

    load_codec: Callable[[str], Codec]
    """Imported before an output is opened: a signal while Python imports may be lost."""

    @cached_property
    def codec(self) -> Codec:
        """The model's codec; loaded where the output is open already."""
        assert self.model is not None
        return self.load_codec(self.model)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process: another one does files on its own."""
        here = ("workers", "shown", "codec")
        return {name: value for name, value in vars(self).items() if name not in here}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from narrows.cli.bar import Bar
        from narrows.processes import ALONE

        self.__dict__.update(state, workers=ALONE, shown=Bar())

    def run(self, data: str, output: str) -> dict[str, Any]:
        """Compress DATA to `output`; return the figures."""
        if self.packets:
            return self._to_packets(data, output)
        promises = self.request.promises
        return self._to_promised(data, output) if promises else self._to_archive(data, output)

    def _to_promised(self, data: str, output: str) -> dict[str, Any]:
        from narrows.signals.promised import free_encoder_for

        told, archive, size_before = (self.shown.advance, self.workers), None, 0
        with ExitStack() as opened:
            inputs = (data,) if self.model is None else (data, self.model)
            how = {"force": self.force, "append": self.append}
            stream = opened.enter_context(open_output(output, *inputs, **how))
            codec = None if self.model is None else self.codec
            reading = replace(self.asked.reading(codec), learns=False)
            source = opened.enter_context(open_source(data, reading))
            if codec is not None:
                _check_source(codec, source)
            encoder = free_encoder_for(source, self.request)
            if codec is not None:
                own = codec.model, codec.transform.coders
                encoder.with_networks(*own, embed_model=self.embed_model)
            header = encoder.header(_metadata(source, self.append))
            blocks = source.blocks(header.block_of(self.block_signals))
            self.shown.begin("compressing", source.shape[0], header.frame_bytes)
            if self.append:
                archive, size_before = appending(Path(output), stream, encoder.check_appendable)
                size = encoder.append_to(stream, archive, blocks, *told)
            else:
                size = encoder.compress_to(stream, header, blocks, *told)
        n_model = 0 if codec is None or not header.needs_model else len(codec.model_bytes)
        figures = _figures(output, source, n_model, header, size - size_before)
        figures |= {"promise": str(encoder.guarantee), "blocks_by_mode": encoder.modes}
        return figures | _after_appending(archive, source, size)

    def _to_packets(self, data: str, output: str) -> dict[str, Any]:
        with open_packets(output, data, self.model, force=self.force) as write:
            codec = self.codec
            reading = self.asked.reading(codec)
            if self.request.promises:
                reading = replace(reading, learns=False)
            with open_source(data, reading) as source:
                if _cut(source):
                    hint = "packets hold neither names nor shapes: write an archive for these"
                    say(hint, self.asked.quiet)
                told = self.checksum, self.shown, self.workers
                figures = write_packets(write, codec, source, self.request, *told)
        return {"output": output, **figures, **_request(codec, self.request)}

    def _to_archive(self, data: str, output: str) -> dict[str, Any]:
        from narrows.codec.encoding.encoder import check_appendable
        from narrows.codec.encoding.kept import Kept
        from narrows.signals.inputs import in_blocks

        kept = Kept()
        told, archive, size_before = (self.shown.advance, kept, self.workers), None, 0
        with ExitStack() as opened:
            how = {"force": self.force, "append": self.append}
            stream = opened.enter_context(open_output(output, data, self.model, **how))
            codec, encoder = self.codec, self.codec.encoder
            source = opened.enter_context(open_source(data, self.asked.reading(codec)))
            _check_source(codec, source)
            size = encoder.block_signals(self.block_signals)
            source, blocks = in_blocks(source, size, codec.model.wavelets is not None)
            header = encoder.header(self.embed_model, _metadata(source, self.append))
            self.shown.begin("compressing", source.shape[0], header.frame_bytes)
            if self.append:
                check = partial(check_appendable, decoder=codec.decoder)
                archive, size_before = appending(Path(output), stream, check)
                size = encoder.append_to(stream, archive, blocks, self.request, *told)
            else:
                size = encoder.compress_to(stream, header, blocks, self.request, *told)
        figures = _figures(output, source, len(codec.model_bytes), header, size - size_before)
        figures |= _request(codec, self.request) | {"kept_exactly": asdict(kept) if kept else None}
        return figures | _after_appending(archive, source, size)


def archive_output(data: str, output: str | None) -> str:
    """Return where the archive of DATA is written."""
    return chosen_output(output, default_output(data))


def packets_output(data: str, output: str | None) -> str:
    """Return where the packets of DATA are written: a folder, a `.jsonl` file or a pipe."""
    return PIPE if output in STANDARD_OUTPUT else output or default_output(data, ".packets")


def signal_files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in the folders there, but for archives."""
    from narrows.signals.members import files_in

    return (path for path in files_in(folder) if path.suffix != ".nrw")


def default_output(data: str, suffix: str = ".nrw") -> str:
    """Name the archive of some signals; those of a pipe go on through a pipe."""
    if is_stream(data):
        return PIPE
    data = local_name(data)
    if not Path(data).exists():  # a part of a known set, an array in a file, or a pattern
        data = "-".join(data.rsplit(":", 1))
        data = data.replace("*", "all").replace("?", "-")
    return os.path.normpath(data) + suffix


def _metadata(source: Source, append: bool) -> dict[str, Any]:
    """Return what an archive keeps of what its signals were cut from."""
    from narrows.errors import DataError
    from narrows.signals import Frames

    if not isinstance(source, Frames):
        return {}
    if append:
        raise DataError(
            "--append adds signals to an archive, and this would add files, which have names and "
            "lengths; compress them to an archive of their own"
        )
    return source.metadata


def _cut(source: Source) -> dict[str, Any]:
    """Return the figures of what signals were cut from: its own bytes are the raw ones."""
    from narrows.codec.archive.metadata import pack_metadata
    from narrows.signals import Frames

    if not isinstance(source, Frames):
        return {}
    return {
        "files": len(source.members),
        "raw_bytes": source.raw_bytes,
        "metadata_bytes": len(pack_metadata(source.metadata)),
    }


def _check_source(codec: Codec, source: Source) -> None:
    """Refuse signals of another shape or dtype before anything is written."""
    from narrows.signals import ArraySource

    values = source.array if isinstance(source, ArraySource) else None  # a pipe's are to come
    codec.transform.check_kind(source.shape, source.dtype, values)


def _after_appending(archive: IndexedArchive | None, source: Source, size: int) -> dict[str, Any]:
    """Return the figures of an archive that was gone on with."""
    if archive is None:
        return {}
    return {"archive_signals": archive.n_signals + source.shape[0], "archive_bytes": size}


def appending(
    path: Path, stream: BinaryIO, check: Callable[[Header], None]
) -> tuple[IndexedArchive, int]:
    """Copy an archive's blocks, to go on; give it and its length in bytes.

    The old file stays whole until the new one is.
    """
    from narrows.codec.archive import IndexedArchive
    from narrows.paths import open_file

    hint = "leave --append out to make a new archive"
    with open_file(path, hint) as old:
        archive = IndexedArchive(old)
        check(archive.header)
        old.seek(0)
        copy_bytes(old, stream, archive.index_offset)
        return archive, old.seek(0, 2)


def _figures(
    output: str, source: Source, model_bytes: int, header: Header, size: int
) -> dict[str, Any]:
    """Return the figures of signals that were compressed to `size` bytes, or added so many."""
    n, embedded, cut = source.shape[0], header.embedded_model, _cut(source)
    raw = cut.get("raw_bytes", n * header.frame_bytes)
    return {
        "output": output,
        "signals": n,
        "raw_bytes": raw,
        "compressed_bytes": size,
        "bytes_per_signal": size / max(n, 1),
        "ratio": raw / max(size, 1),
        "embedded": embedded is not None,
        "model_bytes": model_bytes if embedded is None else len(embedded),
        **cut,
    }


def _request(codec: Codec, request: Request) -> dict[str, Any]:
    """Return what was asked for, as it was decided; no quality where a target chose it.

    Of a promise nothing: the figures have it.
    """
    from narrows.codec.encoding.requests import PROMISES

    if request.promises:
        return {}
    quality, effort = request.resolve(codec.model)
    is_chosen = request.budget is None and request.packet_bytes is None
    chosen = quality if is_chosen else None
    asked = {name: value for name, value in asdict(request).items() if name not in PROMISES}
    return {**asked, "quality": chosen, "effort": effort}


def copy_bytes(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy exactly `size` bytes."""
    while size and (part := source.read(min(size, 1 << 20))):
        target.write(part)
        size -= len(part)
