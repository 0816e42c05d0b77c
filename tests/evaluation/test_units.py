"""Channels of other kinds are compared at one SNR, each in its own deviation."""

from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.evaluation.metrics import evaluate
from narrows.evaluation.peers.registry import Bench
from narrows.evaluation.units import Units

pytest.importorskip("torch", reason="models are trained with torch; extra train")

LARGER = 1000.0  # the deviation of the second channel, in that of the first


@pytest.fixture(scope="module")
def table():
    """300 windows of two channels, `(300, 16, 2)`, alike but for their units."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 16, 2)).cumsum(axis=1)
    return (x * [1.0, LARGER] + [0.0, 7e4]).astype(np.float32)


@pytest.fixture(scope="module")
def codec(table):
    return narrows.train(table, architecture="linear", aim="snr:15")


def test_each_channel_has_a_variance_of_one(codec, table):
    units = Units.of(codec.model, table)
    assert units.by_channel
    assert units.peak == 1.0
    assert units.signals(table).std(axis=(0, 1)) == pytest.approx([1, 1], rel=1e-3)


def test_the_quality_of_a_codec_is_the_mean_of_its_channels(codec, table):
    measured = evaluate(codec, table)
    point = Units.of(codec.model, table).point("narrows", measured)
    shares = [10 ** (-channel.snr / 10) for channel in measured.channels]
    assert point.psnr == point.snr == pytest.approx(-10 * np.log10(np.mean(shares)), abs=1e-3)
    assert point.quality == "SNR by channel"
    assert point.as_json()["psnr"] is None


def test_other_codecs_get_channels_that_are_alike(codec, table):
    pytest.importorskip("pysz", reason="SZ3 is a peer; extra bench")
    units = Units.of(codec.model, table)
    alike = (table - [0.0, 7e4]) / [1.0, LARGER]
    found, same = (
        {p.name: p.bytes_per_signal for p in bench.at_psnr(15.0) if "SZ3" in p.name}
        for bench in (
            Bench(table, units),
            Bench(alike.astype(np.float32), Units(float(alike.std()))),
        )
    )
    assert found
    assert found == pytest.approx(same, rel=0.05)
    raw = {p.name: p.bytes_per_signal for p in Bench(table, units).lossless()}
    plain = {p.name: p.bytes_per_signal for p in Bench(table, Units(1.0)).lossless()}
    assert raw == plain  # of what is exact, the units are the signals' own


def test_pictures_and_single_channels_keep_their_units(tiny_codec, codec, digits, table):
    units = Units.of(tiny_codec.model, digits)
    assert (units.by_channel, units.peak) == (False, tiny_codec.model.peak)
    assert units.signals(digits) is digits
    ends = {"dtype": np.dtype(np.uint8), "output_offset": (0.0, 9.0)}
    bytes_ = replace(codec.model.normaliser, **ends)
    assert not Units.of(replace(codec.model, normaliser=bytes_), table).by_channel
