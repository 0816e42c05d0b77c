"""What a model costs is said where one is made and where one is used."""

import json
from pathlib import Path

from narrows.models import load_codec

COMPRESS = ("compress", "x.npy", "-m", "m.narrows", "-f", "-o", "x.nrw")


def test_compress_says_what_the_model_takes_besides_and_when_that_is_not_worth_it(run, folder):
    size = Path("m.narrows").stat().st_size
    told = run(*COMPRESS).err
    assert f"; {size:,} bytes more for its model" in told
    more = Path("x.nrw").stat().st_size + size > 50 * 64
    assert ("together no less than the signals" in told) == more


def test_an_embedded_model_is_the_decoder_and_an_archive_larger_than_its_input_says_so(run, folder):
    figures = json.loads(run(*COMPRESS, "--embed-model", "--json").out)
    decoder = load_codec(folder / "m.narrows").without_encoder().model_bytes
    assert (figures["embedded"], figures["model_bytes"]) == (True, len(decoder))
    assert decoder in Path("x.nrw").read_bytes()
    told = run(*COMPRESS, "--embed-model").err
    assert f"; {len(decoder):,} bytes of them the decoder's" in told
    larger = figures["compressed_bytes"] > figures["raw_bytes"]
    assert ("leave --embed-model out" in told) == larger


def test_train_says_after_how_many_signals_a_model_pays_at_the_earliest(run, folder):
    command = ("train", "x.npy", "--architecture", "linear", "--latent-size", 2, "-f", "-o")
    figures = json.loads(run(*command, "n.narrows", "--json").out)
    n = -(-Path("n.narrows").stat().st_size // 64)
    assert figures["pays_after_signals"] == n
    assert f"it pays after {n} signals at the earliest" in run(*command, "n.narrows").err
