"""How a model came to be: what its file keeps of the training."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import torch

from narrows._version import __version__
from narrows.training.data.scaling import ranges_of
from narrows.training.freeze import TrainingSignals
from narrows.training.run import Outcome


def summary_of(signals: TrainingSignals, data_sha256: str, outcome: Outcome) -> dict[str, Any]:
    """Describe how the model came to be; the model file keeps it."""
    result, plan = outcome.result, outcome.plan
    start = {} if plan.started_from is None else {"started_from": plan.started_from}
    return {
        **start,
        "settings": plan.settings_as_json(),
        "plan": plan.as_json(),
        "why": plan.reasons,
        "too_short": plan.too_short or None,
        "signals": len(signals.train),
        "validation_signals": len(signals.validation),
        "data_sha256": data_sha256,
        "value_ranges": ranges_of(signals.train),
        "history": [record.as_json() for record in result.history],
        "best_epoch": result.best_epoch,
        "interrupted": result.interrupted,
        "threads": torch.get_num_threads(),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    return {
        "narrows": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
