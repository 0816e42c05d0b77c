"""Checkpoints: a run after an epoch, in one file that holds no code.

Safetensors layout; one metadata key, `narrows-checkpoint`, holds canonical JSON. A checkpoint is
good for the run that wrote it, so there is no format to keep reading: `VERSION` must match.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy
import torch

from narrows.errors import FormatError, OutputExistsError, SettingError
from narrows.files import replacing
from narrows.training.loop.state import EpochRecord, TrainingState
from narrows.training.plan import Plan

VERSION = 1
METADATA_KEY = "narrows-checkpoint"
HISTORY = "history"
UNREADABLE = (safetensors.SafetensorError, ValueError, LookupError, TypeError, RecursionError)
LOG = logging.getLogger(__name__)
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run after an epoch."""

    run: dict[str, Any]
    """What a run must have in common with this one to continue it, as JSON: settings, signals,
    networks, device, threads, versions."""
    machine: str  # the processor: another one may round last bits differently
    plan: Plan
    seconds: float  # of the run so far, preparation included
    state: TrainingState


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the file appears whole or stays what it was."""
    state = checkpoint.state
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.tensors.items()}
    # Epochs are exact in float64, None becomes NaN, and infinities have no place in JSON.
    arrays[HISTORY] = np.array([astuple(record) for record in state.history], dtype=np.float64)
    content = {
        "version": VERSION,
        "run": checkpoint.run,
        "machine": checkpoint.machine,
        "plan": asdict(checkpoint.plan),
        "seconds": checkpoint.seconds,
        "epoch": len(state.history),
        "best_epoch": state.best_epoch,
        "log_lambdas": state.log_lambdas,
    }
    arrays = {name: _portable(array) for name, array in arrays.items()}
    content["sha256"] = _digest(content, arrays)
    data = safetensors.numpy.save(arrays, {METADATA_KEY: _canonical(content)})
    try:
        with replacing(path, private=True) as stream:
            stream.write(data)
    except OSError as error:
        reason = f"no checkpoint written: {error.strerror}"
        raise OSError(error.errno, reason, str(path)) from None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Raises
    ------
    FormatError
        If the file is damaged, or no checkpoint of this version.
    """
    try:
        return _read(path)
    except FormatError as error:
        raise FormatError(
            f"{path}: {error}; give -f (force=True) without --resume to start anew"
        ) from None


def _read(path: Path) -> Checkpoint:
    try:
        with safetensors.safe_open(path, "numpy") as file:
            content = json.loads(file.metadata()[METADATA_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        version, digest = content["version"], content.pop("sha256")
    except UNREADABLE:
        raise FormatError("not a narrows checkpoint, or a damaged one") from None
    if version != VERSION:
        raise FormatError(f"checkpoint of version {version!r}, not {VERSION}")
    if _digest(content, arrays) != digest:
        raise FormatError("damaged checkpoint: its checksum does not match")
    history = [_record(row) for row in arrays.pop(HISTORY).tolist()]
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return Checkpoint(
        run=content["run"],
        machine=content["machine"],
        plan=Plan(**content["plan"]),
        seconds=content["seconds"],
        state=TrainingState(history, content["best_epoch"], content["log_lambdas"], tensors),
    )


def _record(row: list[float]) -> EpochRecord:
    epoch, epochs, *rest = (None if math.isnan(value) else value for value in row)
    return EpochRecord(int(epoch or 0), int(epochs or 0), *rest)  # type: ignore[arg-type]


def find_checkpoint(path: Path, *, resume: bool, force: bool) -> Checkpoint | None:
    """Return the checkpoint to go on from, or None for a run from the beginning.

    Raises
    ------
    OutputExistsError
        If there is one, and neither to go on from it nor to start anew was asked for.
    FormatError
        If it is damaged.
    """
    if not path.exists():
        if resume:
            LOG.info("no checkpoint %s: starting from the beginning", path)
        return None
    if resume:
        return read_checkpoint(path)
    if not force:
        raise OutputExistsError(
            f"{path} holds an unfinished run; give --resume (resume=True) to go on with it, "
            "or -f (force=True) to start anew"
        )
    return None


def check_same_run(path: Path, was: Mapping[str, Any], is_: Mapping[str, Any]) -> None:
    """Raise SettingError, naming each difference, unless a run is the one of a checkpoint."""
    differences = [
        f"{name} was {_shown(was.get(name))} and is {_shown(is_.get(name))}"
        for name in {**is_, **was}
        if was.get(name) != is_.get(name)
    ]
    if differences:
        raise SettingError(
            f"{path} is of another run: {', '.join(differences)}; give what it was, or "
            "-f (force=True) without --resume to start anew"
        )


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)


def _digest(content: Mapping[str, Any], arrays: Arrays) -> str:
    """Hash the content of a checkpoint."""
    digest = sha256(_canonical(content).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{name} {array.dtype.str} {list(array.shape)}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _portable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make an array C-contiguous and little-endian: safetensors writes others wrongly."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
