"""What the covariance of windows is taken for: as much as holds for sources that were left out."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.signals.inputs import training_samples
from narrows.signals.reading import Reading
from narrows.training import solved
from narrows.training.data.likely import PLAIN, Kind, kind_for, kind_of

LENGTH, N_SOURCES, N_WINDOWS = 16, 6, 120


def smooth(n_windows, rng):
    """Return windows of a stationary process, `(n_windows, LENGTH)`, at any offset."""
    x = np.convolve(rng.normal(size=n_windows * LENGTH + 8), np.ones(9), "valid")
    return x[: n_windows * LENGTH].reshape(n_windows, LENGTH)


def of_two_channels(turned, n_windows=N_WINDOWS, seed=0):
    """Return windows of sources, whose second channel is the first times a number of its own."""
    rng, found = np.random.default_rng(seed), []
    for gain in turned:
        first, other = smooth(n_windows, rng), smooth(n_windows, rng)
        found.append(np.stack([first, gain * first + 0.1 * other], axis=-1))
    return np.concatenate(found)


def kind(x, n_channels, sources=(N_WINDOWS,) * N_SOURCES, bits=40.0):
    return kind_for(x.reshape(len(x), -1), n_channels, sources, bits)


def test_channels_that_go_together_in_all_sources_stay_together():
    assert not kind(of_two_channels([1.0] * N_SOURCES), 2).apart


def test_channels_that_go_together_in_one_source_alone_are_taken_apart():
    x = of_two_channels([0.0, 0.0, 3.0])
    assert kind(x, 2, (N_WINDOWS,) * 3).apart


def test_few_windows_at_any_offset_are_taken_for_stationary():
    x = smooth(3 * 20, np.random.default_rng(1))
    found = kind_of([np.cov(part.T) for part in np.split(x, 3)], 1, 0.1)
    assert found.stationary > 0


def test_windows_whose_places_differ_are_taken_as_they_are():
    rng = np.random.default_rng(2)
    fades = np.exp(-np.arange(LENGTH) / 3.0)
    x = rng.normal(size=(N_SOURCES, N_WINDOWS, LENGTH)) * fades
    assert kind_of([np.cov(each.T) for each in x], 1, 0.1) == PLAIN


@pytest.mark.parametrize("n", [1, 17, 40])
def test_too_few_windows_decide_nothing(n):
    assert kind(of_two_channels([0.0, 3.0], n_windows=20)[:n], 2, ()) == PLAIN


def test_a_stationary_covariance_keeps_its_trace_and_depends_on_distance_alone():
    x = of_two_channels([1.0, 0.5])
    covariance = np.cov(x.reshape(len(x), -1).T)
    found = Kind(stationary=1.0).of(covariance, 2)
    assert np.trace(found) == pytest.approx(np.trace(covariance))
    np.testing.assert_allclose(found[:-2, :-2], found[2:, 2:])
    apart = Kind(apart=True).of(covariance, 2)
    assert not apart[::2, 1::2].any()
    np.testing.assert_array_equal(apart[::2, ::2], covariance[::2, ::2])


def recording(gain, seed):
    """Return a recording of two channels, `(n, 2)` int16."""
    x = of_two_channels([gain], n_windows=60, seed=seed)
    return np.rint(100 * x.reshape(-1, 2)).astype(np.int16)


def rate_at_one_error(codec, x):
    """Return the bits a window less those that its error is worth, at 6 dB a bit."""
    blob = codec.compress(x)
    error = np.square(codec.decompress(blob).astype(float) - x).mean()
    return 8 * len(blob) / len(x) + 0.5 * x[0].size * np.log2(error)


def test_linear_learns_leads_apart_where_patients_differ(tmp_path, monkeypatch):
    for number, gain in enumerate([0.0, 0.0, 3.0, 0.0]):
        np.save(tmp_path / f"{number}.npy", recording(gain, number))
    x = recording(0.0, 9).reshape(-1, LENGTH, 2)
    asked = {"window": LENGTH, "architecture": "linear", "channels": "none"}
    asked |= {"latent_size": 2 * LENGTH, "bits_per_latent": 2.0}
    own = rate_at_one_error(narrows.train(tmp_path, **asked), x)
    monkeypatch.setattr(solved, "kind_for", lambda *given: PLAIN)
    plain = rate_at_one_error(narrows.train(tmp_path, **asked), x)
    assert own < plain - 5.0


def test_windows_of_each_file_are_counted(tmp_path):
    for number, n_windows in enumerate([30, 50, 20]):
        np.save(tmp_path / f"{number}.npy", np.zeros(n_windows * LENGTH, np.int16))
    reading = Reading(window=LENGTH)
    samples = training_samples(tmp_path, None, reading, 0, lambda shape, itemsize: 10**6)
    assert sum(samples.sources) <= len(samples.x)
    assert [round(each / 9) for each in samples.sources] == [3, 5, 2]
    few = training_samples(tmp_path, None, reading, 0, lambda shape, itemsize: 45)
    assert sum(few.sources) == 45
    np.testing.assert_allclose(np.array(few.sources) / 45, [0.3, 0.5, 0.2], atol=0.03)
