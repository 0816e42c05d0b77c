"""Commands that write one file at once: the second waits or is refused, and nothing is lost."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.errors import OutputBusyError
from narrows.locks import locked
from tests.helpers.command_line import fails_with_one_line

COMPRESS = ("compress", "x.npy", "-m", "m.narrows")
WRITERS = [
    COMPRESS,
    ("decompress", "there.nrw", "-m", "m.narrows"),
    ("encode", "x.npy", "-m", "m.narrows"),
    ("export-decoder", "m.narrows"),
    ("report", "x.npy", "-m", "m.narrows"),
    ("train", "x.npy", "--latent-size", 2, "--epochs", 1),
    ("train", "x.npy", "--latent-size", 2, "--architecture", "linear"),
]
SWEEP = ("sweep", "x.npy", "--latent-size", "2", "--epochs", 1, "--jobs", 1)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def archive(run, folder):
    assert run(*COMPRESS, "-o", "there.nrw").code == 0
    return folder / "there.nrw"


@pytest.mark.parametrize("force", [(), ("-f",)], ids=["", "-f"])
@pytest.mark.parametrize("command", WRITERS, ids=lambda command: command[0])
def test_what_another_process_writes_is_refused_at_once(run, folder, archive, command, force):
    before = names(folder)
    with locked(folder / "out"):
        refused = run(*command, "-o", "out", *force)
    assert fails_with_one_line(refused, "out is being written by another process; wait")
    assert names(folder) == before


def test_a_link_and_its_file_are_one_output(run, folder):
    os.symlink("out", "link")
    with locked(folder / "out"):
        assert fails_with_one_line(run(*COMPRESS, "-o", "link"), "another process")


def test_a_sweep_is_refused_while_another_one_writes_its_folder(run, folder):
    (folder / "s").mkdir()
    with locked(folder / "s" / "sweep.json"):
        assert fails_with_one_line(run(*SWEEP, "-o", "s", "--quiet"), "another process")
    assert names(folder / "s") == []


@pytest.mark.parametrize("name", ["latents-2.narrows", "sweep.png", "reconstructions.png"])
def test_a_sweep_replaces_no_file_unasked(run, folder, name):
    (folder / "s").mkdir()
    (folder / "s" / name).write_bytes(b"precious")
    assert fails_with_one_line(run(*SWEEP, "-o", "s", "--quiet"), name, "-f")
    assert (folder / "s" / name).read_bytes() == b"precious"


def test_what_appears_while_a_command_works_is_not_replaced(run, folder, monkeypatch):
    from narrows.codec.codec import Codec

    def without_encoder(codec):
        Path("out").write_bytes(b"theirs")
        return codec

    monkeypatch.setattr(Codec, "without_encoder", without_encoder)
    assert fails_with_one_line(run("export-decoder", "m.narrows", "-o", "out"), "appeared")
    assert Path("out").read_bytes() == b"theirs"
    assert run("export-decoder", "m.narrows", "-o", "out", "-f").code == 0
    assert Path("out").read_bytes() == Path("m.narrows").read_bytes()


def test_who_appends_waits_and_says_so(run, folder, archive):
    held, waiting = threading.Event(), threading.Event()

    def hold():
        with locked(archive):
            held.set()
            waiting.wait(timeout=1)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(timeout=30)
    done = run(*COMPRESS, "-o", "there.nrw", "--append")
    thread.join()
    assert done.code == 0
    assert done.err.startswith("there.nrw: waiting for another process that writes it\n")
    assert "the archive now holds 100 signals" in done.err
    assert names(folder) == ["m.narrows", "there.nrw", "x.npy"]


def test_an_archive_that_another_program_changed_is_not_appended_to(run, archive, monkeypatch):
    from narrows.codec.encoding.encoder import Encoder

    def append_to(*_):
        archive.write_bytes(b"theirs")
        return 0

    monkeypatch.setattr(Encoder, "append_to", append_to)
    refused = run(*COMPRESS, "-o", "there.nrw", "--append")
    assert fails_with_one_line(refused, "there.nrw was changed by another program meanwhile")
    assert archive.read_bytes() == b"theirs"


# ---------------------------------------------------------------- trainings


def test_two_trainings_do_not_share_a_checkpoint(folder, digits):
    pytest.importorskip("torch", reason="training needs torch; extra train")
    settings = {"latent_size": 2, "epochs": 2, "checkpoint": folder / "c"}
    refused = []

    def train_the_same(record):
        with pytest.raises(OutputBusyError, match="c is being written by another process"):
            narrows.train(digits[:100], **settings, resume=True)
        refused.append(record.epoch)

    narrows.train(digits[:100], **settings, progress=train_the_same)
    assert refused == [1, 2]
    narrows.train(digits[:100], **settings, resume=True)
    assert names(folder) == ["c", "m.narrows", "x.npy"]


def test_a_model_that_was_finished_meanwhile_is_not_replaced(run, folder, monkeypatch):
    pytest.importorskip("torch", reason="training needs torch; extra train")
    from narrows.cli import train

    Path("out").write_bytes(b"theirs")
    Path("out.checkpoint").touch()

    def finish(*arguments, **options):
        Path("out.checkpoint").unlink()
        return open_output(*arguments, **options)

    open_output = train.open_output
    monkeypatch.setattr(train, "open_output", finish)
    command = ("train", "x.npy", "--latent-size", 2, "--epochs", 1, "-o", "out", "--resume")
    assert fails_with_one_line(run(*command), "out was finished meanwhile", "-f")
    assert Path("out").read_bytes() == b"theirs"


@pytest.mark.slow
@pytest.mark.parametrize("command", [COMPRESS, WRITERS[-2]], ids=lambda command: command[0])
def test_of_two_processes_with_one_new_name_one_is_told(folder, digits, command):
    np.save("x.npy", np.tile(digits[:500], (8, 1, 1)))
    environment = {**os.environ, "PYTHONPATH": str(Path(narrows.__file__).parent.parent)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "narrows", *map(str, command), "-o", "out"],
            stderr=subprocess.PIPE, text=True, env=environment,
        )
        for _ in range(2)
    ]  # fmt: skip
    told = [process.communicate()[1].splitlines()[-1] for process in started]
    assert sorted(process.returncode for process in started) == [0, 1]
    refused = told[[process.returncode for process in started].index(1)]
    assert refused.startswith("narrows: out ")
    assert names(folder) == ["m.narrows", "out", "x.npy"]
