"""The commands that try several processes at once, and standard streams that are not there."""

import os
from pathlib import Path

import pytest

import narrows
from scripts.appends_at_once import append_at_once
from scripts.appends_at_once import prepare as prepare_appends
from scripts.standard_streams import COMMANDS, STATES, prepare, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="closed streams and /dev/full are POSIX's"),
]


@pytest.fixture(autouse=True)
def this_narrows(monkeypatch):
    """Processes that a test starts run the narrows that it tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(narrows.__file__).parent.parent))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    prepare(folder)
    return folder


def test_five_appends_at_once_lose_nothing(tmp_path):
    """A hundred rounds: `python -m scripts.appends_at_once --rounds 100`."""
    prepare_appends(tmp_path)
    (tmp_path / "200.nrw").rename(tmp_path / "x.nrw")
    assert append_at_once(tmp_path, 5)


@pytest.mark.parametrize(
    "name",
    ["--help", "info -", "compress", "compress --json", "compress -", "decompress -", "train"],
)
def test_a_stream_that_is_closed_full_or_broken_loses_no_data_unnoticed(inputs, name):
    """All commands: `python -m scripts.standard_streams`."""
    found = list(rows([name], inputs))
    assert len(found) == 3 * len(STATES)
    assert [row for row in found if row[-1]] == []


def test_every_command_is_in_the_table():
    from narrows.cli import COMMANDS as names

    listed = {command.arguments[0].replace("-", "_") for command in COMMANDS.values()}
    assert {name for group in names.values() for name in group} <= listed
