"""Models that have a levels coder besides: trained, saved, loaded, and used."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.encoding.level_payloads import encode_levels
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.kinds import decode_levels
from narrows.codec.levels.number_levels import NumberLevels
from narrows.errors import SettingError
from narrows.training.freeze.with_levels import grid_of

KINDS = {"bytes": ("uint8", (8, 8), ByteLevels), "numbers": ("int16", (16, 2), NumberLevels)}


def signals_of(dtype, shape):
    x = np.random.default_rng(0).normal(size=(120, *shape)).cumsum(axis=1) * 20 + 100
    return np.clip(x, 0, 255).astype(dtype)


@pytest.fixture(autouse=True)
def few_updates(monkeypatch):
    folder = "narrows.training.freeze.with_levels"
    monkeypatch.setattr(f"{folder}.BYTE_UPDATES", 20)
    monkeypatch.setattr(f"{folder}.NUMBER_UPDATES", 20)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_with_levels_is_loaded_as_it_was_saved_and_loses_nothing(kind):
    dtype, shape, expected = KINDS[kind]
    x = signals_of(dtype, shape)
    codec = narrows.train(x, latent_size=2, architecture="linear", levels=True)
    assert isinstance(codec.model.levels, expected)
    again = narrows.Codec.from_bytes(codec.model_bytes)
    assert again.model_id == codec.model_id
    payload = encode_levels(again.model.levels, x)
    own = codec.model
    assert np.array_equal(decode_levels(own.levels, payload, 120, shape, own.dtype), x)


def test_levels_of_floats_are_refused_with_what_works_without():
    with pytest.raises(SettingError, match="leave levels out"):
        narrows.train(np.zeros((20, 9), np.float32), latent_size=2, levels=True)


def test_a_short_last_axis_is_one_of_channels():
    assert grid_of((28, 28), None) == ((28, 28), 1)
    assert grid_of((32, 32, 3), None) == ((32, 32), 3)
    assert grid_of((256, 12), 12) == ((256,), 12)
    assert grid_of((3,), None) == ((3,), 1)
    assert grid_of((4, 5, 6, 7), None) == ((20, 6, 7), 1)
