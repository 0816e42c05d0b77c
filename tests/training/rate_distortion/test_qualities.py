"""Models with several qualities: one training, several points of the rate-distortion curve."""

import io
from itertools import pairwise, product

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

from torch import nn

import narrows
from narrows.codec.archive import IndexedArchive, Mode
from narrows.codec.archive.raw_blocks import pack_raw
from narrows.codec.encoding.requests import Request
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.codec.networks.quantiser import MAX_QUALITIES
from narrows.errors import DataError, SettingError
from narrows.evaluation.metrics import evaluate
from narrows.training import settings
from narrows.training.plan import plan_of
from narrows.training.train import build_networks

BYTES = np.uint8


@pytest.fixture(scope="module")
def eight(digits):
    settings = {"latent_size": 16, "bits_per_latent": 3.2, "epochs": 50}
    return narrows.train(digits[:1400], qualities=8, seed=1, **settings)


def test_each_quality_takes_more_bytes_and_is_better(eight, digits):
    held_out = digits[1400:]
    measured = [evaluate(eight, held_out, Request(q, effort=0)) for q in range(1, 9)]
    assert eight.model.n_qualities == 8
    sizes = [m.compressed_bytes for m in measured]
    assert sizes == sorted(set(sizes))
    assert [m.psnr for m in measured] == sorted({m.psnr for m in measured})


def test_searched_each_quality_takes_more_bytes_and_is_better_too(eight, digits):
    measured = [evaluate(eight, digits[1400:], Request(q)) for q in range(1, 9)]
    sizes = [m.compressed_bytes for m in measured]
    assert sizes == sorted(set(sizes))
    assert [m.psnr for m in measured] == sorted({m.psnr for m in measured})


@pytest.mark.parametrize("quality", range(1, 9))
def test_at_every_quality_more_effort_costs_no_more_and_none_is_a_silent_no_op(
    eight, digits, quality
):
    x = digits[1400:1500]
    search = SymbolSearch(eight.decoder.transform, quality)
    costs = [search.cost(x, eight.encode(x, quality, effort)) for effort in range(10)]
    for less, more in pairwise(costs):
        assert (more <= less).all()
    means = [costs[effort].mean() for effort in (0, 1, 7, 9)]  # rounds may stall
    assert means == sorted(set(means), reverse=True)


def test_sizes_and_errors_of_all_80_pairs_of_quality_and_effort(eight, digits):
    x = digits[1400:1450]
    sizes, errors = np.empty((2, 8, 10))
    for q, effort in product(range(8), range(10)):
        blob = eight.compress(x, q + 1, effort)
        sizes[q, effort] = len(blob)
        errors[q, effort] = np.square(eight.decompress(blob).astype(np.int64) - x).sum()
    assert (np.diff(sizes, axis=0) > 0).all()  # at every effort, each quality takes more
    assert (np.diff(errors, axis=0) < 0).all()  # and is better
    assert (errors[7] < x.size / 6).all()  # of 17 levels, one pixel in six is one off at most
    for of_quality in zip(sizes[:7], errors[:7], strict=True):
        points = list(zip(*of_quality, strict=True))  # by effort
        assert len({points[effort] for effort in (0, 1, 2, 7, 8, 9)}) == 6
    assert (errors[:7, 9] < errors[:7, 0]).all()


def test_the_highest_quality_is_exact_where_that_takes_fewer_bytes_than_coding(eight, digits):
    """Either may be smaller: 2,662 bytes deflated, and about as many coded, on one machine."""
    x = digits[1400:1500]
    blob = eight.compress(x, 8, effort=0)
    block = IndexedArchive(io.BytesIO(blob)).block(0)
    exact = pack_raw(x, 8)
    if block.mode is Mode.DEFLATED:
        assert np.array_equal(eight.decompress(blob), x)
        assert block.payload == exact.payload
    else:
        assert len(block.payload) < len(exact.payload)
        assert np.array_equal(eight.decompress(blob), eight.decode(eight.encode(x, 8, 0), 8))


def test_the_default_quality_is_the_fourth(eight, digits):
    assert eight.compress(digits[:50]) == eight.compress(digits[:50], quality=4)


@pytest.mark.parametrize("quality", [1, 4, 8])
def test_archives_and_packets_of_a_quality_agree(eight, digits, quality):
    blob = eight.compress(digits[:20], quality)
    decoded = eight.decompress(blob)
    assert np.array_equal(decoded, eight.decode(eight.encode(digits[:20], quality), quality))
    packet = eight.compress_packet(digits[3], quality)
    assert np.array_equal(eight.decompress_packet(packet), decoded[3])


def test_encoding_at_all_qualities_is_encoding_at_each(eight, digits):
    at_all = eight.encoder.encode_at_all_qualities(digits[:30])
    assert list(at_all) == list(range(1, 9))
    for quality, symbols in at_all.items():
        assert symbols.shape == (30, eight.model.latent_size)
        assert np.array_equal(symbols, eight.encode(digits[:30], quality, effort=0))


def test_a_saved_model_keeps_its_qualities(eight, digits, tmp_path):
    eight.save(tmp_path / "eight.narrows")
    loaded = narrows.load(tmp_path / "eight.narrows")
    assert loaded.model_id == eight.model_id
    assert loaded.compress(digits[:9], 8) == eight.compress(digits[:9], 8)


def test_a_resumed_run_gives_the_same_model(digits, tmp_path):
    kept, settings = tmp_path / "kept", {"latent_size": 4, "qualities": 3, "epochs": 4}
    whole = narrows.train(digits[:300], **settings)
    seen = []
    narrows.train(
        digits[:300], **settings, checkpoint=kept, progress=seen.append, stop=lambda: len(seen) > 1
    )
    resumed = narrows.train(digits[:300], **settings, checkpoint=kept, resume=True)
    assert resumed.model_id == whole.model_id


def test_as_many_qualities_can_be_trained_as_a_model_holds():
    assert settings.MAX_QUALITIES == MAX_QUALITIES


def test_several_qualities_have_more_latents_unless_told_otherwise():
    one, several = (plan_of({"qualities": n}, (9, 784), BYTES) for n in (1, 2))
    assert (several.latent_size, several.bits_per_latent) == (64, 2.4)
    assert several.aimed_bits > one.aimed_bits
    sizes = [plan_of({"qualities": 2}, (9, n), BYTES).latent_size for n in (40, 100, 784)]
    assert sizes == [32, 50, 64]
    given = plan_of({"qualities": 2, "latent_size": 5}, (9, 784), BYTES)
    assert (given.latent_size, given.bits_per_latent) == (5, 2.4)


@pytest.mark.parametrize(
    ("qualities", "shape", "architecture", "expected"),
    [
        (8, (9000, 28, 28), "auto", (96, 1.6)),
        (4, (90, 28, 28), "conv", (96, 1.6)),
        (3, (9000, 28, 28), "auto", (64, 2.4)),
        (8, (90, 28, 28), "auto", (64, 2.4)),
        (8, (9000, 512), "linear", (64, 2.4)),
        (8, (9000, 10, 10), "conv", (50, 1.6)),
    ],
)
def test_wider_networks_have_still_more_latents(qualities, shape, architecture, expected):
    plan = plan_of({"qualities": qualities, "architecture": architecture}, shape, BYTES)
    assert (plan.latent_size, plan.bits_per_latent) == expected


@pytest.mark.parametrize("x", [5, [1.0, 2.0], []])
def test_what_is_no_collection_of_frames_is_refused_with_several_qualities_too(x):
    with pytest.raises(DataError):
        narrows.train(x, qualities=8)


def test_several_qualities_of_small_frames_train_by_default(digits):
    x = digits[:200].reshape(200, 64)[:, :40]
    assert narrows.train(x, qualities=2, architecture="linear").model.latent_size <= 40
    plan = plan_of({"qualities": 2, "bits_per_latent": 2.4}, x.shape, x.dtype)
    assert plan.latent_size == 32


@pytest.mark.parametrize(("qualities", "channels"), [(1, 16), (3, 16), (4, 24), (8, 24)])
def test_convolutions_of_many_qualities_are_wider(qualities, channels):
    asked = {"architecture": "conv", "qualities": qualities}
    for network in build_networks((28, 28), plan_of(asked, (90, 28, 28), BYTES)):
        convolutions = [m for m in network if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        assert channels in (convolutions[0].weight.shape[0], convolutions[-1].weight.shape[0])


@pytest.mark.parametrize(("qualities", "batch"), [(3, 256), (4, 128)])
def test_wider_networks_see_as_many_signals_in_smaller_batches(qualities, batch):
    asked = {"architecture": "conv", "qualities": qualities, "decoder": "large"}
    plan = plan_of(asked, (55_000, 28, 28), BYTES, has_validation=True)
    assert (plan.batch_size, plan.epochs) == (batch, 30)


def test_a_preset_has_one_quality(digits):
    with pytest.raises(SettingError, match="qualities 2 with preset dense-25"):
        narrows.train(digits[:50], qualities=2, preset="dense-25")
