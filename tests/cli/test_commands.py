"""The command line, run in this process through typer's own runner and `main`."""

import contextlib
import io
import json
import re
import sys

import numpy as np
import pytest

import narrows
from narrows.cli import main
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line


def test_compress_and_decompress_give_what_the_codec_gives(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    done = run("compress", "x.npy", "-m", "m.narrows")
    assert done.code == 0
    assert done.out == ""
    assert "bytes per signal" in done.err
    blob = (folder / "x.npy.nrw").read_bytes()
    assert blob == codec.compress(digits[:50])
    assert run("decompress", "x.npy.nrw", "-m", "m.narrows", "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), codec.decompress(blob))


def test_the_input_is_kept_and_no_output_is_overwritten_unasked(run, folder):
    assert run("compress", "x.npy", "-m", "m.narrows").code == 0
    before = (folder / "x.npy.nrw").read_bytes()
    assert (folder / "x.npy").exists()
    assert fails_with_one_line(run("compress", "x.npy", "-m", "m.narrows"), "x.npy.nrw", "-f")
    assert fails_with_one_line(run("decompress", "x.npy.nrw", "-m", "m.narrows"), "x.npy", "-f")
    assert (folder / "x.npy.nrw").read_bytes() == before
    assert run("compress", "x.npy", "-m", "m.narrows", "-f").code == 0


def test_pipes_carry_archives_and_signals(folder, monkeypatch, digits):
    codec = load_codec(folder / "m.narrows")

    def piped(arguments, given):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        out = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "argv", ["narrows", *arguments])
        with contextlib.suppress(SystemExit):
            main()
        return out.buffer.getvalue()

    blob = piped(["compress", "-", "-m", "m.narrows"], (folder / "x.npy").read_bytes())
    assert blob == codec.compress(digits[:50])
    raw = piped(["decompress", "-", "-m", "m.narrows"], blob)
    assert np.array_equal(np.load(io.BytesIO(raw)), codec.decompress(blob))


def test_an_archive_with_its_model_needs_nothing_else(run, folder):
    assert run("compress", "x.npy", "-m", "m.narrows", "--embed-model").code == 0
    assert run("decompress", "x.npy.nrw", "-o", "y.npy").code == 0


def test_models_are_found_by_their_id(run, folder, monkeypatch):
    run("compress", "x.npy", "-m", "m.narrows")
    result = run("decompress", "x.npy.nrw", "-o", "y.npy")
    assert fails_with_one_line(result, load_codec(folder / "m.narrows").model_id, "NARROWS_MODELS")
    monkeypatch.setenv("NARROWS_MODELS", str(folder))
    assert run("decompress", "x.npy.nrw", "-o", "y.npy").code == 0


def test_a_wrong_model_is_named_with_the_right_one(run, folder, digits):
    import narrows

    other = narrows.train(digits[:300], latent_size=3, architecture="linear")
    other.save(folder / "other.narrows")
    run("compress", "x.npy", "-m", "m.narrows")
    result = run("decompress", "x.npy.nrw", "-m", "other.narrows", "-o", "y.npy")
    ids = (other.model_id, load_codec(folder / "m.narrows").model_id)
    assert fails_with_one_line(result, *ids)
    assert not (folder / "y.npy").exists()


def test_encode_and_decode_are_the_codec_s(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    assert run("encode", "x.npy", "-m", "m.narrows", "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), codec.encode(digits[:50]))
    assert run("decode", "y.npy", "-m", "m.narrows", "-o", "z.npy").code == 0
    assert np.array_equal(np.load("z.npy"), codec.decode(np.load("y.npy")))


def test_evaluate_measures_what_was_written(run, folder, digits):
    run("compress", "x.npy", "-m", "m.narrows")
    figures = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--json").out)
    size = (folder / "x.npy.nrw").stat().st_size
    assert figures["signals"] == 50
    assert figures["raw_bytes"] == digits[:50].nbytes
    assert figures["compressed_bytes"] == size
    assert figures["bytes_per_signal"] == size / 50
    assert figures["bits_per_element"] == 8 * size / digits[:50].size
    assert figures["ratio"] == digits[:50].nbytes / size
    assert figures["model_bytes"] == (folder / "m.narrows").stat().st_size
    decoded = load_codec(folder / "m.narrows").decompress((folder / "x.npy.nrw").read_bytes())
    error = (decoded.astype(float) - digits[:50]) / 16
    assert figures["mse"] == pytest.approx(np.square(error).mean())
    assert figures["psnr"] == pytest.approx(-10 * np.log10(np.square(error).mean()))
    assert figures["max_abs_error"] == np.abs(error * 16).max()
    saved = (digits[:50].nbytes - size) / 50
    assert figures["break_even_signals"] == np.ceil(figures["model_bytes"] / saved)


def test_evaluate_with_baselines_shows_a_table(run, folder):
    shown = run("evaluate", "x.npy", "-m", "m.narrows", "--baselines")
    assert shown.code == 0
    for name in ("raw", "zlib", "lzma", "narrows"):
        assert name in shown.out


def test_info_describes_a_model(run, folder):
    figures = json.loads(run("info", "m.narrows", "--json").out)
    codec = load_codec(folder / "m.narrows")
    assert figures["model_id"] == codec.model_id
    assert figures["frame_shape"] == [8, 8]
    assert figures["dtype"] == "uint8"
    assert figures["latent_size"] == 6
    assert figures["architecture"] == "dense"
    assert figures["parameters"] > 100_000
    training = figures["training"]
    assert training["settings"]["latent_size"] == 6
    assert training["seconds"] > 0
    assert training["threads"] >= 1
    assert [record["epoch"] for record in training["history"]] == [1, 2, 3]
    assert all({"epoch", "loss", "val_loss"} <= set(record) for record in training["history"])
    shown = run("info", "m.narrows").out
    assert shown.index("encoder") < shown.index("bottleneck") < shown.index("decoder")


def test_info_shows_the_lambda_that_training_was_given(run, folder):
    run("train", "x.npy", "-o", "l.narrows", "--latent-size", 2, "--epochs", 1, "--lambda", 40)
    assert json.loads(run("info", "l.narrows", "--json").out)["lambda"] == pytest.approx([40])
    assert re.search(r"lambda +40\b", run("info", "l.narrows").out)


def test_info_describes_an_archive(run, folder):
    run("compress", "x.npy", "-m", "m.narrows")
    figures = json.loads(run("info", "x.npy.nrw", "--json").out)
    size = (folder / "x.npy.nrw").stat().st_size
    assert figures["model_id"] == load_codec(folder / "m.narrows").model_id
    assert (figures["signals"], figures["dtype"], figures["blocks"]) == (50, "uint8", 1)
    assert figures["compressed_bytes"] == size
    assert figures["ratio"] == 50 * 64 / size
    assert "signals" in run("info", "x.npy.nrw").out


def test_train_writes_a_model_and_tells_its_figures(run, folder):
    done = run("train", "x.npy", "-o", "n.narrows", "--latent-size", 2, "--epochs", 2, "--json")
    assert done.code == 0
    figures = json.loads(done.out)
    assert figures["epochs"] == 2
    assert figures["model_bytes"] == (folder / "n.narrows").stat().st_size
    assert load_codec(folder / "n.narrows").model_id == figures["model_id"]
    assert "epoch 1/2" in done.err


def test_the_version_is_told(run):
    done = run("--version")
    assert (done.code, done.out, done.err) == (0, f"narrows {narrows.__version__}\n", "")


def test_the_demo_compares_and_draws(run, folder, monkeypatch):
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")
    from narrows.evaluation import demo

    quick = {"epochs": 2}
    monkeypatch.setattr(demo, "train", lambda x, **k: train_quickly(x, **{**k, **quick}))
    from narrows.api import train as train_quickly

    shown = run("demo", "--json")
    assert shown.code == 0, shown.err
    assert shown.err.count("held out to validate") == 1, "PCA's are not the model's"
    names = [row["name"] for row in json.loads(shown.out)["rows"]]
    assert names == ["raw", "zlib -9", "PCA codec", "narrows"]
    assert (folder / "demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compress", "nowhere.npy", "-m", "m.narrows"), ("nowhere.npy",)),
        (("compress", "x.npy", "-m", "nowhere.narrows"), ("nowhere.narrows", "narrows train")),
        (("compress", "x.npy", "-m", "x.npy"), ("x.npy", "not a narrows model")),
        (("compress", "float.npy", "-m", "m.narrows"), ("float32", "uint8")),
        (("compress", "other.npy", "-m", "m.narrows"), ("(4, 5, 5)", "(n, 8, 8)")),
        (("compress", "x.npy", "-m", "m.narrows", "-q", "2"), ("quality 2",)),
        (("compress", "x.npy", "-m", "m.narrows", "-o", "none/x.nrw"), ("none",)),
        (("decompress", "x.npy"), ("not a narrows archive",)),
        (
            ("decompress", "nowhere.nrw"),
            ("nowhere.nrw; give the path of an archive or of packets\n",),
        ),
        (("decode", "x.npy", "-m", "m.narrows", "-o", "y.npy"), ("(n, 6)",)),
        (("encode", "x.npy", "-m", "m.narrows", "-o", "y.txt"), (".txt", ".npy")),
        (("info", "nowhere.nrw"), ("nowhere.nrw", "an archive, of packets or of a model")),
        (("info", "x.npy"), ("not a narrows model",)),
        (("evaluate", "nothing:test", "-m", "m.narrows"), ("nothing:test", "mnist:test")),
        (("train", "empty.npy", "-o", "n.narrows"), ("empty",)),
        (("train", "one.npy", "-o", "n.narrows"), ("single signal",)),
        (("train", "x.npy", "-o", "n.narrows", "--latent-size", "65"), ("65", "64")),
        (("train", "x.npy", "-o", "n.narrows", "--latent-size", "0"), ("latent_size", "1")),
        (
            ("train", "x.npy", "-o", "n.narrows", "--architecture", "x"),
            ("'x'", "linear, predictive, dense"),
        ),
        (("train", "x.npy", "-o", "n.narrows", "--loss", "x"), ("'x'", "mse, bce, l1")),
        (
            ("train", "x.npy", "-o", "n.narrows", "--decoder", "tiny"),
            ("unknown decoder 'tiny'", "small, default, large"),
        ),
        (("train", "x.npy", "-o", "n.narrows", "--decoder", "small"), ("dense", "leave it out")),
        (("train", "x.npy", "-o", "n.narrows", "--device", "abacus"), ("abacus", "cpu")),
        (("train", "x.npy", "-o", "n.narrows", "--lambda", "-1"), ("lambda", "above 0")),
    ],
)
def test_a_mistake_gives_one_line_and_no_file(run, folder, arguments, words):
    np.save("float.npy", np.zeros((4, 8, 8), np.float32))
    np.save("other.npy", np.zeros((4, 5, 5), np.uint8))
    np.save("empty.npy", np.zeros((0, 8, 8), np.uint8))
    np.save("one.npy", np.zeros((1, 8, 8), np.uint8))
    before = sorted(folder.iterdir())
    assert fails_with_one_line(run(*arguments), *words)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("compress", "x.npy"),
        ("compress", "x.npy", "-m", "m.narrows", "--no-such-option"),
        ("no-such-command",),
        ("compress", "x.npy", "-m", "m.narrows", "-q", "high"),
        ("compress", "x.npy", "-m", "m.narrows", "-o", "-", "--json"),
    ],
)
def test_wrong_usage_exits_with_two(run, folder, arguments):
    assert run(*arguments).code == 2


def test_engines_tells_what_computes_here(run, monkeypatch):
    monkeypatch.setenv("NARROWS_ENGINE", "numpy")
    found = json.loads(run("engines", "--json").out)["engines"]
    assert [each["name"] for each in found if each["is_default"]] == ["numpy"]
    shown = run("engines").out
    assert all(each["name"] in shown for each in found)
    monkeypatch.setenv("NARROWS_ENGINE", "gpu")
    refused = run("engines")
    assert refused.code == 1
    assert "NARROWS_ENGINE=gpu; this machine has numpy" in refused.err
