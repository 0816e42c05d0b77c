"""Commands with a model that has networks of levels."""

import json
from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.codec.levels.lattice import Lattice
from narrows.codec.promised_packets import Form
from tests.helpers.command_line import fails_with_one_line
from tests.helpers.level_models import codec_with_levels, let_networks_code, signals_for_levels
from tests.helpers.tiny_models import tiny_codec

MODEL = ("-m", "m.narrows")


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """Frames in x.npy, their model in m.narrows, one without levels in plain.narrows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NARROWS_MODELS", raising=False)
    let_networks_code(monkeypatch)
    x = signals_for_levels("int16", 40)
    np.save("x.npy", x)
    codec = codec_with_levels("int16")
    Codec(replace(codec.model, training={})).save("m.narrows")
    tiny_codec("int16", (9, 6), 3).save("plain.narrows")
    return x


def test_info_tells_the_networks_of_a_model(run, frames):
    levels = json.loads(run("info", "m.narrows", "--json").out)["levels"]
    assert levels == {"kind": "numbers", "networks": 9, "units": 3, "parameters": 774,
                      "max_error": None}  # fmt: skip
    shown = run("info", "m.narrows").out
    assert "lossless by levels  9 networks of 3 units for numbers, 774 parameters" in shown
    assert json.loads(run("info", "plain.narrows", "--json").out)["levels"] is None


def test_the_blocks_of_networks_are_counted_apart(run, frames):
    done = run("compress", "x.npy", *MODEL, "--lossless", "--block-signals", "20")
    assert "lossless; blocks: 2 levels by networks; " in done.err
    size = len(narrows.load("m.narrows").model_bytes)
    assert f"{size:,} bytes more for its model" in done.err
    told = json.loads(run("info", "x.npy.nrw", "--json").out)
    assert told["blocks_by_mode"] == {"levels_by_networks": 2}
    assert "2 levels by networks" in run("info", "x.npy.nrw").out
    done = run("compress", "x.npy", *MODEL, "--max-error", "3", "-o", "y.nrw")
    assert "blocks: 1 levels\n" in done.err


@pytest.mark.parametrize(("options", "mode", "largest"), [
    (("--lossless",), "levels_by_networks", 0),
    (("--max-error", "3"), "levels", 3),
    (("--effort", "0"), "coded", None),
])  # fmt: skip
def test_evaluate_tells_how_often_each_kind_of_block_was_used(run, frames, options, mode, largest):
    found = json.loads(run("evaluate", "x.npy", *MODEL, *options, "--json").out)
    assert sum(found["blocks_by_mode"].values()) == 1
    if largest is not None:
        assert found["blocks_by_mode"] == {mode: 1}
        assert found["max_abs_error"] <= largest
    assert (found["model_bytes"] == 0) == (mode == "levels")
    assert "  blocks " in run("evaluate", "x.npy", *MODEL, *options).out


def test_an_archive_of_networks_carries_its_model_when_asked(run, frames):
    done = run("compress", "x.npy", *MODEL, "--lossless", "--embed-model")
    assert "of them the decoder's" in done.err
    assert run("decompress", "x.npy.nrw", "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), frames)
    codec = narrows.load("m.narrows")
    blob = codec.compress(frames, lossless=True, embed_model=True)
    assert np.array_equal(narrows.decompress(blob), frames)
    assert narrows.compress(frames, codec, lossless=True, embed_model=True) == blob


@pytest.mark.parametrize("options", [("-m", "plain.narrows", "--lossless"),
                                     (*MODEL, "--max-error", "3")])  # fmt: skip
def test_a_model_that_nothing_needs_is_not_carried(run, frames, options):
    command = ("compress", "x.npy", *options, "-o", "x.nrw")
    assert fails_with_one_line(run(*command, "--embed-model"), "need no model; leave it out")
    assert run(*command).code == 0


def test_networks_for_a_bound_serve_it_and_wider_ones(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    let_networks_code(monkeypatch)
    x = signals_for_levels("int16", 40)
    np.save("x.npy", x)
    codec = codec_with_levels("int16", Lattice(4, 7))
    Codec(replace(codec.model, training={})).save("m.narrows")
    assert "levels within 3  9 networks of 3 units for numbers" in run("info", "m.narrows").out
    assert json.loads(run("info", "m.narrows", "--json").out)["levels"]["max_error"] == 3
    for bound, kind in (("3", "levels by networks"), ("2", "levels"), ("9", "levels by networks")):
        done = run("compress", "x.npy", *MODEL, "--max-error", bound, "-o", f"{bound}.nrw")
        assert f"blocks: 1 {kind}" in done.err
        run("decompress", f"{bound}.nrw", *MODEL, "-o", f"{bound}.npy")
        assert np.abs(np.load(f"{bound}.npy").astype(int) - x).max() <= int(bound)


@pytest.mark.parametrize(("options", "told"), [
    (("--max-error", "3"), "give levels (--levels) too"),
    (("--levels", "--max-error", "0"), "must be a finite number above 0"),
    (("--levels", "--max-error", "nan"), "must be a finite number above 0"),
    (("--levels", "--max-error", "-1"), "must be a finite number above 0"),
    (("--levels", "--max-error", "0.5"), "below the resolution of int16, 1"),
])  # fmt: skip
def test_bounds_that_no_networks_keep_are_refused_in_a_line(run, frames, options, told):
    command = ("train", "x.npy", "-o", "n.narrows", "--architecture", "linear", *options)
    assert fails_with_one_line(run(*command), told)


@pytest.mark.parametrize("checksum", [(), ("--checksum",)])
@pytest.mark.parametrize(("promise", "largest"), [(("--lossless",), 0), (("--max-error", "3"), 3)])
def test_packets_keep_bounds_and_say_how(run, frames, promise, largest, checksum):
    command = ("compress", "x.npy", *MODEL, *promise, "--packets", *checksum)
    figures = json.loads(run(*command, "--json").out)
    told = "lossless" if largest == 0 else "max error 3"
    assert figures["promise"] == told
    assert sum(figures["packets_by_mode"].values()) == len(frames)
    assert f"; {told}; coded as: " in run(*command, "-f").err
    assert run("decompress", "x.npy.packets", *MODEL, *checksum, "-o", "y.npy").code == 0
    assert np.abs(np.load("y.npy").astype(int) - frames).max() == largest
    shown = json.loads(run("info", "x.npy.packets", *checksum, "--json").out)
    assert shown["packets_by_mode"] == figures["packets_by_mode"]
    assert shown["signals_by_quality"] == {}
    command = ("verify", "x.npy.packets", *MODEL, *checksum, "--against", "x.npy", "--json")
    assert json.loads(run(*command).out)["max_abs_error"] == largest


def test_packets_of_networks_are_counted(run, frames, monkeypatch):
    without = "narrows.codec.encoding.promised_packets._without_networks"
    monkeypatch.setattr(without, lambda x, _: (Form.STORED, x.tobytes()))
    done = run("compress", "x.npy", *MODEL, "--lossless", "--packets", "-o", "p.jsonl")
    assert "coded as: 40 levels by networks; " in done.err


def test_packets_without_a_model_are_refused(run, frames):
    done = run("compress", "x.npy", "--lossless", "--packets")
    assert (done.code, "says to both sides what a signal is" in " ".join(done.err.split())) == (
        2,
        True,
    )
