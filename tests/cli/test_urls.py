"""Commands on models and archives at URLs."""

import json
from pathlib import Path

import numpy as np
import pytest

from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line
from tests.helpers.range_server import serving

pytest.importorskip("aiohttp", reason="servers are asked by aiohttp; extra remote")


@pytest.fixture
def server(folder, digits):
    """A server of a model, an archive and packets, in a folder with neither."""
    codec = load_codec(folder / "m.narrows")
    files = {"m.narrows": codec.model_bytes, "x.nrw": codec.compress(digits[:50])}
    Path("m.narrows").unlink()
    with serving(files) as running:
        yield running


def test_commands_take_a_model_and_an_archive_by_url(run, server):
    model, archive = ("-m", f"{server.address}/m.narrows"), f"{server.address}/x.nrw"
    described = json.loads(run("info", archive, "--json").out)
    assert described["compressed_bytes"] == len(server.files["x.nrw"])
    assert json.loads(run("info", model[1], "--json").out)["model_id"] == described["model_id"]
    found = json.loads(run("verify", archive, *model, "--against", "x.npy", "--json").out)
    assert found["signals"] == 50
    assert run("decompress", archive, *model, "-o", "first.npy").code == 0
    assert run("compress", "x.npy", *model).code == 0
    assert Path("x.npy.nrw").read_bytes() == server.files["x.nrw"]
    assert run("encode", "x.npy", *model, "-o", "z.npy").code == 0
    assert run("decode", "z.npy", *model, "-o", "back.npy").code == 0
    assert np.array_equal(np.load("back.npy"), np.load("first.npy"))
    assert run("export-decoder", model[1], "-o", "d.narrows").code == 0
    assert run("evaluate", "x.npy", *model).code == 0


def test_several_archives_and_packets_at_urls_are_decompressed(run, server):
    model, archive = ("-m", f"{server.address}/m.narrows"), f"{server.address}/x.nrw"
    server.files["y.nrw"] = server.files["x.nrw"]
    both = (archive, f"{server.address}/y.nrw")
    assert run("decompress", *both, *model, "--output-dir", "back").code == 0
    assert sorted(path.name for path in Path("back").iterdir()) == ["x.npy", "y.npy"]
    assert run("compress", "x.npy", *model, "--packets", "-o", "p.jsonl").code == 0
    server.files["p.jsonl"] = Path("p.jsonl").read_bytes()
    assert run("decompress", f"{server.address}/p.jsonl", *model).code == 0
    assert np.array_equal(np.load("p.npy"), np.load("back/x.npy"))


def test_what_is_not_there_is_one_line(run, server):
    gone = f"{server.address}/gone"
    assert fails_with_one_line(run("decompress", gone), f"'{gone}' cannot be read")
    assert fails_with_one_line(run("info", gone), f"'{gone}' cannot be read")
    done = run("compress", "x.npy", "-m", gone)
    assert fails_with_one_line(done, f"'{gone}' cannot be read")


@pytest.mark.parametrize(
    "command",
    [
        ("decompress", "{}/x.nrw", "-o", "s3://bucket/x.npy"),
        ("decompress", "{}/x.nrw", "--output-dir", "s3://bucket/folder"),
        ("compress", "x.npy", "--packets", "-o", "s3://bucket/packets"),
        ("train", "x.npy", "--latent-size", "2", "-o", "s3://bucket/m.narrows"),
    ],
    ids=" ".join,
)
def test_outputs_are_not_written_to_urls(run, server, command):
    command = [word.format(server.address) for word in command]
    model = () if command[0] == "train" else ("-m", f"{server.address}/m.narrows")
    done = run(*command, *model)
    assert done.code == 1
    assert "is a URL, from which files are only read" in done.err.splitlines()[0]
    assert not [path.name for path in Path().iterdir() if path.name.startswith("s3:")]
