"""What frames were cut from: names, shapes and attributes <-> the metadata of an archive.

In JSON, `docs/format/geometry.md` is the specification:

    "geometry":   {"folder": true, "format": "WAV", "lengths": [256, 2], "hops": [128, 2],
                   "shape": [[4000, 3990, 4123], 2]}
    "names":      {"shared": [0, 2, 2], "rest": ["a/1.wav", "2.wav", "3.wav"]}
    "attributes": {"all": {"rate": 8000}, "each": [{}, {"bits": 24}, {}]}

What is the same for all members is written once; of each name, what it does not begin with in
common with the one before. 20,000 numbered names take 1,200 bytes so, in place of 47,000.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, takewhile
from math import prod
from operator import eq
from typing import Any

from narrows.codec.archive import Header
from narrows.errors import FormatError
from narrows.signals.bricks import is_row_major
from narrows.signals.names import MAX_NAME_LENGTH, check_names
from narrows.signals.source import Attributes
from narrows.signals.windows import Grid

Shape = tuple[int, ...]
MAX_AXES = 16
MAX_AXIS = 1 << 48
MAX_ELEMENTS = 1 << 56
MAX_WEIGHT = 1 << 30  # of the frames that overlap at an element, in all
MAX_NAMES_LENGTH = 1 << 28  # characters of all names: what few bytes could ask memory for


@dataclass(frozen=True)
class Geometry:
    """What the frames of an archive were cut from.

    Attributes
    ----------
    names : sequence of str
        Of the members, in order: relative paths with `/`.
    shapes : sequence of tuple
        Of each member, all of as many axes.
    lengths, hops : tuple of int
        Of the frames, along all axes of a member.
    formats : sequence of str
        The name of the format of each member.
    attributes : sequence of mapping
        Of each member.
    is_folder : bool
        Whether the members are files of a folder, or the one member is a file of its own.
    brick : tuple of int or None
        How many frames stand together along each axis, where these are not row-major.
    """

    names: Sequence[str]
    shapes: Sequence[Shape]
    lengths: Shape
    hops: Shape
    formats: Sequence[str]
    attributes: Sequence[Attributes] = field(repr=False)
    is_folder: bool
    brick: Shape | None = None

    def grid(self, member: int) -> Grid:
        """Return where the frames of a member are."""
        return Grid(self.shapes[member], self.lengths, self.hops, self.brick)

    def raw_bytes(self, itemsize: int) -> int:
        """Return the bytes of what was cut: numbers of `itemsize`, or the fewer bits of a file's.

        Recordings may be of 12 or 24 bits.
        """
        total, most = 0, 8 * itemsize
        for shape, attributes in zip(self.shapes, self.attributes, strict=True):
            bits = attributes.get("bits")
            total += prod(shape) * (bits if isinstance(bits, int) and 0 < bits < most else most)
        return total // 8

    @cached_property
    def starts(self) -> list[int]:
        """The number of the first frame of each member, and at the end that of all frames."""
        counts = (self.grid(member).n_frames for member in range(len(self.names)))
        return list(accumulate(counts, initial=0))

    @property
    def n_frames(self) -> int:
        """The number of frames of all members."""
        return self.starts[-1]

    def find(self, name: str) -> int:
        """Return the number of a member; KeyError if there is none of that name."""
        try:
            return list(self.names).index(name)
        except ValueError:
            raise KeyError(name) from None


def pack_geometry(geometry: Geometry) -> dict[str, Any]:
    """Return the metadata of an archive of these frames."""
    form: dict[str, Any] = {
        "folder": geometry.is_folder,
        "format": _once(list(geometry.formats)),
        "lengths": list(geometry.lengths),
        "shape": [_once(list(sizes)) for sizes in zip(*geometry.shapes, strict=True)],
    }
    if geometry.hops != geometry.lengths:
        form["hops"] = list(geometry.hops)
    if geometry.brick is not None and not all(
        is_row_major(geometry.grid(number).counts, geometry.brick)
        for number in range(len(geometry.names))
    ):
        form["brick"] = list(geometry.brick)
    metadata: dict[str, Any] = {"geometry": form, "names": _pack_names(geometry.names)}
    attributes = _pack_attributes(geometry.attributes)
    return metadata | ({"attributes": attributes} if attributes else {})


def unpack_geometry(header: Header, n_frames: int) -> Geometry | None:
    """Return what the frames of an archive were cut from; None where nothing is said of it.

    Raises
    ------
    FormatError
        If that is damaged, names files that must not be written, or needs other frames than there
        are: memory is taken for what it says.
    """
    geometry = unpack_metadata(header.metadata)
    if geometry is None:
        return None
    if geometry.n_frames != n_frames or prod(geometry.lengths) != prod(header.frame_shape):
        raise FormatError(
            f"archive of {n_frames} frames of {header.frame_shape}, whose geometry needs "
            f"{geometry.n_frames} of {geometry.lengths}"
        )
    return geometry


def unpack_metadata(metadata: Mapping[str, Any]) -> Geometry | None:
    """Undo `pack_geometry`; None for metadata without a geometry, FormatError for a wrong one."""
    if "geometry" not in metadata:
        return None
    form = metadata["geometry"]
    _check(isinstance(form, dict), "is no object")
    needed = {"folder", "format", "lengths", "shape"}
    _check(needed <= set(form) <= needed | {"hops", "brick"}, "has other keys")
    names = _unpack_names(metadata.get("names"))
    check_names(names, FormatError)
    n = len(names)
    _check(isinstance(form["folder"], bool) and (form["folder"] or n == 1), "has no folder for all")
    lengths = _whole(form["lengths"], 1)
    hops = _whole(form.get("hops", form["lengths"]), 1)
    _check(len(lengths) == len(hops) <= MAX_AXES and all(map(_fits, hops, lengths)), "has gaps")
    _check(weight_of(lengths, hops) < MAX_WEIGHT, "overlaps too much")
    _check(isinstance(form["shape"], list) and len(form["shape"]) == len(lengths), "has other axes")
    columns = [_whole(_for_all(sizes, n), 0) for sizes in form["shape"]]
    shapes = list(zip(*columns, strict=True))
    _check(all(prod(max(1, size) for size in s) <= MAX_ELEMENTS for s in shapes), "is too large")
    formats = _for_all(form["format"], n)
    _check(all(isinstance(each, str) for each in formats), "has formats that are no text")
    attributes = _unpack_attributes(metadata.get("attributes", {}), n)
    brick = _whole(form["brick"], 1) if "brick" in form else None
    _check(brick is None or (len(brick) == len(lengths) and hops == lengths), "has other bricks")
    return Geometry(names, shapes, lengths, hops, formats, attributes, form["folder"], brick)


def _pack_names(names: Sequence[str]) -> dict[str, list[Any]]:
    """Return how many characters each name shares with the one before, and the rest of it."""
    pairs = zip(["", *names], names, strict=False)
    shared = [sum(1 for _ in takewhile(bool, map(eq, *pair))) for pair in pairs]
    return {"shared": shared, "rest": [name[k:] for k, name in zip(shared, names, strict=True)]}


def _unpack_names(packed: Any) -> list[str]:
    """Undo `_pack_names`."""
    _check(isinstance(packed, dict) and set(packed) == {"shared", "rest"}, "has no names")
    shared, rest = _whole(packed["shared"], 0), packed["rest"]
    _check(isinstance(rest, list) and all(isinstance(r, str) for r in rest), "has names of no text")
    _check(0 < len(rest) == len(shared), "has names in parts")
    names, before = [], ""
    total = sum(shared) + sum(map(len, rest))
    _check(total <= MAX_NAMES_LENGTH, f"has names of {total} characters")
    for k, end in zip(shared, rest, strict=True):
        _check(k <= len(before) and k + len(end) <= MAX_NAME_LENGTH, "has names in parts")
        before = before[:k] + end
        names.append(before)
    return names


def weight_of(lengths: Shape, hops: Shape) -> int:
    """Return a bound of the weights that are added at one element; below MAX_WEIGHT int64 do."""
    overlaps = [(length, hop) for length, hop in zip(lengths, hops, strict=True) if hop < length]
    return prod(-(-length // hop) * -(-length // 2) for length, hop in overlaps)


def _once(values: list[Any]) -> Any:
    """Return the value that all have in common, or all values."""
    return values[0] if all(value == values[0] for value in values) else values


def _for_all(values: Any, n: int) -> list[Any]:
    """Undo `_once`."""
    if not isinstance(values, list):
        return [values] * n
    _check(len(values) == n, f"has {len(values)} values for {n} members")
    return values


def _pack_attributes(attributes: Sequence[Attributes]) -> dict[str, Any]:
    """Return what all have in common, and what each has besides; nothing of what is empty."""
    first = attributes[0]
    common = {k: v for k, v in first.items() if all(k in a and a[k] == v for a in attributes)}
    own = [{k: v for k, v in each.items() if k not in common} for each in attributes]
    packed: dict[str, Any] = {"all": common} if common else {}
    return packed | ({"each": own} if any(own) else {})


def _unpack_attributes(packed: Any, n: int) -> list[Attributes]:
    """Undo `_pack_attributes`."""
    _check(isinstance(packed, dict) and set(packed) <= {"all", "each"}, "has other attributes")
    common, own = packed.get("all", {}), packed.get("each", [{}] * n)
    _check(isinstance(own, list) and len(own) == n, "has attributes of other members")
    _check(all(isinstance(each, dict) for each in [common, *own]), "has attributes without names")
    return [ChainMap(each, common) for each in own]


def _whole(values: Any, least: int) -> Shape:
    """Return a list of whole numbers as a tuple."""
    _check(isinstance(values, list), "has a number where a list should be")
    for value in values:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        _check(is_whole and least <= value <= MAX_AXIS, "has sizes that are none")
    return tuple(values)


def _fits(hop: int, length: int) -> bool:
    return hop <= length


def _check(is_right: bool, fault: str) -> None:
    if not is_right:
        raise FormatError(f"archive whose geometry {fault}; it does not say what it was cut from")
