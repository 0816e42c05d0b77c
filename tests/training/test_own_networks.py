"""Networks of one's own are tried before they are trained: what cannot be is refused at once."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

from torch import nn

import narrows
from narrows.errors import SettingError


def encoder(k=5):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, k))


def decoder(k=5):
    return nn.Sequential(nn.Linear(k, 64), nn.Unflatten(1, (8, 8)))


@pytest.mark.parametrize("k", [5, 40])
def test_latents_are_as_many_as_the_encoder_gives(digits, k):
    codec = narrows.train(digits[:200], encoder=encoder(k), decoder=decoder(k), epochs=1)
    assert codec.model.latent_size == k
    assert codec.decompress(codec.compress(digits[:3])).shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ((encoder(5), decoder(6)), r"the decoder does not take \(n, 5\)"),
        ((nn.Linear(63, 5), decoder()), r"the encoder does not take \(n, 8, 8\)"),
        ((nn.Linear(8, 5), decoder()), r"into \(n, 8, 5\); it must return latents"),
        ((encoder(), nn.Linear(5, 64)), r"into \(n, 64\), where frames are \(n, 8, 8\)"),
        ((nn.Sequential(encoder(), nn.Softplus()), decoder()), "cannot freeze.* Softplus"),
        ((encoder(), nn.Sequential(decoder(), nn.Softmax(1))), "cannot freeze.* Softmax"),
        ((nn.Sequential(nn.Flatten(), nn.LazyLinear(5)), decoder()), "lazy layers"),
        ((lambda x: x, decoder()), "encoder is a function"),
        ((nn.Sequential(nn.Flatten(), nn.RNN(64, 5)), decoder()), "returns a tuple"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_epoch(digits, networks, words):
    first, second = networks
    seen = []
    with pytest.raises(SettingError, match=words) as caught:
        narrows.train(digits[:200], encoder=first, decoder=second, epochs=1, progress=seen.append)
    assert not seen
    assert "\n" not in str(caught.value)


def test_another_number_of_latents_than_the_encoder_gives_is_refused(digits):
    with pytest.raises(SettingError, match="latent_size 7, but the encoder gives 5 latents"):
        narrows.train(digits[:200], latent_size=7, encoder=encoder(), decoder=decoder(), epochs=1)
