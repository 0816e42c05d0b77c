"""Model cards: a header that the Hub reads, and what the model file knows of the model."""

from dataclasses import replace

import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.codec.levels.lattice import Lattice
from narrows.errors import SettingError
from narrows.evaluation.card import model_card, write_card
from tests.helpers.level_models import codec_with_levels
from tests.helpers.tiny_models import refusing, tiny_codec

HEADER = """---
library_name: narrows
license: cc-by-4.0
tags:
- compression
- autoencoder
- learned-compression
- linear
---
"""


@pytest.fixture(scope="module")
def linear(digits):
    return narrows.train(digits, latent_size=4, architecture="linear")


def test_a_card_says_what_the_model_file_knows(linear):
    text = model_card(
        linear, licence="cc-by-4.0", repository="user/digits", about="digits | by hand"
    )
    reached = linear.model.training["reached"]
    assert text.startswith(HEADER)
    for told in (
        "# digits\n", 'narrows.load("hf://user/digits")', "x : (n, 8, 8) uint8", linear.model_id,
        f"| bytes a signal | {reached['bytes_per_signal']:.2f} |", f"{reached['psnr']:.2f} dB",
        linear.model.training["data_sha256"], "--architecture linear", "narrows compress x.npy -m",
        "from digits | by hand",
    ):  # fmt: skip
        assert told in text, told


def test_every_row_of_a_table_has_two_cells(linear):
    rows = [line for line in model_card(linear).splitlines() if line.startswith("|")]
    assert len(rows) > 15
    assert all(line.replace("\\|", "").count("|") == 3 for line in rows)


def test_the_header_is_yaml_that_a_parser_reads(linear):
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with dask; extra dask")
    header = yaml.safe_load(model_card(linear, licence="mit").split("---\n")[1])
    assert (header["license"], header["library_name"]) == ("mit", "narrows")
    assert header["tags"][-1] == "linear"


def test_what_a_model_does_not_know_is_left_out():
    codec = tiny_codec("uint8", (3, 5), 2, 3)
    text = model_card(Codec(replace(codec.model, training={})))
    assert "license" not in text
    assert "## Figures" not in text
    assert "## Its training" not in text
    assert "user/name" in text


@pytest.mark.parametrize(("lattice", "told"), [(None, "lossless"), (Lattice(0, 21), "within 10")])
def test_networks_of_levels_are_told_with_their_bound(lattice, told):
    card = model_card(codec_with_levels("int16", lattice))
    assert f"| {told} | by networks of its own |" in card


def test_a_decoder_s_card_compresses_nothing(linear):
    text = model_card(linear.without_encoder())
    assert "codec.compress" not in text
    assert "narrows decompress x.nrw -m hf://user/name" in text


def test_a_perfect_channel_has_no_error_in_its_card(linear):
    reached = {**linear.model.training["reached"], "psnr": None, "snr": None, "channels": [None, 3]}
    training = {**linear.model.training, "reached": reached}
    text = model_card(Codec(replace(linear.model, training=training)))
    assert "| SNR | no error |" in text
    assert "| SNR of channel 0 | no error |\n| SNR of channel 1 | 3.00 dB |" in text


@pytest.mark.parametrize("licence", ["MIT", "two words", "mit\nlicense: other", ""])
def test_a_licence_of_another_form_is_refused(linear, licence):
    with refusing(SettingError, match="licence .*; accepted is a name of the Hub's"):
        model_card(linear, licence=licence)


def test_a_folder_has_the_card_and_its_pictures(tiny_codec, linear, tmp_path):
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")
    for codec, pictures in ((tiny_codec, ["layers.png", "training.png"]), (linear, ["layers.png"])):
        folder = tmp_path / codec.model_id
        folder.mkdir()
        files = write_card(codec, folder, licence="mit")
        assert [path.name for path in files] == ["README.md", *pictures]
        text = (folder / "README.md").read_text()
        for name in pictures:
            assert f"]({name})" in text
            assert (folder / name).read_bytes().startswith(b"\x89PNG")
