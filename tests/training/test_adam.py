"""Adam is that of torch, without what torch.optim imports."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

from narrows.training.adam import Adam, Group

BETAS = (0.8, 0.95)
SHAPES = [(5, 3), (7,), (2, 3, 4)]


def parameters():
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_weights_are_those_of_torch_at_every_step(decay):
    ours, theirs, generator = parameters(), parameters(), torch.Generator().manual_seed(1)
    group, other = Group(ours[:2], 0.01, decay), Group(ours[2:], 0.02)
    adam = Adam([group, other], BETAS)
    expected = torch.optim.AdamW(
        [{"params": theirs[:2], "weight_decay": decay},
         {"params": theirs[2:], "lr": 0.02, "weight_decay": 0.0}],
        lr=0.01, betas=BETAS, fused=True,
    )  # fmt: skip
    for step in range(12):
        group.rate = expected.param_groups[0]["lr"] = 0.01 / (1 + step)
        adam.forget_gradients()
        expected.zero_grad()
        for mine, its in zip(ours, theirs, strict=True):
            its.grad = torch.randn(its.shape, generator=generator)
            mine.grad = its.grad.clone()
        adam.step()
        expected.step()
        for mine, its in zip(ours, theirs, strict=True):
            assert torch.equal(mine, its)


def test_a_parameter_without_a_gradient_stays_and_so_does_what_is_remembered_of_it():
    moved, still = parameters()[:2]
    before = still.detach().clone()
    adam = Adam([Group([moved, still], 0.1, 0.1)])
    moved.grad = torch.ones_like(moved)
    adam.step()
    assert torch.equal(still, before)
    assert [float(state["step"]) for state in adam.state] == [1.0, 0.0]


def test_training_does_not_import_the_compiler_of_torch():
    code = (
        "import sys, numpy, narrows\n"
        "x = numpy.random.default_rng(0).integers(0, 255, (64, 6, 6)).astype('uint8')\n"
        "narrows.train(x, latent_size=2, epochs=1, architecture='dense')\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
