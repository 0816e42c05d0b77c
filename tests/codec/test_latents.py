"""Latents before rounding: what `encode` rounds, bit for bit."""

import numpy as np
import pytest

from narrows.errors import DataError, ModelError
from tests.helpers.tiny_models import DTYPES, noise_frames, tiny_codec, typical_frames


def rounded(latents):
    return np.clip(np.floor(latents + 0.5), -(2**31), 2**31 - 1).astype(np.int32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quality", [1, 2, 3])
def test_rounded_latents_are_the_symbols(dtype, quality):
    codec = tiny_codec(dtype, n_qualities=3)
    x = np.concatenate([typical_frames(codec.model, 40), noise_frames(dtype, (20, 5))])
    latents = codec.latents(x, quality)
    assert latents.dtype == np.float64
    assert latents.shape == (60, codec.model.latent_size)
    assert (latents != np.round(latents)).any()
    assert np.array_equal(rounded(latents), codec.encode(x, quality))


def test_the_default_quality_is_that_of_encode():
    codec = tiny_codec(n_qualities=3)
    x = typical_frames(codec.model, 9)
    assert np.array_equal(codec.latents(x), codec.latents(x, 2))


def test_no_signals_have_no_latents():
    codec = tiny_codec()
    assert codec.latents(np.empty((0, 5), np.uint8)).shape == (0, 2)


def test_a_model_without_an_encoder_and_other_signals_are_refused():
    codec = tiny_codec()
    with pytest.raises(ModelError, match="no encoder"):
        codec.without_encoder().latents(typical_frames(codec.model, 3))
    with pytest.raises(DataError, match="uint8"):
        codec.latents(np.zeros((3, 5)))
