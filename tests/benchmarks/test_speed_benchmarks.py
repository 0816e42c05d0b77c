"""The benchmarks of speed run on models of today: what they time is inside the codec."""

import importlib
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.signals import read_signals

TESTS = Path(__file__).parents[1]
NAMES = ("roofline", "speed", "training_speed")
roofline, speed, training_speed = (
    importlib.import_module(f"benchmarks.{name}")
    for name in ("roofline", "speed", "training_speed")
)


def golden(name):
    folder = TESTS / "golden" / "v0"
    return narrows.load(folder / f"{name}.narrows"), np.load(folder / f"{name}.npy")


def test_the_roofline_has_a_row_for_each_layer_and_both_ends(monkeypatch):
    codec, x = golden("conv-2d-uint8")
    monkeypatch.setattr(roofline, "ROUNDS", 1)
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


def test_programs_run_in_turns_and_take_the_processor_s_time_alone():
    called = []

    def busy():
        called.append("busy")
        np.ones((300, 300)) @ np.ones((300, 300))

    def asleep():
        called.append("asleep")
        time.sleep(0.05)

    seconds = speed.seconds_in_turns({"busy": busy, "asleep": asleep}, 3)
    assert called == ["busy", "asleep"] * 3
    assert all(each < 0.04 for each in seconds["asleep"])


def test_the_speed_of_each_direction_is_told_beside_that_of_the_products(monkeypatch):
    codec, x = golden("conv-2d-uint8")
    monkeypatch.setattr(speed, "peers", lambda x, peak: [("copy", lambda: [x.tobytes()], len)])
    rows = {row["name"]: row for row in speed.measure(codec, x, 2)}
    assert {"compress: narrows", "compress: narrows, effort 0", "compress: its bare products",
            "decompress: its bare products", "decompress: copy"} <= rows.keys()  # fmt: skip
    assert rows["decompress: narrows"]["times_narrows"] == 1.0
    assert rows["compress: copy"]["bytes_per_signal"] == x.nbytes / len(x)
    assert all(row["mb_per_s"] > 0 for row in rows.values())


def test_programs_train_an_epoch_each_in_turns_and_to_the_same_loss(tmp_path):
    pytest.importorskip("torch", reason="training needs the extra `train`")
    data = tmp_path / "bright.npy"
    np.save(data, (np.array(read_signals("digits")) * 15.0).astype(np.uint8))
    options = Namespace(data=str(data), epochs=3)
    programs = {name: training_speed.start(name, options) for name in ("narrows", "torch")}
    told = training_speed.take_turns(programs, options.epochs)
    assert {name: len(epochs) for name, epochs in told.items()} == {"narrows": 3, "torch": 3}
    assert all(seconds > 0 for epochs in told.values() for seconds, _ in epochs)
    ours, theirs = (epochs[-1][1] for epochs in told.values())
    assert ours == pytest.approx(theirs, rel=0.1)


def test_a_program_that_fails_in_its_turn_is_told(tmp_path):
    options = Namespace(data=str(tmp_path / "none.npy"), epochs=3)
    with pytest.raises(SystemExit, match=r"none\.npy"):
        training_speed.take_turns({"torch": training_speed.start("torch", options)}, 3)
