"""What surrounds a command: full disks, little memory, folders that vanish, styles of the user."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import Result, fails_with_one_line

MODEL = ("-m", "m.narrows")
posix = pytest.mark.skipif(os.name != "posix", reason="limits and removed folders are POSIX's")


def limited(limit, *arguments, stdin=None, **environment):
    """Run a command that may take so many of the units of a `ulimit`."""
    line = f'ulimit {limit}; exec "$@" > piped'
    command = ["bash", "-c", line, "bash", sys.executable, "-m", "narrows", *arguments]
    environment = {**os.environ, **environment}
    done = subprocess.run(
        command, input=stdin, capture_output=True, env=environment, check=False
    )  # fmt: skip
    return Result(done.returncode, "", done.stderr.decode())


@posix
@pytest.mark.parametrize("command", [("decompress", "x.nrw", *MODEL, "-o", "-"), ("verify", "-")])
def test_a_temporary_folder_that_is_full_is_named(run, folder, tiny_codec, digits, command):
    assert run("compress", "x.npy", *MODEL, "-o", "x.nrw").code == 0
    big = tiny_codec.compress(
        digits[:50], metadata={"a": np.random.default_rng(0).bytes(9000).hex()}
    )
    full = limited("-f 2", *command, stdin=big, TMPDIR=str(folder))
    assert fails_with_one_line(full, "File too large", str(folder), "TMPDIR names another")


@posix
def test_without_a_temporary_folder_a_file_can_be_decompressed(run, folder, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryDirectory", None)
    assert run("compress", "x.npy", *MODEL, "-o", "x.nrw").code == 0
    assert run("decompress", "x.nrw", *MODEL, "-o", "y.npy").code == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    ],
)
def test_too_little_memory_is_told_in_one_line(run, folder, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("narrows.codec.codec.Codec.from_bytes", fails)
    assert fails_with_one_line(run("compress", "x.npy", *MODEL), "out of memory", "fewer")


@posix
def test_a_folder_that_was_removed_meanwhile_is_told(run, folder, monkeypatch):
    x, model, gone = (Path(name).absolute() for name in ("x.npy", "m.narrows", "gone"))
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    told = run("compress", x, "-m", model, "-o", "x.nrw")
    assert fails_with_one_line(told, "x.nrw cannot be written", "removed", "change to another")
    assert run("compress", x, "-m", model, "-o", folder / "x.nrw").code == 0


BROKEN = """
import sys
from types import ModuleType
class Broken:
    def find_spec(self, name, *_):
        if name in ("torch", "sklearn", "matplotlib", "soundfile", "pyarrow"):
            raise ImportError("libx.so.1: cannot open shared object file")
sys.meta_path.insert(0, Broken())
from narrows.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "x.npy", "-o", "t.narrows"),
        ("train", "digits", "-o", "t.narrows"),
        ("report", "x.npy", *MODEL),
        ("probe", "x.npy", *MODEL, "--labels", "y.npy"),
    ],
)
def test_a_package_that_is_there_and_broken_is_told_with_what_breaks_it(folder, arguments):
    np.save("y.npy", np.arange(50) % 2)
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, *arguments], capture_output=True, check=False
    )
    words = "installed but cannot be loaded (libx.so.1: cannot open", "--force-reinstall 'narrows["
    assert fails_with_one_line(Result(done.returncode, "", done.stderr.decode()), *words)


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_pictures_of_commands_have_a_style_of_their_own(folder, backend):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib; extra report")
    code = (
        "import io\n"
        "from narrows.evaluation import plots\n"
        "plots.prepare_drawing()\n"
        "plots.write_png(plots.histograms([1.0, 2.0], [3]), io.BytesIO())\n"
    )
    Path("matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 3000\n")
    environment = {**os.environ, "MPLBACKEND": backend}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
