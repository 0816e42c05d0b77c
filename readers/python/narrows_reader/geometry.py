"""format/geometry.md, "Members" and "Names": from frames to what they were cut from."""

import math
import unicodedata
from typing import Any

import numpy as np

from .archive import read_archive, read_metadata
from .conventions import Shape, need
from .frames import count_along, join

DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
DEVICES |= {port + digit for port in ("com", "lpt") for digit in "123456789¹²³"}


def read_files(archive_bytes: bytes, model_bytes: bytes | None = None) -> dict[str, np.ndarray]:
    """Decode an archive of frames to its members, by their names."""
    metadata = read_metadata(archive_bytes)
    need("geometry" in metadata, "the archive says nothing of what its signals were cut from")
    names = take_names(metadata.get("names"))
    check_names(names)
    shapes, lengths, hops, brick = take_geometry(metadata["geometry"], len(names))
    check_attributes(metadata.get("attributes", {}), len(names))
    frames = read_archive(archive_bytes, model_bytes)
    need(math.prod(frames.shape[1:]) == math.prod(lengths), "the frames have another size")
    counts = [math.prod(map(count_along, shape, lengths, hops)) for shape in shapes]
    need(sum(counts) == len(frames), "the archive has another number of frames")
    files, first = {}, 0
    for name, shape, count in zip(names, shapes, counts, strict=True):
        own = frames[first : first + count].reshape(count, *lengths)
        files[name] = join(own, shape, lengths, hops, brick)
        first += count
    return files


def take_names(packed: Any) -> list[str]:
    """Read the names."""
    need(isinstance(packed, dict) and set(packed) == {"shared", "rest"}, "there are no names")
    shared, rest = whole_numbers(packed["shared"]), packed["rest"]
    need(isinstance(rest, list) and all(isinstance(end, str) for end in rest), "a name is no text")
    need(0 < len(rest) == len(shared), "the names are not as many as what they share")
    need(sum(shared) + sum(map(len, rest)) <= 2**28, "the names are too long")
    names: list[str] = []
    for k, end in zip(shared, rest, strict=True):
        before = names[-1] if names else ""
        need(k <= len(before) and k + len(end) <= 1000, "a name is too long, or shares too much")
        names.append(before[:k] + end)
    return names


def check_names(names: list[str]) -> None:
    """Check that files can be written by these names."""
    forms = []
    for name in names:
        need(name, "a name is empty")
        kinds = {unicodedata.category(character) for character in name}
        need(not kinds & {"Cc", "Cs"}, "a name holds what is no text")
        need("\\" not in name, "a name holds a backslash")
        has_drive = name[0].isascii() and name[0].isalpha() and name[1:2] == ":"
        need(not has_drive, "a name has a drive")
        for part in name.split("/"):
            need(part not in ("", ".", ".."), "a name is absolute or leaves its folder")
            need(part[-1] not in ". ", "a name ends in a dot or a space")
            stem = part.split(".")[0].rstrip(" ").lower()
            need(stem not in DEVICES, "a name is a device")
        folded = unicodedata.normalize("NFC", name).casefold()
        forms.append(unicodedata.normalize("NFC", folded))
    need(len(set(forms)) == len(forms), "two names are one file")
    folders = {form[:at] for form in forms for at, c in enumerate(form) if c == "/"}
    need(not folders & set(forms), "a name is a folder in another one")


def take_geometry(form: Any, n: int) -> tuple[list[Shape], Shape, Shape, Shape | None]:
    """Read the shapes of the members, the lengths and hops of the frames, and their bricks."""
    keys = {"folder", "format", "lengths", "shape"}
    need(isinstance(form, dict), "the geometry is no object")
    need(keys <= set(form) <= keys | {"hops", "brick"}, "the geometry has other keys")
    need(isinstance(form["folder"], bool), "folder is neither true nor false")
    need(form["folder"] or n == 1, "several files without a folder")
    formats = one_for_all(form["format"], n)
    need(all(isinstance(each, str) for each in formats), "a format is no text")
    lengths = whole_numbers(form["lengths"], 1)
    hops = whole_numbers(form.get("hops", form["lengths"]), 1)
    need(1 <= len(lengths) <= 16 and len(hops) == len(lengths), "a wrong number of axes")
    need(all(h <= length for h, length in zip(hops, lengths, strict=True)), "frames leave gaps")
    heaviest = (-(-s // h) * -(-s // 2) for s, h in zip(lengths, hops, strict=True) if h < s)
    need(math.prod(heaviest) < 2**30, "frames overlap too much")
    axes = form["shape"]
    need(isinstance(axes, list) and len(axes) == len(lengths), "the shape has other axes")
    columns = [whole_numbers(one_for_all(sizes, n)) for sizes in axes]
    shapes: list[Shape] = list(zip(*columns, strict=True))
    sizes = (math.prod(max(1, size) for size in shape) for shape in shapes)
    need(all(size <= 2**56 for size in sizes), "a member is too large")
    brick = whole_numbers(form["brick"], 1) if "brick" in form else None
    right = brick is None or (len(brick) == len(lengths) and hops == lengths)
    need(right, "bricks of other axes, or of frames that overlap")
    return shapes, lengths, hops, brick


def one_for_all(values: Any, n: int) -> list[Any]:
    """Return the value of each member."""
    if not isinstance(values, list):
        return [values] * n
    need(len(values) == n, "there is not a value for each member")
    return values


def whole_numbers(values: Any, least: int = 0) -> Shape:
    """Read a list of whole numbers."""
    need(isinstance(values, list), "a list is missing")
    for value in values:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        need(is_whole and least <= value <= 2**48, "a number is out of its range")
    return tuple(values)


def check_attributes(packed: Any, n: int) -> None:
    """Check the form of the attributes."""
    need(isinstance(packed, dict) and set(packed) <= {"all", "each"}, "attributes have other keys")
    each = packed.get("each", [{}] * n)
    need(isinstance(each, list) and len(each) == n, "there are no attributes for each member")
    everyone = [packed.get("all", {}), *each]
    need(all(isinstance(own, dict) for own in everyone), "attributes are no object")
