"""The benchmark of vectors: what it measures, on vectors whose figures are known."""

import numpy as np
import pytest

from benchmarks import vectors


@pytest.fixture
def x():
    x = np.random.default_rng(0).standard_normal((400, 24)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1)[:, None]


def test_the_nearest_are_those_of_the_largest_cosine(x):
    query = x[:1] * 5
    found = vectors.nearest(query, x * np.linspace(1, 9, len(x), dtype=np.float32)[:, None])
    assert set(found[0]) == set(np.argsort(-(x @ x[0]))[: vectors.NEIGHBOURS])


def test_vectors_that_come_back_shorter_have_all_their_neighbours_and_an_error(x):
    found = vectors.fidelity(x, x / 2, x[:9])
    assert found == pytest.approx({"error": 0.25, "cosine": 1.0, "recall": 1.0})


def test_other_vectors_have_few_of_the_neighbours(x):
    found = vectors.fidelity(x, x[::-1].copy(), x[:50])
    assert found["recall"] < 0.1
    assert found["error"] == pytest.approx(2.0, abs=0.1)
    assert abs(found["cosine"]) < 0.05


def test_components_in_a_byte_each_are_measured_on_both_databases(x, monkeypatch):
    monkeypatch.setattr(vectors, "QUERIES", 20)
    row = vectors.row_of_pca(vectors.Sets(x, x[:120]), 12)
    assert row["bytes"] == row["learned"]["bytes"] == 12
    assert 0.2 < row["error"] < 0.5  # half of the components of white noise are left out
    assert row["model_bytes"] == 4 * (12 * 24 + 24 + 12)
    assert vectors.cells(row)[:2] == ["PCA, int8", "12.0"]
