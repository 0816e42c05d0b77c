"""What frames were cut from, as metadata: there and back, small, and refused where hostile."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Header
from narrows.codec.archive.metadata import pack_metadata
from narrows.errors import DataError, FormatError
from narrows.signals.geometry import Geometry, pack_geometry, unpack_geometry, unpack_metadata
from narrows.signals.names import check_names
from tests.helpers.tiny_models import refusing

NAMES = st.lists(st.text("abAB/ü1_", min_size=1, max_size=12), min_size=1, max_size=9, unique=True)


def geometry(names=("a/1.wav", "a/2.wav"), **changes):
    """Return the geometry of recordings of two channels."""
    n = len(names)
    fields = {
        "names": list(names),
        "shapes": [(1000 + 7 * i, 2) for i in range(n)],
        "lengths": (256, 2),
        "hops": (256, 2),
        "formats": ["WAV"] * n,
        "attributes": [{"rate": 8000} for _ in range(n)],
        "is_folder": True,
    }
    return Geometry(**(fields | changes))


def header(metadata, frame_shape=(256, 2)):
    return Header(bytes(16), np.dtype(np.int16), frame_shape, metadata=metadata)


def fields(of):
    return (list(of.names), list(of.shapes), of.lengths, of.hops, list(of.formats),
            [dict(each) for each in of.attributes], of.is_folder)  # fmt: skip


@given(NAMES, st.booleans(), st.sampled_from([(256, 2), (100, 1)]))
def test_a_geometry_is_read_as_it_was_written(names, alike, hops):
    rates = [{"rate": 8000 if alike else i, "bits": 24} for i in range(len(names))]
    written = geometry(names, hops=hops, attributes=rates)
    metadata = pack_geometry(written)
    try:
        check_names(names, DataError)
    except DataError:
        with pytest.raises(FormatError):
            unpack_metadata(metadata)
        return
    assert fields(unpack_metadata(metadata)) == fields(written)


def test_metadata_without_a_geometry_have_none():
    assert unpack_metadata({"names": ["a"], "scale": 1}) is None


def test_many_members_take_few_bytes():
    names = [f"{i:05d}.png" for i in range(20_000)]
    whole = geometry(names, shapes=[(32, 32)] * 20_000, lengths=(32, 32), hops=(32, 32))
    assert len(pack_metadata(pack_geometry(whole))) < 2000
    lengths = [(4000 + i * 7919 % 1777, 2) for i in range(500)]  # of 11 bits each
    spoken = geometry(sorted(f"{i % 10}_george_{i // 10}.wav" for i in range(500)), shapes=lengths)
    assert len(pack_metadata(pack_geometry(spoken))) < 500 * 5


GOOD = pack_geometry(geometry())


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "C:x", "c:/x", "a\\b", "nul",
     "a/COM1.wav", "aux .txt", "a\0b", "a\nb", "x.", "x ", "\ud800", "x" * 1001],
)  # fmt: skip
def test_names_that_are_no_plain_relative_paths_are_refused(name):
    with refusing(FormatError):
        check_names(["good.wav", name], FormatError)
    hostile = copy.deepcopy(GOOD)
    hostile["names"] = {"shared": [0, 0], "rest": ["good.wav", name]}
    with pytest.raises(FormatError):
        unpack_metadata(hostile)


@pytest.mark.parametrize(
    "names", [("a", "a"), ("a.wav", "A.WAV"), ("\u00fc", "u\u0308"), ("a", "a/b"), ("A/b", "a")]
)
def test_names_that_would_meet_in_one_file_are_refused(names):
    with pytest.raises(FormatError, match=r"one file|is a file, and a folder"):
        check_names(names, FormatError)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("geometry",), []),
        (("geometry", "folder"), 1),
        (("geometry", "folder"), False),
        (("geometry", "more"), 1),
        (("geometry", "lengths"), [0, 2]),
        (("geometry", "lengths"), [256]),
        (("geometry", "lengths"), [True, 2]),
        (("geometry", "lengths"), 256),
        (("geometry", "hops"), [257, 2]),
        (("geometry", "hops"), [0, 2]),
        (("geometry", "shape"), [1000]),
        (("geometry", "shape"), [[1000], 2]),
        (("geometry", "shape"), [[1000, -1], 2]),
        (("geometry", "shape"), [[1000, 2.0], 2]),
        (("geometry", "shape"), [1 << 40, 1 << 40]),
        (("geometry", "format"), [1, 2]),
        (("names",), ["a", "b"]),
        (("names", "shared"), [1, 0]),
        (("names", "shared"), [0]),
        (("names", "rest"), ["a", 1]),
        (("names", "rest"), []),
        (("attributes",), []),
        (("attributes", "each"), [{}]),
        (("attributes", "all"), [1]),
        (("attributes", "own"), {}),
    ],
)
def test_damaged_geometries_are_refused_in_one_line(place, value):
    hostile = copy.deepcopy(GOOD)
    inner = hostile
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with refusing(FormatError):
        unpack_metadata(hostile)


def test_a_geometry_of_more_or_fewer_frames_than_there_are_is_refused():
    n = geometry().n_frames
    for wrong in (n - 1, n + 1, 0):
        with pytest.raises(FormatError, match=f"archive of {wrong} frames"):
            unpack_geometry(header(GOOD), wrong)
    assert unpack_geometry(header(GOOD), n).n_frames == n
    with pytest.raises(FormatError, match=r"of \(256,\), whose geometry"):
        unpack_geometry(header(GOOD, (256,)), n)


def test_names_of_more_characters_than_memory_are_refused_before_they_are_made():
    n = 300_000
    hostile = {**GOOD, "names": {"shared": [0] + [999] * (n - 1), "rest": ["x" * 999] + [""] * n}}
    hostile["names"]["rest"] = hostile["names"]["rest"][:n]
    with pytest.raises(FormatError, match="characters"):
        unpack_metadata(hostile)
