"""The benchmark of choices: sources apart, sizes at one PSNR, budgets that do not waver."""

import json
import math
import time

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from benchmarks import choices
from benchmarks.comparison import held_out
from benchmarks.comparison.steady import Steady


@pytest.fixture
def few_digits(monkeypatch):
    """Let the sets be digits alone, in one network."""

    def load(name, folder):
        whole = held_out.digits(name, folder)
        return held_out.HeldOut(
            "few digits", whole.train[:600], whole.parts, whole.peak, {}, (), held_out.DENSE
        )

    monkeypatch.setattr(held_out, "SETS", {"digits": load})


def test_patients_that_are_left_out_are_not_learnt_from(monkeypatch):
    monkeypatch.setattr(
        held_out.recordings, "patients", lambda: {str(i): np.full((9, 4, 2), i) for i in range(9)}
    )
    kept, others = held_out.patients()
    assert list(others) == ["0", "4", "8"]
    assert sorted([*kept, *others]) == list(map(str, range(9)))


def test_what_is_measured_is_the_length_of_archives_and_their_error(tiny_codec, digits):
    parts = [digits[:50], digits[50:80]]
    size, psnr = held_out.HeldOut("", None, parts, 16.0).measured(tiny_codec)
    blobs = [tiny_codec.compress(x) for x in parts]
    back = np.concatenate([tiny_codec.decompress(blob) for blob in blobs]).astype(np.float64)
    assert size == sum(map(len, blobs)) / 80
    assert psnr == pytest.approx(10 * math.log10(256.0 / np.square(back - digits[:80]).mean()))


def test_curves_are_straight_in_decibels_and_the_logarithm_of_bytes():
    curve = [(40.0, 36.0), (10.0, 30.0), (20.0, 33.0)]
    for psnr, size in ((30.0, 10.0), (31.5, 200.0**0.5), (36.0, 40.0), (27.0, 5.0), (39.0, 80.0)):
        assert math.exp(choices.log_bytes_at(curve, psnr)) == pytest.approx(size)


def test_sizes_are_compared_at_the_psnr_of_auto():
    def row(asked, minutes, size, psnr):
        return {"asked": asked, "minutes": minutes, "bytes": size, "psnr": psnr}

    rows = [
        row("linear", None, 10.0, 30.0),
        row("linear", None, 20.0, 33.0),
        row("dense", 2, 12.0, 33.0),
        row("dense", 1, 99.0, 33.0),
        {**row("conv", 2, 1.0, 30.0), "fault": "not such frames"},
        row("auto", 2, 8.0, 30.0),
    ]
    [(own, at)] = choices.compared(rows)
    assert own["minutes"] == 2
    assert at == {"linear": pytest.approx(10.0), "dense": pytest.approx(6.0)}
    cells = choices.choice_cells({**own, "set": "x", "architecture": "linear", "model_bytes": 1,
                                  "seconds": 1.0}, at)  # fmt: skip
    assert "+33.3 % !" in cells


def test_a_run_goes_on_where_it_ended_and_measures_again_what_is_asked_for(few_digits, tmp_path):
    path, saved = tmp_path / "choices.json", []
    first = choices.Choices(path)
    first.measure("digits", [0.02], (), lambda: saved.append(len(first.rows)))
    asked = [row["asked"] for row in first.rows]
    assert asked == ["linear"] * 3 + ["predictive", "auto", "dense"]  # refused once is enough
    assert saved == [1, 2, 3, 4, 5, 6]
    path.write_text(json.dumps({"rows": first.rows, "paces": first.steady.paces}))
    second = choices.Choices(path)
    second.measure("digits", [0.02], (), lambda: pytest.fail("measured already"))
    second.measure("digits", [0.02], ("dense",), lambda: saved.append(len(second.rows)))
    assert saved[6:] == [6]
    dense = [next(r for r in each.rows if r["asked"] == "dense") for each in (first, second)]
    assert dense[0]["updates"] == dense[1]["updates"]
    page = choices.page(second.rows, {"command": "x", "machine": dict.fromkeys(
        ("processor", "cores", "threads"), "")})  # fmt: skip
    assert "| digits | 0.02 | " in page


def test_paces_are_timed_once_and_seconds_are_those_of_the_processor(digits):
    steady = Steady({})

    def make():
        time.sleep(0.3)
        return narrows.train(digits[:300], architecture="dense", minutes=0.02)

    before = time.process_time()
    one, seconds = steady.train("digits", make)
    assert seconds <= time.process_time() - before
    assert any("dense" in key for key in steady.paces)
    known = dict(steady.paces)
    other, _ = steady.train("digits", make)
    assert steady.paces == known
    epochs = [len(each.model.training["history"]) for each in (one, other)]
    assert abs(epochs[0] - epochs[1]) <= 0.2 * max(epochs)
    assert time.perf_counter is not time.process_time
