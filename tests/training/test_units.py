"""The same signals in another unit give the same model, and data that has none is refused."""

import re

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.errors import DataError
from narrows.evaluation.metrics import evaluate

SETTINGS = {
    "linear": {"architecture": "linear"},
    "dense": {"architecture": "dense", "epochs": 1},
    "qualities": {"architecture": "dense", "epochs": 1, "qualities": 8},
    "preset": {"preset": "dense-25", "epochs": 1},
}
SCALES = {"float64": (1e-110, 1e-60, 1e-30, 1e30, 1e60, 1e110), "float32": (1e-41, 1e-30, 1e37)}


def waves():
    """300 mixtures of three waves, and a little noise."""
    generator = np.random.default_rng(0)
    basis = np.sin(np.linspace([0, 1, 2], [3, 7, 11], 16)).T
    return generator.normal(size=(300, 3)) @ basis + 0.05 * generator.normal(size=(300, 16))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("dtype", SCALES)
def test_the_same_signals_in_another_unit_give_a_model_of_the_same_size(name, dtype):
    def measured(scale):
        x = (waves() * scale).astype(dtype)
        codec = narrows.train(x, latent_size=4, **SETTINGS[name])
        return len(codec.model_bytes), evaluate(codec, x)

    size, usual = measured(1.0)
    for scale in SCALES[dtype]:
        model_bytes, found = measured(scale)
        assert model_bytes == pytest.approx(size, rel=0.05)
        assert found.psnr == pytest.approx(usual.psnr, abs=0.2)  # float32 rounds otherwise
        assert found.bytes_per_signal == pytest.approx(usual.bytes_per_signal, rel=0.03)


@pytest.mark.parametrize("scale", [1e-160, 1e-200, 1e125, 1e300])
def test_what_is_beyond_is_refused_before_training_with_advice_that_helps(scale):
    x = waves() * scale
    with pytest.raises(DataError, match="scale them") as caught:
        narrows.train(x, latent_size=4, architecture="linear")
    low, high = (
        float(n) for n in re.search(r"between (\S+) and (\S+)", str(caught.value)).groups()
    )
    scaled = x / np.abs(x).max()
    assert low < np.ptp(scaled) < high
    assert narrows.train(scaled, latent_size=4, architecture="linear").model.latent_size == 4
