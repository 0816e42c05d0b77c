"""How long better symbols are searched for, asked for at the command line."""

import json
from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line

EFFORTS = (0, 1, 2, 9)


@pytest.fixture
def plain_model(folder):
    """A model that has nothing to search by."""
    model = load_codec(folder / "m.narrows").model
    Codec(replace(model, tradeoffs=None, fit=None)).save(folder / "plain.narrows")


def test_compress_and_encode_search_as_long_as_they_are_told(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    for effort in EFFORTS:
        options = ("x.npy", "-m", "m.narrows", "--effort", effort, "-f", "-o")
        assert run("compress", *options, "x.nrw").code == 0
        assert (folder / "x.nrw").read_bytes() == codec.compress(digits[:50], effort=effort)
        assert run("encode", *options, "y.npy").code == 0
        assert np.array_equal(np.load("y.npy"), codec.encode(digits[:50], effort=effort))
    assert len({codec.compress(digits[:50], effort=effort) for effort in EFFORTS}) == len(EFFORTS)


def test_without_an_effort_it_is_2(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    assert run("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw").code == 0
    assert (folder / "x.nrw").read_bytes() == codec.compress(digits[:50], effort=2)
    assert run("encode", "x.npy", "-m", "m.narrows", "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), codec.encode(digits[:50], effort=2))


def test_blocks_are_appended_with_the_effort_that_is_given(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    options = ("x.npy", "-m", "m.narrows", "-o", "x.nrw", "--effort")
    assert run("compress", *options, 0).code == 0
    assert run("compress", *options, 9, "--append").code == 0
    decoded = codec.decompress((folder / "x.nrw").read_bytes())
    symbols = [codec.encode(digits[:50], effort=effort) for effort in (0, 9)]
    assert np.array_equal(decoded, codec.decode(np.concatenate(symbols)))


def test_evaluate_measures_the_effort_that_it_is_given(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    found = []
    for effort in (0, 2):
        shown = run("evaluate", "x.npy", "-m", "m.narrows", "--effort", effort, "--json")
        figures = json.loads(shown.out)
        blob = codec.compress(digits[:50], effort=effort)
        error = (codec.decompress(blob).astype(float) - digits[:50]) / 16
        assert figures["compressed_bytes"] == len(blob)
        assert figures["mse"] == pytest.approx(np.square(error).mean())
        found.append(figures["mse"])
    assert found[0] != found[1]
    default = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--json").out)
    assert default["mse"] == found[1]


@pytest.mark.parametrize("effort", ["10", "-1", "1000000000000000000000"])
@pytest.mark.parametrize(
    "command",
    [("compress",), ("compress", "-o", "x.nrw"), ("encode", "-o", "y.npy"), ("evaluate",)],
    ids=" ".join,
)
def test_an_effort_that_there_is_not_gives_one_line_and_no_file(run, folder, command, effort):
    before = sorted(folder.iterdir())
    result = run(command[0], "x.npy", "-m", "m.narrows", *command[1:], "--effort", effort)
    assert fails_with_one_line(result, f"effort {effort}", "0", "9")
    assert sorted(folder.iterdir()) == before


def test_an_archive_stays_as_it_was_where_an_effort_is_refused(run, folder):
    options = ("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    run(*options)
    before = (folder / "x.nrw").read_bytes()
    for option in ("--append", "-f"):
        assert fails_with_one_line(run(*options, option, "--effort", "10"), "effort 10")
        assert (folder / "x.nrw").read_bytes() == before
        assert sorted(p.name for p in folder.iterdir()) == ["m.narrows", "x.npy", "x.nrw"]


@pytest.mark.parametrize("effort", ["2.5", "much", ""])
@pytest.mark.parametrize("command", [("compress",), ("encode", "-o", "y.npy"), ("evaluate",)])
def test_an_effort_that_is_no_whole_number_is_wrong_usage(run, folder, command, effort):
    before = sorted(folder.iterdir())
    result = run(command[0], "x.npy", "-m", "m.narrows", *command[1:], "--effort", effort)
    assert result.code == 2
    assert sorted(folder.iterdir()) == before


def test_a_model_that_has_nothing_to_search_by_takes_no_effort(run, folder, plain_model):
    before = sorted(folder.iterdir())
    options = ("compress", "x.npy", "-m", "plain.narrows", "-o", "x.nrw")
    assert fails_with_one_line(run(*options, "--effort", "1"), "effort 1", "give 0")
    assert sorted(folder.iterdir()) == before
    assert run(*options, "--effort", "0").code == 0
    archive = (folder / "x.nrw").read_bytes()
    assert run(*options, "-f").code == 0
    assert (folder / "x.nrw").read_bytes() == archive
