"""What a path means: folders, pipes, devices and process substitution, wherever a file is asked."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.errors import DataError
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line

MODEL = ("-m", "m.narrows")
posix = pytest.mark.skipif(os.name != "posix", reason="FIFOs and /dev are POSIX's")


@pytest.fixture(autouse=True)
def inputs(folder, digits):
    codec = load_codec(folder / "m.narrows")
    Path("x.nrw").write_bytes(codec.compress(digits[:50]))
    np.save("z.npy", codec.encode(digits[:50]))
    np.save("y.npy", np.arange(50) % 2)
    Path("y.txt").write_text("0\n1\n" * 25)
    np.savez("x.npz", signals=digits[:50])
    return codec


# ---------------------------------------------------------------- outputs

WRITERS = [
    ("compress", "x.npy", *MODEL),
    ("decompress", "x.nrw", *MODEL),
    ("encode", "x.npy", *MODEL),
    ("decode", "z.npy", *MODEL),
    ("export-decoder", "m.narrows"),
    ("report", "x.npy", *MODEL),
    ("train", "x.npy", "--latent-size", 2, "--epochs", 1),
    ("demo",),
]


@pytest.mark.parametrize("command", WRITERS, ids=lambda command: command[0])
@pytest.mark.parametrize("output", ["out/", "out/.", "out/x.npy", "y.txt/"])
def test_a_folder_that_is_not_there_is_said_and_no_file(run, folder, command, output):
    before = sorted(folder.iterdir())
    assert fails_with_one_line(run(*command, "-o", output), "no folder", "make it first")
    assert sorted(folder.iterdir()) == before


TOO_LONG = "n" * 250 + ".npy"  # by its suffix, for most file systems


@pytest.mark.parametrize("command", WRITERS, ids=lambda command: command[0])
def test_a_name_that_is_too_long_is_said_with_what_it_may_take(run, folder, command):
    before = sorted(folder.iterdir())
    done = run(*command, "-o", f"{TOO_LONG}.png")
    assert fails_with_one_line(done, "258 bytes", "takes 255", "shorter one with -o")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("options", [(), ("--packets",), ("--output-dir", "out")], ids=str)
def test_a_default_name_that_is_too_long_is_said_and_a_shorter_one_helps(run, folder, options):
    Path(TOO_LONG).write_bytes(Path("x.npy").read_bytes())
    done = run("compress", TOO_LONG, *MODEL, *options)
    assert done.code == 1
    assert "takes 255; give a shorter one with -o, for this input alone" in done.err
    shorter = ("-o", "short", *options[:-2])
    assert run("compress", TOO_LONG, *MODEL, *shorter).code == 0
    assert not [path for path in folder.rglob("*") if len(path.name) > len(TOO_LONG)]


def test_packets_and_archives_of_the_longest_names_are_written(run, folder):
    for name in ("p" * 255, "a" * 255):
        assert run("compress", "x.npy", *MODEL, *["--packets"] * (name[0] == "p"),
                   "-o", name).code == 0  # fmt: skip
        assert fails_with_one_line(run("decompress", name, *MODEL), "259 bytes", "-o")
        assert run("decompress", name, *MODEL, "-o", "back.npy", "-f").code == 0


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (WRITERS[0], "x.npy.nrw"),
        (("compress", "x.npz:signals", *MODEL), "x.npz-signals.nrw"),
        (WRITERS[1], "x.npy"),
        (WRITERS[5], "report.html"),
    ],
)
def test_in_a_folder_the_output_has_its_default_name(run, folder, bare_page, command, name):
    (folder / "out").mkdir()
    for output in ("out", "out/"):
        done = run(*command, "-o", output, "-f")
        assert done.code == 0, done.err
        assert f"out/{name}" in done.err
    assert [path.name for path in (folder / "out").iterdir()] == [name]
    assert fails_with_one_line(run(*command, "-o", "out"), f"out/{name} exists already", "-f")


@pytest.mark.parametrize("command", [WRITERS[n] for n in (2, 3, 4, 6)], ids=lambda given: given[0])
def test_without_a_default_name_a_folder_is_refused(run, folder, command):
    (folder / "out").mkdir()
    assert fails_with_one_line(run(*command, "-o", "out"), "out is a folder; give the name of")
    assert list((folder / "out").iterdir()) == []


def test_a_colon_in_the_name_of_a_file_stays(run, folder):
    Path("12:30.npy").write_bytes(Path("x.npy").read_bytes())
    assert run("compress", "12:30.npy", *MODEL).code == 0
    assert Path("12:30.npy.nrw").exists()


def test_gzipped_npy_is_not_mistaken_for_gzipped_idx(run):
    assert fails_with_one_line(run("decompress", "x.nrw", *MODEL, "-o", "y.npy.gz"), ".npy.gz")


def test_a_picture_and_a_table_do_not_mix_on_standard_output(run):
    assert run("demo", "-o", "-").code == 2


@pytest.mark.parametrize("name", ["out/", "nowhere/m.narrows", "."])
def test_a_model_is_not_saved_as_a_file_of_a_folder_s_name(inputs, folder, name):
    with pytest.raises(DataError, match="folder"):
        inputs.save(name)
    assert not (folder / "out").exists()


# ---------------------------------------------------------------- inputs

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(narrows.__file__).parent.parent)}


def shell(command):
    """Run a line of bash, where `narrows` is the command."""
    narrows_command = f'narrows() {{ {sys.executable} -m narrows "$@"; }}; {command}'
    return subprocess.run(
        ["bash", "-c", narrows_command], capture_output=True, check=False, env=ENVIRONMENT
    )


READERS = {
    "compress": "narrows compress {} -m m.narrows -o - < x.npy",
    "compress npz": "narrows compress {} -m m.narrows -o - < x.npz",
    "decompress": "narrows decompress {} -m m.narrows -o - < x.nrw",
    "decompress salvage": "narrows decompress {} -m m.narrows -o - --skip-bad-blocks < x.nrw",
    "info": "narrows info {} --json < x.nrw",
    "info model": "narrows info {} --json < m.narrows",
    "verify": "narrows verify {} -m m.narrows --against x.npy --json < x.nrw",
    "verify against": "narrows verify x.nrw -m m.narrows --against {} --json < x.npy",
    "evaluate": "narrows evaluate {} -m m.narrows --json < x.npy",
    "encode": "narrows encode {} -m m.narrows -o - < x.npy",
    "decode": "narrows decode {} -m m.narrows -o - < z.npy",
    "export-decoder": "narrows export-decoder {} -o - < m.narrows",
    "model": "narrows compress x.npy -m {} -o - < m.narrows",
    "probe": "narrows probe x.npy -m m.narrows --labels {} --json < y.npy",
    "probe text": "narrows probe x.npy -m m.narrows --labels {} --json < y.txt",
}


@posix
@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_pipes_are_read_like_files(folder, name):
    command, _, file = READERS[name].rpartition(" < ")
    expected = shell(command.format(file))
    assert expected.returncode == 0, expected.stderr
    os.mkfifo("fifo")
    lines = [
        f"cat {file} | {command.format('-')}",
        f"{command.format('-')} < {file}",
        f"cat {file} | {command.format('/dev/stdin')}",
        f"{command.format('/dev/stdin')} < {file}",
        command.format(f"<(cat {file})"),
        f"cat {file} > fifo & {command.format('fifo')}",
    ]
    # Whoever reads a pipe opens it as the others do: all ways for one, two of them for each.
    number = list(READERS).index(name)
    for line in lines if number == 0 else (lines * 2)[number % 6 :][:2]:
        found = shell(line)
        assert (found.returncode, found.stdout) == (0, expected.stdout), (line, found.stderr)


@posix
@pytest.mark.slow
def test_signals_to_train_on_come_through_pipes(folder):
    options = "--latent-size 2 --architecture linear"
    done = shell(f"cat x.npy | narrows train - {options} --validation <(cat x.npy) -o a.narrows")
    assert done.returncode == 0, done.stderr
    done = shell(f"narrows sweep <(cat x.npy) {options} --jobs 1 -o s")
    assert done.returncode == 0, done.stderr
    assert Path("s/latents-2.narrows").exists()


@posix
def test_standard_output_has_several_names(folder):
    expected = Path("x.nrw").read_bytes()
    for name in ("-", "/dev/stdout", "/dev/fd/1"):
        found = shell(f"narrows compress x.npy -m m.narrows -o {name} > out; cat out")
        assert found.stdout == expected, found.stderr


@posix
@pytest.mark.parametrize(
    "command",
    [
        ("compress", "/dev/zero", *MODEL, "-o", "out"),
        ("evaluate", "/dev/zero", *MODEL),
        ("info", "/dev/zero"),
        ("verify", "/dev/zero", *MODEL),
        ("decompress", "/dev/zero", *MODEL, "-o", "out"),
        ("decompress", "/dev/zero", *MODEL, "-o", "out", "--skip-bad-blocks"),
    ],
)
def test_a_device_without_end_is_refused_by_its_beginning(run, folder, command):
    assert fails_with_one_line(run(*command), r"\x00\x00\x00\x00")
    assert not (folder / "out").exists()


@posix
def test_what_is_wrong_with_a_pipe_is_said_of_the_pipe(run, folder):
    for line, words in (
        ("head -c 50 x.npz | narrows evaluate - -m m.narrows", "'standard input' is damaged"),
        ("narrows evaluate <(head -c 50 x.npz) -m m.narrows", "'/dev/fd/"),
        ("true | narrows evaluate - -m m.narrows", "'standard input' is empty"),
        ("head -c 150 x.npy | narrows compress - -m m.narrows", "standard input ended"),
        ("narrows compress <(head -c 150 x.npy) -m m.narrows", "/dev/fd/63 ended"),
    ):
        found = shell(line + " | cat; exit ${PIPESTATUS[-2]}")
        told = found.stderr.decode()
        assert (found.returncode, told.count("\n")) == (1, 1), (line, told)
        assert words in told


@posix
def test_an_archive_that_is_read_at_any_place_cannot_be_a_pipe(folder):
    os.mkfifo("fifo")
    handle = os.open("fifo", os.O_RDWR)
    try:
        with pytest.raises(DataError, match=r"fifo is a pipe.*narrows.decompress"):
            narrows.open("fifo")
    finally:
        os.close(handle)
