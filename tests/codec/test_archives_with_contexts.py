"""Archives of models that have context models."""

from dataclasses import replace

import pytest

from narrows.codec.archive import Mode
from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from tests.helpers.context_models import mixed_model
from tests.helpers.tiny_models import (
    assert_identical,
    blocks_of,
    noise_frames,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
@pytest.mark.parametrize("quality", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 400])
def test_an_archive_comes_back_as_its_latents_say(dtype, quality, n):
    codec = Codec(tiny_model(dtype, (6, 4), 4, 3, contexts=(2, 3)))
    x = typical_frames(codec.model, n)
    blob = codec.compress(x, quality)
    modes = [(block.mode, block.quality) for block in blocks_of(blob)]
    assert modes == [(Mode.CODED, quality)] * (n > 0)
    symbols = codec.encode(x, quality)
    assert_identical(codec.decompress(blob), codec.decode(symbols, quality))
    if n:
        (block,) = blocks_of(blob)
        assert_identical(codec.decoder.blocks.unpack(block).values, symbols)


def test_a_context_changes_the_payload_and_not_the_signals():
    model = mixed_model()
    plain = replace(model, contexts=[None] * 3, known_answers=None)
    x = typical_frames(model, 200)
    for quality in (2, 3):
        with_one, without = Codec(model).compress(x, quality), Codec(plain).compress(x, quality)
        assert blocks_of(with_one)[0].payload != blocks_of(without)[0].payload
        assert_identical(Codec(model).decompress(with_one), Codec(plain).decompress(without))
    ours, theirs = (blocks_of(Codec(each).compress(x, 1)) for each in (model, plain))
    assert ours[0].payload == theirs[0].payload


def test_signals_unlike_the_typical_ones_come_back_too():
    codec = Codec(tiny_model("float32", (6, 4), 4, contexts=(1,)))
    x = noise_frames("float32", (40, 6, 4))
    symbols = codec.encode(x)
    coder = SymbolCoder(codec.model.quality(1).tables)
    assert_identical(coder.decode(coder.encode(symbols), 40), symbols)
    for signal, decoded_signal in zip(x, codec.decode(symbols), strict=True):
        packet = codec.compress_packet(signal)
        assert_identical(codec.decompress_packet(packet), decoded_signal)


def test_a_model_of_convolutions_may_have_a_context():
    codec = Codec(tiny_conv_model("uint8", (7, 5), contexts=(1,)))
    x = typical_frames(codec.model, 50)
    again = Codec.from_bytes(codec.model_bytes)
    assert_identical(again.decompress(codec.compress(x)), codec.decode(codec.encode(x)))


def test_info_shows_the_context_model_of_the_default_quality(tmp_path):
    from narrows.cli.info import describe_model

    codec = Codec(tiny_model(n_qualities=3, latent_size=3, contexts=(2,)))
    codec.save(tmp_path / "m.narrows")
    layers = describe_model(str(tmp_path / "m.narrows"))["layers"]
    (row,) = [row for row in layers if row["layer"] == "context model"]
    assert row["part"] == "bottleneck"
    assert row["parameters"] == sum(t.size for t in codec.model.contexts[1].tensors().values())
