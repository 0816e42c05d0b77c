"""Models and archives at URLs: in memory, in a zip, and on a server of this machine."""

import io
import pickle
import zipfile

import numpy as np
import pytest

import narrows
from narrows.codec.archive import NO_MODEL, ArchiveWriter, Block, Header, Mode
from narrows.errors import DataError, FormatError, MissingExtraError, ModelNotFoundError
from narrows.urls import HUB_MODEL, LEAST_AHEAD, RemoteFile, local_name, open_url
from tests.helpers.range_server import serving
from tests.helpers.tiny_models import refusing, tiny_codec, typical_frames

fsspec = pytest.importorskip("fsspec", reason="URLs are read by fsspec; extra remote")

CODEC = tiny_codec("uint8", (3, 5), 2, 3)
X = typical_frames(CODEC.model, 9)


@pytest.fixture
def memory():
    """A file system of fsspec's in memory, with a model and an archive in `/held`."""
    system = fsspec.filesystem("memory")
    system.pipe("/held/m.narrows", CODEC.model_bytes)
    system.pipe("/held/x.nrw", CODEC.compress(X))
    yield system
    system.rm("/held", recursive=True)


@pytest.fixture
def large():
    """An archive of 2 MB in blocks of 64 kB, as it is without loss, and what it holds."""
    x = np.random.default_rng(0).integers(0, 256, (2048, 1024)).astype(np.uint8)
    stream = io.BytesIO()
    writer = ArchiveWriter(stream, Header(NO_MODEL, x.dtype, x.shape[1:]))
    for block in np.split(x, 32):
        writer.write(Block(Mode.STORED, 0, len(block), block.tobytes()))
    writer.close()
    return x, stream.getvalue()


# ---------------------------------------------------------------- where they may be


def test_models_and_archives_in_memory_are_read(memory):
    assert narrows.load("memory://held/m.narrows").model_id == CODEC.model_id
    with narrows.open("memory://held/x.nrw", "memory://held/m.narrows") as archive:
        expected = CODEC.decompress(CODEC.compress(X))
        assert np.array_equal(archive[4], expected[4])
        assert "memory://held/x.nrw" in repr(archive)
        assert np.array_equal(pickle.loads(pickle.dumps(archive))[2:7], expected[2:7])  # noqa: S301
    model = "memory://held/m.narrows"
    blob = narrows.compress(X, model)
    assert np.array_equal(narrows.decompress(blob, model), expected)


def test_members_of_a_zip_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("inner/m.narrows", CODEC.model_bytes)
        file.writestr("inner/x.nrw", CODEC.compress(X))
    inner = f"zip://inner/{{}}::{tmp_path}/all.zip"
    with narrows.open(inner.format("x.nrw"), inner.format("m.narrows")) as archive:
        assert np.array_equal(archive[::-1], CODEC.decompress(CODEC.compress(X))[::-1])


def test_files_are_read_by_their_url(tmp_path):
    CODEC.save(tmp_path / "m.narrows")
    assert narrows.load(f"file://{tmp_path}/m.narrows").model_id == CODEC.model_id


def test_a_repository_of_the_hub_stands_for_the_model_in_it(monkeypatch):
    asked = []
    monkeypatch.setattr("narrows.urls.located", lambda url: asked.append(url) or (None, ""))
    monkeypatch.setattr(RemoteFile, "_open", lambda self: io.BytesIO())
    urls = ["hf://a/b", "hf://a/b@v1/", "simplecache::hf://a/b", "hf://a/b/c.nrw", "s3://a/b"]
    for url in urls:
        open_url(url).close()
    first = [f"hf://a/b/{HUB_MODEL}", f"hf://a/b@v1/{HUB_MODEL}"]
    assert asked == [*first, f"simplecache::hf://a/b/{HUB_MODEL}", *urls[3:]]


# ---------------------------------------------------------------- what is read


@pytest.fixture
def server(large):
    pytest.importorskip("aiohttp", reason="servers are asked by aiohttp; extra remote")
    with serving({"x.nrw": large[1], "m.narrows": CODEC.model_bytes}) as running:
        yield running


def test_of_an_archive_the_index_is_read_and_blocks_that_are_wanted(server, large):
    x, blob = large
    with narrows.open(f"{server.address}/x.nrw") as archive:
        opened, block = server.sent, len(blob) / 32
        assert opened < 4 * LEAST_AHEAD
        server.forget()
        assert np.array_equal(archive[1000], x[1000])
        assert np.array_equal(archive[1001], x[1001])
        assert 0 < server.sent < block + LEAST_AHEAD
        server.forget()
        assert np.array_equal(archive[128:256], x[128:256])
        assert server.sent < 2 * (2 * block) + LEAST_AHEAD


def test_who_reads_on_gets_more_with_each_answer(server, large):
    with open_url(f"{server.address}/x.nrw") as file:
        pieces = [file.read(1 << 12) for _ in range(600)]
    assert b"".join(pieces) == large[1]
    assert server.answers < 10
    assert server.sent == len(large[1])


def test_a_server_that_answers_no_ranges_sends_the_whole_file_once(large):
    pytest.importorskip("aiohttp", reason="servers are asked by aiohttp; extra remote")
    x, blob = large
    with serving({"x.nrw": blob}, answers_ranges=False) as server:
        with narrows.open(f"{server.address}/x.nrw") as archive:
            server.forget()
            assert np.array_equal(archive[2000], x[2000])
        assert server.sent == 0


def test_a_file_that_becomes_shorter_while_it_is_read_is_told(memory):
    with open_url("memory://held/x.nrw") as file:
        memory.store["/held/x.nrw"].truncate(9)
        with refusing(DataError, match="'memory://held/x.nrw' gave 9 of .* it has changed"):
            file.read(40)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("url", ["memory://gone/m.narrows", "gone://m.narrows", "memory://held"])
def test_what_is_not_there_is_named_in_one_line(memory, url):
    with refusing(ModelNotFoundError, match=url):
        narrows.load(url)
    with refusing(DataError, match=url):
        narrows.open(url)


def test_what_is_no_archive_or_model_is_told_as_of_a_file(memory):
    with refusing(FormatError, match="not an archive|no archive|archive"):
        narrows.open("memory://held/m.narrows")
    with refusing(FormatError, match="memory://held/x.nrw"):
        narrows.load("memory://held/x.nrw")


@pytest.mark.parametrize(
    ("url", "error", "line"),
    [
        ("hf://user/model", MissingExtraError, r"pip install 'narrows\[hub\]'"),
        ("https://x/m.narrows", MissingExtraError, r"pip install 'narrows\[remote\]'"),
        ("s3://bucket/m.narrows", ModelNotFoundError, "pip install s3fs"),
        ("zip://m.narrows::gs://b/x.zip", ModelNotFoundError, "pip install gcsfs"),
    ],
)
def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch, url, error, line):
    def missing(url):
        raise ImportError("Install it")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with refusing(error, match=line):
        narrows.load(url)


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with refusing(MissingExtraError, match=r"reading URLs needs fsspec.*narrows\[remote\]"):
        narrows.load("https://x/m.narrows")


def test_a_server_that_does_not_answer_is_told_in_one_line():
    pytest.importorskip("aiohttp", reason="servers are asked by aiohttp; extra remote")
    with serving({}) as server:
        address = server.address
        with refusing(ModelNotFoundError, match=f"{address}/m.narrows"):
            narrows.load(f"{address}/m.narrows")
    with refusing(ModelNotFoundError, match=f"{address}/m.narrows.*cannot be read"):
        narrows.load(f"{address}/m.narrows")


# ---------------------------------------------------------------- outputs


def test_nothing_is_written_to_a_url():
    with refusing(DataError, match="the output s3://b/m.narrows is a URL, .* only read"):
        CODEC.save("s3://b/m.narrows")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a/x.nrw?token=1#2", "x.nrw"),
        ("memory://x.nrw", "x.nrw"),
        ("zip://inner/x.npy::https://host/all.zip", "x.npy"),
        ("s3://bucket/recordings/", "recordings"),
        ("s3://bucket/x.npz:a", "x.npz:a"),
        ("folder/x.npy", "folder/x.npy"),
    ],
)
def test_what_is_made_of_a_url_is_named_after_its_last_part(url, name):
    assert local_name(url) == name
