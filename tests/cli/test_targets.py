"""Efforts, and budgets of every single signal, asked for at the command line."""

import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from narrows.codec.archive import ArchiveReader, IndexedArchive
from narrows.codec.codec import Codec
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line

GOLDEN = Path(__file__).parent.parent / "golden" / "v0" / "search-float32.narrows"
TARGETS = {"--target-bytes": 2.0, "--target-psnr": 18.5}
OUT_OF_REACH = {"--target-bytes": 0.1, "--target-psnr": 500}
REFUSED = {**OUT_OF_REACH, "--effort": 10}
FILES = ["m.narrows", "x.npy"]
EFFORTS = (0, 1, 2, 9)
COMMANDS = [("compress",), ("compress", "-o", "x.nrw"), ("evaluate",)]
ENCODE = ("encode", "-o", "y.npy")
each_target = pytest.mark.parametrize("option", TARGETS)
each_asked = pytest.mark.parametrize(("option", "value"), [*TARGETS.items(), ("--effort", 0)])
each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model of two qualities and twenty signals, where the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NARROWS_MODELS", raising=False)
    shutil.copy(GOLDEN, "m.narrows")
    shutil.copy(GOLDEN.with_suffix(".signals.npy"), "x.npy")
    return tmp_path


@pytest.fixture
def codec(folder):
    return load_codec(folder / "m.narrows")


@pytest.fixture
def x(folder):
    return np.load("x.npy")


def files():
    return sorted(path.name for path in Path().iterdir())


def keyword(option):
    return option.removeprefix("--").replace("-", "_")


def psnr_of(codec, decoded, x):
    errors = np.square(decoded.astype(np.float64) - x).reshape(len(x), -1).mean(axis=1)
    return 10 * np.log10(codec.model.peak**2 / errors)


@pytest.mark.parametrize(
    ("option", "target", "effort"),
    [("--target-bytes", 2.0, 0), ("--target-bytes", 1.0, 2), ("--target-psnr", 18.5, 2)],
)
def test_compress_keeps_to_a_target(run, codec, x, option, target, effort):
    options = ("--effort", effort, option, target, "-o", "x.nrw")
    assert run("compress", "x.npy", "-m", "m.narrows", *options).code == 0
    blob = Path("x.nrw").read_bytes()
    assert blob == codec.compress(x, effort=effort, **{keyword(option): target})
    assert run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy").code == 0
    decoded = np.load("y.npy")
    assert np.array_equal(decoded, codec.decompress(blob))
    assert option == "--target-bytes" or psnr_of(codec, decoded, x).min() >= target
    described = json.loads(run("info", "x.nrw", "--json").out)
    assert described["blocks_by_mode"] == {"coded": 1}
    unpacked = codec.decoder.blocks.unpack(next(iter(ArchiveReader(BytesIO(blob)))))
    numbers, counts = np.unique(unpacked.qualities, return_counts=True)
    assert described["signals_by_quality"] == {
        str(number): count for number, count in zip(numbers, counts, strict=True)
    }


def test_compress_tells_the_point_that_was_taken(run, folder):
    words = ("compress", "x.npy", "-m", "m.narrows", "-f", "-o", "x.nrw")
    point = ("quality", "effort", "target_bytes", "target_psnr")
    for given, expected in (
        ((), [1, 2, None, None]),
        (("-q", 2, "--effort", 0), [2, 0, None, None]),
        (("--target-bytes", 30), [None, 2, 30.0, None]),
    ):
        figures = json.loads(run(*words, *given, "--json").out)
        assert [figures[name] for name in point] == expected
        said = run(*words, *given).err
        assert ("quality" in said) == (figures["quality"] is not None)
    assert "quality 2 of 2" in run(*words, "-q", 2).err


def test_compress_and_encode_search_as_long_as_they_are_told(run, codec, x):
    for effort in (*EFFORTS, None):
        given = () if effort is None else ("--effort", effort)
        options, asked = ("x.npy", "-m", "m.narrows", *given, "-f", "-o"), effort or 2 * (not given)
        assert run("compress", *options, "x.nrw").code == 0
        assert Path("x.nrw").read_bytes() == codec.compress(x, effort=asked)
        assert run("encode", *options, "y.npy").code == 0
        assert np.array_equal(np.load("y.npy"), codec.encode(x, effort=asked))
    assert len({codec.compress(x, effort=effort) for effort in EFFORTS}) == len(EFFORTS)


@each_target
def test_without_an_effort_a_target_is_kept_to_with_2(run, codec, x, option):
    options = ("x.npy", "-m", "m.narrows", option, TARGETS[option])
    assert run("compress", *options, "-o", "x.nrw").code == 0
    blob = codec.compress(x, effort=2, **{keyword(option): TARGETS[option]})
    assert Path("x.nrw").read_bytes() == blob
    figures = json.loads(run("compress", *options, "-o", "z.nrw", "--json").out)
    assert (figures["compressed_bytes"], figures["signals"]) == (len(blob), 20)


@each_asked
def test_evaluate_measures_what_it_is_given(run, codec, x, option, value):
    options = ("x.npy", "-m", "m.narrows", option, value)
    figures = json.loads(run("evaluate", *options, "--json").out)
    blob = codec.compress(x, **{keyword(option): value})
    error = codec.decompress(blob).astype(float) - x
    assert figures["compressed_bytes"] == len(blob)
    assert figures["mse"] == pytest.approx(np.square(error).mean() / codec.model.peak**2)
    shown = run("evaluate", *options)
    assert shown.code == 0
    assert f"compressed bytes      {len(blob)}\n" in shown.out
    default = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--json").out)
    assert default["compressed_bytes"] == len(codec.compress(x))
    assert default["mse"] != figures["mse"]


def test_verify_and_rescue_read_archives_of_several_qualities(run, codec, x):
    options = ("x.npy", "-m", "m.narrows", "--target-bytes", 2, "--effort", 0, "-o", "x.nrw")
    assert run("compress", *options).code == 0
    first = codec.decompress(Path("x.nrw").read_bytes())
    assert run("compress", *options, "--append").code == 0
    found = json.loads(run("verify", "x.nrw", "-m", "m.narrows", "--json").out)
    assert (found["whole"], found["decoded"], found["signals"]) == (True, True, 40)
    data = bytearray(Path("x.nrw").read_bytes())
    with Path("x.nrw").open("rb") as stream:
        data[IndexedArchive(stream).offsets[2] - 1] ^= 1
    Path("x.nrw").write_bytes(data)
    done = run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy", "--skip-bad-blocks")
    assert done.code == 1
    assert "signals 20 to 39 are lost" in done.err
    assert np.array_equal(np.load("y.npy"), first)


@each_asked
def test_blocks_are_appended_with_what_is_given(run, codec, x, option, value):
    options = ("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    assert run(*options, "-q", 1).code == 0
    assert run(*options, option, value, "--append").code == 0
    blobs = [codec.compress(x, 1), codec.compress(x, **{keyword(option): value})]
    expected = np.concatenate([codec.decompress(blob) for blob in blobs])
    assert np.array_equal(codec.decompress(Path("x.nrw").read_bytes()), expected)


# ---------------------------------------------------------------- what is refused


@each_command
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-q", 1, "--target-bytes", 2), ("--target-bytes", "-q")),
        (("--target-psnr", 20, "-q", 2), ("--target-psnr", "-q")),
        (("--target-bytes", 2, "--target-psnr", 20), ("--target-bytes", "--target-psnr")),
    ],
    ids=str,
)
def test_options_that_exclude_each_other_are_wrong_usage(run, folder, command, options, words):
    result = run(command[0], "x.npy", "-m", "m.narrows", *command[1:], *options)
    assert result.code == 2
    assert result.out == ""
    assert all(word in result.err for word in words), result.err
    assert files() == FILES


@pytest.mark.parametrize("command", [*COMMANDS, ENCODE], ids=" ".join)
@pytest.mark.parametrize("value", ["much", "", "2.5"])
@pytest.mark.parametrize("option", [*TARGETS, "--effort"])
def test_what_is_no_number_is_wrong_usage(run, folder, command, option, value):
    if value != "2.5" or option == "--effort":
        result = run(command[0], "x.npy", "-m", "m.narrows", *command[1:], option, value)
        assert result.code == 2
        assert files() == FILES


ABOVE_0 = [(name, value, (keyword(name), "finite number above 0"))
           for name in TARGETS for value in ("0", "-3", "nan", "inf")]  # fmt: skip
NONE = [("--effort", value, (f"effort {value}", "0", "9")) for value in ("10", "-1", str(10**21))]


@pytest.mark.parametrize(
    ("command", "option", "value", "words"),
    [(command, *each) for command in COMMANDS for each in [*ABOVE_0, *NONE]]
    + [(ENCODE, *each) for each in NONE],
)
def test_what_there_is_not_gives_one_line_and_no_file(run, folder, command, option, value, words):
    result = run(command[0], "x.npy", "-m", "m.narrows", *command[1:], option, value)
    assert fails_with_one_line(result, *words)
    assert files() == FILES


@each_command
@each_target
def test_a_target_out_of_reach_gives_one_line_and_no_file(run, folder, command, option):
    value = OUT_OF_REACH[option]
    result = run(command[0], "x.npy", "-m", "m.narrows", *command[1:], option, value)
    words = ("out of reach", f"{keyword(option)} {value}", "effort 2", "give ", ", or ")
    assert fails_with_one_line(result, *words)
    assert files() == FILES


@pytest.mark.parametrize(("option", "value"), REFUSED.items())
@pytest.mark.parametrize("how", ["--append", "-f"])
def test_an_archive_stays_as_it_was_where_something_is_refused(run, folder, option, value, how):
    options = ("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    assert run(*options).code == 0
    before = Path("x.nrw").read_bytes()
    words = "effort 10" if option == "--effort" else "out of reach"
    assert fails_with_one_line(run(*options, how, option, value), words)
    assert Path("x.nrw").read_bytes() == before
    assert option == "--effort" or run(*options, how, option, 10, "-q", 1).code == 2
    assert Path("x.nrw").read_bytes() == before
    assert files() == [*FILES, "x.nrw"]


def test_a_model_that_has_nothing_to_search_by_takes_no_effort(run, codec):
    Codec(replace(codec.model, tradeoffs=None, fit=None)).save("m.narrows")
    options = ("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    assert fails_with_one_line(run(*options, "--effort", "1"), "effort 1", "give 0")
    assert files() == FILES
    assert run(*options, "--effort", "0").code == 0
    archive = Path("x.nrw").read_bytes()
    assert run(*options, "-f").code == 0
    assert Path("x.nrw").read_bytes() == archive


def test_signals_with_nan_have_no_target_of_bytes(run, codec, x):
    x[3, 1] = np.nan
    np.save("x.npy", x)
    options = ("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    assert fails_with_one_line(run(*options, "--target-bytes", 50), "NaN", "target_bytes 50")
    assert files() == FILES
    assert run(*options, "--target-psnr", 18.5).code == 0
    again = codec.decompress(Path("x.nrw").read_bytes())
    assert np.array_equal(np.isnan(again), np.isnan(x))
