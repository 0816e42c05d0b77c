"""A clock leaves no time out, and the time of a training is that of the wall."""

import time

import pytest

from narrows.clock import Clock, in_words, process_began
from narrows.words import counted


def test_laps_are_the_whole_time():
    before = time.perf_counter()
    clock = Clock(before - 30.0)
    clock.lap("starting")
    time.sleep(0.02)
    clock.lap("training")
    clock.add("training", 5.0)
    told = clock.as_json()
    assert told["seconds"] == pytest.approx(time.perf_counter() - before + 35.0, abs=0.05)
    assert told["seconds_by_step"]["training"] >= 5.02
    assert sum(told["seconds_by_step"].values()) == pytest.approx(told["seconds"], abs=0.02)
    assert clock.seconds >= told["seconds"] - 0.01


@pytest.mark.parametrize(
    ("laps", "words"),
    [
        ({"starting": 3.0, "training": 1055.4, "freezing": 0.1}, "1,058 s: training 1,055"),
        ({"starting": 0.2, "training": 2.04}, "2.2 s: training 2.0"),
        (
            {"training": 2.0, "other": 1.0, "reading": 1.0},
            "4.0 s: reading 1.0, training 2.0, other 1.0",
        ),
        ({}, "0.0 s"),
    ],
)
def test_short_laps_are_in_the_sum_alone(laps, words):
    assert in_words({"seconds": sum(laps.values()), "seconds_by_step": laps}) == words


def test_a_process_began_before_now():
    assert 0.0 <= time.perf_counter() - process_began() < 7 * 86400


@pytest.mark.parametrize(
    ("n", "things", "words"),
    [
        (1, "", "1 epoch"),
        (0, "", "0 epochs"),
        (2000, "", "2,000 epochs"),
        (2, "batches", "2 batches"),
    ],
)
def test_one_is_singular(n, things, words):
    assert counted(n, "epoch", things) == words
