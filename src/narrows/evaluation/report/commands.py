"""The command lines that made a model and its report, as far as they are known."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from narrows.evaluation.report.contents import Contents

PYTHON_ONLY = frozenset({"patience"})
"""Settings that the command line does not have."""
TOLD = frozenset({"latent_size", "loss", "seed"})
"""Settings that are told though they are the usual ones."""


def train_command(settings: Mapping[str, Any], architecture: str, model_file: str) -> str:
    """Write the command that trains such a model; DATA is what the model file does not know."""
    from narrows.training.settings import TrainingSettings

    usual = TrainingSettings().as_json()
    words = ["narrows", "train", "DATA", "-o", model_file]
    for name, value in settings.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        at_rest = name not in TOLD and (not value or value == usual.get(name))
        if name in PYTHON_ONLY or value is None or at_rest:
            continue
        words += [option] if value is True else [option, f"{value}"]
    command = shlex.join(words)
    own = architecture == "custom"
    return command + ("   # and networks of one's own, from Python" if own else "")


def report_command(contents: Contents) -> str:
    """Write the command that makes this page."""
    words = ["narrows", "report", contents.data, "-m", contents.model_file]
    if contents.labels_file is not None:
        words += ["--labels", contents.labels_file]
    if contents.train_file is not None:
        words += ["--train", contents.train_file]
    return shlex.join(words)
