"""Files may have any name that the file system takes: long ones, and bytes that are no text."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")

NO_TEXT = os.fsdecode(b"\xff")
MODEL = ("-m", f"m{NO_TEXT}.narrows")


@pytest.fixture(autouse=True)
def names(folder):
    shutil.copy("x.npy", f"x{NO_TEXT}.npy")
    shutil.copy("m.narrows", MODEL[1])


def narrows(*arguments, encoding="utf-8:strict"):
    """Run a command that must end well, where standard output takes one encoding strictly."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "narrows", *arguments]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_names_that_are_no_text_are_read_written_and_shown():
    x, archive = f"x{NO_TEXT}.npy", f"x{NO_TEXT}.npy.nrw"
    narrows("compress", x, *MODEL)
    assert r"archive x\udcff.npy.nrw" in narrows("info", archive)
    assert r"x\udcff.npy" in narrows("evaluate", x, *MODEL)
    narrows("decompress", archive, *MODEL, "-o", f"y{NO_TEXT}.npy")
    assert os.path.exists(b"y\xff.npy")


def test_characters_that_the_output_has_not_are_shown_by_their_numbers():
    shutil.copy("m.narrows", "\u00fc\u4e2d.narrows")
    assert r"model \xfc\u4e2d.narrows" in narrows("info", "\u00fc\u4e2d.narrows", encoding="ascii")


@pytest.mark.slow
def test_a_page_shows_names_that_are_no_text():
    pytest.importorskip("matplotlib", reason="a report needs matplotlib; extra report")
    narrows("report", f"x{NO_TEXT}.npy", *MODEL, "-o", f"r{NO_TEXT}.html", "--signals", "4")
    with open(f"r{NO_TEXT}.html", encoding="utf-8") as page:
        assert r"x\udcff.npy" in page.read()


def test_the_longest_names_can_be_written():
    name = "n" * 251 + ".nrw"
    narrows("compress", "x.npy", *MODEL, "-o", name)
    narrows("compress", "x.npy", *MODEL, "-o", name, "--append")
    assert sorted(os.listdir()) == sorted(["x.npy", "m.narrows", f"x{NO_TEXT}.npy", MODEL[1], name])
