"""Processes that share a training: each does its part of every batch, and all get one model."""

import json
from itertools import chain

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.training.loop.batch import Batch
from narrows.training.ranks import ALONE, Ranks
from tests.helpers import together
from tests.helpers.together import pair

gloo = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="processes speak through gloo, which this torch was built without",
)


@pytest.mark.parametrize(("n", "size"), [(32, 2), (33, 2), (7, 3), (5, 5)])
def test_shares_are_all_rows_once_and_nearly_of_one_size(n, size):
    shares = [list(range(n))[Ranks(rank, size).rows(n)] for rank in range(size)]
    assert list(chain.from_iterable(shares)) == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_of_a_batch_has_the_noise_of_its_rows():
    x = torch.arange(5.0)[:, None]
    noise = torch.cat([x, x + 10])  # two latents of each row
    own = Batch(x, x, noise, 0, 0.0, x > 2).share(slice(1, 3))
    assert own.noise[:, 0].tolist() == [1, 2, 11, 12]
    assert own.seen is own.x
    assert own.missing.shape == own.x.shape == (2, 1)


def test_alone_nothing_is_sent():
    tensor = torch.ones(3)
    ALONE.sum([tensor])
    ALONE.make_alike([tensor])
    assert tensor.tolist() == [1, 1, 1]
    assert (ALONE.total(2.5), ALONE.first(2.5), ALONE.shared(b"x")) == (2.5, 2.5, b"x")
    assert ALONE.is_first
    assert ALONE.is_first_to_tell()


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """What two processes found, and how they ended."""
    return pair("-W", "ignore", together.__file__, cwd=tmp_path_factory.mktemp("together"))


@pytest.fixture(scope="module")
def found(ended):
    both = [json.loads(out.splitlines()[0]) for _, out, _ in ended if out] or [ended]
    assert len(both) == 2, ended
    return both


@gloo
def test_all_processes_get_the_same_model(found):
    first, second = found
    for name in ("together", "qualities", "linear", "interrupted", "resumed"):
        assert first[name] == second[name]
        assert len(first[name]) == 32, first[name]


@gloo
def test_what_is_learnt_is_what_one_process_learns(found):
    alone, shared = found[0]["psnr"]
    assert abs(alone - shared) < 0.05


@gloo
def test_one_that_is_asked_to_stop_stops_all_and_they_go_on_to_the_same_model(found):
    assert [each["epochs"] for each in found] == [2, 2]
    assert found[0]["resumed"] == found[0]["together"] != found[0]["interrupted"]
    assert all(each["checkpoint"] for each in found)


@gloo
def test_what_cannot_be_shared_is_refused_in_all_processes(found):
    for each in found:
        assert "1 of 2 processes have read other signals than the first" in each["others"]
        assert "2 processes for batches of 1 signals" in each["few"]
        assert "presets are trained by one process" in each["preset"]


@gloo
def test_one_that_ends_is_told_by_the_others_in_one_line(ended):
    (code, out, _), (gone, *_) = ended
    assert (code, gone) == (0, 7)
    assert out.splitlines()[1].startswith("TrainingError: another process of this training has end")


@gloo
def test_a_command_writes_once_and_tells_once(found):
    (code, told), second = found[0]["written"], found[1]["written"]
    assert (code, second) == (0, [0, ""])
    assert told.splitlines()[-1].startswith("m.narrows: model ")


@gloo
def test_commands_that_end_together_tell_why_once(found):
    codes, told = zip(*(each["refused"] for each in found), strict=True)
    assert codes == (1, 1)
    assert sorted(map(len, told))[0] == 0
    line = "".join(told)
    assert line.count("\n") == 1
    assert line.startswith("narrows: there is no file 'gone.npy'")
