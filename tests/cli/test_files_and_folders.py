"""Files and folders that are cut to signals come back as they were, and nothing else is written."""

import io
import json
import os
import sys
import warnings

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.models import load_codec
from narrows.signals import Reading, open_signals
from narrows.signals.formats.wav import open_wav, write_wav
from narrows.signals.geometry import pack_geometry
from tests.helpers.command_line import fails_with_one_line
from tests.signals.test_geometry import geometry

pytest.importorskip("torch", reason="training needs torch; extra train")
RATES = (8000, 16_000)


def recording(seed, n):
    walk = np.random.default_rng(seed).normal(size=n).cumsum()
    return (100 * walk).astype(np.int16)


def save_wav(path, x, rate):
    with path.open("wb") as stream:
        write_wav(stream, x, {"rate": rate})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of twelve recordings, and a model of windows of 16 that overlap by half."""
    place = tmp_path_factory.mktemp("trained")
    spoken = place / "spoken"
    (spoken / "b").mkdir(parents=True)
    for n in range(12):
        name = f"b/{n}.wav" if n % 3 == 0 else f"{n}.wav"
        save_wav(spoken / name, recording(n, 200 + 37 * n), RATES[n % 2])
    codec = narrows.train(spoken, window=16, hop=8, architecture="linear", latent_size=4)
    codec.save(place / "m.narrows")
    return place


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A fresh folder with links to recordings and model, where the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NARROWS_MODELS", raising=False)
    (tmp_path / "m.narrows").write_bytes((trained / "m.narrows").read_bytes())
    os.symlink(trained / "spoken", tmp_path / "spoken")
    return tmp_path


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_model_remembers_how_it_was_cut_and_what_was_held_out(trained):
    training = load_codec(trained / "m.narrows").model.training
    assert training["cut"] == {"lengths": [16], "hops": [8]}
    assert len(training["held_out"]) == 1
    learnt = training["signals"] - training.get("crops", 0)
    assert learnt + training["validation_signals"] == sum(
        2 + (200 + 37 * n - 16 - 1) // 8 for n in range(12)
    )


def test_a_folder_comes_back_with_names_lengths_and_rates(run, place):
    done = run("compress", "spoken", "-m", "m.narrows")
    assert done.code == 0
    assert "12 files in " in done.err
    assert "bytes of them for names and shapes" in done.err
    assert run("decompress", "spoken.nrw", "-m", "m.narrows", "-o", "back").code == 0
    assert files(place / "back") == files(place / "spoken")
    for name in files(place / "back"):
        before, after = open_wav(place / "spoken" / name), open_wav(place / "back" / name)
        assert (before.shape, before.dtype, before.attributes) == (
            after.shape, after.dtype, after.attributes,
        )  # fmt: skip
        error = before.read().astype(float) - after.read()
        assert error.std() < before.read().std() / 2
    both = narrows.decompress((place / "spoken.nrw").read_bytes(), "m.narrows")
    assert np.array_equal(both["4.wav"], open_wav(place / "back" / "4.wav").read())
    from_python = narrows.compress("spoken", "m.narrows")
    assert from_python == (place / "spoken.nrw").read_bytes()


def test_one_file_of_a_folder_comes_back_by_its_name(run, place):
    made = json.loads(run("compress", "spoken", "-m", "m.narrows", "--json").out)
    run("decompress", "spoken.nrw", "-m", "m.narrows", "-o", "back")
    shown = json.loads(run("info", "spoken.nrw", "--json").out)
    assert shown["ratio"] == made["ratio"] < made["signals"] * 16 * 2 / made["compressed_bytes"]
    assert shown["cut_from"].startswith("12 files of a folder")
    assert "frames of 16, 8 apart; 1 file held out" in run("info", "m.narrows").out
    listed = json.loads(run("decompress", "spoken.nrw", "--list", "--json").out)
    assert [each["name"] for each in listed["members"]] == files(place / "spoken")
    assert {each["attributes"]["rate"] for each in listed["members"]} == set(RATES)
    assert "b/3.wav  311" in run("decompress", "spoken.nrw", "--list").out
    assert run("decompress", "spoken.nrw", "-m", "m.narrows", "--member", "b/3.wav").code == 0
    assert (place / "3.wav").read_bytes() == (place / "back" / "b" / "3.wav").read_bytes()
    told = run("decompress", "spoken.nrw", "-m", "m.narrows", "--member", "b/33.wav")
    assert fails_with_one_line(told, "holds no 'b/33.wav'", "'b/3.wav'", "--list")
    to_npy = ("decompress", "spoken.nrw", "-m", "m.narrows", "--member", "4.wav", "-o", "4.npy")
    assert run(*to_npy).code == 0
    assert np.array_equal(np.load("4.npy"), open_wav(place / "back" / "4.wav").read())


def test_one_recording_comes_back_in_its_format(run, place):
    run("compress", "spoken/4.wav", "-m", "m.narrows", "-o", "one.nrw")
    assert run("decompress", "one.nrw", "-m", "m.narrows").code == 0
    assert open_wav(place / "one.wav").shape == (348,)
    with narrows.open("one.nrw", "m.narrows") as array:
        assert np.array_equal(array, open_wav(place / "one.wav").read())
        assert array.attributes["rate"] == RATES[0]
    told = run("decompress", "one.nrw", "-m", "m.narrows")
    assert fails_with_one_line(told, "one.wav", "-f")


def test_archives_of_recordings_go_through_pipes(run, place, monkeypatch):
    run("compress", "spoken/4.wav", "-m", "m.narrows", "-o", "one.nrw")
    run("decompress", "one.nrw", "-m", "m.narrows")
    blob = (place / "one.nrw").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(blob)))
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    assert run("decompress", "-", "-m", "m.narrows").code == 0
    assert out.buffer.getvalue() == (place / "one.wav").read_bytes()


def test_a_folder_that_holds_files_is_left_alone_unless_asked(run, place):
    run("compress", "spoken", "-m", "m.narrows")
    (place / "back").mkdir()
    (place / "back" / "4.wav").write_bytes(b"mine")
    (place / "back" / "others.txt").write_bytes(b"mine")
    command = ("decompress", "spoken.nrw", "-m", "m.narrows", "-o", "back")
    assert fails_with_one_line(run(*command), "back exists and is not empty", "-f")
    assert files(place / "back") == ["4.wav", "others.txt"]
    assert run(*command, "-f").code == 0
    assert files(place / "back") == sorted([*files(place / "spoken"), "others.txt"])
    assert open_wav(place / "back" / "4.wav").shape == (348,)
    assert fails_with_one_line(run("decompress", "spoken.nrw", "-m", "m.narrows"), "spoken")
    assert not [p for p in place.iterdir() if p.name.startswith(".")]


def test_links_in_the_output_are_never_followed(run, place):
    run("compress", "spoken", "-m", "m.narrows")
    (place / "back").mkdir()
    (place / "elsewhere").mkdir()
    (place / "precious").write_bytes(b"mine")
    os.symlink(place / "precious", place / "back" / "4.wav")
    command = ("decompress", "spoken.nrw", "-m", "m.narrows", "-o", "back", "-f")
    assert run(*command).code == 0
    assert (place / "precious").read_bytes() == b"mine"
    assert not (place / "back" / "4.wav").is_symlink()
    for file in (place / "back" / "b").iterdir():
        file.unlink()
    (place / "back" / "b").rmdir()
    os.symlink(place / "elsewhere", place / "back" / "b")
    assert fails_with_one_line(run(*command), "is a link")
    assert not files(place / "elsewhere")


@pytest.mark.parametrize(
    "name", ["../evil.wav", "/tmp/evil.wav", "a/../../evil.wav", "NUL", "a\0b"]
)
def test_hostile_names_are_refused_and_nothing_is_written(run, place, name):
    codec = load_codec(place / "m.narrows")
    hostile = geometry([name], shapes=[(16,)], lengths=(16,), hops=(16,), attributes=[{}])
    blob = codec.compress(np.zeros((1, 16), np.int16), metadata=pack_geometry(hostile))
    (place / "x.nrw").write_bytes(blob)
    before = files(place)
    for extra in ((), ("-f",), ("-o", "out"), ("--list",), ("--member", name.replace("\0", ""))):
        told = run("decompress", "x.nrw", "-m", "m.narrows", *extra)
        assert fails_with_one_line(told, "the name"), extra
    assert files(place) == before
    assert not (place.parent / "evil.wav").exists()


def test_what_a_geometry_claims_takes_no_memory_before_it_is_checked(run, place):
    codec = load_codec(place / "m.narrows")
    hostile = geometry(["x.wav"], shapes=[(1 << 40,)], lengths=(16,), hops=(16,), attributes=[{}])
    blob = codec.compress(np.zeros((1, 16), np.int16), metadata=pack_geometry(hostile))
    (place / "x.nrw").write_bytes(blob)
    told = run("decompress", "x.nrw", "-m", "m.narrows", "-o", "x.wav")
    assert fails_with_one_line(told, "archive of 1 frames")


def test_unknown_formats_are_restored_where_a_suffix_is_given(run, place):
    codec = load_codec(place / "m.narrows")
    known = geometry(["x.abc"], shapes=[(20,)], lengths=(16,), hops=(16,), attributes=[{}],
                     formats=["a later one"], is_folder=False)  # fmt: skip
    blob = codec.compress(np.zeros((2, 16), np.int16), metadata=pack_geometry(known))
    (place / "x.nrw").write_bytes(blob)
    told = run("decompress", "x.nrw", "-m", "m.narrows")
    assert fails_with_one_line(told, "'a later one'", "give a name that ends in", ".npy")
    assert run("decompress", "x.nrw", "-m", "m.narrows", "-o", "x.npy").code == 0
    assert np.load("x.npy").shape == (20,)


def test_files_cannot_be_appended_and_signals_have_no_members(run, place):
    run("compress", "spoken", "-m", "m.narrows")
    told = run("compress", "spoken/4.wav", "-m", "m.narrows", "-o", "spoken.nrw", "--append")
    assert fails_with_one_line(told, "--append", "an archive of their own")
    np.save("x.npy", np.zeros((3, 16), np.int16))
    run("compress", "x.npy", "-m", "m.narrows")
    assert fails_with_one_line(run("decompress", "x.npy.nrw", "--list"), "without names")
    assert run("decompress", "x.npy.nrw", "-m", "m.narrows", "--member", "a").code == 2


def test_a_damaged_archive_of_files_writes_nothing(run, place):
    run("compress", "spoken", "-m", "m.narrows")
    content = bytearray((place / "spoken.nrw").read_bytes())
    content[-200] ^= 1
    (place / "x.nrw").write_bytes(content)
    assert fails_with_one_line(run("decompress", "x.nrw", "-m", "m.narrows", "-o", "back"))
    assert not (place / "back").exists()
    assert not [p for p in place.iterdir() if p.name.startswith(".")]


def test_evaluate_verify_and_encode_read_files_as_the_model_does(run, place):
    n = open_signals("spoken", Reading(window=16, hop=(8,))).shape[0]
    run("compress", "spoken", "-m", "m.narrows")
    command = ("verify", "spoken.nrw", "-m", "m.narrows", "--against", "spoken", "--json")
    assert json.loads(run(*command).out)["signals"] == n
    evaluated = json.loads(run("evaluate", "spoken", "-m", "m.narrows", "--json").out)
    assert evaluated["signals"] == n
    assert run("encode", "spoken", "-m", "m.narrows", "-o", "y.npy").code == 0
    assert len(np.load("y.npy")) == n


def test_a_long_list_of_numbers_is_cut_and_that_is_said(run, place):
    np.save("long.npy", recording(1, 5000))
    done = run("train", "long.npy", "-o", "l.narrows", "--architecture", "linear",
               "--latent-size", "4")  # fmt: skip
    assert done.code == 0
    assert "cut in frames of 256; --window takes another size" in done.err
    assert run("compress", "long.npy", "-m", "l.narrows").code == 0
    assert run("decompress", "long.npy.nrw", "-m", "l.narrows", "-o", "y.npy").code == 0
    assert np.load("y.npy").shape == (5000,)
    both = ("compress", "long.npy", "-m", "l.narrows", "--window", "8", "--tile", "8", "-f")
    assert fails_with_one_line(run(*both), "give one")


def test_bare_numbers_come_back_bare(run, place):
    x = recording(3, 160).astype(">i2")
    x.tofile("x.dat")
    bare = ("--shape", "10,16", "--dtype", ">i2")
    assert run("compress", "x.dat", "-m", "m.narrows", *bare).code == 0
    assert run("decompress", "x.dat.nrw", "-m", "m.narrows", "-o", "y.dat").code == 0
    back = np.fromfile("y.dat", ">i2")
    assert back.shape == x.shape
    assert (back.astype(float) - x).std() < x.std() / 2


def test_a_pattern_that_the_shell_took_apart_is_told_how_to_be_passed(run, place):
    done = run("evaluate", "spoken/1.wav", "spoken/2.wav", "-m", "m.narrows")
    assert done.code == 2
    assert "a pattern in quotes" in done.err
    assert run("compress", "spoken/*.wav", "-m", "m.narrows", "-o", "x.nrw").code == 0
    assert "9 files" not in run("decompress", "x.nrw", "--list").out
    assert "b/0.wav" not in run("decompress", "x.nrw", "--list").out


def test_to_list_files_is_to_write_none(run, place):
    for options in (("-o", "out"), ("--member", "b/3.wav")):
        done = run("decompress", "spoken.nrw", "--list", *options)
        assert done.code == 2
        assert "--list writes nothing" in done.err


def test_another_window_than_the_model_s_is_told_with_what_helps(run, place):
    told = run("compress", "spoken", "-m", "m.narrows", "--window", 32, "-o", "w.nrw")
    assert fails_with_one_line(told, "window 32", "takes windows of 16", "leave the window out")
    assert run("compress", "spoken", "-m", "m.narrows", "-o", "w.nrw").code == 0
    assert run("compress", "spoken", "-m", "m.narrows", "--window", 16, "-o", "v.nrw").code == 0


def test_what_libraries_warn_of_is_no_message_of_a_command(run, folder, monkeypatch):
    own, shown = Codec.from_bytes.__func__, []

    def warning(cls, *args, **kwargs):
        warnings.warn("of a library's developers", UserWarning, stacklevel=1)
        return own(cls, *args, **kwargs)

    monkeypatch.setattr(Codec, "from_bytes", classmethod(warning))
    monkeypatch.setattr(warnings, "showwarning", lambda *args: shown.append(args))
    warnings.simplefilter("always")
    monkeypatch.setattr("sys.warnoptions", [])
    assert run("compress", "x.npy", "-m", "m.narrows").code == 0
    assert shown == []
    monkeypatch.setattr("sys.warnoptions", ["default"])
    assert run("compress", "x.npy", "-m", "m.narrows", "-f").code == 0
    assert len(shown) == 1
