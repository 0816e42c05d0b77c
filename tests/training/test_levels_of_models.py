"""Models that have a levels coder besides: trained, saved, loaded, and used."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.encoding.free_encoder import serves
from narrows.codec.encoding.level_payloads import encode_levels
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.kinds import decode_levels
from narrows.codec.levels.number_levels import NumberLevels
from narrows.errors import SettingError
from narrows.training.freeze.with_levels import grid_of, lattice_for

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


@pytest.mark.parametrize(("dtype", "shape"), [
    ("uint8", (8, 8)), ("int16", (16, 2)), ("float32", (16, 2)),
])  # fmt: skip
def test_levels_within_a_bound_keep_it_and_are_loaded_as_they_were_saved(dtype, shape):
    x = signals_of(dtype, shape)
    codec = narrows.train(
        x, latent_size=2, architecture="linear", levels=True, max_error=3, augment=False
    )
    again = narrows.Codec.from_bytes(codec.model_bytes)
    assert again.model.levels.lattice == codec.model.levels.lattice
    guarantee = Guarantee((3.0,))
    payload = encode_levels(again.model.levels, x, guarantee)
    own = codec.model
    y = decode_levels(own.levels, payload, 120, shape, own.dtype)
    assert payload[:1] == b"\1"  # none is kept exactly
    assert 0 < np.abs(x.astype(float) - y).max() <= 3
    assert serves(own, guarantee)


def test_the_most_frequent_value_is_one_of_those_that_come_back():
    x = np.repeat(np.array([37, 0, 255], np.uint8), [5, 4, 3])
    for dtype, bound in (("uint8", 10), ("int16", 40), ("float32", 0.75)):
        lattice = lattice_for(x.astype(dtype), bound)
        assert lattice.offset == (37 if dtype != "uint8" else -5)
        assert lattice.bound == pytest.approx(bound, rel=1e-4)
    assert 37 in lattice_for(x, 10).values(np.arange(13))


def test_bounds_of_floats_are_above_their_resolution():
    x = np.linspace(0, 1000, 50, dtype=np.float32)
    lattice_for(x, 1e-3)
    with pytest.raises(SettingError, match="below the resolution of float32, for values up to"):
        lattice_for(x, 1e-5)


def test_a_bound_below_the_resolution_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("narrows.training.train.Solver", None)
    x = np.random.default_rng(0).normal(size=(20, 9)).astype(np.float32)
    with pytest.raises(SettingError, match="below the resolution of float32"):
        narrows.train(x, latent_size=2, architecture="linear", levels=True, max_error=1e-9)


def test_levels_of_floats_without_a_bound_are_refused():
    with pytest.raises(SettingError, match=r"give max_error \(--max-error\)"):
        narrows.train(np.zeros((20, 9), np.float32), latent_size=2, levels=True)


def test_levels_of_truth_values_are_refused():
    with pytest.raises(SettingError, match="leave levels out"):
        narrows.train(np.eye(20, dtype=bool), latent_size=2, levels=True, max_error=1)


def test_a_short_last_axis_is_one_of_channels():
    assert grid_of((28, 28), None) == ((28, 28), 1)
    assert grid_of((32, 32, 3), None) == ((32, 32), 3)
    assert grid_of((256, 12), 12) == ((256,), 12)
    assert grid_of((3,), None) == ((3,), 1)
    assert grid_of((4, 5, 6, 7), None) == ((20, 6, 7), 1)
