"""DATA at URLs: in memory, in a zip, and on a server of this machine."""

import functools
import http.server
import threading
import zipfile

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals import read_signals
from narrows.signals.reading import Reading
from tests.helpers.tiny_models import refusing

fsspec = pytest.importorskip("fsspec", reason="URLs are read by fsspec; extra remote")

X = np.random.default_rng(0).integers(0, 99, (20, 4, 4)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """A folder of a file of each kind."""
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", a=X, b=X[:3])
    (tmp_path / "parts").mkdir()
    for number in range(3):
        np.save(tmp_path / "parts" / f"{number}.npy", X[number])
    return tmp_path


@pytest.fixture
def server(folder):
    """The address of a server of the folder."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_files_of_a_server_are_read(server):
    pytest.importorskip("aiohttp", reason="servers are asked by aiohttp; extra remote")
    assert np.array_equal(read_signals(f"{server}/x.npy"), X)
    assert np.array_equal(read_signals(f"{server}/x.npz:b"), X[:3])
    assert read_signals(f"{server}/parts/", Reading(window=4)).shape == (3, 4, 4)
    with refusing(DataError, match=r"http://.*/gone\.npy'"):
        read_signals(f"{server}/gone.npy")


def test_members_of_a_zip_are_read(folder):
    with zipfile.ZipFile(folder / "all.zip", "w") as file:
        file.write(folder / "x.npy", "inner/x.npy")
    assert np.array_equal(read_signals(f"zip://inner/x.npy::{folder}/all.zip"), X)


def test_folders_and_patterns_are_read(folder):
    system = fsspec.filesystem("memory")
    system.put(str(folder / "parts"), "/narrows-test/parts", recursive=True)
    try:
        for url in ("memory://narrows-test/parts", "memory://narrows-test/parts/*.npy"):
            assert read_signals(url, Reading(window=4)).shape == (3, 4, 4)
        assert read_signals("memory://narrows-test/parts/[01].npy", Reading(window=4)).shape[0] == 2
    finally:
        system.rm("/narrows-test", recursive=True)


@pytest.mark.parametrize(
    "url", ["memory://gone", "gone://x.npy", "memory://gone/*.npy", "s3://x/y.npy"]
)
def test_what_cannot_be_read_is_named_in_one_line(url):
    with refusing(DataError, match=url.replace("*", r"\*")):
        read_signals(url)


def test_kinds_of_urls_that_are_read_are_told():
    with refusing(DataError, match="'gone' that fsspec does not know; https://, s3://"):
        read_signals("gone://y.npy")
