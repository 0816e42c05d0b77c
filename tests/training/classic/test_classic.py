"""The classic autoencoders: their updates written out, their batches, and their codecs."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.errors import SettingError
from narrows.evaluation.metrics import evaluate
from narrows.training import train as training
from narrows.training.architectures import Autoencoder
from narrows.training.classic import trainer as plain
from narrows.training.classic.backpropagation import BETAS, EPSILON, DenseSteps
from narrows.training.classic.graphed import PLAIN_LOSSES, GraphedSteps
from narrows.training.data.augmentation import corrupted
from narrows.training.data.frames import scaled
from narrows.training.data.scaling import unit_scaling_of
from narrows.training.plan import plan_of
from narrows.training.presets import PRESETS
from narrows.training.train import build_networks
from tests.helpers.interrupted import Killed, kill_at

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


def trainer(x, batch_size):
    asked = {"latent_size": 3, "preset": "dense-25", "batch_size": batch_size}
    plan = plan_of(asked, x.shape, x.dtype, has_validation=True)
    scaling = unit_scaling_of(x)
    networks = training.build_networks(x.shape[1:], plan)
    frames = scaled(x, scaling)
    model = Autoencoder(*networks, scaling, 1.0)
    return plain.PlainTrainer(model, frames, frames[:4], plan)


@pytest.mark.parametrize("n_batches", [1, 16, 3 * 16 + 5])
def test_gathered_frames_are_those_of_the_order(digits, n_batches, monkeypatch):
    batch_size = 8
    monkeypatch.setattr(plain, "GATHERED_BYTES", 16 * batch_size * 64 * 4 + 1)  # 16 batches
    subject = trainer(digits[: batch_size * n_batches], batch_size)
    order = torch.randperm(len(subject.x_train), generator=torch.Generator().manual_seed(1))
    given = [frames.clone() for frames in subject.frames(order)]
    assert len(given) == n_batches
    assert torch.equal(torch.cat(given), subject.x_train[order])


def test_an_epoch_that_is_left_early_leaves_nothing_behind(digits):
    subject = trainer(digits, 8)
    frames = subject.frames(torch.arange(len(digits) // 8 * 8))
    next(frames)
    frames.close()
    again = next(subject.frames(torch.arange(8)))
    assert torch.equal(again, subject.x_train[:8])


def test_large_frames_are_gathered_in_few_places(digits, monkeypatch):
    subject = trainer(digits, 8)
    assert subject._gathered.nbytes <= 2 * plain.GATHERED_BYTES
    monkeypatch.setattr(plain, "GATHERED_BYTES", 1000)  # less than a batch
    assert trainer(digits, 8)._gathered.shape == (2, 8, 8, 8)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_learns_and_becomes_a_codec(digits, preset):
    codec = narrows.train(digits[:1400], preset=preset, latent_size=12, epochs=30)
    summary = codec.model.training
    losses = [record["val_loss"] for record in summary["history"]]
    assert len(losses) == 30
    assert losses[-1] < losses[0]
    assert summary["quantising_loss_db"] <= 0.1
    measured = evaluate(codec, digits[1400:])
    assert measured.psnr > 13.5  # the mean digit alone gives 10.8 dB
    last = summary["history"][summary["best_epoch"] - 1]
    assert measured.psnr == pytest.approx(last["psnr"], abs=1.0)
    assert last["bytes_per_signal"] is None


@pytest.mark.parametrize(
    ("preset", "shape"), [("dense-32", (28, 28)), ("dense-25", (20, 2)), ("dense-25-best", (64,))]
)
def test_a_preset_is_the_network_it_is_said_to_be(preset, shape):
    size, k = int(np.prod(shape)), PRESETS[preset].latent_size
    encoder, decoder = build_networks(shape, plan_of({"preset": preset}, (9, *shape), np.uint8))
    first, second = encoder[1], decoder[0]
    assert (first.in_features, first.out_features) == (size, k)
    assert (second.in_features, second.out_features) == (k, size)
    bound = (6 / (size + k)) ** 0.5  # Glorot-uniform
    for layer in (first, second):
        assert float(layer.weight.detach().abs().max()) <= bound
        assert float(layer.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.1)
        assert not layer.bias.any()
    kinds = {"relu": nn.ReLU, "elu": nn.ELU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}
    assert isinstance(encoder[2], kinds[PRESETS[preset].latent_activation])
    assert isinstance(decoder[1], kinds[PRESETS[preset].output_activation])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("preset", PRESETS)
def test_any_dtype_and_shape_works(preset, dtype):
    rng = np.random.default_rng(1)
    waves = np.sin(np.linspace(0, [6, 9, 14], 40).T * 2)
    x = rng.normal(size=(300, 3)) @ waves * 20 + (100 if dtype == "uint8" else -7)
    x = (np.clip(x.round(), 0, 255) if dtype == "uint8" else x).astype(dtype).reshape(-1, 20, 2)
    codec = narrows.train(x, preset=preset, latent_size=4, epochs=20, learning_rate=0.01)
    assert evaluate(codec, x).psnr > 15.0
    assert codec.model.training["freezing_loss_db"] <= 0.05


def test_a_preset_that_dies_goes_on_to_the_same_model(digits, tmp_path):
    settings = {"preset": "dense-25", "latent_size": 6, "epochs": 4, "corrupt": "noise:0.2"}
    whole = narrows.train(digits[:300], **settings)
    path = tmp_path / "c"
    with pytest.raises(Killed):
        narrows.train(digits[:300], **settings, checkpoint=path, stop=kill_at(20))
    resumed = narrows.train(digits[:300], **settings, checkpoint=path, resume=True)
    assert resumed.model_id == whole.model_id
    assert resumed.model.training["history"][0]["lambda"] is None


def test_the_steps_of_latents_follow_how_much_they_matter(digits):
    from narrows.training.architectures import Autoencoder
    from narrows.training.classic.latent_steps import choose_latent_steps
    from narrows.training.data.frames import scaled
    from narrows.training.data.scaling import unit_scaling_of

    torch.manual_seed(0)
    asked = {"preset": "dense-25-best", "latent_size": 3}
    networks = build_networks((8, 8), plan_of(asked, digits.shape, digits.dtype))
    with torch.no_grad():
        networks[1][0].weight[:, 1] *= 0.25
    scaling = unit_scaling_of(digits)
    model = Autoencoder(*networks, scaling, 1.0).eval()
    x = scaled(digits[:800], scaling)
    before = model.output(model.latents(x))
    assert choose_latent_steps(model, x[:600], x[600:]) <= 0.1
    gains = model.log_gain[0].exp()
    assert float(gains[1] / gains[0]) == pytest.approx(0.25, rel=0.5)
    torch.testing.assert_close(model.output(model.latents(x)), before, rtol=1e-3, atol=1e-4)


def test_sparse_latents_are_sparser(digits):
    def at(sparse):
        codec = narrows.train(
            digits[:1400], preset="dense-32", epochs=15, sparse=sparse, learning_rate=0.005
        )
        return np.mean(codec.encode(digits[1400:], effort=0) != 0)

    assert at(3e-3) < 0.8 * at(0.0)


@pytest.fixture(scope="module", params=[{"preset": "dense-25-best"}, {"latent_size": 12}], ids=str)
def undisturbed(request, digits):
    """Settings, and a codec that they train on undamaged digits."""
    settings = {"epochs": 20, "batch_size": 32, **request.param}
    return settings, narrows.train(digits[:1400], **settings)


@pytest.mark.parametrize("corrupt", ["noise:0.5", "mask:0.5"])
def test_a_denoising_autoencoder_undoes_what_it_was_trained_on(digits, corrupt, undisturbed):
    rng = np.random.default_rng(2)
    x = digits[1400:].astype(np.float32)
    if corrupt.startswith("mask"):
        damaged = x * (rng.random(x.shape) >= 0.5)
    else:
        damaged = x + rng.normal(size=x.shape).astype(np.float32) * 0.5 * 16
    damaged = np.clip(damaged.round(), 0, 255).astype(np.uint8)

    def mse(codec):
        return float(np.square(codec.decode(codec.encode(damaged, effort=0)) - x).mean())

    settings, plain = undisturbed
    denoising = narrows.train(digits[:1400], **settings, corrupt=corrupt)
    assert mse(denoising) < 0.95 * mse(plain)


def test_noise_has_the_deviation_and_masks_the_share_they_name():
    x, generator = torch.ones(400, 50), torch.Generator().manual_seed(0)
    noise = corrupted(x, "noise:0.3", 2.0, generator) - x
    assert float(noise.std()) == pytest.approx(0.6, rel=0.03)
    kept = corrupted(x, "mask:0.25", 2.0, generator)
    assert float((kept == 0).float().mean()) == pytest.approx(0.25, rel=0.05)
    assert set(kept.unique().tolist()) == {0.0, 1.0}


OWN = {
    "encoder": nn.Sequential(nn.Flatten(), nn.Linear(64, 8)),
    "decoder": nn.Sequential(nn.Linear(8, 64), nn.Unflatten(1, (8, 8))),
}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "dense-33"}, "unknown preset 'dense-33'; accepted are dense-32, dense-25"),
        ({"preset": "dense-32", "bits_per_latent": 3.0}, "no rate term"),
        ({"preset": "dense-32", "lambda_": 3.0}, "no rate term"),
        ({"preset": "dense-32", "architecture": "linear"}, "which is one"),
        ({"preset": "dense-25", "loss": "bce"}, "whose output is elu; give mse"),
        ({"preset": "dense-32", "loss": "l1"}, "give mse or bce"),
        ({"preset": "dense-32", **OWN}, "of your own"),
        ({"preset": "dense-32", "latent_size": 0}, "latent_size 0"),
        ({"preset": "dense-32", "latent_size": 65}, "latent_size 65"),
        (
            {"architecture": "linear", **OWN},
            "architecture linear, .* and networks of your own",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(digits, settings, message):
    with pytest.raises(SettingError, match=message):
        narrows.train(digits[:100], **settings, epochs=1)
