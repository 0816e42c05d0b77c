import gzip
import hashlib
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from narrows.errors import DataError, MissingExtraError
from narrows.signals import read_labels, read_signals
from narrows.signals.known import fetch as fetch_module
from narrows.signals.known.fetch import KNOWN_SETS, MIRRORS, KnownFile, KnownSet, fetch, find_local
from tests.helpers.signal_frames import written

X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
PLAIN = written(X, ".idx")
PACKED = gzip.compress(PLAIN, mtime=0)
FILE = KnownFile(
    "toy",
    "images-idx3-ubyte",
    hashlib.sha256(PACKED).hexdigest(),
    hashlib.sha256(PLAIN).hexdigest(),
)


class Mirror(BaseHTTPRequestHandler):
    """Serves the good file in /good/, another in /bad/, and 404 elsewhere."""

    asked: list[str]

    def do_GET(self):
        self.server.asked.append(self.path)
        content = {"/good/": PACKED, "/bad/": PACKED[:-1]}.get(self.path.removesuffix(FILE.name_gz))
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    pytest.importorskip("pooch")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.asked = []
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_is_downloaded_once_and_then_taken_from_the_cache(server, tmp_path, capfd):
    for _ in range(2):
        path = fetch(FILE, [f"{server.address}/good/"], tmp_path)
        assert path == tmp_path / "toy" / "images-idx3-ubyte.gz"
        assert path.read_bytes() == PACKED
    assert len(server.asked) == 1
    assert capfd.readouterr() == ("", "")


def test_a_wrong_checksum_goes_on_to_the_next_mirror(server, tmp_path):
    path = fetch(FILE, [f"{server.address}/bad/", f"{server.address}/good/"], tmp_path)
    assert path.read_bytes() == PACKED
    assert [asked.split("/")[1] for asked in server.asked] == ["bad", "good"]


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, tmp_path):
    path = fetch(FILE, [f"{server.address}/good/"], tmp_path)
    path.write_bytes(b"damaged")
    assert fetch(FILE, [f"{server.address}/good/"], tmp_path).read_bytes() == PACKED


def test_without_any_mirror_one_line_says_what_was_tried_and_where_to_put_the_file(
    server, tmp_path, monkeypatch
):
    monkeypatch.delenv("NARROWS_DATA", raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(DataError) as caught:
            fetch(FILE, [f"{server.address}/gone/", f"{server.address}/bad/", dead], tmp_path)
    message = str(caught.value)
    assert f"{server.address}/gone/ (HTTP status 404)" in message
    assert f"{server.address}/bad/ (wrong checksum)" in message
    assert f"{dead} (ConnectionError)" in message
    assert "$NARROWS_DATA/toy/images-idx3-ubyte.gz" in message
    assert "\n" not in message


def test_a_download_draws_its_progress_on_a_terminal_only(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fetch(FILE, [f"{server.address}/good/"], tmp_path)
    assert "images-idx3-ubyte.gz" in capsys.readouterr().err
    fetch(FILE, [f"{server.address}/good/"], tmp_path)
    assert capsys.readouterr().err == ""


def test_without_pooch_the_line_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'narrows\[train\]'"):
        fetch(FILE, ["http://127.0.0.1/"], tmp_path)


@pytest.mark.parametrize(
    ("name", "content"), [("images-idx3-ubyte.gz", PACKED), ("images-idx3-ubyte", PLAIN)]
)
def test_a_local_file_is_found_packed_or_not(tmp_path, name, content):
    assert find_local(FILE, tmp_path) is None
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / name).write_bytes(content)
    assert find_local(FILE, tmp_path) == tmp_path / "toy" / name
    (tmp_path / "toy" / name).write_bytes(content + b"\0")
    with pytest.raises(DataError, match="is not the published"):
        find_local(FILE, tmp_path)


def test_a_known_set_is_read_from_a_folder_else_from_a_mirror(server, tmp_path, monkeypatch):
    monkeypatch.setitem(KNOWN_SETS, "mnist:test", KnownSet(FILE, FILE))
    monkeypatch.setitem(MIRRORS, "toy", [f"{server.address}/good/"])
    monkeypatch.setattr(fetch_module, "_user_cache", lambda file: tmp_path / "cache")
    monkeypatch.setenv("NARROWS_DATA", str(tmp_path / "data"))
    assert np.array_equal(read_signals("mnist:test"), X)
    assert len(server.asked) == 1
    (tmp_path / "data" / "toy").mkdir(parents=True)
    (tmp_path / "data" / "toy" / FILE.name).write_bytes(PLAIN)
    assert np.array_equal(read_signals("mnist:test"), X)
    assert len(server.asked) == 1
    with pytest.raises(DataError, match="one integer per signal"):
        read_labels("mnist:test")


def test_every_known_file_has_two_mirrors_and_its_own_checksums():
    files = [file for known in KNOWN_SETS.values() for file in (known.images, known.labels)]
    checksums = {sha for file in files for sha in (file.sha256, file.sha256_gz)}
    assert len(checksums) == 2 * len(files)
    assert all(len(sha) == 64 for sha in checksums)
    for file in files:
        assert len(MIRRORS[file.folder]) >= 2
        assert all(mirror.endswith("/") for mirror in MIRRORS[file.folder])
