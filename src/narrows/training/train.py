"""`narrows.train`: signals in, finished codec out."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from narrows.clock import Clock
from narrows.errors import SettingError
from narrows.signals.inputs import TrainingSamples
from narrows.training.architectures import BUILDERS, Autoencoder, Scaling, classic
from narrows.training.choices import CLASSIC, IN_CLOSED_FORM
from narrows.training.closed_form.linear_start import start_linear
from narrows.training.contest import Contest, is_open
from narrows.training.data.in_order import in_order_of
from narrows.training.finer import in_contexts_if_better
from narrows.training.finishing import finished
from narrows.training.freeze import TrainingSignals, codec_of, fitting_seconds
from narrows.training.freeze.with_levels import check_levels_for, with_levels
from narrows.training.loop.checkpoint import Checkpoint
from narrows.training.plan import Plan
from narrows.training.preparing import Networks, Prepared, check_shares, prepare
from narrows.training.presets import PRESETS
from narrows.training.ranks import ALONE, Ranks
from narrows.training.reached import Reached
from narrows.training.run import Supervision, Task, planned, run_training
from narrows.training.settings import TrainingSettings, completed
from narrows.training.small_pictures import convolved, may_be_convolved, with_enough_updates
from narrows.training.solved import Solver
from narrows.training.start import Beginning, beginning_of
from narrows.training.torch_modes import device_named, usual_modes

if TYPE_CHECKING:
    from narrows.codec.codec import Codec
    from narrows.training.contest import Trained


FIRST_GAIN_RATIO = 1.25  # between neighbouring qualities
LOG = logging.getLogger(__name__)  # of level DEBUG is what begins now, for a progress bar


@usual_modes()
def train_codec(
    samples: TrainingSamples,
    settings: TrainingSettings,
    encoder: nn.Module | None = None,
    supervision: Supervision | None = None,
    start: Codec | None = None,
) -> Codec:
    """Train on signals and freeze; see `narrows.train`."""
    supervision = supervision or Supervision()
    own, settings = _own_networks(encoder, settings)
    beginning = None
    if start is not None:
        if own is not None:
            raise SettingError(
                f"networks of your own, and model {start.model_id[:8]} to go on from, which has "
                "some; give one of the two"
            )
        beginning = beginning_of(start, settings)
        settings = beginning.start.settings
    in_closed_form = completed(settings)["architecture"] in IN_CLOSED_FORM
    kept = None if in_closed_form else supervision.find_checkpoint()
    prepared = prepare(samples, settings, own, beginning)
    if completed(settings)["levels"]:
        check_levels_for(prepared.signals.train, completed(settings)["max_error"])
    supervision.clock.lap("preparing")
    ranks, begins = supervision.ranks, own or beginning
    check_shares(ranks, prepared.plan, prepared.fingerprints)
    if ranks.size == 1:
        return _made(prepared, samples, settings, begins, supervision, kept)
    if ranks.is_first:
        codec = _made(prepared, samples, settings, begins, supervision, kept)
        return codec_of(ranks.shared(codec.model_bytes))
    has_networks = ranks.first(0.0)
    if has_networks:
        run_training(_task(prepared, begins, None, ranks), supervision, kept)
    return codec_of(ranks.shared(b""))


def _own_networks(
    encoder: nn.Module | None, settings: TrainingSettings
) -> tuple[Networks | None, TrainingSettings]:
    """Return networks of the user's own, and the settings without them."""
    decoder = settings.get("decoder")
    if encoder is not None and isinstance(decoder, nn.Module):
        return (encoder, decoder), {**settings, "decoder": None}
    if encoder is not None or isinstance(decoder, nn.Module):
        raise SettingError("an encoder of your own needs a decoder of your own; give both")
    return None, settings


def _made(
    prepared: Prepared,
    samples: TrainingSamples,
    settings: TrainingSettings,
    begins: Networks | Beginning | None,
    supervision: Supervision,
    kept: Checkpoint | None,
) -> Codec:
    """Train, solve, or do both and choose; other processes share the training of networks."""
    clock, told, ranks = supervision.clock, dict(samples.about), supervision.ranks
    contest = None
    if begins is None and is_open(settings, prepared.plan, prepared.signals.train[0].size):
        contest = Contest(prepared, settings, in_order_of(samples, prepared.plan.seed), clock)
    plan, codec, reached = _best(prepared, begins, contest, supervision, kept)
    if contest is not None and contest.figures:
        told["candidates"] = contest.candidates
        told["why"] = {**codec.model.training["why"], "architecture": contest.reason}
    for line in reached.lines(plan):
        LOG.info("%s", line)
    clock.lap("measuring")
    if plan.settings["levels"]:
        asked = plan.settings
        codec = with_levels(codec, prepared.signals.train, asked["seed"], asked["max_error"],
                            augment=asked["augment"])  # fmt: skip
        clock.lap("levels")
    told |= {"reached": asdict(reached), **clock.as_json()}
    if ranks.size > 1:
        told["processes"] = ranks.size
    return type(codec)(replace(codec.model, training={**codec.model.training, **told}))


def _best(
    prepared: Prepared,
    begins: Networks | Beginning | None,
    contest: Contest | None,
    supervision: Supervision,
    kept: Checkpoint | None,
) -> Trained:
    """Train networks or solve, whichever was asked for; in a contest, both where it is open."""
    ranks, clock = supervision.ranks, supervision.clock
    in_closed_form = prepared.plan.architecture in IN_CLOSED_FORM
    is_settled = contest is not None and contest.is_settled()
    ranks.first(not in_closed_form and not is_settled)
    if in_closed_form:
        return prepared.plan, *Solver(prepared, prepared.plan, clock).solve()
    if contest is not None and is_settled:
        return contest.winner()
    if contest is not None and ranks.size == 1:
        prepared = _with_networks(prepared, contest, kept, clock)
    outcome = run_training(_task(prepared, begins, contest, ranks), supervision, kept)
    if outcome is None:
        assert contest is not None  # who asks for networks gets them, however short the time
        return contest.winner()
    name = _architecture(outcome.plan, begins)
    codec = finished(outcome, prepared, name, clock)
    LOG.debug("measuring what was reached")
    signals = prepared.signals
    reached = Reached.by(codec, signals, signals, prepared.scaling.scale)
    if not outcome.result.interrupted:
        codec, reached = in_contexts_if_better(codec, reached, outcome.plan, prepared)
        clock.lap("context model")
    networks = outcome.plan, codec, reached
    if contest is None or outcome.result.interrupted:
        return networks
    return contest.winner(name, networks)


def _with_networks(
    prepared: Prepared, contest: Contest, kept: Checkpoint | None, clock: Clock
) -> Prepared:
    """Choose between networks for pictures by the time there is; those of a checkpoint stay."""
    if not may_be_convolved(prepared):
        return prepared
    if kept is not None:
        return convolved(prepared) if kept.plan.architecture == "conv" else prepared
    return with_enough_updates(
        prepared, lambda other: planned(_task(other, None, contest, ALONE), clock)
    )


def _architecture(plan: Plan, begins: Networks | Beginning | None) -> str:
    """Return the name that a model file has for networks."""
    is_custom = begins.is_custom if isinstance(begins, Beginning) else begins is not None
    return "custom" if is_custom else plan.architecture


def _task(
    prepared: Prepared,
    begins: Networks | Beginning | None,
    contest: Contest | None,
    ranks: Ranks,
) -> Task:
    signals, plan = prepared.signals, prepared.plan

    def fitting(n: int, k: int, n_qualities: int) -> float:
        others = 0.0 if contest is None else contest.seconds_to_come()
        return fitting_seconds(n, k, n_qualities) + others

    def is_worth_it(planned: Plan) -> bool:  # several processes have agreed to train
        return contest is None or ranks.size > 1 or contest.is_worth_it(planned)

    missing = signals.missing_train, signals.missing_validation
    device = ranks.device(_device(plan.settings["device"]))
    networks = _on_device(signals, prepared.scaling, plan, begins, device)
    return Task(*networks, plan, prepared.fingerprints, fitting, is_worth_it, *missing, ranks)


def _on_device(
    signals: TrainingSignals,
    scaling: Scaling,
    plan: Plan,
    begins: Networks | Beginning | None,
    device: torch.device,
) -> tuple[Autoencoder, Tensor, Tensor]:
    """Build the networks, unless they are given, and bring everything to the device."""
    if isinstance(begins, Beginning):
        model = begins.thawed.autoencoder(scaling, plan.latent_scale)
    else:
        encoder, decoder = begins or build_networks(signals.train.shape[1:], plan)
        both = nn.Sequential(encoder), nn.Sequential(decoder)
        model = Autoencoder(*both, scaling, plan.latent_scale, *_first_gains(plan))
    if plan.starts_linear:
        LOG.debug("finding principal components, to begin with")
        start_linear(model, signals.scaled_train, plan.aimed_bits, signals.missing_train)
    frames = signals.scaled_train, signals.scaled_validation
    model.to(device, torch.float32)  # networks of one's own may have been made in another dtype
    return model, frames[0].to(device), frames[1].to(device)


def _first_gains(plan: Plan) -> tuple[Tensor | None, Tensor | None]:
    """Make the logarithms of gains and steps, `(n_qualities, k)`, if there are several."""
    if plan.qualities == 1:
        return None, None
    gains = torch.tensor(plan.of_qualities(1.0, FIRST_GAIN_RATIO))
    log_gain = gains.log()[:, None].repeat(1, plan.latent_size)
    return log_gain, -log_gain


def build_networks(frame_shape: tuple[int, ...], plan: Plan) -> tuple[nn.Sequential, nn.Sequential]:
    """Make encoder and decoder, with weights drawn by the seed, for frames of a shape."""
    generator = torch.Generator().manual_seed(plan.seed)
    if plan.method == CLASSIC:
        preset = PRESETS[plan.settings["preset"]]
        activations = preset.latent_activation, preset.output_activation
        return classic(frame_shape, plan.latent_size, generator, *activations)
    kind: dict[str, Any] = {"sigmoid_output": plan.loss == "bce", "width": plan.width}
    if plan.architecture == "conv":
        kind["decoder"] = plan.decoder
    return BUILDERS[plan.architecture](frame_shape, plan.latent_size, generator, **kind)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return device_named(name, torch.float32, "cpu or auto")
