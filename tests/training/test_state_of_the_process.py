"""What a process has but once is not touched by training: random numbers, modes, threads."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from threadpoolctl import threadpool_info
from torch import nn

import narrows
from narrows.evaluation.probe.supervised import train_supervised
from narrows.training.torch_modes import one_thread

KINDS = {
    "dense": {"architecture": "dense", "qualities": 2},
    "conv": {"architecture": "conv"},
    "linear": {"architecture": "linear"},
    "preset": {"preset": "dense-32"},
    "minutes": {"minutes": 1e-4},
    "own": {},
}


def own_networks(share=0.3, dtype=torch.float32):
    """Make small networks with dropout, always of the same weights."""
    torch.manual_seed(0)
    encoder = [nn.Flatten(), nn.Linear(64, 24), nn.LeakyReLU(0.125), nn.Dropout(share)]
    decoder = [nn.Linear(4, 24), nn.Dropout(share), nn.LeakyReLU(0.125), nn.Linear(24, 64)]
    return {
        "encoder": nn.Sequential(*encoder, nn.Linear(24, 4)).to(dtype),
        "decoder": nn.Sequential(*decoder, nn.Unflatten(1, (8, 8))).to(dtype),
    }


def trained(digits, kind, **networks):
    """Train one kind of model for an epoch."""
    settings = {"epochs": 1, "latent_size": 4, **KINDS[kind]}
    if kind == "minutes":
        del settings["epochs"]
    return narrows.train(digits[:300], **settings, **networks)


def randoms():
    """Return what the generators of the process would give next, and leave them as they are."""
    numbers = torch.get_rng_state().numpy().tobytes(), repr(np.random.get_state())
    return *numbers, random.getstate()


@pytest.mark.parametrize("kind", list(KINDS))
def test_training_leaves_the_random_numbers_of_the_process_alone(digits, kind, monkeypatch):
    networks = own_networks() if kind in ("own", "minutes") else {}
    monkeypatch.setattr(torch, "manual_seed", None)
    before = randoms()
    trained(digits, kind, **networks)
    assert randoms() == before


def test_large_frames_and_supervised_encoders_leave_them_alone_too(digits):
    before = randoms()
    x = np.random.default_rng(0).normal(size=(20, 4100)).astype(np.float32)
    narrows.train(x, architecture="linear", latent_size=3)
    classes = np.arange(40) % 2
    train_supervised(digits[:40], classes, ["conv", 16, 3])
    train_supervised(digits[:40], classes, [16, "leaky_relu", 3])
    assert randoms() == before


@pytest.mark.parametrize("kind", ["dense", "preset", "own"])
def test_trainings_in_several_threads_give_the_model_of_one(digits, kind):
    networks = [own_networks() if kind == "own" else {} for _ in range(4)]
    alone = trained(digits, kind, **networks.pop())
    with ThreadPoolExecutor(3) as pool:
        models = list(pool.map(lambda own: trained(digits, kind, **own), networks))
    assert {codec.model_id for codec in models} == {alone.model_id}


def test_dropout_of_networks_of_ones_own_is_theirs_again_after_training(digits):
    networks = own_networks()
    without = trained(digits, "own", **own_networks(share=0.0))
    assert trained(digits, "own", **networks).model_id != without.model_id
    dropout = networks["encoder"].train()[3]
    assert "forward" not in vars(dropout)
    assert (dropout(torch.ones(1000)) == 0.0).any()


def test_networks_of_ones_own_may_be_of_another_dtype(digits):
    wide = trained(digits, "own", **own_networks(dtype=torch.float64))
    assert wide.decompress(wide.compress(digits[:5])).shape == (5, 8, 8)


@pytest.mark.parametrize(
    "mode",
    [torch.no_grad, torch.inference_mode, lambda: torch.device("meta"),
     lambda: torch.autocast("cpu", torch.bfloat16)],
)  # fmt: skip
def test_modes_that_the_caller_has_set_change_no_model(digits, mode):
    usual = trained(digits, "dense").model_id
    with mode():
        assert trained(digits, "dense").model_id == usual


def test_the_default_dtype_is_what_it_was_and_changes_no_model(digits):
    usual = trained(digits, "dense").model_id
    torch.set_default_dtype(torch.float64)
    try:
        assert trained(digits, "dense").model_id == usual
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_precision_of_products_is_what_it_was_and_changes_no_model(digits):
    usual = trained(digits, "dense").model_id
    torch.set_float32_matmul_precision("medium")
    try:
        assert trained(digits, "dense").model_id == usual
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("flushed", [True, False])
def test_denormals_are_flushed_after_training_if_they_were_before(digits, flushed):
    torch.set_flush_denormal(flushed)
    try:
        trained(digits, "dense")
        assert (float(torch.tensor(1e-310, dtype=torch.float64) * 1.0) == 0.0) is flushed
    finally:
        torch.set_flush_denormal(False)


def test_the_last_of_overlapping_trainings_gives_the_threads_of_blas_back():
    def threads():
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    before, first_is_out, meeting = threads(), Barrier(2), Barrier(2)

    def first():
        with one_thread():
            meeting.wait(10)
        first_is_out.wait(10)

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(first)
        with one_thread():
            meeting.wait(10)
            first_is_out.wait(10)
            assert set(threads()) <= {1}
        ended.result()
    assert threads() == before


FORKED = """
import os, sys
import numpy as np
import narrows
from narrows.codec.codec import Codec
from narrows.integrations.torch_backend import TorchBackend

x = np.random.default_rng(0).integers(0, 255, (500, 16, 16), np.uint8)

def work():
    codec = narrows.train(x, epochs=1, latent_size=4)
    return Codec(codec.model, backend=TorchBackend()).compress(x, effort=0)

work()
child = os.fork()
if not child:
    work()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_trains_without_the_threads_of_the_first():
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
