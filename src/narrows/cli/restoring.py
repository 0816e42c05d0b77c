"""Archives of what was cut to frames: the file, the folder, or one file of it comes back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from narrows.cli import options
from narrows.cli.bar import Bar, bar
from narrows.cli.streams import PIPE, chosen_output, is_stream, open_input, open_output
from narrows.urls import local_name
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.codec.archive import Metadata
    from narrows.codec.networks.backend import Backend
    from narrows.codec.receiver import Receiver
    from narrows.processes import Workers
    from narrows.signals.formats.contract import Format
    from narrows.signals.geometry import Geometry


FRAMES_AT_ONCE = 1024


@dataclass(frozen=True)
class Asked:
    """What a command was asked to restore, and where to."""

    file: str
    model: str | None
    backend: Backend | None
    output: str | None
    folder: str | None
    """Where one of several is written."""
    member: str | None
    force: bool
    workers: Workers
    written: set[str]
    """By those before."""

    def place(self, default: str) -> str:
        """Return where to write; DataError for what another of several inputs came back as."""
        from narrows.errors import DataError

        output = chosen_output(self.output or self.folder, default)
        path = os.path.realpath(output)
        if path in self.written:
            raise DataError(f"{output} is what another of the inputs came back as; do it alone")
        self.written.add(path)
        return output


def restore(
    geometry: Geometry, path: str, asked: Asked, json: bool, quiet: bool
) -> tuple[dict[str, Any], str]:
    """Restore the folder or the file that an archive's frames were cut from, or one member.

    Return the figures, and a line that tells them.
    """
    from narrows.codec.archive import ArchiveReader
    from narrows.models import decoder_for

    options.check_json(json, asked.output or "")
    with open_input(path) as stream, bar(quiet) as shown:
        decoder = decoder_for(ArchiveReader(stream).header, asked.model, asked.backend)
        figures = Restoring(stream, geometry, decoder, asked, shown).restore()
    if "shape" in figures:
        told = f"{tuple(figures['shape'])} of {figures['dtype']}"
    else:
        told = f"{figures['files']} files of {figures['dtype']}"
    return figures, f"{figures['output']}: {told}"


@dataclass(frozen=True)
class Restoring:
    """An archive that is being restored; its stream seeks."""

    stream: BinaryIO
    geometry: Geometry
    decoder: Receiver
    asked: Asked
    shown: Bar

    def restore(self) -> dict[str, Any]:
        """Write what was asked for; return figures of it."""
        member = self.asked.member
        if member is None and self.geometry.is_folder:
            return self._figures(self._restore_folder(), len(self.geometry.names))
        number = 0 if member is None else self._find(member)
        output = self._restore_file(number)
        return self._figures(output, 1) | {"shape": list(self.geometry.shapes[number])}

    def _figures(self, output: str, n_files: int) -> dict[str, Any]:
        return {
            "output": output,
            "files": n_files,
            "dtype": self.decoder.model.dtype.name,
            "model_id": self.decoder.model_id,
        }

    def _find(self, member: str) -> int:
        import difflib

        from narrows.errors import DataError

        try:
            return self.geometry.find(member)
        except KeyError:
            names = list(self.geometry.names)
            near = difflib.get_close_matches(member, names, n=3) or names[:3]
            raise DataError(
                f"{self.asked.file} holds no {member!r}; it holds {len(names)} names, such as "
                f"{', '.join(map(repr, near))}: list them with --list"
            ) from None

    def _restore_folder(self) -> str:
        from narrows.errors import DataError
        from narrows.folders import writing_folder
        from narrows.signals.restoring import save_members

        default = _without_suffix(self.asked.file)
        output = self.asked.output or self.asked.place(default)
        if is_stream(output):
            raise DataError(
                f"{self.asked.file} holds a folder, and no pipe takes one; give -o FOLDER, "
                "or --member NAME for one of its files"
            )
        with writing_folder(Path(output), **self._options()) as staged:
            save_members(staged, self._blocks(None), self.geometry, self.decoder.model.dtype)
        return output

    def _restore_file(self, number: int) -> str:
        from narrows.signals.formats.registry import writer_of
        from narrows.signals.restoring import restored_arrays

        name, is_all = self.geometry.names[number], self.asked.member is None
        default = PurePosixPath(name).name
        if is_all:
            default = PIPE if is_stream(self.asked.file) else _restored_name(self.asked.file, name)
        output = self.asked.place(default)
        format_ = writer_of(name if output == PIPE else output, self.geometry.formats[number])
        attributes, dtype = self.geometry.attributes[number], self.decoder.model.dtype
        with self._writing(output, format_) as write:
            blocks = self._blocks(None if is_all else number)
            for _, array in restored_arrays(blocks, self.geometry, dtype, [number]):
                write(array, attributes)
        return output

    @contextmanager
    def _writing(self, output: str, format_: Format) -> Iterator[Any]:
        """Yield what writes an array and its attributes, in one file or several."""
        from narrows.errors import DataError
        from narrows.folders import writing_beside
        from narrows.signals.restoring import save_array

        if format_.write is not None:
            inputs = (self.asked.file, self.asked.model)
            with open_output(output, *inputs, force=self.asked.force) as stream:
                write = format_.write
                yield lambda array, attributes: write(stream, array, attributes)
            return
        if is_stream(output):
            raise DataError(f"{format_.name} cannot go through a pipe; give -o FILE")
        with writing_beside(Path(output), **self._options()) as staged:
            path = staged / Path(output).name
            yield lambda array, attributes: save_array(path, format_, array, attributes)

    def _blocks(self, number: int | None) -> Iterator[Any]:
        """Yield the frames of all members, or of one, a block at a time."""
        from narrows.codec.archive import ArchiveReader
        from narrows.codec.sequence import Archive

        self.stream.seek(0)
        reader = ArchiveReader(self.stream)
        starts = self.geometry.starts
        begin, end = (0, starts[-1]) if number is None else starts[number : number + 2]
        self.shown.begin("decompressing", end - begin, reader.header.frame_bytes)
        if number is None:
            yield from self.shown.count(self.decoder.decompress_from(reader, self.asked.workers))
            return
        archive = Archive(self.stream, self.decoder)
        size = FRAMES_AT_ONCE
        for start in range(begin, end, size):
            yield archive[start : min(start + size, end)]
            self.shown.advance(min(size, end - start))

    def _options(self) -> dict[str, Any]:
        inputs = (self.asked.file, self.asked.model)
        sources = [each for each in inputs if each and not is_stream(str(each))]
        return {"force": self.asked.force, "sources": sources}


def _restored_name(file: str, member: str) -> str:
    """Return the name of what an archive was made from, with the suffix that is written."""
    from narrows.signals.formats.registry import own_formats

    path, suffix = Path(_without_suffix(file)), PurePosixPath(member).suffix
    known = {each for format_ in own_formats() for each in format_.suffixes}
    if path.suffix.lower() in known or path.suffix == suffix:
        path = path.with_suffix(suffix)
    elif suffix:
        path = path.with_name(path.name + suffix)
    return str(path)


def _without_suffix(file: str) -> str:
    """Return the name of what an archive was made from."""
    name = os.path.normpath(local_name(file))
    return name.removesuffix(".nrw") if name.endswith(".nrw") else name + ".restored"


def described_members(geometry: Geometry) -> list[dict[str, Any]]:
    """Describe the members of an archive."""
    return [
        {"name": name, "shape": list(shape), "format": format_, "attributes": dict(attributes)}
        for name, shape, format_, attributes in zip(
            geometry.names, geometry.shapes, geometry.formats, geometry.attributes, strict=True
        )
    ]


def cut_from(metadata: Metadata) -> str | None:
    """Return what the signals were cut from, in words; None where that is not known."""
    from narrows.signals.geometry import unpack_metadata

    geometry = unpack_metadata(metadata)
    if geometry is None:
        return None
    if geometry.is_folder:
        return f"{counted(len(geometry.names), 'file')} of a folder: decompress --list lists them"
    return f"{geometry.names[0]}, {_joined(geometry.shapes[0])}"


def cut_in(training: dict[str, Any]) -> str:
    """Say how what a model learned from was cut."""
    lengths, hops = training["cut"]["lengths"], training["cut"]["hops"]
    told = f"frames of {_joined(lengths)}" + (f", {_joined(hops)} apart" if hops != lengths else "")
    held = training.get("held_out")
    return f"{told}; {counted(len(held), 'file')} held out" if held else told


def _joined(lengths: Sequence[int]) -> str:
    return " x ".join(f"{length:,}" for length in lengths)
