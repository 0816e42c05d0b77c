"""The updates that are written out do what autograd and torch's own Adam do."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

from narrows.training.classic.backpropagation import BETAS, EPSILON, DenseSteps
from narrows.training.classic.graphed import PLAIN_LOSSES, GraphedSteps

BATCH, SIZE = 7, 11
CASES = [
    pytest.param(nn.ReLU, nn.Sigmoid, "bce", 0.0, id="dense-32"),
    pytest.param(nn.ELU, nn.ELU, "mse", 0.0, id="dense-25"),
    pytest.param(nn.Identity, nn.Sigmoid, "mse", 0.0, id="dense-25-best"),
    pytest.param(nn.ReLU, nn.Sigmoid, "mse", 0.01, id="sparse"),
    pytest.param(nn.ELU, nn.Sigmoid, "bce", 0.03, id="sparse, bce"),
]


def networks(latent, output, *, deep=False):
    torch.manual_seed(3)
    hidden = [nn.Linear(SIZE, 6), nn.ReLU()] if deep else []
    encoder = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(6 if deep else SIZE, 4), latent())
    decoder = nn.Sequential(nn.Linear(4, SIZE), output(), nn.Unflatten(1, (SIZE,)))
    return encoder, decoder


def frames(seed=0):
    return torch.rand((BATCH, SIZE), generator=torch.Generator().manual_seed(seed))


def autograd(encoder, decoder, x, seen, loss, sparse):
    latents = encoder(seen)
    value = PLAIN_LOSSES[loss](decoder(latents), x) + sparse * latents.abs().sum(1).mean()
    parameters = [*encoder.parameters(), *decoder.parameters()]
    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(value, parameters)])
    return float(value.detach()), gradient


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("latent", "output", "loss", "sparse"), CASES)
def test_gradients_are_those_of_autograd(latent, output, loss, sparse, deep):
    encoder, decoder = networks(latent, output, deep=deep)
    x, seen = frames(0), frames(1)
    value, gradient = autograd(encoder, decoder, x, seen, loss, sparse)
    steps = DenseSteps(encoder, decoder, loss, BATCH, sparse)
    assert steps.backpropagate(x.numpy(), seen.numpy()) == pytest.approx(value, rel=1e-5)
    parts = [a for layer in steps.layers for a in (layer._d_weight, layer._d_bias)]
    ours = torch.cat([torch.from_numpy(part).reshape(-1) for part in parts])
    torch.testing.assert_close(ours, gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("steps_of", [DenseSteps, GraphedSteps])
@pytest.mark.parametrize(("latent", "output", "loss", "sparse"), CASES)
def test_updates_are_those_of_torch_s_adam(steps_of, latent, output, loss, sparse):
    encoder, decoder = networks(latent, output)
    steps = steps_of(encoder, decoder, loss, BATCH, sparse)
    theirs = networks(latent, output)
    parameters = [*theirs[0].parameters(), *theirs[1].parameters()]
    optimiser = torch.optim.Adam(parameters, lr=0.01, betas=BETAS, eps=EPSILON)
    for seed in range(20):
        x = frames(seed)
        ours = steps.update(x, x, 0.01)
        latents = theirs[0](x)
        value = PLAIN_LOSSES[loss](theirs[1](latents), x) + sparse * latents.abs().sum(1).mean()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        assert ours == pytest.approx(float(value.detach()), rel=1e-4)
    for a, b in zip((*encoder.parameters(), *decoder.parameters()), parameters, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_the_parameters_of_the_modules_are_what_changes():
    encoder, decoder = networks(nn.ReLU, nn.Sigmoid)
    before = encoder[1].weight.detach().clone()
    DenseSteps(encoder, decoder, "mse", BATCH, 0.0).update(frames(), frames(), 0.1)
    assert not torch.equal(encoder[1].weight, before)


@pytest.mark.parametrize("value", [-1e4, -100.0, 0.0, 100.0, 1e4])
def test_saturated_outputs_keep_loss_and_gradient_finite(value):
    encoder, decoder = networks(nn.ReLU, nn.Sigmoid)
    with torch.no_grad():
        decoder[0].bias.fill_(value)
    steps = DenseSteps(encoder, decoder, "bce", BATCH, 0.0)
    x = frames().round().numpy()
    loss = steps.backpropagate(x, x)
    assert np.isfinite(loss)
    assert bool(steps.gradient.isfinite().all())
    wrong = np.mean(x == 0) if value > 0 else np.mean(x == 1)
    if abs(value) == 100.0:
        cut = 80.0 if value < 0 else 100.0  # the lowest logit
        assert loss == pytest.approx(wrong * cut, rel=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
@pytest.mark.parametrize(("latent", "output", "loss", "sparse"), CASES)
def test_a_recorded_update_is_that_of_the_cpu(latent, output, loss, sparse):
    results = []
    for device in ("cpu", "cuda"):
        encoder, decoder = (network.to(device) for network in networks(latent, output))
        steps = GraphedSteps(encoder, decoder, loss, BATCH, sparse)
        losses = [steps.update(frames(i).to(device), frames(i).to(device), 0.01) for i in range(9)]
        results.append((losses, steps.parameters.detach().cpu()))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-3, atol=1e-4)
