"""What commands write: as private as what they read, and with the mode of what they replace."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import narrows

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")

TRAIN = ("train", "x.npy", "--latent-size", 2, "--epochs", 1)
WRITERS = {
    "compress": ("compress", "x.npy", "-m", "m.narrows"),
    "compress-member": ("compress", "x.npz:signals", "-m", "m.narrows"),
    "decompress": ("decompress", "x.nrw", "-m", "m.narrows"),
    "encode": ("encode", "x.npy", "-m", "m.narrows"),
    "decode": ("decode", "z.npy", "-m", "m.narrows"),
    "export-decoder": ("export-decoder", "m.narrows"),
    "report": ("report", "x.npy", "-m", "m.narrows", "--labels", "y.txt", "--train", "t.npy"),
    "train": (*TRAIN, "--validation", "t.npy"),
    "train-linear": (*TRAIN, "--architecture", "linear"),
}
INPUTS = ("x.npy", "x.npz", "x.nrw", "z.npy", "y.txt", "t.npy", "m.narrows")


def mode_of(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.fixture(autouse=True)
def inputs(folder, digits, bare_page):
    before = os.umask(0o022)
    codec = narrows.load("m.narrows")
    np.save("t.npy", digits[50:100])
    np.savez("x.npz", signals=digits[:50])
    Path("x.nrw").write_bytes(codec.compress(digits[:50]))
    np.save("z.npy", codec.encode(digits[:50]))
    Path("y.txt").write_text("0\n1\n" * 25)
    for name in INPUTS:
        Path(name).chmod(0o644)
    yield
    os.umask(before)


@pytest.mark.parametrize("name", WRITERS)
def test_a_new_file_is_private_if_one_of_its_sources_is(run, name):
    command = WRITERS[name]
    assert run(*command, "-o", "out").code == 0
    assert mode_of("out") == 0o644
    Path("out").unlink()
    for given in INPUTS:
        if any(str(argument).split(":")[0] == given for argument in command):
            Path(given).chmod(0o600)
            done = run(*command, "-o", "out")
            assert done.code == 0, done.err
            assert mode_of("out") == 0o600, given
            Path("out").unlink()
            Path(given).chmod(0o644)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_replaced_keeps_its_mode(run, name):
    Path("out").touch()
    for mode in (0o600, 0o640, 0o664):
        Path("out").chmod(mode)
        assert run(*WRITERS[name], "-o", "out", "-f").code == 0
        assert Path("out").stat().st_size > 0
        assert mode_of("out") == mode


def test_an_archive_that_is_appended_to_keeps_its_mode(run):
    Path("x.nrw").chmod(0o660)
    assert run(*WRITERS["compress"], "-o", "x.nrw", "--append").code == 0
    assert mode_of("x.nrw") == 0o660


def test_a_private_file_on_standard_input_is_private(folder):
    Path("x.npy").chmod(0o600)
    environment = {**os.environ, "PYTHONPATH": str(Path(narrows.__file__).parent.parent)}
    for name, stdin in (("private", "< x.npy"), ("piped", "< <(cat x.npy)")):
        command = f"{sys.executable} -m narrows compress - -m m.narrows -o {name} {stdin}"
        subprocess.run(["bash", "-c", command], check=True, env=environment)
    assert mode_of("private") == 0o600
    assert mode_of("piped") == 0o644


def test_a_saved_model_keeps_its_mode_and_a_new_one_is_an_ordinary_file(folder):
    codec = narrows.load("m.narrows")
    codec.save("new.narrows")
    assert mode_of("new.narrows") == 0o644
    Path("new.narrows").chmod(0o600)
    codec.save("new.narrows")
    assert mode_of("new.narrows") == 0o600


def test_a_checkpoint_is_its_owner_s_alone_and_keeps_a_mode_that_was_given(folder, digits):
    pytest.importorskip("torch", reason="training needs torch; extra train")
    settings = {"latent_size": 2, "epochs": 2, "checkpoint": "c"}
    narrows.train(digits[:100], **settings)
    assert mode_of("c") == 0o600
    Path("c").chmod(0o640)
    narrows.train(digits[:100], **settings, force=True)
    assert mode_of("c") == 0o640


def test_the_files_of_a_sweep_are_as_private_as_its_signals(run, folder):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib; extra report")
    Path("x.npy").chmod(0o600)
    command = ("sweep", "x.npy", "--latent-size", "2", "--epochs", 1, "--jobs", 1, "--quiet")
    assert run(*command, "-o", "s").code == 0
    assert {mode_of(path) for path in Path("s").iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("data", "private"), [("d", "d/a.npy"), ("d", "d"), ("d/*.npy", "d/a.npy")]
)
def test_what_is_made_of_a_folder_is_as_private_as_its_files(run, folder, data, private):
    Path("d").mkdir()
    for name in ("a", "b"):
        Path(f"d/{name}.npy").write_bytes(Path("x.npy").read_bytes())
    assert run("compress", data, "-m", "m.narrows", "-o", "open.nrw").code == 0
    assert Path("open.nrw").stat().st_mode & stat.S_IROTH
    Path(private).chmod(0o700)
    assert run("compress", data, "-m", "m.narrows", "-o", "own.nrw").code == 0
    assert not Path("own.nrw").stat().st_mode & stat.S_IRWXO
