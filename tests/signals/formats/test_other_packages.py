"""Formats of other packages, which register themselves by an entry point."""

import io
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals import Reading, open_signals
from narrows.signals.formats import registry
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.source import ArraySource


def open_mine(path, member):
    with damage_named(path, "mine"):
        return ArraySource(np.frombuffer(path.read_bytes()[4:], "<i2"), {"made": "here"})


def write_mine(stream, array, attributes):
    stream.write(b"MINE" + array.astype("<i2").tobytes())


MINE = Format("mine", lambda head, _: head[:4] == b"MINE", open_mine, ".mine", write_mine,
              axes="time")  # fmt: skip
GREEDY = Format("greedy", lambda head, _: True, open_mine)
NO_FORMAT = "a text"


@pytest.fixture
def registered(monkeypatch):
    def register(*names):
        entries = [EntryPoint(name, f"{__name__}:{name}", registry.ENTRY_POINTS) for name in names]
        monkeypatch.setattr(registry, "entry_points", lambda group: entries)
        registry._of_other_packages.cache_clear()

    yield register
    registry._of_other_packages.cache_clear()


def test_a_format_of_another_package_is_read_and_written_back(registered, tmp_path):
    registered("MINE")
    x = np.arange(100, dtype=np.int16)
    (tmp_path / "x.mine").write_bytes(b"MINE" + x.tobytes())
    frames = open_signals(tmp_path / "x.mine", Reading(window=16))
    assert frames.geometry.formats == ["mine"]
    assert dict(frames.geometry.attributes[0]) == {"made": "here"}
    writer = registry.writer_of("y.mine", "mine")
    writer.write(stream := io.BytesIO(), x, {})
    assert stream.getvalue() == (tmp_path / "x.mine").read_bytes()


def test_it_replaces_none_of_narrows(registered, tmp_path):
    registered("GREEDY")
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    assert open_signals(tmp_path / "x.npy").shape == (3, 4)


@pytest.mark.parametrize(("name", "fault"), [("NO_FORMAT", "is no narrows"), ("MISSING", "loaded")])
def test_what_is_no_format_is_named(registered, tmp_path, name, fault):
    registered(name)
    (tmp_path / "x").write_bytes(b"\x01nothing known")
    with pytest.raises(DataError, match=fault) as caught:
        open_signals(tmp_path / "x")
    assert f"test_other_packages:{name}" in str(caught.value)
