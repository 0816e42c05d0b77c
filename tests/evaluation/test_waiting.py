"""An estimate of how long measuring takes, told before it begins."""

import time

import pytest

from narrows.evaluation import waiting
from narrows.evaluation.peers.registry import Bench
from narrows.evaluation.waiting import in_words, seconds_of_codec, seconds_of_peers


def test_estimates_are_in_words_that_claim_no_more_than_they_know():
    words = [in_words(seconds) for seconds in (0.2, 7, 40, 89, 91, 600, 7000)]
    assert words == ["some seconds", "about 10 s", "about 40 s", "about 90 s", "about 2 min",
                     "about 10 min", "about 1.9 h"]  # fmt: skip


def test_the_estimate_of_a_codec_is_near_the_time_it_takes(tiny_codec, digits):
    expected = seconds_of_codec(tiny_codec, digits)
    began = time.perf_counter()
    tiny_codec.decompress(tiny_codec.compress(digits))
    assert 0.1 < expected / (time.perf_counter() - began) < 20
    assert seconds_of_codec(tiny_codec, digits[:0]) == 0.0


def test_the_estimate_of_peers_scales_what_a_trial_takes(digits, monkeypatch):
    pytest.importorskip("torch", reason="the PCA codec is trained with torch; extra train")
    tried = []

    def trial(peer, work):
        tried.append((peer.key, len(work.x)))
        return 0.01 * len(work.x)

    monkeypatch.setattr(waiting, "_trial", trial)
    bench = Bench(digits[:640], 16.0)
    expected = seconds_of_peers(bench)
    lossless = sum(peer.lossless for peer in bench.peers)
    lossy = len(bench.peers) - lossless - 1
    of_pca = 3 * 0.01 * 320
    assert expected == pytest.approx(6.4 * (lossless + 8 * lossy) + of_pca)
    assert max(n for _, n in tried) == 40  # a sixteenth of all, or an eighth of a half
    assert seconds_of_peers(bench, 3) > expected


def test_a_peer_that_fails_in_its_trial_is_left_to_the_measuring(digits, monkeypatch):
    def broken(*arguments):
        raise MemoryError("too much")

    monkeypatch.setattr(waiting, "measure", broken)
    assert seconds_of_peers(Bench(digits[:64], 16.0)) == 0.0
