"""The benchmarks of speed run on models of today: what they time is inside the codec."""

import importlib
import sys
from pathlib import Path

import numpy as np

import narrows

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS.parent / "benchmarks"))
roofline, speed = (importlib.import_module(name) for name in ("roofline", "speed"))


def golden(name):
    folder = TESTS / "golden" / "v0"
    return narrows.load(folder / f"{name}.narrows"), np.load(folder / f"{name}.npy")


def test_the_roofline_has_a_row_for_each_layer_and_both_ends(monkeypatch):
    codec, x = golden("conv-2d-uint8")
    monkeypatch.setattr(roofline, "RUNS", 1)
    rows = list(roofline.layers_of(codec, x))
    assert len(rows) == len(codec.model.decoder.layers) + 2
    assert all(taken > 0 for _, taken, _, _ in rows)
    convolutions = [row for row in rows if "conv" in row[0]]
    assert convolutions
    assert all(arithmetic > 0 and traffic > 0 for _, _, arithmetic, traffic in convolutions)


def test_bare_products_are_those_of_the_layers_with_weights():
    codec, _ = golden("conv-2d-uint8")
    network = codec.model.decoder
    products = list(speed.products_of(network))
    assert len(products) == sum(hasattr(layer, "weight") for layer in network.layers)
    speed.bare_products(network, 3, 2)()
