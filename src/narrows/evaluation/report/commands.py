"""The command lines that made a model and its report, as far as they are known."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from narrows.evaluation.report.contents import Contents
from narrows.training.choices import BITS_PER_LATENT
from narrows.training.settings import SETTINGS, public_name

ALWAYS_TOLD = frozenset({"latent_size", "loss", "seed"})
"""Settings that are written even where they have their defaults."""


def train_command(settings: Mapping[str, Any], architecture: str, model_file: str) -> str:
    """Return the command that trains such a model; its file does not know the name of DATA."""
    usual = {public_name(name): setting.default for name, setting in SETTINGS.items()}
    usual["bits_per_latent"] = BITS_PER_LATENT
    in_python = {public_name(name) for name in SETTINGS if not SETTINGS[name].in_commands}
    words = ["narrows", "train", "DATA", "-o", model_file]
    for name, value in settings.items():
        at_rest = name not in ALWAYS_TOLD and value == usual.get(name, False)
        follows = name == "bits_per_latent" and settings.get("aim") is not None
        if name in in_python or value is None or at_rest or follows:
            continue
        option = ("no-" if value is False else "") + name.replace("_", "-")
        words += [f"--{option}"] if isinstance(value, bool) else [f"--{option}", f"{value}"]
    command = shlex.join(words)
    own = architecture == "custom"
    return command + ("   # and networks of one's own, from Python" if own else "")


def report_command(contents: Contents) -> str:
    """Return the command that makes this page."""
    words = ["narrows", "report", contents.data, "-m", contents.model_file]
    if contents.labels_file is not None:
        words += ["--labels", contents.labels_file]
    if contents.train_file is not None:
        words += ["--train", contents.train_file]
    if len(contents.x) < contents.all_signals:
        words += ["--signals", str(len(contents.x))]
    return shlex.join(words)
