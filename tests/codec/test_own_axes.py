"""Axes of a block's own: rotations of a model's latents, and blocks that are coded along them."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Block, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.adapted_blocks import LEAST_SIGNALS
from narrows.codec.encoding.axis_choice import (
    SUBSTEPS,
    choose_rotations,
    in_substeps,
    with_tables,
)
from narrows.codec.encoding.costs import errors, squared
from narrows.codec.encoding.rotated_model import rotated_codec
from narrows.codec.entropy.counting import count_table
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.engines import REFERENCE
from narrows.codec.own_axes import (
    MATRIX_BITS,
    MOST_ROTATIONS,
    OwnAxes,
    has_axes,
    pack_axes,
    rotated,
    unpack_axes,
)
from narrows.codec.sequence import Archive
from narrows.errors import FormatError
from narrows.training.freeze.tradeoffs import measure_fit
from readers.python.narrows_reader import read_archive
from tests.helpers.altered_models import by_channel, corrected, in_trellis
from tests.helpers.archives import written
from tests.helpers.tiny_models import (
    blocks_of,
    examples,
    searching,
    tiny_conv_model,
    tiny_linear_model,
    tiny_model,
)


def random_axes(seed, k, n):
    rng = np.random.default_rng(seed)
    latents = np.array([rng.permutation(k)[:2] for _ in range(n)], np.int64).reshape(n, 2)
    angles = rng.integers(1, 33, (n, 1))
    return OwnAxes(np.concatenate([latents, angles], axis=1), rng.integers(0, k, k))


def one_source(codec, n=400, seed=5):
    """Signals along one direction of all the latents of a model, and little else."""
    rng, k = np.random.default_rng(seed), codec.model.latent_size
    common = rng.normal(size=(n, 1)) * 12
    latents = common * rng.choice([-1.0, 1.0], k) + rng.normal(size=(n, k))
    x = codec.decode(np.rint(latents).astype(np.int32), 1)
    noise = rng.normal(size=x.shape) * x.astype(float).std() / 30
    return (x + (noise if x.dtype.kind == "f" else np.rint(noise))).astype(x.dtype)


def axes_codec(dtype="int16", trellis=False, **options):
    model = searching(tiny_linear_model(dtype, (12,), 6, **options))
    return Codec(in_trellis(model) if trellis else model)


@examples(60)
@given(st.integers(0, 999), st.integers(2, 40), st.integers(0, 30), st.binary(max_size=5))
def test_axes_come_back_from_their_bytes_and_say_where_they_end(seed, k, n, rest):
    axes = random_axes(seed, k, n)
    data = pack_axes(axes)
    found, end = unpack_axes(data + rest, k)
    assert end == len(data)
    assert all(map(np.array_equal, found, axes))
    with pytest.raises(FormatError):
        unpack_axes(data[:-1], k)


@examples(20)
@given(st.integers(0, 999), st.integers(2, 40))
def test_axes_stay_at_right_angles_after_as_many_rotations_as_there_may_be(seed, k):
    axes = random_axes(seed, k, MOST_ROTATIONS * k).matrix() * 2.0**-MATRIX_BITS
    assert np.abs(axes @ axes.T - np.eye(k)).max() < 1e-4


def test_a_rotation_turns_one_axis_towards_another():
    axes = OwnAxes(np.array([[1, 0, 32]]), np.arange(2)).matrix() * 2.0**-MATRIX_BITS
    angle = 2 * np.arctan(0.5)
    expected = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert np.allclose(axes, expected, atol=1e-8)


def test_rotations_are_chosen_that_leave_no_correlations_worth_their_bits():
    rng, k = np.random.default_rng(0), 8
    mixed = (
        rng.normal(size=(2000, k))
        * np.geomspace(50, 1, k)
        @ np.linalg.qr(rng.normal(size=(k, k)))[0]
    )
    substeps = in_substeps(mixed)
    rotations, saved = choose_rotations(substeps, 1)
    along = substeps @ OwnAxes(rotations, np.arange(k)).matrix().T / 2.0**MATRIX_BITS / SUBSTEPS
    before, after = (np.log2(np.var(x, axis=0) + 1 / 12).sum() for x in (mixed, along))
    least = np.linalg.slogdet(np.cov(mixed.T) + np.eye(k) / 12)[1] / np.log(2)
    assert after - least < 0.03 * (before - least)
    assert 0.5 * (before - after) < saved / 1000 < before - after


def test_latents_that_are_not_correlated_stay():
    substeps = in_substeps(np.random.default_rng(0).normal(size=(500, 9)) * 9)
    rotations, saved = choose_rotations(substeps, 1)
    assert len(rotations) <= 2
    assert saved < 60


def test_axes_begin_with_the_tables_that_fit_them():
    row = [count_table(np.arange(-reach, reach + 1).repeat(9)) for reach in (2, 9, 40, 4)]
    rng = np.random.default_rng(0)
    shares = [table.weights[:-1] / table.weights[:-1].sum() for table in row]
    columns = [
        table.low + rng.choice(len(share), 500, p=share)
        for table, share in zip(row, shares, strict=True)
    ]
    wanted = [2, 0, 3, 1]
    substeps = in_substeps(np.array([columns[j] for j in wanted], float).T)
    assert with_tables(np.zeros((0, 3), np.int64), substeps, row, 1).tables.tolist() == wanted


@pytest.mark.parametrize("trellis", [False, True], ids=["one quantiser", "trellis"])
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_signals_of_one_source_take_fewer_bytes_along_their_own_axes(dtype, trellis):
    codec = axes_codec(dtype, trellis)
    x = one_source(codec)
    plain, blob = codec.compress(x, effort=0), codec.compress(x)
    (before,), (block,) = blocks_of(plain), blocks_of(blob)
    assert before.mode is not Mode.ROTATED
    assert block.mode is Mode.ROTATED
    assert len(blob) < 0.9 * len(plain)
    decoded = codec.decompress(blob)
    assert np.array_equal(read_archive(blob, codec.model_bytes), decoded)
    lost, least = (np.square(y.astype(float) - x).sum() for y in (decoded, codec.decompress(plain)))
    assert lost < 1.5 * least


def test_missing_values_and_a_signal_unlike_the_others_cost_a_block_no_axes():
    codec = axes_codec("float32")
    x = one_source(codec)
    codec = Codec(replace(codec.model, fit=measure_fit(codec.model, x, [])))
    (plain,) = blocks_of(codec.compress(x))
    x[[3, 17], [0, 4]] = x[40] = np.nan
    mean, other = x[41:90].mean(axis=0), x[90] + x[41:90].std() * (-1.0) ** np.arange(12)
    away = other - codec.decompress(codec.compress(other[None].astype(np.float32)))[0]
    x[90] = mean + away * (x[41:90].std() / away.std())
    blob = codec.compress(x)
    (block,) = blocks_of(blob)
    assert (plain.kind, block.kind) == ("rotated", "rotated_patched")
    assert len(block.payload) < len(plain.payload) + 120
    decoded, known = codec.decompress(blob), np.isfinite(x)
    assert np.array_equal(decoded[~known], x[~known], equal_nan=True)
    assert np.array_equal(decoded[90], x[90])
    assert np.array_equal(read_archive(blob, codec.model_bytes), decoded, equal_nan=True)
    with Archive(io.BytesIO(blob), codec.decoder) as archive:
        assert np.array_equal(archive[85:95], decoded[85:95], equal_nan=True)


def test_they_are_the_same_however_they_are_computed():
    codec = axes_codec("int16", trellis=True)
    x = one_source(codec, 900)
    blob = codec.compress(x, block_signals=300)
    assert {block.mode for block in blocks_of(blob)} == {Mode.ROTATED}
    assert codec.compress(x, block_signals=300, jobs=2) == blob
    for other in (Codec(codec.model, NUMPY), Codec(codec.model, NUMPY, batch_size=7)):
        assert other.compress(x, block_signals=300) == blob
        assert np.array_equal(other.decompress(blob), codec.decompress(blob))


def test_what_serves_in_the_place_of_a_wrong_engine_serves_along_axes_too():
    codec = axes_codec("int16", trellis=True)
    blob = codec.compress(one_source(codec))
    transform = codec.decoder.transform
    transform._use(REFERENCE)
    assert type(transform.serving(codec.model).engine) is type(REFERENCE)
    assert np.array_equal(codec.decompress(blob), read_archive(blob, codec.model_bytes))


def test_denormal_numbers_that_are_lost_are_noticed_along_axes_too(monkeypatch):
    codec = axes_codec()
    blob = codec.compress(one_source(codec))
    asked = []
    monkeypatch.setattr(codec.decoder.transform, "_check_denormals", lambda: asked.append(1))
    codec.decompress(blob)
    assert asked


def test_every_quality_has_axes_of_its_own():
    codec = axes_codec(n_qualities=2)
    x = one_source(codec)
    for quality in (1, 2):
        blob = codec.compress(x, quality=quality)
        (block,) = blocks_of(blob)
        assert (block.mode, block.quality) == (Mode.ROTATED, quality)
        assert np.array_equal(read_archive(blob, codec.model_bytes), codec.decompress(blob))


@pytest.mark.parametrize("channels", [False, True], ids=["alike", "channels"])
def test_what_a_step_along_an_axis_does_to_errors_is_known(channels):
    model = searching(tiny_linear_model("float32", (4, 3), 5, n_qualities=2))
    model = by_channel(model) if channels else model
    own = rotated_codec(model, model.quality(2), random_axes(1, 5, 12))
    codec, units = Codec(own), model.tradeoffs.units
    y = np.random.default_rng(0).integers(-9, 9, (64, 5), dtype=np.int32)
    before = codec.decode(y)
    for j, step in enumerate(np.eye(5, dtype=np.int32)):
        measured = squared(errors(codec.decode(y + step), before, units)).mean()
        assert 0.9 < measured / own.tradeoffs.curvature[0, j] < 1.1
    if not channels:  # whose axes are at right angles in the model's units alone
        assert (codec.encode(before, effort=0) == y).mean() > 0.95


def test_few_signals_targets_and_effort_0_keep_the_axes_of_the_model():
    codec = axes_codec()
    x = one_source(codec)
    assert Mode.ROTATED in {block.mode for block in blocks_of(codec.compress(x))}
    for signals, request in (
        (x[: LEAST_SIGNALS - 1], {}),
        (x, {"effort": 0}),
        (x, {"target_bytes": 1000}),
    ):
        modes = {block.mode for block in blocks_of(codec.compress(signals, **request))}
        assert Mode.ROTATED not in modes


@pytest.mark.parametrize(
    "model",
    [
        tiny_model("int16", (6,), 3),
        tiny_conv_model("uint8"),
        tiny_linear_model("int16", (6,), 1),
        corrected(searching(tiny_model("int16", (4, 3), 3, n_qualities=2))),
    ],
    ids=["hidden layer", "convolutions", "one latent", "corrected"],
)
def test_other_models_have_no_axes_and_refuse_such_blocks(model):
    assert not has_axes(model)
    codec, axes = Codec(model), random_axes(0, max(2, model.latent_size), 1)
    block = Block(Mode.ROTATED, 1, 5, pack_axes(axes) + b"\0")
    blob = written(codec.encoder.header(), [block])
    with pytest.raises(FormatError, match="has no axes"):
        codec.decompress(blob)


def test_a_latent_of_no_weight_and_steps_of_no_length_are_harmless():
    model = tiny_linear_model("int16", (6,), 3)
    step = model.quantiser.step.copy()
    step[0, 0] = 0
    dense = model.decoder.layers[0]
    weight = dense.weight.copy()
    weight[1] = 0
    decoder = type(model.decoder)([replace(dense, weight=weight)], (3,), model.quantiser.limit)
    quantiser = replace(model.quantiser, step=step)
    model = replace(model, decoder=decoder, quantiser=quantiser, known_answers=None)
    own = rotated(model, model.quality(), random_axes(0, 3, 9))
    frames = Codec(own).decode(np.ones((1, 3), np.int32))
    assert frames.shape == (1, 6)
