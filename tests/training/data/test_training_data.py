"""What cannot become a model is refused before the training, and any seed can."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.errors import DataError
from narrows.training.data import frames


def test_frames_of_more_axes_than_a_model_has_are_refused_before_training():
    x = np.zeros((20, *[1] * 8, 4), np.float32)
    with pytest.raises(DataError, match=r"\(20, 1, .*; frames have at most 8 axes: .*reshape"):
        narrows.train(x, latent_size=2, progress=pytest.fail)


def test_frames_larger_than_an_archive_takes_are_refused_before_training(monkeypatch):
    monkeypatch.setattr(frames, "MAX_FRAME_BYTES", 255)
    with pytest.raises(DataError, match=r"frames of 256 bytes; 255 are possible: .*windows"):
        narrows.train(np.zeros((20, 64), np.float32), latent_size=2, progress=pytest.fail)


@pytest.mark.parametrize("settings", [{"architecture": "dense"}, {"preset": "dense-32"}])
@pytest.mark.parametrize("seed", [2026_01_01_12_00_00, 2**63 - 1])
def test_a_seed_may_be_a_date_or_any_other_of_63_bits(digits, settings, seed):
    codec = narrows.train(digits[:60], latent_size=2, epochs=1, seed=seed, **settings)
    assert codec.model.training["settings"]["seed"] == seed
