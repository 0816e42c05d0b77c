"""Targets are kept as a mean of a block where windows are predicted from each other."""

import io

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.archive import ArchiveReader, Mode
from tests.training.test_predictive import beats

X = beats(200, 9)


@pytest.fixture(scope="module")
def codec():
    """Three qualities."""
    x = np.concatenate([beats(300, seed) for seed in range(3)])
    given = {"latent_size": 24, "bits_per_latent": 1.2, "qualities": 3, "channels": "none"}
    return narrows.train(x, architecture="predictive", **given)


def block_of(blob):
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert block.mode is Mode.PREDICTED
    return block


def mse(codec, blob):
    return float(np.square(codec.decompress(blob).astype(float) - X).mean())


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_target_of_bytes_is_the_mean_of_a_block(codec, share):
    sizes = [len(block_of(codec.compress(X, quality=q)).payload) / len(X) for q in (1, 2, 3)]
    target = sizes[0] + share * (sizes[2] - sizes[0])
    block = block_of(codec.compress(X, target_bytes=target))
    assert sizes[0] < len(block.payload) / len(X) <= target


def test_a_larger_target_of_bytes_is_never_worse(codec):
    errors = [mse(codec, codec.compress(X, target_bytes=target)) for target in (0.4, 0.7, 2.0)]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("above", [0.5, 3.0])
def test_a_target_psnr_holds_for_a_block(codec, above):
    peak = codec.model.peak
    coarse = 10 * np.log10(peak**2 / mse(codec, codec.compress(X, quality=1)))
    blob = codec.compress(X, target_psnr=coarse + above)
    assert 10 * np.log10(peak**2 / mse(codec, blob)) >= coarse + above
    assert len(blob) < len(codec.compress(X, quality=3))
